"""What the rules look at: one prediction with its inputs, and the questions that many of them ask."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.analysis.budget import Budget, budget
from bootmap.analysis.layout import LoadMap, load_map
from bootmap.boot.decompressor.phys_offset import memory_ranges
from bootmap.boot.payload import boot_command_line
from bootmap.boot.setup.fdt_scan import RootCells, root_cells
from bootmap.checks.finding import Where
from bootmap.checks.later import taken_later
from bootmap.inputs.cells import address_cells, read_cells, size_cells
from bootmap.inputs.cmdline import Param, parameq, parse
from bootmap.inputs.fdt import Fdt
from bootmap.units import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bootmap.assemble.board import Board
    from bootmap.assemble.environment import Variable
    from bootmap.assemble.kernel import Kernel
    from bootmap.boot.sequence import Replay
    from bootmap.boot.state import BootState
    from bootmap.boot.trace import Origin
    from bootmap.inputs.fdt import Node, Property


class CheckCase(Struct, frozen=True, dict=True):
    """One prediction.

    Attributes:
        kernel: the kernel.
        board: the board.
        replay: the boot.
    """

    kernel: Kernel
    board: Board
    replay: Replay

    @property
    def state(self) -> BootState:
        """The boot's last state."""
        return self.replay.state

    @property
    def tree(self) -> Fdt | None:
        """The device tree that the kernel gets; None with an ATAG list."""
        description = self.board.description
        return description if isinstance(description, Fdt) else None

    @cached_property
    def cells(self) -> RootCells:
        """The root's cell counts as the kernel reads them."""
        return root_cells(self.tree) if self.tree is not None else RootCells(1, 1)

    @cached_property
    def cmdline(self) -> str:
        """The command line as the kernel puts it together."""
        return self.state.cmdline or boot_command_line(self.state)

    @cached_property
    def params(self) -> tuple[Param, ...]:
        """Its parameters."""
        return parse(self.cmdline)

    def parameter(self, name: str) -> Param | None:
        """The last parameter of that name, or None."""
        return next((param for param in reversed(self.params) if parameq(param.name, name)), None)

    @cached_property
    def ram(self) -> tuple[Span, ...]:
        """RAM as the boot loader or the tree declares it, merged and in order."""
        banks = [Span(bank.start, bank.end) for bank in self.state.banks]
        if not banks:  # the boot ends before the kernel looks at them
            banks = [Span(start, end) for start, end in memory_ranges(self.board.description)]
        return merged(banks)

    @cached_property
    def load_map(self) -> LoadMap:
        """What lies where at the kernel's start."""
        return load_map(self.replay)

    @cached_property
    def budget(self) -> Budget | None:
        """The lowmem budget."""
        return budget(self.replay, taken_later(self.replay))

    @property
    def lowmem_end(self) -> int:
        """arm_lowmem_limit, 0 where the boot ends before it is known."""
        return next((s.vars.arm_lowmem_limit for s in reversed(self.replay.stages) if s.vars.arm_lowmem_limit), 0)

    @property
    def who(self) -> str:
        """Kernel and CPU in words."""
        return f"Linux {self.kernel.release}, {self.state.handover.cpu.name}"

    # -- places ----------------------------------------------------------------------------------------------

    @cached_property
    def lines(self) -> Mapping[str, tuple[str, int]]:
        """Path of a node or property -> its source file and line, where the tree was compiled here."""
        return self.board.lines or {}

    def at_property(self, prop: Property, index: int = 0) -> Where:
        """A property, from its cell ``index`` on."""
        path = f"{prop.node.rstrip('/')}/{prop.name}"
        return Where("device tree", path, prop.offset + 4 * index, *self.lines.get(path, (None, None)))

    def at_node(self, node: Node) -> Where:
        """A node."""
        return Where("device tree", node.path, node.offset, *self.lines.get(node.path, (None, None)))

    def at_param(self, param: Param) -> Where:
        """A parameter of the command line."""
        bootargs = self.deciding("cmdline")
        if bootargs and self.board.environment is not None:
            return Where("command line", param.text, param.offset, self.board.environment.file, bootargs[0].line)
        return Where("command line", param.text, param.offset)

    def deciding(self, attribute: str) -> tuple[Variable, ...]:
        """The variables of U-Boot from which an attribute of the board follows; () without an environment."""
        environment = self.board.environment
        return environment.deciding.get(attribute, ()) if environment is not None else ()

    def variable(self, attribute: str) -> str:
        """The variable of U-Boot that holds an address: that of the environment, else the usual one."""
        usual = ADDRESS_VARIABLES[attribute]
        found = next(iter(self.deciding(attribute)), None)
        if found is None or found.value is None or not found.name.startswith((usual[:3], "loadaddr")):
            return usual
        return usual if found.name.endswith("_high") else found.name

    def at_variables(self, attribute: str) -> tuple[Where, ...]:
        """The same as places."""
        return tuple(self.at_variable(each) for each in self.deciding(attribute))

    def at_variable(self, variable: Variable) -> Where:
        """A variable of U-Boot's environment."""
        assert self.board.environment is not None
        return Where("environment variable", variable.text, None, self.board.environment.file, variable.line)

    def at_option(self, option: str) -> Where:
        """An option of the configuration, with its line."""
        name = option.removeprefix("CONFIG_")
        value = self.kernel.config.get(name)
        text = f"CONFIG_{name}={value}" if value is not None else f"# CONFIG_{name} is not set"
        return Where("configuration", text, None, self.kernel.config.file, self.kernel.config.line(name))

    def at_origin(self, origin: Origin | None) -> tuple[Where, ...]:
        """The end of a chain of provenance, where it is a place that a user can go to."""
        root = origin.root if origin is not None else None
        if root is None or root.rule not in ("device tree", "command line", "config", "handover"):
            return ()
        if root.rule == "device tree":
            path = root.text.split(" = ")[0].strip()
            return (Where("device tree", path, root.offset, *self.lines.get(path, (None, None))),)
        if root.rule == "config":
            return (Where("configuration", root.text),)
        return (Where({"handover": "option"}.get(root.rule, root.rule), root.text, root.offset),)

    # -- devices ---------------------------------------------------------------------------------------------

    @cached_property
    def registers(self) -> tuple[tuple[Node, Property, Span], ...]:
        """Every device with registers in the CPU's address space: node, property, addresses."""
        return tuple(self._registers()) if self.tree is not None else ()

    def _registers(self) -> Iterator[tuple[Node, Property, Span]]:
        assert self.tree is not None
        buses: dict[Node, _Windows] = {}
        widths: dict[Node, tuple[int, int]] = {}  # cells of address and size; 0 where the kernel looks for no devices
        for node in self.tree.walk("reg"):
            prop, bus = node.get("reg"), node.parent
            kind = node.get("device_type")
            if prop is None or bus is None or (kind is not None and kind.value.startswith((b"memory", b"cpu"))):
                continue
            if bus not in widths:
                widths[bus] = (address_cells(bus), size_cells(bus)) if _on_buses(bus) else (0, 0)
            width, sizes = widths[bus]
            if not width or node.path.startswith(("/reserved-memory/", "/memory", "/cpus/", "/chosen/")):
                continue
            if not sizes or len(prop.value) % (4 * (width + sizes)) or width > _MOST_CELLS:
                continue
            if _unit_address(node) not in (None, read_cells(prop.value, 0, width) if prop.value else None):
                continue  # its name says that reg is no address here
            for at in range(0, len(prop.value) // 4, width + sizes):
                size = read_cells(prop.value, at + width, sizes)
                start = translated(read_cells(prop.value, at, width), bus, buses)
                if start is not None and size:
                    yield node, prop, Span(start, start + size)


ADDRESS_VARIABLES = {"dtb_addr": "fdt_addr_r", "load_addr": "kernel_addr_r", "initrd": "ramdisk_addr_r"}
"""Attribute of the board -> the variable in which U-Boot's boards keep that address."""
_MOST_CELLS = 2
NO_LOWMEM = ("no CONFIG_HIGHMEM", "HIGHMEM needs", "vmalloc region overlap", "no highmem")
"""How the reasons begin for which RAM beyond lowmem is not used."""
_Windows = tuple["list[tuple[int, int, int]] | None", "Node | None"]
"""The windows of a bus, and the bus above."""


_BUSES = ("simple-bus", "simple-mfd", "simple-pm-bus", "arm,amba-bus", "isa")


def _unit_address(node: Node) -> int | None:
    text = (node.unit_address or "").split(",")[0]
    return int(text, 16) if text and all(char in "0123456789abcdefABCDEF" for char in text) else None


def _on_buses(bus: Node) -> bool:
    """Whether the kernel looks for devices there: the root, or buses of which each is a plain one.

    Source: drivers/of/platform.c ``of_default_bus_match_table``; drivers/bus/simple-pm-bus.c.
    """
    while bus.parent is not None:
        kind = bus.get("compatible")
        names = kind.value.rstrip(b"\0").decode("latin-1").split("\0") if kind is not None else []
        if bus.get("ranges") is None or not any(name in _BUSES for name in names):
            return False
        bus = bus.parent
    return True


def translated(address: int, bus: Node, known: dict[Node, _Windows]) -> int | None:
    """The CPU's address of ``address`` on ``bus``, through the ``ranges`` above; None where it has none.

    Args:
        address: on the bus.
        bus: the node whose children have such addresses.
        known: windows that were read already, of this tree.

    Source: drivers/of/address.c ``__of_translate_address``.
    """
    above: Node | None = bus
    while above is not None:
        if above not in known:
            known[above] = _windows(above)
        windows, above = known[above]
        if windows is None:
            return None
        if windows:
            shift = next((to - start for start, length, to in windows if start <= address < start + length), None)
            if shift is None:
                return None
            address += shift
    return address


def _windows(bus: Node) -> _Windows:
    """Rows of (address on the bus, bytes, address above): [] where both are the same, None where nothing leads out."""
    parent = bus.parent
    if parent is None:
        return [], None
    ranges = bus.get("ranges")
    if ranges is None:
        return None, parent
    child, above, sizes = address_cells(bus), address_cells(parent), size_cells(bus)
    row, value = child + above + sizes, ranges.value
    if not value:
        return [], parent
    if not row or child > _MOST_CELLS:
        return None, parent
    found = []
    for at in range(0, len(value) // 4 - row + 1, row):
        start, length = read_cells(value, at, child), read_cells(value, at + child + above, sizes)
        found.append((start, length, read_cells(value, at + child, above)))
    return found or None, parent


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order, those that touch made one."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)
