"""Device trees for the tests, written from plain values: a structure block, its strings, nothing else.

The format is that of the Devicetree Specification 0.4, chapter 5, version 17.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

BEGIN_NODE, END_NODE, PROP, END = 1, 2, 3, 9


@dataclass
class Node:
    """One node: its name, properties as bytes, and children."""

    name: str = ""
    properties: dict[str, bytes] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)

    def add(self, name: str, **properties: bytes) -> Node:
        """A new child; ``a_b`` as the name of a property stands for ``a-b``, ``a__b`` for ``a,b``."""
        spelled = {key.replace("__", ",").replace("_", "-"): value for key, value in properties.items()}
        if "device-type" in spelled:
            spelled["device_type"] = spelled.pop("device-type")
        self.children.append(Node(name, spelled))
        return self.children[-1]


def source(node: Node) -> str:
    """The tree on one line, in the manner of device tree source, for messages."""
    words = []
    for name, value in node.properties.items():
        if value and value[-1] == 0 and value[:-1].isascii() and value[:-1].replace(b"\0", b"").decode().isprintable():
            words.append(f'{name}="{value[:-1].decode()}";')
        elif value:
            words.append(f"{name}=<{' '.join(hex(number) for (number,) in struct.iter_unpack('>I', value))}>;")
        else:
            words.append(f"{name};")
    words += [source(child) for child in node.children]
    return f"{node.name or '/'} {{{' '.join(words)}}};"


def cells(*values: int) -> bytes:
    """32-bit cells."""
    return struct.pack(f">{len(values)}I", *values)


def numbers(width: int, *values: int) -> bytes:
    """Numbers of ``width`` cells each."""
    return b"".join((value & (1 << 32 * width) - 1).to_bytes(4 * width, "big") for value in values)


def text(*values: str) -> bytes:
    """Strings, each with its terminator."""
    return b"".join(value.encode() + b"\0" for value in values)


def blob(root: Node, memreserve: list[tuple[int, int]] | None = None) -> bytes:
    """The device tree as a file."""
    strings = bytearray()
    places: dict[str, int] = {}

    def name_at(name: str) -> int:
        if name not in places:
            places[name] = len(strings)
            strings.extend(text(name))
        return places[name]

    def padded(raw: bytes) -> bytes:
        return raw + bytes(-len(raw) % 4)

    def node(this: Node) -> bytes:
        parts = [cells(BEGIN_NODE), padded(text(this.name))]
        for name, value in this.properties.items():
            parts.append(cells(PROP, len(value), name_at(name)) + padded(value))
        parts += [node(child) for child in this.children]
        return b"".join([*parts, cells(END_NODE)])

    structure = node(root) + cells(END)
    reserved = b"".join(struct.pack(">QQ", *entry) for entry in [*(memreserve or []), (0, 0)])
    at_structure = 40 + len(reserved)
    at_strings = at_structure + len(structure)
    total = at_strings + len(strings)
    header = cells(0xD00DFEED, total, at_structure, at_strings, 40, 17, 16, 0, len(strings), len(structure))
    return header + reserved + structure + bytes(strings)


def board(banks: list[tuple[int, int]], *, width: int = 1, bootargs: str = "", cpu: str = "arm,cortex-a15") -> Node:
    """The tree of a board with these banks (start, bytes); addresses and sizes have ``width`` cells."""
    root = Node(
        "",
        {
            "#address-cells": cells(width),
            "#size-cells": cells(width),
            "model": text("a board of the tests"),
            "compatible": text("bootmap,test"),
        },
    )
    root.add("chosen", bootargs=text(bootargs))
    cpus = root.add("cpus", **{"#address-cells": cells(1), "#size-cells": cells(0)})
    cpus.add("cpu@0", device_type=text("cpu"), compatible=text(cpu), reg=cells(0))
    for start, size in banks:
        root.add(f"memory@{start:x}", device_type=text("memory"), reg=numbers(width, start, size))
    return root


def reserved_memory(root: Node, width: int = 1) -> Node:
    """The node /reserved-memory, with the cells that the kernel asks for."""
    size = {"#address-cells": cells(width), "#size-cells": cells(width)}
    root.children.append(Node("reserved-memory", {**size, "ranges": b""}))
    return root.children[-1]


def chosen(root: Node) -> Node:
    """The node /chosen."""
    return next(child for child in root.children if child.name == "chosen")
