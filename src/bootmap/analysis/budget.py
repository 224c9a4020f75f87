"""The lowmem budget: what takes of the memory that the kernel can use for itself, and what is left.

    lowmem | kernel | mem_map | CMA | reserved areas | initrd | swiotlb, crashkernel (later) | left

Highmem is no help: page tables, slabs, DMA buffers and struct pages come from lowmem only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.analysis.overview import reserved_rows
from bootmap.facts.linux.memblock import Flags
from bootmap.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.boot.sequence import Replay
    from bootmap.boot.state import BootState


class Budget(Shown, Struct, frozen=True):
    """Lowmem and who takes of it.

    Attributes:
        lowmem: bytes of RAM in lowmem that are not no-map.
        highmem: bytes of RAM above it that the kernel uses.
        items: rows of (name, bytes of lowmem), the largest first.
        left: bytes of lowmem that nobody of these takes.
        total: bytes of RAM that the kernel uses.
    """

    lowmem: int
    highmem: int
    items: tuple[tuple[str, int], ...]
    left: int

    @property
    def total(self) -> int:
        """Bytes of RAM that the kernel uses."""
        return self.lowmem + self.highmem


def budget(replay: Replay, later: Mapping[str, int]) -> Budget | None:
    """The budget at the latest stage; None where the boot ends before lowmem is known.

    Args:
        replay: the boot.
        later: what will be taken after paging_init, by name, in bytes.
    """
    stage = replay.usual_stage
    limit = stage.vars.arm_lowmem_limit
    if not limit:
        return None
    lowmem = highmem = 0
    for base, size, flags in stage.memblock.memory.regions:
        if not flags & Flags.NOMAP:
            low = max(0, min(base + size, limit) - base)
            lowmem, highmem = lowmem + low, highmem + size - low
    found: dict[str, int] = {}
    ram = [
        (base, min(base + size, limit))
        for base, size, flags in stage.memblock.memory.regions
        if not flags & Flags.NOMAP
    ]
    for row in reserved_rows(stage):
        size = sum(max(0, min(row.end, end) - max(row.start, start)) for start, end in ram)
        if size:
            name = _kind(replay.state, row.start, row.end, row.owner)
            found[name] = found.get(name, 0) + size
    found |= {name: size for name, size in later.items() if size}
    items = tuple(sorted(found.items(), key=lambda item: -item[1]))
    return Budget(lowmem, highmem, items, max(0, lowmem - sum(found.values())))


def _kind(state: BootState, start: int, end: int, owner: str) -> str:
    if any(area.base < end and start < area.base + area.size for area in state.cma_areas):
        return "CMA"
    for word, name in (
        ("kernel", "kernel"),
        ("mem_map", "mem_map"),
        ("initrd", "initrd"),
        ("device tree", "dtb"),
        ("page director", "page tables"),
        ("struct pages", "mem_map"),
    ):
        if word in owner and not owner.startswith("/"):
            return name
    return "reserved areas" if owner.startswith("/") or "dynamic area" in owner else "early allocations"
