"""The check itself: predict, let every rule look, and prove each change that they propose."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bootmap.assemble.handover import replay
from bootmap.checks.case import CheckCase
from bootmap.checks.proof import Proof, collect
from bootmap.checks.together import beside_the_cure, together_changes, what_is_set
from bootmap.facts.audit_rules import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.analysis.budget import Budget
    from bootmap.analysis.layout import LoadMap
    from bootmap.assemble.board import Board
    from bootmap.assemble.kernel import Kernel
    from bootmap.assumptions import Assumption
    from bootmap.boot.trace import Outcome, Verdict
    from bootmap.checks.finding import Change, Finding
    from bootmap.facts.arm.cpus import Cpu


class CheckResult(Struct, frozen=True, dict=True):
    """What a check found.

    Attributes:
        name: the board's name.
        release: the kernel's version as people write it.
        profile: which typical kernel it was taken for; "" for one that was described.
        cpu: the boot CPU.
        outcome: the verdict with its stage and reason.
        findings: the worst first; those that are suppressed too.
        assumptions: what was taken for what was not given.
        budget: the lowmem budget; None where the boot ends before lowmem is known.
        predictions: how many boots were predicted, the first one included.
        case: the prediction with its inputs; None once they were let go, see :meth:`slim`.
        together: the verdict with all recommended changes, where one does not do and there are several; else "".
        kept_load_map: the load map of a case that was let go.
    """

    name: str
    release: str
    profile: str
    cpu: Cpu
    outcome: Outcome
    findings: tuple[Finding, ...]
    assumptions: tuple[Assumption, ...]
    budget: Budget | None
    predictions: int
    case: CheckCase | None
    together: str = ""
    kept_load_map: LoadMap | None = None

    @property
    def verdict(self) -> Verdict:
        """Whether it boots."""
        return self.outcome.verdict

    def slim(self) -> CheckResult:
        """The same without the prediction behind it, small enough for another process."""
        return replace(self, case=None, kept_load_map=self.load_map)

    @cached_property
    def load_map(self) -> LoadMap:
        """What lies where at the kernel's start; made when it is asked for, which a sweep never does."""
        if self.kept_load_map is not None:
            return self.kept_load_map
        assert self.case is not None
        return self.case.load_map

    @cached_property
    def counted(self) -> tuple[Finding, ...]:
        """The findings that are not suppressed."""
        return tuple(found for found in self.findings if not found.suppressed)

    def count(self, severity: Severity) -> int:
        """How many findings of that severity count."""
        return sum(found.severity is severity for found in self.counted)

    @cached_property
    def accepted(self) -> str:
        """Why a verdict that is not well is accepted: the reasons for the rules that decide it; "" where it is not."""
        decided = [found for found in self.findings if found.decides]
        if self.outcome.all_well or not decided or not all(found.suppressed for found in decided):
            return ""
        return "; ".join(dict.fromkeys(found.suppressed for found in decided))

    def failed(self, *, strict: bool = False) -> bool:
        """Whether the check ends with 1: there is an error (with ``strict`` a warning), or the boot is not well.

        Only a reason for the rules that decide it accepts that, see :attr:`accepted`.
        """
        least = Severity.WARNING if strict else Severity.ERROR
        if any(found.severity >= least for found in self.counted):
            return True
        return not self.outcome.all_well and not self.accepted

    def __repr__(self) -> str:
        return f"<CheckResult {self.outcome.headline}: {len(self.counted)} findings on {self.name}>"


def check_boot(given: Kernel, board: Board, *, prove: bool = True) -> CheckResult:
    """Check ``board`` with the kernel ``given``.

    Args:
        given: the kernel.
        board: the board.
        prove: apply each change and predict again; without, findings have no changes.

    Raises:
        BootmapError: it cannot be predicted at all.
    """
    case = CheckCase(given, board, replay(given, board))
    found = collect(case)
    proof = Proof(case, found)
    proven = [proof.of(each) if prove else replace(each, changes=()) for each in found]
    together, more = "", 0
    if prove and not case.replay.outcome.all_well:
        proven, together, more = together_changes(case, proven)
        proven = beside_the_cure(case, found, proven)
    if not case.replay.outcome.all_well:  # what cures the verdict comes first
        proven.sort(key=lambda each: not (each.severity is Severity.ERROR and each.changes))
    return CheckResult(
        name=board.name,
        release=given.release,
        profile=given.profile,
        cpu=case.state.handover.cpu,
        outcome=case.replay.outcome,
        findings=tuple(proven),
        assumptions=tuple(case.state.assumptions),
        budget=case.budget,
        predictions=1 + proof.count + more,
        case=case,
        together=together,
    )


def recommended_of(findings: Sequence[Finding]) -> list[Change]:
    """One change a finding: the recommended one; no two that set the same thing."""
    chosen: list[Change] = []
    seen: set[tuple[object, ...]] = set()
    for found in findings:
        change = next((each for each in found.changes if each.recommended), None)
        if change is None:
            continue
        keys = set(map(what_is_set, change.edits))
        if not keys & seen:
            seen |= keys
            chosen.append(change)
    return chosen
