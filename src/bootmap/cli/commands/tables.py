"""``bootmap tables``: the whole map of a set of tables, merged, in the format that is asked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from bootmap.cli.commands.walk import address
from bootmap.cli.inputs import ADDRESS
from bootmap.cli.source import SourceOptions, open_source, source_options
from bootmap.errors import UsageError
from bootmap.units import Span, memparse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.analysis.selection import Selection
    from bootmap.cli.source import Source
    from bootmap.mmu.bulk import Map, Ranges

FORMATS = ("text", "ptdump", "crash", "json", "csv", "raw")
_WHOLE = ("ptdump", "raw")
_MOST = 1 << 20  # ranges: what 4 GiB of small pages make, none of which goes on where another ends
# The names of analysis.selection.KINDS, which is not imported for the sake of a help text.
_KINDS = ("strongly-ordered", "device", "normal", "reserved", "implementation defined", "non-cacheable",
          "write-through", "write-back")  # fmt: skip


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
@source_options
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
    """  # fmt: skip
    from bootmap.analysis.selection import Selection

    with open_source(words, SourceOptions.of(options)) as source:
        selection = Selection(
            None if virtual is None else _span("--range", virtual, source.symbols),
            None if physical is None else _physical(physical),
            writable,
            executable,
            user,
            kinds,
        )
        if form in _WHOLE and not selection.everything:
            raise UsageError(f"--format {form} is all or nothing: --range, --physical and the other filters do not go")
        content, assumptions = _content(source, form, selection)
    if form not in ("text", "json"):
        for text in assumptions:
            click.echo(f"bootmap: taken for what was not given: {text}", err=True)
    _write(content, output)
    return 0


def _content(source: Source, form: str, selection: Selection) -> tuple[str | bytes, list[str]]:
    """What to print, and everything that had to be taken for granted."""
    from bootmap.mmu.bulk import snapshot

    listed = snapshot(source.memory, source.regs)
    assumed = [*source.assumptions, *incomplete(listed)]
    if form == "raw":
        return _raw(source, listed), assumed
    if form == "ptdump":
        from bootmap.cli.kernel_view import ptdump_of

        text, more = ptdump_of(source, listed)
        return text, assumed + more
    ranges = selection.of(listed.ranges())
    if len(ranges) > _MOST:
        raise UsageError(f"{source.name}: {len(ranges)} ranges; name fewer with --range or the other filters")
    if form == "crash":
        from bootmap.cli.kernel_view import crash_of

        text, more = crash_of(source, listed, ranges)
        return text, assumed + more
    return _own(source, form, listed, ranges, assumed), assumed


def incomplete(listed: Map) -> list[str]:
    """A word on tables that the source does not hold."""
    from bootmap.units import hex_address, size_text

    if not listed.unread:
        return []
    size, first = sum(span.size for span in listed.unread), listed.unread[0]
    return [
        f"tables on the way of {size_text(size)} of virtual addresses are not in the source, nothing is known of them; "
        f"the first are {hex_address(first.start)}-{hex_address(first.end - 1)}"
    ]


def _own(source: Source, form: str, listed: Map, ranges: Ranges, assumed: list[str]) -> str:
    from bootmap.analysis.registers import named
    from bootmap.report.source_text import assumptions_text, registers_text, source_document
    from bootmap.report.tables_text import tables_csv, tables_text

    if form == "csv":
        return tables_csv(ranges)
    if form == "json":
        import msgspec

        from bootmap.report.tables_json import SCHEMA, ranges_document

        head = source_document(source.name, source.kind, source.regs, named(source.regs), assumed)
        unread = [{"va": span.start, "size": span.size} for span in listed.unread]
        document = {"schema": SCHEMA, **head, "ranges": ranges_document(ranges), "unread": unread}
        return msgspec.json.encode(document).decode()
    parts = [
        f"{source.name}: {source.kind}{f' after {source.stage.name}' if source.stage is not None else ''}",
        registers_text(source.regs, named(source.regs)),
        "",
        tables_text(ranges),
    ]
    if below := assumptions_text(assumed):
        parts += ["", below]
    return "\n".join(parts)


def _raw(source: Source, listed: Map) -> bytes:
    """Every page that holds a table, as an ELF core that open_source reads back."""
    from bootmap.analysis.registers import named
    from bootmap.errors import AbsentMemoryError
    from bootmap.image.core_file import core_file
    from bootmap.image.facts import KernelFacts
    from bootmap.units import PAGE_SIZE, align_down

    wanted = sorted({page for table in listed.tables
                     for page in range(align_down(table.pa, PAGE_SIZE), table.pa + table.size, PAGE_SIZE)})  # fmt: skip
    pages = {}
    for page in wanted:
        try:
            pages[page] = source.memory.read(page, PAGE_SIZE)
        except LookupError:
            for table in listed.tables:  # less than a page of it is held: a recording's long root is 32 bytes
                if align_down(table.pa, PAGE_SIZE) == page and table.size < PAGE_SIZE:
                    pages[table.pa] = source.memory.read(table.pa, table.size)
    if not pages:
        raise AbsentMemoryError(source.regs.ttbr0, f"{source.name}: none of the tables is there")
    facts = KernelFacts(
        version=source.version,
        arch=source.regs.arch,
        page_offset=source.page_offset,
        phys_offset=source.phys_offset,
        high_memory=source.high_memory,
    )
    registers = named(source.regs) | ({"secure": 1} if source.regs.secure else {})
    return core_file(pages, registers, facts, source.assumptions)


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
    numbers = [memparse(word) for word in (first, last)]
    if not dash or not all(word and not rest for word, (_, rest) in zip((first, last), numbers, strict=True)):
        raise UsageError(f"--physical {text}: expected START-END, each an {ADDRESS.name}")
    span = Span(numbers[0][0], numbers[1][0])
    if span.end <= span.start:
        raise UsageError(f"--physical {text}: the end is not above the start")
    return span


def _write(content: str | bytes, output: str | None) -> None:
    data = content if isinstance(content, bytes) else f"{content}\n".encode()
    if output is not None:
        from bootmap.image.documents import write_whole

        write_whole(output, data)
        return
    if isinstance(content, bytes) and sys.stdout.isatty():
        raise UsageError("--format raw is no text; give --output FILE, or send it somewhere")
    click.echo(data, nl=False)
