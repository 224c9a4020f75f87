"""memblock as it was up to Linux 3.2: adding, removing and searching with the rules of those days.

Why it is apart: these kernels change the region list in place, entry by entry, and what they do with
overlaps and full arrays shows in the result.  ``bootmap.boot.memblock`` calls in here where its rules say
so (``Overlap.COALESCE`` for 2.6.36 to 2.6.38, ``Overlap.EXTEND`` for 2.6.39 to 3.2).  Under COALESCE
regions may overlap each other, so nothing here takes the ends to be sorted.

Left out: entries of size 0, which ``memblock_add`` of nothing would make, and arithmetic that wraps.

Source: mm/memblock.c of those versions, functions as named below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.memblock.regions import Regions
from bootmap.facts.linux.memblock import Overlap

if TYPE_CHECKING:
    from collections.abc import Callable

FAILED = -1
"""What these kernels return where an array is full or a region is not there."""


def add(regions: Regions, start: int, end: int, overlap: Overlap, grow: Callable[[], bool], *, fixed: bool) -> int:
    """Kernel: ``memblock_add_region``.

    Args:
        regions: changed in place.
        start: first address.
        end: address after the last byte, above ``start``.
        overlap: COALESCE or EXTEND.
        grow: doubles the array, or says that it cannot.
        fixed: the array cannot grow and its last entry can be used.

    Returns:
        0, the number of joins under COALESCE, or ``FAILED``.
    """
    starts, ends = regions.starts, regions.ends
    if overlap is Overlap.COALESCE:
        joins = _coalesce(regions, start, end)
        if joins is not None:
            return joins
    elif _extend(regions, start, end):
        return 0
    if fixed and len(starts) >= regions.capacity:
        return FAILED
    at = next((i for i in range(len(starts), 0, -1) if starts[i - 1] <= start), 0)
    starts.insert(at, start)
    ends.insert(at, end)
    regions.flags.insert(at, 0)
    if not fixed and len(starts) == regions.capacity and not grow():
        # 2.6.37 and 2.6.38 undo the wrong entry: always the last one.
        drop = at if overlap is Overlap.EXTEND else len(starts) - 1
        regions.delete(drop, drop + 1)
        return FAILED
    return 0


def _coalesce(regions: Regions, start: int, end: int) -> int | None:
    """Join with the first region exactly adjacent; None where there is none."""
    starts, ends = regions.starts, regions.ends
    for i in range(len(starts)):
        if starts[i] == start and ends[i] == end:
            return 0
        if starts[i] == end:
            starts[i] = start
        elif ends[i] == start:
            ends[i] = end
        else:
            continue
        if i + 1 < len(starts) and (ends[i] == starts[i + 1] or starts[i] == ends[i + 1]):
            ends[i] += ends[i + 1] - starts[i + 1]
            regions.delete(i + 1, i + 2)
            return 2
        return 1
    return None


def _extend(regions: Regions, start: int, end: int) -> bool:
    """Join with every region that overlaps or touches; whether there was one."""
    starts, ends = regions.starts, regions.ends
    touching = [i for i in range(len(starts)) if starts[i] <= end and ends[i] >= start]
    if not touching:
        return False
    first, last = touching[0], touching[-1]
    starts[first : last + 1] = [min(start, starts[first])]
    ends[first : last + 1] = [max(end, ends[last])]
    regions.flags[first : last + 1] = [0]
    return True


def remove(regions: Regions, start: int, end: int, overlap: Overlap, grow: Callable[[], bool], *, fixed: bool) -> int:
    """Kernel: ``__memblock_remove``; arguments and result as for ``add``.

    Under COALESCE one region must hold the whole range, else nothing happens and ``FAILED`` is returned.
    """
    if overlap is Overlap.COALESCE:
        i = next(
            (i for i, (s, e) in enumerate(zip(regions.starts, regions.ends, strict=True)) if s <= start and end <= e),
            -1,
        )
        return _cut(regions, i, start, end, overlap, grow, fixed=fixed) if i >= 0 else FAILED
    i = 0
    while i < len(regions.starts) and regions.starts[i] <= end:
        low, high = max(start, regions.starts[i]), min(end, regions.ends[i])
        count = len(regions.starts)
        if low < high and _cut(regions, i, low, high, overlap, grow, fixed=fixed) < 0:
            return FAILED
        i += len(regions.starts) >= count
    return 0


def _cut(
    regions: Regions, i: int, start: int, end: int, overlap: Overlap, grow: Callable[[], bool], *, fixed: bool
) -> int:
    """Take ``[start, end)`` out of region ``i``, which holds it."""
    region_start, region_end = regions.starts[i], regions.ends[i]
    if region_start == start and region_end == end:
        regions.delete(i, i + 1)
    elif region_start == start:
        regions.starts[i] = end
    else:
        regions.ends[i] = start
        if region_end != end:
            result = add(regions, end, region_end, overlap, grow, fixed=fixed)
            if result < 0 and overlap is Overlap.EXTEND:
                regions.ends[i] = region_end
            return result
    return 0


def truncate(regions: Regions, top: int) -> None:
    """Cut every region at ``top``.  Source: ``memblock_enforce_memory_limit``."""
    for i in range(len(regions.starts) - 1, -1, -1):
        if regions.starts[i] >= top:
            regions.delete(i, i + 1)
        elif regions.ends[i] > top:
            regions.ends[i] = top


def joined(regions: Regions) -> Regions:
    """The same bytes as regions that do not overlap."""
    whole = Regions(regions.name)
    for start, end in zip(regions.starts, regions.ends, strict=True):
        whole.insert(start, end, 0, whole=False)
    return whole


def overlapping(regions: Regions, start: int, end: int) -> int:
    """Index of the first region that meets the range, or -1.  Source: ``memblock_overlaps_region``."""
    for i, (region_start, region_end) in enumerate(zip(regions.starts, regions.ends, strict=True)):
        if start < region_end and region_start < end:
            return i
    return -1


def search(regions: Regions, address: int) -> int:
    """Index of a region with ``address``, or -1: a binary search that overlaps can mislead.

    Source: ``memblock_search``.
    """
    left, right = 0, len(regions.starts)
    while left < right:
        middle = (left + right) // 2
        if address < regions.starts[middle]:
            right = middle
        elif address >= regions.ends[middle]:
            left = middle + 1
        else:
            return middle
    return -1


def find(memory: Regions, reserved: Regions, start: int, end: int, size: int, align: int, lowest: int) -> int:
    """The highest free place, stepping down from reservation to reservation; 0: none.

    ``lowest`` is where a range that begins at address 0 is taken to begin.
    Source: ``memblock_find_base``, ``memblock_find_region``.
    """
    for i in range(len(memory.starts) - 1, -1, -1):
        bottom, top = max(memory.starts[i], start), min(memory.ends[i], end)
        if memory.ends[i] <= start:
            break
        if bottom >= top or top < size:
            continue
        bottom = bottom or lowest
        found = (top - size) & -align
        while found >= bottom:
            hit = overlapping(reserved, found, found + size)
            if hit < 0:
                return found
            if reserved.starts[hit] < size:
                break
            found = (reserved.starts[hit] - size) & -align
    return 0
