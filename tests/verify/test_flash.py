"""Kernels that run from flash (XIP): where they are put for a boot, and what of them must be known.

That real ones do what is predicted is in the recordings xip-*, own-v54-xip-*.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from support.guests import needs_qemu
from support.recordings import DATA

from bootmap.errors import MissingInputError, UsageError
from bootmap.facts.machines.qemu import MACHINES_BY_NAME
from bootmap.units import MIB
from bootmap.verify.guest import Handed, Setup, placed
from bootmap.verify.load import load_kernel

if TYPE_CHECKING:
    from pathlib import Path

RAM = 0x40000000
CODE = struct.pack("<3I", 0xE1A0300F, 0xE0814002, 0xEAFFFFFE)  # mov r3, pc; add r4, r1, r2; b .


@needs_qemu
@pytest.mark.parametrize("at", [0x80000, 0x4080000])
def test_placed_in_flash(at: int) -> None:
    """QEMU's virt has 64 MiB of flash at 0 and at 64 MiB (hw/arm/virt.c base_memmap); what is there runs there."""
    image = CODE + bytes(range(256)) * (MIB // 256)
    handed = Handed(b"board", RAM + MIB, machine_id=0x12)
    with placed(Setup(MACHINES_BY_NAME["virt"], 64 * MIB), image, at, handed, RAM, flash=True) as guest:
        assert guest.flash == at
        assert guest.machine.memory.read(at, len(image)) == image
        assert guest.machine.memory.read(RAM + MIB, 5) == b"board"
        guest.machine.run_until(at + 8, timeout=10)
        registers = guest.machine.gdb.core_registers()
    assert [registers[name] for name in ("r0", "r1", "r2", "r3", "r4")] == [
        0,
        0x12,
        RAM + MIB,
        at + 8,
        RAM + MIB + 0x12,
    ]


@needs_qemu
def test_placed_where_there_is_no_flash() -> None:
    setup = Setup(MACHINES_BY_NAME["sabrelite"], 64 * MIB)
    said = "QEMU's sabrelite has no flash of 12 B at 0x00080000, where the kernel's CONFIG_XIP_PHYS_ADDR is; give "
    with (
        pytest.raises(UsageError, match=said),
        placed(setup, CODE, 0x80000, Handed(b"", 0x10000000), 0x10000000, flash=True),
    ):
        pass


def folder_of(key: str, tmp_path: Path) -> str:
    """As a build leaves them: the configuration and symbols of a recorded kernel, and an image with its banner only."""
    banner = b"Linux version 6.1.192 (someone@somewhere) (gcc) #1\n"
    (tmp_path / "xipImage").write_bytes(CODE + banner)
    for name in ("config.gz", "System.map"):
        (tmp_path / name).write_bytes((DATA / "kernels" / key / name).read_bytes())
    return str(tmp_path)


@pytest.mark.parametrize(("key", "entry"), [("xip", 0x80000), ("xip-smp", 0x4080000)])
def test_kernel_in_flash_is_entered_there(key: str, entry: int, tmp_path: Path) -> None:
    """At CONFIG_XIP_PHYS_ADDR, wherever RAM is."""
    kernel = load_kernel(folder_of(key, tmp_path))
    assert kernel.in_flash
    assert kernel.entry(RAM) == kernel.entry(0) == entry
    assert kernel.image().startswith(CODE)


def test_kernel_in_flash_needs_its_whole_system_map(tmp_path: Path) -> None:
    """It cannot be asked in a boot of its own, as kernels in RAM are."""
    folder = folder_of("xip", tmp_path)
    lines = (tmp_path / "System.map").read_text().splitlines(keepends=True)
    (tmp_path / "System.map").write_text("".join(line for line in lines if line.split()[1] in "tT"))
    with pytest.raises(MissingInputError, match=r"the symbols lack swapper_pg_dir, _end, _sdata.* give the whole"):
        load_kernel(folder)
