"""``bootmap record``: one boot of a real kernel under QEMU, kept as a recording."""

from __future__ import annotations

from typing import Any

import click

from bootmap.cli.booting import boot_boards, boot_options
from bootmap.cli.inputs import board_options


@click.command()
@click.argument("board", required=False, type=click.Path())
@board_options
@boot_options
@click.option("--output", "-o", required=True, type=click.Path(dir_okay=False), help="Where to write it (.json.gz).")
def command(board: str | None, output: str, **options: Any) -> int:
    """Boot BOARD (or the machine's own device tree) under QEMU and write what was read.

    The recording holds the device tree, page tables and memblock at the entry of paging_init and at its return, and the
    log: everything with which others can replay the case.  It is a SOURCE for `bootmap tables` and `bootmap walk`.
    Exit code 1: the kernel did not come back; what it did is in the recording.
    """
    from msgspec import UNSET

    from bootmap.image.recording import write_recording

    (booted,) = boot_boards([board] if board else [], **options)
    if isinstance(booted, Exception):
        raise booted
    write_recording(booted.recording, output)
    died = booted.recording.outcome is not UNSET
    click.echo(f"{output}: {'the kernel did not come back from paging_init' if died else 'recorded'}", err=True)
    return 1 if died else 0
