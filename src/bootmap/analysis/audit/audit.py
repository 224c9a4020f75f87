"""What is wrong with a set of page tables: rights, memory types, halves, pairs, domains, encodings.

The rules are rows of ``spec.audit``; ``audit_ranges`` looks at what the tables mean, ``audit_words`` at what they
hold.  Here is what both need, and the order.  A finding is one cause, however many entries it shows in.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bootmap.facts.audit_rules import RULES_BY_ID, TASK_SIZE_BELOW, Rule, Severity
from bootmap.mmu.bulk import snapshot
from bootmap.mmu.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.sequence import Replay, Stage
    from bootmap.boot.tables import Cause
    from bootmap.facts.arm.cpus import Cpu
    from bootmap.mmu.bulk import Map
    from bootmap.mmu.memory import Memory
    from bootmap.mmu.regs import Regime
    from bootmap.units import Span

MOST_PLACES = 64
_MOST_WALKS = 8


@dataclass(frozen=True, slots=True)
class Known:
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
    written: tuple[Replay, Stage] | None = None

    @property
    def kernel_half(self) -> int | None:
        """TASK_SIZE: the first virtual address that is no process's."""
        return None if self.page_offset is None else self.page_offset - TASK_SIZE_BELOW


@dataclass(frozen=True, slots=True)
class Place:
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


@dataclass(frozen=True, slots=True)
class Finding:
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

    rule: Rule
    severity: Severity
    evidence: str
    avoid: str
    places: tuple[Place, ...]
    count: int
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """The answer.

    Attributes:
        findings: worst first, then in the order of the rules.
        skipped: what could not be looked for, and why, a sentence each.
    """

    findings: tuple[Finding, ...]
    skipped: tuple[str, ...]

    def at_least(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings that are that bad or worse."""
        return tuple(finding for finding in self.findings if finding.severity >= severity)


def finding(
    rule: str,
    evidence: str,
    avoid: str,
    places: Iterable[Place],
    count: int | None = None,
    severity: Severity | None = None,
) -> Finding:
    """A finding of the rule with that id, its places in order and bounded."""
    row = RULES_BY_ID[rule]
    listed = sorted(places, key=lambda place: (place.va, place.pa))
    graded = row.severity if severity is None else severity
    return Finding(row, graded, evidence, avoid, tuple(listed[:MOST_PLACES]), len(listed) if count is None else count)


def audit(memory: Memory, regime: Regime, known: Known | None = None, listed: Map | None = None) -> Audit:
    """Look for everything in ``spec.audit.RULES``.

    Args:
        memory: physical memory.
        regime: the registers.
        known: what is known of the kernel.
        listed: a snapshot of the same tables, where one was taken already.
    """
    from bootmap.analysis.audit.ranges import range_findings
    from bootmap.analysis.audit.words import word_findings

    known = known or Known()
    listed = listed or snapshot(memory, regime)
    found = [*range_findings(listed, known), *word_findings(memory, listed, known)]
    order = {rule: place for place, rule in enumerate(RULES_BY_ID)}
    found.sort(key=lambda one: (-one.severity, order[one.rule.id], one.places[0].va if one.places else 0))
    return Audit(tuple(_explained(one, memory, regime, known) for one in found), tuple(_skipped(regime, known)))


def _skipped(regime: Regime, known: Known) -> list[str]:
    skipped = []
    if known.page_offset is None:
        skipped.append("PAGE_OFFSET is not known: user-kernel-half looks at the vectors alone")
    if known.page_offset is None or known.phys_offset is None:
        skipped.append(
            "PAGE_OFFSET and PHYS_OFFSET are not both known: tables-writable looks for user mode's writes alone"
        )
    if not known.ram:
        skipped.append("what is RAM is not known: ram-not-normal was not looked for")
    if not regime.long and (known.kernel is None or known.cpu is None):
        skipped.append(
            "kernel or CPU is not known: halves-disagree compares presence, frame and rights, not memory types"
        )
    return skipped


def _explained(one: Finding, memory: Memory, regime: Regime, known: Known) -> Finding:
    """The finding with who wrote it."""
    if known.written is None:
        return one
    prediction, stage = known.written
    causes: dict[Cause, None] = {}
    for place in one.places[:_MOST_WALKS]:
        steps = walk(memory, regime, place.va).steps
        if steps:
            writers = list(prediction.state.tables.writers(steps[-1].address, stage.mark))
            causes |= {cause: None for cause, _ in writers[-1:]}
    return replace(one, causes=tuple(causes))
