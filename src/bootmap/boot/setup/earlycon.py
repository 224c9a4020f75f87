"""earlycon: an early console maps its registers through the fixmap, before any page table was allocated.

Source: drivers/tty/serial/earlycon.c ``setup_earlycon``, ``of_setup_earlycon``, ``earlycon_map``;
drivers/tty/serial/serial_core.c ``uart_parse_earlycon``; drivers/of/fdt.c ``early_init_dt_scan_chosen_stdout``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.boot.paging.fixmap import set_fixmap_io
from bootmap.boot.setup.fdt_scan import chosen_node
from bootmap.boot.trace import Origin
from bootmap.facts.linux.earlycon import EARLYCON_DRIVERS
from bootmap.inputs.cells import address_cells, read_cells, size_cells
from bootmap.inputs.fdt import Fdt
from bootmap.units import memparse

if TYPE_CHECKING:
    from bootmap.boot.state import BootState
    from bootmap.facts.linux.earlycon import EarlyconDriver
    from bootmap.inputs.fdt import Node

_ACCESS = re.compile(r"mmio(?:16|32|32be|32native)?,")


def setup_earlycon(state: BootState, value: str | None, origin: Origin, *, is_console: bool = False) -> None:
    """Map the registers of the console that ``earlycon``, ``earlycon=`` or ``console=`` names, if there is one.

    Raises:
        KernelDied: the kernel has no slot in the fixmap for them, and calls ioremap long before it can.
    """
    if state.earlycon is not None or not state.kernel.config.enabled("SERIAL_EARLYCON"):
        return
    if not value:
        if not is_console:
            _from_stdout(state, origin)
        return
    for driver in EARLYCON_DRIVERS:
        name, comma, options = value.partition(",")
        if name == driver.name and _built_in(state, driver):
            address = _address(options) if comma else None
            if address:
                _earlycon_map(state, address, f"the registers of earlycon {name}", origin)
            return


def _earlycon_map(state: BootState, address: int, what: str, origin: Origin) -> None:
    if state.kernel.config.enabled("FIX_EARLYCON_MEM") and state.kernel.has("early_fixmap"):
        set_fixmap_io(state, address, what, origin)
        return
    if state.kernel.has("early_kmalloc_fails"):
        state.print(f"earlycon: earlycon_map: Couldn't map 0x{address:08x}")
        return
    raise state.die(
        "earlycon-too-early",
        f"earlycon maps {what} with ioremap, as this kernel has no CONFIG_FIX_EARLYCON_MEM, and there is no allocator "
        f"yet: a data abort in kmem_cache_alloc. Leave earlycon out",
        address=address,
        origin=origin,
    )


def _built_in(state: BootState, driver: EarlyconDriver) -> bool:
    return any(state.kernel.config.enabled(option) for option in driver.options)


def _address(options: str) -> int | None:
    if match := _ACCESS.match(options):
        return memparse(options[match.end() :])[0]
    if options.startswith("0x"):
        return memparse(options)[0]
    return None


def _from_stdout(state: BootState, origin: Origin) -> None:
    """``earlycon`` alone: the device that /chosen names as standard output."""
    board = state.handover.board
    if not isinstance(board, Fdt):
        return
    chosen = chosen_node(board)
    prop = chosen and (chosen.get("stdout-path") or chosen.get("linux,stdout-path"))
    if not prop:
        return
    path = prop.value.split(b"\0")[0].decode("latin-1").partition(":")[0]
    node = board.node(path) if path else None
    if node is None:
        state.print(f"earlycon: stdout-path {path} not found")
        return
    compatible = node.get("compatible")
    names = compatible.value.decode("latin-1").split("\0") if compatible else []
    for driver in EARLYCON_DRIVERS:
        if any(name in driver.compatible for name in names) and _built_in(state, driver):
            address = _translate(node)
            if address is not None:
                link = Origin("device tree", f"{node.path}/reg", node.properties["reg"].offset, origin)
                _earlycon_map(state, address, f"the registers of earlycon {node.path}", link)
            return


def _translate(node: Node) -> int | None:
    """The CPU's address of the first ``reg`` of ``node``, through the ``ranges`` of every bus above it.

    Source: drivers/of/fdt_address.c ``fdt_translate_address``.
    """
    prop, bus = node.get("reg"), node.parent
    if prop is None or bus is None:
        return None
    address = read_cells(prop.value, 0, min(address_cells(bus), len(prop.value) // 4))
    while bus.parent is not None:
        ranges = bus.get("ranges")
        if ranges is None:
            return None
        child_cells, parent_cells, length_cells = address_cells(bus), address_cells(bus.parent), size_cells(bus)
        row = child_cells + parent_cells + length_cells
        value = ranges.value
        for at in range(0, len(value) // 4 - row + 1, row) if row else ():
            start = read_cells(value, at, child_cells)
            length = read_cells(value, at + child_cells + parent_cells, length_cells)
            if start <= address < start + length:
                address = address - start + read_cells(value, at + child_cells, parent_cells)
                break
        else:
            if value:
                return None
        bus = bus.parent
    return address
