"""``bootmap diagnose``: the console of a board that does not do what it should, and the cause."""

from __future__ import annotations

from typing import Any

import click

import bootmap
from bootmap.cli.options import board_options
from bootmap.output import folded


@click.command()
@click.argument("log", type=click.Path(allow_dash=True))
@click.argument("board", required=False, type=click.Path())
@board_options
@click.option("--boot", "number", type=click.IntRange(1, 64), help="Which boot of the capture; all where not given.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.diagnose/1).")
def command(log: str, board: str | None, number: int | None, as_json: bool, **options: Any) -> int:
    """Say what happened in LOG, why, and what to change.

    LOG is what the console showed, from the boot loader's first line to the last: a file, - for standard input, or an
    archive that `bootmap collect` made.  Time stamps, colours, quoting and several boots in one capture are no matter.
    With BOARD, its device tree, and the options of its kernel, what the prediction says of that very board comes in.

    The answer begins with the cause; changes were predicted again before they are told.
    Exit code 1: the boot ended, or something was lost.
    """
    from bootmap.report.diagnose_text import diagnoses_json, diagnoses_text

    found = bootmap.diagnose(log, board, boot=number, **options)
    click.echo(diagnoses_json(log, found) if as_json else folded(diagnoses_text(log, found)), nl=as_json)
    return 0 if all(each.well for each in found) else 1
