"""Linux's EFI stub on 32-bit ARM: how much memory it takes, and below which address.

Source: drivers/firmware/efi/libstub/arm32-stub.c ``handle_kernel_image``, arch/arm/include/asm/efi.h, libstub/fdt.c
``allocate_new_fdt_and_exit_boot``, libstub/mem.c ``efi_low_alloc_above``, ``efi_allocate_pages`` (5.9 and later).
"""

from __future__ import annotations

from bootmap.units import KIB, MIB

KERNEL_MOST = 32 * MIB
"""MAX_UNCOMP_KERNEL_SIZE: what is kept for the unpacked kernel, however large it is."""
LEAST_ALIGN = 2 * MIB
"""The kernel's start of RAM is a multiple of this, or of the next power of two above TEXT_OFFSET (EFI_PHYS_ALIGN)."""
BELOW_TEXT = 20 * KIB
"""Bytes below the kernel's text that Linux writes to: its page directory, and one page."""
LIMIT_FROM = 4 * MIB
"""The limit counts from the kernel's address, rounded down to this ..."""
LIMIT = 512 * MIB
"""... so many bytes: where the initrd must end, and before 5.12 the tree too."""
TREE = 2 * MIB
"""MAX_FDT_SIZE: what the new tree gets, however large it is."""
