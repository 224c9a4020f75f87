"""``bootmap draw``: the memory map as a drawing, for documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import bootmap
from bootmap.cli.options import board_options, input_options
from bootmap.errors import UsageError
from bootmap.output import write_file

if TYPE_CHECKING:
    from typing import Literal


@click.command()
@click.argument("board", type=click.Path())
@click.option("--output", "-o", type=click.Path(), help="FILE.svg or FILE.png.  [standard output, SVG]")
@click.option("--stage", metavar="NAME", help="The stage, by kernel function.  [paging_init]")
@click.option("--to-scale", is_flag=True, help="Give every byte the same room; else small things have room for names.")
@click.option(
    "--theme",
    type=click.Choice(["auto", "light", "dark"]),
    default="auto",
    show_default=True,
    help="Colours; auto follows the reader's, as far as the file's format can.",
)
@board_options
@input_options
def command(
    board: str,
    output: str | None,
    stage: str | None,
    to_scale: bool,
    theme: Literal["auto", "light", "dark"],
    **options: Any,
) -> int:
    """Draw BOARD's memory at one stage: physical memory with its owners, what it is mapped to, the virtual layout."""
    bootmap.check_stage(stage)
    picture = output is not None and output.lower().endswith(".png")
    prediction = bootmap.predict(*bootmap.load(board, typical=True, **options))
    if picture and theme == "auto":
        theme = "light"
    try:
        drawing = bootmap.draw(prediction, stage, to_scale=to_scale, theme=theme, inline=not picture)
    except KeyError as error:
        raise UsageError(error.args[0]) from None
    if output is None:
        click.echo(drawing, nl=False)
    else:
        write_file(output, bootmap.draw_png(drawing) if picture else drawing.encode())
    return 0
