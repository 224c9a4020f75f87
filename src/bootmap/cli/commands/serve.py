"""``bootmap serve``: the pages of boards on a local server, drawn anew when a board's file changes."""

from __future__ import annotations

from typing import Any

import click

import bootmap
from bootmap.cli.options import input_options, tables_arguments, tables_options


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="FOLDER|BOARD...")
@click.option("--port", default=8032, type=click.IntRange(0, 65535), show_default=True, help="0 takes a free one.")
@tables_options
@input_options
def command(words: tuple[str, ...], port: int, **options: Any) -> int:
    """List boards on a local server, show their pages, and draw them anew whenever a file changes.

    A FOLDER stands for every .dtb in it, and every .dts without one (which needs dtc).  The options describe the kernel
    and go to all boards.  The server listens on this machine only; Ctrl-C ends it.
    """
    asked = tables_arguments(options)
    asked.pop("stage")
    with bootmap.serve(words, asked, port) as server:
        click.echo(f"bootmap: {server.address} (Ctrl-C ends it)", err=True)
        server.serve_forever()
    return 0
