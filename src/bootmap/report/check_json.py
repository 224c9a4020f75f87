"""Checks as JSON (``bootmap.check/1``) and as lines for GitHub's annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootmap.facts.audit_rules import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.analysis.layout import LoadMap
    from bootmap.checks.engine import CheckResult
    from bootmap.checks.finding import Finding, Where

SCHEMA = "bootmap.check/1"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning"}


def check_document(results: Sequence[CheckResult]) -> dict[str, Any]:
    """All boards of one call."""
    return {"schema": SCHEMA, "boards": [_board(result) for result in results]}


def _board(result: CheckResult) -> dict[str, Any]:
    outcome, budget = result.outcome, result.budget
    return {
        "board": result.name,
        "kernel": {"release": result.release, "profile": result.profile or None},
        "cpu": result.cpu.name,
        "outcome": {
            "boots": outcome.verdict.boots,
            "without_initrd": outcome.without_initrd,
            "stage": outcome.stage,
            "reason": outcome.reason,
        },
        "findings": [_finding(found) for found in result.findings],
        "load_map": load_map_rows(result.load_map),
        "budget": None
        if budget is None
        else {
            "lowmem": budget.lowmem,
            "highmem": budget.highmem,
            "left": budget.left,
            "items": [{"name": name, "size": size} for name, size in budget.items],
        },
        "assumptions": [{"text": each.text, "option": each.option, "value": each.value} for each in result.assumptions],
        "predictions": result.predictions,
        "together": result.together or None,
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "rule": found.id,
        "severity": found.level,
        "title": found.title,
        "cause": found.cause,
        "decides": found.decides,
        "address": found.address,
        "where": [_where(place) for place in found.where],
        "changes": [
            {"text": change.text, "note": change.note, "after": change.after, "recommended": change.recommended}
            for change in found.changes
        ],
        "advice": list(found.advice),
        "table": [list(row) for row in found.table],
        "suppressed": found.suppressed or None,
        "fingerprint": found.fingerprint,
    }


def _where(place: Where) -> dict[str, Any]:
    return {
        "kind": place.kind,
        "text": place.text,
        "offset": place.offset,
        "file": place.file,
        "line": place.line,
    }


def load_map_rows(load_map: LoadMap) -> list[dict[str, Any]]:
    """The load map, one object a row, addresses and sizes in bytes."""
    return [
        {
            "start": row.placed.start,
            "size": row.placed.size,
            "name": row.placed.name,
            "kind": row.placed.kind,
            "gap": row.gap,
            "overlaps": [overlap.second.name for overlap in row.overlaps],
            "outside_ram": row.outside_ram,
        }
        for row in load_map.rows()
    ]


def github_lines(results: Sequence[CheckResult]) -> Iterator[str]:
    """Workflow commands of GitHub Actions, one a finding."""
    for result in results:
        for found in result.counted:
            file, line = _source(result, found)
            level = _LEVELS.get(found.severity, "notice")
            where = f"file={_escaped(file, more=True)}" + (f",line={line}" if line else "")
            change = next((each for each in found.changes if each.recommended), None)
            text = found.message + (f" Change: {change.text} ({change.after})." if change is not None else "")
            yield f"::{level} {where},title={_escaped(f'{found.title} [{found.id}]', more=True)}::{_escaped(text)}"


def _source(result: CheckResult, found: Finding) -> tuple[str, int | None]:
    place = next((each for each in found.where if each.file is not None), None)
    return (place.file or result.name, place.line) if place is not None else (result.name, None)


def _escaped(text: str, *, more: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if more else text
