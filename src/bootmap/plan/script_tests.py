"""The conditions of U-Boot's scripts: ``test`` and ``itest``.

Source: cmd/test.c ``do_test`` (2018.01 to 2026.10): a flat walk, left to right, without precedence; what fits no
operator is true.  cmd/itest.c ``do_itest``: numbers are hexadecimal, ``*`` reads memory.
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


def is_true(words: Sequence[str]) -> tuple[bool, list[str]]:
    """What ``test`` answers, and the files that it asks for: they are taken to be there.

    Args:
        words: the command and its words.
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
            answer, advance = True, _OF_FILE
            files.append(words[at + 3])
        else:
            return True, files
        answer = answer != negated
        answer = (before or answer) if joined == "-o" else (before and answer) if joined == "-a" else answer
        joined, negated, at = "", False, at + advance
    return answer, files


def compared(words: Sequence[str]) -> bool | None:
    """What ``itest`` answers; False where it is not written as one; None where it reads memory.

    Args:
        words: the command with its width (``itest.b``), and three words.
    """
    if len(words) != _WORDS + 1 or words[2] not in _NUMBERS:
        return False
    if any(word.startswith("*") for word in words[1::2]):
        return None
    return _NUMBERS[words[2]](hextoul(words[1]), hextoul(words[3]))


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
