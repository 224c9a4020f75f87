"""Memory nodes that a tree has and the kernel takes no RAM from, and why.

Source: drivers/of/fdt.c ``early_init_dt_scan_memory``: device_type is "memory", status (from 5.2 on) is not in the way,
and reg holds whole entries of the root's #address-cells and #size-cells with a size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.setup.fdt_scan import is_available, root_cells
from bootmap.inputs.cells import pairs

if TYPE_CHECKING:
    from bootmap.boot.kernel import KernelModel
    from bootmap.inputs.fdt import Fdt, Node

EMPTY = "is empty, as the boot loader leaves it where it fails"


def unread_memory(kernel: KernelModel, fdt: Fdt) -> list[tuple[Node, str]]:
    """Children of the root that are memory by their name or device_type, with the reason, a clause without subject."""
    cells = root_cells(fdt)
    width = 4 * (cells.address + cells.size)
    found = []
    for node in fdt.root.children:
        if not node.is_memory and node.name.partition("@")[0] != "memory":
            continue
        reg = node.get("linux,usable-memory") or node.get("reg")
        why = ""
        if not node.is_memory:
            why = 'has no device_type = "memory"'
        elif kernel.has("memory_status") and not is_available(node):
            why = "is taken away by its status"
        elif reg is not None and 0 < len(reg.value) < width:
            why = (
                f"has a reg of {len(reg.value)} bytes: with the root's #address-cells = <{cells.address}> and "
                f"#size-cells = <{cells.size}> an entry has {width}"
            )
        elif reg is None or not width or not any(entry.size for entry in pairs(reg, cells.address, cells.size)):
            why = EMPTY
        if why:
            found.append((node, why))
    return found
