"""Findings in the Static Analysis Results Interchange Format, for tools that collect them.

A place is an address in the source, so locations have an ``address`` (3.32) beside the artifact; there are no lines.

Source: Static Analysis Results Interchange Format (SARIF) Version 2.1.0, OASIS Standard, 27 March 2020; section
numbers are those of that text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bootmap.facts.audit_rules import RULES, RULES_BY_ID
from bootmap.report.audit_text import cause_text, severity_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.analysis.audit.finding import Audit, AuditFinding, Place

SCHEMA_URI = "https://json.schemastore.org/sarif-2.1.0.json"
VERSION = "2.1.0"
_PLACES_OF = list(RULES_BY_ID)


def sarif_document(audit: Audit, source: str, tool_version: str, assumptions: Sequence[str]) -> dict[str, Any]:
    """One run (3.14) with the rules, the results, and as notifications what was taken for granted or left out."""
    notes = [*assumptions, *audit.skipped]
    run = {
        "tool": {"driver": {"name": "bootmap", "version": tool_version, "rules": [_rule(row.id) for row in RULES]}},
        "artifacts": [{"location": {"uri": _uri(source)}}],
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [{"level": "note", "message": {"text": text}} for text in notes],
            }
        ],
        "results": [_result(found, source) for found in audit.findings],
    }
    return {"$schema": SCHEMA_URI, "version": VERSION, "runs": [run]}


def _rule(name: str) -> dict[str, Any]:
    """A reportingDescriptor (3.49)."""
    row = RULES_BY_ID[name]
    return {
        "id": row.id,
        "shortDescription": {"text": row.title},
        "fullDescription": {"text": row.help},
        "help": {"text": f"{row.help} See {row.reference}."},
        "defaultConfiguration": {"level": severity_name(row.severity)},
    }


def _result(found: AuditFinding, source: str) -> dict[str, Any]:
    """A result (3.27)."""
    return {
        "ruleId": found.rule.id,
        "ruleIndex": _PLACES_OF.index(found.rule.id),
        "kind": "fail",
        "level": severity_name(found.severity),
        "message": {"text": f"{found.rule.title}: {found.evidence}. To avoid it: {found.avoid}."},
        "locations": [_location(place, source) for place in found.places],
        "properties": {"count": found.count, "causes": [cause_text(cause) for cause in found.causes]},
    }


def _location(place: Place, source: str) -> dict[str, Any]:
    """A location (3.28): the address (3.32) of its physicalLocation (3.29) is the virtual one."""
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(source), "index": 0},
            "address": {"absoluteAddress": place.va, "length": place.size, "kind": "virtual"},
        },
        "message": {"text": place.what},
        "properties": {"physical": place.pa, "descriptor": place.descriptor},
    }


def _uri(source: str) -> str:
    """The source as a URI reference (3.10.1): percent-encoded, with no colon that would make a scheme."""
    return quote(source, safe="/")
