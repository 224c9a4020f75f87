"""Walking memblock's free memory: which regions count, the gaps between reservations, both searches.

Why it is apart: these are pure questions about two lists of regions.  What is done with an answer is in
``bootmap.boot.memblock``; the search of Linux up to 3.2 is in ``bootmap.boot.memblock.old``.

    memory    |---------------------------|      |----------|
    reserved       |xxxx|       |xx|                    |xxxxxxx|
    free      |----|    |-------|  |------|      |------|
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from bootmap.facts.linux.memblock import Flags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.boot.memblock.regions import Regions

_HOTPLUG = int(Flags.HOTPLUG)
_MIRROR = int(Flags.MIRROR)
_NOMAP = int(Flags.NOMAP)
_DRIVER_MANAGED = int(Flags.DRIVER_MANAGED)
_KHO_SCRATCH = int(Flags.KHO_SCRATCH)


def skipped(have: int, wanted: int, movable_node: bool) -> bool:
    """Whether a walk that wants some flags passes over memory that has others.

    HOTPLUG memory only counts as such with ``movable_node``.
    Source: mm/memblock.c ``should_skip_region``.
    """
    if not have | wanted:
        return False
    return bool(
        (have & _HOTPLUG and movable_node and not wanted & _HOTPLUG)
        or (wanted & _MIRROR and not have & _MIRROR)
        or (have & _NOMAP and not wanted & _NOMAP)
        or (have & _DRIVER_MANAGED and not wanted & _DRIVER_MANAGED)
        or (wanted & _KHO_SCRATCH and not have & _KHO_SCRATCH)
    )


def mem_ranges(memory: Regions, wanted: int, movable_node: bool) -> Iterator[tuple[int, int]]:
    """``(start, end)`` of each region, as ``for_each_mem_range`` visits them."""
    for start, end, have in zip(memory.starts, memory.ends, memory.flags, strict=True):
        if not skipped(have, wanted, movable_node):
            yield start, end


def free_ranges(memory: Regions, reserved: Regions, wanted: int, movable_node: bool) -> Iterator[tuple[int, int]]:
    """``(start, end)`` of memory that is not reserved, as ``for_each_free_mem_range`` visits it.

    Each region of memory is walked for itself.  Two reservations that touch without merging have an
    empty range between them, which the kernel visits too.  Source: mm/memblock.c ``__next_mem_range``.
    """
    starts, ends = reserved.starts, reserved.ends
    count = len(starts)
    for region_start, region_end in mem_ranges(memory, wanted, movable_node):
        low = region_start
        i = bisect_right(ends, region_start)
        while i < count and starts[i] < region_end:
            if starts[i] > region_start:
                yield low, starts[i]
            low = ends[i]
            i += 1
        if low < region_end:
            yield low, region_end


def find_bottom_up(free: Iterator[tuple[int, int]], start: int, end: int, size: int, align: int) -> int:
    """The lowest aligned place in ``free`` within ``[start, end)``; 0: none.

    Source: mm/memblock.c ``__memblock_find_range_bottom_up``.
    """
    for low, high in free:
        bottom = min(max(low, start), end)
        top = min(max(high, start), end)
        found = ((bottom - 1) | (align - 1)) + 1
        if found < top and top - found >= size:
            return found
    return 0


def find_top_down(
    memory: Regions,
    reserved: Regions,
    start: int,
    end: int,
    size: int,
    align: int,
    wanted: int,
    movable_node: bool,
) -> int:
    """The highest aligned place within ``[start, end)``; 0: none.

        |  reserved  |      gap      |  reserved  |
                     ^low            ^high
                                found = high - size, rounded down, unless that is below low

    Source: mm/memblock.c ``__memblock_find_range_top_down``.
    """
    if not size:  # nothing fits anywhere, even in the empty ranges
        for low, high in reversed(list(free_ranges(memory, reserved, wanted, movable_node))):
            found = min(max(high, start), end) & -align
            if found >= min(max(low, start), end):
                return found
        return 0
    reserved_starts, reserved_ends = reserved.starts, reserved.ends
    memory_flags = memory.flags
    for i in range(len(memory.starts) - 1, -1, -1):
        region_start, high = memory.starts[i], memory.ends[i]
        if region_start >= end:
            continue
        if high <= start:
            break
        if (memory_flags[i] or wanted) and skipped(memory_flags[i], wanted, movable_node):
            continue
        if high > end:
            high = end
        bottom = region_start if region_start > start else start
        gap = bisect_left(reserved_starts, high)
        while True:
            low = reserved_ends[gap - 1] if gap else 0
            if low < high:
                found = (high - size) & -align
                if found >= bottom and found >= low:
                    return found
            if not gap or reserved_starts[gap - 1] <= bottom:
                break
            gap -= 1
            high = reserved_starts[gap]
    return 0
