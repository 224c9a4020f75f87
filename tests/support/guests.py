"""Tiny guests for QEMU: a few ARM instructions each, loaded as they are; and what decides whether QEMU is there."""

from __future__ import annotations

import shutil
import struct
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

needs_qemu = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")

CODE = 0x40200000  # in the RAM of QEMU's virt machine, clear of its device tree
UART = 0x09000000  # its PL011
FOREVER = 0xEAFFFFFE  # b .
NOP = 0xE1A00000  # mov r0, r0


def mcr(crn: int, crm: int, op2: int, rt: int = 0, op1: int = 0) -> int:
    """``mcr p15, op1, rt, crn, crm, op2`` (DDI 0406C A8.8.98, encoding A1)."""
    return 0xEE000F10 | op1 << 21 | crn << 16 | rt << 12 | op2 << 5 | crm


def mrc(crn: int, crm: int, op2: int, rt: int = 0) -> int:
    """``mrc p15, 0, rt, crn, crm, op2`` (DDI 0406C A8.8.107, encoding A1)."""
    return mcr(crn, crm, op2, rt) | 1 << 20


def mcrr(op1: int, crm: int, rt: int = 0, rt2: int = 1) -> int:
    """``mcrr p15, op1, rt, rt2, crm`` (DDI 0406C A8.8.99, encoding A1)."""
    return 0xEC400F00 | rt2 << 16 | rt << 12 | op1 << 4 | crm


SCTLR, SCR = mcr(1, 0, 0), mcr(1, 1, 0)
TTBR0, TTBR1, TTBCR = mcr(2, 0, 0), mcr(2, 0, 1), mcr(2, 0, 2)
DACR = mcr(3, 0, 0)
PRRR, NMRR = mcr(10, 2, 0), mcr(10, 2, 1)


def assemble(*items: int | tuple[int, int]) -> bytes:
    """Instructions as they are; ``(register, value)`` becomes a load of the value from a pool behind the code."""
    words, pool = [], []
    for index, item in enumerate(items):
        if isinstance(item, tuple):
            register, value = item
            offset = 4 * (len(items) + len(pool)) - (4 * index + 8)
            assert offset >= 0, "put something after the last load"
            words.append(0xE59F0000 | register << 12 | offset)  # ldr register, [pc, #offset]
            pool.append(value)
        else:
            words.append(item)
    return struct.pack(f"<{len(words) + len(pool)}I", *words, *pool)


def loaded(folder: Path, code: bytes, address: int = CODE) -> list[str]:
    """QEMU's arguments that put ``code`` at ``address`` and start CPU 0 there."""
    file = folder / "guest.bin"
    file.write_bytes(code)
    return ["-device", f"loader,file={file},addr={address:#x},cpu-num=0,force-raw=on"]


# Counts in the word behind the code, for ever: ldr r1, [r0]; add r1, #1; str r1, [r0]; b back.
COUNTER = CODE + 0x1000
COUNTING = assemble((0, COUNTER), 0xE5901000, 0xE2811001, 0xE5801000, 0xEAFFFFFB)
COUNTING_LOOP = CODE + 4
# Writes "ok" to the UART, then waits: strb r1, [r0].
SPEAKING = assemble((0, UART), (1, ord("o")), 0xE5C01000, (1, ord("k")), 0xE5C01000, FOREVER, NOP)
# Turns the MMU on with empty tables: the next fetch aborts, and so does that of every handler.
DYING = assemble((0, 0x40300000), TTBR0, (0, 1), DACR, (0, 0x00C5187D), SCTLR, FOREVER, NOP)
WAITING = assemble(FOREVER)
