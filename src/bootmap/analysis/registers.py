"""The system registers that a predicted kernel runs with, so that its tables can be walked as its CPU would.

Sources: ``crval`` and ``*_crval`` in arch/arm/mm/proc-*.S, proc-v7-2level.S and proc-v7-3level.S (PRRR, NMRR, MAIR),
arch/arm/include/asm/domain.h (DACR).  TTBCR is taken without the split between TTBR0 and TTBR1: kernel tables alone
are looked at here, and both registers point to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.mmu.memory import Chunks
from bootmap.mmu.regs import ALL_CLIENTS, Regs

if TYPE_CHECKING:
    from bootmap.boot.sequence import Prediction, Stage

PRRR, NMRR = 0xFF0A81A8, 0x40E040E0
MAIR0, MAIR1 = 0xEEAA4400, 0xFF000004
_EAE = 1 << 31
_SCTLR = {"v7": 0x10C5387D, "v7lpae": 0x30C5387D, "v6": 0x00C5387D, "v6k": 0x00C5387D, "v5": 0x0005317F,
          "xscale": 0x0000397F, "v4": 0x0000317F}  # fmt: skip
_MANAGER = 3


def linux_registers(prediction: Prediction) -> Regs:
    """The registers once the kernel's page directory is in use."""
    kernel, cpu, root = prediction.state.kernel, prediction.state.handover.cpu, prediction.state.tables.root
    if kernel.format.name == "long":
        return Regs(arch="v7lpae", sctlr=_SCTLR["v7lpae"], ttbr0=root, ttbcr=_EAE, mair0=MAIR0, mair1=MAIR1)
    arch = {"v7": "v7", "v6": "v6k", "v4": f"v{cpu.arch}", "xscale": "xscale", "xsc3": "xscale"}[cpu.pte]
    dacr = ALL_CLIENTS
    if kernel.config.enabled("CPU_USE_DOMAINS"):
        domain = 2 if kernel.has("io_36") else 0
        dacr |= _MANAGER << 2 * domain
    return Regs(arch=arch, sctlr=_SCTLR[arch], ttbr0=root, dacr=dacr, prrr=PRRR, nmrr=NMRR)


def stage_memory(prediction: Prediction, stage: Stage) -> Chunks:
    """The table pages of one moment as physical memory."""
    return Chunks({address: words.tobytes() for address, words in prediction.tables_at(stage).items()})
