"""The JSON document of ``bootmap audit``: schema ``bootmap.audit/1``.  Keys may be added, never renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootmap.report.audit_text import cause_text, severity_name

if TYPE_CHECKING:
    from bootmap.analysis.audit.finding import Audit

SCHEMA = "bootmap.audit/1"


def audit_document(audit: Audit) -> dict[str, Any]:
    """``findings``, worst first, and ``skipped``; of many places ``places`` has the first and ``count`` the number."""
    return {
        "findings": [
            {
                "rule": found.rule.id,
                "severity": severity_name(found.severity),
                "title": found.rule.title,
                "evidence": found.evidence,
                "avoid": found.avoid,
                "reference": found.rule.reference,
                "count": found.count,
                "places": [
                    {"va": one.va, "size": one.size, "pa": one.pa, "what": one.what, "descriptor": one.descriptor}
                    for one in found.places
                ],
                "causes": [cause_text(cause) for cause in found.causes],
            }
            for found in audit.findings
        ],
        "skipped": list(audit.skipped),
    }
