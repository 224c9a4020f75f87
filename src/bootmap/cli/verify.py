"""``bootmap verify``: hold a prediction against what a real kernel did."""

from __future__ import annotations

from typing import Any

import click

from bootmap.cli.inputs import board_options
from bootmap.errors import UsageError


@click.command()
@click.argument("board", type=click.Path(), required=False)
@board_options
@click.option(
    "--log",
    "logs",
    multiple=True,
    type=click.Path(),
    help="A boot log, /proc/iomem, or a file of debugfs (memblock/*, kernel_page_tables); repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(board: str | None, logs: tuple[str, ...], as_json: bool, **options: Any) -> int:
    """Compare the prediction for BOARD with the log of a real boot.

    Without --config and --system-map the kernel is made of what the log tells, without BOARD the board too; the rest
    of the log is held against that.
    Exit code 0: nothing differs; 1: something does.
    """
    if not logs:
        raise UsageError("give the log of a boot with --log")
    from bootmap.cli.verify_log import verify_log

    return verify_log(board, logs, as_json=as_json, **options)
