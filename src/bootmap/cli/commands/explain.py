"""``bootmap explain``: the chain from an address back to the device tree, and the descriptors on the way."""

from __future__ import annotations

from typing import Any

import click

from bootmap.cli.inputs import ADDRESS, board_options, predict
from bootmap.errors import UsageError
from bootmap.units import memparse


@click.command()
@click.argument("board", type=click.Path())
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@board_options
@click.option("--state", "state_name", default="paging_init", help="The moment, by kernel function.", show_default=True)
def command(board: str, addresses: tuple[str, ...], state_name: str, **options: Any) -> int:
    """Say why each ADDRESS is what it is, on BOARD.

    A number is looked at as a physical address where the board has RAM there, and as a virtual one where the kernel's
    half begins there; pa:ADDRESS and va:ADDRESS ask for one of the two.
    """
    from bootmap.analysis.explain import explain_physical, explain_virtual
    from bootmap.boot.sequence import STATE_NAMES
    from bootmap.report.explain_text import physical_text, virtual_text

    if state_name not in STATE_NAMES:
        raise UsageError(f"--state {state_name}: there is no such moment; {', '.join(STATE_NAMES)} are")
    asked = [_parse(text) for text in addresses]
    prediction = predict(board, **options)
    stage = prediction.stage(state_name)
    if stage is None:
        outcome = prediction.outcome
        raise UsageError(f"the boot does not come so far as {state_name}: it ends in {outcome.stage}: {outcome.reason}")
    kernel = prediction.state.kernel
    sections = []
    for kinds, address in asked:
        facts = explain_physical(prediction, address, stage)
        known = facts.kind != "not RAM to the kernel" or facts.lost or facts.operations
        if "pa" in kinds and (known or kinds == "pa"):
            sections.append(physical_text(facts))
        virtual = address < 1 << 32 and (kinds == "va" or address >= kernel.task_size or not known)
        if "va" in kinds and virtual:
            virtual_facts = explain_virtual(prediction, address, stage)
            sections.append(virtual_text(virtual_facts, kernel.format))
            if virtual_facts.physical is not None:
                sections.append(physical_text(explain_physical(prediction, virtual_facts.physical, stage)))
    click.echo("\n\n".join(sections))
    return 0


def _parse(text: str) -> tuple[str, int]:
    """Which readings are asked for ("pa", "va" or "pa va"), and the number."""
    prefix, colon, rest = text.partition(":")
    kinds, number = ("pa va", text) if not colon else (prefix.lower(), rest)
    value, tail = memparse(number)
    if kinds not in ("pa", "va", "pa va") or tail or not number:
        raise UsageError(f"{text!r} is no {ADDRESS.name}: 0xc0000000, pa:0x40000000 and va:0xf0000000 are")
    if kinds == "va" and value >= 1 << 32:
        raise UsageError(f"{text!r}: a virtual address has 32 bits")
    return kinds, value
