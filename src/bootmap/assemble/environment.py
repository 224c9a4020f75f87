"""U-Boot's environment beside a board: its variables with their lines, and which of them decide where things lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootmap.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping


class Variable(Struct, frozen=True):
    """One variable.

    Attributes:
        name: its name.
        value: its value; None where it is not set.
        line: its line in the file, from 1; None in an image, and where it is not set.
    """

    name: str
    value: str | None
    line: int | None = None

    @property
    def text(self) -> str:
        """As printenv prints it."""
        return f"{self.name} is not set" if self.value is None else f"{self.name}={self.value}"


class Environment(Shown, Struct, frozen=True):
    """The environment, and what U-Boot does with it.

    Attributes:
        file: the file.
        variables: by name.
        deciding: attribute of the board that follows from it -> the variables that decide it, the first most.
        failed: why U-Boot would not start the kernel; "" where it does.
    """

    file: str
    variables: Mapping[str, Variable]
    deciding: Mapping[str, tuple[Variable, ...]] = field(default_factory=dict)
    failed: str = ""
