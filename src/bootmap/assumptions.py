"""What was taken for what nobody gave: a value that knows its option, so that an answer can say what hangs on it."""

from __future__ import annotations

from msgspec import Struct


class Assumption(Struct, frozen=True):
    """One thing that was derived or guessed.

    Attributes:
        text: what was taken, and how it was chosen; a clause without a full stop.
        option: the option of the command line that replaces it, such as ``--phys-offset``; None where there is none.
        value: the value that was taken, where it is one value: bytes, an address, a name.
    """

    text: str
    option: str | None = None
    value: int | str | None = None

    def __str__(self) -> str:
        return f"{self.text} ({self.option})" if self.option is not None else self.text
