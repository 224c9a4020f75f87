"""UEFI's memory map as Linux on 32-bit ARM reads it: types, attributes, tables.

Source: UEFI Specification 2.10, 7.2.3 EFI_MEMORY_DESCRIPTOR; include/linux/efi.h; drivers/firmware/efi/efi-init.c,
efi.c, memattr.c.
"""

from __future__ import annotations

from uuid import UUID

PAGE = 4096
TYPES = (
    "Reserved", "Loader Code", "Loader Data", "Boot Code", "Boot Data", "Runtime Code", "Runtime Data", "Conventional",
    "Unusable", "ACPI Reclaim", "ACPI Mem NVS", "MMIO", "MMIO Port", "PAL Code", "Persistent",
)
"""By number, as the kernel prints them (efi.c ``memory_type_name``)."""
SHELL_TYPES = (
    "Reserved", "LoaderCode", "LoaderData", "BS_Code", "BS_Data", "RT_Code", "RT_Data", "Available", "Unusable",
    "ACPI_Recl", "ACPI_NVS", "MMIO", "MMIO_Port", "PalCode", "Persistent",
)
"""By number, as ``memmap`` of the EFI shell prints them (ShellPkg ``MemMap.c``)."""
UBOOT_TYPES = (
    "RESERVED", "LOADER CODE", "LOADER DATA", "BOOT CODE", "BOOT DATA", "RUNTIME CODE", "RUNTIME DATA", "CONVENTIONAL",
    "UNUSABLE MEM", "ACPI RECLAIM MEM", "ACPI MEM NVS", "IO", "IO PORT", "PAL CODE", "PERSISTENT",
)
"""By number, as U-Boot's ``efidebug memmap`` prints them (cmd/efidebug.c)."""
USABLE = frozenset({1, 2, 3, 4, 7, 9, 14})
"""Types that become RAM, where they can be mapped write-back (``is_usable_memory``)."""
ACPI_RECLAIM = 9

UC, WC, WT, WB = 1, 2, 4, 8
RUNTIME = 1 << 63
MEMORY = WC | WT | WB
"""With one of these a descriptor is memory (``is_memory``)."""

SYSTEM_TABLE_COUNT, SYSTEM_TABLE_TABLES = 64, 68
"""Byte offsets in a 32-bit EFI_SYSTEM_TABLE of the number of configuration tables, and of their address."""
TABLE_ROW = 20
"""Bytes of a row of it: a GUID and an address."""
MEMATTR = UUID("dcfa911d-26eb-469f-a220-38b7dc461220")
MEMRESERVE = UUID("888eb0c6-8ede-4ff5-a8f0-9aee5cb977c2")
INITRD = UUID("5568e427-68fc-4f3d-ac74-ca555231cc68")
MEMATTR_HEADER = 16
"""Bytes of a memory attributes table before its rows; the number of rows is its second word, their size its third."""
