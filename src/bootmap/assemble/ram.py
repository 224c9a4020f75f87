"""What RAM a device tree declares, and where RAM begins where it declares none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.decompressor.phys_offset import memory_ranges
from bootmap.boot.setup.fdt_scan import root_cells
from bootmap.facts.machines.ram_start import RAM_START
from bootmap.inputs.fdt import Fdt
from bootmap.units import Span

if TYPE_CHECKING:
    from bootmap.inputs.atags import AtagList


def declared_ram(description: Fdt | AtagList) -> list[Span]:
    """The banks of RAM that the board's description declares, without those of no size."""
    return [Span(start, end) for start, end in memory_ranges(description)]


def ram_start(description: Fdt | AtagList) -> int | None:
    """Where RAM begins: by a memory node without a size, else by the SoC; None where nothing tells."""
    if not isinstance(description, Fdt):
        return None
    said = [at for at in _sizeless(description) if at is not None]
    if said and said[0]:
        return said[0]
    names = description.root.get("compatible")
    known = (RAM_START[name] for name in (names.strings() if names is not None else ()) if name in RAM_START)
    return next(known, said[0] if said else None)


def _sizeless(tree: Fdt) -> list[int | None]:
    """The addresses of memory nodes: of their reg, else of their name."""
    cells = root_cells(tree)
    width, entry = cells.address, 4 * (cells.address + cells.size)
    found: list[int | None] = []
    for node in tree.root.children:
        reg = node.get("reg")
        if not node.is_memory:
            continue
        at = int.from_bytes(reg.value[: 4 * width], "big") if reg is not None and len(reg.value) >= entry else 0
        unit = node.unit_address
        try:
            found.append(at or int(unit or "", 16))
        except ValueError:
            found.append(at if reg is not None else None)
    return found
