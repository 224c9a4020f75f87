"""Scripts of memblock calls: one call a line, numbers in hexadecimal, ``#`` starts a comment.

    reset                           # forget everything
    add 40000000 20000000           # BASE SIZE
    reserve 40008000 900000
    alloc 2000 1000 0 0             # SIZE ALIGN START END; an END of 0 is the current limit

This is the language in which recordings of real kernels are written (plus ``allow_resize``).  Strict: a
script that is not understood whole is not run at all.  What a call does is in ``bootmap.boot``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from bootmap.errors import ScriptError

SCRIPT_LIMIT = 4 << 20
"""The largest script in bytes that is read."""

PARAMETERS = {
    "reset": (),
    "add": ("BASE", "SIZE"),
    "remove": ("BASE", "SIZE"),
    "reserve": ("BASE", "SIZE"),
    "free": ("BASE", "SIZE"),
    "nomap": ("BASE", "SIZE"),
    "clear_nomap": ("BASE", "SIZE"),
    "hotplug": ("BASE", "SIZE"),
    "limit": ("ADDRESS",),
    "bottom_up": ("0|1",),
    "enforce": ("SIZE",),
    "cap": ("BASE", "SIZE"),
    "trim": ("ALIGN",),
    "alloc": ("SIZE", "ALIGN", "START", "END"),
    "allow_resize": (),
    "is_mem": ("ADDRESS",),
    "is_map": ("ADDRESS",),
    "is_res": ("ADDRESS",),
    "is_region_mem": ("BASE", "SIZE"),
    "is_region_res": ("BASE", "SIZE"),
}
"""Each call and what it takes."""

_NUMBER = re.compile(r"(?:0[xX])?([0-9a-fA-F]+)")
_SHOWN = 40


class ScriptOp(NamedTuple):
    """One call of a script.

    Attributes:
        line: its line number, from 1.
        name: a key of ``PARAMETERS``.
        arguments: as many as that takes.
    """

    line: int
    name: str
    arguments: tuple[int, ...]

    def __str__(self) -> str:
        return " ".join((self.name, *(f"{value:x}" for value in self.arguments)))


def parse_script(data: bytes, width: int) -> list[ScriptOp]:
    """Read a script for a phys_addr_t of ``width`` bits.

    Raises:
        ScriptError: a line that is not a call, with its number; or a script without any call.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ScriptError("is not text (UTF-8 was expected)", offset=error.start) from None
    ops = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].split()
        if words:
            ops.append(_parse_line(number, words, width))
    if not ops:
        raise ScriptError(f"holds no operation; known are {', '.join(PARAMETERS)}")
    return ops


def _parse_line(number: int, words: list[str], width: int) -> ScriptOp:
    name, given = words[0], words[1:]
    expected = PARAMETERS.get(name)
    if expected is None:
        raise ScriptError(f"{_shown(name)} is not an operation; known are {', '.join(PARAMETERS)}", line=number)
    usage = " ".join((name, *expected))
    if len(given) != len(expected):
        raise ScriptError(f"{name} takes {len(expected)} numbers, not {len(given)}: {usage}", line=number)
    arguments = tuple(_number(number, usage, word, width) for word in given)
    for parameter, value in zip(expected, arguments, strict=True):
        if parameter == "0|1" and value > 1:
            raise ScriptError(f"{value:x} is neither 0 nor 1: {usage}", line=number)
        if parameter == "ALIGN" and (value & (value - 1) or (not value and name == "trim")):
            raise ScriptError(f"the alignment {value:x} is not a power of two: {usage}", line=number)
    return ScriptOp(number, name, arguments)


def _number(line: int, usage: str, word: str, width: int) -> int:
    match = _NUMBER.fullmatch(word)
    if match is None:
        raise ScriptError(f"{_shown(word)} is not a hexadecimal number: {usage}", line=line)
    digits = match[1].lstrip("0")
    if len(digits) > width // 4:
        raise ScriptError(f"{_shown(word)} does not fit into {width} bits: {usage}", line=line)
    return int(digits or "0", 16)


def _shown(word: str) -> str:
    """A word of the script as an error shows it: on one line, and not without end."""
    return repr(word if len(word) <= _SHOWN else word[:_SHOWN] + "...")
