"""``bootmap oops``: what an ARM oops says of the page tables, and what should have been there."""

from __future__ import annotations

from typing import Any

import click

import bootmap
from bootmap.cli.options import board_options
from bootmap.errors import InputError, UsageError
from bootmap.output import folded


@click.command()
@click.argument("log", type=click.Path(allow_dash=True))
@click.option("--board", type=click.Path(), help="A board to predict, for what should have been at the address.")
@click.option(
    "--arch", type=click.Choice(bootmap.ARCH_NAMES), help="Version of the architecture, where the log does not tell."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (bootmap.oops/1).")
@board_options
def command(log: str, board: str | None, arch: str | None, as_json: bool, **options: Any) -> int:
    """Read the oopses in LOG, a file or - for standard input, and say what the page tables have to do with them.

    The words of the line "[address] *pgd=..., *pte=..." are decoded and walked as the CPU does; the fault status is
    decoded; and the two are compared: a permission fault on a page that the words permit, say, is a stale TLB or a
    table that was changed meanwhile.  With --board, and the options that describe its kernel, the same address is
    looked up in the predicted tables.
    Exit code 1: words and status do not agree, or a word is not as predicted.
    """
    from bootmap.report.oops_text import oops_json, oops_text

    if board is None and any(value for value in options.values()):
        raise UsageError("options that describe a kernel say nothing without --board")
    prediction = bootmap.predict(*bootmap.load(board, **options)) if board is not None else None
    try:
        rows = bootmap.oopses(log, arch=arch, prediction=prediction)
    except InputError:
        return _diagnosed(log, board, options)
    if as_json:
        click.echo(oops_json(log, rows))
    else:
        click.echo(folded("\n\n".join(oops_text(number, *row) for number, row in enumerate(rows, 1))))
    wrong = any(found.agreement == "differs" or (known is not None and known.differs) for found, known in rows)
    return 1 if wrong else 0


def _diagnosed(log: str, board: str | None, options: dict[str, Any]) -> int:
    """A log without an oops that ends in a panic all the same is one for `diagnose`.

    Raises:
        InputError: it shows nothing of the kind either.
    """
    from bootmap.report.diagnose_text import diagnoses_text

    found = [] if log == "-" else bootmap.diagnose(log, board, **options)
    if not any(each.findings for each in found):
        bootmap.oopses(log)  # says what was expected
    click.echo("no oops, so the whole log is diagnosed\n", err=True)
    click.echo(folded(diagnoses_text(log, found)), nl=False)
    return 1
