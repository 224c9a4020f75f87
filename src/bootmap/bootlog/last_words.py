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
    import re
    from collections.abc import Collection

    from bootmap.facts.linux.last_words import LastWord

_WORTH = Sought(WORTH)
_MOST_WRAPPED = 256


@cache
def _rows() -> tuple[tuple[LastWord, Sought], ...]:
    return tuple((row, Sought(row.pattern)) for row in LAST_WORDS)


def last_words(lines: list[tuple[int, str]], begin: Collection[int] = ()) -> list[LogFinding]:
    """What of these is in the lines of a boot, each kind once, those that end it first.

    Args:
        lines: numbers and texts.
        begin: numbers of lines that surely begin a message: none goes on there.
    """
    found: dict[str, LogFinding] = {}
    whole = " ".join(text for _, text in lines)
    rows = [(row, pattern) for row, pattern in _rows() if pattern.may_be_in(whole)]
    behind = [*("" if number in begin else text for number, text in lines[1:]), ""] if rows else []
    for (number, text), following in zip(lines, behind, strict=False):
        if not _WORTH.search(text):
            continue
        for row, pattern in rows:
            if row.id in found:
                continue
            match = pattern.search(text) or _wrapped(pattern, text, following)
            if match is None:
                continue
            values = {name: value or "" for name, value in match.groupdict().items()}
            reasons = (Reason(number, f'"{match[0].strip()}"'), Reason(0, row.cause))
            changes = tuple(LogChange(text) for text in row.changes)
            found[row.id] = LogFinding(row.id, row.fatal, row.headline.format(**values), reasons, changes)
    _join(found, "vmalloc-full", "modules-full")
    return sorted(found.values(), key=lambda finding: not finding.fatal)


def _wrapped(pattern: Sought, text: str, following: str) -> re.Match[str] | None:
    """A message that a mail program or a terminal put on two lines."""
    if not following or len(text) > _MOST_WRAPPED or len(following) > _MOST_WRAPPED:
        return None
    match = pattern.search(f"{text} {following}")
    spans = match is not None and match.start() < len(text) < match.end()
    return match if spans and pattern.search(following) is None else None


def _join(found: dict[str, LogFinding], part: str, whole: str) -> None:
    """A module that does not fit makes vmap() complain first: one failure, whose first line is a witness too."""
    if part in found and whole in found:
        said = found.pop(part).reasons[0]
        reasons = sorted({said, *found[whole].reasons[:1]}, key=lambda reason: reason.line)
        if said.line == found[whole].reasons[0].line:  # one line that is both
            reasons = list(found[whole].reasons[:1])
        found[whole] = replace(found[whole], reasons=(*reasons, *found[whole].reasons[1:]))
