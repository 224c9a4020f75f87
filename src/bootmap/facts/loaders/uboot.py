"""U-Boot on 32-bit ARM: what changed in the way it places kernel, ramdisk and device tree, and its boards' numbers.

Releases are those in which a change first shipped; the commit is named where one made it.
"""

from __future__ import annotations

from msgspec import Struct

from bootmap.units import KIB, MIB

Release = tuple[int, int]
"""(2023, 1) for 2023.01."""

OLDEST: Release = (2013, 7)
"""The first release with boot_relocate_fdt() as it is modelled (commit 13d06981a98)."""


class ReleaseChange(Struct, frozen=True):
    """One way in which U-Boot differs between releases.

    Attributes:
        name: what code calls it.
        summary: what U-Boot does since then.
        since: first release with it; None for "from the beginning".
        until: first release without it; None for "to this day".
        source: file and function, and the commit that made it.
    """

    name: str
    summary: str
    source: str
    since: Release | None = None
    until: Release | None = None

    def covers(self, release: Release) -> bool:
        """Whether ``release`` does so."""
        return (self.since is None or release >= self.since) and (self.until is None or release < self.until)


CHANGES = (
    ReleaseChange(
        "global_lmb",
        "one memory map lives from start to boot; bootm_low and bootm_size do not limit it, only the highest address",
        "lib/lmb.c (ed17a33fed2)", since=(2025, 1),
    ),
    ReleaseChange(
        "lmb_keeps_room_for_stack",
        "the reservation begins CONFIG_STACK_SIZE below the stack that U-Boot started with",
        "lib/lmb.c lmb_reserve_uboot_region (6534d26ee9a)", since=(2025, 1),
    ),
    ReleaseChange(
        "lmb_subset_is_fine", "what lies in a region with the same flags is reserved already",
        "lib/lmb.c lmb_add_region_flags (0d91c88230f)", since=(2023, 4), until=(2025, 1),
    ),
    ReleaseChange(
        "lmb_joins_overlaps", "a region that was made larger takes in what it then overlaps, or says that it cannot be",
        "lib/lmb.c lmb_fix_over_lap_regions (edb5824be17)", since=(2024, 1), until=(2025, 1),
    ),
    ReleaseChange(
        "lmb_flags_from_bit_0",
        "flags have half their values, and bdinfo calls each by the next one's name",
        "include/lmb.h (3d56c06551d); lib/lmb.c lmb_print_region_flags", since=(2025, 4), until=(2025, 7),
    ),
    ReleaseChange(
        "lmb_keeps_ram_above_top",
        "banks above the one that U-Boot is in are reserved",
        "lib/lmb.c lmb_add_memory (eb052cbb896; gone with a3075db94d4, but for LMB_LIMIT_DMA_BELOW_RAM_TOP)",
        since=(2025, 1), until=(2026, 7),
    ),
    ReleaseChange(
        "lmb_16k_below_sp",
        "the reservation begins 16 KiB below the stack pointer, before 4 KiB",
        "arch/arm/lib/stack.c arch_lmb_reserve (1274698d13c)", since=(2022, 1), until=(2025, 1),
    ),
    ReleaseChange(
        "lmb_flags",
        "regions have flags; those that differ do not join",
        "lib/lmb.c lmb_add_region_flags (59c0ea5df33)", since=(2021, 10),
    ),
    ReleaseChange(
        "lmb_efi",
        "what EFI_LOADER does not have as free memory is reserved too",
        "lib/lmb.c efi_lmb_reserve (06d514d77c3; gone with 596516d3301)", since=(2023, 1), until=(2025, 1),
    ),
    ReleaseChange(
        "lmb_16_regions", "a list holds 16 regions, before 8", "lib/Kconfig LMB_MAX_REGIONS (2dc16a2c1f9)",
        since=(2023, 4), until=(2025, 1),
    ),
    ReleaseChange(
        "lmb_resizes",
        "a reservation that overlaps others grows them, unless a flag forbids it",
        "lib/lmb.c lmb_resize_regions (5e9553cc72b)", since=(2025, 1),
    ),
    ReleaseChange(
        "lmb_checks_first",
        "a reservation is refused before anything is changed, where it overlaps one with a flag or has one",
        "lib/lmb.c lmb_overlap_checks (7aa19c3667d, 56f186a68b3)", since=(2025, 7),
    ),
    ReleaseChange(
        "lmb_goes_on_past_flags",
        "the search for a neighbour below goes on where its flags differ; overlaps of the joined regions are resized",
        "lib/lmb.c lmb_regions_check (fa5b4f5a5f9)", since=(2025, 7),
    ),
    ReleaseChange(
        "lmb_alloc_mem",
        "a failed reservation ends the command",
        "lib/lmb.c lmb_alloc_mem (9d37a3d6e8b)", since=(2025, 10),
    ),
    ReleaseChange(
        "lmb_says_failed", "a failed allocation is printed", "lib/lmb.c lmb_alloc_base (gone with 2bf5811e22e)",
        until=(2025, 7),
    ),
    ReleaseChange(
        "zstd_failure_is_seen", "a kernel that zstd cannot unpack is not started", "lib/zstd/zstd.c (4b9b25d943f)",
        since=(2023, 4),
    ),
    ReleaseChange(
        "says_image_too_large", "names CONFIG_SYS_BOOTM_LEN where a kernel is larger",
        "boot/image.c image_decomp (3078766134a)", since=(2024, 10),
    ),
    ReleaseChange(
        "load_spares_reserved", "no file is read from a disk over what is reserved, or where no RAM is",
        "fs/fs.c fs_read_lmb_check (aa3c609e2be)", since=(2019, 4),
    ),
    ReleaseChange(
        "fdt_areas_no_overwrite",
        "reserved memory of the tree has a flag that keeps allocations from joining it",
        "boot/image-fdt.c boot_fdt_add_mem_rsv_regions (827dee587b7)", since=(2025, 1),
    ),
    ReleaseChange(
        "fdt_areas_again_is_fine",
        "an area that is reserved already is passed over in silence",
        "boot/image-fdt.c boot_fdt_reserve_region (5a6aa7d5913; gone with 623f6c5b6ab)",
        since=(2025, 1), until=(2026, 10),
    ),
    ReleaseChange(
        "fdt_areas_not_in_ram_are_fine",
        "an area that does not lie in one bank as a whole is passed over in silence",
        "boot/image-fdt.c boot_fdt_reserve_region (9d37a3d6e8b; gone with 623f6c5b6ab)",
        since=(2025, 10), until=(2026, 10),
    ),
    ReleaseChange(
        "fdt_areas_say_error", "the message for an area that could not be reserved ends with the error's number",
        "boot/image-fdt.c boot_fdt_handle_region (623f6c5b6ab)", since=(2026, 10),
    ),
    ReleaseChange(
        "fdt_areas_replaced",
        "the areas of U-Boot's own tree are freed before those of the kernel's are reserved",
        "boot/image-fdt.c boot_fdt_add_mem_rsv_regions (623f6c5b6ab)", since=(2026, 10),
    ),
    ReleaseChange(
        "fdt_areas_outside_ram_pass",
        "an area that lies outside RAM as a whole is passed over in silence",
        "boot/image-fdt.c; seen in Debian's 2026.10-rc5, not yet in the source of 2026.10-rc2", since=(2026, 10),
    ),
    ReleaseChange(
        "fdt_by_bank",
        "the tree is placed bank by bank, below the bank's end or the mapped size",
        "boot/image-fdt.c boot_relocate_fdt (a96d5657253)", since=(2022, 7),
    ),
    ReleaseChange(
        "fdt_mapsize_from_low",
        "the mapped size counts from bootm_low, not from the bank's start",
        "boot/image-fdt.c boot_relocate_fdt (d545fe3b82c)", since=(2024, 7),
    ),
    ReleaseChange(
        "fdt_in_place_warns", "fdt_high=~0 prints a warning", "boot/image-fdt.c boot_relocate_fdt (9235da9446e)",
        since=(2026, 4),
    ),
    ReleaseChange(
        "fdt_room_for_initrd",
        "with a ramdisk the tree's size is that of its contents and 128 bytes more, which are left",
        "boot/image-fdt.c image_setup_libfdt FDT_RAMDISK_OVERHEAD (83cd8fb13cd)", until=(2024, 4),
    ),
    ReleaseChange(
        "fdt_initrd_before_shrinking",
        "the ramdisk is told of before the tree is shrunk, before after",
        "boot/image-fdt.c image_setup_libfdt (f2cbe6e43e1)", since=(2024, 4),
    ),
    ReleaseChange(
        "fdt_says_version", "/chosen gets u-boot,version", "boot/fdt_support.c fdt_chosen (622ecee93a6)",
        since=(2022, 7),
    ),
    ReleaseChange(
        "fdt_says_smbios", "/chosen gets smbios3-entrypoint", "boot/fdt_support.c fdt_chosen (209bbc4e003)",
        since=(2026, 1),
    ),
    ReleaseChange(
        "fit_fdt_checked", "stops where a FIT's tree could not be loaded", "common/image-fdt.c boot_get_fdt",
        since=(2021, 4),
    ),
    ReleaseChange(
        "fit_fdt_says_configuration", "/chosen gets u-boot,bootconf", "boot/image-fdt.c (5f2d5915f8e)", since=(2022, 7),
    ),
    ReleaseChange(
        "fit_says_phase", "names the phase of a FIT's part", "boot/image-fit.c fit_image_load (5fb647c83ef)",
        since=(2025, 4),
    ),
    ReleaseChange(
        "says_resetting", "says that it resets the board in a line of its own", "boot/bootm.c (6443a3dad53)",
        since=(2024, 4),
    ),
    ReleaseChange(
        "fit_fdt_aligned", "a FIT's tree that is not on a multiple of 8 is copied to the heap",
        "boot/image-fit.c fit_image_load (8fbcc0e0e83)", since=(2026, 4),
    ),
    ReleaseChange(
        "says_working_fdt", "prints where the tree that it works on is", "cmd/fdt.c set_working_fdt_addr",
        since=(2023, 1),
    ),
    ReleaseChange(
        "resets_without_fdt", "a tree that cannot be placed resets the board, before it hangs",
        "arch/arm/lib/bootm.c boot_prep_linux", since=(2021, 7),
    ),
    ReleaseChange(
        "check_overlap",
        "one function looks for overlaps, and is given the tree's size where its end was meant",
        "boot/bootm.c check_overlap (65f0bfe28ac)", since=(2024, 4),
    ),
    ReleaseChange(
        "memmove_forward_if_clear",
        "copies from the front where the places do not overlap; before, from the back whenever it copies upwards",
        "lib/string.c memmove (976a68a20d3)", since=(2021, 4),
    ),
    ReleaseChange(
        "check_overlap_before_end",
        "a tree that begins where the kernel ends does not overlap it",
        "boot/bootm.c bootm_find_images (5acfdfbd43b)", since=(2022, 10),
    ),
    ReleaseChange(
        "says_load_address", "prints where the kernel is loaded", "boot/image.c print_decomp_msg (30ad6366c0e)",
        since=(2023, 4),
    ),
    ReleaseChange(
        "kaslr_seed", "looks for a random number generator for kaslr-seed", "boot/fdt_support.c fdt_kaslrseed",
        since=(2024, 10),
    ),
)

CHANGES_BY_NAME = {change.name: change for change in CHANGES}

ALLOC_ALIGN = 4 * KIB
"""Ramdisk and tree begin on a multiple of this (boot_ramdisk_high, boot_relocate_fdt)."""
IN_PLACE = 0xFFFFFFFF
"""fdt_high or initrd_high with this value: it stays where it was loaded."""
FDT_PAD = 0x3000
"""CONFIG_SYS_FDT_PAD, bytes by which the tree grows; its default, and that of nearly every board."""
RAMDISK_OVERHEAD = 0x80
"""FDT_RAMDISK_OVERHEAD in bytes."""
LEAST_BOOTM_LEN = 8 * MIB
"""CONFIG_SYS_BOOTM_LEN in bytes, by default (boot/Kconfig; i.MX6, i.MX7 have twice that)."""
TOO_LARGE: dict[str, tuple[tuple[str, ...], int]] = {
    "none": ((), -28),
    "gzip": (("Error: inflate() returned -5",), -1),
    "bzip2": ((), -8),
    "lzma": ((), 7),
    "lzo": ((), -5),
    "lz4": ((), -71),
    "zstd": (("zstd_decompress: failed to decompress: 70",), -22),
}
"""What is said of a kernel larger than CONFIG_SYS_BOOTM_LEN, and the error's number (boot/bootm.c handle_decomp_error;
before 2024.10).  lz4's is -105 where a block that is stored as it is does
not fit."""
ZSTD_TOO_LARGE = 7
"""The error of zstd's before 2023.04, which is taken for the length (lib/zstd/zstd.c returns it without a sign)."""
STACK_SIZE = 16 * MIB
"""CONFIG_STACK_SIZE in bytes (its default)."""
NO_MAP, NO_OVERWRITE, NO_NOTIFY = 2, 4, 8
"""Flags of a region since 2025.01 (include/lmb.h); before, no-map was 4 and there was no other.  In 2025.04 they
are half of that ("lmb_flags_from_bit_0")."""
OLD_NO_MAP = 4


class Build(Struct, frozen=True):
    """What only a build of U-Boot decides and no command shows.

    Attributes:
        name: the board, as the variable ``board`` has it.
        sdram_base: CFG_SYS_SDRAM_BASE, what bootm_low is by default; None to take the first bank.
        bootmapsz: CFG_SYS_BOOTMAPSZ, what bootm_mapsize is by default, in bytes; None where it is not set.
        phys_64bit: addresses have 64 bits (CONFIG_PHYS_64BIT).
        smbios: it makes SMBIOS tables, and tells where since 2026.01.
        random_numbers: there is a random number generator, for kaslr-seed.
        bootm_len: CONFIG_SYS_BOOTM_LEN, bytes that bootm copies or unpacks at most; None where it is not known.
        packings: what bootm can unpack; None where it is not known.
        source: where it is seen.
    """

    name: str
    sdram_base: int | None = None
    bootmapsz: int | None = None
    phys_64bit: bool = False
    random_numbers: bool = False
    smbios: bool = False
    bootm_len: int | None = None
    packings: tuple[str, ...] | None = None
    source: str = ""


_256M = 256 * MIB
BUILDS = (
    Build("qemu-arm", 0x40000000, smbios=True, bootm_len=64 * MIB, packings=("gzip",),
          source="include/configs/qemu-arm.h, qemu_arm_defconfig (2021.01 to 2026.10)"),
    Build("cm_fx6", bootmapsz=8 * MIB, source="include/configs/cm_fx6.h (2014.10 to 2026.10)"),
    Build("tbs2910", bootmapsz=_256M, source="include/configs/tbs2910.h (2015.01 to 2026.10)"),
    Build("bx50v3", bootmapsz=_256M, source="include/configs/ge_bx50v3.h (2020.04 to 2026.10)"),
    Build("mx53ppd", bootmapsz=_256M, source="include/configs/mx53ppd.h (2023.01 to 2026.10)"),
    Build("ls1021atwr", bootmapsz=_256M, source="include/configs/ls1021atwr.h (2020.04 to 2026.10)"),
    Build("ls1021aqds", bootmapsz=_256M, source="include/configs/ls1021aqds.h (2023.01 to 2026.10)"),
    Build("ls1021atsn", bootmapsz=_256M, source="include/configs/ls1021atsn.h (2023.01 to 2026.10)"),
    Build("ls1021aiot", bootmapsz=_256M, source="include/configs/ls1021aiot.h (2023.01 to 2026.10)"),
    Build("highbank", bootmapsz=16 * MIB, source="include/configs/highbank.h (2011.12 to 2026.10)"),
    Build("stm32mp1", bootmapsz=_256M, source="include/configs/stm32mp15_common.h (2022.01 to 2026.10)"),
)
"""By the variable ``board``; all of Tegra has CFG_SYS_BOOTMAPSZ = 256 MiB too (tegra-common.h), by ``soc``."""
SOC_BUILDS = {
    soc: Build(soc, bootmapsz=_256M, source="include/configs/tegra-common.h (2013.04 to 2026.10)")
    for soc in ("tegra20", "tegra30", "tegra114", "tegra124")
}
BUILDS_BY_NAME = {build.name: build for build in BUILDS}

OWN_ROOM = 32 * MIB
"""What U-Boot takes of the end of its first bank, with heap and stack, rounded up: Debian's builds for QEMU take 18 to
27 MiB (loaders/uboot/board.py)."""
STACK_DEPTH = 0x1D0
"""Bytes of stack in use when bootz or bootm reserves memory, up to 2024.10: found from placements of Debian's 2021.01,
four bytes at a time; other builds differ by some hundred, which shows only where that crosses a page."""
