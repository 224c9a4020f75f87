"""Findings as people read them: the headline, the lines that show why, what to change."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from bootmap.output import text_width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.bootlog.findings import LogChange, LogFinding, Reason


def findings_lines(findings: Sequence[LogFinding]) -> Iterator[str]:
    """The findings, each with its reasons and changes."""
    for number, finding in enumerate(findings):
        if number:
            yield ""
            yield from textwrap.wrap(
                f"{_mark(finding)}: {finding.headline}  [{finding.id}]", text_width(), subsequent_indent="  "
            )
        yield from _reasons(finding.reasons)
        yield from _changes(finding.changes)


def _mark(finding: LogFinding) -> str:
    if not finding.fatal:
        return "also"
    return "also" if finding.certain else "perhaps"


def _reasons(reasons: Sequence[Reason]) -> Iterator[str]:
    width = max((len(str(reason.line)) for reason in reasons if reason.line), default=1)
    for reason in reasons:
        place = f"line {reason.line:>{width}}" if reason.line else " " * (5 + width)
        yield from textwrap.wrap(
            reason.text, text_width(), initial_indent=f"  {place}  ", subsequent_indent=" " * (9 + width)
        )


def _changes(changes: Sequence[LogChange]) -> Iterator[str]:
    if not changes:
        return
    yield ""
    proven = [change for change in changes if change.proven]
    if len(proven) == len(changes):
        yield "  change one of (each predicted again)" if len(changes) > 1 else "  change (predicted again)"
    else:
        yield "  change one of" if len(changes) > 1 else "  change"
    for change in changes:
        done = f": {change.effect}" if change.proven and len(proven) == len(changes) else ""
        done = f" (predicted again: {change.effect})" if change.proven and not done else done
        yield from textwrap.wrap(
            f"{change.what}{done}", text_width(), initial_indent="    ", subsequent_indent="      "
        )
