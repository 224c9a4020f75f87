"""JSON documents on disk, gzipped or not: bounded reading."""

from __future__ import annotations

import zlib

from bootmap.errors import ImageError

_MAX_DOCUMENT = 256 << 20
_GZIP = b"\x1f\x8b"


def read_document(path: str) -> bytes:
    """The text of the document in ``path``, unpacked if it is gzipped.

    Raises:
        ImageError: the file cannot be read, is damaged, or is larger than 256 MiB once unpacked.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_DOCUMENT + 1)
        return document_text(data)
    except (OSError, ValueError) as error:
        raise ImageError(getattr(error, "strerror", None) or str(error), file=path) from None
    except ImageError as error:
        raise error.in_file(path) from None


def document_text(data: bytes) -> bytes:
    """``data``, unpacked if it is gzipped.

    Raises:
        ImageError: it is damaged, or larger than 256 MiB once unpacked.
    """
    if data.startswith(_GZIP):
        return gunzip(data, _MAX_DOCUMENT)
    if len(data) > _MAX_DOCUMENT:
        raise ImageError(f"larger than {_MAX_DOCUMENT >> 20} MiB")
    return data


def gunzip(packed: bytes, limit: int) -> bytes:
    """Unpack one gzip stream of at most ``limit`` bytes.

    Raises:
        ImageError: it is damaged or longer.
    """
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(packed, limit + 1)
    except zlib.error as error:
        raise ImageError(f"damaged gzip data: {error}") from None
    if len(data) > limit:
        raise ImageError(f"unpacks to more than {limit} bytes")
    if not unpacker.eof:
        raise ImageError("the gzip data is truncated")
    return data
