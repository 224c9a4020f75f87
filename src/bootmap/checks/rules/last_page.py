"""Areas that the kernel is to place: aligned to pages, they leave no part of the last page below 4 GiB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.checks.edit import SetProperty
from bootmap.checks.finding import Change
from bootmap.inputs.fdt_writer import cells
from bootmap.units import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.checks.case import CheckCase


def whole_pages(case: CheckCase) -> Iterator[Change]:
    """Give each area that has a size, but neither a place nor an alignment, that of a page."""
    node = case.tree.node("/reserved-memory") if case.tree is not None else None
    found = [
        area.path
        for area in (node.children if node is not None else ())
        if area.get("size") is not None and area.get("reg") is None and area.get("alignment") is None
    ]
    if found:
        value = cells(PAGE_SIZE, width=case.cells.size)
        yield Change(
            f"{', '.join(found)}: alignment = <{PAGE_SIZE:#x}>",
            "an area without one is aligned to a cache line",
            tuple(SetProperty(path, "alignment", value) for path in found),
        )
