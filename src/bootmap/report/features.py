"""What ``bootmap features`` prints: one kernel with reasons, several side by side, or JSON.  At most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from bootmap.output import text_width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.analysis.features import Answer

SCHEMA = "bootmap.features/1"
_LEAST_SUMMARY = 20
_CELLS = {True: "yes", False: "no", None: "config"}

Table = Sequence[tuple[str, Sequence["Answer"]]]
"""Title of each part, and its answers."""


def features_text(kernel: str, table: Table, *, whole: bool) -> str:
    """One kernel: each rule that applies (with ``whole`` also the others), why, and where that is seen."""
    answers = [answer for _, part in table for answer in part]
    lines = [f"Linux {kernel}: {sum(answer.on is True for answer in answers)} of {len(answers)} rules apply", ""]
    if undecided := sum(answer.on is None for answer in answers):
        lines.insert(1, f"{undecided} more depend on the configuration (--config)")
    for title, part in table:
        shown = [answer for answer in part if whole or answer.on is not False]
        if not shown:
            continue
        lines.append(title)
        for answer in shown:
            mark = {True: " ", False: "-", None: "?"}[answer.on]
            lines.append(f"{mark} {answer.feature}: {answer.why}")
            for text in (answer.summary, f"[{answer.source}]"):
                lines += textwrap.wrap(text, text_width(), initial_indent=" " * 6, subsequent_indent=" " * 6)
        lines.append("")
    return "\n".join(lines)


def features_columns(kernels: Sequence[str], tables: Sequence[Table], *, whole: bool) -> str:
    """Several kernels side by side: whether each rule applies to them."""
    wide = max(len(answer.feature) for _, part in tables[0] for answer in part) + 2
    cells = [max(len(kernel), 6) for kernel in kernels]
    room = text_width() - wide - sum(cells) - 2 * len(cells) - 2
    lines = [(" " * wide + _row(kernels, cells)).rstrip(), ""]
    for index, (title, part) in enumerate(tables[0]):
        body: list[str] = []
        for place, answer in enumerate(part):
            answers = [table[index][1][place] for table in tables]
            if not whole and all(other.on is False for other in answers):
                continue
            head = f"  {answer.feature:<{wide - 2}}" + _row([_cell(other) for other in answers], cells)
            told = next((other for other in reversed(answers) if other.on is not False), answer)
            texts = textwrap.wrap(told.summary, room) if room >= _LEAST_SUMMARY else [""]
            body.append(f"{head}  {texts[0]}".rstrip())
            body += [f"{'':<{len(head)}}  {text}" for text in texts[1:]]
        if body:
            lines += [title, *body, ""]
    return "\n".join([*lines, *_legend(tables)])


def features_json(kernels: Sequence[str], tables: Sequence[Table], *, whole: bool) -> str:
    """One document for any number of kernels: schema ``bootmap.features/1``."""
    document: dict[str, Any] = {"schema": SCHEMA, "kernels": []}
    for kernel, table in zip(kernels, tables, strict=True):
        rows = [
            {
                "feature": answer.feature,
                "on": answer.on,
                "because": answer.because,
                "why": answer.why,
                "options": answer.options,
                "section": title,
                "summary": answer.summary,
                "source": answer.source,
            }
            for title, part in table
            for answer in part
            if whole or answer.on is not False
        ]
        document["kernels"].append({"version": kernel, "features": rows})
    return msgspec.json.encode(document).decode()


def _cell(answer: Answer) -> str:
    """Say "yes", "no", "config", or "stable" where a stable release brought it."""
    return "stable" if answer.on and answer.because == "stable" else _CELLS[answer.on]


def _row(texts: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(f"  {text:<{width}}" for text, width in zip(texts, widths, strict=True))


def _legend(tables: Sequence[Table]) -> Iterator[str]:
    found = {_cell(answer) for table in tables for _, part in table for answer in part}
    if "config" in found:
        yield "config: an option of the configuration decides; give --config"
    if "stable" in found:
        yield "stable: brought by a later release of the stable series; without a sublevel the latest is meant"
