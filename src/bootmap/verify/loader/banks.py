"""Boots of a board with several banks of RAM, made up from a seed.

QEMU's virt machine has one piece of RAM.  A U-Boot with CONFIG_OF_SEPARATE and CONFIG_NR_DRAM_BANKS=4
(``tools/build-uboot`` builds it) knows only the banks of the tree that stands behind its program: what lies between
two of them is no RAM to it.  To QEMU it is, but with secure=on, which adds a second piece of RAM and a real hole:

    0x0e000000  RAM     16 MiB, of the secure world
    0x0f000000  nothing 16 MiB: a data abort
    0x10000000  devices
    0x40000000  RAM
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.inputs import fdt
from bootmap.inputs.fdt_edit import FdtEditor, changeable
from bootmap.inputs.fdt_writer import cells
from bootmap.inputs.uimage import HEADER
from bootmap.units import GIB, KIB, MIB, Span, align_down, merged
from bootmap.verify.guest import Setup
from bootmap.verify.loader.cases import IN_PLACE, RAM, LoaderCase
from bootmap.verify.run import qemu_machine
from bootmap.verify.session import machine_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

SECURE_RAM = 0x0E000000
"""Where the virt machine has secure RAM (hw/arm/virt.c VIRT_SECURE_MEM)."""
_SECURE_SIZE = 16 * MIB
_HOLE_ENDS = 0x10000000
_ALL_OF_IT = 3 * GIB
_LAYOUTS = (
    ((0, 256), (512, 256)),
    ((0, 512), (1024, 1024)),
    ((0, 256), (256, 256)),  # side by side
    ((0, 1024), (2048, 1024)),  # up to 4 GiB
    ((0, 128), (256, 1024)),
    ((512, 256), (0, 256)),  # the bank that U-Boot is in comes second
    ((0, 384), (768, 128), (1536, 512)),
    ((0, 256), (320, 64), (512, 64), (1024, 64)),
)
"""MiB behind RAM's start, and MiB, in the tree's order.  U-Boot takes the size of the first for that of its own."""


def with_banks(program: bytes, banks: Sequence[tuple[int, int]]) -> bytes:
    """u-boot-nodtb.bin with QEMU's tree behind it, whose memory is ``banks``: base and size in bytes.

    Raises:
        BootmapError: QEMU is missing.
    """
    tree = changeable(fdt.parse(machine_tree(Setup(qemu_machine("virt"), _ALL_OF_IT))))
    blob = FdtEditor(tree)
    blob.set(blob.child("memory"), "reg", b"".join(cells(*bank, width=2) for bank in banks))
    blob.totalsize = blob.used
    return program + blob.blob()


def in_banks(seed: int, number: int, room: int) -> list[LoaderCase]:
    """``number`` cases.

    Args:
        seed: of the random numbers.
        number: how many.
        room: bytes that U-Boot, its heap and stack take at the end of its bank.
    """
    rng = random.Random(seed)
    return [_case(rng, room) for _ in range(number)]


def over_holes(seed: int, number: int, room: int) -> list[LoaderCase]:
    """``number`` cases in which U-Boot copies to the secure RAM, into the hole behind it, or over that RAM's end.

    Args:
        seed: of the random numbers.
        number: how many.
        room: bytes that U-Boot, its heap and stack take at the end of its bank.
    """
    rng = random.Random(seed)
    return [_over_hole(rng, room) for _ in range(number)]


def _over_hole(rng: random.Random, room: int) -> LoaderCase:
    memory = rng.choice((256, 384, 512))
    end, hole = SECURE_RAM + _SECURE_SIZE, Span(SECURE_RAM + _SECURE_SIZE, _HOLE_ENDS)
    top = RAM + memory * MIB - room
    command = rng.choice(("bootz", "bootz", "bootm"))
    size = rng.randrange(1 * MIB, 8 * MIB) & ~3 if command == "bootz" else rng.randrange(4 * KIB, 256 * KIB) & ~3
    loads = (RAM + 0x208000, SECURE_RAM + 0x8000, end - size, end - size // 2 & ~3, hole.start, hole.start + 5 * MIB)
    load = rng.choice(loads) if command == "bootm" else None
    packing = "gzip" if command == "bootm" and rng.random() < 0.4 else ""
    ramdisk = None
    if rng.random() < 0.8:
        ramdisk = (RAM + 96 * MIB, rng.choice((rng.randrange(1, MIB), rng.randrange(MIB, 12 * MIB))))

    def high() -> str | None:
        places = (end, end, end - 0x1000, end + 0x1000, hole.start + rng.randrange(MIB, 14 * MIB), hole.end - 0x1000)
        return rng.choice((IN_PLACE, None, f"{top:x}", *(f"{at:x}" for at in places)))

    env: dict[str, str | None] = {"fdt_high": high(), "initrd_high": high()}
    if rng.random() < 0.75:
        # Up to 2024.10 all from the one to the other is RAM to U-Boot's list; QEMU's devices are not to be written to.
        low = SECURE_RAM + rng.choice((0, 0, 0x1234, MIB))
        env["bootm_low"] = f"{low:x}"
        env["bootm_size"] = f"{rng.choice((_HOLE_ENDS - low, end - low)):x}"
    case = LoaderCase(
        memory,
        command,
        (RAM + 32 * MIB, size),
        load,
        ramdisk,
        RAM + 80 * MIB,
        env,
        padding=rng.choice((0, rng.randrange(1, 60000))),
        wide=rng.random() < 0.7,
        chosen=rng.random() < 0.8,
        banks=((RAM, memory * MIB), (SECURE_RAM, _SECURE_SIZE)),
        packing=packing,
    )
    return replace(case, packed=len(case.kernel_data())) if packing else case


def _case(rng: random.Random, room: int) -> LoaderCase:
    layout = rng.choice(_LAYOUTS)
    banks = [Span(RAM + at * MIB, RAM + (at + size) * MIB) for at, size in layout]
    first = next(bank for bank in banks if bank.start == RAM)
    other = rng.choice([bank for bank in banks if bank is not first])
    top = first.end - room

    def inside(at: int, size: int) -> int:
        """As much of ``size`` as there is RAM without a hole from ``at`` on."""
        return min(size, next(span.end for span in merged(banks) if at in span) - at)

    command = rng.choice(("bootz", "bootz", "bootz", "bootm"))
    kernel_at = rng.choice((first.start + 4 * MIB, first.start + 32 * MIB, other.start + 4 * MIB, other.end - 24 * MIB))
    size = rng.randrange(1 * MIB, 20 * MIB) & ~3 if command == "bootz" else rng.randrange(4 * KIB, 256 * KIB) & ~3
    load = None
    if command == "bootm" and rng.random() < 0.7:
        load = rng.choice((first.start + 0x8000 + 2 * MIB, other.start + 0x8000 + 2 * MIB, kernel_at + 64))
    dtb = align_down(
        rng.choice((first.start + 56 * MIB, top - 10 * MIB, other.start + 48 * MIB, other.end - MIB // 2)), 8
    )
    ramdisk = None
    if rng.random() < 0.8:
        at = rng.choice((first.start + 60 * MIB, other.start + 8 * MIB + 0x120, other.end - 30 * MIB))
        sizes = (rng.randrange(1, MIB), rng.randrange(MIB, 48 * MIB), rng.randrange(64 * MIB, 250 * MIB))
        ramdisk = (at, inside(at, rng.choice(sizes)))
    env = _environment(rng, first, other, top)
    reserved = _reserved(rng, first, other, (top, kernel_at + 0x1000, dtb, *(ramdisk or ())[:1]))
    memory = (max(bank.end for bank in banks) - RAM) // MIB
    legacy = ramdisk is not None and ramdisk[1] < 4 * MIB and rng.random() < 0.4
    if ramdisk is not None and legacy:  # QEMU loads no files over each other, nor behind RAM
        disk = Span(ramdisk[0], ramdisk[0] + ramdisk[1] + HEADER.size)
        legacy = disk.end <= RAM + memory * MIB
        legacy = legacy and not any(disk.overlaps(Span(at, at + MIB)) for at in (kernel_at, dtb))
    return LoaderCase(
        memory,
        command,
        (kernel_at, size),
        load,
        ramdisk,
        dtb,
        env,
        reserved,
        padding=rng.choice((0, rng.randrange(1, 9000), rng.randrange(9000, 60000))),
        wide=rng.random() < 0.7,
        chosen=rng.random() < 0.8,
        legacy=legacy,
        banks=tuple((bank.start, bank.size) for bank in banks),
    )


def _environment(rng: random.Random, first: Span, other: Span, top: int) -> dict[str, str | None]:
    env: dict[str, str | None] = {}
    hole = (first.end + other.start) // 2

    def high() -> str | None:
        if rng.random() < 0.45:
            return None
        ends = (top, first.end, hole, other.start + 32 * MIB, other.start + 0x2000, other.end, first.start + 48 * MIB)
        return rng.choice((IN_PLACE, "0", *(f"{min(end, 0xFFFFF000):x}" for end in ends)))

    env["fdt_high"], env["initrd_high"] = high(), high()
    if rng.random() < 0.4:
        bank = rng.choice((first, other, other))
        low = bank.start + rng.choice((0, 0, 16 * MIB, 0x1234))
        env["bootm_low"] = f"{low:x}"
        # Up to 2024.10 that is all of the list's memory; it ends with the bank, as a range with a hole is no RAM.
        if bank is other or rng.random() < 0.5:
            env["bootm_size"] = f"{min(bank.end - low, rng.choice((64 * MIB, 4 * GIB))):x}"
    elif rng.random() < 0.2:
        env["bootm_size"] = f"{min(first.size, 128 * MIB):x}"
    if rng.random() < 0.4:
        reach = other.start + 32 * MIB - first.start
        env["bootm_mapsize"] = f"{rng.choice((16 * MIB, 128 * MIB, first.size, max(reach, MIB), 2 * GIB, 0x777)):x}"
    return env


def _reserved(rng: random.Random, first: Span, other: Span, near: Sequence[int]) -> tuple[tuple[int, int, bool], ...]:
    areas = []
    for _ in range(rng.choice((0, 0, 1, 2, 3, 4))):
        size = rng.choice((4 * KIB, 64 * KIB, MIB, 7 * MIB, 0x1234))
        places = [first.end - size // 2, other.start, other.start - size, other.end - size, other.end - size - 64 * KIB]
        places += [near[0] - size, near[0] - size // 2, *near[1:], other.start + rng.randrange(MIB, other.size - MIB)]
        base = rng.choice(places)
        areas.append((base if rng.random() < 0.3 else align_down(base, 4 * KIB), size, rng.random() < 0.4))
    return tuple(area for area in areas if area[0] + area[1] <= 1 << 32)
