"""What an audit of page tables is made of: findings, their places, and what is known of the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootmap.facts.audit_rules import RULES_BY_ID, TASK_SIZE_BELOW, AuditRule, Severity
from bootmap.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.sequence import Replay, Snapshot
    from bootmap.boot.tables import Cause
    from bootmap.facts.arm.cpus import Cpu
    from bootmap.units import Span

MOST_PLACES = 64


class Known(Struct, frozen=True):
    """What is known of the kernel beside its tables; with less, less can be found, and the audit says what.

    Attributes:
        page_offset: PAGE_OFFSET.
        phys_offset: PHYS_OFFSET.
        ram: what is RAM to the kernel, areas that it may not map (no-map) left out; empty where not known.
        kernel: version and configuration.
        cpu: the CPU, whose ``set_pte_ext`` the halves are held against.
        final: the moment is after ``mark_rodata_ro()``; None where that is not known.
        early: the moment is before the end of ``paging_init()``, so that no process runs.
        high_memory: end of lowmem in virtual space.
        symbols: virtual addresses by name.
        written: the prediction and its moment.
    """

    page_offset: int | None = None
    phys_offset: int | None = None
    ram: tuple[Span, ...] = ()
    kernel: KernelModel | None = None
    cpu: Cpu | None = None
    final: bool | None = None
    early: bool = False
    high_memory: int | None = None
    symbols: Mapping[str, int] = field(default_factory=dict)
    written: tuple[Replay, Snapshot] | None = None

    @property
    def kernel_half(self) -> int | None:
        """TASK_SIZE: the first virtual address that is no process's."""
        return None if self.page_offset is None else self.page_offset - TASK_SIZE_BELOW


class Place(Shown, Struct, frozen=True):
    """Where a finding shows.

    Attributes:
        va: first virtual address.
        size: bytes.
        pa: physical address that is mapped there; of the descriptor where ``descriptor`` is true.
        what: what is there, in words.
        descriptor: the finding is about the entry, not about what it maps.
    """

    va: int
    size: int
    pa: int
    what: str
    descriptor: bool = False


class AuditFinding(Shown, Struct, frozen=True):
    """One cause.

    Attributes:
        rule: what was looked for.
        severity: of this finding; below the rule's where something explains it.
        evidence: what was seen, and what explains it.
        avoid: what would make it go away.
        places: where, by virtual address, at most `MOST_PLACES`.
        count: how many places there are.
        causes: on a prediction, who wrote the entries of the first places.
    """

    rule: AuditRule
    severity: Severity
    evidence: str
    avoid: str
    places: tuple[Place, ...]
    count: int
    causes: tuple[Cause, ...] = ()


class Audit(Shown, Struct, frozen=True):
    """The answer.

    Attributes:
        findings: worst first, then in the order of the rules.
        skipped: what could not be looked for, and why, a sentence each.
    """

    findings: tuple[AuditFinding, ...]
    skipped: tuple[str, ...]

    def at_least(self, severity: Severity) -> tuple[AuditFinding, ...]:
        """The findings that are that bad or worse."""
        return tuple(finding for finding in self.findings if finding.severity >= severity)


def finding(
    rule: str,
    evidence: str,
    avoid: str,
    places: Iterable[Place],
    count: int | None = None,
    severity: Severity | None = None,
) -> AuditFinding:
    """A finding of the rule with that id, its places in order and bounded."""
    row = RULES_BY_ID[rule]
    listed = sorted(places, key=lambda place: (place.va, place.pa))
    graded = row.severity if severity is None else severity
    return AuditFinding(
        row, graded, evidence, avoid, tuple(listed[:MOST_PLACES]), len(listed) if count is None else count
    )
