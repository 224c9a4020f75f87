"""``bootmap sweep``: every board with every kernel, and what changed between two of them."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import click

import bootmap
from bootmap.cli.options import ADDRESS
from bootmap.cli.progress import Progress
from bootmap.cli.sweep_output import FORMATS, print_changes, print_rows, write_page
from bootmap.errors import UsageError
from bootmap.units import MIB

if TYPE_CHECKING:
    from bootmap import Sweep, SweepRun

_USUAL = "typical=6.12"
_BLAMED = 5
"""Groups that --blame looks at."""


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="BOARDS...")
@click.option("--kernel", "kernels", multiple=True, metavar="[NAME=]KERNEL", help="A kernel. Repeatable.  [typical]")
@click.option("--against", multiple=True, metavar="KERNEL|FOLDER", help="Compare with this kernel, or these trees.")
@click.option("--blame", is_flag=True, help="With --against: which options make the worst changes.")
@click.option("--least", type=ADDRESS, metavar="SIZE", default="4M", help="Less memory than this is no change.  [4M]")
@click.option("--memory", multiple=True, metavar="RULE", help="RAM for trees that have no size of it.  [512M]")
@click.option("--cmdline", help="Command line, in place of each tree's.")
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="Keep the rows in this file (JSON Lines).")
@click.option("--parts", type=click.Path(file_okay=False), help="Keep them in this folder, as Parquet parts, instead.")
@click.option("--resume", is_flag=True, help="Go on with what is in --output or --parts.")
@click.option("--parquet", type=click.Path(dir_okay=False), help="Write the rows as Parquet too.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write a page: sort, filter, open boards.")
@click.option("--pages", type=click.Choice(("bad", "all")), help="With --html: pages of boards to open from it.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="What to print.")
@click.option("--jobs", "-j", type=click.IntRange(1, 256), help="Processes.  [CPUs]")
@click.option("--time-limit", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds a board.")
@click.option("--memory-limit", type=click.IntRange(0), default=1024, show_default=True, help="MiB a board.")
@click.option("--cache", type=click.Path(dir_okay=False), help="File of the cache.  [~/.cache/bootmap/sweep.sqlite]")
@click.option("--no-cache", is_flag=True, help="Work everything out anew.")
@click.option("--scheduler", metavar="ADDRESS", help="Work on the cluster of this Dask scheduler.")
def command(words: tuple[str, ...], **options: Any) -> int:
    """Predict every board of BOARDS with every kernel, one row each, and count what came of them.

    BOARDS are folders (every .dtb and .itb below them), files, patterns, and kernels' packages for the trees in them.
    A KERNEL is a folder with its configuration and System.map, an unpacked package, a build tree, a vmlinux or zImage,
    or a typical one: multi_v7, multi_v7@6.12, 6.12.  A RULE is SIZE, COMPATIBLE=SIZE, COMPATIBLE=BASE,SIZE or @FILE.
    Nothing is dropped: a board without an answer is a row with the reason.

    With --against the first kernel and the trees of BOARDS are the old side; what changed is grouped by cause, and a
    change of the tree is told apart from one of the kernel.

    Exit code 0: there is a row for every board and kernel, whatever it says; 1: with --against, something got worse.
    """
    if options["output"] is not None and options["parts"] is not None:
        raise UsageError("--output and --parts both say where the rows are kept: give one")
    kept_in = options["output"] or options["parts"]
    if options["resume"] and kept_in is None:
        raise UsageError("--resume goes on with the rows of a file or folder: name it with --output or --parts")
    if options["blame"] and not options["against"]:
        raise UsageError("--blame asks what makes a change: say between what with --against")
    sweep = bootmap.Sweep.of(
        words,
        options["kernels"] or (_USUAL,),
        against=options["against"],
        memory=options["memory"],
        cmdline=options["cmdline"],
    )
    with tempfile.TemporaryDirectory(prefix="bootmap-sweep-") as place:
        output = kept_in or os.path.join(place, "rows.jsonl")
        run = _run(sweep, output, options)
        if options["parquet"] is not None:
            bootmap.write_parquet(options["parquet"], bootmap.read_rows(output))
        comparisons, blames = [], []
        if sweep.sides is not None:
            comparisons = [bootmap.compare_sides(bootmap.read_rows(output), *sweep.sides, options["least"])]
            blames = bootmap.blame_changes(sweep, comparisons[0], _BLAMED) if options["blame"] else []
        if options["html"] is not None:
            write_page(options["html"], sweep, output, comparisons, options["pages"])
        if comparisons:
            print_changes(comparisons, blames, options["form"])
        else:
            print_rows(output, options["form"])
    kept = f", {run.kept} were there" if run.kept else ""
    cached = f", {run.cached} from the cache" if run.cached else ""
    click.echo(f"bootmap: {run.pairs} rows in {run.seconds:.1f} s: {run.worked} worked out{cached}{kept}", err=True)
    return int(any(comparison.worse for comparison in comparisons))


def _run(sweep: Sweep, output: str, options: dict[str, Any]) -> SweepRun:
    """Sweep, with a progress bar."""
    with Progress(len(sweep), sys.stderr) as progress:
        shown = 0

        def told(pairs: int, _total: int, note: str) -> None:
            nonlocal shown
            progress.step(note, pairs - shown)
            shown = pairs

        try:
            run = bootmap.run_sweep(
                sweep,
                output,
                again=options["resume"],
                parts=options["parts"] is not None,
                cache=None if options["no_cache"] else options["cache"] or bootmap.sweep_cache(),
                jobs=options["jobs"],
                limits=bootmap.SweepLimits(options["time_limit"], options["memory_limit"] * MIB),
                scheduler=options["scheduler"],
                told=told,
            )
        except KeyboardInterrupt:
            if options["output"] is not None or options["parts"] is not None:
                click.echo(f"\nbootmap: {shown} of {len(sweep)} pairs are in {output}; go on with --resume", err=True)
            raise
    for problem in run.problems:
        click.echo(f"bootmap: {problem}", err=True)
    return run
