"""Attempts of the boot loader: what it gave up before it started a kernel after all ended no boot.

    => bootm 0x82000000
    Wrong Image Format for bootm command       an attempt that was given up
    => bootz 0x82000000 - 0x88000000
    Starting kernel ...                        the one that counts

Not here: what of the lines belongs to which attempt (``capture``, ``log``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.bootlog.findings import Reason
from bootmap.facts.linux.last_words import ENDS_ATTEMPT, OF_LOADER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.bootlog.case import LogCase
    from bootmap.bootlog.findings import LogFinding

_MOST = 3
_FOLLOWS = "can't get kernel image"
"""What bootm says after the line that tells why."""


def of_this_attempt(case: LogCase, found: Sequence[LogFinding]) -> list[LogFinding]:
    """The findings without those of attempts that were given up.

    What the boot loader complained of and went on with ends no boot either; where nothing was heard of the kernel, it
    may be why.
    """
    kept = []
    for each in found:
        line = _line(each)
        if each.id not in OF_LOADER or not 0 < line < case.boot.started:
            kept.append(each)
        elif line > case.boot.given_up and not case.progress.reached("started"):
            reasons = (*each.reasons, Reason(case.boot.started, "the boot loader started a kernel all the same"))
            kept.append(replace(each, fatal=False, certain=False, reasons=reasons))
    return kept


def given_up(case: LogCase) -> dict[int, str]:
    """Lines that frighten and did not end the boot, each with what became of it."""
    started = case.boot.started
    text = f"an attempt that the boot loader gave up: line {started} shows that it started a kernel after it"
    lines = [(number, line) for number, line in case.lines() if number <= case.boot.given_up]
    rows = [number for number, line in lines if _FOLLOWS not in line and ENDS_ATTEMPT.search(line)]
    return dict.fromkeys(rows[:_MOST], text)


def _line(found: LogFinding) -> int:
    """The last line of the log that it rests on."""
    return max((reason.line for reason in found.reasons), default=0)
