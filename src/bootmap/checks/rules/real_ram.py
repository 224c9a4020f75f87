"""What the board really has of RAM (``--ram``) against what the tree and ``mem=`` tell the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.decompressor.phys_offset import memory_ranges
from bootmap.checks.edit import DeleteNode, SetBoard, SetParameter, SetProperty
from bootmap.checks.finding import Change, Finding
from bootmap.facts.audit_rules import Severity
from bootmap.facts.check_rules import RULES_BY_ID
from bootmap.facts.linux.memblock import Flags
from bootmap.inputs.cells import pairs
from bootmap.inputs.fdt_writer import cells
from bootmap.units import GIB, MIB, PAGE_SIZE, Span, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.checks.case import CheckCase
    from bootmap.checks.edit import Edit


def disagreement(case: CheckCase) -> Iterator[Finding]:
    """RAM that is declared, but not there: an error where the kernel keeps it as RAM."""
    real = case.board.ram
    if real is None:
        return
    told = [Span(start, end) for start, end in memory_ranges(case.state.handover.board)]
    told += [span for span in case.state.promised if span.size]
    taken = [
        Span(base, base + size)
        for base, size, flags in case.state.memblock.memory.regions
        if size and not flags & Flags.NOMAP
    ]
    for span in dict.fromkeys(told):
        missing = span.size - sum(part.size for part in _common([span], real))
        if not missing:
            continue
        used = _common([span], taken)
        handed_out = sum(part.size for part in used) - sum(part.size for part in _common(used, real))
        then = f": the kernel takes {size_text(handed_out)} of that for RAM and hands it out" if handed_out else ""
        yield Finding(
            RULES_BY_ID["memory-disagrees"],
            Severity.ERROR if handed_out >= PAGE_SIZE else Severity.WARNING,
            "more RAM is declared than the board has",
            f"{span} is declared, {size_text(missing)} of it are not in the board's RAM, "
            f"{' and '.join(map(str, real))}{then}.",
            changes=tuple(real_ram_changes(case)) if handed_out >= PAGE_SIZE else (),
            address=span.start,
        )


def real_ram_changes(case: CheckCase) -> Iterator[Change]:
    """Let the kernel be told of the RAM that there is: by the board's description alone, by mem=, by the tree."""
    if case.parameter("mem") is not None:
        edits = (SetParameter("mem", None),)
        yield Change("leave mem= out", "the board's own description of its RAM holds then", edits)
    real = case.board.ram
    if real is None:
        return
    first = next((row for row in real if case.state.handover.phys_offset in row), real[0])
    if case.parameter("mem") is not None:
        value = f"{_memparse_text(first.size)}@{first.start:#x}"
        yield Change(f"mem={value}", "what --ram says of the board", (SetParameter("mem", value),), recommended=True)
    else:
        yield from _of_tree(case, real)


def _of_tree(case: CheckCase, real: Sequence[Span]) -> Iterator[Change]:
    """The memory nodes with what of them is there; where that is nothing, the first one with what is."""
    width = case.cells
    if case.tree is None or not width.address or not width.size:
        return
    nodes = [
        (node, prop, [Span(row.base, row.base + row.size) for row in pairs(prop, width.address, width.size)])
        for node in case.tree.walk("device_type")
        if node.is_memory and (prop := node.get("reg")) is not None
    ]
    if not nodes:
        return
    some = any(_common(rows, real) for _, _, rows in nodes)
    edits: list[Edit] = []
    said = []
    for place, (node, _, rows) in enumerate(nodes):
        wanted = _common(rows, real) if some else real if not place else ()
        if list(wanted) == rows:
            continue
        if not wanted:
            edits.append(DeleteNode(node.path))
            said.append(f"{node.path}: leave it out")
            continue
        if any(row.start >> 32 * width.address or row.size >> 32 * width.size for row in wanted):
            return
        value = b"".join(cells(row.start, width=width.address) + cells(row.size, width=width.size) for row in wanted)
        edits.append(SetProperty(node.path, "reg", value))
        said.append(f"{node.path}: reg = <{' '.join(f'{row.start:#x} {row.size:#x}' for row in wanted)}>")
    note = "what --ram says of the board; a boot loader that fills RAM in must write that"
    if not some and case.board.phys_offset is not None:
        start = min(row.start for row in real)
        edits.append(SetBoard("phys_offset", start))
        note = f"and PHYS_OFFSET {hex_address(start)}"
    if edits:
        yield Change("; ".join(said), note, tuple(edits), recommended=True)


def _common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What lies in both."""
    both = (Span(max(a.start, b.start), min(a.end, b.end)) for a in some for b in others if a.overlaps(b))
    return [row for row in both if row.start < row.end]


def _memparse_text(size: int) -> str:
    """A size as ``memparse`` reads it."""
    for unit, letter in ((GIB, "G"), (MIB, "M"), (1 << 10, "K")):
        if size % unit == 0:
            return f"{size // unit}{letter}"
    return f"{size}"
