"""Reserved memory: areas that are ignored, misplaced, outside RAM, not reserved at all; and how to move one."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.boot.setup.fdt_scan import is_available
from bootmap.checks.edit import AddNode, DeleteNode, SetProperty
from bootmap.checks.finding import Change, Finding
from bootmap.facts.audit_rules import Severity
from bootmap.facts.check_rules import RULES_BY_ID
from bootmap.facts.linux.downstream import DOWNSTREAM_PROPERTIES
from bootmap.inputs.cells import pairs, read_cells
from bootmap.inputs.fdt_writer import cells
from bootmap.units import MIB, PAGE_SIZE, PMD_SIZE, Span, align_down, align_up, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.boot.trace import Hazard
    from bootmap.checks.case import CheckCase
    from bootmap.inputs.fdt import Node, Property

_AREA = re.compile(r"(/reserved-memory/[^\s/,]+)")
_USERS = (
    ("ramoops", ("ramoops",), "ramoops"),
    ("a frame buffer", ("simple-framebuffer",), "the boot loader's frame buffer"),
)
"""Who uses memory that must be kept: compatible strings, and the name for people."""
_USER_NAMES = tuple(name.encode() for _, names, _ in _USERS for name in names)


def reserved_cells(case: CheckCase) -> Iterator[Finding]:
    """/reserved-memory whose cells are not the root's."""
    hazard = next((h for h in case.replay.hazards if h.id == "reserved-memory-ignored"), None)
    parent = case.tree.node("/reserved-memory") if case.tree is not None else None
    if hazard is None or parent is None:
        return
    found = tuple(
        int.from_bytes(prop.value[:4], "big") if (prop := parent.get(name)) else None
        for name in ("#address-cells", "#size-cells")
    )
    has = " and ".join(
        f"{name} = <{value}>" if value is not None else f"no {name}"
        for name, value in zip(("#address-cells", "#size-cells"), found, strict=True)
    )
    yield Finding(
        RULES_BY_ID["reserved-memory-ignored"],
        Severity.ERROR,
        "/reserved-memory is ignored as a whole",
        f"It has {has}{'' if parent.get('ranges') else ' and no ranges'}; the root has #address-cells = "
        f'<{case.cells.address}> and #size-cells = <{case.cells.size}>: the kernel prints "Reserved memory: '
        f'unsupported node format, ignoring", and every area in it is plain RAM.',
        (case.at_node(parent),),
        (_recelled(case, parent, found),),
        hazard=hazard,
    )


def _recelled(case: CheckCase, parent: Node, old: tuple[int | None, ...]) -> Change:
    """Give the node the root's cells, its children's numbers written anew."""
    address, size = case.cells.address, case.cells.size
    was = (old[0] if old[0] is not None else 2, old[1] if old[1] is not None else 1)
    edits: list[SetProperty] = [
        SetProperty(parent.path, "#address-cells", cells(address)),
        SetProperty(parent.path, "#size-cells", cells(size)),
        SetProperty(parent.path, "ranges", b""),
    ]
    for child in parent.children:
        rows: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = (
            ("reg", was, (address, size)),
            ("alloc-ranges", was, (address, size)),
            ("size", was[1:], (size,)),
            ("alignment", was[:1], (address,)),
        )
        for name, widths, new in rows:
            prop = child.get(name)
            if prop is None or was == (address, size):
                continue
            edits.append(SetProperty(child.path, name, _rewritten(prop.value, widths, new)))
    return Change(
        f"/reserved-memory: #address-cells = <{address}>; #size-cells = <{size}>; ranges;",
        "and its children's reg with as many cells",
        tuple(edits),
        recommended=True,
    )


def _rewritten(value: bytes, old: tuple[int, ...], new: tuple[int, ...]) -> bytes:
    out, at, row = b"", 0, sum(width for width in old)
    while row and at + row <= len(value) // 4:
        for width, wanted in zip(old, new, strict=True):
            out += (read_cells(value, at, width) & (1 << 32 * wanted) - 1).to_bytes(4 * wanted, "big")
            at += width
    return out


def outside_ram(case: CheckCase) -> Iterator[Finding]:
    """Areas where there is no RAM, and which address may have been meant."""
    for hazard in case.replay.hazards:
        if hazard.id != "reserved-area-outside-ram" or hazard.address is None:
            continue
        where = case.at_origin(hazard.origin)
        node = _node_of(case, hazard)
        changes: list[Change] = []
        meant = _meant(case, hazard.address)
        purpose = _on_purpose(case, hazard.address, node)
        quiet = hazard.address == 0 or node is None or purpose
        prop = node.get("reg") if node is not None else None
        beyond = all(bank.end <= hazard.address for bank in case.ram)
        if meant is not None and prop is not None and (not quiet or (beyond and hazard.address)):
            size = pairs(prop, case.cells.address, case.cells.size)[0].size
            change = _reg_change(case, prop, meant, size, "if RAM at the same offset was meant")
            changes.append(replace(change, unsure=purpose))
        title = f"{node.name} is not in RAM" if node is not None else "a reserved area is not in RAM"
        yield Finding(
            RULES_BY_ID["reserved-area-outside-ram"],
            Severity.NOTE if purpose else Severity.WARNING,
            title,
            f"{hazard.message}.",
            where,
            tuple(changes),
            hazard=hazard,
            address=hazard.address,
        )


def _on_purpose(case: CheckCase, address: int, node: Node | None) -> bool:
    """No-map areas of SRAM and firmware, and areas above RAM of which other boards have more."""
    if node is not None and node.get("no-map") is not None:
        return True
    return all(bank.end <= address for bank in case.ram)


def _meant(case: CheckCase, address: int) -> int | None:
    """The same offset in the RAM that there is: RAM windows of SoCs are as large as a power of two."""
    if len(case.ram) != 1:
        return None
    bank = case.ram[0]
    window = 1 << (bank.size - 1).bit_length()
    meant = bank.start + address % window
    return meant if meant in bank and meant != address else None


def area_changes(case: CheckCase, hazard: Hazard) -> Iterator[Change]:
    """Let the area that a hazard is about begin and end on 2 MiB."""
    node = _node_of(case, hazard)
    prop = node.get("reg") if node is not None else None
    if node is None or prop is None or not case.cells.address + case.cells.size:
        return
    entry = pairs(prop, case.cells.address, case.cells.size)[0]
    start, end = entry.base, entry.base + entry.size
    if hazard.id == "first-bank-unaligned":
        up = align_up(end, PMD_SIZE)
        yield _reg_change(
            case, prop, align_down(start, PMD_SIZE), up - align_down(start, PMD_SIZE), "a whole 2 MiB no-map"
        )
        yield Change(
            f"{node.path}: leave no-map out",
            "the area is reserved, but mapped",
            (SetProperty(node.path, "no-map", None),),
        )
    elif hazard.id == "lowmem-rounded":
        up, down = align_up(start, PMD_SIZE), align_down(start, PMD_SIZE)
        if up + PAGE_SIZE <= end:
            yield _reg_change(case, prop, up, end - up, f"it shrinks by {size_text(up - start)}")
        elif _free(case, Span(up, up + entry.size), node):
            yield _reg_change(case, prop, up, entry.size, "the area moved")
        yield _reg_change(case, prop, down, end - down, f"the lost {size_text(start - down)} become part of it")


def _free(case: CheckCase, span: Span, but: Node) -> bool:
    """Whether an area may be moved to ``span``: it is RAM, and no other area's."""
    return any(bank.start <= span.start and span.end <= bank.end for bank in case.ram) and not _taken(case, span, but)


def bank_changes(case: CheckCase, hazard: Hazard) -> Iterator[Change]:
    """Let the bank of RAM at the hazard's address begin on 2 MiB."""
    width = case.cells
    nodes = case.tree.root.walk() if case.tree is not None and width.address + width.size else ()
    for node in nodes:
        prop = node.get("reg")
        if prop is None or not node.is_memory:
            continue
        entries = [(entry.base, entry.size) for entry in pairs(prop, width.address, width.size)]
        for index, (base, size) in enumerate(entries):
            if base != hazard.address or not base % PMD_SIZE:
                continue
            up, down = align_up(base, PMD_SIZE), align_down(base, PMD_SIZE)
            for start, note in ((up, f"{size_text(up - base)} stay unused"), (down, "if the board has RAM there")):
                rows = [*entries[:index], (start, base + size - start), *entries[index + 1 :]]
                value = b"".join(cells(a, width=width.address) + cells(b, width=width.size) for a, b in rows)
                shown = " ".join(f"{a:#x} {b:#x}" for a, b in rows)
                edits = (SetProperty(prop.node, prop.name, value),)
                yield Change(f"{prop.node}: reg = <{shown}>", note, edits, recommended=start == up)


def _reg_change(
    case: CheckCase, prop: Property, base: int, size: int, note: str, *, recommended: bool = False
) -> Change:
    value = cells(base, width=case.cells.address) + cells(size, width=case.cells.size)
    return Change(
        f"{prop.node}: reg = <{base:#x} {size:#x}>",
        note,
        (SetProperty(prop.node, prop.name, value),),
        recommended=recommended,
    )


def _node_of(case: CheckCase, hazard: Hazard) -> Node | None:
    """The reserved area that a hazard's chain or message names."""
    texts = [link.text for link in hazard.origin.chain()] if hazard.origin is not None else []
    for text in (*texts, hazard.message):
        found = _AREA.search(text)
        if found is not None and case.tree is not None:
            node = case.tree.node(found[1].removesuffix("/reg"))
            if node is not None:
                return node
    parent = case.tree.node("/reserved-memory") if case.tree is not None else None
    for node in parent.children if parent is not None and hazard.id == "first-bank-unaligned" else ():
        prop = node.get("reg")
        entries = pairs(prop, case.cells.address, case.cells.size) if prop is not None else ()
        if node.get("no-map") is not None and any(entry.base + entry.size == hazard.address for entry in entries):
            return node
    return None


def overlaps(case: CheckCase) -> Iterator[Finding]:
    """Two areas that share bytes, also where this kernel does not look."""
    parent = case.tree.node("/reserved-memory") if case.tree is not None else None
    if parent is None or not case.cells.address + case.cells.size or _ignored(case):
        return
    areas = [
        (entry.base, entry.base + entry.size, node, prop)
        for node in parent.children
        if (prop := node.get("reg")) is not None and len(prop.value) % 4 == 0
        for entry in pairs(prop, case.cells.address, case.cells.size)
        if entry.size
    ]
    areas.sort(key=lambda row: row[:2])
    told = {h.address for h in case.replay.hazards if h.id == "reserved-memory-overlap"}
    for (start, end, one, _), (low, high, other, prop) in pairwise(areas):
        if end > low and one != other:
            span = Span(low, min(end, high))
            yield Finding(
                RULES_BY_ID["reserved-memory-overlap"],
                Severity.WARNING,
                "two reserved areas overlap",
                f"{one.name} and {other.name} overlap: {Span(start, end)} and {Span(low, high)} share {span}"
                f"{'' if low in told else '; the kernel does not say so'}. Both owners use the same bytes.",
                (case.at_property(prop), case.at_node(one)),
                address=low,
            )


def _ignored(case: CheckCase) -> bool:
    return any(hazard.id == "reserved-memory-ignored" for hazard in case.replay.hazards)


def not_reserved(case: CheckCase) -> Iterator[Finding]:
    """Nodes and parameters that use memory which nothing keeps."""
    for node, prop, span, what in _users(case):
        kept = _keeper(case, span)
        if kept or not any(span.overlaps(bank) for bank in case.ram):
            continue
        image = case.state.kernel_image
        inside = " It even lies in the kernel's own image." if span.overlaps(image) else ""
        yield Finding(
            RULES_BY_ID["area-not-reserved"],
            Severity.ERROR,
            f"the memory of {what} is still plain RAM",
            f"{node.path} uses {span}, but nothing in /reserved-memory keeps it: the kernel hands it out, and the "
            f"driver's ioremap() of RAM is refused.{inside}",
            (case.at_property(prop),),
            tuple(_keep(case, node, span)),
            address=span.start,
        )
    param = case.parameter("ramoops.mem_address") or case.parameter("ramoops.mem_addr")
    size = case.parameter("ramoops.mem_size")
    if param is not None and size is not None:
        start, length = (int(p.value or "0", 0) if (p.value or "").strip() else 0 for p in (param, size))
        span = Span(start, start + length)
        memmap = any(p.name == "memmap" for p in case.params)
        if length and any(span.overlaps(bank) for bank in case.ram) and not _keeper(case, span) and not memmap:
            yield Finding(
                RULES_BY_ID["area-not-reserved"],
                Severity.ERROR,
                "the memory of ramoops is still plain RAM",
                f"{param.text} and {size.text} name {span}, but nothing keeps it: the kernel hands it out.",
                (case.at_param(param),),
                tuple(_keep_area(case, "ramoops", span)),
                address=start,
            )


def elsewhere(case: CheckCase) -> Iterator[Finding]:
    """memory-region of a device that points to a node which is not in /reserved-memory."""
    if case.tree is None:
        return
    for node in case.tree.walk("memory-region"):
        prop = node.get("memory-region")
        for at in range(len(prop.value) // 4 if prop is not None and is_available(node) else 0):
            assert prop is not None
            target = case.tree.by_phandle(int.from_bytes(prop.value[4 * at : 4 * at + 4], "big"))
            if target is not None and not target.path.startswith("/reserved-memory/"):
                yield Finding(
                    RULES_BY_ID["area-not-reserved"],
                    Severity.ERROR,
                    f"the memory of {node.name} is still plain RAM",
                    f"{node.path} asks for the memory-region {target.path}, which is not a child of /reserved-memory: "
                    f"the kernel keeps nothing there.",
                    (case.at_property(prop, at),),
                    tuple(_keep_node(case, target)),
                )


def _users(case: CheckCase) -> Iterator[tuple[Node, Property, Span, str]]:
    if case.tree is None:
        return
    for node in case.tree.holding("compatible", *_USER_NAMES):
        kind, prop = node.get("compatible"), node.get("reg")
        if kind is None or prop is None or not is_available(node):
            continue
        names = kind.value.rstrip(b"\0").decode("latin-1").split("\0")
        what = next((text for _, known, text in _USERS if any(name in known for name in names)), None)
        if what is None or not case.cells.address + case.cells.size or node.path.startswith("/reserved-memory/"):
            continue
        for entry in pairs(prop, case.cells.address, case.cells.size):
            if entry.size:
                yield node, prop, Span(entry.base, entry.base + entry.size), what


def _keeper(case: CheckCase, span: Span) -> bool:
    """Whether the tree keeps all of a range: a reserved area or an entry of /memreserve/."""
    if case.tree is None:
        return False
    kept = [Span(row.address, row.address + row.size) for row in case.tree.reservations]
    parent = case.tree.node("/reserved-memory") if not _ignored(case) else None
    for node in parent.children if parent is not None else ():
        prop = node.get("reg")
        if prop is not None and case.cells.address + case.cells.size:
            kept += [Span(e.base, e.base + e.size) for e in pairs(prop, case.cells.address, case.cells.size)]
    return any(row.start <= span.start and span.end <= row.end for row in kept)


def _keep(case: CheckCase, node: Node, span: Span) -> Iterator[Change]:
    """Move the node into /reserved-memory, and out of the kernel's way where it is in it."""
    values = {name: prop.value for name, prop in node.properties.items()}
    for address, note in _places(case, span):
        values["reg"] = cells(address, width=case.cells.address) + cells(span.size, width=case.cells.size)
        path = f"/reserved-memory/{node.unit_name}@{address:x}"
        yield Change(
            f"move it to {path}" + ("" if address == span.start else f" {{ reg = <{address:#x} {span.size:#x}>; }}"),
            note,
            (DeleteNode(node.path), AddNode(path, tuple(values.items()))),
            recommended=True,
        )


def _keep_node(case: CheckCase, node: Node) -> Iterator[Change]:
    """The same for a child of the root that has one area."""
    prop = node.get("reg")
    if prop is None or node.depth != 1 or node.children or not case.cells.address + case.cells.size:
        return
    entries = [entry for entry in pairs(prop, case.cells.address, case.cells.size) if entry.size]
    if len(entries) == 1:
        yield from _keep(case, node, Span(entries[0].base, entries[0].base + entries[0].size))


def _keep_area(case: CheckCase, name: str, span: Span) -> Iterator[Change]:
    for address, note in _places(case, span):
        if address == span.start:
            reg = cells(address, width=case.cells.address) + cells(span.size, width=case.cells.size)
            path = f"/reserved-memory/{name}@{address:x}"
            text = f"add {path} {{ reg = <{address:#x} {span.size:#x}>; }}"
            yield Change(text, note, (AddNode(path, (("reg", reg),)),))


def _places(case: CheckCase, span: Span) -> Iterator[tuple[int, str]]:
    """Where the area may be: where it is, or at the end of RAM where the kernel is there."""
    image = Span(case.state.handover.phys_offset, align_up(case.state.kernel_image.end, MIB))
    if not span.overlaps(image):
        yield span.start, "as a child of /reserved-memory it is kept"
        return
    bank = max(case.ram, key=lambda row: row.size, default=None)
    if bank is None:
        return
    address = align_down(min(bank.end, case.lowmem_end or bank.end) - span.size, MIB)
    while address > image.end and _taken(case, Span(address, address + span.size)):
        address -= MIB
    if address > image.end:
        yield address, f"clear of the kernel, {image}"


def _taken(case: CheckCase, span: Span, but: Node | None = None) -> bool:
    parent = case.tree.node("/reserved-memory") if case.tree is not None else None
    for node in parent.children if parent is not None else ():
        prop = node.get("reg")
        if (
            node is not but
            and prop is not None
            and any(
                Span(e.base, e.base + e.size).overlaps(span) for e in pairs(prop, case.cells.address, case.cells.size)
            )
        ):
            return True
    return False


def misplaced(case: CheckCase) -> Iterator[Finding]:
    """Nodes that reserve memory by their properties, but not where the kernel looks; and vendors' properties."""
    if case.tree is None:
        return
    pools = set(case.tree.holding("compatible", b"shared-dma-pool"))
    marked = set(case.tree.walk("no-map", "reusable", *DOWNSTREAM_PROPERTIES))
    for node in sorted(pools | marked, key=lambda each: each.offset):
        pool = node in pools
        if node.path.startswith("/reserved-memory"):
            continue
        flagged = [name for name in ("no-map", "reusable") if node.get(name) is not None]
        downstream = [name for name in DOWNSTREAM_PROPERTIES if node.get(name) is not None]
        if (pool or flagged) and (node.get("reg") or node.get("size")):
            named = " and ".join([*flagged, *(["shared-dma-pool"] if pool else [])])
            yield Finding(
                RULES_BY_ID["reserved-node-misplaced"],
                Severity.WARNING,
                f"{node.name} reserves nothing",
                f"{node.path} has {named}, which the kernel reads in children of /reserved-memory of the root only: "
                f"its memory is plain RAM.",
                (case.at_node(node),),
                tuple(_keep_node(case, node)),
                address=None,
            )
        for name in downstream:
            prop, (whose, instead) = node.get(name), DOWNSTREAM_PROPERTIES[name]
            if prop is not None:
                yield Finding(
                    RULES_BY_ID["downstream-property"],
                    Severity.NOTE,
                    f"{name} is ignored",
                    f"{node.path}: {whose}; this kernel does not know it. {instead}",
                    (case.at_property(prop),),
                )
