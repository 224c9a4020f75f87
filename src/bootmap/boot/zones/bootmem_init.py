"""bootmem_init: what the page allocator will manage, as zones.

    first page of RAM        arm_dma_limit              arm_lowmem_limit          last page of RAM
    | ZONE_DMA (if configured) | ZONE_NORMAL              | ZONE_HIGHMEM            |

Source: arch/arm/mm/init.c ``bootmem_init``, ``find_limits``, ``zone_sizes_init`` (called ``arm_bootmem_free`` before
3.14), ``setup_dma_zone``.  Not here: bootmem's own map, before 3.14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.memblock.bootmem import arm_bootmem_init
from bootmap.boot.records import Zone
from bootmap.facts.linux.dma_zone import DMA_ZONE_BY_PLATFORM
from bootmap.units import PAGE_SHIFT, PAGE_SIZE, align_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bootmap.boot.state import BootState


def dma_zone_size(state: BootState) -> int:
    """Bytes of ZONE_DMA as the machine asks for them, 0 where it does not."""
    kernel = state.kernel
    if kernel.has("arm_dma_zone_size"):
        return state.machine.machine.dma_zone_size if state.machine.machine else 0
    rows = DMA_ZONE_BY_PLATFORM.items()
    return next((size for options, size in rows if all(map(kernel.config.enabled, options))), 0)


def setup_dma_zone(state: BootState) -> None:
    """Set arm_dma_limit: the machine's, all 32 bits, or none without CONFIG_ZONE_DMA."""
    size = dma_zone_size(state)
    if not state.kernel.config.enabled("ZONE_DMA"):
        state.vars.arm_dma_limit = state.phys_mask
    elif size:
        state.vars.arm_dma_limit = (state.handover.phys_offset + size - 1) & state.phys_mask
    else:
        state.vars.arm_dma_limit = 0xFFFFFFFF


def bootmem_init(state: BootState) -> None:
    """Find the limits, allocate bootmem's map where there is one, and cut RAM into zones.

    Raises:
        KernelDied: as for :func:`~bootmap.boot.memblock.bootmem.arm_bootmem_init`.
    """
    memblock, values, kernel = state.memblock, state.vars, state.kernel
    memblock.allow_resize()
    if not len(memblock.memory):
        return
    first, low, high = find_limits(state)
    if kernel.has("pfn_absolute"):
        values.min_low_pfn, values.max_low_pfn, values.max_pfn = first, low, high
    else:
        offset = state.handover.phys_offset >> PAGE_SHIFT
        values.max_low_pfn, values.max_pfn = low - offset, high - offset
    state.zones = list(_zones(state, first, low, high))
    if kernel.has("bootmem_bitmap"):  # not counted above: free_all_bootmem gives it back with all the rest
        arm_bootmem_init(state, first, low)
    state.zones_mark = len(memblock.log)


def find_limits(state: BootState) -> tuple[int, int, int]:
    """Pfns of the first page of RAM, of the end of lowmem, of the end of RAM."""
    memblock, kernel = state.memblock, state.kernel
    if not kernel.has("memblock_holds_banks"):  # what was taken from memblock since does not count
        lows = [bank.end for bank in state.meminfo if not bank.highmem]
        ends = [bank.end for bank in state.meminfo]
        if kernel.has("meminfo_sorted_first"):  # they count on the order, which overlapping banks do not have
            lows, ends = lows[-1:], ends[-1:]
        first, low, high = state.meminfo[0].start, max(lows, default=0), max(ends)
        return first >> PAGE_SHIFT, low >> PAGE_SHIFT, high >> PAGE_SHIFT
    low = memblock.current_limit if kernel.has("max_low_pfn_from_limit") else state.vars.arm_lowmem_limit
    first = align_up(memblock.start_of_dram(), PAGE_SIZE)
    return first >> PAGE_SHIFT, low >> PAGE_SHIFT, memblock.end_of_dram() >> PAGE_SHIFT


def _zones(state: BootState, first: int, low: int, high: int) -> Iterator[Zone]:
    free, by_range = list(state.memblock.free_ranges()), state.kernel.has("zones_by_max_pfn")

    def zone(name: str, start: int, end: int, present: int | None = None) -> Zone:
        end = max(end, start)
        pages = _present_in_range(state, start, end) if present is None else present & 0xFFFFFFFF  # unsigned long
        return Zone(name, start, end, pages, whole_pages(free, start, end))

    below, above = (None, None) if by_range else _present_around(state, low)
    normal = first
    if (span := _dma_zone(state, first, low)) is not None:
        start, normal = span
        if below is not None and normal < low:  # arm_adjust_dma_zone takes all holes of lowmem for the other zone's
            yield zone("DMA", start, normal, normal - start)
            below -= normal - start
        else:
            yield zone("DMA", start, normal, below)
            below = None if below is None else 0
    yield zone("Normal", normal, low, below)
    if state.kernel.has("highmem"):
        yield zone("HighMem", low, high, above)


def _present_in_range(state: BootState, start: int, end: int) -> int:
    """``__absent_pages_in_range``: whole pages; of a region whose PFN_UP() wraps to 0 all from the zone's start on."""
    last = state.phys_mask - PAGE_SIZE + 1
    memory = ((base if base <= last else 0, base + size) for base, size, _ in state.memblock.memory.regions)
    return whole_pages(memory, start, end)


def _present_around(state: BootState, low: int) -> tuple[int, int]:
    """``zone_sizes_init`` up to 5.7: pages below and above the limit of lowmem, as regions say, wherever zones end.

    PFN_UP() wraps here, too, and all pages from 0 on count; a region inside one page counts -1 (both booted: 5.4.286).
    """
    below = above = 0
    for base, size, _ in state.memblock.memory.regions:
        start, end = (base + PAGE_SIZE - 1 & state.phys_mask) >> PAGE_SHIFT, base + size >> PAGE_SHIFT
        if start < low:
            below += min(end, low) - start
        if end > low:
            above += end - max(start, low)
    return below, above


def _dma_zone(state: BootState, first: int, low: int) -> tuple[int, int] | None:
    """The pfns ``[start, end)`` of ZONE_DMA; None without one."""
    if not state.kernel.config.enabled("ZONE_DMA"):
        return None
    if state.kernel.has("zones_by_max_pfn"):
        return first, max(first, min(state.vars.arm_dma_limit >> PAGE_SHIFT, low))
    size = dma_zone_size(state) >> PAGE_SHIFT
    return first, min(first + size, low) if size else low


def whole_pages(spans: Iterable[tuple[int, int]], start: int, end: int) -> int:
    """Whole pages of ``spans``, in bytes ``[first, last)``, between the pfns ``start`` and ``end``.

    Of memblock's free ranges these are what it hands over (mm/memblock.c ``__free_memory_core``).
    """
    total = 0
    for first, last in spans:
        low = max((first + PAGE_SIZE - 1) >> PAGE_SHIFT, start)
        high = min(last >> PAGE_SHIFT, end)
        total += max(high - low, 0)
    return total
