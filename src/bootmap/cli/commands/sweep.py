"""``bootmap sweep``: every board with every kernel."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

import click

import bootmap
from bootmap.cli.progress import Progress
from bootmap.errors import UsageError
from bootmap.units import MIB

_FORMATS = ("text", "markdown", "jsonl", "sarif", "junit")


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="BOARDS...")
@click.option("--kernel", "kernels", multiple=True, metavar="[NAME=]KERNEL", help="A kernel. Repeatable.  [typical]")
@click.option("--memory", multiple=True, metavar="RULE", help="RAM for trees that have no size of it.  [512M]")
@click.option("--cmdline", help="Command line, in place of each tree's.")
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="Keep the rows in this file (JSON Lines).")
@click.option("--resume", is_flag=True, help="Go on with what is in --output.")
@click.option("--parquet", type=click.Path(dir_okay=False), help="Write the rows as Parquet too.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True, help="What to print.")
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

    Exit code 0: there is a row for every board and kernel, whatever it says.
    """  # fmt: skip
    if options["resume"] and options["output"] is None:
        raise UsageError("--resume goes on with the rows of a file: name it with --output")
    kernels = options["kernels"] or (f"typical={_USUAL}",)
    sweep = bootmap.Sweep.of(words, kernels, memory=options["memory"], cmdline=options["cmdline"])
    with tempfile.TemporaryDirectory(prefix="bootmap-sweep-") as place:
        output = options["output"] or os.path.join(place, "rows.jsonl")
        run = _run(sweep, output, options)
        if options["parquet"] is not None:
            bootmap.write_parquet(options["parquet"], bootmap.read_rows(output))
        _print(output, options["form"])
    kept = f", {run.kept} were there" if run.kept else ""
    cached = f", {run.cached} from the cache" if run.cached else ""
    click.echo(f"bootmap: {run.pairs} rows in {run.seconds:.1f} s: {run.worked} worked out{cached}{kept}", err=True)
    return 0


_USUAL = "6.12"


def _run(sweep: bootmap.Sweep, output: str, options: dict[str, Any]) -> bootmap.SweepRun:
    """Sweep, with a progress bar."""
    with Progress(len(sweep), sys.stderr) as progress:
        shown = 0

        def told(pairs: int, _total: int, note: str) -> None:
            nonlocal shown
            progress.step(note, pairs - shown)
            shown = pairs

        run = bootmap.run_sweep(
            sweep,
            output,
            again=options["resume"],
            cache=None if options["no_cache"] else options["cache"] or bootmap.sweep_cache(),
            jobs=options["jobs"],
            limits=bootmap.SweepLimits(options["time_limit"], options["memory_limit"] * MIB),
            scheduler=options["scheduler"],
            told=told,
        )
    for problem in run.problems:
        click.echo(f"bootmap: {problem}", err=True)
    return run


def _print(rows: str, form: str) -> None:
    if form == "jsonl":
        with open(rows, encoding="utf-8") as stream:
            for line in stream:
                click.echo(line, nl=False)
        return
    from bootmap.report.sweep_text import summary_text

    click.echo(summary_text(bootmap.sweep_summary(bootmap.read_rows(rows))), nl=False)
