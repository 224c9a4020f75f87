"""One made-up board, predicted and booted: what came of it, and in which class of failures it falls.

A class is what two failures share when they have one cause: where they show and in which step, no addresses.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import UNSET, Struct

from bootmap.errors import MachineError
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.facts.machines.qemu import MACHINES_BY_NAME, NO_MACHINE_ID
from bootmap.image.machine import HangError
from bootmap.image.recording import KernelId
from bootmap.units import GIB
from bootmap.verify.compare import (
    ComparedAs,
    ListDifference,
    ValueDifference,
    VerdictDifference,
    WordDifference,
    compare,
)
from bootmap.verify.fuzz.boards import Ground
from bootmap.verify.guest import Handed, Setup, placed
from bootmap.verify.observe import observe

if TYPE_CHECKING:
    from bootmap.boot.sequence import Replay
    from bootmap.image.recording import Recording
    from bootmap.verify.compare import Comparison, Difference
    from bootmap.verify.fuzz.boards import MadeBoard
    from bootmap.verify.kernels import BootKernel

_VIRT_CPUS = ("cortex-a15", "cortex-a7")
_UNTESTABLE = "memory-not-there"
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+")
_BOOT_TIMEOUT = 30.0


class Trial(Struct, frozen=True):
    """What came of one board.

    Attributes:
        finding: the class of it; None where it cannot be tested here: the kernel would use memory that only its
            command line promises, and this machine has it.
        signature: what failures of one cause have in common; "" where nothing failed.
        comparison: the comparison, None where there was none.
        recording: what was read.
        prediction: what was predicted.
    """

    finding: ComparedAs | None
    signature: str
    comparison: Comparison | None
    recording: Recording | None
    prediction: Replay


def ground_of(kernel: BootKernel, machine: str, memory: int | None) -> tuple[Setup, Ground]:
    """The machine on which boards are made up for ``kernel``, and where.

    Args:
        kernel: the kernel.
        machine: name of the QEMU machine.
        memory: bytes of RAM; None for all that the machine takes, on virt and with long descriptors beyond 4 GiB.
    """
    model = kernel.model()
    spec = MACHINES_BY_NAME[machine]
    long = model.has("lpae")
    virt = machine == "virt"
    if memory is None:
        memory = 6 * GIB if virt and long else spec.sizes[-1] if spec.sizes else spec.most
    setup = Setup(spec, memory)
    cpus = _VIRT_CPUS if virt else (spec.cpu,)
    end = kernel.symbols["_end"] - model.page_offset
    # A kernel for one platform knows no board of ours by its tree; it must be told a real one by its number.
    atags = spec.machine_id != NO_MACHINE_ID and not kernel.config.enabled("ARCH_MULTIPLATFORM")
    fixed = None
    if not kernel.config.enabled("ARM_PATCH_PHYS_VIRT"):
        fixed = kernel.config.integer("PHYS_OFFSET", setup.ram.start)
    return setup, Ground(setup.ram, model.text_offset, end, cpus, long, atags, fixed)


def try_board(kernel: BootKernel, setup: Setup, board: MadeBoard, *, name: str = "trial") -> Trial:
    """Predict and boot ``board``.

    Raises:
        ToolMissingError: QEMU is not installed.
        MachineError: QEMU does not start.
    """
    blob = board.blob()
    cpu = cpu_by_name(board.cpu)
    if cpu is None:
        raise MachineError(f"no CPU {board.cpu}")
    machine_id = setup.machine.machine_id if board.atags else NO_MACHINE_ID
    prediction = kernel.predict(blob, board.dtb_at, board.phys_offset, cpu, machine_id=machine_id)
    if any(hazard.id == _UNTESTABLE for hazard in prediction.hazards):
        return Trial(None, "", None, None, prediction)
    model = kernel.model()
    machine = Setup(setup.machine, setup.memory, board.cpu if setup.machine.cpu_option else None, qemu=setup.qemu)
    handed = Handed(blob, board.dtb_at, machine_id)
    at = kernel.entry(board.phys_offset)
    with placed(machine, kernel.image(), at, handed, board.phys_offset, flash=kernel.in_flash) as guest:
        recording = observe(
            guest,
            kernel.symbols,
            page_offset=model.page_offset,
            long=model.has("lpae"),
            byteorder=model.byteorder,
            board=blob,
            command_line=" ".join(board.cmdline),
            name=name,
            kernel=KernelId(kernel.name, kernel.key or kernel.name),
            timeout=_BOOT_TIMEOUT,
        )
    comparison = compare(recording, prediction)
    return Trial(comparison.finding, signature(recording, prediction, comparison), comparison, recording, prediction)


def signature(recording: Recording, prediction: Replay, comparison: Comparison) -> str:
    """The class that a failure belongs to, in words; for a death that was foreseen, the hazard's id."""
    if comparison.finding is ComparedAs.EQUAL:
        return ""
    if not comparison.finding.is_wrong:
        fatal = [hazard for hazard in prediction.hazards if hazard.fatal or hazard.luck]
        return f"{fatal[-1].id} in {fatal[-1].stage}" if fatal else ""
    if recording.outcome is not UNSET and comparison.finding is ComparedAs.UNKNOWN_DEATH:
        outcome = recording.outcome
        first = outcome.first_exceptions[0] if outcome.first_exceptions else "no exception"
        function = outcome.lr.partition(" ")[2].partition("+")[0]
        return f"never reaches {outcome.never_reached}: {_NUMBER.sub('N', first)}, from {function or 'nowhere known'}"
    return "; ".join(sorted({_kind(difference) for difference in comparison.differences[:64]}))


def _kind(difference: Difference) -> str:
    match difference:
        case WordDifference(moment=moment, level=level, writers=writers):
            by = f", ours by {writers[-1][0].stage}" if writers else ", none of ours"
            return f"{moment}: {level} words{by}"
        case ListDifference(moment=moment, name=name):
            return f"{moment}: memblock {name}"
        case ValueDifference(name=name):
            return f"variable {name}"
        case VerdictDifference(message=message):
            return _NUMBER.sub("N", message)[:160]


__all__ = ["HangError", "Trial", "ground_of", "signature", "try_board"]
