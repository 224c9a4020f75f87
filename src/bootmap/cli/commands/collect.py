"""``bootmap collect``: the script that gathers on a running board what bootmap reads."""

from __future__ import annotations

import click

import bootmap


@click.command()
def command() -> int:
    """Print a shell script that gathers what a running Linux says of its memory.

    It needs busybox and root, no Python, and changes nothing on the board:

    \b
        bootmap collect > collect.sh             then on the board
        sh collect.sh > board.tar.gz             or, where there is only a serial console
        sh collect.sh --text

    The archive goes to `bootmap diagnose`, to `bootmap verify`, which holds the prediction against the real hardware,
    and to `bootmap record`, which takes serial numbers, MAC addresses and host names out of it.
    """  # noqa: D301 - click's own mark, a backspace
    click.echo(bootmap.collect_script(), nl=False)
    return 0
