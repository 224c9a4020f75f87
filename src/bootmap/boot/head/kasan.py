"""The shadow of the address sanitizer before there is memory for it: one page, mapped everywhere in the shadow.

The table and the page are in the kernel's bss.  After paging_init, ``kasan_init`` replaces them piece by piece by
memory from memblock; that is not followed here.

Source: arch/arm/kernel/head-common.S ``__mmap_switched``; arch/arm/mm/kasan_init.c ``kasan_early_init``,
``kasan_pte_populate``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.paging.fixmap import page_kernel_table
from bootmap.boot.paging.mapping import pmd_populate
from bootmap.boot.paging.pte import hardware_pte
from bootmap.boot.trace import Origin
from bootmap.units import PAGE_SIZE, PMD_SIZE, align_down

if TYPE_CHECKING:
    from bootmap.boot.state import BootState


def kasan_early_init(state: BootState) -> None:
    """Point every pmd of the shadow to one table, and every pte of that to one page; nothing without KASAN."""
    kernel, form, tables = state.kernel, state.kernel.format, state.tables
    if "kasan_early_shadow_pte" not in kernel.symbols or "kasan_early_shadow_page" not in kernel.symbols:
        state.assume(
            "KASAN's early shadow is left out of the tables: the symbols kasan_early_shadow_pte and "
            "kasan_early_shadow_page were not given"
        )
        return
    table, page = (state.pa(va) for va in kernel.symbols.require("kasan_early_shadow_pte", "kasan_early_shadow_page"))
    origin = Origin("kasan_early_init", "kasan_early_shadow_pte, a page table in the kernel image")
    tables.create(table, PAGE_SIZE, state.cause("zero", origin=origin))
    pte = form.pte
    prot = pte.present | pte.young | pte.dirty | pte.xn
    hardware = page | hardware_pte(prot, kernel, state.handover.cpu)
    if form.pte_hwtable_offset:
        tables.fill(table, form.ptes_per_table, page | prot, state.cause("pte", origin=origin))
    tables.fill(
        table + form.pte_hwtable_offset, form.ptes_per_table, hardware, state.cause("hardware pte", origin=origin)
    )
    shadow = kernel.kasan_shadow
    for addr in range(align_down(shadow.start, PMD_SIZE), shadow.end, PMD_SIZE):
        if not tables.word(state.pmd_address(addr)):
            pmd_populate(state, addr, table, page_kernel_table(state))
