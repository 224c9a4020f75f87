"""A release without its sublevel, such as 5.4: it is taken for the newest of its stable series, and what if it is not.

The stable series take rules from later kernels.  Where a boot asks for one of them, the release before it came is
predicted too: the newest one first, so that the answer names the last release that fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.assemble.survive import what_then
from bootmap.assumptions import Alternative, Assumption
from bootmap.boot.trace import Outcome, Verdict
from bootmap.facts.features.table import ROWS_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap.assemble.kernel import Kernel
    from bootmap.boot.sequence import Replay


def older_sublevels(kernel: Kernel, first: Replay, predict: Callable[[Kernel], Replay]) -> Replay:
    """The same prediction with what would come of an older release of the series; UNCERTAIN where that fails.

    Args:
        kernel: the kernel as it was given.
        first: its prediction.
        predict: predicts the same board with another kernel.
    """
    points = _taken_over(kernel, first) if kernel.sublevel is None and kernel.version_told else {}
    if not points:
        return first
    series = ".".join(map(str, kernel.version))
    newest = max(points)
    text = f"the kernel is {series}.{newest} or later of its series: nothing says the sublevel"
    taken = Assumption(text, "--kernel-version", f"{series}.{newest}")
    first.state.assumptions.append(taken)
    if not first.outcome.all_well:
        return first
    for point in sorted(points, reverse=True):
        other = predict(replace(kernel, sublevel=point - 1))
        then = what_then(first, other)
        if not then:
            continue
        value, kills = f"{series}.{point - 1}", not other.outcome.all_well
        because = f"Linux {series}.{point} is the first of its series with {' and '.join(points[point])}"
        row = Alternative(taken, "--kernel-version", value, because, then, kills)
        first = replace(first, alternatives=(*first.alternatives, row))
        if kills:
            reason = f"a guess decides: {text}. {because}. With {value} {then}. Give --kernel-version with its sublevel"
            return replace(first, outcome=Outcome(Verdict.UNCERTAIN, other.outcome.stage, reason))
    return first


def _taken_over(kernel: Kernel, first: Replay) -> dict[int, list[str]]:
    """Sublevel -> the rules that came into, or left, the series with it, of those that the boot asked for."""
    found: dict[int, list[str]] = {}
    for name in first.state.kernel.rules:
        if name in kernel.overrides:
            continue
        for row in ROWS_BY_NAME[name]:
            for series in (row.also, row.except_from):
                point = series.get(kernel.version)
                if point and name not in found.setdefault(point, []):
                    found[point].append(name)
    return found
