"""One array of memblock regions, the kernel's ``struct memblock_type``: insert, isolate, remove, merge.

Why it is apart: these few operations carry all of memblock and are the ones that must be fast.  A region
is not an object: starts, ends and flags live in three parallel lists of ints, sorted by start, so that a
lookup is a bisection and a copy is three list copies.  Capacity, the search for free memory and the log
are not here but in ``bootmap.boot.memblock``.

    index     0          1                  2
           [s0, e0)   [s1, e1)           [s2, e2)          e0 <= s1, e1 <= s2
    lower address ------------------------------> higher

Source: mm/memblock.c ``memblock_add_range``, ``memblock_isolate_range``, ``memblock_merge_regions``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from bootmap.facts.linux.memblock import INIT_REGIONS


class MemblockDeath(Exception):  # noqa: N818 - the kernel's death, not an error of ours
    """The kernel stops inside a memblock call; the message says at what.

    The caller decides what that means: in a predicted boot it is a fatal hazard of the running step.
    """


class MemblockPanic(MemblockDeath):
    """The kernel calls panic()."""


class MemblockBug(MemblockDeath):
    """The kernel hits a BUG()."""


class Regions:
    """Sorted regions of one kind (``memory`` or ``reserved``).

    Attributes:
        name: "memory" or "reserved".
        starts: first address of each region, ascending.
        ends: address after the last byte of each region.
        flags: ``Flags`` of each region as int.
        capacity: entries that fit before the array must be doubled.
        array: physical address of the array once it was doubled; None: the static one.
        stale_size: bytes that the kernel's ``total_size`` counts though they were trimmed away.
        unmerged: whether equal neighbours may stand unmerged (left so by memblock_cap_memory_range).
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.flags: list[int] = []
        self.capacity = INIT_REGIONS
        self.array: int | None = None
        self.stale_size = 0
        self.unmerged = False

    def copy(self) -> Regions:
        """An independent copy."""
        other = Regions.__new__(Regions)
        other.__dict__.update(self.__dict__)
        other.starts = self.starts[:]
        other.ends = self.ends[:]
        other.flags = self.flags[:]
        return other

    @property
    def regions(self) -> list[tuple[int, int, int]]:
        """The regions as (base, size, flags), ascending."""
        return [(s, e - s, f) for s, e, f in zip(self.starts, self.ends, self.flags, strict=True)]

    def __repr__(self) -> str:
        return f"<{self.name}:{''.join(f' {b:#x}+{s:#x}:{f:x}' for b, s, f in self.regions)}>"

    def __len__(self) -> int:
        return len(self.starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regions) and self.regions == other.regions

    __hash__ = None  # type: ignore[assignment]

    @property
    def total_size(self) -> int:
        """Bytes in all regions, as the kernel counts them."""
        return sum(self.ends) - sum(self.starts) + self.stale_size

    def index_of(self, address: int) -> int:
        """Index of the region that holds ``address``, or -1 (kernel: ``memblock_search``)."""
        i = bisect_right(self.starts, address) - 1
        return i if i >= 0 and address < self.ends[i] else -1

    def overlaps(self, start: int, end: int) -> bool:
        """Whether ``[start, end)`` meets a region.

        The kernel's comparison makes an empty range strictly inside a region overlap it.
        Source: mm/memblock.c ``memblock_overlaps_region``.
        """
        i = bisect_right(self.ends, start)
        return i < len(self.starts) and self.starts[i] < end

    def pieces(self, start: int, end: int) -> int:
        """How many regions adding ``[start, end)`` would insert, before any merge."""
        starts, ends = self.starts, self.ends
        low = bisect_right(ends, start)
        high = bisect_left(starts, end, low)
        if low == high:
            return 1
        count = (starts[low] > start) + (ends[high - 1] < end)
        for i in range(low + 1, high):
            count += starts[i] > ends[i - 1]
        return count

    def insert(self, start: int, end: int, flags: int, *, whole: bool) -> None:
        """Add ``[start, end)``: the bytes not covered yet get ``flags``, then neighbours merge.

        Covered bytes keep the flags they have.  The caller has made room (see ``pieces``).
        """
        starts, ends = self.starts, self.ends
        low = bisect_right(ends, start)
        high = bisect_left(starts, end, low)
        if low != high or self.unmerged:
            self._insert_around(low, high, start, end, flags, whole=whole)
            return
        # The common case: nothing is in the way, at most the two neighbours join.
        all_flags = self.flags
        if low and ends[low - 1] == start and all_flags[low - 1] == flags:
            if low < len(starts) and starts[low] == end and all_flags[low] == flags:
                ends[low - 1] = ends[low]
                del starts[low], ends[low], all_flags[low]
            else:
                ends[low - 1] = end
        elif low < len(starts) and starts[low] == end and all_flags[low] == flags:
            starts[low] = start
        else:
            starts.insert(low, start)
            ends.insert(low, end)
            all_flags.insert(low, flags)

    def _insert_around(self, low: int, high: int, start: int, end: int, flags: int, *, whole: bool) -> None:
        """``insert`` where regions ``low`` to ``high`` are in the way."""
        starts, ends, all_flags = self.starts, self.ends, self.flags
        new: list[tuple[int, int, int]] = []
        first = last = -1
        cursor = start
        for i in range(low, high):
            if starts[i] > cursor:
                last = low + len(new)
                first = last if first < 0 else first
                new.append((cursor, starts[i], flags))
            new.append((starts[i], ends[i], all_flags[i]))
            cursor = ends[i]
        if cursor < end:
            last = low + len(new)
            first = last if first < 0 else first
            new.append((cursor, end, flags))
        if first < 0:
            return
        starts[low:high] = [r[0] for r in new]
        ends[low:high] = [r[1] for r in new]
        all_flags[low:high] = [r[2] for r in new]
        self.merge(first, last + 1, whole=whole)

    def merge(self, first: int, last: int, *, whole: bool) -> None:
        """Join equal neighbours among regions ``first - 1`` to ``last``, or in the ``whole`` array.

        Raises:
            MemblockBug: two regions overlap.
        """
        starts, ends, all_flags = self.starts, self.ends, self.flags
        if whole and self.unmerged:
            first, last = 0, len(starts)
            self.unmerged = False
        low = first - 1 if first else 0
        high = min(last, len(starts) - 1)  # the last index that may be joined to the one before it
        i = low
        while i < high:
            if ends[i] == starts[i + 1] and all_flags[i] == all_flags[i + 1]:
                ends[i] = ends[i + 1]
                del starts[i + 1], ends[i + 1], all_flags[i + 1]
                high -= 1
            elif ends[i] > starts[i + 1]:
                raise MemblockBug(f"memblock_merge_regions: BUG, {self.name} regions overlap")
            else:
                i += 1

    def isolate(self, start: int, end: int) -> tuple[int, int]:
        """Split regions at both ends of the range; return the indices ``[first, last)`` inside it.

        ``(0, 0)`` if no region meets the range.
        """
        starts, ends, all_flags = self.starts, self.ends, self.flags
        low = bisect_right(ends, start)
        high = bisect_left(starts, end, low)
        if low >= high:
            return 0, 0
        if starts[low] < start:
            starts.insert(low + 1, start)
            ends.insert(low, start)
            all_flags.insert(low, all_flags[low])
            low += 1
            high += 1
        if ends[high - 1] > end:
            starts.insert(high, end)
            ends.insert(high - 1, end)
            all_flags.insert(high, all_flags[high - 1])
        return low, high

    def delete(self, first: int, last: int) -> None:
        """Drop regions ``[first, last)``."""
        del self.starts[first:last], self.ends[first:last], self.flags[first:last]
        if not self.starts:
            self.stale_size = 0

    def keep(self, indices: list[int]) -> None:
        """Drop all other regions; equal neighbours may stand unmerged afterwards."""
        self.starts = [self.starts[i] for i in indices]
        self.ends = [self.ends[i] for i in indices]
        self.flags = [self.flags[i] for i in indices]
        self.unmerged = True

    def trim(self, align: int, address_max: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Shrink regions to multiples of ``align``; return what they lost and gained, highest first.

        They gain where the rounding of a start wraps to 0; and ``total_size`` does not notice a region that
        shrank: both as in mm/memblock.c ``memblock_trim_memory``.
        """
        lost: list[tuple[int, int]] = []
        gained: list[tuple[int, int]] = []
        for i in range(len(self.starts) - 1, -1, -1):
            start, end = self.starts[i], self.ends[i]
            low = (((start - 1) | (align - 1)) + 1) & address_max
            high = end & -align
            if low >= high:
                self.delete(i, i + 1)
                lost.append((start, end))
                continue
            if end > high:
                lost.append((max(high, start), end))
            if start < low:
                lost.append((start, low))
            elif start > low:
                gained.append((low, min(start, high)))
            self.starts[i], self.ends[i] = low, high
            self.stale_size += (end - start) - (high - low)
        return lost, gained
