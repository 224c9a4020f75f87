"""How a value shows itself where it is typed in: in one short line, whatever it holds."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

_WIDEST = 150
_LONGEST_TEXT = 60
_HEX_FROM = 0x1000


class Shown:
    """Goes before ``Struct`` in values that people meet: ``repr`` is one line of at most 150 characters.

    Texts are cut, collections counted, values within named by their class; what is None, False or empty is left out.
    """

    __slots__ = ()
    __struct_fields__: tuple[str, ...]

    def __repr__(self) -> str:
        words = f"<{type(self).__name__}"
        between = " "
        for name in self.__struct_fields__:
            word = _word(getattr(self, name))
            if not word:
                continue
            if len(words) + len(name) + len(word) + 8 > _WIDEST:
                return f"{words}, ...>"
            words += f"{between}{name} {word}"
            between = ", "
        return f"{words}>"


def short_text(text: str) -> str:
    """``text`` in quotes, its first 60 characters."""
    return ascii(text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 3]}...")


def _word(value: object) -> str:
    """A value in a word or two, a rule by its id; nothing for what says nothing."""
    if value is None or value is False:
        return ""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return hex(value) if value >= _HEX_FROM else str(value)
    if isinstance(value, str):
        return short_text(value) if value else ""
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Collection):
        return f"[{len(value)}]" if len(value) else ""
    if callable(value):
        return ""
    named = getattr(value, "id", None)
    return short_text(named) if isinstance(named, str) else f"<{type(value).__name__}>"
