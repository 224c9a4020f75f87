"""``bootmap explain``: the chain from an address back to the device tree, and the descriptors on the way."""

from __future__ import annotations

from typing import Any

import click

import bootmap
from bootmap.cli.options import ADDRESS, board_options, input_options
from bootmap.errors import UsageError
from bootmap.output import folded
from bootmap.units import whole_number


@click.command()
@click.argument("board", type=click.Path())
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@board_options
@input_options
@click.option("--stage", default="paging_init", help="The stage, by kernel function.", show_default=True)
@click.option("--state", "stage", hidden=True)
def command(board: str, addresses: tuple[str, ...], stage: str, **options: Any) -> int:
    """Say why each ADDRESS is what it is, on BOARD.

    A number is looked at as a physical address where the board has RAM there, and as a virtual one where the kernel's
    half begins there; pa:ADDRESS and va:ADDRESS ask for one of the two.
    """
    from bootmap.report.explain_text import explanation_text

    bootmap.check_stage(stage)
    asked = [_parse(text) for text in addresses]
    prediction = bootmap.predict(*bootmap.load(board, **options))
    try:
        found = [prediction.explain(address, kinds, stage) for kinds, address in asked]
    except KeyError as error:
        raise UsageError(error.args[0]) from None
    click.echo(folded("\n\n".join(filter(None, map(explanation_text, found)))))
    return 0


def _parse(text: str) -> tuple[str, int]:
    """Which readings are asked for ("pa", "va" or "pa va"), and the number."""
    prefix, colon, rest = text.partition(":")
    kinds, number = ("pa va", text) if not colon else (prefix.lower(), rest)
    value = whole_number(number)
    if kinds not in ("pa", "va", "pa va") or value is None:
        raise UsageError(f"{text!r} is no {ADDRESS.name}: 0xc0000000, pa:0x40000000 and va:0xf0000000 are")
    if kinds == "va" and value >= 1 << 32:
        raise UsageError(f"{text!r}: a virtual address has 32 bits")
    return kinds, value
