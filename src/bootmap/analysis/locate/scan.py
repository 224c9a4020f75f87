"""One pass over an image for what looks like Linux's first-level page tables: the sieve before any walk.

    short   16 KiB, aligned to its size:   [ user half .... | PAGE_OFFSET: section, section, ... | vectors: table ]
    long    a page that begins with four table descriptors, each 4 KiB further than the one before:
            swapper_pg_dir with the pmd pages behind it; processes' pgds are 32 bytes anywhere, with the same last entry

Only a few words of each candidate are looked at, so that the pass costs little more than reading.  What is let
through is judged in ``locate``.  Not here: second-level tables, which are found through the first.

Sources: arch/arm/kernel/head.S ``__create_page_tables`` (the pmd pages follow the pgd), arch/arm/mm/pgd.c ``pgd_alloc``
(a process's table copies the kernel's entries), arch/arm/mm/mmu.c ``devicemaps_init`` (vectors at 0xffff0000),
arch/arm/Kconfig ``PAGE_OFFSET``.
"""

from __future__ import annotations

import mmap
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct, field

from bootmap.facts.linux.vmsplit import PAGE_OFFSETS
from bootmap.units import MIB, PAGE_SIZE, Span, align_down, align_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bootmap.image.memory import ImageMemory

    Words = NDArray[np.unsignedinteger[Any]]

"""PAGE_OFFSET under VMSPLIT_3G, VMSPLIT_3G_OPT, VMSPLIT_2G and VMSPLIT_1G."""

ROOT_SHORT = 0x4000
MOST_TABLES = 4096
"""First-level tables that are kept of one kind: far more than a 32-bit machine has processes, and a bound."""

_MOST_ROOTS = 16
_LEAST_SECTIONS = 3
# First-level entries from PAGE_OFFSET on, in pairs, at which lowmem is looked for: the beginning and further in.
_PROBES = (0, 2, 5, 11)
_COLUMNS = np.array(
    [(split >> 20) + probe + next_one for next_one in (0, 1) for split in PAGE_OFFSETS for probe in _PROBES]
    + [0xFFE, 0xFFF]
)
_PAIRS = len(PAGE_OFFSETS) * len(_PROBES)
_BASE_AND_TYPE = np.uint32(0xFFF00003)  # of a section
_COARSE_BYTES = 0x400
_ENTRY_LOW = 0xFFF  # of a table descriptor of the long format: type, and bits that Linux leaves 0
_WINDOW = 16 * MIB


class Scan(Struct):
    """What one pass let through, by address in the image.

    Attributes:
        short: 16 KiB that may be a first-level table of short descriptors.
        long: pages that may be swapper_pg_dir of long descriptors.
        processes: places whose four entries end in the last entry of such a page, by that entry.
        size: bytes that were looked at.
        problems: what had to be left out.
    """

    short: list[int] = field(default_factory=list)
    long: list[int] = field(default_factory=list)
    processes: dict[int, list[int]] = field(default_factory=dict)
    size: int = 0
    problems: list[str] = field(default_factory=list)


def scan(memory: ImageMemory, phase: int = 0) -> Scan:
    """Look through all of ``memory`` once.

    Args:
        memory: the image.
        phase: bytes by which 16 KiB tables lie off their alignment in the image, where its address is not known.
    """
    found = Scan()
    since: dict[int, int] = {}  # last entry of a root -> how far the image was searched before it was known
    for start, view in _windows(memory):
        found.size += len(view)
        _short(found, start, view, phase)
        for entry in _long(found, start, view):
            if entry not in since and len(since) < _MOST_ROOTS:
                since[entry] = start
                found.processes[entry] = []
        _sharing(found, start, view, since)
    _catch_up(found, memory, since)
    for name, there in (("short", found.short), ("long", found.long)):
        if len(there) > MOST_TABLES:
            found.problems.append(
                f"{len(there)} places look like {name} tables; the first {MOST_TABLES} were looked at"
            )
            del there[MOST_TABLES:]
    for places in found.processes.values():
        places.sort()
        del places[MOST_TABLES:]
    return found


def _windows(memory: ImageMemory) -> Iterator[tuple[int, memoryview]]:
    """Everything that ``memory`` holds, ascending, as (address, bytes), as it is mapped.

    Of most pages a few words are looked at, so that copying them first would be most of the work.  What was mapped is
    given back after each window: the whole dump never counts as this process's memory.
    """
    for held in memory.ranges:
        start = held.start
        while start < held.end:
            end = min(align_down(start, _WINDOW) + _WINDOW, held.end)
            view = memory.view(Span(start, end))
            yield start, view
            if isinstance(view.obj, mmap.mmap):
                view.obj.madvise(mmap.MADV_DONTNEED)
            start = end


def _short(found: Scan, start: int, view: memoryview, phase: int) -> None:
    first = align_up(start - phase, ROOT_SHORT) + phase
    count = (start + len(view) - first) // ROOT_SHORT
    if count <= 0:
        return
    tables = np.frombuffer(view, "<u4", count * 0x1000, first - start).reshape(count, 0x1000)
    sample = np.take(tables, _COLUMNS, axis=1)
    one, two = sample[:, :_PAIRS] & _BASE_AND_TYPE, sample[:, _PAIRS : 2 * _PAIRS] & _BASE_AND_TYPE
    sections = (two - one == MIB) & (one & 3 == 2)
    low, high = sample[:, -2], sample[:, -1]
    vectors = (high & 3 == 1) & (high - low == _COARSE_BYTES)
    for row in np.flatnonzero(sections.any(axis=1) | vectors).tolist():
        if longest_line(tables[row]) >= _LEAST_SECTIONS:
            found.short.append(first + row * ROOT_SHORT)


def longest_line(words: Words) -> int:
    """How many sections of a first-level table, at most, lie on one straight line from virtual to physical."""
    at = np.flatnonzero(words & 3 == 2)
    if not len(at):
        return 0
    return int(np.bincount((at - (words[at] >> 20).astype(np.int64)) & 0xFFF).max())


def _long(found: Scan, start: int, view: memoryview) -> Iterator[int]:
    """Add the pages that begin like swapper_pg_dir; give the last entry of each."""
    first = align_up(start, PAGE_SIZE)
    if first >= start + len(view):
        return
    words = np.frombuffer(view, "<u8", (start + len(view) - first) // 8, first - start)
    count = len(words[3::512])
    for row in np.flatnonzero(words[1::512][:count] - words[::512][:count] == PAGE_SIZE).tolist():
        entries = [int(entry) for entry in words[512 * row : 512 * row + 4]]
        if entries[0] & _ENTRY_LOW == 3 and all(b - a == PAGE_SIZE for a, b in pairwise(entries)):
            found.long.append(first + row * PAGE_SIZE)
            yield entries[3]


def _sharing(found: Scan, start: int, view: memoryview, entries: dict[int, int]) -> None:
    """Add the places, of 32 bytes each, that end in one of ``entries``."""
    if not entries:
        return
    first = align_up(start, 32)
    count = (start + len(view) - first) // 32
    if count <= 0:
        return
    last = np.frombuffer(view, "<u8", count * 4, first - start)[3::4]
    for entry in entries:
        same = last == np.uint64(entry)
        if same.any() and len(found.processes[entry]) < 2 * MOST_TABLES:
            found.processes[entry] += (first + 32 * np.flatnonzero(same)).tolist()


def _catch_up(found: Scan, memory: ImageMemory, since: dict[int, int]) -> None:
    """Look again at what was passed before an entry was known: a little, as kernels lie at the beginning of RAM."""
    end = max(since.values(), default=0)
    for start, view in _windows(memory):
        if start >= end:
            break
        _sharing(found, start, view, {entry: at for entry, at in since.items() if start < at})


def agreeing_pages(memory: ImageMemory) -> NDArray[np.int64]:
    """The pages that may be Linux's second-level tables of the short format: their two halves name the same pages.

    Linux's 512 words come first and the hardware's 512 behind them (arch/arm/include/asm/pgtable-2level.h); a hardware
    word is 0 where the page is not to be used.  Where the image lies in memory does not matter for this.
    """
    found = []
    for start, view in _windows(memory):
        first = align_up(start, PAGE_SIZE)
        count = (start + len(view) - first) // PAGE_SIZE
        if count > 0:
            halves = np.frombuffer(view, "<u4", count * 1024, first - start).reshape(count, 2, 512)
            hardware = halves[:, 1]
            wrong = ((halves[:, 0] ^ hardware) >> 12 != 0) & (hardware != 0)
            good = ~wrong.any(axis=1) & hardware.any(axis=1)
            found.append(first + PAGE_SIZE * np.flatnonzero(good))
    return np.concatenate(found) if found else np.zeros(0, np.int64)
