"""efi_init: the UEFI memory map takes the place of the device tree's memory nodes.

    every node's RAM is dropped; then, row by row in the map's order:
      can be mapped write-back, write-through or combining     -> memory
      ... and is of no type that is free after the boot        -> no-map
      ACPI reclaim                                             -> reserved too
    the map itself, and tables that Linux keeps, are reserved

``mem=`` was obeyed before, and is lost with the nodes.

Source: drivers/firmware/efi/efi-init.c ``efi_init``, ``reserve_regions``; efi.c ``efi_config_parse_tables``; memattr.c
``efi_memattr_init``; arch/arm/kernel/efi.c ``arm_efi_init``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.records import Bank
from bootmap.boot.setup.fdt_scan import add_memory_arch
from bootmap.boot.trace import Origin
from bootmap.facts.linux import efi
from bootmap.units import PAGE_SIZE, Span, align_down, align_up

if TYPE_CHECKING:
    from bootmap.boot.state import BootState

_ALL = (1 << 64) - 1


def efi_init(state: BootState) -> None:
    """The stage: memory as the firmware's map has it."""
    found = state.handover.efi
    if found is None:
        return
    memblock = state.memblock
    for start, size, what in found.tables:
        memblock.reserve(start, size, origin=Origin("efi_init", what))
    if found.initrd is not None and state.kernel.has("efi_initrd_table"):
        state.vars.phys_initrd_start, state.vars.phys_initrd_size = found.initrd
        state.initrd_origin = Origin("efi_init", "the stub's table of the initrd")
    memblock.remove(0, _ALL & state.phys_mask, origin=Origin("efi_init", "the device tree's memory nodes"))
    state.banks.clear()
    for row in found.rows:
        if not row.attributes & efi.MEMORY:
            continue
        origin = Origin("efi_init", f"UEFI: {row.name} {row.start:#x}-{row.end - 1:#x}")
        state.banks.append(Bank(row.start, row.end, origin))
        add_memory_arch(state, row.start, row.size, origin)
        if not (row.kind in efi.USABLE and row.attributes & efi.WB):
            memblock.mark_nomap(row.start, row.size, origin=origin)
        if row.kind == efi.ACPI_RECLAIM:
            memblock.reserve(row.start, row.size, origin=origin)
    state.told_banks = [Span(bank.start, bank.end) for bank in state.banks]
    if found.at is None:
        state.assume("where the UEFI memory map itself lies is not known: it is not reserved here")
        return
    base = align_down(found.at, PAGE_SIZE)
    memblock.reserve(base, align_up(found.at + found.size - base, PAGE_SIZE), origin=Origin("efi_init", "the UEFI map"))
