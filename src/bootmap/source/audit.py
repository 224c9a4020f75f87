"""What is wrong with a set of page tables, judged with all that its source tells of the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.analysis.audit.audit import audit as audit_memory
from bootmap.analysis.audit.finding import Known
from bootmap.boot.sequence import STAGE_NAMES
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.facts.linux.memblock import Flags
from bootmap.facts.machines.qemu import cpu_of_machine
from bootmap.units import Span

if TYPE_CHECKING:
    from bootmap.analysis.audit.finding import Audit
    from bootmap.facts.arm.cpus import Cpu
    from bootmap.source.tables import Tables

_LAST = "mark_rodata_ro"
_BUILT = "paging_init"
_RECORDED = {"before": "create_page_tables", "after": _BUILT, "late": _LAST}  # what a recording's stages are


def audit(tables: Tables, *, cpu: str | None = None, stage: str | None = None) -> Audit:
    """Look for what is wrong with page tables: rights, memory types, aliases, halves that disagree.

    Args:
        tables: the tables.
        cpu: the CPU's name, where the source does not tell it.
        stage: the stage of a recording that was opened; a prediction knows its own.

    >>> [finding.rule.id for finding in audit(tables).findings if finding.severity.name == "ERROR"]
    []
    """
    final, early = None, False
    if (moment := _moment(tables, stage)) is not None:
        # A boot that ends before its first stage leaves the tables that it found.
        final, early = moment == _LAST, moment not in STAGE_NAMES[STAGE_NAMES.index(_BUILT) :]
    known = Known(
        page_offset=tables.page_offset,
        phys_offset=tables.phys_offset,
        ram=_ram(tables),
        kernel=tables.kernel,
        cpu=_cpu(tables, cpu),
        final=final,
        early=early,
        high_memory=tables.high_memory,
        symbols=tables.symbols,
        written=(tables.replay, tables.snapshot) if tables.replay and tables.snapshot else None,
    )
    return audit_memory(tables.memory, tables.regime, known, tables.map)


def _moment(tables: Tables, stage: str | None) -> str | None:
    """The stage by its kernel function; None where that is not known, as of a dump."""
    if tables.snapshot is not None:
        return tables.snapshot.name
    if tables.kind not in ("recording", "prediction"):
        return None
    asked = stage or _BUILT
    moment = _RECORDED.get(asked, asked)
    return moment if moment in STAGE_NAMES else None


def _cpu(tables: Tables, name: str | None) -> Cpu | None:
    """The CPU of a prediction, the one that is named, or that of the machine that an image names."""
    if tables.replay is not None:
        return tables.replay.state.handover.cpu
    if name is None and tables.image is not None:
        facts = tables.image.kernel
        name = facts.cpu or (cpu_of_machine(facts.machine) if facts.machine else None)
    return cpu_by_name(name) if name else None


def _ram(tables: Tables) -> tuple[Span, ...]:
    """RAM that the kernel may map: memblock's of a prediction, else lowmem where its bounds are known."""
    if tables.snapshot is not None:
        rows = tables.snapshot.memblock.memory.regions
        return tuple(Span(base, base + size) for base, size, flags in rows if size and not flags & Flags.NOMAP)
    if tables.high_memory is None or tables.page_offset is None or tables.phys_offset is None:
        return ()
    end = tables.phys_offset + tables.high_memory - tables.page_offset
    return (Span(tables.phys_offset, end),) if end > tables.phys_offset else ()
