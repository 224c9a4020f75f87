"""``bootmap locate``: find the page tables in a dump of memory of which nothing is known."""

from __future__ import annotations

import click

import bootmap
from bootmap.output import folded


@click.command()
@click.argument("dump", nargs=-1, required=True, metavar="DUMP...")
@click.option("--all", "whole", is_flag=True, help="Every kernel that was found, with every table; not the best only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.locate/1).")
def command(dump: tuple[str, ...], whole: bool, as_json: bool) -> int:
    """Find the kernel's page tables in DUMP, its processes' tables, PHYS_OFFSET and PAGE_OFFSET.

    DUMP is raw memory (FILE, or FILE@ADDRESS where the address of its first byte is known; several such files make one
    image), an ELF core or LiME.  Nothing else is needed: no symbols, no registers, no kernel.
    Exit code 1: no tables were found.
    """
    from bootmap.report.locate_text import locate_json, locate_text

    kind, found, problems = bootmap.locate(*dump)
    name = " ".join(dump)
    if as_json:
        click.echo(locate_json(name, kind, found, problems))
    else:
        click.echo(folded(locate_text(name, kind, found, problems, whole=whole)))
    return 0 if found.found else 1
