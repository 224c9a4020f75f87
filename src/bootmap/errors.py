"""The one tree of errors.  Each carries where it happened and the exit code it deserves.

A message is one line: the file, the place in it, what is wrong and what was expected.
"""

from __future__ import annotations


class BootmapError(Exception):
    """Anything bootmap says no to; ``exit_code`` is what the command returns for it."""

    exit_code = 3


class InputError(BootmapError):
    """A file or a text that cannot be read as what it should be.

    Attributes:
        message: what is wrong, and what was expected instead.
        file: the name of the input, None until a caller that knows it fills it in.
        offset: byte offset in the file, or None.
        line: line number from 1, or None.
    """

    def __init__(
        self, message: str, *, file: str | None = None, offset: int | None = None, line: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.offset = offset
        self.line = line

    def in_file(self, file: str) -> InputError:
        """The same error with the file's name, where it has none yet."""
        self.file = self.file or file
        return self

    def __str__(self) -> str:
        place = []
        if self.file is not None:
            place.append(self.file)
        if self.line is not None:
            place.append(f"line {self.line}")
        if self.offset is not None:
            place.append(f"offset {self.offset:#x}")
        return ": ".join([*place, self.message])


class FdtError(InputError):
    """A device tree blob that is malformed or beyond the bounds."""


class AtagError(InputError):
    """An ATAG list that is malformed."""


class SymbolsError(InputError):
    """A System.map or symbol table that is malformed or lacks a needed symbol."""


class ConfigError(InputError):
    """A kernel configuration that is malformed or lacks what must be known."""


class ImageError(InputError):
    """A kernel image, a dump or a core file that cannot be read."""


class CmdlineError(InputError):
    """A kernel command line that the kernel itself would refuse."""


class ScriptError(InputError):
    """A script of memblock operations that cannot be read."""


class AbsentMemoryError(ImageError, LookupError):
    """Physical memory that an image does not hold was asked for.

    A ``LookupError`` too, so that code that knows nothing of images can tell absence from a fault.

    Attributes:
        address: physical address of the first byte that is absent.
    """

    def __init__(self, address: int, message: str | None = None) -> None:
        super().__init__(message or f"the image holds no memory at {address:#010x}")
        self.address = address


class MachineError(InputError):
    """A running machine that cannot be started or reached, or that answers what it should not.

    Its ``file`` is the address of the socket or the name of the emulator.
    """


class MachineTimeoutError(MachineError):
    """A running machine did not do what was waited for within the time that it was given."""


class UsageError(BootmapError):
    """The command was called with words that do not fit together."""

    exit_code = 2


class MissingInputError(UsageError):
    """Something needed was neither given nor found; the message names the flag that gives it."""


class UnsupportedError(UsageError):
    """A kernel, CPU or option that bootmap does not model; it refuses rather than guess."""


class ToolMissingError(BootmapError):
    """An external program that the command needs is not installed."""

    exit_code = 4
