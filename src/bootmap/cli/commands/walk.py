"""``bootmap walk``: the walk of an address as a CPU does it, with both halves of every entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import bootmap
from bootmap.cli.options import tables_arguments, tables_options
from bootmap.errors import UsageError
from bootmap.output import folded
from bootmap.units import Span, memparse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST = 1 << 16
_VA_END = 1 << 32


@click.command()
@click.argument("source")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDR...")
@click.option("--user", is_flag=True, help="Check an access of user mode (PL0).")
@click.option("--write", is_flag=True, help="Check a write.")
@click.option("--exec", "execute", is_flag=True, help="Check an instruction fetch.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.walk/1).")
@click.option("--crash", "as_crash", is_flag=True, help="Print what crash's vtop prints, mapped or not.")
@tables_options
def command(
    source: str,
    addresses: tuple[str, ...],
    user: bool,
    write: bool,
    execute: bool,
    as_json: bool,
    as_crash: bool,
    **options: Any,
) -> int:
    """Walk the page tables of SOURCE for each ADDR, as the CPU does.

    SOURCE is a board to predict (a device tree or ATAG list), or an image: FILE@ADDRESS, an ELF core, LiME, a
    recording, a prediction's JSON, or a running QEMU (qmp:..., gdb:...); parts of one image are joined by commas.
    ADDR is a number, a symbol (NAME or NAME+OFFSET), or START-END: every descriptor there once.
    Exit code 1: an address or one of the accesses asked about faults.
    """
    if as_crash and as_json:
        raise UsageError("--crash and --json: give one of the two")
    from bootmap.report.walk_text import walk_text

    accesses = _accesses(user, write, execute)
    with bootmap.open(source, **tables_arguments(options)) as tables:
        asked = [va for text in addresses for va in _asked(text, tables)]
        found = [tables.walk(va, accesses) for va in asked]
        if as_json:
            click.echo(_document(tables, found))
        elif as_crash:
            from bootmap.report.crash_text import crash_listing

            printed, assumed = bootmap.crash_of(tables, asked)
            click.echo(crash_listing(printed))
            for text in (*tables.assumptions, *assumed):
                click.echo(f"bootmap: assumed: {text}", err=True)
        else:
            from bootmap.report.source_text import assumptions_text

            sections = [*map(walk_text, found), assumptions_text(tables.assumptions)]
            click.echo(folded("\n\n".join(filter(None, sections))))
    return 1 if any(translation.faults for translation in found) else 0


def _accesses(user: bool, write: bool, execute: bool) -> list[bootmap.Rights]:
    """The accesses that the flags ask about: none without a flag, a read where only --user is given."""
    rights = bootmap.Rights
    kinds = [kind for given, kind in ((write, rights.WRITE), (execute, rights.EXECUTE)) if given]
    if user and not kinds:
        kinds = [rights.READ]
    return [kind & (rights.USER if user else rights.PRIV) for kind in kinds]


def _asked(text: str, source: bootmap.Tables) -> Iterator[int]:
    """The virtual addresses that one ADDR names."""
    first, dash, last = text.partition("-")
    if not dash:
        yield address(text, source.symbols)
        return
    span = Span(address(first, source.symbols), address(last, source.symbols, end=True))
    if span.end <= span.start:
        raise UsageError(f"{text!r}: expected START-END, the end above the start")
    for count, va in enumerate(source.descriptors(span)):
        if count == _MOST:
            raise UsageError(f"{text!r}: more than {_MOST} descriptors; `bootmap tables --range` lists them merged")
        yield va


def address(text: str, symbols: Mapping[str, int], *, end: bool = False) -> int:
    """A virtual address: a number, NAME or NAME+OFFSET.

    Args:
        text: as it was typed.
        symbols: the symbol table; empty where none was given.
        end: it is the end of a range, which may be 4 GiB.

    Raises:
        UsageError: it is neither, or beyond 32 bits.
    """
    name, plus, offset = text.partition("+")
    base, rest = memparse(name)
    if rest or not name:
        if name not in symbols:
            hint = "no symbol table was given (--system-map)" if not symbols else "the symbol table has no such name"
            raise UsageError(f"{text!r} is no address, and {hint}")
        base = symbols[name]
    if plus:
        more, rest = memparse(offset)
        if rest or not offset:
            raise UsageError(f"{text!r}: {offset!r} is no offset")
        base += more
    if base >= _VA_END + end:
        raise UsageError(f"{text!r}: a virtual address has 32 bits")
    return base


def _document(source: bootmap.Tables, found: list[bootmap.Translation]) -> str:
    import msgspec

    from bootmap.report.source_text import source_document
    from bootmap.report.walk_json import SCHEMA, walk_document

    head = source_document(source.name, source.kind, source.regs, source.named_registers, source.assumptions)
    document = {"schema": SCHEMA, **head, "walks": [walk_document(translation) for translation in found]}
    return msgspec.json.encode(document).decode()
