"""``bootmap walk``: the walk of an address as a CPU does it, with both halves of every entry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from bootmap.cli.source import SourceOptions, open_source, source_options
from bootmap.errors import UsageError
from bootmap.units import Span, memparse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bootmap.analysis.translation import Translation
    from bootmap.cli.source import Source
    from bootmap.facts.arm.permissions import Rights

_MOST = 1 << 16
_VA_END = 1 << 32


@click.command()
@click.argument("source")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDR...")
@click.option("--user", is_flag=True, help="Check an access of user mode (PL0).")
@click.option("--write", is_flag=True, help="Check a write.")
@click.option("--exec", "execute", is_flag=True, help="Check an instruction fetch.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.walk/1).")
@source_options
def command(
    source: str, addresses: tuple[str, ...], user: bool, write: bool, execute: bool, as_json: bool, **options: Any
) -> int:
    """Walk the page tables of SOURCE for each ADDR, as the CPU does.

    SOURCE is a board to predict (a device tree or ATAG list), or an image: FILE@ADDRESS, an ELF core, LiME, a
    recording, a prediction's JSON, or a running QEMU (qmp:..., gdb:...); parts of one image are joined by commas.
    ADDR is a number, a symbol (NAME or NAME+OFFSET), or START-END: every descriptor there once.
    Exit code 1: an address or one of the accesses asked about faults.
    """
    from bootmap.analysis.translation import SymbolFinder
    from bootmap.report.walk_text import walk_text

    accesses = _accesses(user, write, execute)
    with open_source(source, SourceOptions.of(options)) as opened:
        names = SymbolFinder(opened.symbols)
        asked = [va for text in addresses for va in _asked(text, opened)]
        found = [replace(_look(opened, va, accesses), symbol=names.name(va)) for va in asked]
        if as_json:
            click.echo(_document(opened, found))
        else:
            from bootmap.report.source_text import assumptions_text

            sections = [*map(walk_text, found), assumptions_text(opened.assumptions)]
            click.echo("\n\n".join(filter(None, sections)))
    return 1 if any(translation.faults for translation in found) else 0


def _accesses(user: bool, write: bool, execute: bool) -> list[Rights]:
    """The accesses that the flags ask about: none without a flag, a read where only --user is given."""
    from bootmap.facts.arm.permissions import Rights

    kinds = [kind for given, kind in ((write, Rights.WRITE), (execute, Rights.EXECUTE)) if given]
    if user and not kinds:
        kinds = [Rights.READ]
    return [kind & (Rights.USER if user else Rights.PRIV) for kind in kinds]


def _look(source: Source, va: int, accesses: list[Rights]) -> Translation:
    from bootmap.analysis.overview import virtual_layout
    from bootmap.analysis.translation import translate
    from bootmap.mmu.regs import regime_of

    written, areas = None, tuple[str, ...]()
    if source.prediction is not None and source.stage is not None:
        written = (source.prediction, source.stage)
        areas = tuple(row.name for row in virtual_layout(*written) if row.start <= va < row.end)
    found = translate(source.memory, regime_of(source.regs), va, accesses, written)
    return replace(found, areas=areas)


def _asked(text: str, source: Source) -> Iterator[int]:
    """The virtual addresses that one ADDR names."""
    from bootmap.analysis.translation import descriptors_in
    from bootmap.mmu.regs import regime_of

    first, dash, last = text.partition("-")
    if not dash:
        yield address(text, source.symbols)
        return
    span = Span(address(first, source.symbols), address(last, source.symbols, end=True))
    if span.end <= span.start:
        raise UsageError(f"{text!r}: expected START-END, the end above the start")
    for count, va in enumerate(descriptors_in(source.memory, regime_of(source.regs), span)):
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


def _document(source: Source, found: list[Translation]) -> str:
    import msgspec

    from bootmap.analysis.registers import named
    from bootmap.report.source_text import source_document
    from bootmap.report.walk_json import SCHEMA, walk_document

    head = source_document(source.name, source.kind, source.regs, named(source.regs), source.assumptions)
    document = {"schema": SCHEMA, **head, "walks": [walk_document(translation) for translation in found]}
    return msgspec.json.encode(document).decode()
