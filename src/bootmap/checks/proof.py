"""Every rule's findings, and the proof of the changes that they propose: each is applied, and predicted again.

A change is proposed only where the prediction with it lacks the finding, has a verdict that is no worse, and brings no
new finding; where the verdict hangs on the finding, a better one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.assemble.handover import replay
from bootmap.boot.payload import initrd_span
from bootmap.boot.trace import Verdict
from bootmap.checks.case import NO_LOWMEM, CheckCase
from bootmap.checks.edit import apply
from bootmap.checks.rules import areas, kernel, memory
from bootmap.checks.rules.guesses import environment, guesses
from bootmap.checks.rules.hazards import hazards
from bootmap.checks.rules.memory_nodes import banks_twice
from bootmap.checks.rules.real_ram import disagreement
from bootmap.errors import BootmapError
from bootmap.facts.audit_rules import Severity
from bootmap.facts.check_rules import RULES
from bootmap.units import MIB, size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bootmap.boot.trace import Outcome
    from bootmap.checks.finding import Change, Finding

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
    banks_twice,
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
_MOST_CHANGES = 16
_RANK = {Verdict.DIES: 0, Verdict.UNCERTAIN: 1, Verdict.BOOTS: 3}


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


class Proof:
    """Applies changes and predicts again; the same edits are predicted once."""

    def __init__(self, case: CheckCase, found: list[Finding]) -> None:
        self.case = case
        self.errors = self._errors(found)
        self.found = {each.key for each in found}
        self.told = {each.key[:2] for each in found}
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
            if change.one_of and any(each.one_of == change.one_of for each in kept):
                continue
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
            worse = well and each.severity >= Severity.WARNING and each.key[:2] not in self.told
            places = [place.text for place in each.where if place.kind == "device tree"]
            if worse or (set_there and any(text.startswith(set_there) for text in places)):
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
        return f"{words(after)}, {size_text(more)} more RAM" if well else words(after)


def words(after: CheckCase) -> str:
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
        if budget is not None:
            lowmem, highmem = size_text(budget.lowmem), size_text(budget.highmem) if budget.highmem else "0"
            rows.append((name, lowmem, highmem, size_text(lost) if lost else "0", note))
    return tuple(rows)
