"""What `sweep` and `sweep-diff` print and write, in each of their formats."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

import bootmap
from bootmap.cli.progress import Progress
from bootmap.output import folded, write_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap import Sweep, SweepBlame, SweepComparison

FORMATS = ("text", "markdown", "jsonl", "sarif", "junit")


def print_rows(path: str, form: str) -> None:
    """What a file of rows says."""
    rows = bootmap.read_rows(path)
    if form == "jsonl":
        import msgspec

        for row in rows:
            click.echo(msgspec.json.encode(row).decode())
    elif form == "sarif":
        from bootmap.report.sweep_ci import rows_sarif

        click.echo(json.dumps(rows_sarif(rows, bootmap.__version__), indent=1))
    elif form == "junit":
        from bootmap.report.sweep_ci import rows_junit

        click.echo(rows_junit(rows), nl=False)
    elif form == "markdown":
        from bootmap.report.sweep_markdown import summary_markdown

        click.echo(summary_markdown(bootmap.sweep_summary(rows)), nl=False)
    else:
        from bootmap.report.sweep_text import summary_text

        click.echo(folded(summary_text(bootmap.sweep_summary(rows))), nl=False)


def print_changes(comparisons: Sequence[SweepComparison], blames: Sequence[SweepBlame], form: str) -> None:
    """What changed; ``jsonl`` is a line a board and change."""
    if form == "jsonl":
        from bootmap.report.sweep_changes import change_lines

        for line in change_lines(comparisons):
            click.echo(line)
    elif form == "sarif":
        from bootmap.report.sweep_ci import diff_sarif

        click.echo(json.dumps(diff_sarif(comparisons, bootmap.__version__), indent=1))
    elif form == "junit":
        from bootmap.report.sweep_ci import diff_junit

        click.echo(diff_junit(comparisons), nl=False)
    elif form == "markdown":
        from bootmap.report.sweep_diff_text import diff_markdown

        click.echo(diff_markdown(comparisons, blames), nl=False)
    else:
        from bootmap.report.sweep_diff_text import diff_text

        click.echo(folded(diff_text(comparisons, blames)), nl=False)


def write_page(
    path: str, sweep: Sweep, rows: str, comparisons: Sequence[SweepComparison], pages: str | None = None
) -> None:
    """Write the page of a file of rows, and those of its boards: ``all`` of them, or the ``bad`` ones."""
    from bootmap.report.sweep_html import sweep_page

    found = {}
    if pages is not None:
        wanted = {
            row.place for row in bootmap.read_rows(rows) if row.answered and (pages == "all" or row.headline != "BOOTS")
        }
        wanted |= {
            each.new.place
            for one in comparisons
            for group in one.groups
            for each in group.boards
            if group.weight.name == "WORSE"
        }
        folder = f"{path.removesuffix('.html')}-boards"
        with Progress(len(wanted), sys.stderr) as progress:
            found = bootmap.sweep_pages(sweep, wanted, folder, progress.step)
        click.echo(f"bootmap: wrote {len(found)} pages of boards below {folder}", err=True)
    write_file(path, sweep_page(bootmap.read_rows(rows), comparisons, found).encode())
    click.echo(f"bootmap: wrote {path}", err=True)
