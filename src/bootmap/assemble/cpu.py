"""Which CPU the board has: as told, as its device tree says, or as on its machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.assemble.guess import of_qemu
from bootmap.assumptions import Assumption
from bootmap.boot.setup.machine import pick_machine
from bootmap.errors import MissingInputError, UnsupportedError
from bootmap.facts.arm.caches import ALIASING_SOCS, QEMU_ALIASES
from bootmap.facts.arm.cpus import (
    CPUS,
    GENERIC_V7,
    SOC_CORES,
    SOCS_WITHOUT_MMU,
    SUPPORT,
    WITHOUT_MMU,
    Cpu,
    cpu_by_midr,
    cpu_by_name,
)
from bootmap.inputs.fdt import Fdt
from bootmap.units import whole_number

if TYPE_CHECKING:
    from bootmap.assemble.board import Board
    from bootmap.boot.kernel import KernelModel
    from bootmap.inputs.fdt import Node


CPUID_SCHEME = 0xF0000
"""MIDR[19:16]: the core has the CPUID registers, and the last entry of proc-v7.S takes it (``__v7_proc_info``)."""
_NO_MMU = "has no MMU: Linux makes no page tables on it, and there is nothing to predict"


def pick_cpu(model: KernelModel, board: Board, assumptions: list[Assumption]) -> Cpu:
    """The CPU that boots.

    Args:
        model: the kernel, which has the machines.
        board: the board.
        assumptions: grows by what was guessed.

    Raises:
        UnsupportedError: the one that is named is not modelled.
        MissingInputError: nothing names it.
    """
    if board.cpu is not None:
        return _named(board.cpu, assumptions)
    unknown = None
    for soc in _strings(board.description.root) if isinstance(board.description, Fdt) else ():
        if soc.startswith(SOCS_WITHOUT_MMU):
            raise UnsupportedError(f"{board.name}: its SoC, {soc}, a Cortex-M, {_NO_MMU}")
        if soc in SOC_CORES and (found := cpu_by_name(SOC_CORES[soc])) is not None:
            return found
    for text in _compatibles(board):
        if text.startswith(WITHOUT_MMU):
            raise UnsupportedError(f"{board.name}: its CPU, {text}, {_NO_MMU}")
        if (found := cpu_by_name(text)) is not None:
            return found
        unknown = unknown or text
    machine = pick_machine(model, board.description, board.machine_id).machine
    if machine is not None and machine.cpu is not None and (found := cpu_by_name(machine.cpu)) is not None:
        assumptions.append(Assumption(f"the CPU is {found.name}, as on {machine.name}", "--cpu", found.name))
        return found
    if _only_v7(model):
        text = f"the CPU is some ARMv7 core: the board names {'only ' + repr(unknown) if unknown else 'none'}; no LPAE"
        assumptions.append(Assumption(text, "--cpu", GENERIC_V7.name))
        return GENERIC_V7
    where = f"the CPU {unknown!r} of the device tree is not known" if unknown else "the board does not name its CPU"
    raise MissingInputError(f"{board.name}: {where}; give --cpu (cortex-a9, arm926, or the value of MIDR)")


def _only_v7(model: KernelModel) -> bool:
    """Whether the kernel runs on ARMv7 only, so that the board must have such a core."""
    others = {option for options in SUPPORT.values() for option in options} - {"CPU_V7"}
    return model.config.enabled("CPU_V7") and not any(map(model.config.enabled, others))


def with_cache(cpu: Cpu, cache: str | None) -> Cpu:
    """The CPU with the kind of data cache that it really has: how large it is built decides whether it aliases."""
    return cpu if cache is None else replace(cpu, aliasing=cache == "vipt-aliasing")


def pick_cache(cpu: Cpu, model: KernelModel, board: Board, assumptions: list[Assumption]) -> Cpu:
    """The CPU with the data cache that is told, else that of other boards with its SoC.

    Args:
        cpu: the CPU.
        model: the kernel, to which that matters where it has HIGHMEM.
        board: what is said of the cache, and the SoC.
        assumptions: grows by what was guessed.
    """
    if board.cache is not None or cpu.pte != "v6":
        return with_cache(cpu, board.cache)
    tree = board.description
    emulated = isinstance(tree, Fdt) and of_qemu(tree)
    names = _strings(tree.root) if isinstance(tree, Fdt) else []
    known = next((ALIASING_SOCS[name] for name in names if name in ALIASING_SOCS), None)
    aliasing = QEMU_ALIASES if emulated else bool(known)
    if model.config.enabled("HIGHMEM"):
        who = "QEMU's" if emulated else "as on other boards of this SoC" if known is not None else "as most are built"
        text = f"the data cache of this {cpu.name} {'aliases' if aliasing else 'does not alias'}, {who}"
        assumptions.append(Assumption(text, "--cache", "vipt-aliasing" if aliasing else "vipt-nonaliasing"))
    return replace(cpu, aliasing=aliasing)


def _named(name: str, assumptions: list[Assumption]) -> Cpu:
    found = cpu_by_name(name)
    if found is None and name[:1].isdigit():
        number = whole_number(name)
        found = cpu_by_midr(number) if number is not None else None
        if found is None and number is not None and number & CPUID_SCHEME == CPUID_SCHEME:
            found = replace(GENERIC_V7, midr=number)
            text = f"MIDR {number:#010x} is a core that only the kernel's generic ARMv7 entry takes: no LPAE"
            assumptions.append(Assumption(text, "--cpu", name))
    if found is None and f"arm,{name.lower().removeprefix('arm,')}".startswith(WITHOUT_MMU):
        raise UnsupportedError(f"--cpu {name} {_NO_MMU}")
    if found is None:
        known = ", ".join(cpu.name for cpu in CPUS)
        raise UnsupportedError(f"--cpu {name}: not modelled; known: {known}, or a MIDR")
    return found


def _compatibles(board: Board) -> list[str]:
    """Every compatible string of the tree's CPUs, in order."""
    tree = board.description
    cpus = tree.node("/cpus") if isinstance(tree, Fdt) else None
    found: list[str] = []
    for node in cpus.children if cpus is not None else ():
        found += _strings(node)
    return found


def _strings(node: Node) -> list[str]:
    """The compatible strings of a node."""
    compatible = node.get("compatible")
    return compatible.value.rstrip(b"\0").decode("latin-1").split("\0") if compatible is not None else []
