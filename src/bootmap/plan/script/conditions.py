"""The conditions of U-Boot's scripts: ``test`` and ``itest``.

Source: cmd/test.c ``do_test`` (2018.01 to 2026.10): a flat walk, left to right, without precedence; what fits no
operator is true.  cmd/itest.c ``do_itest``: numbers are hexadecimal and have a sign, ``*`` reads memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.inputs.uboot_env import hextoul

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BINARY: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "-eq": lambda a, b: _decimal(a) == _decimal(b),
    "-ne": lambda a, b: _decimal(a) != _decimal(b),
    "-lt": lambda a, b: _decimal(a) < _decimal(b),
    "-le": lambda a, b: _decimal(a) <= _decimal(b),
    "-gt": lambda a, b: _decimal(a) > _decimal(b),
    "-ge": lambda a, b: _decimal(a) >= _decimal(b),
}
_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    **dict.fromkeys(("-eq", "=="), lambda a, b: a == b),
    **dict.fromkeys(("-ne", "!=", "<>"), lambda a, b: a != b),
    **dict.fromkeys(("-lt", "<"), lambda a, b: a < b),
    **dict.fromkeys(("-gt", ">"), lambda a, b: a > b),
    **dict.fromkeys(("-le", "<="), lambda a, b: a <= b),
    **dict.fromkeys(("-ge", ">="), lambda a, b: a >= b),
}
_WORDS, _ASK_FOR_FILE, _OF_FILE = 3, "-e", 4
WIDTHS = {"": 4, "l": 4, "w": 2, "b": 1}
"""Bytes of a number, by the suffix of a command (common/command.c ``cmd_get_data_size``)."""


def is_true(words: Sequence[str], is_there: Callable[[str], bool | None]) -> tuple[bool, list[str]]:
    """What ``test`` answers, and the files that are taken to be there.

    Args:
        words: the command and its words.
        is_there: whether a file is there; None where nothing says.
    """
    if len(words) < _WORDS:
        return False, []
    at, answer, before, joined, negated = 1, False, False, "", False
    files: list[str] = []
    while at < len(words):
        left = len(words) - at
        if left >= _WORDS and words[at + 1] in _BINARY:
            answer, advance = _BINARY[words[at + 1]](words[at], words[at + 2]), _WORDS
        elif words[at] == "!":
            negated, at = not negated, at + 1
            continue
        elif words[at] in ("-o", "-a"):
            before, joined, at = answer, words[at], at + 1
            continue
        elif words[at] in ("-z", "-n") and left > 1:
            answer, advance = (words[at + 1] == "") == (words[at] == "-z"), 2
        elif words[at] == _ASK_FOR_FILE and left >= _OF_FILE:
            said, advance = is_there(words[at + 3]), _OF_FILE
            answer = said is not False
            files += [words[at + 3]] if said is None else []
        else:
            return True, files
        answer = answer != negated
        answer = (before or answer) if joined == "-o" else (before and answer) if joined == "-a" else answer
        joined, negated, at = "", False, at + advance
    return answer, files


class MemoryReadError(Exception):
    """What is in memory there is not known."""


def compared(words: Sequence[str], number: Callable[[int, int], int | None]) -> bool:
    """What ``itest`` answers; False where it is not written as one.

    Args:
        words: the command with its width (``itest.b``), and three words.
        number: the number at an address, of a width; None where it is not known.

    Raises:
        MemoryReadError: it is needed, and not known.
    """
    if len(words) != _WORDS + 1 or words[2] not in _NUMBERS:
        return False
    suffix = words[0].partition(".")[2]
    if suffix == "s":
        if words[1][:1] in ("*", "$") or words[3][:1] in ("*", "$"):
            raise MemoryReadError
        return _NUMBERS[words[2]](*_ordered(words[1], words[3]))
    width = WIDTHS.get(suffix)
    if width is None:
        return False
    left, right = (_signed(operand(each, width, number) & ((1 << 8 * width) - 1)) for each in words[1::2])
    return _NUMBERS[words[2]](left, right)


def operand(word: str, width: int, number: Callable[[int, int], int | None]) -> int:
    """A number, or with ``*`` the one that lies at its address.

    Raises:
        MemoryReadError: what lies there is not known.
    """
    if not word.startswith("*"):
        return hextoul(word)
    found = number(hextoul(word[1:]), width)
    if found is None:
        raise MemoryReadError
    return found


def _ordered(left: str, right: str) -> tuple[int, int]:
    return (left > right) - (left < right), 0


def _signed(number: int) -> int:
    return number - (1 << 32) if number >> 31 else number


def _decimal(text: str) -> int:
    """A number as simple_strtol reads it with base 0."""
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    if text[:2].lower() == "0x":
        return sign * hextoul(text)
    base = 8 if text.startswith("0") else 10
    end = 0
    while end < len(text) and text[end] in "0123456789"[:base] and end < 20:
        end += 1
    return sign * int(text[:end] or "0", base)
