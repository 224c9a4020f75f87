"""Reserved areas in the kernel's way, and pools that CMA does not take: how to move, map or enlarge them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.boot.reserve.cma import cma_alignment
from bootmap.checks.edit import SetProperty
from bootmap.checks.finding import Change
from bootmap.checks.places import free_windows
from bootmap.inputs.cells import pairs, read_cells
from bootmap.inputs.fdt_writer import cells
from bootmap.units import MIB, PMD_SIZE, Span, align_down, align_up, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.boot.trace import Hazard
    from bootmap.checks.case import CheckCase
    from bootmap.inputs.fdt import Node

_MOST = 4
_AREA = re.compile(r"/reserved-memory/[^\s/,:]+")
_ROOM = 32 * MIB
"""Between a kernel and an area that was in its way, where there is so much: it grows."""


def areas_in_the_way(case: CheckCase) -> Iterator[Change]:
    """Areas that the kernel's mapping meets: from PHYS_OFFSET to the end of its last section."""
    state = case.state
    way = Span(state.handover.phys_offset, align_up(state.kernel_image.end, PMD_SIZE))
    looked_at = 0
    for node in _areas(case):
        prop = node.get("reg")
        if looked_at == _MOST:  # a tree may have thousands
            return
        entries = pairs(prop, case.cells.address, case.cells.size) if prop is not None else ()
        if len(entries) != 1 or not entries[0].size:
            continue
        span = Span(entries[0].base, entries[0].base + entries[0].size)
        pool, hidden = node.get("reusable") is not None, node.get("no-map") is not None
        if not span.overlaps(way) or not (pool or hidden):
            continue
        looked_at += 1
        unit = cma_alignment(state.kernel) if pool else PMD_SIZE
        place = _place(case, align_up(span.size, unit), unit, way.end)
        if place is not None:
            size = align_up(span.size, unit)
            value = cells(place, width=case.cells.address) + cells(size, width=case.cells.size)
            room = ", with room for it to grow" if place >= way.end + _ROOM else ""
            yield Change(
                f"{node.path}: reg = <{place:#x} {size:#x}>",
                f"clear of the kernel, {way}{room}",
                (SetProperty(node.path, "reg", value),),
                recommended=pool,
            )
        if hidden:
            yield Change(
                f"{node.path}: leave no-map out",
                "the area is reserved all the same, but mapped",
                (SetProperty(node.path, "no-map", None),),
                recommended=True,
            )


def pool_changes(case: CheckCase, hazard: Hazard) -> Iterator[Change]:
    """A pool whose size is no multiple of CMA's unit, made as large as that asks for."""
    unit, found = cma_alignment(case.state.kernel), _AREA.search(hazard.message)
    node = case.tree.node(found[0]) if case.tree is not None and found is not None else None
    prop = node.get("size") if node is not None else None
    if node is not None and prop is not None and node.get("reusable") is not None and case.cells.size:
        size = align_up(read_cells(prop.value, 0, min(case.cells.size, len(prop.value) // 4)), unit)
        edits = (SetProperty(node.path, "size", cells(size, width=case.cells.size)),)
        yield Change(f"{node.path}: size = <{size:#x}>", f"a multiple of CMA's unit, {size_text(unit)}", edits)


def _areas(case: CheckCase) -> tuple[Node, ...]:
    parent = case.tree.node("/reserved-memory") if case.tree is not None else None
    return tuple(parent.children) if parent is not None and case.cells.address + case.cells.size else ()


def _place(case: CheckCase, size: int, unit: int, end: int) -> int | None:
    """A free place behind the kernel, else any; None where there is none."""
    found = []
    for window in free_windows(case, "", size):
        start = max(window.start, end + _ROOM) if window.end >= end + _ROOM + size + unit else window.start
        at = align_up(start, unit)
        if at + size <= align_down(window.end, unit):
            found.append(at)
    return min(found, key=lambda at: (at < end, at < end + _ROOM, at), default=None)
