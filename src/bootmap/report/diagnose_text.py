"""What ``bootmap diagnose`` prints: what happened, why, what to change, what is harmless, and counts of lines last."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from bootmap.bootlog.evidence import Confidence
from bootmap.bootlog.judgement import Judgement
from bootmap.output import text_width
from bootmap.report.findings_text import findings_lines
from bootmap.units import hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.bootlog.diagnosis import Diagnosis
    from bootmap.bootlog.evidence import Evidence, Weighed

SCHEMA = "bootmap.diagnose/1"
_MOST_SHOWN = 12
_SIZED = "RAM"
"""The quantity that is no address."""


def diagnoses_text(name: str, found: Sequence[Diagnosis]) -> str:
    """Every boot of one capture, lines ended."""
    parts = []
    for diagnosis in found:
        lines = list(_diagnosis(diagnosis))
        if len(found) > 1:
            lines.insert(0, f"Boot {diagnosis.boot} of {len(found)}, from line {diagnosis.first} of {name}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _diagnosis(found: Diagnosis) -> Iterator[str]:
    yield from textwrap.wrap(f"{found.title}: {found.headline}.", text_width(), subsequent_indent="  ")
    yield ""
    yield from findings_lines(found.findings)
    if found.findings:
        yield ""
    if found.plan:
        yield "What the boot loader does" if found.report or found.refused else "What it says"
        for text in found.plan:
            yield from _wrapped(text, "  ")
        yield ""
    yield from _values(found.values)
    yield from _harmless(found)
    yield from _counts(found)


def _values(values: Sequence[Weighed]) -> Iterator[str]:
    """Numbers that the witnesses disagree on, or that hang on little."""
    for weighed in values:
        if weighed.value is None:
            yield f"{weighed.quantity}: nothing in the capture says it"
            yield ""
            continue
        against = [each for each in weighed.against if each.confidence >= Confidence.LIKELY]
        if not against and weighed.confidence >= Confidence.STRONG:
            continue
        shown = size_text(weighed.value) if weighed.quantity == _SIZED else hex_address(weighed.value)
        yield f"{weighed.quantity} is {shown} ({weighed.confidence.word})"
        for each in sorted(weighed.witnesses, key=lambda each: -each.confidence)[:3]:
            yield from _wrapped(f"{_place(each.line)}{each.text}", "  for      ")
        for each in against[:3]:
            says = _says(weighed, each)
            yield from _wrapped(f"{_place(each.line)}{each.text}: {says}", "  against  ")
        yield ""


def _says(weighed: Weighed, each: Evidence) -> str:
    if weighed.quantity == _SIZED:
        return size_text(each.low)
    return hex_address(each.low) if each.low == each.high else f"{hex_address(each.low)}-{hex_address(each.high)}"


def _place(line: int) -> str:
    return f"line {line}: " if line else ""


def _harmless(found: Diagnosis) -> Iterator[str]:
    if not found.harmless:
        return
    yield "Harmless"
    for row in found.harmless:
        text = row.text if len(row.text) <= 60 else f"{row.text[:57]}..."
        yield from _wrapped(f'line {row.line}: "{text}": {row.meaning}', "  ")
    yield ""


def _counts(found: Diagnosis) -> Iterator[str]:
    report = found.report
    if report is None and not found.refused:
        return
    if report is None:
        yield from _wrapped(f"No prediction: {found.refused}", "")
        return
    rows = report.all(Judgement.CONTRADICTED)
    if rows:
        yield "Not as predicted"
        for row in rows[:_MOST_SHOWN]:
            place = f"line {row.line}" if row.line else "not in the log"
            yield from _wrapped(f"{place}: {row.text}: predicted {row.ours}", "  ")
        if len(rows) > _MOST_SHOWN:
            yield f"  and {len(rows) - _MOST_SHOWN} more (bootmap verify --log)"
        for text in report.neighbours:
            yield from _wrapped(text, "  ")
        yield ""
    counts = ", ".join(
        f"{report.count(verdict)} {verdict.value}"
        for verdict in (Judgement.MATCHED, Judgement.CONTRADICTED, Judgement.UNMODELLED)
    )
    yield f"Lines about memory: {counts}, {report.count(Judgement.INPUT)} told what the board is"
    if report.assumptions:
        yield "Assumed"
        for text in report.assumptions:
            yield from _wrapped(text, "  ")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, text_width(), initial_indent=indent, subsequent_indent=" " * len(indent) + "  ")


def diagnoses_json(name: str, found: Sequence[Diagnosis]) -> str:
    """The same as one JSON document (bootmap.diagnose/1)."""
    return json.dumps({"schema": SCHEMA, "source": name, "boots": [_document(each) for each in found]}, indent=1)


def _document(found: Diagnosis) -> dict[str, Any]:
    report = found.report
    return {
        "boot": found.boot,
        "first_line": found.first,
        "title": found.title,
        "headline": found.headline,
        "ending": found.progress.ending.value,
        "last_milestone": found.progress.last.name if found.progress.last else None,
        "findings": [to_builtins(finding) for finding in found.findings],
        "values": [
            {
                "quantity": each.quantity,
                "value": each.value,
                "confidence": each.confidence.word,
                "witnesses": [_evidence(row) for row in each.witnesses],
                "against": [_evidence(row) for row in each.against],
            }
            for each in found.values
        ],
        "harmless": [to_builtins(row) for row in found.harmless],
        "plan": list(found.plan),
        "counts": {verdict.value: report.count(verdict) for verdict in Judgement} if report else None,
        "assumptions": report.assumptions if report else [],
        "refused": found.refused or None,
    }


def _evidence(row: Any) -> dict[str, Any]:
    return {
        "low": row.low,
        "high": row.high,
        "confidence": row.confidence.word,
        "line": row.line or None,
        "text": row.text,
    }
