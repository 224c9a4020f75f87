"""LMB, U-Boot's list of memory and of what is reserved in it, as each release keeps it.

A region that is added joins a neighbour, is refused where it overlaps (up to 2024.10), or makes what it overlaps
larger (2025.01 and later, unless flags forbid that).  Allocations go from the top down.  Every oddity is kept: a
region that touches a neighbour is joined to it before anyone looks whether it overlaps the next one, and a list that is
full refuses what would need a region of its own.

Source: lib/lmb.c of 2021.01, 2023.01, 2025.01 and 2026.10-rc2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.units import Span, align_down

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.loaders.uboot.release import UBoot

OK, FAILED, INVALID, EXISTS = 0, -1, -22, -17
"""What a reservation returns; the last two are EINVAL and EEXIST."""
NO_CASE = "This will not be a case any time"
"""What U-Boot says of a region that holds the next one."""
_OLD_MOST, _MOST = 8, 16
_NO_WRAP = (1 << 128) - 1


class Region(Struct):
    """One region: ``base`` and ``size`` in bytes, and its flags."""

    base: int
    size: int
    flags: int = 0

    @property
    def end(self) -> int:
        """Behind its last byte."""
        return self.base + self.size

    @property
    def span(self) -> Span:
        """Its addresses."""
        return Span(self.base, self.end)

    def overlaps(self, base: int, size: int, mask: int = _NO_WRAP) -> bool:
        """Whether U-Boot finds it to share a byte with the range; ends wrap around where addresses do."""
        return base <= (self.end - 1) & mask and self.base <= (base + size - 1) & mask


class Lmb:
    """The two lists.

    Args:
        uboot: whose rules hold.
        memory: ranges of RAM.
        reserved: regions that are reserved from the start, as U-Boot shows them.

    Attributes:
        memory: regions of RAM.
        reserved: regions that are taken.
        said: lines that U-Boot prints on the way.
    """

    def __init__(self, uboot: UBoot, memory: Iterable[Span], reserved: Iterable[Region] = ()) -> None:
        self._uboot = uboot
        self._mask = uboot.address_mask
        self.memory: list[Region] = []
        self.reserved = [Region(each.base, each.size, each.flags) for each in reserved]
        self.said: list[str] = []
        for span in memory:
            self._add(self.memory, span.start, span.size, 0)

    def reserve(self, base: int, size: int, flags: int = 0) -> int:
        """Reserve a range; one of the module's results."""
        if not self._uboot.does("lmb_flags"):
            flags = 0
        if self._uboot.does("lmb_checks_first"):
            for region in self.reserved:
                if region.overlaps(base, size, self._mask) and (flags or region.flags):
                    return EXISTS
        return self._add(self.reserved, base, size, flags)

    def reserve_at(self, base: int, size: int, flags: int = 0) -> int:
        """Reserve a range that must lie in one region of memory, as 2025.10 and later do for all."""
        if not size:
            return OK
        inside = next((region for region in self.memory if region.overlaps(base, size, self._mask)), None)
        if inside is None or not inside.overlaps(base + size - 1, 1):
            return INVALID
        return self.reserve(base, size, flags)

    def in_memory(self, base: int, size: int) -> bool:
        """Whether the range shares a byte with memory."""
        return any(region.overlaps(base, size) for region in self.memory)

    def allocate(self, size: int, align: int, highest: int) -> int | None:
        """Take ``size`` bytes as high as possible, ending at ``highest`` or below.

        Args:
            size: bytes.
            align: a power of two.
            highest: physical address behind the last byte; 0 for anywhere.

        Returns:
            The first byte's address; None where there is no room.
        """
        for region in reversed(self.memory):
            if region.size < size:
                continue
            if not highest:
                base = align_down(region.end - size, align)
            elif region.base < highest:
                end = region.end & self._mask
                base = align_down(min(end if end >= region.base else self._mask, highest) - size, align)
            else:
                continue
            base &= self._mask
            while base and region.base <= base:
                taken = next((each for each in self.reserved if each.overlaps(base, size, self._mask)), None)
                if taken is None:
                    return base if self._add(self.reserved, base, size, 0) == OK else None
                if taken.base < size:
                    break
                base = align_down(taken.base - size, align)
        return None

    def free(self, base: int, size: int) -> int:
        """Give back a range that lies in one reserved region."""
        end = base + size
        for region in self.reserved:
            if region.base <= base and end <= region.end:
                break
        else:
            return FAILED
        if region.base == base and region.end == end:
            self.reserved.remove(region)
        elif region.base == base:
            region.base, region.size = end, region.size - size
        elif region.end == end:
            region.size -= size
        else:
            rest = region.end - end
            region.size = base - region.base
            return self._add(self.reserved, end, rest, region.flags)
        return OK

    # -- one list ------------------------------------------------------------------------------------------------

    def _add(self, regions: list[Region], base: int, size: int, flags: int) -> int:
        if self._uboot.does("lmb_resizes"):
            return self._add_resizing(regions, base, size, flags)
        if not regions:
            regions.append(Region(base, size, flags))
            return OK
        joined, at = False, len(regions)
        for i, region in enumerate(regions):
            subset = self._uboot.does("lmb_subset_is_fine") and region.base <= base and base + size <= region.end
            if subset or (region.base, region.size) == (base, size):
                return OK if region.flags == flags else FAILED
            if base + size == region.base or base == region.end:
                at = i
                joined = self._join(region, base, size, flags)
                break
            if region.overlaps(base, size, self._mask):
                return FAILED
        if at < len(regions) - 1 and _alike(regions, at):
            first, second = regions[at], regions[at + 1]
            if _joined_next(regions, at):
                joined = True
            elif self._uboot.does("lmb_joins_overlaps") and first.overlaps(second.base, second.size):
                self._take_in(regions, at)
                joined = True
        if joined:
            return OK
        if len(regions) >= (_MOST if self._uboot.does("lmb_16_regions") else _OLD_MOST):
            return FAILED
        _insert(regions, Region(base, size, flags))
        return OK

    def _take_in(self, regions: list[Region], at: int) -> None:
        """Make a region reach to the end of the next one, which it overlaps."""
        first, second = regions[at], regions[at + 1]
        if first.end > second.end:
            self.said.append(NO_CASE)
        else:
            first.size = second.end - first.base
            del regions[at + 1]

    def _join(self, region: Region, base: int, size: int, flags: int) -> bool:
        """Make a neighbour larger by the range, if their flags are the same."""
        if region.flags != flags:
            return False
        region.base = min(region.base, base)
        region.size += size
        return True

    def _add_resizing(self, regions: list[Region], base: int, size: int, flags: int) -> int:
        joined, at = False, len(regions)
        for i, region in enumerate(regions):
            if base + size == region.base:
                at, joined = i, self._join(region, base, size, flags)
                break
            if base == region.end:
                if region.flags != flags and self._uboot.does("lmb_goes_on_past_flags"):
                    continue
                at, joined = i, self._join(region, base, size, flags)
                break
            if region.overlaps(base, size, self._mask):
                if flags and not self._uboot.does("lmb_checks_first"):
                    return EXISTS
                if not _resize(regions, i, base, size):
                    return FAILED
                at, joined = i, True
                break
        if at < len(regions) - 1 and _alike(regions, at):
            first, second = regions[at], regions[at + 1]
            if _joined_next(regions, at):
                joined = True
            elif first.overlaps(second.base, second.size):
                if self._uboot.does("lmb_goes_on_past_flags"):
                    if not _resize(regions, at, first.base, first.size):
                        return FAILED
                else:
                    self._take_in(regions, at)
                joined = True
        if not joined:
            _insert(regions, Region(base, size, flags))
        return OK


def _alike(regions: list[Region], at: int) -> bool:
    return regions[at].flags == regions[at + 1].flags


def _joined_next(regions: list[Region], at: int) -> bool:
    """Whether a region and the next one touch: they are one then."""
    first, second = regions[at], regions[at + 1]
    if first.end != second.base and second.end != first.base:
        return False
    first.size += second.size
    del regions[at + 1]
    return True


def _resize(regions: list[Region], at: int, base: int, size: int) -> bool:
    """Make one region of all that the range overlaps; False where a flag forbids it."""
    hits = [i for i in range(at, len(regions)) if regions[i].overlaps(base, size)]
    if any(regions[i].flags for i in hits):
        return False
    first, last = regions[at], regions[hits[-1]]
    start, end = min(base, first.base), max(last.end, base + size)
    first.base, first.size = start, end - start
    del regions[at + 1 : at + len(hits)]
    return True


def _insert(regions: list[Region], new: Region) -> None:
    """Put it behind the last region that does not begin above it, looked for from the end."""
    at = len(regions)
    while at and new.base < regions[at - 1].base:
        at -= 1
    regions.insert(at, new)
