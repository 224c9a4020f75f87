"""What changed between two sides of a sweep, as text and as Markdown for mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.report.sweep_text import names_text
from bootmap.sweep.changes import Weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.sweep.blame import Blame
    from bootmap.sweep.compare import Group, SweepComparison

_WORDS = {Weight.WORSE: "worse", Weight.OTHER: "other", Weight.BETTER: "better"}
_MOST_GROUPS = 40
_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\|*_`<>[]"})


def diff_text(comparisons: Sequence[SweepComparison], blames: Sequence[Blame] = ()) -> str:
    """Every group of boards that changed alike, the worst first."""
    lines: list[str] = []
    for comparison in comparisons:
        lines += [f"{_title(comparison)}", *_groups(comparison), f"  same  {comparison.same:>5} boards"]
        lines += [f"  {note}" for note in _notes(comparison)]
        lines += _verdict(comparison)
    lines += [line for blame in blames for line in blame_lines(blame)]
    return "\n".join([*lines, ""])


def _title(comparison: SweepComparison) -> str:
    old, new = comparison.releases
    trees = "the same trees" if comparison.old.trees == comparison.new.trees else "trees as each side has them"
    return f"{comparison.boards} boards, Linux {old} -> {new} ({trees})"


def _groups(comparison: SweepComparison) -> list[str]:
    lines = []
    for group in comparison.groups[:_MOST_GROUPS]:
        names = names_text([each.board for each in group.boards], len(group.boards))
        due = f" ({group.due} change)" if comparison.old.trees != comparison.new.trees else ""
        lines.append(f"  {_WORDS[group.weight]:<6}{len(group.boards):>4} boards  {group.text}{due}")
        lines.append(f"                     {names}")
    if len(comparison.groups) > _MOST_GROUPS:
        lines.append(f"  and {len(comparison.groups) - _MOST_GROUPS} groups more")
    return lines


def _notes(comparison: SweepComparison) -> list[str]:
    notes = []
    if comparison.unanswered:
        notes.append(f"{comparison.unanswered} boards have no answer on either side")
    if comparison.gone:
        notes.append(f"{len(comparison.gone)} boards are only on the old side: {_few(comparison.gone)}")
    if comparison.added:
        notes.append(f"{len(comparison.added)} boards are only on the new side: {_few(comparison.added)}")
    if comparison.given:
        notes.append(f"{comparison.given} boards have no RAM size in their tree; it was given to them (--memory)")
    return notes


def _few(names: Sequence[str]) -> str:
    return names_text(names, len(names))


def _verdict(comparison: SweepComparison) -> list[str]:
    return ["Something got worse.", ""] if comparison.worse else ["Nothing got worse.", ""]


def blame_lines(blame: Blame) -> list[str]:
    """What makes the change on one board."""
    if not blame.factors:
        return [f"blame: {blame.board}: {blame.text}", f"  {blame.note}"]
    lines = [f"blame: {blame.board}: {blame.text}", "  it takes " + (" and ".join(blame.factors))]
    return [*lines, f"  {blame.note}"] if blame.note else lines


def diff_markdown(comparisons: Sequence[SweepComparison], blames: Sequence[Blame] = ()) -> str:
    """The same as Markdown: a table that mail programs and trackers show."""
    lines: list[str] = []
    for comparison in comparisons:
        lines += [
            f"### {escaped(_title(comparison))}",
            "",
            "| | boards | what | due to | for example |",
            "| --- | ---: | --- | --- | --- |",
        ]
        lines += [_row(group) for group in comparison.groups]
        lines += [f"| same | {comparison.same} | | | |", ""]
        lines += [f"- {escaped(note)}" for note in _notes(comparison)]
        lines += ["", *_verdict(comparison)]
    for blame in blames:
        first, *more = blame_lines(blame)
        lines += [f"- {escaped(first)}", *(f"  {escaped(line)}" for line in more)]
    return "\n".join([*lines, ""])


def _row(group: Group) -> str:
    names = names_text([each.board for each in group.boards], len(group.boards))
    cells = [_WORDS[group.weight], str(len(group.boards)), group.text, group.due, names]
    return f"| {' | '.join(map(escaped, cells))} |"


def escaped(text: str) -> str:
    """Text on one line in which Markdown sees nothing of its own."""
    return " ".join(text.split()).translate(_SPECIAL)
