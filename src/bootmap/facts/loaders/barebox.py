"""barebox on 32-bit ARM: by which numbers ``bootm`` places things, and what changed.

Releases are those in which a change first shipped; the commit is named where one made it.

Source: arch/arm/lib32/bootm.c ``get_kernel_addresses``, ``__do_bootm_linux``; drivers/of/fdt.c ``of_flatten_dtb``;
lib/libfile.c ``file_to_sdram`` of 2021.01 to 2026.06.
"""

from __future__ import annotations

from bootmap.facts.loaders.uboot import Release, ReleaseChange
from bootmap.units import KIB, MIB

OLDEST_BAREBOX: Release = (2020, 12)
"""The first whose ``get_kernel_addresses`` is as it is modelled (commit ca4292daf6)."""

BAREBOX_CHANGES = (
    ReleaseChange(
        "reserves_own_tree",
        "what the kernel's tree reserves has the tree too: where it was made, in barebox's heap",
        "drivers/of/fdt.c fdt_add_reserve_map (0b6b146a55)", until=(2023, 11),
    ),
    ReleaseChange(
        "keeps_reserved_memory", "reserved memory of barebox's own tree is kept free",
        "drivers/of/reserved-mem.c (afae0a8e65)", since=(2022, 8),
    ),
    ReleaseChange(
        "psci_is_smc", "the PSCI that it names is called by smc, whatever is true",
        "arch/arm/cpu/psci-of.c of_psci_fixup (fdcfd76ee4)", until=(2022, 11),
    ),
    ReleaseChange(
        "psci_by_compatible", "a PSCI node is looked for by what it is, not by its name",
        "arch/arm/cpu/psci-of.c find_or_create_psci_node (cf7bdbf85b)", since=(2025, 2),
    ),
    ReleaseChange(
        "efi_zimages_apart",
        "a zImage with the EFI stub is started by barebox's UEFI, where that is built in",
        "common/filetype.c (0fca24055c), common/bootm.c bootm_efi_check_image", since=(2026, 1),
    ),
    ReleaseChange(
        "efi_zimages_unhandled",
        "nothing else starts a zImage with the EFI stub; 2026.06.1 does again (FIXED_PATCH)",
        "arch/arm/lib32/bootm.c zimage_handler (f06425b6aa)", since=(2026, 1), until=(2026, 7),
    ),
    ReleaseChange(
        "says_where_initrd_is", "a line of its own says where the ramdisk is",
        "common/bootm.c bootm_load_initrd (gone with b62b21eddf)", until=(2026, 2),
    ),
    ReleaseChange(
        "one_gap",
        "ramdisk and tree must lie in the free memory in which the ramdisk's address is",
        "arch/arm/lib32/bootm.c __do_bootm_linux (a08727d992)", since=(2026, 3),
    ),
    ReleaseChange(
        "whole_gap",
        "while a file is read all the room up to the limit is requested, not 128 KiB more than was read",
        "lib/loadable.c loadable_extract_into_sdram_all (ec04223bc3)", since=(2026, 4),
    ),
)
BAREBOX_CHANGES_BY_NAME = {change.name: change for change in BAREBOX_CHANGES}

FIXED_PATCH = ((2026, 6), 1)
"""The first release and patch level that starts a zImage with the EFI stub without UEFI again."""
RATIO = 5
"""A zImage is taken to unpack to so many times its size."""
LEAST_UNPACKED = 32 * MIB
"""... and to at least this where there are LEAST_RAM bytes of free memory."""
LEAST_RAM = 64 * MIB
SPACING = MIB
"""Bytes behind the kernel that stay free."""
FAR_RAM = 256 * MIB
"""With more free memory than this, ramdisk and tree lie at least FAR bytes into RAM."""
FAR = 128 * MIB
CHUNK = 128 * KIB
"""A file is read in parts of this, each requested before it is read."""
RESERVE_MAP = 16
"""Entries that a tree has room for (OF_MAX_RESERVE_MAP), the last and the one before not used."""
OWN_SIZE = 6 * MIB
"""What barebox takes at the end of RAM, as built for QEMU's virt machine (2022.03 to 2026.06: 3 to 6 MiB); other builds
differ."""
MALLOC_MOST = 1024 * MIB
"""Half of what is below barebox is its heap, at most so much (CONFIG_MALLOC_SIZE=0; common defconfigs say so, others
have a number)."""
