"""QEMU's own loader, against QEMU: where r2 points, and what /chosen says of the initrd."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from bootmap.facts.machines.qemu import MACHINES_BY_NAME
from bootmap.inputs import fdt
from bootmap.loaders.qemu import fits, place
from bootmap.units import KIB, MIB, Span
from bootmap.verify.guest import Setup, machine_with_ram
from bootmap.verify.loader.payload import zimage

if TYPE_CHECKING:
    from pathlib import Path

BASE = 0x40000000


@pytest.mark.oracle
@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="QEMU is not installed")
@pytest.mark.parametrize(
    ("memory", "kernel", "initrd"),
    [
        (64, 5, 0),
        (64, 5, 3_000_001),
        (128, 70, 777),
        (256, 1, 0),
        (256, 200, 12345),
        (512, 30, 100 * MIB + 1),
        (3072, 9, 4096),
    ],
)
def test_place_equals_qemu(memory: int, kernel: int, initrd: int, tmp_path: Path) -> None:
    image, disk = tmp_path / "zImage", tmp_path / "initrd"
    image.write_bytes(zimage(kernel * MIB).ljust(kernel * MIB, b"\0"))
    more: tuple[str, ...] = ("-kernel", str(image), "-nic", "none")
    if initrd:
        disk.write_bytes(bytes(initrd))
        more += ("-initrd", str(disk))
    placed = place(Span(BASE, BASE + memory * MIB), kernel * MIB, initrd)
    with machine_with_ram(Setup(MACHINES_BY_NAME["virt"], memory * MIB), more, 30.0) as (machine, _):
        machine.run_until(placed.kernel.start, timeout=30.0)
        r2 = machine.gdb.core_registers()["r2"]
        size = int.from_bytes(machine.memory.read(r2 + 4, 4), "big")
        chosen = fdt.parse(bytes(machine.memory.read(r2, size))).node("/chosen")
    assert r2 == placed.dtb
    found = chosen.get("linux,initrd-start") if chosen is not None else None
    start = int.from_bytes(found.value, "big") if found is not None else None
    assert start == (placed.initrd.start if placed.initrd is not None else None)


def test_fits_where_qemu_starts() -> None:
    """QEMU: "Not enough space for DTB after kernel/initrd"."""
    ram = Span(BASE, BASE + 64 * MIB)
    assert fits(ram, place(ram, 5 * MIB, 31 * MIB))
    assert not fits(ram, place(ram, 5 * MIB, 32 * MIB - 4 * KIB + 1))
