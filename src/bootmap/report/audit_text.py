"""``bootmap audit``: the findings for a reader, worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.facts.audit_rules import Severity
from bootmap.report.explain_text import wrapped
from bootmap.units import hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.analysis.audit.finding import Audit, AuditFinding, Place
    from bootmap.boot.tables import Cause

SHOWN = 8
_NAMES = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def severity_name(severity: Severity) -> str:
    """``error``, ``warning`` or ``note``, as SARIF has them."""
    return _NAMES[severity]


def audit_text(audit: Audit) -> str:
    """All findings, a paragraph each, and what was not looked for."""
    counts = {one: sum(found.severity is one for found in audit.findings) for one in reversed(Severity)}
    head = ", ".join(f"{count} {_NAMES[one]}{'' if count == 1 else 's'}" for one, count in counts.items())
    parts = [head, *("\n".join(_paragraph(found)) for found in audit.findings)]
    if audit.skipped:
        parts.append("\n".join(["Not looked for", *(line for text in audit.skipped for line in wrapped(text, "  "))]))
    return "\n\n".join(parts)


def _paragraph(found: AuditFinding) -> Iterator[str]:
    yield f"{_NAMES[found.severity]}: {found.rule.title} [{found.rule.id}]"
    for place in found.places[:SHOWN]:
        yield f"  {place_text(place)}"
    if found.count > SHOWN:
        yield f"  and {found.count - SHOWN} more"
    yield from wrapped(f"why: {found.evidence}", "  ")
    for cause in found.causes:
        yield from wrapped(f"by: {cause_text(cause)}", "  ")
    yield from wrapped(f"fix: {found.avoid}", "  ")
    yield from wrapped(f"see: {found.rule.reference}", "  ")


def place_text(place: Place) -> str:
    """One place on a line: addresses, size, what is there."""
    where = f"{hex_address(place.va)}-{hex_address(place.va + place.size - 1)}"
    to = "descriptor at" if place.descriptor else "->"
    return f"{where} {to} {hex_address(place.pa)}, {size_text(place.size)}: {place.what}"


def cause_text(cause: Cause) -> str:
    """Who wrote an entry, on a line."""
    words = f"{cause.stage}, {cause.kind}"
    if cause.map_desc is not None:
        return f"{words}: {cause.map_desc.what} (MT_{cause.map_desc.type})"
    return words if cause.origin is None else f"{words}: {cause.origin}"
