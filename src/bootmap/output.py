"""The one place where anything leaves the program: text for a terminal, and files.

Text from device trees, logs, configurations and file names is printed by many commands.  None of it may move the
cursor, rename the window or turn the line around: `guarded_streams` puts itself between the program and its standard
streams, and writes every control character as an escape.  JSON stays JSON, for there the escape is JSON's own.

A reader that has gone and a full disk are told apart from everything else that can go wrong with a file.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import sys
from typing import TYPE_CHECKING, TextIO

from bootmap.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _typeshed import ReadableBuffer

WIDEST = 100
_NARROWEST = 40
_LEAST_COLUMN = 24  # what a last column needs to be broken within it
_COLUMN = re.compile(r"(?<=\S) {2,}(?=\S)")

# C0 but for newline and tab, DEL, C1, line and paragraph separators, marks that turn text around, halves of pairs.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class ReaderGoneError(Exception):
    """Nobody reads standard output any more, as behind ``| head``."""


class OutputError(InputError):
    """Standard output cannot be written."""


def printable(text: str) -> str:
    """``text`` with every character that a terminal would act on written as an escape of ASCII."""
    return _UNSAFE.sub(_escape, text)


def one_line(text: str) -> str:
    """The same on one line, for messages."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x20 else f"\\u{code:04x}"  # the latter is what JSON calls it, too


def text_width() -> int:
    """Columns that text is wrapped at: what the terminal (or COLUMNS) has, 100 at most."""
    columns = int(given) if (given := os.environ.get("COLUMNS", "")).isdecimal() and len(given) < 6 else 0
    if not columns:
        try:
            columns = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ is not None else 1).columns
        except (OSError, ValueError):
            columns = WIDEST
    return max(_NARROWEST, min(WIDEST, columns or WIDEST))


def folded(text: str) -> str:
    """``text`` with every line that is wider than `text_width` broken at a space, where that is below `WIDEST`.

    What a line of columns goes on with stands under its last column, where there is room; that of others is indented.
    A word that is wider than the line stays whole: addresses, names of files and options can be copied.
    """
    width = text_width()
    if width == WIDEST:
        return text
    return "\n".join(row for line in text.split("\n") for row in ([line] if len(line) <= width else _fold(line, width)))


def _fold(line: str, width: int) -> Iterator[str]:
    indent = len(line) - len(line.lstrip(" "))
    last = max((match.end() for match in _COLUMN.finditer(line)), default=width)
    within = last <= width - _LEAST_COLUMN  # whether there is room below the last column
    hang = last if within else min(indent + 4, width // 2)
    kept = last if within else indent  # no row ends in front of that
    while len(line) > width:
        gaps = [match.start() for match in _COLUMN.finditer(line) if width // 3 < match.start() <= width]
        at = gaps[-1] if gaps and not within else line.rfind(" ", kept + 1, width + 1)
        at = line.find(" ", width) if at < 0 else at
        if at < 0 or not line[at:].strip():
            break
        yield line[:at].rstrip()
        line = " " * hang + line[at:].lstrip()
        kept = hang
    yield line.rstrip()


# -- standard streams ---------------------------------------------------------------------------------------------


class _Pipe(io.BufferedIOBase):
    """The bytes below a standard stream; ``below`` is None where the program was started without it."""

    def __init__(self, below: io.BufferedIOBase | None, name: str) -> None:
        self._below = below
        self.name = name

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        with self._told():
            return self._open().write(data)

    def flush(self) -> None:
        if self._below is not None:
            with self._told():
                self._below.flush()

    def fileno(self) -> int:
        return self._open().fileno()

    def isatty(self) -> bool:
        return self._below is not None and self._below.isatty()

    def _open(self) -> io.BufferedIOBase:
        if self._below is None:
            raise OutputError("cannot be written: it is closed", file=self.name)
        return self._below

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Say what went wrong, and throw away what is still waiting to be written."""
        try:
            yield
        except BrokenPipeError:
            self._abandon()
            raise ReaderGoneError from None
        except OSError as error:
            self._abandon()
            raise OutputError(f"cannot be written: {error.strerror}", file=self.name) from None

    def _abandon(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            below = self._open().fileno()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, below)
            os.close(nowhere)


class SafeText(io.TextIOWrapper):
    """A standard stream through which no control character passes."""

    def write(self, text: str, /) -> int:
        """Write ``text``, with escapes for what a terminal would act on."""
        return super().write(printable(text))

    def control(self, text: str) -> int:
        """Write ``text`` as it is: the program's own control sequences, such as a progress bar's."""
        return super().write(text)


@contextlib.contextmanager
def guarded_streams() -> Iterator[None]:
    """Standard output and standard error as `SafeText` until the end of the block, where both are flushed.

    Raises:
        ReaderGoneError: nobody reads standard output.
        OutputError: it cannot be written.
    """
    before = sys.stdout, sys.stderr
    guards = [_guard(stream, name) for stream, name in zip(before, ("standard output", "standard error"), strict=True)]
    sys.stdout, sys.stderr = guards
    try:
        yield
        sys.stdout.flush()
    finally:
        sys.stdout, sys.stderr = before
        for guard in guards:
            with contextlib.suppress(ReaderGoneError, OutputError):
                guard.detach()  # flushes; and the stream below is not closed with it


def _guard(stream: TextIO | None, name: str) -> SafeText:
    if stream is not None:
        with contextlib.suppress(OSError):
            stream.flush()
    below = getattr(stream, "buffer", None)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if encoding.lower() in ("ascii", "ansi_x3.4-1968", "us-ascii"):
        encoding = "utf-8"  # what the C locale says, and does not mean
    tty = below is not None and below.isatty()
    return SafeText(_Pipe(below, name), encoding=encoding, errors="backslashreplace", line_buffering=tty, newline="\n")


# -- files --------------------------------------------------------------------------------------------------------


def write_file(path: str | Path, data: bytes) -> None:
    """Write ``data`` to ``path`` so that a reader sees the old content or all of the new, never a part.

    An existing file keeps its permissions; a new one gets what the umask leaves of 0666.  A device or a pipe
    is written to as it is, for it must not be replaced by a file; of a link, what it points to is replaced.

    Raises:
        InputError: the folder is missing or not writable, or the disk is full; no temporary file stays.
    """
    import tempfile  # brings in a dozen modules; most commands write no file

    temporary = None
    try:
        mode = _mode_of(path)
        if mode is not None and not stat.S_ISREG(mode):
            with open(path, "wb") as stream:
                stream.write(data)
            return
        target = os.path.realpath(path)  # a link stays, what it points to is replaced
        handle, temporary = tempfile.mkstemp(prefix=".bootmap-", dir=os.path.dirname(target))
        with open(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, _new_file_mode() if mode is None else stat.S_IMODE(mode))
        os.replace(temporary, target)
        temporary = None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InputError(f"cannot be written: {reason}", file=shown_name(path)) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)


def shown_name(path: str | Path) -> str:
    """A file's name for people, on one line: what is no UTF-8 and what is no text is escaped."""
    raw = os.fsencode(str(path))
    return one_line(raw.decode("utf-8", "backslashreplace"))


def _mode_of(path: str | Path) -> int | None:
    """The type and permissions of what is there, None where nothing is."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _new_file_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
