"""bootmem_init: what the page allocator will manage, as zones.

Source: arch/arm/mm/init.c ``bootmem_init``, ``find_limits``, ``zone_sizes_init``, ``setup_dma_zone``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.records import Zone
from bootmap.spec.memblock import Flags
from bootmap.units import PAGE_SHIFT, PAGE_SIZE

if TYPE_CHECKING:
    from bootmap.boot.state import BootState


def setup_dma_zone(state: BootState) -> None:
    """Set arm_dma_limit: the machine's, all 32 bits, or none without CONFIG_ZONE_DMA."""
    size = state.machine.machine.dma_zone_size if state.machine.machine else 0
    if not state.kernel.config.enabled("ZONE_DMA"):
        state.vars.arm_dma_limit = state.phys_mask
    elif size:
        state.vars.arm_dma_limit = state.handover.phys_offset + size - 1
    else:
        state.vars.arm_dma_limit = 0xFFFFFFFF


def bootmem_init(state: BootState) -> None:
    """Find the limits and cut RAM into zones."""
    memblock, values, kernel = state.memblock, state.vars, state.kernel
    memblock.allow_resize()
    if not len(memblock.memory):
        return
    values.min_low_pfn = (memblock.start_of_dram() + PAGE_SIZE - 1) >> PAGE_SHIFT
    low = memblock.current_limit if kernel.has("max_low_pfn_from_limit") else values.arm_lowmem_limit
    values.max_low_pfn = low >> PAGE_SHIFT
    values.max_pfn = memblock.end_of_dram() >> PAGE_SHIFT
    state.zones = list(_zones(state))


def _zones(state: BootState) -> list[Zone]:
    values, config = state.vars, state.kernel.config
    low, high = values.max_low_pfn, values.max_pfn
    zones, start = [], values.min_low_pfn
    if config.enabled("ZONE_DMA"):
        end = min(values.arm_dma_limit >> PAGE_SHIFT, low)
        zones.append(_zone(state, "DMA", start, end))
        start = max(start, end)
    zones.append(_zone(state, "Normal", start, low))
    if state.kernel.has("highmem"):
        zones.append(_zone(state, "HighMem", low, high))
    return zones


def _zone(state: BootState, name: str, start: int, end: int) -> Zone:
    memory = [(b, b + s) for b, s, f in state.memblock.memory.regions]
    mapped = [(b, b + s) for b, s, f in state.memblock.memory.regions if not f & Flags.NOMAP]
    present = _pages(memory, start, end)
    managed = _pages(mapped, start, end) - _reserved_pages(state, start, end)
    return Zone(name, start, max(end, start), present, managed)


def _pages(spans: list[tuple[int, int]], start: int, end: int) -> int:
    """Whole pages of ``spans`` between the pfns ``start`` and ``end``."""
    total = 0
    for first, last in spans:
        low = max((first + PAGE_SIZE - 1) >> PAGE_SHIFT, start)
        high = min(last >> PAGE_SHIFT, end)
        total += max(high - low, 0)
    return total


def _reserved_pages(state: BootState, start: int, end: int) -> int:
    """Pages of mapped RAM between the two pfns that memblock's users hold, counted as the hand-over does.

    The hand-over frees whole pages of every free range (mm/memblock.c ``__free_memory_core``), so a page with one
    reserved byte stays.
    """
    mapped = [(b, b + s) for b, s, f in state.memblock.memory.regions if not f & Flags.NOMAP]
    free = list(state.memblock.free_ranges())
    return _pages(mapped, start, end) - _pages(free, start, end)
