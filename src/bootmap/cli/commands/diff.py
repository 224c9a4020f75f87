"""``bootmap diff``: two sets of page tables, predicted, dumped, recorded or live: what changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from bootmap.cli.source import SourceOptions, open_source, source_options
from bootmap.units import MIB, Span, align_up

if TYPE_CHECKING:
    from bootmap.analysis.diff import Change, Layout
    from bootmap.cli.source import Source

_PAGE_OFFSET = 0xC0000000
_TOP = 0xFFFF0000


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--state-b", metavar="NAME", help="The moment of B; --state is that of A.")
@click.option("--altered-only", is_flag=True, help="Leave out what a running kernel does by itself.")
@click.option("--granule", is_flag=True, help="Tell also where the same is mapped by descriptors of other sizes.")
@click.option(
    "--all", "every", is_flag=True, help="List each change that a running kernel makes; else they are summed up."
)
@click.option("--words", "with_words", is_flag=True, help="Print the descriptors of each change, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.diff/1).")
@source_options
def command(
    a: str, b: str, state_b: str | None, altered_only: bool, granule: bool, every: bool, with_words: bool,
    as_json: bool, **options: Any,
) -> int:  # fmt: skip
    """Say what the page tables of B have that those of A have not, as ranges and rights.

    A and B are sources as for `bootmap tables`: a board to predict, a dump, a core, a recording, a prediction's JSON, a
    running QEMU.  The options of boards and registers go to both.  What a running kernel changes by itself is told
    apart from what none does: altered.
    Exit code 1: they differ.
    """
    from bootmap.analysis.diff import classed, differences, linux_only
    from bootmap.mmu.bulk import snapshot
    from bootmap.report.diff_text import diff_document, diff_text

    asked = SourceOptions.of(options)
    with open_source(a, asked) as one, open_source(b, replace(asked, state=state_b)) as other:
        maps = snapshot(one.memory, one.regs), snapshot(other.memory, other.regs)
        found = differences(*maps, granule=granule)
        if not maps[0].regime.long and not maps[1].regime.long:
            found += linux_only((maps[0], one.memory), (maps[1], other.memory))
        changes = [change for change in classed(found, _layout(one, other)) if change.altered or not altered_only]
        words = {change.va: _words(change, one, other) for change in changes} if with_words else {}
        assumptions = [*one.assumptions, *(text for text in other.assumptions if text not in one.assumptions)]
        if as_json:
            import msgspec

            click.echo(msgspec.json.encode(diff_document((one.name, other.name), changes, assumptions)).decode())
        else:
            from bootmap.report.source_text import assumptions_text

            below = assumptions_text(assumptions)
            click.echo("\n\n".join(filter(None, [diff_text(changes, words, every=every), below])))
    return 1 if changes else 0


def _layout(one: Source, other: Source) -> Layout:
    """The kernel's layout, from whichever side knows it."""
    from bootmap.analysis.diff import Layout

    kernel = one.kernel or other.kernel
    page_offset = one.page_offset or other.page_offset or _PAGE_OFFSET
    symbols = one.symbols or other.symbols
    image = None
    if "_end" in symbols:
        image = Span(page_offset, align_up(symbols["_end"], 2 * MIB))
    fixmap = Span(kernel.fixaddr_start, align_up(kernel.fixaddr_top, 2 * MIB)) if kernel else Span(0xFFC00000, _TOP)
    highmem = kernel is None or kernel.has("highmem")
    pkmap = Span(page_offset - 2 * MIB if highmem else page_offset, page_offset)
    prediction = one.prediction or other.prediction
    coherent: tuple[Span, ...] = ()
    if prediction is not None:
        state = prediction.state
        starts = [(state.va(area.base), area.size) for area in state.cma_areas]
        coherent = tuple(Span(start, start + size) for start, size in starts)
    return Layout(page_offset, one.high_memory or other.high_memory, image, pkmap, fixmap, coherent)


def _words(change: Change, one: Source, other: Source) -> str:
    """The descriptors at the first address of a change, in both."""
    from bootmap.mmu.regs import regime_of
    from bootmap.mmu.walk import walk

    def text(source: Source) -> str:
        steps = walk(source.memory, regime_of(source.regs), change.va).steps
        return " ".join(f"{step.word:#010x}" for step in steps) or "no table"

    return f"words   {text(one)} -> {text(other)}"
