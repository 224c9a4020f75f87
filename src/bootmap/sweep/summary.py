"""Rows counted: verdicts, causes, boards without an answer, findings.  Reads rows once and keeps none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootmap.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.sweep.row import Row

_NAMES = 3
_PLACE = re.compile(r"\b(?:offset )?0x[0-9a-f]+\b|\b\d+\b")


class Count(Struct, frozen=True):
    """How many boards, and the first of them by name."""

    what: str
    count: int
    boards: tuple[str, ...]


class _Tally(Struct):
    counts: dict[str, int] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, board: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
        names = self.names.setdefault(what, [])
        names.append(board)
        names.sort()
        del names[_NAMES:]

    def rows(self) -> tuple[Count, ...]:
        order = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return tuple(Count(what, count, tuple(self.names[what])) for what, count in order)


class SummaryPart(Struct, frozen=True):
    """One kernel with one set of trees.

    Attributes:
        trees: the trees' name.
        kernel: the kernel's.
        release: its version.
        boards: rows.
        verdicts: by headline.
        causes: of boards that do not boot, or may not, by stage and hazard.
        refused: of boards without an answer, by reason.
        findings: by severity and rule: boards, not places.
        given: boards that were given RAM.
    """

    trees: str
    kernel: str
    release: str
    boards: int
    verdicts: tuple[Count, ...]
    causes: tuple[Count, ...]
    refused: tuple[Count, ...]
    findings: tuple[Count, ...]
    given: int


class Summary(Shown, Struct, frozen=True):
    """All kernels and trees of a sweep."""

    parts: tuple[SummaryPart, ...]

    @property
    def bad(self) -> int:
        """Rows that are not BOOTS."""
        return sum(count.count for part in self.parts for count in part.verdicts if count.what != "BOOTS")


def summary_of(rows: Iterable[Row]) -> Summary:
    """The counts of ``rows``."""
    tallies: dict[tuple[str, str], tuple[dict[str, _Tally], dict[str, int], list[str]]] = {}
    for row in rows:
        place = row.trees, row.kernel
        if place not in tallies:
            kinds = ("verdicts", "causes", "refused", "findings")
            tallies[place] = {kind: _Tally() for kind in kinds}, {"boards": 0, "given": 0}, []
        tally, numbers, releases = tallies[place]
        numbers["boards"] += 1
        numbers["given"] += bool(row.ram_given)
        releases[:] = releases or [row.release]
        tally["verdicts"].add(row.headline, row.board)
        if not row.answered:
            tally["refused"].add(f"{row.status}: {refusal(row)}", row.board)
        elif row.reason is not None:
            tally["causes"].add(f"{row.stage}(): {row.cause or row.reason}", row.board)
        for rule in sorted({(found.severity, found.rule) for found in row.findings}):
            tally["findings"].add(f"{rule[0]} {rule[1]}", row.board)
    parts = []
    for (trees, kernel), (tally, numbers, releases) in sorted(tallies.items()):
        counted = {kind: each.rows() for kind, each in tally.items()}
        parts.append(SummaryPart(trees, kernel, releases[0], numbers["boards"], given=numbers["given"], **counted))
    return Summary(tuple(parts))


def refusal(row: Row) -> str:
    """Why a row has no answer, without what is this board's alone: its name and its numbers."""
    text = row.error.replace(row.board, "").replace(row.board.partition(":")[0], "").lstrip(": ")
    return _PLACE.sub("N", text)
