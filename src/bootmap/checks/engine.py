"""The check itself: predict, let every rule look, apply each change that they propose, and predict again.

A change is proposed only where the prediction with it lacks the finding and has a verdict that is no worse; where the
verdict hangs on the finding, a better one.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bootmap.assemble.handover import replay
from bootmap.boot.payload import initrd_span
from bootmap.boot.trace import Verdict
from bootmap.checks.case import NO_LOWMEM, CheckCase
from bootmap.checks.edit import apply
from bootmap.checks.rules import areas, kernel, memory
from bootmap.checks.rules.guesses import environment, guesses
from bootmap.checks.rules.hazards import hazards
from bootmap.checks.rules.real_ram import disagreement
from bootmap.errors import BootmapError
from bootmap.facts.audit_rules import Severity
from bootmap.facts.check_rules import RULES
from bootmap.units import MIB, size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bootmap.analysis.budget import Budget
    from bootmap.analysis.layout import LoadMap
    from bootmap.assemble.board import Board
    from bootmap.assemble.kernel import Kernel
    from bootmap.assumptions import Assumption
    from bootmap.boot.trace import Outcome
    from bootmap.checks.edit import Edit
    from bootmap.checks.finding import Change, Finding
    from bootmap.facts.arm.cpus import Cpu

    Rule = Callable[[CheckCase], Iterator[Finding]]

_RULES: tuple[Rule, ...] = (
    hazards,
    memory.sizeless,
    memory.mem_parameter,
    memory.over_devices,
    memory.beyond_lowmem,
    memory.beyond_4g,
    memory.vmalloc_cost,
    memory.little_lowmem,
    disagreement,
    memory.dma_window,
    memory.headroom,
    areas.reserved_cells,
    areas.outside_ram,
    areas.overlaps,
    areas.not_reserved,
    areas.elsewhere,
    areas.misplaced,
    kernel.debug_uart,
    kernel.cma_failed,
    kernel.cma_straddles,
    kernel.fixed_area_bounds,
    kernel.crash_kernel,
    kernel.module_window,
    kernel.messages,
    guesses,
    environment,
)
_ORDER = {rule.id: place for place, rule in enumerate(RULES)}
_MOST_CHANGES = 8
_MOST_STEPS = 4
_RANK = {Verdict.DIES: 0, Verdict.UNCERTAIN: 1, Verdict.BOOTS: 3}


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
    proof = _Proof(case, found)
    proven = [proof.of(each) if prove else replace(each, changes=()) for each in found]
    together, more = "", 0
    if prove and not case.replay.outcome.all_well:
        proven, together, more = _together(case, proven)
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


def _together(case: CheckCase, proven: list[Finding]) -> tuple[list[Finding], str, int]:
    """Faults of one board hide one another: where no single change cures it, changes one on top of the other.

    Each step takes a change after which its finding is gone and the verdict no worse; what is kept is only a way that
    leads to a boot that is well.

    Returns:
        The findings with those changes, found behind others too; the verdict with all of them, "" where there is no
        such way, or where one change does; how many boots were predicted.
    """
    if any(change.cures for found in proven for change in found.changes):
        return proven, "", 0
    current, count = case, 0
    steps: list[tuple[Finding, Change]] = []
    while len(steps) < _MOST_STEPS and not current.replay.outcome.all_well:
        found = [each for each in collect(current) if each.decides or each.severity is Severity.ERROR]
        proof = _Proof(current, found)
        step = next(proof.steps(found), None)
        count += proof.count
        if step is None:
            return proven, "", count
        finding, change, current = step
        steps.append((finding, change))
    if not current.replay.outcome.all_well:
        return proven, "", count
    current, steps, more_boots = _needed(case, current, steps)
    count += more_boots
    words = _words(current)
    cures = {
        finding.key: replace(change, after=f"{words} with the other recommended changes", recommended=True)
        for finding, change in steps
    }
    result = []
    for each in proven:
        first = cures.pop(each.key, None) if each.key in cures else None
        result.append(each if first is None else replace(each, changes=_with_first(first, each.changes)))
    more = {finding.key: finding for finding, _ in steps}
    result += [replace(more[key], changes=(change,), decides=False) for key, change in cures.items()]
    return result, words, count


def _needed(
    case: CheckCase, well: CheckCase, steps: list[tuple[Finding, Change]]
) -> tuple[CheckCase, list[tuple[Finding, Change]], int]:
    """Of the steps to a boot that is well those that it takes: each thing is set once, for the finding that was first.

    A later step may set anew what an earlier one has set: its finding is about that value, which is nobody's.
    """
    found: dict[tuple[object, ...], tuple[Finding, Change]] = {}
    for finding, change in steps:
        key = tuple(map(_what_is_set, change.edits))
        found[key] = found[key][0] if key in found else finding, change
    kept, count = list(found.values()), 0
    for some in (kept, *([each for each in kept if each is not one] for one in kept)):
        after = _with_all(case, some) if some and len(some) < len(steps) else None
        count += after is not None
        if after is not None and after.replay.outcome.all_well:
            well, steps = after, some
            break
    return well, steps, count


def _with_all(case: CheckCase, steps: Sequence[tuple[Finding, Change]]) -> CheckCase | None:
    """The board with the changes of all steps; None where it cannot be predicted."""
    try:
        changed = apply(case.kernel, case.board, [edit for _, change in steps for edit in change.edits], case.cmdline)
        return CheckCase(*changed, replay(*changed))
    except BootmapError:
        return None


def _what_is_set(edit: Edit) -> tuple[object, ...]:
    """What an edit sets, whatever to: two that set the same thing do not go together."""
    return type(edit).__name__, getattr(edit, "path", ""), getattr(edit, "name", "")


def _with_first(change: Change, others: Sequence[Change]) -> tuple[Change, ...]:
    return change, *(replace(each, recommended=False) for each in others if each.text != change.text)


def recommended_of(findings: Sequence[Finding]) -> list[Change]:
    """One change a finding: the recommended one; no two that set the same thing."""
    chosen: list[Change] = []
    seen: set[tuple[object, ...]] = set()
    for found in findings:
        change = next((each for each in found.changes if each.recommended), None)
        if change is None:
            continue
        keys = set(map(_what_is_set, change.edits))
        if not keys & seen:
            seen |= keys
            chosen.append(change)
    return chosen


def collect(case: CheckCase) -> list[Finding]:
    """Every finding of every rule, each once, the worst first; their changes are not proven yet."""
    found: dict[tuple[str, str, int | None], Finding] = {}
    for rule in _RULES:
        for finding in rule(case):
            found.setdefault(finding.key, _decided(case, finding))
    return sorted(found.values(), key=lambda each: (not each.decides, -each.severity, _ORDER[each.id]))


def _decided(case: CheckCase, finding: Finding) -> Finding:
    outcome, hazard = case.replay.outcome, finding.hazard
    mine = hazard is not None and outcome.reason is not None and hazard.message == outcome.reason
    return replace(finding, decides=True) if mine else finding


class _Proof:
    """Applies changes and predicts again; the same edits are predicted once."""

    def __init__(self, case: CheckCase, found: list[Finding]) -> None:
        self.case = case
        self.errors = self._errors(found)
        self.found = {each.key for each in found}
        self.known: dict[tuple[object, ...], tuple[CheckCase, list[Finding]] | None] = {}

    @property
    def count(self) -> int:
        """Predictions made."""
        return len(self.known)

    def of(self, finding: Finding) -> Finding:
        """The finding with those of its changes that were predicted to help."""
        kept: list[Change] = []
        cases: list[tuple[Change, CheckCase]] = []
        for change in finding.changes[:_MOST_CHANGES]:
            done = self._predicted(change)
            if done is None or not self._helps(finding, change, *done):
                continue
            proven = replace(change, after=self._after(finding, done[0]))
            kept.append(proven)
            cases.append((proven, done[0]))
        table = _remedies(self.case, cases) if finding.id == "ram-beyond-lowmem" else finding.table
        sure = [change for change in kept if not change.unsure]
        if sure and not any(change.recommended for change in kept):
            kept[kept.index(sure[0])] = replace(sure[0], recommended=True)
        return replace(finding, changes=tuple(kept), table=table)

    def steps(self, findings: Sequence[Finding]) -> Iterator[tuple[Finding, Change, CheckCase]]:
        """Changes after which their finding is gone and the verdict no worse, the deciding findings' first."""
        old = rank(self.case.replay.outcome)
        for finding in sorted(findings, key=lambda each: not each.decides):
            for change in finding.changes[:_MOST_CHANGES]:
                done = self._predicted(change)
                if done is None or any(each.key == finding.key for each in done[1]):
                    continue
                if rank(done[0].replay.outcome) >= old:
                    yield finding, change, done[0]

    def _predicted(self, change: Change) -> tuple[CheckCase, list[Finding]] | None:
        if change.edits not in self.known:
            try:
                changed = apply(self.case.kernel, self.case.board, change.edits, self.case.cmdline)
                after = CheckCase(*changed, replay(*changed))
                self.known[change.edits] = after, collect(after)
            except BootmapError:
                self.known[change.edits] = None
        return self.known[change.edits]

    def _brings(self, change: Change, left: list[Finding]) -> bool:
        """Whether a change brings a finding: a warning to a boot that is well, or any about the very thing it set."""
        well = self.case.replay.outcome.all_well
        set_there = tuple(path for edit in change.edits if (path := getattr(edit, "path", "")))
        for each in left:
            if each.key in self.found:
                continue
            places = [place.text for place in each.where if place.kind == "device tree"]
            if (well and each.severity >= Severity.WARNING) or any(
                text.startswith(set_there) for text in places if set_there
            ):
                return True
        return False

    def _helps(self, finding: Finding, change: Change, after: CheckCase, left: list[Finding]) -> bool:
        before = self.case
        same = any(each.id == finding.id and (each.key == finding.key or finding.decides) for each in left)
        if same and (finding.id != "ram-beyond-lowmem" or lost_ram(after) >= lost_ram(before)):
            return False
        old, new = rank(before.replay.outcome), rank(after.replay.outcome)
        if self._errors(left) - self.errors or new < old or self._brings(change, left):
            return False
        must = finding.decides or (finding.severity is Severity.ERROR and not before.replay.outcome.all_well)
        return new > old if must else True

    @staticmethod
    def _errors(findings: list[Finding]) -> set[str]:
        return {each.id for each in findings if each.severity is Severity.ERROR}

    def _after(self, finding: Finding, after: CheckCase) -> str:
        more = _usable(after) - _usable(self.case) if after.budget and self.case.budget else 0
        well = after.replay.outcome.all_well and more >= MIB
        return f"{_words(after)}, {size_text(more)} more RAM" if well else _words(after)


def _words(after: CheckCase) -> str:
    """The verdict of a changed board, for people."""
    outcome = after.replay.outcome
    if outcome.all_well:
        return "boots with its initrd" if initrd_span(after.state) is not None else "boots"
    if outcome.without_initrd:
        return "boots without its initrd"
    verb = "does not boot" if outcome.verdict is Verdict.DIES else "is uncertain"
    return f"{verb} for another reason, in {outcome.stage}"


def rank(outcome: Outcome) -> int:
    """The verdict as a number: the better the higher."""
    return 2 if outcome.without_initrd else _RANK[outcome.verdict]


def lost_ram(case: CheckCase) -> int:
    """Bytes of RAM that lowmem and highmem together do not hold."""
    return sum(row.end - row.start for row in case.state.lost if row.reason.startswith(NO_LOWMEM))


def _usable(case: CheckCase) -> int:
    return case.budget.total if case.budget is not None else 0


def _remedies(before: CheckCase, cases: Sequence[tuple[Change, CheckCase]]) -> tuple[tuple[str, ...], ...]:
    """The table of what would bring RAM back: lowmem, highmem and what is still lost, as predicted."""
    rows = [("what would change it", "lowmem", "highmem", "lost", "")]
    for name, note, case in [("now", "", before), *((change.text, change.note, case) for change, case in cases)]:
        budget, lost = case.budget, lost_ram(case)
        if budget is not None and not (name == "CONFIG_VMSPLIT_1G=y" and any(row[3] == "0" for row in rows)):
            lowmem, highmem = size_text(budget.lowmem), size_text(budget.highmem) if budget.highmem else "0"
            rows.append((name, lowmem, highmem, size_text(lost) if lost else "0", note))
    return tuple(rows)
