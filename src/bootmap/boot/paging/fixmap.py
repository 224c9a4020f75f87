"""The fixmap: a page table in the kernel image for the first 2 MiB that need one, its end, and kmap's tables.

    0xffe00000  pair of the early fixmap: bm_pte, until early_fixmap_shutdown; then the vectors' table
    0xffeff000    FIX_EARLYCON_MEM: the early console's registers
    0xffc00000  pair of the late fixmap
    PAGE_OFFSET - 2 MiB   pkmap

Source: arch/arm/mm/mmu.c ``early_fixmap_init``, ``__set_fixmap``, ``early_fixmap_shutdown``, ``kmap_init``;
arch/arm/include/asm/fixmap.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.paging.mapping import create_mapping, pmd_clear, pmd_populate, pte_alloc, write_ptes
from bootmap.boot.records import MapDesc
from bootmap.boot.trace import Origin
from bootmap.units import PAGE_SHIFT, PAGE_SIZE, PMD_SIZE, align_down

if TYPE_CHECKING:
    from bootmap.boot.state import BootState


def page_kernel_table(state: BootState) -> int:
    """``_PAGE_KERNEL_TABLE``: the bits of a table descriptor for kernel tables that no mem_type describes.

    Bit 4 is set in the short format even on CPUs that ignore it.
    """
    pmd = state.kernel.format.pmd
    domain = 2 if state.kernel.has("io_36") else 0
    return pmd.table | pmd.bit4 | pmd.domain(domain)


def _page_io(state: BootState) -> int:
    """``FIXMAP_PAGE_IO``: shared device, no execution."""
    pte = state.kernel.format.pte
    return pte.young | pte.present | pte.xn | pte.dirty | pte.mt["DEV_SHARED"] | pte.shared


def early_fixmap_init(state: BootState) -> None:
    """Install the image's own page table under the top of the fixmap."""
    kernel = state.kernel
    if not kernel.has("early_fixmap"):
        return
    if not kernel.has("early_fixmap_always") and not kernel.config.enabled("FIX_EARLYCON_MEM"):
        return
    table = state.pa(kernel.symbols.require("bm_pte")[0])
    origin = Origin("early_fixmap_init", "bm_pte, a page table in the kernel image", parent=Origin("symbol", "bm_pte"))
    state.tables.create(table, PAGE_SIZE, state.cause("zero", origin=origin))
    pmd_populate(state, kernel.fixaddr_top, table, page_kernel_table(state))


def set_fixmap_io(state: BootState, physical: int, what: str, origin: Origin) -> None:
    """Map one page of registers at FIX_EARLYCON_MEM, the topmost slot."""
    kernel = state.kernel
    virtual = align_down(kernel.fixaddr_top, PAGE_SIZE)
    md = MapDesc(virtual, physical >> PAGE_SHIFT, PAGE_SIZE, "DEVICE", what, "parse_early_param", origin)
    table = align_down(state.pa(kernel.symbols.require("bm_pte")[0]), PAGE_SIZE)
    write_ptes(state, table, virtual, 1, align_down(physical, PAGE_SIZE) & state.phys_mask, _page_io(state), md)
    state.earlycon = md


def early_fixmap_shutdown(state: BootState) -> None:
    """Take the early table away, and map what a console still needs in a table from memblock.

    Raises:
        KernelDied: no memory for that table, or (with memblock=debug) the console is printed to while unmapped.
    """
    kernel = state.kernel
    if not kernel.has("early_fixmap"):
        return
    if not kernel.has("early_fixmap_always") and not kernel.config.enabled("FIX_EARLYCON_MEM"):
        return
    top = align_down(kernel.fixaddr_top, PMD_SIZE)
    pmd_clear(state, top, top + PMD_SIZE, "the early fixmap ends")
    if state.earlycon is None:
        return
    md = state.earlycon
    if state.memblock_debug:
        raise state.die(
            "earlycon-unmapped",
            f"earlycon and memblock=debug together: allocating the page table that shall map the console again prints "
            f"a debug line to the console, whose registers at {md.virtual:#010x} were unmapped a moment ago; the data "
            f"abort has no vectors yet. Leave out one of the two",
            address=md.virtual,
            origin=md.origin,
        )
    create_mapping(state, MapDesc(md.virtual, md.pfn, PAGE_SIZE, "DEVICE", md.what, "early_fixmap_shutdown", md.origin))


def kmap_init(state: BootState) -> None:
    """Page tables for pkmap and the fixmap, empty.

    Raises:
        KernelDied: no memory.
    """
    kernel = state.kernel
    prot = page_kernel_table(state)
    if kernel.has("highmem"):
        pte_alloc(state, kernel.pkmap_base, prot, "the page table of pkmap")
    if kernel.has("fixmap_table_always") or (kernel.has("highmem") and kernel.has("fixmap_table_highmem")):
        pte_alloc(state, kernel.fixaddr_start, prot, "the page table of the fixmap")
