"""``bootmap record``: one boot of a real kernel under QEMU, kept as a recording."""

from __future__ import annotations

import sys
from typing import Any

import click

import bootmap
from bootmap.cli.options import board_options, boot_options
from bootmap.cli.progress import Progress


@click.command()
@click.argument("board", required=False, type=click.Path())
@board_options
@boot_options
@click.option("--output", "-o", required=True, type=click.Path(dir_okay=False), help="Where to write it (.json.gz).")
def command(board: str | None, output: str, **options: Any) -> int:
    """Boot BOARD (or the machine's own device tree) under QEMU and write what was read.

    The recording holds the device tree, page tables and memblock at the entry of paging_init and at its return, and the
    log: everything with which others can replay the case.  It is a SOURCE for `bootmap tables` and `bootmap walk`.
    Where BOARD is an archive that `bootmap collect` made on a real board, that is kept instead (.tar.gz), without
    serial numbers, MAC addresses and host names: read it before you publish it.
    Exit code 1: the kernel did not come back; what it did is in the recording.
    """
    if board is not None and options["image"] is None and bootmap.open_archive(board) is not None:
        kept = bootmap.keep_archive(board, output)
        click.echo(f"{output}: {', '.join(kept)}; serial numbers, MAC addresses and host names are taken out", err=True)
        return 0
    with Progress(bootmap.BOOT_STEPS, sys.stderr) as bar:
        (booted,) = bootmap.boot_boards([board] if board else [], progress=bar.step, **options)
    if isinstance(booted, Exception):
        raise booted
    came_back = bootmap.keep_recording(booted, output)
    click.echo(f"{output}: {'recorded' if came_back else 'the kernel did not come back from paging_init'}", err=True)
    return 0 if came_back else 1
