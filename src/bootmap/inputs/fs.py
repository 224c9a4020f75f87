"""The one place where files are read: bounded sizes, one-line errors.

Every reader of ``inputs/`` takes bytes; this module turns what a user typed into those bytes.  It knows no
format except gzip, because configurations and recordings commonly come compressed.
"""

from __future__ import annotations

import io
import sys
import zlib
from typing import TYPE_CHECKING, BinaryIO

from bootmap.errors import InputError
from bootmap.output import shown_name
from bootmap.units import MIB, size_text

if TYPE_CHECKING:
    from pathlib import Path

STDIN = "-"
DEFAULT_LIMIT = 128 * MIB

HIGHEST_RATIO = 16  # of what is packed: configurations and kernels come to 5
SMALL = 32 * MIB  # what may come of any packed file, however small

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20
_FIRST_PIECE = 4096  # of a gzip member: what is left over behind a short one is copied


def read_file(path: str | Path, limit: int = DEFAULT_LIMIT, *, gunzip: bool = False) -> bytes:
    """The bytes of a file, or of standard input where ``path`` is ``-``.

    Args:
        path: what the user named.
        limit: the most bytes to accept, before and after decompression.
        gunzip: whether content that begins with gzip's magic is decompressed.

    Raises:
        InputError: the file is missing, a directory, unreadable, larger than ``limit``, or broken gzip.
    """
    name = file_name(path)
    data = read_head(path, limit + 1)
    if len(data) > limit:
        raise InputError(f"is larger than the {size_text(limit)} that such a file may have", file=name)
    if gunzip and data.startswith(_GZIP_MAGIC):
        try:
            return gunzip_bytes(data, limit)
        except InputError as error:
            raise error.in_file(name) from None
    return data


def read_head(path: str | Path, size: int) -> bytes:
    """The first ``size`` bytes of a file (of standard input where ``path`` is ``-``), fewer where it is shorter.

    Raises:
        InputError: the file is missing, a directory or unreadable.
    """
    name = file_name(path)
    try:
        if str(path) == STDIN:
            if sys.stdin is None:  # started with "<&-"
                raise InputError("cannot be read: standard input is closed", file=name)
            return _read_bounded(sys.stdin.buffer, size)
        with open(path, "rb") as stream:
            return _read_bounded(stream, size)
    except FileNotFoundError:
        raise InputError("no such file", file=name) from None
    except IsADirectoryError:
        raise InputError("is a directory, a file was expected", file=name) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InputError(f"cannot be read: {reason}", file=name) from None


def read_part(path: str | Path, offset: int, size: int) -> bytes:
    """Up to ``size`` bytes of a regular file from ``offset`` on.

    Raises:
        InputError: the file is missing or unreadable.
    """
    try:
        with open(path, "rb") as stream:
            stream.seek(offset)
            return stream.read(size)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InputError(f"cannot be read: {reason}", file=file_name(path)) from None


def file_name(path: str | Path) -> str:
    """How errors name ``path``, on one line whatever it contains."""
    return "<stdin>" if str(path) == STDIN else shown_name(path)


def gunzip_bytes(data: bytes, limit: int) -> bytes:
    """Decompress one or more gzip members; what follows the last is ignored, as gzip does.

    Raises:
        InputError: the stream is damaged, ends early, or is longer than ``limit`` bytes, or than `unpacked_limit`.
    """
    out = io.BytesIO()
    most = unpacked_limit(len(data), limit)
    at = 0
    while data.startswith(_GZIP_MAGIC, at):
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        begun, piece = at, _FIRST_PIECE
        while not member.eof:
            waiting = member.unconsumed_tail
            if not waiting:
                waiting = data[at : at + piece]
                at, piece = at + len(waiting), min(2 * piece, _CHUNK)
            try:
                part = member.decompress(waiting, _CHUNK)
            except zlib.error as error:
                raise InputError(f"damaged gzip data: {error}", offset=begun) from None
            if not part and not waiting:
                raise InputError("gzip data ends too early", offset=begun)
            if out.tell() + len(part) > most:
                raise InputError(f"decompresses to more than {size_text(most)}", offset=begun)
            out.write(part)
        at -= len(member.unused_data)
    return out.getvalue()


def unpacked_limit(packed: int, limit: int) -> int:
    """How much ``packed`` bytes may become: ``limit``, but far less where they are few; what is more is a trap."""
    return min(limit, max(SMALL, HIGHEST_RATIO * packed))


def _read_bounded(stream: BinaryIO, size: int) -> bytes:
    """At most ``size`` bytes, allocated as they come: a device may never end."""
    out = io.BytesIO()
    while out.tell() < size and (part := stream.read(min(size - out.tell(), _CHUNK))):
        out.write(part)
    return out.getvalue()  # does not copy
