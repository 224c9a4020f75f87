"""``bootmap diagnose``: the console of a board that does not do what it should, and the cause."""

from __future__ import annotations

from typing import Any

import click

from bootmap.cli.inputs import board_options
from bootmap.errors import InputError, UsageError


@click.command()
@click.argument("log", type=click.Path(allow_dash=True))
@click.argument("board", required=False, type=click.Path())
@board_options
@click.option("--boot", "number", type=click.IntRange(1, 64), help="Which boot of the capture; all where not given.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.diagnose/1).")
def command(log: str, board: str | None, number: int | None, as_json: bool, **options: Any) -> int:
    """Say what happened in LOG, why, and what to change.

    LOG is what the console showed, from the boot loader's first line to the last: a file, - for standard input, or an
    archive that `bootmap collect` made.  Time stamps, colours, quoting and several boots in one capture are no matter.
    With BOARD, its device tree, and the options of its kernel, what the prediction says of that very board comes in.

    The answer begins with the cause; changes were predicted again before they are told.
    Exit code 1: the boot ended, or something was lost.
    """
    from bootmap.bootlog.capture import read_boots
    from bootmap.bootlog.diagnose import diagnose
    from bootmap.cli.commands.verify_log import read_given
    from bootmap.report.diagnose_text import diagnoses_json, diagnoses_text

    name, text = read_capture(log)
    if not text.strip():
        raise InputError("is empty; expected what the console of a board showed", file=name)
    boots = read_boots(text)
    if number is not None:
        if number > len(boots):
            raise UsageError(f"--boot {number}: {name} has {len(boots)} boot{'s' if len(boots) > 1 else ''}")
        boots = boots[number - 1 : number]
    given = read_given(board, options)
    found = [diagnose(boot, given) for boot in boots]
    click.echo(diagnoses_json(name, found) if as_json else diagnoses_text(name, found), nl=as_json)
    return 0 if all(each.well for each in found) else 1


def read_capture(path: str) -> tuple[str, str]:
    """The name and the text of a capture; ``-`` is standard input.

    Raises:
        InputError: it cannot be read, or is too large.
    """
    import sys

    from bootmap.inputs.console import MOST_BYTES, console_text
    from bootmap.inputs.fs import file_name, read_file

    if path != "-":
        return file_name(path), console_text(read_file(path, MOST_BYTES, gunzip=True))
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise InputError(f"is longer than {MOST_BYTES >> 20} MiB, which no capture is", file="standard input")
    return "standard input", console_text(data)
