"""``bootmap mem-types``: what build_mem_type_table arrives at, decoded, and how."""

from __future__ import annotations

from typing import Any

import click

import bootmap
from bootmap.cli.options import board_options
from bootmap.output import folded


@click.command()
@click.argument("board", type=click.Path())
@board_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(board: str, as_json: bool, **options: Any) -> int:
    """Print the memory types of the kernel on BOARD's CPU, and what was adjusted on the way from the static table."""
    from bootmap.report.mem_types import mem_types_json, mem_types_text

    prediction = bootmap.predict(*bootmap.load(board, **options))
    if as_json:
        click.echo(mem_types_json(prediction.replay))
    else:
        click.echo(folded(mem_types_text(prediction.replay, prediction.hardware_words)))
    return 0
