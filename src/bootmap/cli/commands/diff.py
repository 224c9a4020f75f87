"""``bootmap diff``: two sets of page tables, predicted, dumped, recorded or live: what changed."""

from __future__ import annotations

from typing import Any

import click

import bootmap
from bootmap.cli.options import tables_arguments, tables_options
from bootmap.output import folded


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--stage-b", metavar="NAME", help="The stage of B; --stage is that of A.")
@click.option("--state-b", "stage_b", hidden=True)
@click.option("--altered-only", is_flag=True, help="Leave out what a running kernel does by itself.")
@click.option("--granule", is_flag=True, help="Tell also where the same is mapped by descriptors of other sizes.")
@click.option(
    "--all", "every", is_flag=True, help="List each change that a running kernel makes; else they are summed up."
)
@click.option("--words", "with_words", is_flag=True, help="Print the descriptors of each change, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.diff/1).")
@tables_options
def command(
    a: str,
    b: str,
    stage_b: str | None,
    altered_only: bool,
    granule: bool,
    every: bool,
    with_words: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Say what the page tables of B have that those of A have not, as ranges and rights.

    A and B are sources as for `bootmap tables`: a board to predict, a dump, a core, a recording, a prediction's JSON, a
    running QEMU.  The options of boards and registers go to both.  What a running kernel changes by itself is told
    apart from what none does: altered.
    Exit code 1: they differ.
    """
    from bootmap.report.diff_text import diff_document, diff_text

    asked = tables_arguments(options)
    with bootmap.open(a, **asked) as one, bootmap.open(b, **{**asked, "stage": stage_b}) as other:
        found = bootmap.diff(one, other, granule=granule)
        changes = found.altered if altered_only else found.changes
        words = {change.va: _words(*found.words(change)) for change in changes} if with_words else {}
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(diff_document((one.name, other.name), changes, found.assumptions)).decode())
    else:
        from bootmap.report.source_text import assumptions_text

        below = assumptions_text(found.assumptions)
        click.echo(folded("\n\n".join(filter(None, [diff_text(changes, words, every=every), below]))))
    return 1 if changes else 0


def _words(*sides: tuple[int, ...]) -> str:
    """The descriptors at the first address of a change, in both."""
    return f"words   {' -> '.join(' '.join(f'{word:#010x}' for word in side) or 'no table' for side in sides)}"
