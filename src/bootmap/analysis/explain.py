"""Why an address is what it is: from the address back to the byte of the device tree, and down the tables.

A lookup, not a guess: memblock's log and the tables' journal hold who did what; this module only collects it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootmap.analysis.overview import last_stage, virtual_layout
from bootmap.analysis.registers import linux_registers, stage_memory
from bootmap.boot.trace import Origin
from bootmap.facts.linux.memblock import Flags
from bootmap.mmu.walk import Mapped, walk
from bootmap.units import PAGE_SHIFT

if TYPE_CHECKING:
    from bootmap.boot.memblock import MemblockOp
    from bootmap.boot.records import LostRam
    from bootmap.boot.sequence import Replay, Stage
    from bootmap.boot.tables import Cause
    from bootmap.mmu.walk import Walk


@dataclass(frozen=True, slots=True)
class PhysicalFacts:
    """What is known of a physical address.

    Attributes:
        address: the address.
        kind: lowmem, highmem, no-map or "not RAM to the kernel".
        bank: the chain of the RAM it belongs to, None where it is none.
        operations: memblock's calls that bear on it, oldest first.
        lost: why it was lost, where it was.
        linear: its address in the linear map, None where it has none.
    """

    address: int
    kind: str
    bank: Origin | None
    operations: tuple[MemblockOp, ...]
    lost: tuple[LostRam, ...]
    linear: int | None


@dataclass(frozen=True, slots=True)
class Word:
    """One descriptor on the way of a virtual address.

    Attributes:
        level: Linux's names of the levels that this one is, such as "pgd = p4d = pud".
        index: its place in the table.
        address: physical address.
        value: the word.
        half: "hardware", "Linux" or "both".
        writers: who wrote it, oldest first, with what.
    """

    level: str
    index: int
    address: int
    value: int
    half: str
    writers: tuple[tuple[Cause, int], ...]


@dataclass(frozen=True, slots=True)
class VirtualFacts:
    """What is known of a virtual address.

    Attributes:
        address: the address.
        areas: the areas of the layout that hold it.
        words: the descriptors, first level first.
        walk: the walk as the CPU does it.
        physical: the physical address, None where it is not mapped.
    """

    address: int
    areas: tuple[str, ...]
    words: tuple[Word, ...]
    walk: Walk
    physical: int | None


def explain_physical(prediction: Replay, address: int, stage: Stage | None = None) -> PhysicalFacts:
    """Collect what bears on a physical address at ``stage`` (the end of paging_init)."""
    stage = stage or last_stage(prediction)
    memblock, limit = stage.memblock, stage.vars.arm_lowmem_limit
    kind = "not RAM to the kernel"
    for base, size, flags in memblock.memory.regions:
        if base <= address < base + size:
            kind = "no-map" if flags & Flags.NOMAP else "lowmem" if address < limit else "highmem"
    operations = tuple(memblock.owners(address))
    added = [op.origin for op in operations if op.name == "add" and isinstance(op.origin, Origin)]
    lost = tuple(row for row in prediction.state.lost if row.start <= address < row.end)
    linear = prediction.state.va(address) if kind == "lowmem" else None
    return PhysicalFacts(address, kind, added[-1] if added else None, operations, lost, linear)


def explain_virtual(prediction: Replay, address: int, stage: Stage | None = None) -> VirtualFacts:
    """Collect what bears on a virtual address at ``stage`` (the end of paging_init)."""
    stage = stage or last_stage(prediction)
    areas = tuple(area.name for area in virtual_layout(prediction, stage) if area.start <= address < area.end)
    walked = walk(stage_memory(prediction, stage), linux_registers(prediction), address)
    words = []
    form = prediction.state.kernel.format
    levels = _level_names(form.name)
    for step in walked.steps:
        half = "hardware" if form.name == "short" and step.level == 2 else "both"
        words.append(_word(prediction, stage, levels[step.level], step.index, step.address, half))
        if form.name == "short" and step.level == 2:
            # One page holds two hardware tables; Linux's 512 ptes stand in front of both.
            index = (address >> PAGE_SHIFT) % form.ptes_per_table
            page = step.address & -4096
            words.append(_word(prediction, stage, "pte", index, page + 4 * index, "Linux"))
    outcome = walked.outcome
    physical = outcome.pa if isinstance(outcome, Mapped) else None
    return VirtualFacts(address, areas, tuple(words), walked, physical)


def _level_names(form: str) -> dict[int, str]:
    """What each hardware level is to Linux, folded levels included (pgtable-nopmd.h and friends)."""
    if form == "short":
        return {1: "pgd = p4d = pud = pmd", 2: "pte"}
    return {1: "pgd = p4d = pud", 2: "pmd", 3: "pte"}


def _word(prediction: Replay, stage: Stage, level: str, index: int, address: int, half: str) -> Word:
    writers = tuple(prediction.state.tables.writers(address, stage.mark))
    value = writers[-1][1] if writers else 0
    return Word(level, index, address, value, half, writers)
