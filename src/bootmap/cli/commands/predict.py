"""``bootmap predict``: does it boot, where is what, and the page tables byte for byte."""

from __future__ import annotations

from typing import Any

import click

from bootmap.cli.inputs import board_options, predict
from bootmap.errors import UsageError

_STATES = "create_page_tables, setup_machine_fdt, early_fixmap_init, arm_memblock_init, adjust_lowmem_bounds, ..."


@click.command()
@click.argument("board", type=click.Path())
@board_options
@click.option(
    "--state",
    "states",
    multiple=True,
    metavar="NAME",
    help="A moment whose memblock and tables are wanted, by kernel function; repeatable. [paging_init]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.predict/1).")
@click.option("--dmesg", is_flag=True, help="Print the kernel's lines about memory instead.")
def command(board: str, states: tuple[str, ...], as_json: bool, dmesg: bool, **options: Any) -> int:
    """Replay the boot of BOARD and say what becomes of its memory.

    BOARD is a device tree blob, or an ATAG list with --machine-id.  The kernel is described by its configuration and
    its symbols.  Exit code 0: it boots; 1: it does not, not surely, or without its initrd.
    """  # fmt: skip
    from bootmap.boot.sequence import STATE_NAMES

    for name in states:
        if name not in STATE_NAMES:
            raise UsageError(f"--state {name}: there is no such moment; {', '.join(STATE_NAMES)} are")
    prediction = predict(board, **options)
    if as_json:
        from bootmap.analysis.registers import linux_registers, named
        from bootmap.report.predict_json import predict_json

        click.echo(predict_json(prediction, states or ("paging_init",), named(linux_registers(prediction))))
    else:
        from bootmap.analysis.overview import overview
        from bootmap.report.dmesg import dmesg_text
        from bootmap.report.predict_text import predict_text

        seen = overview(prediction)
        click.echo(dmesg_text(prediction, seen.layout) if dmesg else predict_text(prediction, seen), nl=dmesg)
    return 0 if prediction.outcome.all_well else 1
