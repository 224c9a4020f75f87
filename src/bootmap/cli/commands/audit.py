"""``bootmap audit``: what is wrong with page tables, as text, JSON or SARIF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bootmap import __version__
from bootmap.cli.source import SourceOptions, open_source, source_options

if TYPE_CHECKING:
    from bootmap.analysis.audit.audit import Audit, Known
    from bootmap.cli.source import Source
    from bootmap.facts.arm.cpus import Cpu
    from bootmap.units import Span

FORMATS = ("text", "json", "sarif")
_SEVERITIES = ("error", "warning", "note")
_LAST = "mark_rodata_ro"
_BUILT = "paging_init"
_RECORDED = {"before": "create_page_tables", "after": _BUILT, "late": _LAST}  # what a recording's moments are


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="SOURCE")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="For people, bootmap's own (bootmap.audit/1), or SARIF 2.1.0.",
)
@click.option(
    "--fail-on",
    type=click.Choice(_SEVERITIES),
    default="warning",
    show_default=True,
    help="Exit with 1 where a finding is this bad or worse.",
)
@source_options
def command(words: tuple[str, ...], form: str, fail_on: str, **options: Any) -> int:
    """Look for what is wrong with the page tables of SOURCE.

    SOURCE is as for `bootmap tables`.  Findings are errors, warnings and notes; a note is what something explains.
    """  # fmt: skip
    from bootmap.analysis.audit.audit import audit
    from bootmap.cli.commands.tables import incomplete
    from bootmap.facts.audit_rules import Severity
    from bootmap.mmu.bulk import snapshot
    from bootmap.mmu.regs import regime_of

    with open_source(words, SourceOptions.of(options)) as source:
        regime = regime_of(source.regs)
        listed = snapshot(source.memory, regime)
        found = audit(source.memory, regime, _known(source, options), listed)
        assumptions = [*source.assumptions, *incomplete(listed)]
        click.echo(_content(source, found, form, assumptions))
    return 1 if found.at_least(Severity[fail_on.upper()]) else 0


def _known(source: Source, options: dict[str, Any]) -> Known:
    """What the source tells of its kernel."""
    from bootmap.analysis.audit.audit import Known
    from bootmap.boot.sequence import STATE_NAMES

    final, early = None, False
    if (moment := _moment(source, options)) is not None:
        final, early = moment == _LAST, STATE_NAMES.index(moment) < STATE_NAMES.index(_BUILT)
    return Known(
        page_offset=source.page_offset,
        phys_offset=source.phys_offset,
        ram=_ram(source),
        kernel=source.kernel,
        cpu=_cpu(source, options),
        final=final,
        early=early,
        high_memory=source.high_memory,
        symbols=source.symbols,
        written=(source.prediction, source.stage) if source.prediction and source.stage else None,
    )


def _moment(source: Source, options: dict[str, Any]) -> str | None:
    """The moment as the kernel function after which it is; None where that is not known, as of a dump."""
    from bootmap.boot.sequence import STATE_NAMES

    if source.stage is not None:
        return source.stage.name
    if source.kind not in ("recording", "prediction"):
        return None
    asked = options.get("state") or _BUILT
    moment = _RECORDED.get(asked, asked)
    return moment if moment in STATE_NAMES else None


def _cpu(source: Source, options: dict[str, Any]) -> Cpu | None:
    """The CPU of a prediction, of --cpu, or of the machine that an image names."""
    from bootmap.facts.arm.cpus import cpu_by_name
    from bootmap.facts.machines.qemu import cpu_of_machine

    if source.prediction is not None:
        return source.prediction.state.handover.cpu
    name = options.get("cpu")
    if name is None and source.image is not None:
        facts = source.image.kernel
        name = facts.cpu or (cpu_of_machine(facts.machine) if facts.machine else None)
    return cpu_by_name(name) if name else None


def _ram(source: Source) -> tuple[Span, ...]:
    """RAM that the kernel may map: memblock's of a prediction, else lowmem where its bounds are known."""
    from bootmap.facts.linux.memblock import Flags
    from bootmap.units import Span

    if source.stage is not None:
        rows = source.stage.memblock.memory.regions
        return tuple(Span(base, base + size) for base, size, flags in rows if size and not flags & Flags.NOMAP)
    if source.high_memory is None or source.page_offset is None or source.phys_offset is None:
        return ()
    end = source.phys_offset + source.high_memory - source.page_offset
    return (Span(source.phys_offset, end),) if end > source.phys_offset else ()


def _content(source: Source, found: Audit, form: str, assumptions: list[str]) -> str:
    from bootmap.analysis.registers import named
    from bootmap.report.audit_text import audit_text
    from bootmap.report.source_text import assumptions_text, registers_text, source_document

    if form == "text":
        parts = [
            f"{source.name}: {source.kind}{f' after {source.stage.name}' if source.stage is not None else ''}\n"
            f"{registers_text(source.regs, named(source.regs))}",
            audit_text(found),
            assumptions_text(assumptions),
        ]
        return "\n\n".join(filter(None, parts))
    import msgspec

    if form == "sarif":
        from bootmap.report.sarif import sarif_document

        return msgspec.json.encode(sarif_document(found, source.name, __version__, assumptions)).decode()
    from bootmap.report.audit_json import SCHEMA, audit_document

    head = source_document(source.name, source.kind, source.regs, named(source.regs), assumptions)
    return msgspec.json.encode({"schema": SCHEMA, **head, **audit_document(found)}).decode()
