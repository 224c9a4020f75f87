"""Checks in the Static Analysis Results Interchange Format 2.1.0: files and lines of source, bytes of blobs.

Source: as for ``sarif.py``; sections 3.27 (result), 3.30 (region), 3.35 (suppression), 3.55 (fix) is not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bootmap.facts.audit_rules import Severity
from bootmap.facts.check_rules import RULES
from bootmap.report.sarif import SCHEMA_URI, VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.checks.engine import CheckResult
    from bootmap.checks.finding import Finding, Where
    from bootmap.facts.check_rules import CheckRule

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning"}
_PLACES = {rule.id: at for at, rule in enumerate(RULES)}
_SAFE = "/:@!$&'*+,;=()"


def check_sarif(results: Sequence[CheckResult], tool_version: str) -> dict[str, Any]:
    """One run with every rule; the boards are its artifacts, what was assumed its notifications."""
    notes = [f"{result.name}: {each}" for result in results for each in result.assumptions]
    run = {
        "tool": {"driver": {"name": "bootmap", "version": tool_version, "rules": [_rule(row) for row in RULES]}},
        "artifacts": [{"location": {"uri": _uri(name)}} for name in dict.fromkeys(r.name for r in results)],
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [{"level": "note", "message": {"text": text}} for text in notes],
            }
        ],
        "results": [_result(result, found) for result in results for found in result.findings],
    }
    return {"$schema": SCHEMA_URI, "version": VERSION, "runs": [run]}


def _rule(row: CheckRule) -> dict[str, Any]:
    return {
        "id": row.id,
        "shortDescription": {"text": row.title},
        "fullDescription": {"text": row.help},
        "help": {"text": f"{row.help} See {row.reference}."},
        "defaultConfiguration": {"level": _LEVELS.get(row.severity, "note")},
    }


def _result(result: CheckResult, found: Finding) -> dict[str, Any]:
    changes = "; ".join(f"{each.text} ({each.after})" for each in found.changes)
    message = found.message + (f" Change: {changes}." if changes else "")
    row: dict[str, Any] = {
        "ruleId": found.id,
        "ruleIndex": _PLACES[found.id],
        "kind": "fail",
        "level": _LEVELS.get(found.severity, "note"),
        "message": {"text": message},
        "locations": [_location(result, place) for place in found.where] or [_location(result, None)],
        "partialFingerprints": {"bootmap/1": f"{result.name} {found.fingerprint}"},
    }
    if found.suppressed:
        row["suppressions"] = [{"kind": "external", "justification": found.suppressed}]
    return row


def _location(result: CheckResult, place: Where | None) -> dict[str, Any]:
    name = place.file if place is not None and place.file is not None else result.name
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(name)}}
    if place is not None and place.line:
        physical["region"] = {"startLine": place.line}
    elif place is not None and place.kind == "device tree" and place.offset is not None:
        physical["region"] = {"byteOffset": place.offset}
    found: dict[str, Any] = {"physicalLocation": physical}
    if place is not None:
        found["logicalLocations"] = [{"fullyQualifiedName": place.text, "kind": place.kind}]
    return found


def _uri(name: str) -> str:
    return quote(name, safe=_SAFE)
