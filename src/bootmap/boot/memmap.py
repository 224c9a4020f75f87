"""The page allocator's table of pages (mem_map), one struct page each from the first page of RAM to the last.

    FLATMEM    first page of RAM, down to a buddy block          last page, up to a buddy block
               | struct page | struct page |  holes too  ...     |
               mem_map stands for PHYS_OFFSET, whatever the first page is

It is the largest early allocation and a kernel dies for want of it: with holes it grows by 8 or 9 MiB per GiB of
address space, and it must fit below memblock's limit.  And where RAM begins a buddy block or more above PHYS_OFFSET,
mem_map is not moved by as much: the table is filled in behind its end.

Source: mm/page_alloc.c or mm/mm_init.c ``alloc_node_mem_map``, ``memmap_init``; include/asm-generic/memory_model.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.cma import max_order_bytes
from bootmap.boot.trace import Origin
from bootmap.units import PAGE_SHIFT, PAGE_SIZE, Span, align_down, align_up, hex_address, size_text

if TYPE_CHECKING:
    from bootmap.boot.state import BootState

_STRUCT_PAGE = 32
_MEMCG_POINTER = 4
_CACHE_LINE = 64


def check_memmap(state: BootState) -> None:
    """See whether the table of pages finds its place, and whether it is filled in where it is.

    Raises:
        KernelDied: it does not; before 7.0 all of this is part of paging_init.
    """
    kernel, memblock = state.kernel, state.memblock
    if kernel.config.enabled("SPARSEMEM") or not kernel.has("memmap_memblock") or not len(memblock.memory):
        return
    block = max_order_bytes(kernel)
    first, last = memblock.start_of_dram(), memblock.end_of_dram()
    covered = Span(align_down(first, block), align_up(last, block))
    page = _STRUCT_PAGE + (_MEMCG_POINTER if kernel.config.enabled("MEMCG") else 0)
    size = (covered.size >> PAGE_SHIFT) * page
    # A copy: what is reserved from here on is not part of any state.
    at = memblock.copy().alloc_range(size, _CACHE_LINE, exact=False, origin=Origin("alloc_node_mem_map", "mem_map"))
    what = f"{size_text(size)} for mem_map, {page} bytes for each page from {first:#x} to {last - 1:#x}, holes included"
    if not at:
        _fatal(
            state,
            "memmap-failed",
            f"no memory for {what}: memblock has no free range as large below {hex_address(memblock.current_limit)}; "
            f"the kernel panics before it can say so",
        )
        return
    shift = _shift(state, first, covered.start)
    over = Span(at + size, at + ((last - covered.start) >> PAGE_SHIFT) * page + shift * page)
    if shift <= 0 or over.size <= 0:
        return
    _overrun(state, over, f"{what}; mem_map stands for PHYS_OFFSET {hex_address(state.handover.phys_offset)}, but RAM "
             f"begins at {hex_address(first)}, and only less than {size_text(block)} are made up for: the table is "
             f"filled in up to {size_text(over.size)} behind its end")  # fmt: skip


def _shift(state: BootState, first: int, covered: int) -> int:
    """By how many pages mem_map is off: pfn_to_page() counts from PHYS_OFFSET (ARCH_PFN_OFFSET)."""
    offset = state.handover.phys_offset >> PAGE_SHIFT
    if offset == first >> PAGE_SHIFT:
        return 0
    if state.kernel.has("memmap_offset_block"):
        return (covered >> PAGE_SHIFT) - offset
    return (first >> PAGE_SHIFT) - offset


def _overrun(state: BootState, over: Span, what: str) -> None:
    pages = range(align_down(over.start, PAGE_SIZE), over.end, PAGE_SIZE)
    lost = next((page for page in pages if state.mapped(state.va(page)) != page), None)
    if lost is not None:
        _fatal(state, "memmap-displaced", f"{what}, at {hex_address(max(lost, over.start))} nothing is mapped", lost)
        return
    if not state.kernel.has("free_area_in_paging_init"):
        return
    hit = [base for base, size, _ in state.memblock.reserved.regions if Span(base, base + size).overlaps(over)]
    if hit:
        state.hazard(
            "memmap-displaced",
            f"{what}, over what lies there at {hex_address(hit[0])}: page tables, the vectors",
            address=hit[0],
            luck=True,
        )


def _fatal(state: BootState, id: str, message: str, address: int | None = None) -> None:
    if state.kernel.has("free_area_in_paging_init"):
        raise state.die(id, message, address=address)
    state.hazard(id, f"after paging_init: {message}", address=address)
