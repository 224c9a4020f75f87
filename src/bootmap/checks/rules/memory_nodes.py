"""Memory nodes that the kernel takes no RAM from, or twice: where they are, and what makes it take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.setup.unread_memory import EMPTY, unread_memory
from bootmap.checks.edit import SetProperty
from bootmap.checks.finding import Change, Finding
from bootmap.facts.audit_rules import Severity
from bootmap.facts.check_rules import RULES_BY_ID
from bootmap.inputs.cells import read_cells
from bootmap.inputs.fdt_writer import cells
from bootmap.units import Span, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.checks.case import CheckCase
    from bootmap.checks.finding import Where
    from bootmap.inputs.fdt import Node


def unread_places(case: CheckCase) -> tuple[Where, ...]:
    """Where the memory nodes are that the kernel does not take."""
    if case.tree is None:
        return ()
    found = []
    for node, why in unread_memory(case.state.kernel, case.tree):
        prop = node.get("status") if "status" in why else node.get("reg") if "bytes" in why else None
        found.append(case.at_property(prop) if prop is not None else case.at_node(node))
    return tuple(found)


def unread_changes(case: CheckCase) -> Iterator[Change]:
    """What makes the kernel take them."""
    for node, why in unread_memory(case.state.kernel, case.tree) if case.tree is not None else ():
        if why == EMPTY:
            continue
        if not node.is_memory:
            edit = SetProperty(node.path, "device_type", b"memory\0")
            yield Change(f'{node.path}: device_type = "memory"', "", (edit,))
        elif node.get("status") is not None and "status" in why:
            yield Change(f"{node.path}: leave status out", "", (SetProperty(node.path, "status", None),))
        else:
            yield from _widened(case, node)


def _widened(case: CheckCase, node: Node) -> Iterator[Change]:
    """Two cells, an address and a size, as many cells as the root asks for."""
    reg, width = node.get("reg"), case.cells
    if reg is None or len(reg.value) != 8 or not width.address or not width.size:
        return
    base, size = read_cells(reg.value, 0, 1), read_cells(reg.value, 1, 1)
    value = cells(base, width=width.address) + cells(size, width=width.size)
    shown = " ".join(f"{read_cells(value, at, 1):#x}" for at in range(len(value) // 4))
    note = f"{width.address} cells for the address and {width.size} for the size, as the root has them"
    yield Change(f"{node.path}: reg = <{shown}>", note, (SetProperty(node.path, "reg", value),))


def banks_twice(case: CheckCase) -> Iterator[Finding]:
    """Banks that overlap: the kernel takes the union, which is less than they say."""
    banks = sorted(
        ((Span(bank.start, bank.end), bank.origin) for bank in case.state.banks), key=lambda row: (row[0], row[1].text)
    )
    if any(hazard.id == "bank-twice" for hazard in case.replay.hazards):
        return
    reach, before = None, ""
    for span, origin in banks:
        if reach is not None and span.start < reach.end:
            both = Span(span.start, min(span.end, reach.end))
            yield Finding(
                RULES_BY_ID["bank-twice"],
                Severity.WARNING,
                f"{size_text(both.size)} of RAM are declared twice",
                f"{origin.text} overlaps {before}: {both} is in both. The kernel takes it once: the board has less RAM "
                f"than the sum, or one of them begins elsewhere.",
                case.at_origin(origin),
                address=both.start,
            )
        if reach is None or span.end > reach.end:
            reach, before = span, origin.text
