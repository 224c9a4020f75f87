"""Unicorn's CPU as an oracle for translations: a helper of the differential tests.

A machine runs a few instructions in the guest: they load the system registers, turn the MMU on and ask the
CPU itself, with the address translation operations (ATS1C*, answer in PAR) where it has them, and with
loads, stores and calls whose aborts are counted where it has not.  Code and buffers take the first 4 MiB,
which every table under test maps flat.  The engine is QEMU 5.0's; where it departs from the manual, the
tests say so case by case.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import pytest

unicorn = pytest.importorskip("unicorn", reason="Unicorn, the emulator used as an oracle, is not installed")
from unicorn import arm_const as uc  # noqa: E402

from bootmap.facts.arm.permissions import Rights  # noqa: E402

OWN = 4 << 20  # what the machine needs mapped flat, from 0
CODE = 0x1000
CODE_END = 0x200000
VAS = 0x200000
RESULTS = 0x280000
BATCH = 0x8000
TABLES = 0x40000000
TABLES_SIZE = 1 << 20
RAM = 0x50000000
RAM_SIZE = 32 << 20

CPUS = {
    "sa1110": uc.UC_CPU_ARM_SA1110,
    "arm926": uc.UC_CPU_ARM_926,
    "pxa270": uc.UC_CPU_ARM_PXA270,
    "arm1136": uc.UC_CPU_ARM_1136_R2,
    "arm1176": uc.UC_CPU_ARM_1176,
    "arm11mpcore": uc.UC_CPU_ARM_11MPCORE,
    "cortex-a7": uc.UC_CPU_ARM_CORTEX_A7,
    "cortex-a8": uc.UC_CPU_ARM_CORTEX_A8,
    "cortex-a9": uc.UC_CPU_ARM_CORTEX_A9,
    "cortex-a15": uc.UC_CPU_ARM_CORTEX_A15,
}

# What each access is asked with: op2 of ATS1C* (c7, c8), or the instruction on r4 and r5.
ATS = {Rights.PRIV_READ: 0, Rights.PRIV_WRITE: 1, Rights.USER_READ: 2, Rights.USER_WRITE: 3}
ACCESS = {
    Rights.PRIV_READ: 0xE5945000,  # ldr r5, [r4]
    Rights.PRIV_WRITE: 0xE5845000,  # str r5, [r4]
    Rights.USER_READ: 0xE4B45000,  # ldrt r5, [r4], #0
    Rights.USER_WRITE: 0xE4A45000,  # strt r5, [r4], #0
}

PREFETCH_ABORT, DATA_ABORT = 3, 4
SUPERVISOR, USER = 0xD3, 0xD0
NOP = 0xE1A00000
RETURN = 0xE1A0F00E  # mov pc, lr: every architecture version has it


def mcr(rt: int, crn: int, crm: int = 0, op2: int = 0) -> int:
    return 0xEE000F10 | crn << 16 | rt << 12 | op2 << 5 | crm


def mcrr_ttbr(which: int, low: int, high: int) -> int:
    """MCRR p15, which, low, high, c2: a 64-bit TTBR."""
    return 0xEC400F02 | high << 16 | low << 12 | which << 4


@dataclass
class Setup:
    """Register values of one experiment."""

    sctlr: int
    ttbr0: int
    ttbr1: int = 0
    ttbcr: int = 0
    dacr: int = 0
    mair0: int = 0
    mair1: int = 0


class Machine:
    def __init__(self, cpu: str) -> None:
        self.uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_ARM)
        self.uc.ctl_set_cpu_model(CPUS[cpu])
        for base, size in ((0, OWN), (TABLES, TABLES_SIZE), (RAM, RAM_SIZE)):
            self.uc.mem_map(base, size)
        self.uc.reg_write(uc.UC_ARM_REG_CPSR, SUPERVISOR)
        self._next = CODE
        self._placed: dict[tuple[int, ...], int] = {}
        self.reset_sctlr = self.uc.reg_read(uc.UC_ARM_REG_CP_REG, (15, 0, 0, 1, 0, 0, 0, 0))
        self._resume = 0
        self._lost = ""
        self.uc.hook_add(unicorn.UC_HOOK_INTR, self._on_abort)

    def _on_abort(self, engine: object, number: int, _: object) -> None:
        """Unicorn takes no abort by itself: mark it in r6 and go on after the access."""
        if not self._resume or number not in (PREFETCH_ABORT, DATA_ABORT):
            self._lost = f"exception {number} at {self.uc.reg_read(uc.UC_ARM_REG_PC):#x}"
            self.uc.emu_stop()
            return
        self.uc.reg_write(uc.UC_ARM_REG_R6, 1)
        self.uc.reg_write(uc.UC_ARM_REG_PC, self._resume)

    def _place(self, code: list[int]) -> int:
        """Where ``code`` lies: each text is written once, the translator keeps what it has seen."""
        key = tuple(code)
        if key not in self._placed:
            self.uc.mem_write(self._next, struct.pack(f"<{len(code)}I", *code))
            self._placed[key] = self._next
            self._next += 4 * len(code) + 64
            assert self._next < CODE_END
        return self._placed[key]

    def _run(self, code: list[int], **regs: int) -> None:
        """Run ``code`` from its beginning to its end."""
        base = self._place(code)
        for name, value in regs.items():
            self.uc.reg_write(getattr(uc, f"UC_ARM_REG_{name.upper()}"), value)
        self.uc.emu_start(base, base + 4 * len(code))
        assert not self._lost, self._lost

    def enter(self, setup: Setup) -> None:
        """Load the registers, drop the TLB and turn the MMU on."""
        regs = {"r0": setup.ttbcr, "r4": setup.sctlr & ~1, "r5": setup.sctlr | 1}
        if setup.ttbcr >> 31:
            base = [mcrr_ttbr(0, 1, 2), mcrr_ttbr(1, 3, 6), mcr(8, 10, 2, 0), mcr(9, 10, 2, 1)]
            regs |= {"r1": setup.ttbr0 & 0xFFFFFFFF, "r2": setup.ttbr0 >> 32}
            regs |= {"r3": setup.ttbr1 & 0xFFFFFFFF, "r6": setup.ttbr1 >> 32}
            regs |= {"r8": setup.mair0, "r9": setup.mair1}
        else:
            base = [mcr(1, 2, 0, 0), mcr(2, 2, 0, 1), mcr(3, 3, 0, 0)]
            regs |= {"r1": setup.ttbr0, "r2": setup.ttbr1, "r3": setup.dacr}
        self.uc.reg_write(uc.UC_ARM_REG_CPSR, SUPERVISOR)
        # The MMU goes off first, by the same flat mapping, so that no walk sees half a change.
        self._run([mcr(4, 1), mcr(0, 2, 0, 2), *base, mcr(7, 8, 7), mcr(5, 1), NOP, NOP], **regs)

    def write(self, address: int, data: bytes) -> None:
        self.uc.mem_write(address, data)

    def read_back(self, count: int, kind: str) -> np.ndarray:
        dtype = np.dtype(kind)
        return np.frombuffer(bytes(self.uc.mem_read(RESULTS, dtype.itemsize * count)), dtype)

    def ats(self, vas: np.ndarray, access: Rights, *, long: bool = False) -> np.ndarray:
        """PAR for every address, 32 bits or 64 with long descriptors; all ones where the walk itself aborted."""
        code = [0xE4907004, 0xE3E03000, 0xE3E04000]  # ldr r7, [r0], #4; mvn r3, #0; mvn r4, #0
        code += [0xEE077F18 | ATS[access] << 5]  # mcr p15, 0, r7, c7, c8, op2
        if long:
            code += [0xEC543F07, 0xE4813004, 0xE4814004]  # mrrc p15, 0, r3, r4, c7; str r3; str r4
        else:
            code += [0xEE174F14, 0xE4814004]  # mrc p15, 0, r4, c7, c4, 0; str r4, [r1], #4
        answers = []
        for start in range(0, len(vas), BATCH):
            part = vas[start : start + BATCH]
            self._loop(code, 5, part, SUPERVISOR)
            answers.append(self.read_back(len(part), "<u8" if long else "<u4"))
        return np.concatenate(answers)

    def accesses(self, vas: np.ndarray, access: Rights) -> tuple[np.ndarray, np.ndarray]:
        """Load or store at every (word) address: what was loaded, and where it aborted."""
        code = [0xE4904004, 0xE3A06000, ACCESS[access], 0xE4815004, 0xE4816004]
        self._loop(code, 3, vas, SUPERVISOR)
        return self._pairs(len(vas))

    def calls(self, vas: np.ndarray, *, user: bool) -> np.ndarray:
        """Call every (word) address, where `RETURN` must lie: where the fetch aborted."""
        code = [0xE4904004, 0xE3A06000, 0xE1A0E00F, 0xE1A0F004, 0xE4815004, 0xE4816004]
        self._loop(code, 4, vas, USER if user else SUPERVISOR)
        return self._pairs(len(vas))[1]

    def _pairs(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """What each access stored: r5, and whether r6 was marked."""
        pairs = self.read_back(2 * count, "<u4").reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1] != 0

    def _loop(self, code: list[int], resume: int, vas: np.ndarray, mode: int) -> None:
        """Run ``code`` for each address (``ldr`` from r0, ``str`` to r1); an abort goes on at word ``resume``."""
        code = [*code, 0xE2522001, 0x1A000000 | (-len(code) - 3) & 0xFFFFFF]  # subs r2, r2, #1; bne
        self.uc.mem_write(VAS, vas.astype("<u4").tobytes())
        self.uc.reg_write(uc.UC_ARM_REG_CPSR, mode)
        self._resume = self._place(code) + 4 * resume
        self._run(code, r0=VAS, r1=RESULTS, r2=len(vas), r5=0)
        self._resume = 0
