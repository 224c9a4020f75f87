"""Faults of one board hide one another: changes one on top of the other, and what stays beside the one that cures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.assemble.handover import replay
from bootmap.checks.case import CheckCase
from bootmap.checks.edit import apply
from bootmap.checks.proof import Proof, collect, words
from bootmap.errors import BootmapError
from bootmap.facts.audit_rules import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.checks.edit import Edit
    from bootmap.checks.finding import Change, Finding

_MOST_STEPS = 4


def together_changes(case: CheckCase, proven: list[Finding]) -> tuple[list[Finding], str, int]:
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
        proof = Proof(current, found)
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
    said = words(current)
    cures = {
        _told_as(finding, proven): replace(change, after=f"{said} with the other recommended changes", recommended=True)
        for finding, change in steps
    }
    result = []
    for each in proven:
        first = cures.pop(each.key, None) if each.key in cures else None
        result.append(each if first is None else replace(each, changes=_with_first(first, each.changes)))
    more = {_told_as(finding, proven): finding for finding, _ in steps}
    result += [replace(more[key], changes=(change,), decides=False) for key, change in cures.items()]
    return result, said, count


def _with_first(change: Change, others: Sequence[Change]) -> tuple[Change, ...]:
    return change, *(replace(each, recommended=False) for each in others if each.text != change.text)


def beside_the_cure(case: CheckCase, found: Sequence[Finding], proven: list[Finding]) -> list[Finding]:
    """Errors that have nothing to do with the verdict: their changes are proven on the board that its cure leaves."""
    cure = next((change for each in proven for change in each.changes if change.cures and change.recommended), None)
    proposed = {each.key: each.changes for each in found}
    left = [each for each in proven if each.severity >= Severity.WARNING and not each.changes and not each.decides]
    if cure is None or not any(proposed.get(each.key) for each in left):
        return proven
    cured = _with_all(case, [(proven[0], cure)])
    if cured is None or not cured.replay.outcome.all_well:
        return proven
    there = collect(cured)
    proof, keys = Proof(cured, there), {each.key for each in there}
    result = []
    for each in proven:
        changes: tuple[Change, ...] = ()
        if each in left and each.key in keys:
            known = proof.of(replace(each, changes=proposed.get(each.key, ()))).changes
            changes = tuple(replace(one, after=f"{one.after} with the other recommended changes") for one in known)
        result.append(replace(each, changes=changes) if changes else each)
    return result


def _told_as(finding: Finding, proven: Sequence[Finding]) -> tuple[str, str, int | None]:
    """The key by which a step's finding is among ``proven``: also where another reason hid it there, for one thing."""
    subject = finding.hazard.subject if finding.hazard is not None else ""
    same = (
        each.key
        for each in proven
        if each.key == finding.key
        or (subject and each.id == finding.id and each.hazard is not None and each.hazard.subject == subject)
    )
    return next(same, finding.key)


def _needed(
    case: CheckCase, well: CheckCase, steps: list[tuple[Finding, Change]]
) -> tuple[CheckCase, list[tuple[Finding, Change]], int]:
    """Of the steps to a boot that is well those that it takes: each thing is set once, for the finding that was first.

    A later step may set anew what an earlier one has set: its finding is about that value, which is nobody's.
    """
    found: dict[tuple[object, ...], tuple[Finding, Change]] = {}
    for finding, change in steps:
        key = tuple(map(what_is_set, change.edits))
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


def what_is_set(edit: Edit) -> tuple[object, ...]:
    """What an edit sets, whatever to: two that set the same thing do not go together."""
    return type(edit).__name__, getattr(edit, "path", ""), getattr(edit, "name", "")
