"""``bootmap explore``: one HTML file that shows the boot's memory step by step."""

from __future__ import annotations

import sys
from typing import Any

import click

import bootmap
from bootmap.cli.options import input_options, tables_arguments, tables_options
from bootmap.errors import UsageError
from bootmap.output import write_file
from bootmap.units import size_text

_OTHER_KERNEL = ("config", "system_map", "image", "version")


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="SOURCE")
@click.option("--output", "-o", type=click.Path(), help="The HTML file.  [standard output]")
@click.option("--against", metavar="SOURCE", help="A second source, to be shown beside the first.")
@click.option("--against-config", type=click.Path(), help="The second one's kernel: its .config, where it is another.")
@click.option("--against-system-map", type=click.Path(), help="Its System.map.")
@click.option("--against-kernel", "against_image", type=click.Path(), help="Its vmlinux, zImage or Image.")
@click.option("--against-kernel-version", "against_version", help="Its version.")
@tables_options
@input_options
def command(words: tuple[str, ...], output: str | None, against: str | None, **options: Any) -> int:
    """Write a page that shows SOURCE's memory: maps, page directory, timeline, and why each byte is what it is.

    SOURCE is as for `bootmap tables`: a board to predict, a dump, a core, a recording, a running QEMU.  The page needs
    no network and nothing installed.  --stage is where it opens.  With --against two are shown side by side; the same
    board with another kernel is --against BOARD --against-kernel-version 6.12, say.
    """
    other = {name: options.pop(f"against_{name}") for name in _OTHER_KERNEL}
    changes = {name: value for name, value in other.items() if value is not None}
    asked = tables_arguments(options)
    if against is None and changes:
        raise UsageError("another kernel was given for the second side; name its board with --against")
    if output is None and sys.stdout.isatty():
        raise UsageError("the page is no text for a terminal; give --output FILE, or send it somewhere")
    sides = [bootmap.explore_side(*words, **asked)]
    if against is not None:
        sides.append(bootmap.explore_side(against, **{**asked, **changes}))
    stage, names = asked["stage"], [row["name"] for row in sides[0].document["stages"]]
    if stage is not None and stage not in names:
        raise UsageError(f"--stage {stage}: {words[0]} has no such stage; {', '.join(dict.fromkeys(names))} are there")
    page = bootmap.explore_page(*sides, stage=stage).encode()
    if output is None:
        click.echo(page, nl=False)
    else:
        write_file(output, page)
        click.echo(f"bootmap: {output}: {size_text(-(-len(page) // 1024) * 1024)}", err=True)
    return 0
