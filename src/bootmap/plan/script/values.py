"""Values of a boot script that only the board can tell: a file's size, a partition's UUID.

Such a value is a number between two marks that no input can hold (lone surrogates), so it can be put into variables and
words like any text, and is seen where something hangs on it.
"""

from __future__ import annotations

from msgspec import Struct

_BEGIN, _END = "\ud800", "\ud801"


class Load(Struct, frozen=True):
    """A file, or a piece of flash, that is loaded to an address.

    Attributes:
        at: the place that says so, in words.
        address: where to.
        file: its name.
        of_disk: U-Boot reads it from a file system.
        size: its bytes; None where they are not known.
    """

    at: str
    address: int
    file: str
    of_disk: bool = False
    size: int | None = None


class _Unknown(Struct, frozen=True):
    at: str
    words: str
    load: Load | None
    variable: str


class Unknowns:
    """The values of one script."""

    def __init__(self) -> None:
        self._found: list[_Unknown] = []

    def add(self, at: str, words: str, load: Load | None = None, variable: str = "") -> str:
        """A new one: where it comes from, in words, the load whose size it is, and the variable that is set."""
        self._found.append(_Unknown(at, words, load, variable))
        return f"{_BEGIN}{len(self._found) - 1}{_END}"

    def load(self, text: str) -> Load | None:
        """The load whose size ``text`` is; None where it is anything else."""
        if not text.startswith(_BEGIN) or text.count(_BEGIN) != 1 or not text.endswith(_END):
            return None
        return self._found[int(text[1:-1])].load

    def shown(self, text: str) -> str:
        """Text with each of them in words."""
        first, *rest = text.split(_BEGIN)
        parts = (part.partition(_END) for part in rest)
        return first + "".join(f"<{self._found[int(number)].words}>{tail}" for number, _, tail in parts)

    def first(self, text: str) -> tuple[str, str]:
        """The first of them in a text, in words, with its place; and the variable that is set to it, "" for none."""
        unknown = self._found[int(text.partition(_BEGIN)[2].partition(_END)[0])]
        return f"{self.shown(unknown.words)} ({unknown.at})", unknown.variable


def is_known(text: str) -> bool:
    """Whether none is in the text."""
    return _BEGIN not in text


def known_part(text: str) -> str:
    """The text without them."""
    first, *rest = text.split(_BEGIN)
    return first + "".join(part.partition(_END)[2] for part in rest)
