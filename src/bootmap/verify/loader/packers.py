"""What packs kernels as mkimage's users do: Python's own, and programs."""

from __future__ import annotations

import bz2
import gzip
import lzma
import subprocess
from typing import TYPE_CHECKING

from bootmap.errors import ToolMissingError

if TYPE_CHECKING:
    from collections.abc import Callable

_LZMA_SIZE_AT = slice(5, 13)


def pack(data: bytes, packing: str) -> bytes:
    """``data`` packed by the program that mkimage's users take for it.

    Raises:
        ToolMissingError: the program is not installed.
    """
    return PACKERS[packing](data)


def _lzma(data: bytes) -> bytes:
    made = bytearray(lzma.compress(data, lzma.FORMAT_ALONE))
    made[_LZMA_SIZE_AT] = len(data).to_bytes(8, "little")
    return bytes(made)


def _by(*words: str) -> Callable[[bytes], bytes]:
    def run(data: bytes) -> bytes:
        try:
            size = [f"--stream-size={len(data)}"] if words[0] == "zstd" else []
            return subprocess.run([*words, *size], input=data, check=True, capture_output=True).stdout
        except FileNotFoundError:
            raise ToolMissingError(f"{words[0]} is not installed; Debian's package has the same name") from None

    return run


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "lzma": _lzma,
    "lzo": _by("lzop", "-c"),
    "lz4": _by("lz4", "-z", "-c"),
    "zstd": _by("zstd", "-c"),
}
"""mkimage's name of a packing -> what does it."""
