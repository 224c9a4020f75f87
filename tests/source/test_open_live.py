"""A running QEMU as a source: its registers are the CPU's own, and QEMU's monitor translates as bootmap does."""

from __future__ import annotations

import re
import struct
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from support.guests import DACR, FOREVER, NOP, SCTLR, TTBR0, assemble, loaded, needs_qemu

import bootmap
from bootmap.mmu.bulk import snapshot
from bootmap.mmu.walk import Mapped, walk
from bootmap.units import KIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap import Tables

TABLE, PAGES = 0x4030_0000, 0x4030_8000
ON = 0x00C5_187D  # MMU and caches on, no TEX remap
GUEST = assemble((0, TABLE), TTBR0, (0, 1), DACR, (0, ON), SCTLR, FOREVER, NOP)
SECTION, LARGE, SMALL = 0x0000_0C02, 0x0000_0031, 0x0000_0032  # readable and writable by everybody


def tables() -> bytes:
    """RAM where it is, a supersection, and 1 MiB of pages: a large one, small ones, and holes."""
    first = {0x400 + index: 0x4000_0000 + (index << 20) | SECTION for index in range(16)}
    first |= {0xC00 + index: 0x4000_0000 | 1 << 18 | SECTION for index in range(16)}
    first[0xD00] = PAGES | 1
    second = dict.fromkeys(range(16), 1074790400 | LARGE)
    second |= {index: 0x4020_0000 + (index << 12) | SMALL for index in range(32, 40)}
    words = [first.get(index, 0) for index in range(4096)] + [0] * ((PAGES - TABLE) // 4 - 4096)
    return struct.pack(f"<{len(words) + 256}I", *words, *(second.get(index, 0) for index in range(256)))


@contextmanager
def machine(folder: Path) -> Iterator[tuple[str, str]]:
    """The addresses of its gdb stub and of its monitor, once the MMU is on."""
    (folder / "tables.bin").write_bytes(tables())
    sockets = tempfile.TemporaryDirectory(prefix="bootmap-")  # a socket's path must be short
    gdb, qmp = Path(sockets.name) / "gdb", Path(sockets.name) / "qmp"
    command = ["qemu-system-arm", "-M", "virt", "-cpu", "cortex-a15", "-m", "64", "-display", "none", "-serial", "none"]
    command += ["-monitor", "none", "-nic", "none", *loaded(folder, GUEST)]
    command += ["-device", f"loader,file={folder / 'tables.bin'},addr={TABLE:#x},force-raw=on"]
    command += ["-gdb", f"unix:{gdb},server=on,wait=off", "-qmp", f"unix:{qmp},server=on,wait=off"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not (gdb.exists() and qmp.exists()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield f"gdb:{gdb}", f"qmp:{qmp}"
    finally:
        process.kill()
        process.wait()
        sockets.cleanup()


@contextmanager
def running(words: str) -> Iterator[Tables]:
    """The machine as a source, once it has switched its MMU on."""
    deadline = time.monotonic() + 30
    while True:
        with bootmap.open(words) as source:
            if source.regs.sctlr & 1:
                yield source
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)


@needs_qemu
def test_open_source_live_translates_as_qemu_does(tmp_path: Path) -> None:
    with machine(tmp_path) as (gdb, qmp), running(f"{gdb},{qmp}") as source:
        assert (source.kind, source.regs.arch, source.regs.ttbr0, source.regs.dacr) == ("QEMU", "v7lpae", TABLE, 1)
        assert source.assumptions == ()
        assert source.image is not None
        monitor = source.image.memory.qmp.monitor  # type: ignore[attr-defined]
        addresses = [0x4020_0000, 0x40F1_2345, 0xC000_0000, 0xC0AB_CDEF, 0xD000_0000, 0xD000_F123, 0xD001_0000]
        addresses += [0xD002_0000, 0xD002_7FFF, 0xD002_8000, 0, 0xFFFF_FFFF]
        for va in addresses:
            answer = re.search(r"gpa: 0x([0-9a-f]+)", monitor(f"gva2gpa {va:#x}"))
            outcome = walk(source.memory, source.regs, va).outcome
            assert (outcome.pa if isinstance(outcome, Mapped) else None) == (int(answer[1], 16) if answer else None)
        found = list(snapshot(source.memory, source.regs).ranges())
        assert [(row.va, row.pa, row.size, row.granules) for row in found] == [
            (0x4000_0000, 0x4000_0000, 16 * KIB * KIB, (KIB * KIB,)),
            (0xC000_0000, 0x4000_0000, 16 * KIB * KIB, (16 * KIB * KIB,)),
            (0xD000_0000, 0x4010_0000, 64 * KIB, (64 * KIB,)),
            (0xD002_0000, 0x4022_0000, 32 * KIB, (4 * KIB,)),
        ]
