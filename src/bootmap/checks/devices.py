"""Registers of devices in the CPU's address space, as the kernel's platform bus finds them.

Source: drivers/of/platform.c ``of_default_bus_match_table``; drivers/bus/simple-pm-bus.c; drivers/of/address.c
``__of_translate_address``.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from bootmap.inputs.cells import address_cells, read_cells, size_cells
from bootmap.units import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.inputs.fdt import Fdt, Node, Property

    _Window = tuple[int, int, int]
    """First address on the bus, address behind the last, and what is added to get to the bus above."""

_MOST_CELLS = 2
_U64 = (1 << 64) - 1
_BUSES = {"simple-bus", "simple-mfd", "simple-pm-bus", "arm,amba-bus", "isa"}
_NO_BUSES = ("reserved-memory", "cpus", "chosen")
"""Children of the root below which ``reg`` is not of a device."""
_UNIT_ADDRESS = re.compile(r"[^@]*@([0-9a-fA-F]+)(?:,|\Z)")


def registers_over(tree: Fdt, spans: Sequence[Span]) -> list[tuple[Node, Span]]:
    """The devices with registers at those addresses of the CPU, in file order: node and its registers' addresses."""
    found: list[tuple[Node, Span]] = []
    if spans:
        _add_registers(_Bus(tree.root, None), spans, found)
    return found


class _Bus:
    """A node with devices below it: the root, or one of which the kernel knows that it is a plain bus."""

    def __init__(self, node: Node, above: _Bus | None) -> None:
        self.node = node
        self._above = above

    @cached_property
    def cells(self) -> tuple[int, int]:
        """Cells of an address and of a size."""
        return address_cells(self.node), size_cells(self.node)

    @cached_property
    def windows(self) -> tuple[tuple[_Window, ...], ...] | None:
        """The windows to pass on the way to the root, from here up; None where none leads out."""
        if self._above is None:
            return ()
        above, ranges = self._above.windows, self.node.get("ranges")
        if above is None or ranges is None or not ranges.value:
            return above
        mine = tuple(_windows(ranges, *self.cells, self._above.cells[0]))
        return (mine, *above) if mine else None

    def translated(self, address: int) -> int | None:
        """The CPU's address of ``address`` on this bus; None where it has none."""
        if self.windows is None:
            return None
        for windows in self.windows:
            for start, end, shift in windows:
                if start <= address < end:
                    address += shift
                    break
            else:
                return None
        return address


def _add_registers(bus: _Bus, spans: Sequence[Span], found: list[tuple[Node, Span]]) -> None:
    top = bus.node.depth == 0
    for node in bus.node.children:
        value = node.value("reg")
        over = _registers(bus, value, spans) if value else ()
        name = node.name if over or top else ""
        if top and name.startswith("memory"):
            continue
        if over and value is not None and _is_device(bus, node, name, value):
            found += [(node, span) for span in over]
        if node.value("ranges") is not None and _is_plain_bus(node) and not (top and name in _NO_BUSES):
            _add_registers(_Bus(node, bus), spans, found)


def _is_plain_bus(node: Node) -> bool:
    """Whether the kernel looks for devices below the node."""
    kind = node.value("compatible")
    return kind is not None and not _BUSES.isdisjoint(kind.rstrip(b"\0").decode("latin-1").split("\0"))


def _registers(bus: _Bus, value: bytes, spans: Sequence[Span]) -> list[Span]:
    """What of a ``reg`` lies over one of ``spans``, as the CPU sees it: most have nothing there, and are done with."""
    width, sizes = bus.cells
    row = 4 * (width + sizes)
    if not 0 < width <= _MOST_CELLS or not sizes or len(value) % row:
        return []
    found = []
    for at in range(0, len(value), row):
        behind = at + 4 * width
        start = bus.translated(int.from_bytes(value[at:behind], "big"))
        if start is None:
            continue
        end = start + (int.from_bytes(value[behind : at + row], "big") & _U64)
        if start < end and any(start < span.end and span.start < end for span in spans):
            found.append(Span(start, end))
    return found


def _is_device(bus: _Bus, node: Node, name: str, value: bytes) -> bool:
    """Whether ``reg`` is of a device: the kernel makes none of a node without ``compatible``; no memory, no CPU.

    Its name, where it has an address, has that of the registers.
    """
    if node.value("compatible") is None:
        return False
    unit = _UNIT_ADDRESS.match(name)
    if unit is not None and int(unit[1], 16) != read_cells(value, 0, bus.cells[0]):
        return False
    kind = node.value("device_type")
    return kind is None or not kind.startswith((b"memory", b"cpu"))


def _windows(ranges: Property, child: int, sizes: int, above: int) -> Iterator[_Window]:
    """The rows of ``ranges``: addresses of ``child`` cells on the bus, of ``above`` on the one above it, and sizes."""
    row, value = child + above + sizes, ranges.value
    if not row or child > _MOST_CELLS:
        return
    for at in range(0, len(value) // 4 - row + 1, row):
        start, length = read_cells(value, at, child), read_cells(value, at + child + above, sizes)
        yield start, start + length, read_cells(value, at + child, above) - start
