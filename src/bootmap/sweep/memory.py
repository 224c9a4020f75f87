"""RAM for boards whose device tree has no size of it: a default, rules by compatible, or both from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.errors import InputError, UsageError
from bootmap.units import MIB, Span, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DEFAULT = 512 * MIB
_MOST_BYTES = MIB


class MemoryRule(Struct, frozen=True):
    """RAM that a board is given.

    Attributes:
        compatible: for boards with this string in the root's compatible; "" for all.
        start: where it begins; None for where the tree or the SoC has it.
        size: bytes; 0 for none.
    """

    compatible: str
    start: int | None
    size: int


class MemoryRules(Struct, frozen=True):
    """The rules, the later before the earlier."""

    rules: tuple[MemoryRule, ...] = (MemoryRule("", None, DEFAULT),)

    def bank(self, compatible: Sequence[str], start: int | None) -> Span | None:
        """The bank for a board; None where no rule gives one, or nothing tells where it begins.

        Args:
            compatible: the strings of the root's compatible; an earlier one counts more.
            start: where RAM begins by the tree or the SoC.
        """
        for name in (*compatible, ""):
            for rule in reversed(self.rules):
                if rule.compatible == name:
                    begin = rule.start if rule.start is not None else start
                    return None if begin is None or not rule.size else Span(begin, begin + rule.size)
        return None


def parse_rules(texts: Iterable[str]) -> MemoryRules:
    """The rules that ``--memory`` gives: ``SIZE``, ``COMPATIBLE=SIZE``, ``COMPATIBLE=BASE,SIZE`` or ``@FILE``.

    Raises:
        UsageError: a text is none of these.
        InputError: a file cannot be read.

    >>> parse_rules(["1G", "fsl,imx6q=0x10000000,2G"]).bank(["x,y", "fsl,imx6q"], None)
    Span(start=268435456, end=2415919104)
    """
    found = [MemoryRule("", None, DEFAULT)]
    for text in texts:
        if text.startswith("@"):
            found += [_rule(line, f"{text[1:]}: line {number}") for number, line in _lines(text[1:])]
        else:
            found.append(_rule(text, "--memory"))
    return MemoryRules(tuple(found))


def _lines(path: str) -> list[tuple[int, str]]:
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read(_MOST_BYTES)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InputError(f"cannot be read: {reason}", file=path) from None
    lines = ((number, line.partition("#")[0].strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in lines if line]


def _rule(text: str, where: str) -> MemoryRule:
    compatible, _, amount = text.rpartition("=")
    first, comma, second = amount.partition(",")
    start = whole_number(first.strip()) if comma else None
    size = whole_number((second if comma else first).strip())
    if size is None or (comma and start is None):
        raise UsageError(f"{where}: {text!r} is not SIZE, COMPATIBLE=SIZE or COMPATIBLE=BASE,SIZE")
    return MemoryRule(compatible.strip(), start, size)
