"""Registers of devices in the CPU's address space, as the kernel's platform bus finds them.

Source: drivers/of/platform.c ``of_default_bus_match_table``; drivers/bus/simple-pm-bus.c; drivers/of/address.c
``__of_translate_address``.
"""

from __future__ import annotations

import re
import struct
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
_CELLS = " IQ"
"""How `struct` reads a number of so many cells."""
_U64 = (1 << 64) - 1
_BUSES = {"simple-bus", "simple-mfd", "simple-pm-bus", "arm,amba-bus", "isa"}
_NO_BUSES = ("reserved-memory", "cpus", "chosen")
"""Children of the root below which ``reg`` is not of a device."""
_UNIT_ADDRESS = re.compile(r"[^@]*@([0-9a-fA-F]+)(?:,|\Z)")


def registers_over(tree: Fdt, spans: Sequence[Span]) -> list[tuple[Node, Span]]:
    """The devices with registers at those addresses of the CPU, in file order: node and its registers' addresses."""
    found: list[tuple[Node, Span]] = []
    if not spans:
        return found
    buses = _buses(tree)
    for number, above, value in tree.values("reg", buses):
        bus = buses[above]
        over = _registers(bus, value, spans)
        if over:
            node = tree.numbered(number)
            name = node.name
            if (above or not name.startswith("memory")) and _is_device(bus, node, name, value):
                found += [(node, span) for span in over]
    return found


def _buses(tree: Fdt) -> dict[int, _Bus]:
    """The nodes below which the kernel looks for devices, by their numbers: a bus comes before those on it."""
    found = {0: _Bus(tree.root, None)}
    for number, above, _ in tree.values("ranges", found):
        node = tree.numbered(number)
        name = "" if above else node.name
        if _is_plain_bus(node) and not name.startswith("memory") and name not in _NO_BUSES:
            found[number] = _Bus(node, found[above])
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

    @cached_property
    def form(self) -> struct.Struct | None:
        """An address and the low 64 bits of its size; None where no ``reg`` can be read."""
        width, sizes = self.cells
        if not 0 < width <= _MOST_CELLS or not sizes:
            return None
        return struct.Struct(f">{_CELLS[width]}{4 * max(0, sizes - 2)}x{_CELLS[min(sizes, 2)]}")


def _is_plain_bus(node: Node) -> bool:
    """Whether the kernel looks for devices below the node."""
    kind = node.value("compatible")
    return kind is not None and not _BUSES.isdisjoint(kind.rstrip(b"\0").decode("latin-1").split("\0"))


def _registers(bus: _Bus, value: bytes, spans: Sequence[Span]) -> list[Span]:
    """What of a ``reg`` lies over one of ``spans``, as the CPU sees it: most have nothing there, and are done with."""
    found: list[Span] = []
    form = bus.form if value else None
    if form is None or len(value) % form.size or bus.windows is None:
        return found
    for start, size in form.iter_unpack(value):
        for windows in bus.windows:
            for low, high, shift in windows:
                if low <= start < high:
                    start += shift
                    break
            else:
                break
        else:
            for span in spans:
                if start < span.end and span.start < start + size and size:
                    found.append(Span(start, start + size))
                    break
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
    row, value = 4 * (child + above + sizes), ranges.value
    if not row or child > _MOST_CELLS:
        return
    first, second = 4 * child, 4 * (child + above)
    for at in range(0, len(value) - row + 1, row):
        start = int.from_bytes(value[at : at + first], "big")
        to = int.from_bytes(value[at + first : at + second], "big") & _U64
        yield start, start + (int.from_bytes(value[at + second : at + row], "big") & _U64), to - start
