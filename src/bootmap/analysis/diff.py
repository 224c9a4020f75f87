"""Two sets of page tables: what changed, as ranges and rights, and whether a running kernel does such things.

    A  |--- 0xc0000000 r-x ---|                  |--- rw- ---|
    B  |--- 0xc0000000 r-x ---|--- new rw- ---|  |--- rwx ---|
    differences                added              rights

Both maps are cut at each other's edges, so that every piece is one thing in each; pieces that changed alike are joined.
A change is *expected* where a kernel makes it by itself after paging_init(), and *altered* where none does.
Not here: words, which the walk shows, and what is wrong with one set of tables alone (audit).

Sources for what a running kernel changes: arch/arm/mm/init.c ``free_initmem``, ``mark_rodata_ro``; mm/vmalloc.c;
mm/highmem.c; arch/arm/mm/dma-mapping.c ``__dma_remap``; arch/arm/kernel/module.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bootmap.facts.arm.permissions import Rights
from bootmap.mmu.bulk import ascending
from bootmap.mmu.regs import VA_END
from bootmap.shown import Shown
from bootmap.units import MIB, PAGE_SIZE, Span, align_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.mmu.attributes import Attributes
    from bootmap.mmu.bulk import I64, Map, Ranges
    from bootmap.mmu.memory import Memory

MOST = 1 << 16
"""Changes that are listed; tables that have more in common with noise have more."""
_USER_GAP = 16 * MIB
_AT_ONCE = 1 << 17  # runs that are compared together, so that this takes little memory


class Side(Struct, frozen=True):
    """What one of the two says of a piece: physical address of its first byte, attributes, sizes of descriptors."""

    pa: int
    attributes: Attributes
    granules: tuple[int, ...]


class TableChange(Shown, Struct, frozen=True):
    """A stretch of virtual addresses that is not the same in both.

    Attributes:
        va: first virtual address.
        size: bytes.
        kinds: what changed: added, removed, moved, rights, memory type, domain, flags, granule, Linux half.
        before: what the first says; None where it maps nothing.
        after: what the second says; None where it maps nothing.
        area: the part of the kernel's layout, "" where the layout is not known.
        reason: what makes such a change by itself; "" where nothing does.
    """

    va: int
    size: int
    kinds: tuple[str, ...]
    before: Side | None
    after: Side | None
    area: str = ""
    reason: str = ""

    @property
    def end(self) -> int:
        """First virtual address after it."""
        return self.va + self.size

    @property
    def altered(self) -> bool:
        """Whether no running kernel makes such a change."""
        return not self.reason


class AreaLayout(Struct, frozen=True):
    """What is where in virtual space, as far as it is known.

    Attributes:
        page_offset: PAGE_OFFSET.
        high_memory: end of lowmem; None where not known.
        image: the kernel's image from PAGE_OFFSET to its last section's end; None where not known.
        pkmap: kmap's window below PAGE_OFFSET; empty without HIGHMEM.
        fixmap: the fixmap.
        coherent: lowmem whose attributes drivers may change: the areas for contiguous memory.
    """

    page_offset: int
    high_memory: int | None
    image: Span | None
    pkmap: Span
    fixmap: Span
    coherent: tuple[Span, ...] = ()


def differences(before: Map, after: Map, *, granule: bool = False) -> list[TableChange]:
    """Every change, by virtual address, at most `MOST` of them.

    What one of the two holds no tables for is left out: nothing is known of it.

    Args:
        before: the first map.
        after: the second.
        granule: whether the same mapping by descriptors of other sizes is a change.
    """
    unread = [*before.unread, *after.unread]
    numbers: dict[object, int] = {}
    classes = [
        np.array([numbers.setdefault(a, len(numbers)) for a in side.outcomes] or [0], np.int64)
        for side in (before, after)
    ]
    found: list[TableChange] = []
    step = align_up(VA_END // (1 + (len(before.runs.va) + len(after.runs.va)) // _AT_ONCE), PAGE_SIZE)
    for start in range(0, VA_END, step):
        window = Span(start, min(start + step, VA_END))
        ones, others = (side.ranges() if step == VA_END else side.ranges_in(window) for side in (before, after))
        lost = [Span(max(one.start, start), min(one.end, window.end)) for one in unread if one.overlaps(window)]
        for change in _pieces(ones, others, classes, lost, granule=granule):
            if found and _goes_on(found[-1], change):
                found[-1] = replace(found[-1], size=change.end - found[-1].va)
            else:
                found.append(change)
            if len(found) >= MOST:
                return found
    return found


def _pieces(
    first: Ranges, second: Ranges, classes: list[I64], unread: list[Span], *, granule: bool
) -> Iterator[TableChange]:
    """Every piece between two edges of ``first`` and ``second`` that is not the same in both."""
    lost = np.array([edge for span in unread for edge in span], np.int64)
    edges = ascending(np.concatenate([first.va, first.va + first.size, second.va, second.va + second.size, lost]))
    if len(edges) < 2:
        return
    va, size = edges[:-1], np.diff(edges)
    ones, others = _at(first, va), _at(second, va)
    both = (ones >= 0) & (others >= 0)
    same = both & (_pa(first, ones, va) == _pa(second, others, va))
    same &= _of(classes[0], first, ones) == _of(classes[1], second, others)
    if granule and len(first) and len(second):
        same &= first.granules[ones] == second.granules[others]
    changed = ~same & ((ones >= 0) | (others >= 0))
    for span in unread:
        changed &= (va < span.start) | (va >= span.end)
    for place in np.flatnonzero(changed).tolist():
        yield _change(
            int(va[place]),
            int(size[place]),
            _side(first, int(ones[place]), int(va[place])),
            _side(second, int(others[place]), int(va[place])),
        )


def _at(ranges: Ranges, va: I64) -> I64:
    """The range that holds each address, -1 where none does."""
    if not len(ranges):
        return np.full(len(va), -1, np.int64)
    place = np.searchsorted(ranges.va, va, side="right") - 1
    inside = (place >= 0) & (va < ranges.va[place] + ranges.size[place])
    return np.where(inside, place, -1)


def _pa(ranges: Ranges, places: I64, va: I64) -> I64:
    return ranges.pa[places] + (va - ranges.va[places]) if len(ranges) else np.zeros_like(va)


def _of(classes: I64, ranges: Ranges, places: I64) -> I64:
    return classes[ranges.outcome[places]] if len(ranges) else np.zeros_like(places)


def _side(ranges: Ranges, place: int, va: int) -> Side | None:
    if place < 0:
        return None
    found = ranges[place]
    return Side(found.pa + va - found.va, found.attributes, found.granules)


def _change(va: int, size: int, before: Side | None, after: Side | None) -> TableChange:
    kinds: list[str] = []
    if before is None or after is None:
        kinds.append("added" if before is None else "removed")
    else:
        one, other = before.attributes, after.attributes
        asked = (
            ("moved", before.pa != after.pa),
            ("rights", one.rights != other.rights),
            ("memory type", one.memory != other.memory),
            ("domain", (one.domain, one.domain_access) != (other.domain, other.domain_access)),
            ("flags", (one.accessed, one.not_global, one.secure) != (other.accessed, other.not_global, other.secure)),
        )
        kinds += [kind for kind, holds in asked if holds]
        kinds = kinds or ["granule"]
    return TableChange(va, size, tuple(kinds), before, after)


def _goes_on(last: TableChange, change: TableChange) -> bool:
    """Whether ``change`` is the same as ``last`` right behind it."""

    def follows(one: Side | None, other: Side | None) -> bool:
        if one is None or other is None:
            return one is other
        return one.attributes == other.attributes and other.pa - one.pa == last.size

    return (
        last.end == change.va
        and last.kinds == change.kinds
        and follows(last.before, change.before)
        and follows(last.after, change.after)
    )


def linux_only(before: tuple[Map, Memory], after: tuple[Map, Memory]) -> list[TableChange]:
    """Pages whose hardware words are equal in both and Linux's are not; short descriptors only.

    Source: arch/arm/include/asm/pgtable-2level.h (Linux's 256 words lie 2048 bytes below the hardware's).
    """
    tables = [
        {table.va: table.pa for table in mapped.tables if table.level == 2 and table.pa % PAGE_SIZE >= PAGE_SIZE // 2}
        for mapped, _ in (before, after)
    ]
    found: list[TableChange] = []
    for va in sorted(tables[0].keys() & tables[1].keys()):
        try:
            halves = [
                [np.frombuffer(memory.read(pa - back, 1024), "<u4") for back in (0, 2048)]
                for (_, memory), pa in ((before, tables[0][va]), (after, tables[1][va]))
            ]
        except LookupError:
            continue
        hardware, linux = (halves[0][half] == halves[1][half] for half in (0, 1))
        places = np.flatnonzero(hardware & ~linux & (halves[0][0] != 0)).tolist()
        found += [TableChange(va + place * PAGE_SIZE, PAGE_SIZE, ("Linux half",), None, None) for place in places]
    return found


def classed(changes: Sequence[TableChange], layout: AreaLayout) -> Iterator[TableChange]:
    """The changes with their areas, and with what makes them where a running kernel does."""
    for change in changes:
        area, reason = _judge(change, layout)
        yield replace(change, area=area, reason=reason)


def _judge(change: TableChange, layout: AreaLayout) -> tuple[str, str]:
    va, only = change.va, change.kinds[0]
    grows = only in ("added", "removed")
    if only == "granule":
        return _area(va, layout), "the same mapping in other sizes"
    if va < layout.page_offset - _USER_GAP:
        return "user", "a process"
    if layout.pkmap.start <= va < layout.pkmap.end:
        return "pkmap", "kmap() of highmem pages"
    if va < layout.page_offset:
        return "modules", "loadable modules"
    if va >= 0xFFFF0000:
        return "vectors", ""
    if layout.fixmap.start <= va < layout.fixmap.end:
        return "fixmap", "a slot of the fixmap was set" if grows else ""
    if layout.high_memory is None or va < layout.high_memory:
        return _lowmem(change, layout)
    return "vmalloc", "vmalloc(), ioremap()" if grows else ""


def _area(va: int, layout: AreaLayout) -> str:
    return "lowmem" if layout.page_offset <= va < (layout.high_memory or 1 << 32) else ""


def _lowmem(change: TableChange, layout: AreaLayout) -> tuple[str, str]:
    """Lowmem: the kernel takes rights away from its own image, and drivers change their coherent memory."""
    inside = layout.image is not None and layout.image.start <= change.va and change.end <= layout.image.end
    area = "kernel image" if inside else "lowmem"
    if change.before is None or change.after is None:
        return area, ""
    lost = change.before.attributes.rights & ~change.after.attributes.rights
    gained = change.after.attributes.rights & ~change.before.attributes.rights
    if change.kinds == ("rights",) and inside and not gained and not lost & Rights.READ:
        return area, "mark_rodata_ro(), free_initmem()"
    if "moved" not in change.kinds and any(s.start <= change.va and change.end <= s.end for s in layout.coherent):
        return area, "dma_alloc_coherent() in an area for contiguous memory"
    return area, ""
