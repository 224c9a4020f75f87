"""LiME files: ranges of memory, each behind a header of 32 bytes, as the Linux Memory Extractor writes them.

    magic, version: u32; first, last address (inclusive), reserved: u64; then the bytes

Source: LiME doc/README.md "Spec" and src/lime.h ``lime_mem_range_header``.  Written in the order of the
machine that was dumped, which for ARM Linux is little-endian.  Not here: AVML's compressed version 2.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from bootmap.errors import ImageError
from bootmap.image.files import FileMemory, MappedFile
from bootmap.image.pieces import Piece
from bootmap.units import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

LIME_MAGIC = 0x4C694D45
LIME_VERSION = 1
_HEADER = struct.Struct("<IIQQQ")
_MAX_RANGES = 1 << 20  # a real file has a handful; this bounds what a hostile one can make us hold


def open_lime(path: str) -> FileMemory:
    """Map the LiME file ``path``.  A range that the file's end cuts short is held as far as it goes.

    Raises:
        ImageError: the file cannot be mapped, or does not begin with a LiME header.
    """
    file = MappedFile(path)
    try:
        problems: list[str] = []
        return FileMemory([file], list(_pieces(file, problems)), problems)
    except BaseException:
        file.close()
        raise


def _pieces(file: MappedFile, problems: list[str]) -> Iterator[Piece]:
    at = 0
    for _ in range(_MAX_RANGES):
        if at == len(file):
            return
        if len(file) - at < _HEADER.size:
            wrong: str | None = f"{len(file) - at} bytes are left, expected a header of {_HEADER.size}"
        else:
            magic, version, first, last, _ = _HEADER.unpack_from(file.data, at)
            wrong = _header_fault(magic, version, first, last)
        if wrong:
            if at == 0:
                raise ImageError(wrong, file=file.name, offset=at)
            problems.append(f"{file.name}: offset {at:#x}: {wrong}; the rest of the file is not read")
            return
        at += _HEADER.size
        whole = Span(first, last + 1)
        data = file.data[at : at + whole.size]
        if len(data) < whole.size:
            problems.append(
                f"{file.name}: offset {at:#x}: truncated: {len(data):#x} of {whole.size:#x} bytes of {whole} are there"
            )
        yield Piece(first, data, file.name)
        at += len(data)
    problems.append(f"{file.name}: more than {_MAX_RANGES} ranges; the rest of the file is not read")


def _header_fault(magic: int, version: int, first: int, last: int) -> str | None:
    if magic != LIME_MAGIC:
        return f"the magic is {magic:#010x}, expected {LIME_MAGIC:#010x}"
    if version != LIME_VERSION:
        return f"LiME version {version}, expected {LIME_VERSION}"
    if last < first:
        return f"a range from {first:#x} to {last:#x} ends before it begins"
    return None
