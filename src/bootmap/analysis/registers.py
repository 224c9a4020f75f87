"""The system registers that a predicted kernel runs with, so that its tables can be walked as its CPU would.

Sources: ``crval`` and ``*_crval`` in arch/arm/mm/proc-*.S, proc-v7-2level.S and proc-v7-3level.S (PRRR, NMRR, MAIR),
arch/arm/include/asm/domain.h (DACR).  TTBCR is taken without the split between TTBR0 and TTBR1: kernel tables alone
are looked at here, and both registers point to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.facts.arm.regs import TTBCR_EAE
from bootmap.mmu.memory import Chunks
from bootmap.mmu.regs import ALL_CLIENTS, Regs, arch_of

if TYPE_CHECKING:
    from bootmap.boot.sequence import Replay, Snapshot
    from bootmap.facts.arm.cpus import Cpu

PRRR, NMRR = 0xFF0A81A8, 0x40E040E0
MAIR0, MAIR1 = 0xEEAA4400, 0xFF000004
_SCTLR = {
    "v7": 0x10C5387D,
    "v7lpae": 0x10C5387D,
    "v6": 0x00C5387D,
    "v6k": 0x00C5387D,
    "v6kz": 0x00C5387D,
    "v5": 0x0005317F,
    "xscale": 0x0000397F,
    "v4": 0x0000317F,
}
_SCTLR_LONG = 0x30C5387D
_EE = 1 << 25
_MANAGER = 3


def arch_of_cpu(cpu: Cpu) -> str:
    """The version of the architecture of a CPU that Linux runs on, a key of ``spec.regs.ARCHES``."""
    if cpu.pte == "v7":
        return "v7lpae" if cpu.lpae else "v7"
    if cpu.pte == "v6":
        return arch_of(cpu.midr, 0) or "v6k"
    return f"v{cpu.arch}" if cpu.pte == "v4" else "xscale"


def registers_as_set(
    arch: str, root: int, *, long: bool, domains: bool = False, kernel_domain: int = 0, big_endian: bool = False
) -> Regs:
    """The registers as Linux sets them on a CPU of that version.

    Args:
        arch: key of ``spec.regs.ARCHES``.
        root: physical address of the first-level table.
        long: the kernel has long descriptors (CONFIG_ARM_LPAE).
        domains: it manages access with domains (CONFIG_CPU_USE_DOMAINS), so that the kernel's is a manager.
        kernel_domain: the number of the kernel's domain (DOMAIN_KERNEL).
        big_endian: its data are, page tables among them (CONFIG_CPU_ENDIAN_BE8).
    """
    order = _EE if big_endian else 0
    if long:
        return Regs(arch="v7lpae", sctlr=_SCTLR_LONG | order, ttbr0=root, ttbcr=TTBCR_EAE, mair0=MAIR0, mair1=MAIR1)
    dacr = ALL_CLIENTS | (_MANAGER << 2 * kernel_domain if domains else 0)
    return Regs(arch=arch, sctlr=_SCTLR[arch] | order, ttbr0=root, dacr=dacr, prrr=PRRR, nmrr=NMRR)


def linux_registers(prediction: Replay) -> Regs:
    """The registers once the kernel's page directory is in use."""
    kernel, cpu, root = prediction.state.kernel, prediction.state.handover.cpu, prediction.state.tables.root
    return registers_as_set(
        arch_of_cpu(cpu),
        root,
        long=kernel.format.name == "long",
        domains=kernel.config.enabled("CPU_USE_DOMAINS"),
        kernel_domain=2 if kernel.has("io_36") else 0,
        big_endian=kernel.byteorder == "big",
    )


def named(regs: Regs) -> dict[str, int]:
    """The registers that count by their names in the architecture: PRRR and NMRR, or MAIR0 and MAIR1."""
    long = bool(regs.ttbcr & TTBCR_EAE)
    names = ("sctlr", "ttbr0", "ttbr1", "ttbcr", *(("mair0", "mair1") if long else ("dacr", "prrr", "nmrr")))
    return {name.upper(): getattr(regs, name) for name in names}


def stage_memory(prediction: Replay, stage: Snapshot) -> Chunks:
    """The table pages of one moment as physical memory."""
    return Chunks(prediction.table_bytes_at(stage))
