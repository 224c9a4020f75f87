"""Known last words: what of them is in a boot, and what it is a sign of.

The rows are those of :mod:`bootmap.facts.linux.last_words`.  Where a prediction knows the board better, ``predicted``
says more.  Not here: faults (``faults``), silence (``silence``), and lines that only frighten (``harmless``).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.bootlog.findings import LogChange, LogFinding, Reason
from bootmap.facts.linux.last_words import LAST_WORDS, WORTH
from bootmap.inputs.sought import Sought

if TYPE_CHECKING:
    from bootmap.facts.linux.last_words import LastWord

_WORTH = Sought(WORTH)


@cache
def _rows() -> tuple[tuple[LastWord, Sought], ...]:
    return tuple((row, Sought(row.pattern)) for row in LAST_WORDS)


def last_words(lines: list[tuple[int, str]]) -> list[LogFinding]:
    """What of these is in the lines of a boot, each kind once, those that end it first."""
    found: dict[str, LogFinding] = {}
    whole = "\n".join(text for _, text in lines)
    rows = [(row, pattern) for row, pattern in _rows() if pattern.may_be_in(whole)]
    for number, text in lines if rows else ():
        if not _WORTH.search(text):
            continue
        for row, pattern in rows:
            match = pattern.search(text) if row.id not in found else None
            if match is None:
                continue
            values = {name: value or "" for name, value in match.groupdict().items()}
            reasons = (Reason(number, f'"{match[0].strip()}"'), Reason(0, row.cause))
            changes = tuple(LogChange(text) for text in row.changes)
            found[row.id] = LogFinding(row.id, row.fatal, row.headline.format(**values), reasons, changes)
    _join(found, "vmalloc-full", "modules-full")
    return sorted(found.values(), key=lambda finding: not finding.fatal)


def _join(found: dict[str, LogFinding], part: str, whole: str) -> None:
    """A module that does not fit makes vmap() complain first: one failure, whose first line is a witness too."""
    if part in found and whole in found:
        said = found.pop(part).reasons[0]
        reasons = sorted({said, *found[whole].reasons[:1]}, key=lambda reason: reason.line)
        found[whole] = replace(found[whole], reasons=(*reasons, *found[whole].reasons[1:]))
