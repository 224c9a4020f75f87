"""What U-Boot's ``bootm`` unpacks: the kernel of a legacy image or of a FIT, packed as mkimage names it.

The decoders are those of the zImage's payload, but for two: bzip2, and lz4 in its frame, where kernels have lz4's
legacy frame.

Source: boot/image.c ``image_decomp``; lib/lz4_wrapper.c ``ulz4fn``; lz4_Frame_format.md of lz4.
"""

from __future__ import annotations

import bz2
import io
import struct

from bootmap.errors import ImageError
from bootmap.inputs import decompress, lz
from bootmap.inputs.fs import gunzip_bytes, unpacked_limit

PACKINGS = ("none", "gzip", "bzip2", "lzma", "lzo", "lz4", "zstd")
"""By U-Boot's number for them (include/image.h IH_COMP_*)."""
_LZ4_FRAME = 0x184D2204
_INDEPENDENT, _BLOCK_CHECKSUMS, _CONTENT_SIZE, _RESERVED, _VERSION = 0x20, 0x10, 0x08, 0x03, 0xC0
_LZ4_VERSION = 0x40
_STORED = 1 << 31
_LZ4_LARGEST = 4 << 20
_CHUNK = 1 << 20


def unpacked(data: bytes, packing: str, limit: int) -> bytes:
    """``data`` unpacked.

    Args:
        data: the packed kernel.
        packing: one of `PACKINGS`.
        limit: bytes that may come of it.

    Raises:
        InputError: it is damaged, longer than that, or packed in a way that needs a package that is not installed.
    """
    if packing == "none":
        return data
    if packing == "gzip":
        return gunzip_bytes(data, limit)
    most = unpacked_limit(len(data), limit)
    try:
        decoder = {"bzip2": _bzip2, "lz4": _lz4}.get(packing)
        found = decoder(data, most) if decoder is not None else decompress.stream(data, packing, most)
    except (ValueError, OSError, EOFError, struct.error):
        found = b""
    if not found:
        raise ImageError(f"the kernel, packed by {packing}, is damaged or larger than can be")
    return found


def _bzip2(data: bytes, limit: int) -> bytes:
    stream, out = bz2.BZ2Decompressor(), io.BytesIO()
    fed = data
    while not stream.eof:
        part = stream.decompress(fed, _CHUNK)
        out.write(part)
        if out.tell() > limit or (not part and stream.needs_input and not fed):
            raise ValueError
        fed = b""
    return out.getvalue()


def _lz4(data: bytes, limit: int) -> bytes:
    """One frame of blocks that do not refer to each other, which is what U-Boot takes."""
    magic, flags, _ = struct.unpack_from("<IBB", data)
    if magic != _LZ4_FRAME or flags & _VERSION != _LZ4_VERSION or flags & _RESERVED or not flags & _INDEPENDENT:
        raise ValueError
    at, out = 7 + (8 if flags & _CONTENT_SIZE else 0), io.BytesIO()
    while True:
        (size,) = struct.unpack_from("<I", data, at)
        block = data[at + 4 : at + 4 + (size & ~_STORED)]
        if not size:
            return out.getvalue()
        room = min(_LZ4_LARGEST, limit - out.tell())
        part = block if size & _STORED else lz.lz4_block(block, room)
        if len(block) < size & ~_STORED or len(part) > room:
            raise ValueError
        out.write(part)
        at += 4 + len(block) + (4 if flags & _BLOCK_CHECKSUMS else 0)
