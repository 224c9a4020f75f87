"""From addresses to places on paper: to scale, or with room for small things."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from math import log2
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.units import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LEAST = 15.0
"""Room of the smallest part: a line of text."""


class ScalePart(Struct, frozen=True):
    """Addresses ``[start, end)`` drawn from ``y`` on, ``height`` high; ``hole``: nothing is there."""

    start: int
    end: int
    y: float
    height: float
    hole: bool


class Axis(Struct, frozen=True):
    """Parts, ascending and without gaps."""

    parts: tuple[ScalePart, ...]

    @property
    def length(self) -> float:
        """From top to bottom."""
        return self.parts[-1].y + self.parts[-1].height if self.parts else 0.0

    def y(self, address: int) -> float:
        """The place of an address; one outside is at the nearer end."""
        if not self.parts or address <= self.parts[0].start:
            return 0.0
        part = self.parts[bisect_right([part.start for part in self.parts], address) - 1]
        inside = min(address, part.end) - part.start
        return part.y + part.height * inside / (part.end - part.start)

    def holds(self, start: int, end: int) -> bool:
        """Whether something of ``[start, end)`` is on the axis."""
        return bool(self.parts) and start < self.parts[-1].end and end > self.parts[0].start


def straight(start: int, end: int, length: float) -> Axis:
    """Every byte has the same room."""
    return Axis((ScalePart(start, end, 0.0, length, False),) if end > start else ())


def by_parts(edges: Iterable[int], is_hole: Callable[[int, int], bool], length: float) -> Axis:
    """Between every two edges there is room for a line; more bytes get a little more, holes nothing more."""
    ordered = sorted(set(edges))
    spans = list(itertools.pairwise(ordered))
    holes = [is_hole(start, end) for start, end in spans]
    pairs = zip(spans, holes, strict=True)
    weights = [0.0 if hole else log2((end - start) / PAGE_SIZE + 2) for (start, end), hole in pairs]
    rest = max(0.0, length - _LEAST * len(spans))
    unit = rest / (sum(weights) or 1)
    parts, y = [], 0.0
    for (start, end), hole, weight in zip(spans, holes, weights, strict=True):
        height = _LEAST + unit * weight
        parts.append(ScalePart(start, end, y, height, hole))
        y += height
    return Axis(tuple(parts))
