"""Boots of kernels that ``bootm`` unpacks, or copies: made up from a seed, some larger than CONFIG_SYS_BOOTM_LEN."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import subprocess
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.errors import ToolMissingError
from bootmap.units import MIB
from bootmap.verify.loader.cases import RAM, LoaderCase

if TYPE_CHECKING:
    from collections.abc import Callable

_LENGTH = 8 * MIB
"""What the boots are held around: CONFIG_SYS_BOOTM_LEN of a U-Boot that says nothing else (boot/Kconfig)."""
_LZMA_SIZE_AT = slice(5, 13)


def packed(seed: int, number: int, _room: int) -> list[LoaderCase]:
    """``number`` cases; programs that pack must be installed for some.

    Raises:
        ToolMissingError: one is not.
    """
    rng = random.Random(seed)
    return [_case(rng) for _ in range(number)]


def pack(data: bytes, packing: str) -> bytes:
    """``data`` packed by the program that mkimage's users take for it.

    Raises:
        ToolMissingError: the program is not installed.
    """
    return _PACKERS[packing](data)


def _case(rng: random.Random) -> LoaderCase:
    packing = rng.choice(("", *_PACKERS))
    at = rng.choice((RAM + 64 * MIB, RAM + 96 * MIB + 0x1000))
    sizes = (rng.randrange(MIB, 7 * MIB) & ~3, _LENGTH - 4, _LENGTH, _LENGTH + 4, 12 * MIB)
    size = rng.choice(sizes)
    load = rng.choice((RAM + 0x8000, RAM + 0x8000 + 2 * MIB, RAM + 32 * MIB, at + 64 if not packing else RAM + 16 * MIB))
    disk = (RAM + 160 * MIB, rng.choice((0x1001, 3 * MIB))) if rng.random() < 0.6 else None
    case = LoaderCase(512, "bootm", (at, size), load, disk, RAM + 150 * MIB, {"fdt_high": None, "initrd_high": None})
    if rng.random() < 0.4:
        case = replace(case, fit=(None, RAM + 150 * MIB), dtb=0, ramdisk=(0, disk[1]) if disk is not None else None)
    case = replace(case, packing=packing)
    return replace(case, packed=len(case.kernel_data())) if packing else case


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


_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "lzma": _lzma,
    "lzo": _by("lzop", "-c"),
    "lz4": _by("lz4", "-z", "-c"),
    "zstd": _by("zstd", "-c"),
}
