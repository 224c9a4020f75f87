"""What a comparison of a log with a prediction is made of: claims, verdicts, and the report that collects them.

A line may make several claims.  It is contradicted where one of them differs, matched where at least one that did not
come from the log itself is the same, and otherwise either told us something about the board or is not modelled.

Not here: what the lines claim (``log_check``, ``log_memblock``, ``log_files``).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from bootmap.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bootmap.boot.trace import Hazard
    from bootmap.bootlog.findings import LogFinding
    from bootmap.bootlog.log import Said


class Judgement(enum.Enum):
    """What became of one line."""

    MATCHED = "matched"
    CONTRADICTED = "contradicted"
    UNMODELLED = "not modelled"
    INPUT = "input"


class Judged(Shown, Struct, frozen=True):
    """One line, judged.

    Attributes:
        line: its number, 0 for a line that was predicted and is not in the log.
        kind: what it is, see :mod:`bootmap.facts.linux.log_lines`.
        text: the line.
        verdict: the verdict.
        log: what it says, where it is contradicted.
        ours: what was predicted instead.
        why: why it is not modelled, or what else there is to know.
        file: which file it is in, "" for the first log.
    """

    line: int
    kind: str
    text: str
    verdict: Judgement
    log: str = ""
    ours: str = ""
    why: str = ""
    file: str = ""


class Claim(NamedTuple):
    """One value of a line: its name, what the log says, what was predicted (None: unknown), whether it was taken."""

    name: str
    log: int
    ours: int | None
    taken: bool = False
    decimal: bool = False

    def text(self, value: int | None) -> str:
        """A value of this claim for people."""
        if value is None:
            return "?"
        return f"{self.name} {value}" if self.decimal else f"{self.name} {value:#010x}"


class LogReport(Shown, Struct):
    """All lines that bear on memory, judged, in the order of the log.

    Attributes:
        judged: the lines.
        lines: how many lines the files have in all.
        outcome: what the prediction says of the boot, where it does not simply boot.
        assumptions: what the prediction takes for granted.
        hazards: what it says may go wrong.
        findings: what the log itself shows to have happened.
        neighbours: rules of other versions with which more lines fit.
    """

    judged: list[Judged]
    lines: int
    outcome: str = ""
    assumptions: list[str] = field(default_factory=list)
    hazards: list[Hazard] = field(default_factory=list)
    findings: list[LogFinding] = field(default_factory=list)
    neighbours: list[str] = field(default_factory=list)

    def add(self, judged: Iterable[Judged], lines: int, file: str = "") -> None:
        """Take over the verdicts on one file of so many lines."""
        self.judged += [replace(row, file=file) for row in judged]
        self.lines += lines

    def name_files(self, shown: Callable[[str], str]) -> None:
        """Call the files otherwise."""
        self.judged = [replace(row, file=shown(row.file)) if row.file else row for row in self.judged]

    @property
    def contradicted(self) -> int:
        """How many lines are contradicted."""
        return self.count(Judgement.CONTRADICTED)

    def count(self, verdict: Judgement) -> int:
        """How many lines have this verdict."""
        return sum(judged.verdict is verdict for judged in self.judged)

    def all(self, verdict: Judgement) -> list[Judged]:
        """The lines with this verdict."""
        return [judged for judged in self.judged if judged.verdict is verdict]


def judge(said: Said, claims: Iterable[Claim], why: str = "") -> Judged:
    """The verdict that the claims of a line amount to."""
    claims = list(claims)
    known = [claim for claim in claims if claim.ours is not None]
    wrong = [claim for claim in known if claim.log != claim.ours]
    if wrong:
        verdict = Judgement.CONTRADICTED
    elif any(not claim.taken for claim in known):
        verdict = Judgement.MATCHED
    else:
        verdict = Judgement.INPUT if known else Judgement.UNMODELLED
    log = ", ".join(claim.text(claim.log) for claim in wrong)
    ours = ", ".join(claim.text(claim.ours) for claim in wrong)
    return Judged(said.line, said.kind, said.text, verdict, log, ours, why)
