"""The compressed kernel inside a zImage: finding it and unpacking it.

A zImage does not say how its payload is packed, nor where it begins; newer ones say where the unpacked size is
recorded, which is right behind the payload.  So every place that begins like one of the formats is tried, and
believed only if it unpacks to as many bytes as are recorded behind it (gzip records that itself).

Source: scripts/Makefile.lib (the ``*_with_size`` commands append the size); lib/decompress*.c; RFC 1952; the
.xz and .lzma file formats; lz4's "legacy frame"; lib/decompress_unlzo.c for lzop's container; RFC 8878 (zstd).
"""

from __future__ import annotations

import io
import lzma
import struct
import zlib
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.errors import ImageError
from bootmap.inputs import lz
from bootmap.inputs.fs import unpacked_limit
from bootmap.units import MIB, size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_IMAGE = 128 * MIB

_MAX_CANDIDATES = 64
_MOST_WORK = 192 * MIB  # bytes read and written for candidates that come to nothing: a bound on all of them together
_DICTIONARY = 128 * MIB  # what xz_wrap.sh asks for (32 MiB before 6.12), though an image never fills it
_CHUNK = 1 * MIB
_FEED = 64 << 10
_LZ4_CHUNK = 8 * MIB
_LZ4_MAGIC = b"\x02\x21\x4c\x18"
_LZO_MAGIC = b"\x89LZO\0\r\n\x1a\n"
_LZO_MAX_BLOCK = 64 * MIB
_ZSTD_FEED = 256
_IN_PYTHON = ("lz4", "lzo")
_SLOWER = 32  # than the formats that a library in C unpacks


class _BrokenError(Exception):
    """The bytes are not a stream of this format after all; ``work`` is what it took to find out, in bytes."""

    def __init__(self, work: int = 0) -> None:
        super().__init__()
        self.work = work


class _NoLibraryError(Exception):
    """The format is one that needs a package which is not installed; the argument names it."""


class PackedPayload(Struct, frozen=True):
    """What was unpacked.

    Attributes:
        compression: name of the format as Kconfig has it: "gzip", "xz", "lzma", "lz4", "lzo" or "zstd".
        offset: where the packed stream begins.
        end: first byte behind it, the recorded size not included.
        image: the unpacked bytes.
    """

    compression: str
    offset: int
    end: int
    image: bytes


def unpack(data: bytes, *, start: int, end: int, size_at: int | None = None) -> PackedPayload:
    """Find the packed kernel in ``data[start:end]`` and unpack it.

    Args:
        data: the file.
        start: where the search begins.
        end: where the packed kernel ends at the latest.
        size_at: where the unpacked size is recorded as a little-endian u32, None where that is not known.

    Raises:
        ImageError: nothing there unpacks as it should, the recorded size is beyond ``MAX_IMAGE``, or the
            format needs a package that is not installed.
    """
    recorded = None
    if size_at is not None:
        if size_at + 4 > end:
            raise ImageError("the recorded size of the unpacked kernel lies behind the image", offset=size_at)
        recorded = int.from_bytes(data[size_at : size_at + 4], "little")
        if not 0 < recorded <= MAX_IMAGE:
            raise ImageError(
                f"the unpacked kernel is said to have {recorded:#x} bytes, the limit is {size_text(MAX_IMAGE)}",
                offset=size_at,
            )
    most = unpacked_limit(end - start, MAX_IMAGE)
    if recorded is not None and recorded > most:
        raise ImageError(
            f"the unpacked kernel is said to have {recorded:#x} bytes, the limit for a zImage of this size is "
            f"{size_text(most)}",
            offset=size_at,
        )
    view = memoryview(data)
    missing: list[str] = []
    tried: list[str] = []
    work = 0
    for at, name in _candidates(data, start, end):
        if work > _MOST_WORK:
            tried.append("more that were not looked at: this is no kernel")
            break
        try:
            image, stop = _DECODERS[name](view[at:end], recorded or most)
        except _NoLibraryError as error:
            missing.append(f"{name} at {at:#x} (needs the Python package {error})")
            continue
        except _BrokenError as error:
            work += error.work * (_SLOWER if name in _IN_PYTHON else 1)
            tried.append(f"{name} at {at:#x}")
            continue
        work += (len(image) + stop) * (_SLOWER if name in _IN_PYTHON else 1)
        stop += at
        if _confirmed(data, name, len(image), stop, size_at):
            return PackedPayload(name, at, stop, image)
        tried.append(f"{name} at {at:#x}")
    if missing:
        raise ImageError(
            f"the kernel is packed with {missing[0]}; install bootmap[compressed], "
            "or give the unpacked vmlinux or Image"
        )
    found = f"; tried {', '.join(tried[:4])}" if tried else ""
    raise ImageError(f"no packed kernel found between {start:#x} and {end:#x}{found}")


def stream(data: bytes, name: str, limit: int) -> bytes:
    """A stream of the format ``name`` that begins with ``data``, unpacked to at most ``limit`` bytes.

    Raises:
        ValueError: it is damaged, or there is more of it.
        ImageError: the format needs a package that is not installed.
    """
    if name in ("lzo", "zstd") and not data.startswith(_MAGICS[name]):
        raise ValueError
    try:
        return _DECODERS[name](memoryview(data), limit)[0]
    except _NoLibraryError:
        raise ImageError(f"the kernel is packed with {name}; install bootmap[compressed]") from None
    except _BrokenError:
        raise ValueError from None


def _confirmed(data: bytes, name: str, length: int, stop: int, size_at: int | None) -> bool:
    """Whether the size of the unpacked kernel is what the build recorded behind it.

    gzip's own trailer is that record: there it is the stream's last four bytes.
    """
    at = stop - 4 if name == "gzip" else stop
    if size_at is not None and at != size_at:
        return False
    return length > 0 and int.from_bytes(data[at : at + 4], "little") == length


def _candidates(data: bytes, start: int, end: int) -> Iterator[tuple[int, str]]:
    """Places that begin like a packed stream, in file order, a bounded number of them."""
    found: list[tuple[int, str]] = []
    for name, magic in _MAGICS.items():
        at, count = data.find(magic, start, end), 0
        while at >= 0 and count < _MAX_CANDIDATES:
            if name != "lzma" or _plausible_lzma(data, at):
                found.append((at, name))
                count += 1
            at = data.find(magic, at + 1, end)
    yield from sorted(found)[:_MAX_CANDIDATES]


def _plausible_lzma(data: bytes, at: int) -> bool:
    """.lzma has hardly a magic: 5d, the dictionary's size (2^n here), the unpacked size (-1: unknown)."""
    if at + 13 > len(data):
        return False
    dictionary, size = struct.unpack_from("<IQ", data, at + 1)
    power_of_two = dictionary & (dictionary - 1) == 0 and dictionary >= 1 << 16
    return bool(power_of_two and (size == (1 << 64) - 1 or size <= MAX_IMAGE))


def _gzip(data: memoryview, limit: int) -> tuple[bytes, int]:
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    out = io.BytesIO()
    at = 0
    waiting = b""
    while not stream.eof:
        if not waiting:
            waiting = bytes(data[at : at + _FEED])
            at += len(waiting)
        before = out.tell(), len(waiting)
        try:
            out.write(stream.decompress(waiting, _CHUNK))
        except zlib.error:
            raise _BrokenError(at + out.tell()) from None
        waiting = stream.unconsumed_tail
        if out.tell() > limit or (not stream.eof and (out.tell(), len(waiting)) == before):
            raise _BrokenError(at + out.tell())
    return out.getvalue(), at - len(stream.unused_data)


def _xz(data: memoryview, limit: int) -> tuple[bytes, int]:
    return _lzma_module(data, limit, lzma.FORMAT_XZ)


def _lzma(data: memoryview, limit: int) -> tuple[bytes, int]:
    return _lzma_module(data, limit, lzma.FORMAT_ALONE)


def _lzma_module(data: memoryview, limit: int, layout: int) -> tuple[bytes, int]:
    out = io.BytesIO()
    at = 0
    try:
        stream = lzma.LZMADecompressor(layout, memlimit=_DICTIONARY + MIB)
        while not stream.eof:
            fed = data[at : at + _FEED] if stream.needs_input else b""
            at += len(fed)
            part = stream.decompress(fed, max_length=_CHUNK)
            out.write(part)
            if out.tell() > limit or not (fed or part or stream.eof):
                raise _BrokenError(at + out.tell())
    except (lzma.LZMAError, EOFError, MemoryError):
        raise _BrokenError(at + out.tell()) from None
    return out.getvalue(), at - len(stream.unused_data)


def _lz4(data: memoryview, limit: int) -> tuple[bytes, int]:
    """The legacy frame of lz4: blocks of 8 MiB each behind its packed size; the recorded size ends it."""
    out = io.BytesIO()
    at = len(_LZ4_MAGIC)
    while at + 4 <= len(data):
        packed = int.from_bytes(data[at : at + 4], "little")
        if out.tell() and packed == out.tell():
            return out.getvalue(), at
        if packed == 0 or at + 4 + packed > len(data):
            break
        room = min(_LZ4_CHUNK, limit - out.tell())
        out.write(_block(lz.lz4_block, data[at + 4 : at + 4 + packed], room, at + out.tell()))
        at += 4 + packed
    raise _BrokenError(at + out.tell())


def _lzo(data: memoryview, limit: int) -> tuple[bytes, int]:
    """The container of lzop: a header of variable length, then blocks with checksums; size 0 ends it."""
    out = io.BytesIO()
    at = 0
    try:
        at, checksums, packed_checksums = _lzop_header(data)
        while True:
            (size,) = struct.unpack_from(">I", data, at)
            if size == 0:
                return out.getvalue(), at + 4
            (packed,) = struct.unpack_from(">I", data, at + 4)
            at += 8 + 4 * checksums + (4 * packed_checksums if packed < size else 0)
            if packed > size or size > min(_LZO_MAX_BLOCK, limit - out.tell()) or at + packed > len(data):
                raise _BrokenError(at + out.tell())
            block = data[at : at + packed]
            part = bytes(block) if packed == size else _block(lz.lzo1x, block, size, at + out.tell())
            if len(part) != size:
                raise _BrokenError(at + out.tell() + len(part))
            out.write(part)
            at += packed
    except struct.error:
        raise _BrokenError(at + out.tell()) from None


def _lzop_header(data: memoryview) -> tuple[int, int, int]:
    """Where lzop's blocks begin, and how many checksums each has of its unpacked and its packed bytes."""
    at = len(_LZO_MAGIC)
    (version,) = struct.unpack_from(">H", data, at)
    modern = version >= 0x0940
    at += 2 + 2 + (2 if modern else 0)  # version, library version, version needed
    at += 2 if modern else 1  # method, level
    (flags,) = struct.unpack_from(">I", data, at)
    at += 4 + (4 if flags & 0x800 else 0)  # flags, filter
    at += 4 + (8 if modern else 4)  # mode, modification time
    (name_length,) = struct.unpack_from("B", data, at)
    at += 1 + name_length + 4  # name, checksum of the header
    unpacked = (flags & 0x001 != 0) + (flags & 0x100 != 0)  # Adler-32, CRC-32
    packed = (flags & 0x002 != 0) + (flags & 0x200 != 0)
    return at, unpacked, packed


def _block(decoder: Callable[[bytes, int], bytes], block: memoryview, limit: int, work: int) -> bytes:
    """One block unpacked; ``work`` is what was done before it."""
    try:
        return decoder(bytes(block), limit)
    except ValueError:
        raise _BrokenError(work + len(block)) from None


def _zstd(data: memoryview, limit: int) -> tuple[bytes, int]:
    try:
        import zstandard
    except ImportError:
        raise _NoLibraryError("zstandard") from None
    stream = zstandard.ZstdDecompressor(max_window_size=_DICTIONARY).decompressobj()
    out = io.BytesIO()
    at = 0
    try:
        # In small steps: the library has no bound on what one call returns, and a byte can stand for many.
        while not stream.eof and at < len(data):
            out.write(stream.decompress(data[at : at + _ZSTD_FEED]))
            at = min(at + _ZSTD_FEED, len(data))
            if out.tell() > limit:
                break
    except (zstandard.ZstdError, MemoryError):
        raise _BrokenError(at + out.tell()) from None
    if not stream.eof or out.tell() > limit:
        raise _BrokenError(at + out.tell())
    return out.getvalue(), at - len(stream.unused_data)


_MAGICS = {
    "gzip": b"\x1f\x8b\x08",
    "xz": b"\xfd7zXZ\0",
    "lzma": b"\x5d\0\0",
    "lz4": _LZ4_MAGIC,
    "lzo": _LZO_MAGIC,
    "zstd": b"\x28\xb5\x2f\xfd",
}
_DECODERS: dict[str, Callable[[memoryview, int], tuple[bytes, int]]] = {
    "gzip": _gzip,
    "xz": _xz,
    "lzma": _lzma,
    "lz4": _lz4,
    "lzo": _lzo,
    "zstd": _zstd,
}
