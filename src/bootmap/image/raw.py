"""Raw dumps: the bytes of memory and nothing else, each file at an address that only its owner knows.

An argument is ``FILE@ADDRESS`` (a number as the kernel's command line takes it: 0x40000000, 1G), or just
``FILE``, which is then read as beginning at address 0 and marked as such: whoever searches it (locate) can
find out where it really began.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from bootmap.errors import UsageError
from bootmap.image.facts import PA_BITS
from bootmap.image.files import FileMemory, MappedFile
from bootmap.image.pieces import Piece
from bootmap.units import memparse

if TYPE_CHECKING:
    from collections.abc import Sequence


class RawPart(NamedTuple):
    """One raw file.

    Attributes:
        path: the file.
        base: physical address of its first byte.
        base_known: whether ``base`` was given; it is 0 otherwise.
    """

    path: str
    base: int
    base_known: bool


def raw_part(argument: str) -> RawPart:
    """Split ``FILE@ADDRESS``; what follows the last ``@`` counts as an address only if it is one.

    Raises:
        UsageError: the address is beyond 40 bits.
    """
    path, at, address = argument.rpartition("@")
    if at and path and address[:1].isdigit():
        base, rest = memparse(address)
        if not rest and not (os.path.exists(argument) and not os.path.exists(path)):
            if base >> PA_BITS:
                raise UsageError(f"{argument}: the address is beyond {PA_BITS} bits")
            return RawPart(path, base, True)
    return RawPart(argument, 0, False)


def open_raw(parts: Sequence[RawPart]) -> FileMemory:
    """Map the files of ``parts``; where two overlap the one given first wins and a problem says so.

    Raises:
        ImageError: a file cannot be mapped.
    """
    files: list[MappedFile] = []
    try:
        files.extend(MappedFile(part.path) for part in parts)
    except BaseException:
        for file in files:
            file.close()
        raise
    pieces = [Piece(part.base, file.data, part.path) for part, file in zip(parts, files, strict=True)]
    return FileMemory(files, pieces)
