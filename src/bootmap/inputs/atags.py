"""ATAG lists: what boot loaders passed before device trees, and some still do.

A list is a chain of tags, each a size in words, a number and a payload, all little-endian; the first is
ATAG_CORE, the last has size 0.  Tags of unknown number are kept as bytes, as the kernel passes over them.

    offset 0      4        8                  4 * size
           | size | number | payload ...     | next tag ...

Deliberately not here: which tag wins where one occurs twice, and everything else that they mean.

Source: arch/arm/include/uapi/asm/setup.h; arch/arm/kernel/head-common.S ``__vet_atags`` for what a list must
begin with.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from msgspec import Struct

from bootmap.errors import AtagError
from bootmap.facts.linux import atags as numbers
from bootmap.shown import Shown
from bootmap.units import MIB, size_text

MAX_SIZE = 1 * MIB

# number -> (name, payload as struct format, field names); no format: the payload is text
_LAYOUTS: dict[int, tuple[str, str, tuple[str, ...]]] = {
    numbers.CORE: ("ATAG_CORE", "<3I", ("flags", "pagesize", "rootdev")),
    numbers.MEM: ("ATAG_MEM", "<2I", ("size", "start")),
    numbers.VIDEOTEXT: (
        "ATAG_VIDEOTEXT",
        "<2BH2BH2BH",
        (
            "x",
            "y",
            "video_page",
            "video_mode",
            "video_cols",
            "video_ega_bx",
            "video_lines",
            "video_isvga",
            "video_points",
        ),
    ),
    numbers.RAMDISK: ("ATAG_RAMDISK", "<3I", ("flags", "size", "start")),
    numbers.INITRD: ("ATAG_INITRD", "<2I", ("start", "size")),
    numbers.SERIAL: ("ATAG_SERIAL", "<2I", ("low", "high")),
    numbers.REVISION: ("ATAG_REVISION", "<I", ("rev",)),
    numbers.VIDEOLFB: (
        "ATAG_VIDEOLFB",
        "<4H2I8B",
        (
            "lfb_width",
            "lfb_height",
            "lfb_depth",
            "lfb_linelength",
            "lfb_base",
            "lfb_size",
            "red_size",
            "red_pos",
            "green_size",
            "green_pos",
            "blue_size",
            "blue_pos",
            "rsvd_size",
            "rsvd_pos",
        ),
    ),
    numbers.CMDLINE: ("ATAG_CMDLINE", "", ()),
    numbers.ACORN: ("ATAG_ACORN", "<2I2B", ("memc_control_reg", "vram_pages", "sounddefault", "adfsdrives")),
    numbers.INITRD2: ("ATAG_INITRD2", "<2I", ("start", "size")),
    numbers.MEMCLK: ("ATAG_MEMCLK", "<I", ("fmemclk",)),
}

_HEADER = struct.Struct("<2I")
_CORE_WORDS = (2, 5)  # without and with its payload


class AtagField(NamedTuple):
    """One field of a tag: its value and its byte offset in the file."""

    value: int
    offset: int


class Atag(Struct, frozen=True):
    """One tag.

    Attributes:
        number: such as `spec.atags.MEM`.
        name: such as "ATAG_MEM"; "ATAG 0x..." for a number that Linux does not know.
        offset: byte offset of the tag's header in the file.
        payload: the bytes behind the header.
        fields: by the names of the kernel's structures; empty for text and unknown tags, and for an
            ATAG_CORE without payload.
    """

    number: int
    name: str
    offset: int
    payload: bytes
    fields: dict[str, AtagField]

    def __getitem__(self, field: str) -> int:
        return self.fields[field].value

    def string(self) -> str:
        """The payload as text, up to its NUL; bytes above 127 read as Latin-1, one character each.

        Raises:
            AtagError: there is no NUL.
        """
        text, nul, _ = self.payload.partition(b"\0")
        if not nul:
            raise AtagError(f"{self.name} is not a string: no terminating NUL", offset=self.offset)
        return text.decode("latin-1")


class AtagList(Shown, Struct, frozen=True):
    """A whole list, parsed.

    Attributes:
        tags: in file order, without the terminator.
        size: bytes of the list, terminator included.
        data: those bytes.
    """

    tags: tuple[Atag, ...]
    size: int
    data: bytes

    def all(self, number: int) -> tuple[Atag, ...]:
        """Every tag of that number, in file order."""
        return tuple(tag for tag in self.tags if tag.number == number)

    def last(self, number: int) -> Atag | None:
        """The last tag of that number, or None: later ones overwrite what earlier ones told the kernel."""
        return next((tag for tag in reversed(self.tags) if tag.number == number), None)


def is_atags(data: bytes) -> bool:
    """Whether ``data`` begins as the kernel demands of an ATAG list."""
    if len(data) < _HEADER.size:
        return False
    words, number = _HEADER.unpack_from(data)
    return number == numbers.CORE and words in _CORE_WORDS


def parse(data: bytes) -> AtagList:
    """Read an ATAG list; what follows its terminator is ignored.

    Raises:
        AtagError: the list is malformed; ``offset`` says where.
    """
    if not is_atags(data):
        raise AtagError("an ATAG list begins with an ATAG_CORE of 2 or 5 words", offset=0)
    tags: list[Atag] = []
    at = 0
    while at + 4 <= min(len(data), MAX_SIZE):
        words = int.from_bytes(data[at : at + 4], "little")
        if words == 0:
            size = min(at + _HEADER.size, len(data))
            return AtagList(tuple(tags), size, bytes(data[:size]))
        if words < 2:
            raise AtagError(f"tag of {words} word, less than its own header", offset=at)
        end = at + 4 * words
        if end > len(data):
            raise AtagError(f"tag of {words} words ends after the file's {len(data)} bytes", offset=at)
        number = int.from_bytes(data[at + 4 : at + 8], "little")
        tags.append(_parse_tag(number, bytes(data[at + 8 : end]), at))
        at = end
    if at > MAX_SIZE:
        raise AtagError(f"list is longer than {size_text(MAX_SIZE)}", offset=at)
    raise AtagError("list has no terminating tag of size 0", offset=at)


def _parse_tag(number: int, payload: bytes, offset: int) -> Atag:
    name, layout, names = _LAYOUTS.get(number, (f"ATAG {number:#010x}", "", ()))
    fields: dict[str, AtagField] = {}
    if layout and (payload or number != numbers.CORE):
        need = struct.calcsize(layout)
        if len(payload) < need:
            raise AtagError(f"{name} holds {len(payload)} bytes, expected {need}", offset=offset)
        place = offset + _HEADER.size
        for part, field in zip(_parts(layout), names, strict=True):
            start = place - offset - _HEADER.size
            size = struct.calcsize(part)
            fields[field] = AtagField(int.from_bytes(payload[start : start + size], "little"), place)
            place += size
    return Atag(number, name, offset, payload, fields)


def _parts(layout: str) -> list[str]:
    """``<2BH`` -> ``["B", "B", "H"]``."""
    parts: list[str] = []
    count = 1
    for char in layout.removeprefix("<"):
        if char.isdigit():
            count = int(char)
        else:
            parts += [char] * count
            count = 1
    return parts
