"""What a diagnosis of one boot is made of, in the order in which it is read.

Not here: how it is found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from bootmap.bootlog.progress import Ending
from bootmap.shown import Shown

if TYPE_CHECKING:
    from bootmap.bootlog.evidence import Weighed
    from bootmap.bootlog.findings import LogFinding
    from bootmap.bootlog.judgement import LogReport
    from bootmap.bootlog.progress import BootProgress

_LOSSES = (
    "ram-lost",
    "below-phys-offset",
    "initrd-no-memory",
    "initrd-in-use",
    "initrd-damaged",
    "cma-failed",
    "vmalloc-full",
    "modules-full",
)
"""Findings that do not end a boot, and are not well either."""


class Harmless(Shown, Struct, frozen=True):
    """A line that frightens and does no harm.

    Attributes:
        line: its number.
        text: the line.
        meaning: what it means.
    """

    line: int
    text: str
    meaning: str


class Diagnosis(Shown, Struct, frozen=True):
    """One boot, diagnosed.

    Attributes:
        boot: which boot of the capture, from 1.
        first: its first line.
        title: board and kernel.
        progress: how far it came, and how it ended.
        headline: what happened, in one sentence.
        findings: what happened and why, the cause first.
        harmless: what need not frighten.
        values: the board's numbers as the prediction used them, each with its witnesses for and against.
        others: what the prediction took for granted besides.
        report: the lines, judged; None where nothing could be predicted.
        refused: why nothing could be predicted, "" where it could.
        plan: what the boot loader is about to do, for a capture without a kernel.
    """

    boot: int
    first: int
    title: str
    progress: BootProgress
    headline: str
    findings: tuple[LogFinding, ...] = ()
    harmless: tuple[Harmless, ...] = ()
    values: tuple[Weighed[Any], ...] = ()
    others: tuple[str, ...] = ()
    report: LogReport | None = None
    refused: str = ""
    plan: tuple[str, ...] = field(default=())

    @property
    def well(self) -> bool:
        """Whether the boot came as far as the log goes, and nothing was lost."""
        ran = self.progress.ending in (Ending.RUNS, Ending.CUT)
        return ran and not any(finding.fatal or finding.id in _LOSSES for finding in self.findings)
