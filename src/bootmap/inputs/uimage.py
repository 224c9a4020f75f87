"""U-Boot's legacy image: a header of 64 bytes before a kernel, a ramdisk or a script.

    magic | header CRC | time | size | load | entry | data CRC | os, arch, type, compression | name, 32 bytes

Source: include/image.h ``struct legacy_img_hdr``; all numbers are big-endian.
"""

from __future__ import annotations

import struct
import zlib

from msgspec import Struct

from bootmap.errors import ImageError

MAGIC = b"\x27\x05\x19\x56"
HEADER = struct.Struct(">7I4B32s")
HEADER_BYTES = HEADER.size


class LegacyHeader(Struct, frozen=True):
    """A header whose own CRC holds.

    Attributes:
        size: bytes behind it.
        load: address.
        entry: address.
        data_crc: of what is behind it.
        arch: IH_ARCH_*.
        kind: IH_TYPE_*.
        packing: IH_COMP_*.
        name: of the image.
    """

    size: int
    load: int
    entry: int
    data_crc: int
    arch: int
    kind: int
    packing: int
    name: str

    def body(self, data: bytes) -> bytes:
        """What is behind the header.

        Raises:
            ImageError: there is less of it than it says, or its CRC is another.
        """
        body = data[HEADER_BYTES : HEADER_BYTES + self.size]
        if len(body) < self.size:
            raise ImageError(f"says that it holds {self.size:#x} bytes, {len(body):#x} are there", offset=12)
        if zlib.crc32(body) != self.data_crc:
            raise ImageError("the image's data does not have the CRC that its header states", offset=24)
        return body


def read_header(data: bytes) -> LegacyHeader:
    """The header of an image that begins with `MAGIC`.

    Raises:
        ImageError: it is cut off, or damaged.
    """
    if len(data) < HEADER_BYTES:
        raise ImageError(f"a U-Boot image's header has {HEADER_BYTES} bytes, found {len(data)}", offset=0)
    _, header_crc, _, size, load, entry, data_crc, _, arch, kind, packing, label = HEADER.unpack_from(data)
    if zlib.crc32(data[:4] + bytes(4) + data[8:HEADER_BYTES]) != header_crc:
        raise ImageError("the image's header does not have the CRC that it states", offset=4)
    name = label.partition(b"\0")[0].decode("latin-1")
    return LegacyHeader(size, load, entry, data_crc, arch, kind, packing, name)
