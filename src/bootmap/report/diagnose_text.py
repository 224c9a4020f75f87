"""What ``bootmap diagnose`` prints: what happened, why, what to change, what is harmless, and counts of lines last."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from bootmap.bootlog.banks import RAM
from bootmap.bootlog.evidence import Confidence
from bootmap.bootlog.judgement import Judgement
from bootmap.output import text_width
from bootmap.report.findings_text import findings_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.bootlog.diagnosis import Diagnosis
    from bootmap.bootlog.evidence import Evidence, Weighed

SCHEMA = "bootmap.diagnose/1"
_MOST_SHOWN = 12
_MOST_WITNESSES = 4
_LONGEST = 48
_OPTION = "CONFIG_"


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
    yield from _values(found)
    yield from _harmless(found)
    yield from _counts(found)


def _values(found: Diagnosis) -> Iterator[str]:
    """Every number, its witnesses, and who says otherwise; of the options those that are disputed or hang on little."""
    rows = [each for each in found.values if not each.quantity.startswith(_OPTION) or _open(each)]
    if not rows:
        return
    yield "Taken for the prediction" if found.report else "What the lines say of the board"
    width = max(len(each.quantity) for each in rows) + 2
    for weighed in rows:
        value = weighed.words(weighed.value)
        value = value if len(value) <= _LONGEST else f"{value[: _LONGEST - 3]}..."
        yield from textwrap.wrap(
            f"{weighed.quantity:<{width}}{value}  ({_witnesses(weighed)})",
            text_width(),
            initial_indent="  ",
            subsequent_indent=" " * (width + 4),
        )
        for each in _disputes(weighed)[:3]:
            text = f"{_place(each.line)}{each.text}"
            says = _says(weighed, each)
            yield from _wrapped(text if says in text else f"{text}: {says}", "    against  ")
    yield ""


def _disputes(weighed: Weighed[Any]) -> list[Evidence[Any]]:
    """Who says otherwise, and is worth being heard."""
    return [each for each in weighed.against if each.confidence >= Confidence.LIKELY]


def _open(weighed: Weighed[Any]) -> bool:
    return bool(_disputes(weighed)) or weighed.confidence < Confidence.STRONG


def _witnesses(weighed: Weighed[Any]) -> str:
    """How sure it is, and by which lines."""
    if not weighed.witnesses:
        why = weighed.otherwise or ("no line says it" if weighed.option else "by version and machine")
        return f"{why}; {weighed.option}" if weighed.option else why
    if weighed.confidence is Confidence.GIVEN:
        return "given"
    lines = sorted(set(weighed.lines))
    if not lines:
        return f"{weighed.confidence.word}: {weighed.witnesses[0].text}"
    numbers = ", ".join(map(str, lines[:_MOST_WITNESSES])) + (", ..." if len(lines) > _MOST_WITNESSES else "")
    return f"{weighed.confidence.word}, line{'s' if len(lines) > 1 else ''} {numbers}"


def _says(weighed: Weighed[Any], each: Evidence[Any]) -> str:
    if each.exact:
        text = weighed.words(each.low)
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    return f"{weighed.words(each.low)}-{weighed.words(each.high)}"


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
    if found.others:
        yield "Assumed"
        for text in found.others:
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
                "value": _value(each.quantity, each.value),
                "text": each.words(each.value),
                "confidence": each.confidence.word,
                "option": each.option or None,
                "witnesses": [_evidence(each.quantity, row) for row in each.witnesses],
                "against": [_evidence(each.quantity, row) for row in each.against],
            }
            for each in found.values
        ],
        "harmless": [to_builtins(row) for row in found.harmless],
        "plan": list(found.plan),
        "counts": {verdict.value: report.count(verdict) for verdict in Judgement} if report else None,
        "assumptions": report.assumptions if report else [],
        "refused": found.refused or None,
    }


def _value(quantity: str, value: Any) -> Any:
    """A number or a text as it is; banks and the initrd as [start, size]."""
    if quantity == RAM:
        return [[bank.start, bank.size] for bank in value or ()]
    return list(value) if isinstance(value, tuple) else value


def _evidence(quantity: str, row: Evidence[Any]) -> dict[str, Any]:
    return {
        "low": _value(quantity, row.low),
        "high": _value(quantity, row.high),
        "confidence": row.confidence.word,
        "line": row.line or None,
        "text": row.text,
    }
