"""What ``bootmap verify --log`` prints: the counts, each contradiction with both values, and what was not modelled.

At most 100 columns where the log's own lines allow it.
"""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

from msgspec import to_builtins

from bootmap.bootlog.judgement import Judgement
from bootmap.output import text_width
from bootmap.report.findings_text import findings_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.bootlog.judgement import Judged, LogReport

_MOST_MATCHED = 24
_MANY = ("call", "dump_row", "dump_count", "dump_totals", "layout", "memblock_reserved", "page_tables")
"""Kinds of lines of which a log has so many that they are only counted."""
SCHEMA = "bootmap.verify-log/1"


def verify_log_text(report: LogReport) -> str:
    """The whole report, lines ended."""
    lines = [*_summary(report)]
    if report.outcome:
        lines += ["", *textwrap.wrap(f"Predicted: {report.outcome}", text_width(), subsequent_indent="  ")]
    if report.findings:
        headline = f"The log: {report.findings[0].headline}"
        lines += ["", *textwrap.wrap(headline, text_width(), subsequent_indent="  "), *findings_lines(report.findings)]
    lines += [*_contradicted(report), *_neighbours(report), *_matched(report), *_unmodelled(report), *_hazards(report)]
    if report.assumptions:
        lines += ["", "Assumptions"]
        for text in report.assumptions:
            lines += textwrap.wrap(text, text_width(), initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines) + "\n"


def verify_log_json(report: LogReport) -> str:
    """The same as one JSON document (bootmap.verify-log/1)."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "lines": report.lines,
            "counts": {verdict.value: report.count(verdict) for verdict in Judgement},
            "judged": [
                {
                    "file": row.file,
                    "line": row.line or None,
                    "kind": row.kind,
                    "text": row.text,
                    "verdict": row.verdict.value,
                    "log": row.log or None,
                    "predicted": row.ours or None,
                    "why": row.why or None,
                }
                for row in report.judged
            ],
            "outcome": report.outcome or None,
            "hazards": [
                {"id": h.id, "stage": h.stage, "message": h.message, "address": h.address} for h in report.hazards
            ],
            "findings": [to_builtins(finding) for finding in report.findings],
            "neighbours": report.neighbours,
            "assumptions": report.assumptions,
        },
        indent=1,
    )


def _summary(report: LogReport) -> Iterator[str]:
    counts = ", ".join(
        f"{report.count(verdict)} {verdict.value}"
        for verdict in (Judgement.MATCHED, Judgement.CONTRADICTED, Judgement.UNMODELLED)
    )
    word = "CONTRADICTED" if report.contradicted else "no contradiction"
    told = report.count(Judgement.INPUT)
    yield f"{word}: {counts}"
    yield f"{report.lines} lines, {told} of which told what the board is"


def _hazards(report: LogReport) -> Iterator[str]:
    """What the prediction warns of, besides what decides the verdict."""
    others = [hazard for hazard in report.hazards if not report.outcome.endswith(hazard.message)]
    if others:
        yield ""
        yield "Hazards"
    for hazard in others:
        text = f"{hazard.id} in {hazard.stage}: {hazard.message}"
        yield from textwrap.wrap(text, text_width(), initial_indent="  ", subsequent_indent="    ")


def _place(row: Judged) -> str:
    line = f"line {row.line}" if row.line else "not in the log"
    return f"{row.file}: {line}" if row.file else line


def _contradicted(report: LogReport) -> Iterator[str]:
    rows = report.all(Judgement.CONTRADICTED)
    if rows:
        yield ""
        yield "Contradicted"
    width = text_width()
    for row in rows:
        yield f"  {_place(row)}: {row.text}"
        for title, text in (("log", row.log), ("predicted", row.ours)):
            yield from _row(f"    {title:<9}  ", text, width)


def _row(title: str, text: str, width: int) -> list[str]:
    """A text under its title; there may be very many, and most fit."""
    if text and len(title) + len(text) <= width and text.isprintable() and text == text.strip():
        return [title + text]
    return textwrap.wrap(text, width, initial_indent=title, subsequent_indent=" " * len(title))


def _matched(report: LogReport) -> Iterator[str]:
    """What is as predicted, a line each, the first of many."""
    rows = [row for row in report.all(Judgement.MATCHED) if row.kind not in _MANY]
    if rows:
        yield ""
        yield "As predicted"
    for row in rows[:_MOST_MATCHED]:
        text = f"{_place(row)}: {row.text}"
        yield f"  {text if len(text) < text_width() - 2 else text[: text_width() - 5] + '...'}"
    if len(rows) > _MOST_MATCHED:
        yield f"  and {len(rows) - _MOST_MATCHED} more"


def _neighbours(report: LogReport) -> Iterator[str]:
    if report.neighbours:
        yield ""
        yield "A vendor's kernel may have other rules"
    for text in report.neighbours:
        yield from textwrap.wrap(text, text_width(), initial_indent="  ", subsequent_indent="    ")


def _unmodelled(report: LogReport) -> Iterator[str]:
    rows = report.all(Judgement.UNMODELLED)
    by_reason: dict[str, list[Judged]] = {}
    for row in rows:
        by_reason.setdefault(row.why, []).append(row)
    if rows:
        yield ""
        yield "Not modelled"
    for why, same in by_reason.items():
        numbers = ", ".join(str(row.line) for row in same[:12]) + (", ..." if len(same) > 12 else "")
        plural = "s" if len(same) > 1 else ""
        yield from textwrap.wrap(
            f"line{plural} {numbers}: {why}", text_width(), initial_indent="  ", subsequent_indent="    "
        )
