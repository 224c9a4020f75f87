"""The kernel's own listing of its page tables, line for line, from any tables.

What the kernel prints is not what is mapped: it reads Linux's halves, joins entries with equal bits wherever their
physical pages lie, prints nothing for entries all of whose bits are 0, and lets a lone first section of a pair reach
over its empty neighbour.  All of that is kept, so that two such files can be compared with diff.

Source: arch/arm/mm/dump.c ``walk_pgd``, ``walk_pmd``, ``walk_pte``, ``note_page``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec import Struct

from bootmap.errors import AbsentMemoryError
from bootmap.facts.linux.linux_prot import LONG, SHORT
from bootmap.facts.linux.ptdump import DOMAINS, PTE_BITS, SECTION_BITS, STYLES
from bootmap.units import PAGE_SHIFT, PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bootmap.facts.linux.ptdump import ProtBit
    from bootmap.mmu.memory import Memory
    from bootmap.mmu.regs import Regime

    Words = NDArray[np.uint64]

PUD, PMD, PTE = 3, 4, 5  # the numbers of levels that count here; what lies above the pmd prints nothing
_U32 = 0xFFFFFFFF
_SECTION = 2
_LONG_SECTION, _LONG_TYPE, _LONG_VALID = 1, 3, 1
_NO_DOMAIN = -1
_DOMAIN_SHIFT, _DOMAINS = 5, 16
_PHYS_LONG = 0xFF_FFFF_F000
_GIB_SHIFT = 30
_PAIR_SHIFT = 21


class Marker(NamedTuple):
    """A line that names an area, from ``start`` on."""

    name: str
    start: int


class Line(Struct, frozen=True):
    """A line that lists entries.

    Attributes:
        start: first virtual address.
        end: first virtual address after; 0 is 4 GiB.
        level: ``PMD`` or ``PTE``.
        domain: the name of the domain, None in the long format.
        prot: the bits that the columns show.
    """

    start: int
    end: int
    level: int
    domain: str | None
    prot: int


class Style(Struct, frozen=True):
    """How one kernel prints.

    Attributes:
        has: names of the rows of ``spec.ptdump.STYLES`` that hold.
        long: it has long descriptors.
        bits: the columns by level.
        domains: name by number of the domain, None for one that has no name.
        markers: the areas, ascending.
    """

    has: frozenset[str]
    long: bool
    bits: dict[int, tuple[ProtBit, ...]]
    domains: tuple[str | None, ...]
    markers: tuple[Marker, ...]


class _Events(NamedTuple):
    """What ``note_page`` is told, in order; arrays of one length."""

    address: Words
    level: NDArray[np.int8]
    prot: Words
    domain: NDArray[np.int8]


def style_of(
    version: tuple[int, ...],
    sublevel: int | None,
    *,
    long: bool,
    since_v6: bool,
    io_36: bool,
    markers: Sequence[Marker],
) -> Style:
    """How a kernel prints.

    Args:
        version: mainline release.
        sublevel: of the stable series, None for the latest.
        long: CONFIG_ARM_LPAE.
        since_v6: the oldest CPU that it was built for is an ARMv6 or later.
        io_36: CONFIG_IO_36, which numbers the domains differently.
        markers: the areas of its layout, all that any version names.
    """
    has = frozenset(row.name for row in STYLES if row.covers(version, sublevel))
    if not long:
        sections = SECTION_BITS["v6" if since_v6 else "v4"]
    elif "long_rdonly_both" in has:
        sections = SECTION_BITS["long, both"]
    else:
        sections = SECTION_BITS["long, rdonly" if "long_rdonly" in has else "long, AP[2]"]
    absent = "vmalloc() End" if "fdt_marker" in has else "FDT Area"
    named: tuple[str | None, ...] = DOMAINS[io_36]
    return Style(
        has=has,
        long=long,
        bits={PMD: sections, PTE: PTE_BITS["long" if long else "short"]},
        domains=(*named, *([None] * (_DOMAINS - len(named)))),
        markers=tuple(marker for marker in markers if marker.name != absent),
    )


def ptdump(memory: Memory, regime: Regime, root: int, style: Style) -> list[Marker | Line]:
    """The listing.

    Args:
        memory: physical memory; a table that it does not hold is taken for empty.
        regime: for the byte order.
        root: physical address of the kernel's page directory.
        style: how to print.

    Raises:
        AbsentMemoryError: the page directory itself is not there.
    """
    events = (_long_events if style.long else _short_events)(memory, regime.byteorder, root, style)
    return _noted(events, style)


def _short_events(memory: Memory, order: str, root: int, style: Style) -> _Events:
    pairs = _words(memory, root, SHORT.pgd_bytes, SHORT.word_bytes, order, required=True).reshape(-1, 2)
    first, second = pairs[:, 0], pairs[:, 1]
    is_table = (first != 0) & (first & _SECTION == 0)
    tables = np.flatnonzero(is_table)
    ptes, count = _ptes(memory, order, first[tables] & np.uint64(_U32 & -PAGE_SIZE), SHORT.word_bytes)
    pairs_at = np.arange(len(pairs), dtype=np.uint64) << np.uint64(_PAIR_SHIFT)
    domain = _domains_of(first, style)
    lone = np.flatnonzero(~is_table)
    half = np.flatnonzero(second & _SECTION)
    first_level = PUD if "pmd_as_pud" in style.has else PMD
    # Sort key: pairs in order; within one the entry or the ptes of its first word, then the second section.
    parts = [
        _part(lone, 0, pairs_at[lone], first_level, first[lone], domain[lone]),
        _part(
            np.repeat(tables, count),
            0,
            (pairs_at[tables][:, None] + _offsets(count)).ravel(),
            PTE,
            ptes,
            np.repeat(domain[tables], count),
        ),
        _part(
            half, 1, pairs_at[half] + np.uint64(SHORT.section_size), PMD, second[half], _domains_of(second[half], style)
        ),
    ]
    return _joined(parts, style)


def _long_events(memory: Memory, order: str, root: int, style: Style) -> _Events:
    word = LONG.word_bytes
    pgd = _words(memory, root, 4 * word, word, order, required=True)
    parts, first_level = [], PUD if "pmd_as_pud" in style.has else PMD
    for number, entry in enumerate(pgd):
        at = np.uint64(number << _GIB_SHIFT)
        if entry == 0:
            none = np.zeros(1, np.int64)
            parts.append(_part(none + number * 513, 0, np.array([at]), PUD, np.zeros(1, np.uint64), _none(1)))
            continue
        pmds = _words(memory, int(entry) & _PHYS_LONG, PAGE_SIZE, word, order)
        addresses = at + (np.arange(len(pmds), dtype=np.uint64) << np.uint64(_PAIR_SHIFT))
        is_table = (pmds & _LONG_VALID != 0) & (pmds & _LONG_TYPE != _LONG_SECTION)
        lone, tables = np.flatnonzero(~is_table), np.flatnonzero(is_table)
        ptes, count = _ptes(memory, order, pmds[tables] & np.uint64(_PHYS_LONG), word)
        base = number * 513
        parts.append(_part(base + lone, 0, addresses[lone], first_level, pmds[lone], _none(len(lone))))
        parts.append(
            _part(
                base + np.repeat(tables, count),
                0,
                (addresses[tables][:, None] + _offsets(count)).ravel(),
                PTE,
                ptes,
                _none(len(ptes)),
            )
        )
    return _joined(parts, style)


_Part = tuple["NDArray[np.int64]", _Events]


def _part(
    place: NDArray[np.int64], half: int, address: Words, level: int, word: Words, domain: NDArray[np.int8]
) -> _Part:
    return 2 * place + half, _Events(address, np.full(len(address), level, np.int8), word, domain)


def _joined(parts: list[_Part], style: Style) -> _Events:
    """The parts in the order of the kernel's walk, the words cut to the bits that their level shows."""
    order = np.argsort(np.concatenate([place for place, _ in parts]), kind="stable")
    columns = [np.concatenate(column)[order] for column in zip(*(events for _, events in parts), strict=True)]
    address, level, word, domain = columns
    masks = np.zeros(PTE + 1, np.uint64)
    for number, bits in style.bits.items():
        masks[number] = np.bitwise_or.reduce([np.uint64(bit.mask) for bit in bits])
    return _Events(address, level, word & masks[level], domain)


def _noted(events: _Events, style: Style) -> list[Marker | Line]:
    address, level, prot, domain = events
    changed = (prot[1:] != prot[:-1]) | (level[1:] != level[:-1])
    if "domain" in style.has:
        changed |= domain[1:] != domain[:-1]
    changes = np.flatnonzero(changed) + 1
    marker, count = 0, len(address)
    lines: list[Marker | Line] = [style.markers[0]]
    at = start = 0
    while True:
        above = style.markers[marker + 1].start if marker + 1 < len(style.markers) else _U32
        place = int(np.searchsorted(changes, at, side="right"))
        following = int(changes[place]) if place < len(changes) else count
        reached = np.flatnonzero(address[at + 1 : following] >= above)
        if len(reached):
            following = at + 1 + int(reached[0])
        end = int(address[following]) if following < count else 0
        if prot[at]:
            name = style.domains[domain[at]] if domain[at] != _NO_DOMAIN else None
            shown = (name or "unknown") if domain[at] != _NO_DOMAIN and "domain" in style.has else None
            lines.append(Line(int(address[start]), end, int(level[at]), shown, int(prot[at])))
        if following >= count:
            return lines
        if end >= above:
            marker += 1
            lines.append(style.markers[marker])
        at = start = following


def _domains_of(words: Words, style: Style) -> NDArray[np.int8]:
    """The domain's number; all those without a name are one, as the kernel compares names."""
    numbers = (words >> np.uint64(_DOMAIN_SHIFT) & np.uint64(_DOMAINS - 1)).astype(np.int8)
    numbers[numbers >= sum(name is not None for name in style.domains)] = _DOMAINS - 1
    return numbers


def _none(count: int) -> NDArray[np.int8]:
    return np.full(count, _NO_DOMAIN, np.int8)


def _offsets(count: int) -> Words:
    return np.arange(count, dtype=np.uint64) << np.uint64(PAGE_SHIFT)


def _ptes(memory: Memory, order: str, pages: Words, word: int) -> tuple[Words, int]:
    """Linux's ptes of some pages, one after another, and how many there are in a page."""
    count = SHORT.ptes_per_table
    if not len(pages):
        return np.zeros(0, np.uint64), count
    return np.concatenate([_words(memory, int(page), count * word, word, order) for page in pages]), count


def _words(memory: Memory, pa: int, size: int, word: int, order: str, *, required: bool = False) -> Words:
    try:
        data = memory.read(pa, size)
    except LookupError:
        if required:
            raise AbsentMemoryError(pa, f"the page directory at {pa:#010x} is not in the source") from None
        return np.zeros(size // word, np.uint64)
    return np.frombuffer(data, f"{'>' if order == 'big' else '<'}u{word}").astype(np.uint64)
