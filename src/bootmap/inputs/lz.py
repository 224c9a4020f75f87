"""Two small decoders that the standard library lacks and kernels are packed with: LZ4 and LZO1X.

Both turn one block into bytes.  A block that refers behind its output's beginning, ends early or grows beyond
what it should is a ``ValueError``: callers know where the block stands and say so.

Deliberately not here: compression, and the containers around the blocks (``decompress.py``).

Source: lz4 block format (doc/lz4_Block_format.md of lz4); Documentation/staging/lzo.rst of Linux.
"""

from __future__ import annotations


def lz4_block(data: bytes, limit: int) -> bytes:
    """Decode one LZ4 block to at most ``limit`` bytes.

    A sequence is: token (literal count, match length), literals, distance as u16, and either count goes on
    in bytes of 255; the last sequence has literals only.

    Raises:
        ValueError: the block is malformed or decodes to more than ``limit`` bytes.
    """
    out = bytearray()
    at, end = 0, len(data)
    try:
        while True:
            token = data[at]
            at += 1
            count = token >> 4
            if count == 15:
                count, at = _longer(data, at, 15)
            if count > end - at:
                raise ValueError("literals end after the block")
            out += data[at : at + count]
            at += count
            if len(out) > limit:
                raise ValueError("block grows beyond its size")
            if at == end:
                return bytes(out)
            distance = data[at] | data[at + 1] << 8
            at += 2
            length = token & 15
            if length == 15:
                length, at = _longer(data, at, 15)
            _copy_match(out, distance, length + 4, limit)
    except IndexError:
        raise ValueError("block ends early") from None


def _longer(data: bytes, at: int, count: int) -> tuple[int, int]:
    """A count that goes on while bytes are 255; the count and the index behind it."""
    while (byte := data[at]) == 255:
        count += 255
        at += 1
    return count + byte, at + 1


def lzo1x(data: bytes, limit: int) -> bytes:
    """Decode one LZO1X block to at most ``limit`` bytes.

    An instruction's meaning depends on how many literals followed the one before: 0, 1 to 3, or a long run.

    Raises:
        ValueError: the block is malformed or decodes to more than ``limit`` bytes.
    """
    out = bytearray()
    at = 0
    trailing = 0  # literals after the last instruction; 4: it was a run of literals
    try:
        first = data[0]
        if first > 17:
            count = first - 17
            at = _literals(data, 1, count, out)
            trailing = min(count, 4)
        while True:
            code = data[at]
            at += 1
            if code < 16 and trailing == 0:
                count, at = (code, at) if code else _zeros(data, at, 15)
                at = _literals(data, at, count + 3, out)
                trailing = 4
                if len(out) > limit:
                    raise ValueError("block grows beyond its size")
                continue
            if code < 16:
                low = code
                distance = (code >> 2) + (data[at] << 2) + 1
                at += 1
                length = 2
                if trailing == 4:
                    distance, length = distance + 0x800, 3
            elif code >= 64:
                low = code
                distance = (code >> 2 & 7) + (data[at] << 3) + 1
                at += 1
                length = (code >> 5) + 1
            else:
                bits = 31 if code >= 32 else 7
                count, at = (code & bits, at) if code & bits else _zeros(data, at, bits)
                length = count + 2
                low = data[at] | data[at + 1] << 8
                at += 2
                distance = (low >> 2) + 1
                if code < 32:
                    distance = (low >> 2) + ((code & 8) << 11)
                    if distance == 0:  # the end marker
                        if at != len(data):
                            raise ValueError("bytes after the end marker")
                        if len(out) > limit:
                            raise ValueError("block grows beyond its size")
                        return bytes(out)
                    distance += 0x4000
            _copy_match(out, distance, length, limit)
            trailing = low & 3
            if trailing:
                at = _literals(data, at, trailing, out)
    except IndexError:
        raise ValueError("block ends early") from None


def _zeros(data: bytes, at: int, base: int) -> tuple[int, int]:
    """A count spelt as zero bytes of 255 each and a last byte; the count and the index behind it."""
    start = at
    while data[at] == 0:
        at += 1
    return base + 255 * (at - start) + data[at], at + 1


def _literals(data: bytes, at: int, count: int, out: bytearray) -> int:
    if count > len(data) - at:
        raise ValueError("literals end after the block")
    out += data[at : at + count]
    return at + count


def _copy_match(out: bytearray, distance: int, length: int, limit: int) -> None:
    """Append ``length`` bytes from ``distance`` back; they may overlap what is being written."""
    start = len(out) - distance
    if start < 0 or distance == 0:
        raise ValueError("match refers to before the block")
    if len(out) + length > limit:
        raise ValueError("block grows beyond its size")
    if distance >= length:
        out += out[start : start + length]
    else:
        pattern = out[start:]
        out += (pattern * (length // distance + 1))[:length]
