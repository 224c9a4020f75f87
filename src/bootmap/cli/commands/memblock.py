"""``bootmap memblock``: run memblock calls from a script and print the state after each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from bootmap.boot.memblock import MemblockDeath
from bootmap.boot.memblock.rules import memblock_rules
from bootmap.boot.memblock.script import NEEDS, run_script
from bootmap.errors import InputError, ScriptError, UnsupportedError, UsageError
from bootmap.facts.features.table import ROWS_BY_NAME
from bootmap.inputs.fs import file_name, read_file
from bootmap.inputs.kconfig import parse_version
from bootmap.inputs.memblock_script import PARAMETERS, SCRIPT_LIMIT, ScriptOp, parse_script
from bootmap.report.memblock import state_data, state_line, state_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.boot.memblock import Memblock

_OLDEST = (2, 6, 36)
_NEWEST = (7, 2)
_DEFAULT_VERSION = "6.12"
_OPERATIONS = "; ".join(" ".join((name, *parameters)) for name, parameters in PARAMETERS.items())


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
    kernel = _Release(kernel_version)
    rules = memblock_rules(kernel, int(width))
    try:
        ops = parse_script(read_file(script, SCRIPT_LIMIT), rules.width)
        _check_calls(ops, kernel)
    except InputError as error:
        raise error.in_file(file_name(script)) from None
    steps = run_script(ops, rules)
    if as_json:
        return _print_json(steps, ops, kernel, rules.width)
    return _print_text(steps, ops, file_name(script), raw=raw)


class _Release:
    """A kernel of which only the version is known.

    Attributes:
        text: the version in numbers.
        rules: the features that were asked for.

    Raises:
        UsageError: no version, or one from before memblock.
    """

    def __init__(self, text: str) -> None:
        version = parse_version(text.removeprefix("v"))
        if version is None:
            raise UsageError(f"--kernel-version: {text!r} is not a version such as 6.12 or 6.1.55")
        parts: tuple[int, ...] = tuple(version)
        if text.count(".") < 2:  # no sublevel was given
            parts = parts[:2]
        mainline = 3 if version.major == _OLDEST[0] else 2  # 2.6.36 was a release, 6.1.55 is a stable one
        self._version, stable = parts[:mainline], parts[mainline:]
        self._sublevel = stable[0] if stable else None
        self.text = ".".join(map(str, parts))
        self.rules: dict[str, bool] = {}
        if parts < _OLDEST:
            raise UnsupportedError(f"--kernel-version: Linux {self.text} has no memblock; it came with 2.6.36")
        if self._version > _NEWEST:
            newest = ".".join(map(str, _NEWEST))
            click.echo(f"bootmap: {self.text} is newer than Linux {newest}, whose rules are used", err=True)

    def has(self, name: str, /) -> bool:
        """Whether the release has a feature of ``bootmap.facts.features.table``."""
        on = any(row.covers(self._version, self._sublevel) for row in ROWS_BY_NAME[name])
        self.rules[name] = on
        return on


def _check_calls(ops: list[ScriptOp], kernel: _Release) -> None:
    """Refuse calls that came to the kernel later.

    Raises:
        ScriptError: naming the line, the call and the release that brought it.
    """
    for op in ops:
        feature = NEEDS.get(op.name)
        if feature and not kernel.has(feature):
            since = ".".join(map(str, ROWS_BY_NAME[feature][0].since or ()))
            message = f"Linux {kernel.text} has no {op.name}; it came with {since}"
            raise ScriptError(message, line=op.line)


def _print_text(steps: Iterator[tuple[ScriptOp, int, Memblock]], ops: list[ScriptOp], file: str, *, raw: bool) -> int:
    done = 0
    try:
        for op, result, memblock in steps:
            click.echo(state_line(result, memblock) if raw else f"> {op}\n{state_text(result, memblock)}")
            done += 1
    except MemblockDeath as death:
        if not raw:
            click.echo(f"> {ops[done]}")
        click.echo(f"bootmap: {file}: line {ops[done].line}: the kernel dies here: {death}", err=True)
        return 1
    return 0


def _print_json(
    steps: Iterator[tuple[ScriptOp, int, Memblock]], ops: list[ScriptOp], kernel: _Release, width: int
) -> int:
    """Write step by step, so that a long script needs no more memory than a short one."""
    head = {"schema": "bootmap.memblock/1", "kernel_version": kernel.text, "width": width}
    rules = [{"feature": name, "on": on, "source": ROWS_BY_NAME[name][0].source} for name, on in kernel.rules.items()]
    click.echo(
        f"{json.dumps(head)[:-1]},\n{json.dumps('rules')}: {json.dumps(rules)},\n{json.dumps('steps')}: [", nl=False
    )
    done, death = 0, None
    try:
        for op, result, memblock in steps:
            step = {"line": op.line, "op": str(op), **state_data(result, memblock)}
            click.echo(f"{',' if done else ''}\n{json.dumps(step)}", nl=False)
            done += 1
    except MemblockDeath as error:
        death = {"line": ops[done].line, "op": str(ops[done]), "reason": str(error)}
    click.echo(f'],\n"death": {json.dumps(death)}}}')
    return 1 if death else 0
