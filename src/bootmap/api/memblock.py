"""memblock alone: a script of its calls, and the state after each, by the rules of any release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.boot.memblock.rules import memblock_rules
from bootmap.boot.memblock.script import NEEDS, run_script
from bootmap.errors import InputError, ScriptError, UnsupportedError, UsageError
from bootmap.facts.features.releases import NEWEST
from bootmap.facts.features.table import ROWS_BY_NAME
from bootmap.inputs.fs import file_name, read_file
from bootmap.inputs.kconfig import parse_version
from bootmap.inputs.memblock_script import SCRIPT_LIMIT, ScriptOp, parse_script
from bootmap.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.boot.memblock import Memblock, MemblockRules

_FIRST = (2, 6, 36)


class MemblockRelease:
    """A kernel of which only the version is known.

    Attributes:
        text: the version in numbers.
        beyond: the newest release that is modelled, where this one is newer and follows its rules; else None.
        rules: the features that were asked for.

    Raises:
        UsageError: no version.
        UnsupportedError: one from before memblock.
    """

    def __init__(self, text: str) -> None:
        version = parse_version(text.removeprefix("v"))
        if version is None:
            raise UsageError(f"--kernel-version: {text!r} is not a version such as 6.12 or 6.1.55")
        parts: tuple[int, ...] = tuple(version)
        if text.count(".") < 2:  # no sublevel was given
            parts = parts[:2]
        mainline = 3 if version.major == _FIRST[0] else 2  # 2.6.36 was a release, 6.1.55 is a stable one
        self._version, stable = parts[:mainline], parts[mainline:]
        self._sublevel = stable[0] if stable else None
        self.text = ".".join(map(str, parts))
        self.rules: dict[str, bool] = {}
        if parts < _FIRST:
            raise UnsupportedError(f"--kernel-version: Linux {self.text} has no memblock; it came with 2.6.36")
        self.beyond = ".".join(map(str, NEWEST)) if self._version > NEWEST else None

    def has(self, name: str, /) -> bool:
        """Whether the release has a feature of ``bootmap.facts.features.table``."""
        on = any(row.covers(self._version, self._sublevel) for row in ROWS_BY_NAME[name])
        self.rules[name] = on
        return on


class MemblockRun(Shown, Struct, frozen=True):
    """A script that was read and can be run.

    Attributes:
        file: its name.
        release: whose rules hold.
        rules: the same, as memblock asks them.
        ops: the operations.
    """

    file: str
    release: MemblockRelease
    rules: MemblockRules
    ops: Sequence[ScriptOp]

    def steps(self) -> Iterator[tuple[ScriptOp, int, Memblock]]:
        """Each operation, what it returned and memblock after it.

        Raises:
            MemblockDeath: the kernel dies inside the operation that is due.
        """
        return run_script(self.ops, self.rules)

    @property
    def features(self) -> list[tuple[str, bool, str]]:
        """The features that were asked for: name, whether it holds, where it is seen."""
        return [(name, on, ROWS_BY_NAME[name][0].source) for name, on in self.release.rules.items()]


def memblock_script(script: str, *, version: str = "6.12", width: int = 32) -> MemblockRun:
    """Read a script of memblock calls.

    Args:
        script: a file, ``-`` for standard input: one operation a line, numbers in hexadecimal.
        version: whose rules hold.
        width: bits of phys_addr_t, 32 or 64.

    Raises:
        ScriptError: a line is none, or a call that the release does not have.
        UnsupportedError: the release has no memblock.
    """
    release = MemblockRelease(version)
    rules = memblock_rules(release, width)
    try:
        ops = parse_script(read_file(script, SCRIPT_LIMIT), rules.width)
        _check_calls(ops, release)
    except InputError as error:
        raise error.in_file(file_name(script)) from None
    return MemblockRun(file_name(script), release, rules, ops)


def _check_calls(ops: Sequence[ScriptOp], release: MemblockRelease) -> None:
    """Refuse calls that came to the kernel later."""
    for op in ops:
        feature = NEEDS.get(op.name)
        if feature and not release.has(feature):
            since = ".".join(map(str, ROWS_BY_NAME[feature][0].since or ()))
            raise ScriptError(f"Linux {release.text} has no {op.name}; it came with {since}", line=op.line)
