"""``bootmap predict``: does it boot, where is what, and the page tables byte for byte."""

from __future__ import annotations

from typing import Any

import click

import bootmap
from bootmap.cli.options import board_options, input_options
from bootmap.output import folded

_STAGES = "create_page_tables, setup_machine_fdt, early_fixmap_init, arm_memblock_init, adjust_lowmem_bounds, ..."


@click.command()
@click.argument("board", type=click.Path())
@board_options
@input_options
@click.option(
    "--stage",
    "stages",
    multiple=True,
    metavar="NAME",
    help=f"A stage whose memblock and tables the JSON holds, by kernel function: {_STAGES}; repeatable. [paging_init]",
)
@click.option("--state", "hidden_stages", multiple=True, hidden=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.predict/1).")
@click.option("--dmesg", is_flag=True, help="Print the kernel's lines about memory instead.")
def command(
    board: str, stages: tuple[str, ...], hidden_stages: tuple[str, ...], as_json: bool, dmesg: bool, **options: Any
) -> int:
    """Replay the boot of BOARD and say what becomes of its memory.

    BOARD is a device tree blob, or an ATAG list with --machine-id.  The kernel is described by its configuration and
    its symbols.  Exit code 0: it boots; 1: it does not, not surely, or without its initrd.
    """
    wanted = (*stages, *hidden_stages)
    for name in wanted:
        bootmap.check_stage(name)
    prediction = bootmap.predict(*bootmap.load(board, **options))
    if as_json:
        from bootmap.report.predict_json import predict_json

        registers = prediction.last.tables.named_registers
        click.echo(predict_json(prediction.replay, wanted or ("paging_init",), registers))
    elif dmesg:
        from bootmap.report.dmesg import dmesg_text

        text = dmesg_text(prediction.replay, prediction.overview.layout)
        click.echo(text)
        for other in prediction.alternatives:
            click.echo(f"bootmap: guessed: {other.assumption}; {other}", err=True)
            there = prediction.otherwise(other)
            lines = dmesg_text(there.replay, there.overview.layout).splitlines()
            for line in (line for line in lines if line not in text.splitlines()):
                click.echo(f"  then: {line}", err=True)
    else:
        from bootmap.report.predict_text import predict_text

        text = predict_text(prediction.replay, prediction.overview, bootmap.findings_of(prediction))
        click.echo(folded(text), nl=False)
    return 0 if prediction.outcome.all_well else 1
