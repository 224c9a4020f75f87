"""Why an address is what it is: from the address back to the byte of the device tree, and down the tables.

A lookup, not a guess: memblock's log and the tables' journal hold who did what; this module only collects it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bootmap.analysis.overview import virtual_layout
from bootmap.analysis.registers import linux_registers, stage_memory
from bootmap.analysis.translation import translate
from bootmap.boot.trace import Origin
from bootmap.facts.linux.memblock import Flags
from bootmap.mmu.regs import regime_of
from bootmap.shown import Shown

if TYPE_CHECKING:
    from bootmap.analysis.translation import Translation
    from bootmap.boot.memblock import MemblockOp
    from bootmap.boot.records import LostRam
    from bootmap.boot.sequence import Replay, Snapshot


class PhysicalFacts(Shown, Struct, frozen=True):
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


def explain_physical(prediction: Replay, address: int, stage: Snapshot | None = None) -> PhysicalFacts:
    """Collect what bears on a physical address at ``stage`` (the end of paging_init)."""
    stage = stage or prediction.usual_stage
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


def explain_virtual(prediction: Replay, address: int, stage: Snapshot | None = None) -> Translation:
    """The walk of a virtual address at ``stage`` (the end of paging_init), each word with its writers."""
    stage = stage or prediction.usual_stage
    areas = tuple(area.name for area in virtual_layout(prediction, stage) if area.start <= address < area.end)
    memory, regime = stage_memory(prediction, stage), regime_of(linux_registers(prediction))
    return replace(translate(memory, regime, address, written=(prediction, stage)), areas=areas)
