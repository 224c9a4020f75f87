"""``bootmap sweep-diff``: what changed between two sweeps."""

from __future__ import annotations

import click

import bootmap
from bootmap.cli.options import ADDRESS
from bootmap.cli.sweep_output import FORMATS, print_changes


@click.command()
@click.argument("old", metavar="A", type=click.Path())
@click.argument("new", metavar="B", type=click.Path())
@click.option("--least", type=ADDRESS, metavar="SIZE", default="4M", help="Less memory than this is no change.  [4M]")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="What to print.")
def command(old: str, new: str, least: int, form: str) -> int:
    """Say what changed from the rows of A to those of B: files that `bootmap sweep` wrote, JSON Lines or Parquet.

    Boards are matched by name, and kernels by name where a file has several.  Changes are grouped by cause, the worst
    first; a change of the tree is told apart from one of the kernel where one of the two is the same on both sides.

    Exit code 0: nothing got worse; 1: something did.
    """
    comparisons = bootmap.compare_sweeps(bootmap.read_rows(old), bootmap.read_rows(new), least)
    print_changes(comparisons, (), form)
    return int(any(comparison.worse for comparison in comparisons))
