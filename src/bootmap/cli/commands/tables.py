"""``bootmap tables``: the whole map of a set of tables, merged, in the format that is asked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

import bootmap
from bootmap.cli.commands.walk import address
from bootmap.cli.options import ADDRESS, tables_arguments, tables_options
from bootmap.errors import UsageError
from bootmap.output import folded
from bootmap.units import Span, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMATS = ("text", "ptdump", "crash", "json", "csv", "raw")
_WHOLE = ("ptdump", "raw")
_MOST = 1 << 17  # ranges: far more than anybody reads, or any kernel has
# The names of analysis.selection.KINDS, which is not imported for the sake of a help text.
_KINDS = (
    "strongly-ordered",
    "device",
    "normal",
    "reserved",
    "implementation defined",
    "non-cacheable",
    "write-through",
    "write-back",
)


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="SOURCE")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="text, json, csv: bootmap's own; ptdump: as the kernel's debugfs file; crash: vtop of each range; "
    "raw: the table pages as an ELF core.",
)
@click.option("--output", "-o", type=click.Path(), help="Write there in place of standard output.")
@click.option("--range", "virtual", metavar="START-END", help="Only these virtual addresses (or symbols).")
@click.option("--physical", metavar="START-END", help="Only what maps these physical addresses.")
@click.option("--writable", is_flag=True, help="Only what may be written.")
@click.option("--executable", is_flag=True, help="Only what may be executed.")
@click.option("--user", is_flag=True, help="Only what user mode may do (read, write or execute as asked).")
@click.option(
    "--memory-type",
    "kinds",
    type=click.Choice(_KINDS),
    multiple=True,
    metavar="TYPE",
    help=f"Only this memory type or inner cache policy: {', '.join(_KINDS)}; repeatable.",
)
@tables_options
def command(
    words: tuple[str, ...],
    form: str,
    output: str | None,
    virtual: str | None,
    physical: str | None,
    writable: bool,
    executable: bool,
    user: bool,
    kinds: tuple[str, ...],
    **options: Any,
) -> int:
    """List everything that the page tables of SOURCE map, merged.

    SOURCE is as for `bootmap walk`; END is the first address after the range.  What was taken for registers that
    nobody gave stands below the table and in the JSON; for the other formats it goes to standard error.
    """
    with bootmap.open(*words, **tables_arguments(options)) as source:
        narrowed = {
            "virtual": None if virtual is None else _span("--range", virtual, source.symbols),
            "physical": None if physical is None else _physical(physical),
            "writable": writable,
            "executable": executable,
            "user": user,
            "memory_types": kinds,
        }
        if form in _WHOLE and any(narrowed.values()):
            raise UsageError(f"--format {form} is all or nothing: --range, --physical and the other filters do not go")
        content, assumptions = _content(source, form, narrowed)
    if form not in ("text", "json"):
        for text in assumptions:
            click.echo(f"bootmap: assumed: {text}", err=True)
    _write(folded(content) if form == "text" and output is None and isinstance(content, str) else content, output)
    return 0


def _content(source: bootmap.Tables, form: str, narrowed: dict[str, Any]) -> tuple[str | bytes, Sequence[str]]:
    """What to print, and everything that had to be taken for granted."""
    assumed = [*source.assumptions, *source.incomplete]
    if form == "raw":
        return bootmap.core_of(source), assumed
    if form == "ptdump":
        from bootmap.report.ptdump_text import ptdump_text

        listing = bootmap.ptdump_of(source)
        return ptdump_text(listing.lines, listing.style), [*assumed, *listing.assumptions]
    ranges = source.ranges(**narrowed)
    if len(ranges) > _MOST:
        raise UsageError(f"{source.name}: {len(ranges)} ranges; name fewer with --range or the other filters")
    if form == "crash":
        from bootmap.report.crash_text import crash_listing

        found, more = bootmap.crash_of(source, [part.va for part in ranges])
        return crash_listing(found), [*assumed, *more]
    return _own(source, form, ranges, assumed), assumed


def _own(source: bootmap.Tables, form: str, ranges: Any, assumed: Sequence[str]) -> str:
    from bootmap.report.source_text import assumptions_text, registers_text, source_document
    from bootmap.report.tables_text import tables_csv, tables_text

    if form == "csv":
        return tables_csv(ranges)
    if form == "json":
        import msgspec

        from bootmap.report.tables_json import SCHEMA, ranges_document

        head = source_document(source.name, source.kind, source.regs, source.named_registers, assumed)
        unread = [{"va": span.start, "size": span.size} for span in source.map.unread]
        document = {"schema": SCHEMA, **head, "ranges": ranges_document(ranges), "unread": unread}
        return msgspec.json.encode(document).decode()
    parts = [
        f"{source.name}: {source.kind}{f' after {source.snapshot.name}' if source.snapshot is not None else ''}",
        registers_text(source.regs, source.named_registers),
        "",
        tables_text(ranges),
    ]
    if below := assumptions_text(assumed):
        parts += ["", below]
    return "\n".join(parts)


def _span(option: str, text: str, symbols: Mapping[str, int]) -> Span:
    first, dash, last = text.partition("-")
    if not dash:
        raise UsageError(f"{option} {text}: expected START-END")
    span = Span(address(first, symbols), address(last, symbols, end=True))
    if span.end <= span.start:
        raise UsageError(f"{option} {text}: the end is not above the start")
    return span


def _physical(text: str) -> Span:
    first, dash, last = text.partition("-")
    start, end = whole_number(first), whole_number(last)
    if not dash or start is None or end is None:
        raise UsageError(f"--physical {text}: expected START-END, each an {ADDRESS.name}")
    span = Span(start, end)
    if span.end <= span.start:
        raise UsageError(f"--physical {text}: the end is not above the start")
    return span


def _write(content: str | bytes, output: str | None) -> None:
    if output is not None:
        from bootmap.output import write_file

        write_file(output, content if isinstance(content, bytes) else f"{content}\n".encode(errors="backslashreplace"))
        return
    if isinstance(content, bytes) and sys.stdout.isatty():
        raise UsageError("--format raw is no text; give --output FILE, or send it somewhere")
    click.echo(content, nl=isinstance(content, str))
