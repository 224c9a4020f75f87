"""Boots of kernels that ``bootm`` unpacks, or copies: made up from a seed, some larger than CONFIG_SYS_BOOTM_LEN."""

from __future__ import annotations

import random

from msgspec.structs import replace

from bootmap.units import KIB, MIB
from bootmap.verify.loader.cases import RAM, LoaderCase
from bootmap.verify.loader.packers import PACKERS

_LENGTH = 8 * MIB
"""What the boots are held around: CONFIG_SYS_BOOTM_LEN of a U-Boot that says nothing else (boot/Kconfig)."""


def packed(seed: int, number: int, _room: int) -> list[LoaderCase]:
    """``number`` cases; programs that pack must be installed for some.

    Raises:
        ToolMissingError: one is not.
    """
    rng = random.Random(seed)
    return [_case(rng) for _ in range(number)]


def _case(rng: random.Random) -> LoaderCase:
    packing = rng.choice(("", *PACKERS))
    at = rng.choice((RAM + 64 * MIB, RAM + 96 * MIB + 0x1000))
    more = 64 * KIB if packing == "lz4" else 4  # lz4 stores a block of 4 bytes as it is: another error
    sizes = (rng.randrange(MIB, 7 * MIB) & ~3, _LENGTH - 4, _LENGTH, _LENGTH + more, 12 * MIB)
    size = rng.choice(sizes)
    load = rng.choice(
        (RAM + 0x8000, RAM + 0x8000 + 2 * MIB, RAM + 32 * MIB, at + 64 if not packing else RAM + 16 * MIB)
    )
    disk = (RAM + 160 * MIB, rng.choice((0x1001, 3 * MIB))) if rng.random() < 0.6 else None
    case = LoaderCase(512, "bootm", (at, size), load, disk, RAM + 150 * MIB, {"fdt_high": None, "initrd_high": None})
    if rng.random() < 0.4:
        case = replace(case, fit=(None, RAM + 150 * MIB), dtb=0, ramdisk=(0, disk[1]) if disk is not None else None)
    case = replace(case, packing=packing)
    return replace(case, packed=len(case.kernel_data())) if packing else case
