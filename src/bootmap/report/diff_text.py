"""``bootmap diff``: what changed between two sets of tables, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootmap.mmu.describe import domain_text, memory_text, rights_text
from bootmap.units import hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bootmap.analysis.diff import Side, TableChange

SCHEMA = "bootmap.diff/1"


def diff_text(changes: Sequence[TableChange], words: Mapping[int, str], *, every: bool) -> str:
    """What was altered, each by itself; then what a running kernel does, summed up or, with ``every``, each too.

    ``words`` holds the descriptors of a change by its address, where they are wanted.
    """
    altered = [change for change in changes if change.altered]
    expected = [change for change in changes if not change.altered]
    if not changes:
        return "no difference"
    lines = [f"{len(altered)} altered, {len(expected)} as a running kernel makes them"]
    if altered:
        lines += ["", "Altered"]
        for change in altered:
            lines += _lines(change, words)
    if expected:
        lines += ["", "As a running kernel makes them"]
        if every:
            for change in expected:
                lines += [*_lines(change, words), f"    {change.reason}"]
        else:
            lines += _summed(expected)
    return "\n".join(lines)


def _summed(changes: Sequence[TableChange]) -> Iterator[str]:
    groups: dict[tuple[str, str, str], list[TableChange]] = {}
    for change in changes:
        groups.setdefault((change.area, ", ".join(change.kinds), change.reason), []).append(change)
    for (area, kinds, reason), found in groups.items():
        size = size_text(sum(change.size for change in found))
        places = f"{len(found)} places" if len(found) > 1 else "1 place"
        yield f"  {area:<12} {kinds}: {places}, {size}: {reason}"


def _lines(change: TableChange, words: Mapping[int, str]) -> Iterator[str]:
    span = f"{hex_address(change.va)}-{hex_address(change.end - 1)}"
    where = f" in {change.area}" if change.area else ""
    yield f"  {span}  {size_text(change.size)}{where}: {', '.join(change.kinds)}"
    if change.before is not None or change.after is not None:
        yield f"    before  {_side(change.before)}"
        yield f"    after   {_side(change.after)}"
    if change.va in words:
        yield f"    {words[change.va]}"


def _side(side: Side | None) -> str:
    if side is None:
        return "nothing"
    attributes = side.attributes
    domain = f", {domain_text(attributes)}" if attributes.domain is not None else ""
    rights = rights_text(attributes.rights)
    granules = "+".join(size_text(granule) for granule in side.granules)
    return f"{hex_address(side.pa)}  {rights}  {memory_text(attributes.memory)}{domain}, by {granules}"


def diff_document(names: tuple[str, str], changes: Sequence[TableChange], assumptions: Sequence[str]) -> dict[str, Any]:
    """The same for JSON."""
    return {
        "schema": SCHEMA,
        "sources": list(names),
        "altered": sum(change.altered for change in changes),
        "expected": sum(not change.altered for change in changes),
        "changes": [
            {
                "va": change.va,
                "size": change.size,
                "kinds": list(change.kinds),
                "area": change.area,
                "altered": change.altered,
                "reason": change.reason,
                "before": _side_document(change.before),
                "after": _side_document(change.after),
            }
            for change in changes
        ],
        "assumptions": list(assumptions),
    }


def _side_document(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    kernel, user = rights_text(side.attributes.rights).split()
    return {
        "pa": side.pa,
        "kernel": kernel,
        "user": user,
        "memory_type": memory_text(side.attributes.memory),
        "domain": side.attributes.domain,
        "granules": list(side.granules),
    }
