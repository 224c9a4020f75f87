"""Addresses and sizes in device tree properties: how many cells each takes, and cutting a property by that.

``#address-cells`` and ``#size-cells`` of a node count for its children.  They are not inherited further
down: a node without them has the specification's defaults, 2 and 1 (Devicetree Specification 0.4, 2.3.5).
The kernel falls back to 1 and 1 at the root instead (drivers/of/fdt.c ``early_init_dt_scan_root``), so
callers that replay the kernel hand in their own default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bootmap.errors import FdtError

if TYPE_CHECKING:
    from bootmap.inputs.fdt import Node, Property

DEFAULT_ADDRESS_CELLS = 2
DEFAULT_SIZE_CELLS = 1

MOST_PAIRS = 4096
_U64 = (1 << 64) - 1


class Reg(NamedTuple):
    """One (address, size) pair of a property.

    Attributes:
        base: the address, in the parent's address space; its low 64 bits where it has more cells.
        size: in bytes; 0 where #size-cells is 0.
        property: where it stands.
        offset: byte offset in the file of the pair's first cell.
    """

    base: int
    size: int
    property: Property
    offset: int


def address_cells(node: Node, default: int = DEFAULT_ADDRESS_CELLS) -> int:
    """``#address-cells`` of ``node``: the number of cells of an address in its children's ``reg``.

    Raises:
        FdtError: the property is shorter than one cell.
    """
    return _cell_count(node, "#address-cells", default)


def size_cells(node: Node, default: int = DEFAULT_SIZE_CELLS) -> int:
    """``#size-cells`` of ``node``: the number of cells of a size in its children's ``reg``.

    Raises:
        FdtError: the property is shorter than one cell.
    """
    return _cell_count(node, "#size-cells", default)


def read_cells(value: bytes, at: int, count: int) -> int:
    """The number in the ``count`` big-endian cells from cell ``at`` of ``value`` on; its low 64 bits.

    No cells read as 0.  Source: include/linux/of.h ``of_read_number``.

    Raises:
        FdtError: ``value`` is shorter than that.
    """
    cells = value[4 * at : 4 * (at + count)]
    if len(cells) != 4 * count or at < 0:
        raise FdtError(f"cells {at} to {at + count - 1} asked for, the value has {len(value)} bytes")
    return int.from_bytes(cells, "big") & _U64


def pairs(prop: Property, n_address: int, n_size: int) -> tuple[Reg, ...]:
    """Cut a property into (address, size) pairs, leaving out a last one that is not complete.

    That is how the kernel reads memory nodes (drivers/of/fdt.c ``early_init_dt_scan_memory``); ``reg`` is
    the strict twin.

    Raises:
        FdtError: a pair would have no cells at all, or there are more than ``MOST_PAIRS``.
    """
    cells = n_address + n_size
    if cells == 0:
        prop.fail("cannot be cut: <#address-cells> and <#size-cells> are both 0")
    value = prop.value
    if len(value) // 4 // cells > MOST_PAIRS:
        prop.fail(f"has {len(value) // 4 // cells} areas; bootmap reads {MOST_PAIRS}, memblock has room for 128")
    found = []
    for at in range(0, len(value) // 4 - cells + 1, cells):
        base = read_cells(value, at, n_address)
        size = read_cells(value, at + n_address, n_size)
        found.append(Reg(base, size, prop, prop.offset + 4 * at))
    return tuple(found)


def reg(node: Node, name: str = "reg") -> tuple[Reg, ...]:
    """The pairs of ``reg`` (or the property ``name`` of that form) by the cell counts of the parent.

    A node without the property has none.  The root's parent does not exist: the defaults hold.

    Raises:
        FdtError: the length is not a multiple of a pair's; the message states the formula.
    """
    prop = node.get(name)
    if prop is None:
        return ()
    parent = node.parent
    n_address = address_cells(parent) if parent is not None else DEFAULT_ADDRESS_CELLS
    n_size = size_cells(parent) if parent is not None else DEFAULT_SIZE_CELLS
    pair = 4 * (n_address + n_size)
    if pair == 0 or len(prop.value) % pair:
        prop.fail(
            f"length is {len(prop.value)} bytes, expected a multiple of "
            f"4*(<#address-cells> (= {n_address}) + <#size-cells> (= {n_size})) = {pair}"
        )
    return pairs(prop, n_address, n_size)


def _cell_count(node: Node, name: str, default: int) -> int:
    prop = node.get(name)
    if prop is None:
        return default
    if len(prop.value) < 4:
        prop.fail(f"length is {len(prop.value)} bytes, expected 4")
    return int.from_bytes(prop.value[:4], "big")
