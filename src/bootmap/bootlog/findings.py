"""Findings: what happened to a boot, the lines that show why, and what to change.

Not here: how they are found.
"""

from __future__ import annotations

from msgspec import Struct

from bootmap.shown import Shown


class Reason(Struct, frozen=True):
    """One link of the chain from the lines to the cause.

    Attributes:
        line: line of the log; 0 for what is concluded.
        text: what it shows.
    """

    line: int
    text: str


class LogChange(Struct, frozen=True):
    """Something to change.

    Attributes:
        what: the change, with exact values.
        effect: what it leads to.
        proven: whether the board with the change was predicted again, with this effect.
    """

    what: str
    effect: str = ""
    proven: bool = False


class LogFinding(Shown, Struct, frozen=True):
    """One thing that happened, or that would.

    Attributes:
        id: stable name of the kind, such as ``dtb-unmapped``.
        fatal: whether the boot ends by it.
        headline: what happened, a sentence without its end.
        reasons: why, in order.
        changes: what to change, each on its own.
        certain: whether the log itself shows it; else it is one possible cause.
    """

    id: str
    fatal: bool
    headline: str
    reasons: tuple[Reason, ...] = ()
    changes: tuple[LogChange, ...] = ()
    certain: bool = True
