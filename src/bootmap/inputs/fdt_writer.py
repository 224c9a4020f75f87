"""Writing flattened device trees: for boards that fuzz makes up, and for what verify adds to a board that it is given.

    header | memory reservation block | structure block | strings block          version 17, all big-endian

Source: Devicetree Specification 0.4 chapter 5.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bootmap.inputs.fdt import Fdt
    from bootmap.inputs.fdt import Node as ReadNode

_MAGIC, _VERSION, _COMPATIBLE = 0xD00DFEED, 17, 16
_BEGIN_NODE, _END_NODE, _PROP, _END = 1, 2, 3, 9
_HEADER = struct.Struct(">10I")


class MadeNode(Struct):
    """A node to be written: properties by name, in order, with their raw values; and the nodes below it."""

    name: str = ""
    properties: dict[str, bytes] = field(default_factory=dict)
    children: list[MadeNode] = field(default_factory=list)

    def add(self, name: str, properties: dict[str, bytes] | None = None) -> MadeNode:
        """A new node below this one."""
        child = MadeNode(name, dict(properties or {}))
        self.children.append(child)
        return child

    def child(self, name: str) -> MadeNode:
        """The node ``name`` below this one, made where there is none."""
        return next((node for node in self.children if node.name == name), None) or self.add(name)


def text(value: str) -> bytes:
    """A string property's value."""
    return value.encode("latin-1") + b"\0"


def cells(*values: int, width: int = 1) -> bytes:
    """Numbers of ``width`` cells each."""
    return b"".join(value.to_bytes(4 * width, "big") for value in values)


def editable(tree: Fdt) -> MadeNode:
    """A copy of a tree that was read, to be changed and written again."""

    def copy(node: ReadNode) -> MadeNode:
        values = {name: prop.value for name, prop in node.properties.items()}
        return MadeNode(node.name, values, [copy(child) for child in node.children])

    return copy(tree.root)


def flatten(root: MadeNode, reservations: Iterable[Sequence[int]] = (), *, boot_cpu: int = 0) -> bytes:
    """The blob of the tree ``root`` with ``reservations``, rows of (address, size) in bytes."""
    strings = bytearray()
    offsets: dict[str, int] = {}
    out = bytearray()

    def name_at(name: str) -> int:
        if name not in offsets:
            offsets[name] = len(strings)
            strings.extend(text(name))
        return offsets[name]

    def write(node: MadeNode) -> None:
        out.extend(struct.pack(">I", _BEGIN_NODE) + _padded(text(node.name)))
        for name, value in node.properties.items():
            out.extend(struct.pack(">3I", _PROP, len(value), name_at(name)) + _padded(value))
        for child in node.children:
            write(child)
        out.extend(struct.pack(">I", _END_NODE))

    write(root)
    out.extend(struct.pack(">I", _END))
    reserved = b"".join(struct.pack(">QQ", *row[:2]) for row in [*reservations, (0, 0)])
    structure_at = _HEADER.size + len(reserved)
    strings_at = structure_at + len(out)
    header = _HEADER.pack(
        _MAGIC,
        strings_at + len(strings),
        structure_at,
        strings_at,
        _HEADER.size,
        _VERSION,
        _COMPATIBLE,
        boot_cpu,
        len(strings),
        len(out),
    )
    return header + reserved + bytes(out) + bytes(strings)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def source(root: MadeNode, reservations: Iterable[Sequence[int]] = ()) -> str:
    """The tree ``root`` as device tree source; what is neither text nor cells stands as bytes."""
    lines = ["/dts-v1/;"]
    lines += [f"/memreserve/ {address:#x} {size:#x};" for address, size, *_ in reservations if size]

    def write(node: MadeNode, indent: str) -> None:
        lines.append(f"{indent}{node.name or '/'} {{")
        for name, value in node.properties.items():
            lines.append(f"{indent}\t{name}{_value(value)};")
        for child in node.children:
            write(child, indent + "\t")
        lines.append(f"{indent}}};")

    write(root, "")
    return "\n".join(lines) + "\n"


def _value(data: bytes) -> str:
    if not data:
        return ""
    parts = data[:-1].split(b"\0")
    if data[-1] == 0 and all(part and all(32 <= byte < 127 and byte not in b'"\\' for byte in part) for part in parts):
        return " = " + ", ".join(f'"{part.decode()}"' for part in parts)
    if len(data) % 4 == 0:
        return f" = <{' '.join(f'{word:#x}' for (word,) in struct.iter_unpack('>I', data))}>"
    return f" = [{data.hex(' ')}]"
