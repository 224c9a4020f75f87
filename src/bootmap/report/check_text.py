"""What ``bootmap check`` prints for people: verdict, causes, changes, and last the evidence.  At most 100 columns."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.boot.trace import Verdict
from bootmap.facts.audit_rules import Severity
from bootmap.output import text_width
from bootmap.report.layout_text import amount, layout_lines, margin_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.checks.engine import CheckResult
    from bootmap.checks.finding import Change, Finding

_LEVELS = {"info": Severity.NOTE, "warning": Severity.WARNING, "error": Severity.ERROR}
_GAP = 3
_RANGE = re.compile(r"\[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]")
_NOTE_COLUMN = 44
_LEAST_ITEM = 20
_SCREEN = 24
"""Boards of which each has a line."""
_MANY = 3
"""Infos of one rule from which on they are told together."""


def check_text(result: CheckResult, least: str = "info", *, evidence: bool = True) -> str:
    """The whole report of one board, lines ended.

    Args:
        result: the check.
        least: findings below this severity are not shown.
        evidence: show the load map and the lowmem budget.
    """
    shown = [found for found in result.counted if found.severity >= _LEVELS[least]]
    lines = [*_verdict(result, shown), ""]
    told: dict[tuple[Change, ...], str] = {}
    for same in _alike(shown):
        lines += [*(_several(same) if len(same) >= _MANY else [line for each in same for line in _one(each, told)])]
    if evidence:
        lines += ["Load map", *layout_lines(result.load_map), margin_text(result.load_map)]
        lines += [*_budget(result)]
    lines += [*_summary(result)]
    return "\n".join(lines) + "\n"


def _alike(shown: Sequence[Finding]) -> Iterator[list[Finding]]:
    """The findings in order; infos of one rule without a change together, which only repeat one another."""
    told: set[str] = set()
    for found in shown:
        if found.severity is not Severity.NOTE or found.changes or found.decides:
            yield [found]
        elif found.id not in told:
            told.add(found.id)
            yield [
                each
                for each in shown
                if each.id == found.id and each.severity is Severity.NOTE and not each.changes and not each.decides
            ]


def _one(found: Finding, told: dict[tuple[Change, ...], str]) -> Iterator[str]:
    """A finding; changes that stand above with another are not told again."""
    known = told.get(found.changes) if found.changes else None
    yield from _finding(replace(found, changes=()) if known is not None else found)
    if known is not None:
        yield f"  change: as for [{known}] above"
    told.setdefault(found.changes, found.id)
    yield ""


def _several(same: Sequence[Finding]) -> Iterator[str]:
    """Findings of one rule as one: their places, and what the rule says."""
    rule = same[0].rule
    yield from _head(f"{same[0].level}: {len(same)} times: {rule.title}", rule.id)
    for found in same:
        for place in found.where[:1]:
            yield from _wrapped(f"{place.text}   {place}", "  ")
    yield from _wrapped(rule.help, "  ")
    yield ""


def _head(head: str, id: str) -> Iterator[str]:
    """A finding's first line, its rule on the right."""
    tag, width = f"[{id}]", text_width()
    if len(head) + len(tag) + 2 <= width:
        yield f"{head}{' ' * (width - len(head) - len(tag))}{tag}"
    else:
        yield from _lines(f"{head}  {tag}")


def verdict_line(result: CheckResult) -> str:
    """One line for one of many boards: verdict, name, counts."""
    counts = _counts(result)
    ids = ", ".join(dict.fromkeys(found.id for found in result.counted if found.severity >= Severity.WARNING))
    accepted = f"  (accepted: {result.accepted})" if result.accepted else ""
    return f"{result.outcome.headline:<24}  {result.name}{accepted}" + (f"  ({counts}: {ids})" if ids else "")


def _counts(result: CheckResult) -> str:
    """Errors and warnings in words."""
    found = [
        (result.count(severity), name) for severity, name in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"))
    ]
    return ", ".join(f"{number} {name}{'s' * (number != 1)}" for number, name in found)


def many_text(results: Sequence[CheckResult], least: str = "info") -> str:
    """Several boards: a line each, the worst first; then, rule by rule, how many boards have it.

    Of more than a screen of them, those of which there is nothing to say are counted only.
    """
    ranked = sorted(results, key=lambda each: (each.outcome.all_well, -each.count(Severity.ERROR), each.name))
    clean = [each for each in ranked if each.outcome.all_well and not _marked(each)]
    shown = ranked if len(results) <= _SCREEN else [each for each in ranked if each not in clean]
    lines = [verdict_line(result) for result in shown]
    if len(shown) < len(ranked):
        lines.append(f"{len(clean)} more boot, without an error or a warning")
    counts: dict[tuple[int, str], int] = {}
    for result in results:
        worst: dict[str, Severity] = {}
        for found in result.counted:
            if found.severity >= _LEVELS[least]:
                worst[found.id] = max(worst.get(found.id, found.severity), found.severity)
        for name, severity in worst.items():
            counts[severity, name] = counts.get((severity, name), 0) + 1
    well = sum(result.outcome.all_well for result in results)
    bad = [sum(result.count(each) > 0 for result in results) for each in (Severity.ERROR, Severity.WARNING)]
    lines += ["", f"{len(results)} boards, {well} boot; {bad[0]} with errors, {bad[1]} with warnings"]
    names = {severity: name for name, severity in _LEVELS.items()}
    lines += [
        f"  {number:5d}  {names[Severity(severity)]:<7}  {name}"
        for (severity, name), number in sorted(counts.items(), key=lambda row: (-row[0][0], -row[1], row[0][1]))
    ]
    if counts:
        lines.append("One board alone, `bootmap check BOARD`, says why and what to change.")
    return "\n".join(lines) + "\n"


def _marked(result: CheckResult) -> int:
    """Errors and warnings."""
    return result.count(Severity.ERROR) + result.count(Severity.WARNING)


def _verdict(result: CheckResult, shown: Sequence[Finding]) -> Iterator[str]:
    outcome = result.outcome
    typical = f" (like {result.profile.split()[0]}_defconfig)" if result.profile else ""
    cpu = result.cpu
    cache = ", VIPT aliasing data cache" if cpu.aliasing else ""
    yield from _lines(f"{outcome.headline}  {result.name}, Linux {result.release}{typical}, {cpu.name}{cache}")
    if outcome.all_well:
        return
    if result.accepted:
        yield from _lines(f"accepted: {result.accepted}")
    told = any(found.decides for found in shown)
    if told and outcome.stage is not None:
        if outcome.verdict is not Verdict.BOOTS:
            dies = outcome.verdict is Verdict.DIES
            guessed = any(found.decides and found.hazard is None for found in shown)
            may = f"it dies in {outcome.stage} if a guess is wrong" if guessed else f"it may die after {outcome.stage}"
            yield f"it dies in {outcome.stage}" if dies else f"{may}; what decides is below"
        return
    yield from _lines(f"{outcome.stage}: {outcome.reason}")


def _finding(found: Finding) -> Iterator[str]:
    yield from _head(f"{found.level}: {found.title}", found.id)
    for place in found.where[:2]:
        yield from _wrapped(f"{place.text}   {place}", "  ")
    yield from _wrapped(found.cause, "  ")
    if found.table:
        yield from _table(found.table)
    elif found.changes:
        yield "  change one of" if len(found.changes) > 1 else "  change"
        differ = len(_results(found.changes)) > 1
        for change in found.changes:
            recommended = change.recommended and len(found.changes) > 1
            yield from _change(change, change.after if differ else "", recommended=recommended)
        yield from _proofs(found.changes)
    for text in found.advice:
        yield from _lines(f"or: {text}", "  ", "      ")


def _plain(text: str) -> str:
    """Ranges as people write them, and in one piece."""
    return _RANGE.sub(r"\1-\2", text)


def _wrapped(text: str, indent: str = "") -> Iterator[str]:
    yield from _lines(_plain(text), indent, indent)


def _lines(text: str, first: str = "", rest: str = "") -> Iterator[str]:
    """Text in lines; names of options and files are not broken at their hyphens."""
    yield from textwrap.wrap(text, text_width(), initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def _change(change: Change, after: str, *, recommended: bool) -> Iterator[str]:
    note = "; ".join(filter(None, [_plain(change.note), after and f"then it {after}"]))
    if recommended:
        note = f"recommended: {note}" if note else "recommended"
    head = f"    {change.text}"
    if not note:
        yield from _lines(head, "", "      ")
    elif len(head) + _GAP <= _NOTE_COLUMN:
        column = max(_LEAST_ITEM, _NOTE_COLUMN)
        rows = textwrap.wrap(note, text_width() - column) or [""]
        yield f"{head:<{column}}{rows[0]}"
        yield from (" " * column + row for row in rows[1:])
    else:
        yield from _lines(head, "", "      ")
        yield from _lines(note, " " * 8, " " * 8)


def _proofs(changes: Sequence[Change]) -> Iterator[str]:
    results = _results(changes)
    who = "each was predicted again" if len(changes) > 1 else "predicted again"
    if results:
        yield from _wrapped(who if len(results) > 1 else f"{who}: {results[0]}", "  ")


def _results(changes: Sequence[Change]) -> list[str]:
    """What the changes lead to, each once; of several, each stands with its change."""
    return list(dict.fromkeys(change.after for change in changes if change.after))


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for i, row in enumerate(rows):
        indent = "  " if not i else "    "
        name = f"{indent}{row[0]}".ljust(widths[0] + 5)
        yield f"{name} {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}   {row[4]}".rstrip()
    yield "  each row was predicted"


def _budget(result: CheckResult) -> Iterator[str]:
    budget = result.budget
    if budget is None or not budget.lowmem:
        return
    yield f"Lowmem budget{'size':>40}"
    yield f"  {'lowmem':<42}{amount(budget.lowmem):>9}"
    for name, size in budget.items:
        if size >= budget.lowmem // 200 or size >= 1 << 20:
            yield f"    {name:<40}{amount(size):>9}"
    yield f"  {'left for the kernel':<42}{amount(budget.left):>9}   {budget.left * 100 // budget.lowmem} % of lowmem"
    if budget.highmem:
        yield f"  {'highmem':<42}{amount(budget.highmem):>9}"
    yield ""


def _summary(result: CheckResult) -> Iterator[str]:
    hidden = len(result.findings) - len(result.counted)
    text = _counts(result)
    text += f", {hidden} suppressed" if hidden else ""
    text += f"; {result.predictions} boots predicted." if result.predictions > 1 else "."
    yield text
    if result.together:
        yield from _lines(f"With all recommended changes together it {result.together}.")
    if result.assumptions:
        yield "Assumed:"
        for each in result.assumptions:
            yield from _lines(str(each), "  - ", "    ")
    unseen = list(_not_given(result))
    if unseen:
        yield from _lines(f"Not given, so not looked at: {'; '.join(unseen)}.")


def _not_given(result: CheckResult) -> Iterator[str]:
    """What would let it look at more, and at what."""
    kinds = {placed.kind for placed in result.load_map.objects}
    if "zimage" not in kinds:
        yield "what unpacking overwrites (--zimage, --load-addr)"
    if "initrd" not in kinds:
        yield "an initrd (--initrd ADDR,SIZE)"
    if any(each.option == "--dtb-addr" for each in result.assumptions):
        yield "where U-Boot puts the device tree (--env)"
