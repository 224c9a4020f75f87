"""RAM as boards usually have it, where the tree leaves it to the boot loader and nobody said how much there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.assemble.board_file import with_banks
from bootmap.assumptions import Assumption
from bootmap.boot.decompressor.phys_offset import memory_ranges
from bootmap.boot.setup.fdt_scan import root_cells
from bootmap.facts.machines.ram_base import RAM_BASE
from bootmap.inputs import fdt
from bootmap.inputs.cells import pairs, read_cells
from bootmap.units import MIB, Span, hex_address

if TYPE_CHECKING:
    from bootmap.assemble.board import Board

_USUAL_RAM = 512 * MIB
_USUAL_START = 0x80000000


def with_usual_ram(board: Board) -> Board:
    """The board; where its tree leaves RAM to the boot loader, with RAM as such boards have, noted as assumed."""
    tree = board.description
    if not isinstance(tree, fdt.Fdt) or memory_ranges(tree) or (board.cmdline or "").find("mem=") >= 0:
        return board
    if board.ram is not None:
        text = f"the boot loader fills in what --ram says that the board has, {' and '.join(map(str, board.ram))}"
        note = Assumption(text, "--memory", " ".join(f"{bank.start:#x},{bank.size:#x}" for bank in board.ram))
        return board.replace(description=with_banks(tree, board.ram), assumptions=(*board.assumptions, note))
    width, told = root_cells(tree), False
    for node in tree.root.children:
        prop = node.get("reg")
        if prop is None or not (node.is_memory or node.name.partition("@")[0] == "memory"):
            continue
        if 0 < len(prop.value) < 4 * (width.address + width.size):
            return board  # the kernel takes nothing from it, whatever the boot loader's intention was
        rows = pairs(prop, width.address, width.size) if width.address and width.size else ()
        banks = [Span(row.base, row.base + row.size) for row in rows if row.size]
        if banks and not node.is_memory:
            text = f"the boot loader fills in the RAM of {node.path}, which has no device_type: {banks[0]}"
            note = Assumption(text, "--memory", f"{banks[0].start:#x},{banks[0].size:#x}")
            return board.replace(description=with_banks(tree, banks), assumptions=(*board.assumptions, note))
    roots = tree.root.get("compatible")
    names = roots.value.rstrip(b"\0").decode("latin-1").split("\0") if roots is not None else []
    start = next((base for known, base in RAM_BASE if any(name.startswith(known) for name in names)), _USUAL_START)
    for node in tree.root.walk():
        prop = node.get("reg")
        if not node.is_memory:
            continue
        if prop is not None and len(prop.value) >= 4 * width.address and width.address:
            start, told = read_cells(prop.value, 0, width.address), True
            break
    bank = Span(start, start + _USUAL_RAM)
    how = "where its memory node begins" if told else "where its SoC has it: the tree has no memory node"
    text = f"the boot loader fills in 512 MiB of RAM at {hex_address(start)}, {how}"
    note = Assumption(text, "--memory", f"{bank.start:#x},{bank.size:#x}")
    return board.replace(description=with_banks(tree, [bank]), assumptions=(*board.assumptions, note))
