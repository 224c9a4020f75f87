"""What people ask of a prediction first: who has which memory, what was lost, what is where, what the tables cost.

Takes a prediction, gives result objects that the reports print; nothing here is decided anew.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec import Struct

from bootmap.boot.kernel import FDT_FIXED_BASE, PCI_IO_VIRT_BASE, VECTORS_HIGH
from bootmap.boot.paging.pte import hardware_pte
from bootmap.boot.records import LostRam
from bootmap.boot.trace import Origin
from bootmap.facts.arm.tcm import DTCM, ITCM
from bootmap.facts.linux.memblock import Flags
from bootmap.units import MIB, PAGE_SIZE, Span, merged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.boot.memblock import Memblock
    from bootmap.boot.sequence import Replay, Snapshot

_ADDS = ("reserve", "alloc_range")
_TCM = ((DTCM, "tightly coupled memory for data"), (ITCM, "tightly coupled memory for code"))


class MemoryRow(Struct, frozen=True):
    """A stretch of physical memory ``[start, end)`` of one kind: lowmem, highmem or no-map; what declared it."""

    start: int
    end: int
    kind: str
    origin: Origin | None


class OwnedRow(Struct, frozen=True):
    """A stretch of reserved memory ``[start, end)``, and whose it is."""

    start: int
    end: int
    owner: str
    origin: Origin | None


class VirtualArea(Struct, frozen=True):
    """One area of the kernel's virtual layout, ``[start, end)``; ``what`` says what it is for."""

    name: str
    start: int
    end: int
    what: str


class TableCost(Struct, frozen=True):
    """What the page tables hold and cost.

    Attributes:
        root_bytes: bytes of the page directory (with the pmd pages of the long format).
        tables: page table pages besides it.
        sections: section descriptors.
        section_bytes: bytes that one of them maps.
        pages: small pages mapped.
        page_only_tables: page table pages that the same mappings would take without sections.
    """

    root_bytes: int
    tables: int
    sections: int
    section_bytes: int
    pages: int
    page_only_tables: int

    @property
    def bytes(self) -> int:
        """All bytes of tables."""
        return self.root_bytes + self.tables * PAGE_SIZE

    @property
    def page_only_bytes(self) -> int:
        """All bytes of tables if every mapping were made of pages."""
        return self.root_bytes + self.page_only_tables * PAGE_SIZE


class Overview:
    """What is asked first, at the latest moment up to the end of paging_init; each part is made when it is asked for.

    Args:
        prediction: the boot.

    Attributes:
        stage: the moment.
    """

    def __init__(self, prediction: Replay) -> None:
        self._prediction = prediction
        self.stage = prediction.usual_stage

    @cached_property
    def memory(self) -> list[MemoryRow]:
        """RAM by kind."""
        return memory_rows(self._prediction, self.stage)

    @cached_property
    def reserved(self) -> list[OwnedRow]:
        """Reserved memory by owner."""
        return reserved_rows(self.stage)

    @cached_property
    def layout(self) -> list[VirtualArea]:
        """The kernel's half of virtual space; empty where the boot did not come so far."""
        return virtual_layout(self._prediction, self.stage) if self.stage.vars.high_memory else []

    @cached_property
    def tables(self) -> TableCost | None:
        """What the page tables cost; None where there are none yet."""
        return table_cost(self._prediction, self.stage) if self._prediction.tables_at(self.stage) else None

    @cached_property
    def lost(self) -> list[LostRam]:
        """RAM that is there and not used, and why."""
        return lost_rows(self._prediction, self.stage)


def hardware_words(prediction: Replay) -> dict[str, int]:
    """For each memory type by name, the attributes of the word that the hardware gets for its prot_pte."""
    state = prediction.state
    types = state.mem_types.types if state.mem_types else {}
    return {name: hardware_pte(row.prot_pte, state.kernel, state.handover.cpu) for name, row in types.items()}


def memory_rows(prediction: Replay, stage: Snapshot) -> list[MemoryRow]:
    """RAM as memblock has it, cut at the lowmem limit and where its origin changes."""
    limit = stage.vars.arm_lowmem_limit
    ops = _ops(stage.memblock, ("add",), ("remove",))
    rows: list[MemoryRow] = []
    for base, size, flags in stage.memblock.memory.regions:
        for start, end, origin in _segments(ops, base, base + size):
            for low, high in _cut(start, end, limit):
                kind = "no-map" if flags & Flags.NOMAP else "lowmem" if high <= limit else "highmem"
                rows.append(MemoryRow(low, high, kind, origin))
    return rows


def lost_rows(prediction: Replay, stage: Snapshot) -> list[LostRam]:
    """RAM that was declared and is not used at ``stage``, each byte once, by the first that took it.

    What was never RAM is not lost, such as an area beyond its end, nor what mem= has brought back.
    """
    state = prediction.state
    declared = merged([*state.told_banks, *state.promised] or [Span(bank.start, bank.end) for bank in state.banks])
    used = [Span(base, base + size) for base, size, flags in stage.memblock.memory.regions if not flags & Flags.NOMAP]
    rows: list[LostRam] = []
    for row in state.lost:
        pieces = [Span(max(row.start, bank.start), min(row.end, bank.end)) for bank in declared]
        for taken in used:
            pieces = [part for piece in pieces for part in piece.without(taken)]
        found = [piece for piece in pieces if piece.size > 0]
        rows += [LostRam(piece.start, piece.end, row.reason, row.origin) for piece in found]
        used += found
    return rows


def reserved_rows(stage: Snapshot) -> list[OwnedRow]:
    """Reserved memory by owner, neighbours of one owner together."""
    ops = _ops(stage.memblock, _ADDS, ("free",))
    rows: list[OwnedRow] = []
    for base, size, _ in stage.memblock.reserved.regions:
        for start, end, origin in _segments(ops, base, base + size):
            owner = origin.text if origin else "?"
            if rows and rows[-1].end == start and rows[-1].owner == owner:
                rows[-1] = OwnedRow(rows[-1].start, end, owner, origin)
            else:
                rows.append(OwnedRow(start, end, owner, origin))
    return rows


def _cut(start: int, end: int, at: int) -> Iterator[tuple[int, int]]:
    if start < at < end:
        yield start, at
        start = at
    yield start, end


class _Op(NamedTuple):
    """An operation that gives ``[start, end)`` an owner, or takes it away; ``over`` also where there is one already."""

    start: int
    end: int
    owner: Origin | None
    over: bool


def _ops(memblock: Memblock, adds: tuple[str, ...], removes: tuple[str, ...]) -> list[_Op]:
    return [
        _Op(
            op.base,
            op.base + op.size,
            op.origin if op.name in adds and isinstance(op.origin, Origin) else None,
            op.name in removes or op.name == "alloc_range",
        )
        for op in memblock.log
        if op.name in adds or op.name in removes
    ]


def _segments(ops: Sequence[_Op], start: int, end: int) -> Iterator[tuple[int, int, Origin | None]]:
    """``[start, end)`` cut by the operations that last gave its parts an owner."""
    edges = [start, end]
    owners: list[Origin | None] = [None]
    for op_start, op_end, owner, over in ops:
        if op_start >= end or op_end <= start or op_start >= op_end:
            continue
        first, last = max(op_start, start), min(op_end, end)
        for edge in (first, last):
            at = bisect_left(edges, edge)
            if edges[at] != edge:
                edges.insert(at, edge)
                owners.insert(at, owners[at - 1])
        low, high = bisect_left(edges, first), bisect_right(edges, last) - 1
        for i in range(low, high):
            if over or owners[i] is None:
                owners[i] = owner
    yield from zip(edges, edges[1:], owners, strict=False)


def virtual_layout(prediction: Replay, stage: Snapshot) -> list[VirtualArea]:
    """The areas of the kernel's half of virtual space, in the order of the kernel's own old message."""
    state, kernel = prediction.state, prediction.state.kernel
    high_memory = stage.vars.high_memory
    vmalloc_start = (high_memory + 8 * MIB) & ~(8 * MIB - 1) & 0xFFFFFFFF
    pages = 2 if kernel.has("vectors_two_pages") else 1
    areas = [
        VirtualArea("vector", VECTORS_HIGH, VECTORS_HIGH + pages * PAGE_SIZE, "exception vectors, user helpers"),
        *(
            VirtualArea(md.what, md.virtual, md.virtual + md.length, what)
            for md in state.maps
            for kind, what in _TCM
            if md.type == kind.type
        ),
        VirtualArea("fixmap", kernel.fixaddr_start, kernel.fixaddr_end, "slots at addresses fixed at build time"),
    ]
    if kernel.has("fdt_fixed_base") and state.handover.params:
        end = FDT_FIXED_BASE + 2 * kernel.format.section_size
        areas.append(VirtualArea("fdt", FDT_FIXED_BASE, end, "the device tree blob, read-only"))
    if high_memory:  # else nobody knows yet where lowmem ends
        areas.append(VirtualArea("vmalloc", vmalloc_start, kernel.vmalloc_end, "vmalloc(), ioremap(), static mappings"))
    if any(vm.start == PCI_IO_VIRT_BASE for vm in state.static_vms):
        areas.append(VirtualArea("PCI I/O", PCI_IO_VIRT_BASE, PCI_IO_VIRT_BASE + 2 * MIB, "PCI I/O space, kept free"))
    if high_memory:
        areas.append(VirtualArea("lowmem", kernel.page_offset, high_memory, "RAM, mapped once and for all"))
    if kernel.has("highmem"):
        areas.append(VirtualArea("pkmap", kernel.pkmap_base, kernel.page_offset, "kmap() of highmem pages"))
    areas.append(VirtualArea("modules", kernel.modules_vaddr, kernel.modules_end, "loadable modules"))
    areas += _image_areas(prediction)
    return areas


def _image_areas(prediction: Replay) -> Iterator[VirtualArea]:
    symbols = prediction.state.kernel.symbols
    for name, first, last, what in (
        (".text", "_text", "_etext", "the kernel's code"),
        (".init", "__init_begin", "__init_end", "freed after boot"),
        (".data", "_sdata", "_edata", "initialised data"),
        (".bss", "__bss_start", "__bss_stop", "zeroed data"),
    ):
        if first in symbols and last in symbols:
            yield VirtualArea(name, symbols[first], symbols[last], what)


def table_cost(prediction: Replay, stage: Snapshot) -> TableCost:
    """Count descriptors in the tables of ``stage``."""
    state, form = prediction.state, prediction.state.kernel.format
    pages = prediction.tables_at(stage)
    first_pages = [state.tables.root + i for i in range(form.pmd_area_offset, form.pgd_bytes, PAGE_SIZE)]
    level1 = np.concatenate([pages[page] for page in first_pages])
    kind = level1 & 3
    section_kind, table_kind = (2, 1) if form.name == "short" else (1, 3)
    sections = int(np.count_nonzero(kind == section_kind))
    tables = [page for page in pages if page not in first_pages and page != state.tables.root]
    hardware = [pages[page][form.pte_hwtable_offset // form.word_bytes :] for page in tables]
    small = int(np.count_nonzero(np.concatenate(hardware) & 3)) if hardware else 0
    per_pmd = form.pmd_size // form.section_size
    pairs = (kind != 0).reshape(-1, per_pmd).any(axis=1)
    with_table = (kind == table_kind).reshape(-1, per_pmd).any(axis=1)
    return TableCost(
        root_bytes=form.pgd_bytes,
        tables=len(tables),
        sections=sections,
        section_bytes=form.section_size,
        pages=small,
        page_only_tables=len(tables) + int(np.count_nonzero(pairs & ~with_table)),
    )
