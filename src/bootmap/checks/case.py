"""What the rules look at: one prediction with its inputs, and the questions that many of them ask."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.analysis.budget import Budget, budget
from bootmap.analysis.layout import LoadMap, load_map
from bootmap.boot.decompressor.phys_offset import memory_ranges
from bootmap.boot.payload import boot_command_line
from bootmap.boot.setup.fdt_scan import RootCells, root_cells
from bootmap.checks.devices import registers_over
from bootmap.checks.finding import Where
from bootmap.checks.later import taken_later
from bootmap.inputs.cmdline import Param, parameq, parse
from bootmap.inputs.fdt import Fdt
from bootmap.shown import Shown
from bootmap.units import Span, merged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.assemble.board import Board
    from bootmap.assemble.environment import Variable
    from bootmap.assemble.kernel import Kernel
    from bootmap.boot.sequence import Replay
    from bootmap.boot.state import BootState
    from bootmap.boot.trace import Origin
    from bootmap.inputs.fdt import Node, Property


class CheckCase(Shown, Struct, frozen=True, dict=True):
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
        return Where("command line", param.text, param.offset, *self._line_of_bootargs(param.text))

    def _line_of_bootargs(self, text: str) -> tuple[str | None, int | None]:
        """File and line of the source's bootargs, where the command line with ``text`` in it comes from there."""
        chosen = self.tree.node("/chosen") if self.tree is not None and self.board.cmdline is None else None
        value = chosen.value("bootargs") if chosen is not None else None
        if value is None or text.encode("latin-1", "replace") not in value:
            return None, None
        return self.lines.get("/chosen/bootargs", (None, None))

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
        if root.rule == "handover":
            assert origin is not None
            params = next((found for link in origin.chain() if (found := _R2.search(link.text))), None)
            text = f"--dtb-addr {params[1]}" if params is not None else root.text
            return (Where("option", text),) if text.startswith("--") else ()
        if root.rule == "command line":
            return (Where(root.rule, root.text, root.offset, *self._line_of_bootargs(root.text)),)
        return (Where(root.rule, root.text, root.offset),)

    # -- devices ---------------------------------------------------------------------------------------------

    def registers_over(self, *spans: Span) -> list[tuple[Node, Span]]:
        """The devices with registers at those addresses of the CPU: node and its registers' addresses."""
        return registers_over(self.tree, spans) if self.tree is not None else []


_R2 = re.compile(r"\br2 = (0x[0-9a-f]+)")
ADDRESS_VARIABLES = {"dtb_addr": "fdt_addr_r", "load_addr": "kernel_addr_r", "initrd": "ramdisk_addr_r"}
"""Attribute of the board -> the variable in which U-Boot's boards keep that address."""
NO_LOWMEM = ("no CONFIG_HIGHMEM", "HIGHMEM needs", "vmalloc region overlap", "no highmem")
"""How the reasons begin for which RAM beyond lowmem is not used."""
