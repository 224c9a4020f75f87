"""The page allocator's table of pages (mem_map), one struct page each from the first page of RAM to the last.

    FLATMEM    first page of RAM, down to a buddy block          last page, up to a buddy block
               | struct page | struct page |  holes too  ...     |
               mem_map stands for PHYS_OFFSET, whatever the first page is

It is the largest early allocation and a kernel dies for want of it: with holes it grows by 8 or 9 MiB per GiB of
address space, and it must fit below memblock's limit.  And where RAM begins a buddy block or more above PHYS_OFFSET,
mem_map is not moved by as much: the table is filled in behind its end.  Behind it each zone gets a few bits for every
pageblock, and before 4.9 a table of those who wait for pages.

    SPARSEMEM  | 256 MiB with any RAM: its struct pages | the next 256 MiB with any RAM | ...   in one piece
               5.4 to 5.7: each aligned to its size, what is in between given back

Before 3.14 all of this comes from bootmem, of which only is asked whether mem_map finds room.  Not here: SPARSEMEM
before 5.4, and where struct page does not divide a page.

Source: mm/page_alloc.c or mm/mm_init.c ``alloc_node_mem_map``, ``memmap_init``, ``setup_usemap``,
``zone_wait_table_init``; mm/sparse.c ``sparse_init_nid``, ``sparse_buffer_init``; include/asm-generic/memory_model.h,
include/linux/pageblock-flags.h, arch/arm/include/asm/sparsemem.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.boot.reserve.cma import max_order_bytes, pageblock_bytes
from bootmap.boot.trace import Hazard, Origin
from bootmap.boot.zones.bootmem_init import find_limits, whole_pages
from bootmap.units import PAGE_SHIFT, PAGE_SIZE, Span, align_down, align_up, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.memblock import Memblock
    from bootmap.boot.records import Zone
    from bootmap.boot.state import BootState

_STRUCT_PAGE = 32
_MEMCG_POINTER = 4
_MIGRATETYPE_BITS = 3
_BITS_PER_LONG = 32
_PAGES_PER_WAITQUEUE = 256
_MOST_WAITQUEUES = 4096
_LEAST_WAITQUEUES = 4
_LIST_HEAD = 8
_SECTION_SHIFT = 28
"""SECTION_SIZE_BITS."""
_RCU_HEAD = 8
_POINTER = 4
_SUBSECTION_MAP = 16
"""A bit for every 2 MiB of a section; from 5.8 on with SPARSEMEM_VMEMMAP only, which ARM has not."""
_MOST_VICTIMS = 3
_TAKES = ("reserve", "alloc_range")


def is_modelled(kernel: KernelModel) -> bool:
    """Whether everything that the kernel reserves for its table of pages inside paging_init is known to the byte."""
    if not kernel.config.enabled("SPARSEMEM") or kernel.has("sparse_by_buffer"):
        return True
    page = struct_page_bytes(kernel)
    return kernel.has("sparse_in_one_piece") and not page & (page - 1)


def free_area_init(state: BootState) -> None:
    """Allocate the table of pages and what each zone needs, and see whether the table is filled in where it is.

    From 7.0 on that is behind paging_init: the state keeps clear of it, but hazards are noted.

    Raises:
        KernelDied: there is no place for it, or it is not filled in where it is.
    """
    kernel = state.kernel
    ours = kernel.has("free_area_in_paging_init") and kernel.has("memmap_memblock")
    memblock = state.memblock if ours else state.memblock.copy()
    if not len(memblock.memory):
        return
    if kernel.config.enabled("SPARSEMEM"):
        if ours and (kernel.has("sparse_in_one_piece") or kernel.has("sparse_by_buffer")):
            _sparse_init(state)
    elif not _mem_map(state, memblock):
        return
    elif ours:
        _zone_tables(state)
    free = list(memblock.free_ranges())
    state.zones = [replace(zone, managed=whole_pages(free, zone.start_pfn, zone.end_pfn)) for zone in state.zones]


def _zone_tables(state: BootState) -> None:
    kernel = state.kernel
    for zone in state.zones:
        if zone.end_pfn <= zone.start_pfn:
            continue
        flags = _usemap_bytes(kernel, zone.start_pfn, zone.end_pfn)
        _alloc(state, flags, "setup_usemap", f"the pageblock flags of zone {zone.name}")
        if kernel.has("zone_wait_table"):
            _alloc(state, _wait_table_bytes(state, zone), "zone_wait_table_init", f"the wait table of zone {zone.name}")


def _mem_map(state: BootState, memblock: Memblock) -> bool:
    """``alloc_node_mem_map``; whether there was room for it."""
    kernel = state.kernel
    block = max_order_bytes(kernel)
    first, last = memblock.start_of_dram(), memblock.end_of_dram()
    if not kernel.has("zones_by_max_pfn"):  # as large as the zones are together, and as these may be wrong
        _, low, high = find_limits(state)
        last = (high if kernel.has("highmem") else low) << PAGE_SHIFT
    covered = Span(align_down(first, block), align_up(last, block))
    page = struct_page_bytes(kernel)
    size = (covered.size >> PAGE_SHIFT) * page
    limit = memblock.current_limit
    if kernel.has("memmap_memblock"):
        at = _take(memblock, size, state.cache_line, Origin("alloc_node_mem_map", "mem_map"))
    else:  # bootmem has whole pages of what memblock left of lowmem, and gives the first that are enough
        limit = next(zone.end_pfn for zone in state.zones if zone.name == "Normal") << PAGE_SHIFT
        runs = (
            (align_up(start, PAGE_SIZE), align_down(min(end, limit), PAGE_SIZE))
            for start, end in memblock.free_ranges()
        )
        at = next((start for start, end in runs if end - start >= size), 0)
    what = f"{size_text(size)} for mem_map, {page} bytes for each page from {first:#x} to {last - 1:#x}, holes included"
    if not at:
        _fatal(
            state,
            "memmap-failed",
            f"no memory for {what}: there is no free range as large below {hex_address(limit)}; the kernel panics "
            f"before it can say so",
        )
        return False
    if not kernel.has("memmap_memblock"):
        state.require_mapped(at, size, "mem_map")
        state.require_there(at, size, "mem_map")
        memblock.reserve(at, size, origin=Origin("alloc_node_mem_map", "mem_map"))
        return True
    _check_zones_covered(state, at, covered, page, what)
    shift = _shift(state, first, covered.start)
    if shift > 0:
        filled = Span(*(at + ((end - covered.start >> PAGE_SHIFT) + shift) * page for end in (first, last)))
        over = Span(max(at + size, filled.start), filled.end)
        if over.size > 0:
            _overrun(
                state,
                over,
                f"{what}; mem_map stands for PHYS_OFFSET {hex_address(state.handover.phys_offset)}, "
                f"but RAM begins at {hex_address(first)}, and only less than {size_text(block)} are made up for: "
                f"memmap_init fills the table in {size_text(shift * page)} too high, at {filled}",
            )
    return True


def _sparse_init(state: BootState) -> None:
    """Bits for the pageblocks of all sections with RAM, and their struct pages."""
    kernel, memblock = state.kernel, state.memblock
    size = (1 << (_SECTION_SHIFT - PAGE_SHIFT)) * struct_page_bytes(kernel)
    by_buffer = kernel.has("sparse_by_buffer")
    if size & (size - 1) and not by_buffer:  # the alignment is the size: with another one it is not an alignment
        return
    sections = _present_sections(state)
    if kernel.config.enabled("SPARSEMEM_EXTREME"):  # 256 sections: one root
        _alloc(state, _POINTER, "memory_present", "the table of roots of mem_section")
        _alloc(state, PAGE_SIZE, "sparse_index_alloc", "mem_section, its only root")
    usage = _usemap_bytes(kernel, 0, 1 << (_SECTION_SHIFT - PAGE_SHIFT))
    usage += _RCU_HEAD if kernel.has("section_usage_rcu") else 0
    usage += _SUBSECTION_MAP if by_buffer else 0
    _alloc(state, usage * len(sections), "sparse_init_nid", "the pageblock flags of all sections")
    what = f"the struct pages of {len(sections)} sections of 256 MiB"
    origin = Origin("sparse_init_nid", what)
    # Sought above MAX_DMA_ADDRESS first; as memblock goes from the top down, that changes nothing.
    if by_buffer:
        _sparse_buffer(state, size, len(sections), origin)
    elif not memblock.alloc_range(size * len(sections), size, exact=False, origin=origin):
        raise state.die(
            "memmap-failed",
            f"no memory for {what}: there is no free {size_text(size * len(sections))} in one piece below "
            f"{hex_address(memblock.current_limit)}, and what the kernel then tries section by section is not modelled",
        )
    state.zones_mark = len(memblock.log)


def _present_sections(state: BootState) -> set[int]:
    """``memblocks_present``: the sections that any whole page of RAM makes present.

    A region that begins in the last page below 4 GiB has PFN_UP() wrap to 0 where phys_addr_t has 32 bits: all
    sections count as present then (booted: 5.4.286).
    """
    in_section = _SECTION_SHIFT - PAGE_SHIFT
    found: set[int] = set()
    for base, size, _ in state.memblock.memory.regions:
        first = (base + PAGE_SIZE - 1 & state.phys_mask) >> PAGE_SHIFT
        end = base + size >> PAGE_SHIFT
        if first < end or state.kernel.has("sparse_by_buffer"):  # later for_each_mem_pfn_range passes over the others
            found |= set(range(first >> in_section, align_up(end, 1 << in_section) >> in_section))
    return found


def _sparse_buffer(state: BootState, size: int, count: int, origin: Origin) -> None:
    """5.4 to 5.7: ``count`` aligned pieces of ``size`` bytes out of one area; a last one that does not fit is apart."""
    memblock = state.memblock
    at = memblock.alloc_range(size * count, PAGE_SIZE, exact=False, origin=origin)
    end = at + size * count
    for _ in range(count):
        piece = at + -state.va(at) % size
        if at and piece + size <= end:
            if piece > at:
                memblock.free(at, piece - at, origin=origin)
            at = piece + size
        elif not memblock.alloc_range(size, PAGE_SIZE, exact=False, origin=origin):
            raise state.die(
                "memmap-failed",
                f"no memory for {origin.text}: there is no free {size_text(size)} in one piece below "
                f"{hex_address(memblock.current_limit)}; the kernel panics before it can say so",
            )
    if at and end > at:
        memblock.free(at, end - at, origin=origin)


def _check_zones_covered(state: BootState, at: int, covered: Span, page: int, what: str) -> None:
    """Where RAM below the limit of lowmem was taken away since that was set, the low zone is larger than the map.

    Source: arch/arm/mm/init.c ``zone_sizes_init``, whose size of the highmem zone is negative then.
    """
    end = max(zone.end_pfn for zone in state.zones) << PAGE_SHIFT
    over = Span(at + (covered.size >> PAGE_SHIFT) * page, at + ((end - covered.start) >> PAGE_SHIFT) * page)
    if over.size > 0:
        _overrun(
            state,
            over,
            f"{what}; lowmem ends at {hex_address(end)}, where RAM was taken away, and the table is "
            f"filled in up to there, {size_text(over.size)} behind its end",
        )


def struct_page_bytes(kernel: KernelModel) -> int:
    """sizeof(struct page) (include/linux/mm_types.h)."""
    pointer = kernel.has("page_memcg") or kernel.config.enabled("SLAB_OBJ_EXT")
    return _STRUCT_PAGE + (_MEMCG_POINTER if pointer else 0)


def _usemap_bytes(kernel: KernelModel, first: int, end: int) -> int:
    """``usemap_size``: bits for each pageblock that the pages from ``first`` to ``end`` touch, in whole longs."""
    block = pageblock_bytes(kernel) >> PAGE_SHIFT
    blocks = align_up(end - align_down(first, block), block) // block
    bits = _MIGRATETYPE_BITS
    bits += kernel.has("pageblock_skip_always") or kernel.config.enabled("COMPACTION")
    if kernel.has("pageblock_isolate_bit"):
        bits += kernel.config.enabled("MEMORY_ISOLATION")
        bits = 1 << (bits - 1).bit_length()
    return align_up(blocks * bits, _BITS_PER_LONG) // 8


def _wait_table_bytes(state: BootState, zone: Zone) -> int:
    """``zone_wait_table_init``: one queue for 256 pages, a power of two of them, 4 to 4096."""
    wanted = (zone.end_pfn - zone.start_pfn) // _PAGES_PER_WAITQUEUE
    queues = 1 << max(wanted - 1, 0).bit_length()
    return max(min(queues, _MOST_WAITQUEUES), _LEAST_WAITQUEUES) * _waitqueue_bytes(state)


def _waitqueue_bytes(state: BootState) -> int:
    """sizeof(wait_queue_head_t): a spinlock and a list (include/linux/wait.h, include/linux/spinlock_types.h)."""
    config = state.kernel.config
    if config.enabled("DEBUG_LOCK_ALLOC"):
        state.assume("a spinlock is as large as without CONFIG_DEBUG_LOCK_ALLOC, for zones' wait tables")
    debug = config.enabled("DEBUG_SPINLOCK")
    lock = 4 if config.enabled("SMP") or debug else 0
    lock += 4 if config.enabled("GENERIC_LOCKBREAK") else 0
    return lock + (12 if debug else 0) + _LIST_HEAD


def _take(memblock: Memblock, size: int, align: int, origin: Origin) -> int:
    """As ``memblock_alloc`` does, but of ``memblock_virt_alloc``'s size, which was never rounded; 0 for no room."""
    if not memblock.rules.round_size_to_align:
        return memblock.alloc_range(size, align, exact=False, origin=origin)
    found = memblock.find_range(size, align)
    return found if found and memblock.reserve(found, size, origin=origin) >= 0 else 0


def _alloc(state: BootState, size: int, step: str, what: str) -> None:
    if not _take(state.memblock, size, state.cache_line, Origin(step, what)):
        raise state.die(
            "allocation-failed",
            f"no memory for {what}: memblock has no free {size} bytes below "
            f"{hex_address(state.memblock.current_limit)}; the kernel panics before it can say so",
        )


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
        _fatal(state, "memmap-displaced", f"{what}; at {hex_address(max(lost, over.start))} nothing is mapped", lost)
        return
    if not state.kernel.has("free_area_in_paging_init"):
        return
    victims = list(_reserved_there(state, over)) or [(over.start, "free memory")]
    state.hazard(
        "memmap-displaced",
        f"{what}, over {', '.join(text for _, text in victims[:_MOST_VICTIMS])}. The kernel goes on until it uses what "
        f"was there, or the page allocator gives that memory away and others write over the struct pages (booted: "
        f'"list_del corruption")',
        address=victims[0][0],
        luck=True,
    )


def _reserved_there(state: BootState, over: Span) -> Iterator[tuple[int, str]]:
    """What is reserved in the range, by address: (where it begins there, what it is)."""
    for base, size, _ in state.memblock.reserved.regions:
        at = max(base, over.start)
        end = min(base + size, over.end)
        while at < end:
            owner = next((op for op in reversed(state.memblock.owners(at)) if op.name in _TAKES and op.origin), None)
            if owner is None:
                yield at, f"what is reserved at {hex_address(at)}"
                break
            yield at, f"{owner.origin} at {hex_address(at)}"
            at = owner.base + owner.size


def _fatal(state: BootState, id: str, message: str, address: int | None = None) -> None:
    """Ends the boot: here, or where the map is made after paging_init, then."""
    if state.kernel.has("free_area_in_paging_init"):
        raise state.die(id, message, address=address)
    state.later = state.later or Hazard(id, "free_area_init", True, message, address)
