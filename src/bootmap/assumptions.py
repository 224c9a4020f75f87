"""What was taken for what nobody gave: a value that knows its option, so that an answer can say what hangs on it."""

from __future__ import annotations

from msgspec import Struct

from bootmap.shown import Shown


class Assumption(Shown, Struct, frozen=True):
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


class Alternative(Shown, Struct, frozen=True):
    """Another value that something guessed may well have, and what was predicted with it.

    Attributes:
        assumption: what was taken instead.
        option: the option that says which of them it is.
        value: the other value.
        because: why it may well be; a clause.
        then: what happens with it; a clause.
        kills: the boot is not well with it.
    """

    assumption: Assumption
    option: str
    value: int | str
    because: str
    then: str
    kills: bool

    @property
    def given(self) -> str:
        """Option and value as one types them."""
        return f"{self.option} {self.value:#010x}" if isinstance(self.value, int) else f"{self.option} {self.value}"

    def __str__(self) -> str:
        return f"with {self.given} {self.then}; {self.because}"
