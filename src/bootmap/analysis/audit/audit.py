"""What is wrong with a set of page tables: rights, memory types, halves, pairs, domains, encodings.

The rules are rows of ``facts.audit_rules``; ``ranges`` looks at what the tables mean, ``words`` at what they hold.
A finding is one cause, however many entries it shows in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.analysis.audit.finding import Audit, Known
from bootmap.analysis.audit.ranges import range_findings
from bootmap.analysis.audit.words import word_findings
from bootmap.facts.audit_rules import RULES_BY_ID
from bootmap.mmu.bulk import snapshot
from bootmap.mmu.walk import walk

if TYPE_CHECKING:
    from bootmap.analysis.audit.finding import AuditFinding
    from bootmap.boot.tables import Cause
    from bootmap.mmu.bulk import Map
    from bootmap.mmu.memory import Memory
    from bootmap.mmu.regs import Regime

_MOST_WALKS = 8


def audit(memory: Memory, regime: Regime, known: Known | None = None, listed: Map | None = None) -> Audit:
    """Look for everything in ``facts.audit_rules.RULES``.

    Args:
        memory: physical memory.
        regime: the registers.
        known: what is known of the kernel.
        listed: a snapshot of the same tables, where one was taken already.
    """
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


def _explained(one: AuditFinding, memory: Memory, regime: Regime, known: Known) -> AuditFinding:
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
