"""What became of one board between two rows: each change in words, how bad it is, and what it was due to."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.units import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.sweep.row import Row

_RANK = {"DIES": 0, "UNCERTAIN": 1, "BOOTS": 3}
_WITHOUT_INITRD = 2
LEAST = 4 * MIB
"""Less than this of memory more or less is no change that anybody has to look at; kernels grow by as much."""


class Weight(IntEnum):
    """How bad a change is."""

    BETTER = 0
    OTHER = 1
    """Neither: no answer where there was none, a finding that is only a note, an area elsewhere."""
    WORSE = 2


class Kind(IntEnum):
    """What changed, the worst first."""

    VERDICT = 0
    ANSWER = 1
    USED = 2
    FREE = 3
    CMA = 4
    ERRORS = 5
    WARNINGS = 6
    PLACE = 7


class RowChange(Struct, frozen=True):
    """One change.

    Attributes:
        kind: what changed.
        weight: whether that is better or worse.
        text: the change and its cause in words, without anything of this board alone: equal causes have equal texts.
        amount: bytes, or steps of the verdict; the more the worse.
    """

    kind: Kind
    weight: Weight
    text: str
    amount: int = 0


def changes_of(old: Row, new: Row, least: int = LEAST) -> list[RowChange]:
    """What changed from ``old`` to ``new``, the worst first; none where nothing did that counts.

    Args:
        old: a row of the board.
        new: another one.
        least: bytes from which on memory more or less is a change.
    """
    if not (old.answered and new.answered):
        return list(_answers(old, new))
    found = [*_verdicts(old, new)]
    if "DIES" in (old.verdict, new.verdict):
        return found  # what else differs comes of the boot's early end
    found += [*_used(old, new, least), *_free(old, new, least), *_cma(old, new), *_findings(old, new)]
    if not found:
        found += _places(old, new)
    return sorted(found, key=lambda change: (-change.weight, change.kind, -change.amount))


def _answers(old: Row, new: Row) -> Iterator[RowChange]:
    if old.answered:
        yield RowChange(Kind.ANSWER, Weight.WORSE, f"no answer any more: {new.status}", 1)
    elif new.answered:
        weight = Weight.BETTER if new.verdict == "BOOTS" else Weight.OTHER
        yield RowChange(Kind.ANSWER, weight, f"an answer now: {new.headline}")


def _verdicts(old: Row, new: Row) -> Iterator[RowChange]:
    before, after = _rank(old), _rank(new)
    if before != after:
        row = new if after < before else old
        why = f", {row.stage}(): {row.cause or 'another reason'}" if row.stage else ""
        weight = Weight.WORSE if after < before else Weight.BETTER
        yield RowChange(Kind.VERDICT, weight, f"{old.headline} -> {new.headline}{why}", abs(after - before))
    elif old.cause != new.cause:
        text = f"{new.headline} still, by another cause: {old.cause or 'none'} -> {new.cause or 'none'}"
        yield RowChange(Kind.VERDICT, Weight.OTHER, text)


def _rank(row: Row) -> int:
    return _WITHOUT_INITRD if row.without_initrd else _RANK[row.verdict or "UNCERTAIN"]


def _used(old: Row, new: Row, least: int) -> Iterator[RowChange]:
    """RAM that the kernel uses at all: lowmem and highmem together, and lowmem alone."""
    if None in (old.lowmem, new.lowmem):
        return
    low, high = _more(old.lowmem, new.lowmem), _more(old.highmem, new.highmem)
    told = _more(old.ram, new.ram)
    because = f"; the tree declares {difference(told)}" if abs(told) >= least else ""
    if abs(low + high) >= least:
        weight = Weight.WORSE if low + high < 0 else Weight.BETTER
        fate = "no-map areas" if abs(_more(old.nomap, new.nomap)) >= least else "RAM"
        text = f"{difference(low + high)} of RAM in use" + (because or f" ({fate})" * (fate != "RAM"))
        yield RowChange(Kind.USED, weight, text, abs(low + high))
    elif abs(low) >= least:
        weight = Weight.WORSE if low < 0 else Weight.BETTER
        yield RowChange(
            Kind.USED,
            weight,
            f"{difference(low)} lowmem, it is highmem now" if low < 0 else f"{difference(low)} lowmem, it was highmem",
            abs(low),
        )


def _free(old: Row, new: Row, least: int) -> Iterator[RowChange]:
    """What is left of lowmem, where that is not just what there is of lowmem."""
    if old.free is None or new.free is None or old.lowmem is None or new.lowmem is None:
        return
    taken = _more(old.free, new.free) - _more(old.lowmem, new.lowmem)
    if abs(taken) < least:
        return
    names = sorted((old.taken.keys() | new.taken.keys()) - _not_comparable(old, new))
    shifts = [(name, old.taken.get(name, 0), new.taken.get(name, 0)) for name in names]
    large = [row for row in shifts if abs(row[2] - row[1]) >= MIB and (row[2] < row[1]) == (taken > 0)]
    large.sort(key=lambda row: -abs(row[2] - row[1]))
    why = ", ".join(f"{name} {_mib(before)} -> {_mib(after)}" for name, before, after in large[:1])
    weight = Weight.WORSE if taken < 0 else Weight.BETTER
    if weight is Weight.BETTER and old.cma_size and not new.cma_size:
        return  # said as what it is: the area is gone
    of_cause = large[0][1] - large[0][2] if large else taken
    text = f"{difference(of_cause).replace('more', 'more free').replace('less', 'less free')} at boot"
    yield RowChange(Kind.FREE, weight, f"{text}: {why or 'several small ones'}", abs(taken))


def _not_comparable(old: Row, new: Row) -> set[str]:
    """What one of the kernels takes only after the stage that rows are of."""
    return {"mem_map"} if ("mem_map" in old.taken) != ("mem_map" in new.taken) else set()


def _cma(old: Row, new: Row) -> Iterator[RowChange]:
    """An area for contiguous memory that is there on one side only."""
    if old.cma_size and new.cma_size == 0:
        yield RowChange(Kind.CMA, Weight.WORSE, f"no CMA area any more: {_mib(old.cma_size)} -> none", old.cma_size)
    elif new.cma_size and old.cma_size == 0:
        yield RowChange(Kind.CMA, Weight.OTHER, f"a CMA area now: none -> {_mib(new.cma_size)}", new.cma_size)


def _findings(old: Row, new: Row) -> Iterator[RowChange]:
    before = {(row.severity, row.rule) for row in old.findings}
    after = {(row.severity, row.rule) for row in new.findings}
    for severity, rule in sorted(after - before):
        weight = Weight.WORSE if severity == "error" else Weight.OTHER
        yield RowChange(Kind.ERRORS if severity == "error" else Kind.WARNINGS, weight, f"new {severity}: {rule}", 1)
    for severity, rule in sorted(before - after):
        weight = Weight.BETTER if severity == "error" else Weight.OTHER
        yield RowChange(Kind.ERRORS if severity == "error" else Kind.WARNINGS, weight, f"no more {severity}: {rule}", 1)


def _places(old: Row, new: Row) -> Iterator[RowChange]:
    """An area for contiguous memory that moved: drivers may reach less of it, or more."""
    if old.cma_base != new.cma_base and old.cma_size == new.cma_size and old.cma_size:
        yield RowChange(Kind.PLACE, Weight.OTHER, "the CMA area is elsewhere")


def difference(size: int) -> str:
    """``114 MiB less``: to the MiB, so that equal causes read alike."""
    return f"{_mib(abs(size))} {'less' if size < 0 else 'more'}"


def _mib(size: int) -> str:
    return f"{round(size / MIB)} MiB"


def _more(old: int | None, new: int | None) -> int:
    return (new or 0) - (old or 0)
