"""Memory made of pieces: buffers that each start at some physical address, usually slices of a mapped file.

    file    [ header | piece 0 ........ | header | piece 1 .... ]
                       |                           |
    memory  -----------[=================]---------[============]------   the rest is absent

Raw dumps, ELF cores, LiME files and recordings differ only in how they cut the pieces; reading, joining
adjacent pieces and settling overlaps is done once, here.  Nothing is copied until it is read.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from bootmap.errors import AbsentMemoryError
from bootmap.units import Span, merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PROBLEMS_SHOWN = 8


class Piece(NamedTuple):
    """A buffer and the physical address of its first byte; ``name`` is what problems call it."""

    start: int
    data: memoryview
    name: str

    @property
    def span(self) -> Span:
        """The physical addresses that the piece covers."""
        return Span(self.start, self.start + len(self.data))


class PieceMemory:
    """A `Memory` over pieces.  Where two pieces overlap the one given first wins and a problem says so."""

    def __init__(self, pieces: Iterable[Piece], problems: Iterable[str] = ()) -> None:
        given = [piece for piece in pieces if len(piece.data)]
        kept, overlaps = _disjoint(given)
        self._starts = [piece.start for piece in kept]
        self._data = [piece.data for piece in kept]
        self.ranges: tuple[Span, ...] = merged(piece.span for piece in kept)
        self.problems: tuple[str, ...] = (*problems, *shortened(overlaps))

    def read(self, pa: int, size: int) -> bytes:
        """See `Memory.read`."""
        index = bisect_right(self._starts, pa) - 1
        if index >= 0 and size >= 0:
            offset = pa - self._starts[index]
            data = self._data[index]
            if offset + size <= len(data):
                return data[offset : offset + size].tobytes()
        return b"".join(self._parts(Span(pa, pa + size)))

    def view(self, span: Span) -> memoryview:
        """See `Memory.view`; a span that crosses from one piece into the next is copied."""
        parts = self._parts(span)
        return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))

    def release(self) -> None:
        """Let go of the buffers, so that the file below them can be unmapped; nothing is held afterwards."""
        self._starts, self._data, self.ranges = [], [], ()

    def _parts(self, span: Span) -> list[memoryview]:
        if span.end < span.start:
            raise ValueError(f"a range of negative size: {span.start:#x}, {span.size}")
        parts = []
        at = span.start
        index = bisect_right(self._starts, at) - 1
        while at < span.end:
            offset = at - self._starts[index] if 0 <= index < len(self._starts) else -1
            if not 0 <= offset < len(self._data[index]):
                raise AbsentMemoryError(at)
            part = self._data[index][offset : offset + span.end - at]
            parts.append(part)
            at += len(part)
            index += 1
        return parts


def shortened(problems: Sequence[str]) -> tuple[str, ...]:
    """The first few of ``problems``, and how many more there are: a broken file has thousands."""
    if len(problems) <= _PROBLEMS_SHOWN:
        return tuple(problems)
    return (*problems[:_PROBLEMS_SHOWN], f"and {len(problems) - _PROBLEMS_SHOWN} more of this kind")


def _disjoint(pieces: Sequence[Piece]) -> tuple[list[Piece], list[str]]:
    """Cut ``pieces`` so that none overlaps another; return them ascending, and what was lost in words."""
    ascending = sorted(pieces, key=lambda piece: piece.start)
    if all(a.span.end <= b.start for a, b in pairwise(ascending)):
        return ascending, []
    kept = _sweep(pieces)
    starts = [span.start for span, _ in kept]
    held: dict[int, list[Span]] = {index: [] for index in range(len(pieces))}
    for span, index in kept:
        held[index].append(span)
    lost = []
    for index, piece in enumerate(pieces):
        for gap in _gaps(piece.span, held[index]):
            winner = pieces[kept[bisect_right(starts, gap.start) - 1][1]]
            lost.append(f"{piece.name}: {gap} overlaps {winner.name}, which was given first and is taken")
    cut = [
        Piece(span.start, pieces[index].data[span.start - pieces[index].start :][: span.size], pieces[index].name)
        for span, index in kept
    ]
    return cut, lost


def _sweep(pieces: Sequence[Piece]) -> list[tuple[Span, int]]:
    """Which piece covers what: between two neighbouring borders it is the piece with the smallest index."""
    starts = sorted((piece.start, index) for index, piece in enumerate(pieces))
    borders = sorted({border for piece in pieces for border in piece.span})
    open_now: list[int] = []
    kept: list[tuple[Span, int]] = []
    winner, since, upcoming = -1, 0, 0
    for border in borders:
        while upcoming < len(starts) and starts[upcoming][0] == border:
            heapq.heappush(open_now, starts[upcoming][1])
            upcoming += 1
        while open_now and pieces[open_now[0]].span.end <= border:
            heapq.heappop(open_now)
        best = open_now[0] if open_now else -1
        if best != winner:
            if winner >= 0:
                kept.append((Span(since, border), winner))
            winner, since = best, border
    return kept


def _gaps(span: Span, held: Sequence[Span]) -> list[Span]:
    """The parts of ``span`` outside ``held``, which is ascending and inside it."""
    borders = [span.start, *(border for part in held for border in part), span.end]
    return [Span(a, b) for a, b in zip(borders[::2], borders[1::2], strict=True) if a < b]
