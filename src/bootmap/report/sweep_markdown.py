"""A sweep as Markdown for mail: the counts of each kernel as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.report.sweep_diff_text import escaped
from bootmap.report.sweep_text import names_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.sweep.summary import Count, Summary


def summary_markdown(summary: Summary) -> str:
    """One section a kernel and set of trees."""
    lines: list[str] = []
    for part in summary.parts:
        trees = f", trees {part.trees}" if part.trees else ""
        lines += [f"### {escaped(f'{part.boards} boards, Linux {part.release} ({part.kernel}){trees}')}", ""]
        lines += ["| | boards | what | for example |", "| --- | ---: | --- | --- |"]
        for title, counts in (
            ("verdict", part.verdicts),
            ("why not", part.causes),
            ("no answer", part.refused),
            ("finding", part.findings),
        ):
            lines += _rows(title, counts)
        lines.append("")
        if part.given:
            lines += [f"{part.given} boards have no RAM size in their tree; it was given to them (`--memory`).", ""]
    return "\n".join(lines)


def _rows(title: str, counts: Iterable[Count]) -> list[str]:
    return [
        f"| {title} | {row.count} | {escaped(row.what)} | {escaped(names_text(row.boards, row.count))} |"
        for row in counts
    ]
