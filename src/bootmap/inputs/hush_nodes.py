"""What a text of U-Boot's shell is read as: commands, blocks, and their words, of either parser."""

from __future__ import annotations

from msgspec import Struct


class ScriptWord(Struct, frozen=True):
    """A word as the older parser keeps it: variables not yet expanded, and whether any of it is quoted."""

    text: str
    quoted: bool

    @property
    def plain(self) -> str:
        """The word without backslashes."""
        text = self.text
        if "\\" not in text:
            return text
        chars = iter(text)
        return "".join(next(chars, "") if char == "\\" else char for char in chars)


class Part(Struct, frozen=True):
    """A piece of a word of the newer parser: text, or a variable's name; whether it is in double quotes."""

    text: str
    is_variable: bool = False
    quoted: bool = False


class ModernWord(Struct, frozen=True):
    """A word of the newer parser: its parts, whether any of it is quoted, and whether it assigns (``name=``)."""

    parts: tuple[Part, ...]
    quoted: bool = False
    assigns: bool = False

    @property
    def literal(self) -> str:
        """The word where it is plain text, else ""."""
        return (
            "" if self.quoted or any(part.is_variable for part in self.parts) else "".join(p.text for p in self.parts)
        )


class Simple(Struct, frozen=True):
    """A command: its words, and its line from 1."""

    words: tuple[ScriptWord, ...]
    line: int


class ModernCommand(Struct, frozen=True):
    """A command of the newer parser: words, of which the first assign, and its line."""

    words: tuple[ModernWord, ...]
    assignments: int
    line: int


class Braced(Struct, frozen=True):
    """``{ ...; }`` or ``( ... )`` of the newer parser; ``!`` before it, or before a block, turns its status around."""

    body: Listing
    inverted: bool
    line: int


class If(Struct, frozen=True):
    """Conditions with what each decides on, in order; what is run where none holds."""

    arms: tuple[tuple[Listing, Listing], ...]
    otherwise: Listing
    line: int


class For(Struct, frozen=True):
    """A variable, what it becomes in turn, and what is run each time."""

    name: str
    values: tuple[ScriptWord, ...] | tuple[ModernWord, ...]
    body: Listing
    line: int


class While(Struct, frozen=True):
    """A condition, what is run as long as it holds (``until``: does not), and whether it is ``until``."""

    condition: Listing
    body: Listing
    until: bool
    line: int


Node = Simple | ModernCommand | Braced | If | For | While
Listing = tuple[tuple[Node, str], ...]
"""Commands, each with what stands behind it: ``&&``, ``||``, or ``;`` for an end of line too."""
