"""``bootmap memblock``: run memblock calls from a script and print the state after each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

import bootmap
from bootmap.errors import UsageError

if TYPE_CHECKING:
    from bootmap import MemblockRun

_DEFAULT_VERSION = "6.12"
_OPERATIONS = "; ".join(" ".join((name, *parameters)) for name, parameters in bootmap.MEMBLOCK_CALLS.items())


@click.command(
    help=f"""Run the memblock calls in SCRIPT and print the state after each.

    SCRIPT is a file, or - for standard input: one operation a line, numbers in hexadecimal, # starts a
    comment.  Operations: {_OPERATIONS}.

    After each operation come what it returned (hexadecimal, cut to 40 bits) and the state: regions as
    BASE+SIZE:FLAGS (1 hotplug, 2 mirror, 4 nomap, 20 allocated by the kernel), and the ranges START-END
    that are free, and that the kernel would map.
    Exit code 1: the kernel dies inside an operation.
    """
)
@click.argument("script")
@click.option(
    "--width",
    type=click.Choice(["32", "64"]),
    default="32",
    help="Bits of phys_addr_t (in Linux 2.6.36 always 64).",
    show_default=True,
)
@click.option("--kernel-version", default=_DEFAULT_VERSION, help="Whose rules hold.", show_default=True)
@click.option("--raw", is_flag=True, help="Print the states only, one line each, as recordings have them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(script: str, width: str, kernel_version: str, raw: bool, as_json: bool) -> int:
    """See the help text above."""
    if raw and as_json:
        raise UsageError("--raw and --json do not go together")
    run = bootmap.memblock_script(script, version=kernel_version, width=int(width))
    if run.release.beyond is not None:
        click.echo(
            f"bootmap: {run.release.text} is newer than Linux {run.release.beyond}, whose rules are used", err=True
        )
    return _print_json(run) if as_json else _print_text(run, raw=raw)


def _print_text(run: MemblockRun, *, raw: bool) -> int:
    from bootmap.report.memblock import state_line, state_text

    done = 0
    try:
        for op, result, memblock in run.steps():
            click.echo(state_line(result, memblock) if raw else f"> {op}\n{state_text(result, memblock)}")
            done += 1
    except bootmap.MemblockDeath as death:
        if not raw:
            click.echo(f"> {run.ops[done]}")
        click.echo(f"bootmap: {run.file}: line {run.ops[done].line}: the kernel dies here: {death}", err=True)
        return 1
    return 0


def _print_json(run: MemblockRun) -> int:
    """Write step by step, so that a long script needs no more memory than a short one."""
    from bootmap.report.memblock import state_data

    head = {"schema": "bootmap.memblock/1", "kernel_version": run.release.text, "width": run.rules.width}
    rules = [{"feature": name, "on": on, "source": source} for name, on, source in run.features]
    click.echo(
        f"{json.dumps(head)[:-1]},\n{json.dumps('rules')}: {json.dumps(rules)},\n{json.dumps('steps')}: [", nl=False
    )
    done, death = 0, None
    try:
        for op, result, memblock in run.steps():
            step = {"line": op.line, "op": str(op), **state_data(result, memblock)}
            click.echo(f"{',' if done else ''}\n{json.dumps(step)}", nl=False)
            done += 1
    except bootmap.MemblockDeath as error:
        death = {"line": run.ops[done].line, "op": str(run.ops[done]), "reason": str(error)}
    click.echo(f'],\n"death": {json.dumps(death)}}}')
    return 1 if death else 0
