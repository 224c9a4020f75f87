"""Files that a boot script loads, given by the user under the names that they have there.

The name decides, on whatever device: ``NAME=PATH``.  A folder stands for all that lies below it, so that what is not in
it is not there; ``NAME=`` says of one file that it is not there.  Of all others nothing is known.
"""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.errors import InputError, UsageError
from bootmap.inputs.fs import file_name, read_file
from bootmap.units import MIB, size_text

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST = 256 * MIB  # of all files that are read
_MOST_LINKS = 16


class GivenFile(Struct, frozen=True):
    """What the user gave of a file: its bytes, or None where there is no such file."""

    data: bytes | None


class GivenFiles:
    """The files of ``--file``; each is read when a script asks for it.

    Args:
        given: ``NAME=PATH``, or ``NAME=``.

    Raises:
        UsageError: it is not written so.
    """

    def __init__(self, given: Iterable[str] = ()) -> None:
        self._paths: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        self._read: dict[str, GivenFile] = {}
        self._size = 0
        for row in given:
            name, equals, path = row.partition("=")
            if not equals or not name:
                raise UsageError(f"--file {row}: expected NAME=PATH, or NAME= where there is no such file")
            if path and os.path.isdir(path):
                self._folders[_whole(name).rstrip("/") + "/"] = path
            else:
                self._paths[_whole(name)] = path

    def get(self, name: str) -> GivenFile | None:
        """What is known of the file; None where nothing is.

        Raises:
            InputError: it cannot be read.
        """
        whole = _whole(name)
        if whole not in self._read:
            path = self._place(whole)
            if path is None:
                return None
            self._read[whole] = self._found(path)
        return self._read[whole]

    def _place(self, whole: str) -> str | None:
        """The path; "" where there is no such file; None where nothing says."""
        if whole in self._paths:
            return self._paths[whole]
        for folder in sorted(self._folders, key=len, reverse=True):
            if whole.startswith(folder):
                path = _inside(self._folders[folder], whole[len(folder) :])
                return path if os.path.isfile(path) else ""
        return None

    def _found(self, path: str) -> GivenFile:
        if not path:
            return GivenFile(None)
        data = read_file(path)
        self._size += len(data)
        if self._size > _MOST:
            raise InputError(f"with it more than {size_text(_MOST)} of files are loaded", file=file_name(path))
        return GivenFile(data)


def _whole(name: str) -> str:
    return posixpath.normpath("/" + name.lstrip("/"))


def _inside(folder: str, name: str) -> str:
    """The path of a file below a folder, whose links stay in it: to them its root is the folder."""
    parts: list[str] = []
    todo, links = name.split("/")[::-1], 0
    while todo:
        part = todo.pop()
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            path = os.path.join(folder, *parts, part)
            if os.path.islink(path):
                links += 1
                if links > _MOST_LINKS:
                    raise InputError(f"more than {_MOST_LINKS} links lead on from each other", file=file_name(path))
                target = os.readlink(path)
                parts = [] if target.startswith("/") else parts
                todo += target.split("/")[::-1]
            else:
                parts.append(part)
    return os.path.join(folder, *parts)
