"""Flattened device trees: from bytes to nodes and properties that know their byte offset in the file.

The reader accepts no more than libfdt's ``fdt_check_full`` does, and builds the tree that libfdt's functions
walk.  It refuses a little more, because a prediction must not rest on what readers disagree about:

- a tree without a root, or with NOPs before it; a property outside a node or after a child node;
- names that are not printable ASCII, empty node names or such with a "/";
- property names behind the strings block of version 16; blocks not aligned as the specification asks;
- depth over 64, blobs over 2 MiB (the kernel maps two sections for the blob), more than 4096 reservations.

Deliberately not here: the meaning of properties (``cells.py``, ``boot/``), overlays, device tree source.

Source: Devicetree Specification 0.4 chapter 5; libfdt fdt.c, fdt_ro.c, fdt_check.c; FDT_MAX_DEPTH in
drivers/of/fdt.c; FDT_FIXED_SIZE in arch/arm/include/asm/fixmap.h.
"""

from __future__ import annotations

import re
import struct
import sys
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from bootmap.errors import FdtError
from bootmap.units import MIB, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = 0xD00DFEED
MAX_DEPTH = 64
MAX_SIZE = 2 * MIB
MOST_RESERVATIONS = 4096

_FIRST_VERSION, _LAST_VERSION = 16, 17
_BEGIN_NODE, _END_NODE, _PROP, _NOP, _END = 1, 2, 3, 4, 9

# version -> header fields, all big-endian u32 (Devicetree Specification 5.2)
_HEADER_V16 = struct.Struct(">9I")
_HEADER_SIZE = {16: 36, 17: 40}
_RESERVATION = struct.Struct(">QQ")
_NODE_NAME = re.compile(rb"[ -.0-~]+\0")
"""A name that a node below the root may have, with its end: printable ASCII without a "/"."""
_NO_NAME = re.compile(rb"\0")
_LONGEST_SHOWN = 128  # characters; the specification allows 31, and a unit address


class Reservation(NamedTuple):
    """One entry of the memory reservation block: bytes ``[address, address + size)``, read at ``offset``."""

    address: int
    size: int
    offset: int


@dataclass(slots=True, eq=False, repr=False)
class Property:
    """A property: its raw value and where it stands.  To be treated as read-only.

    Attributes:
        name: the property's name.
        value: the raw bytes.
        offset: byte offset of the value in the file; cell ``i`` is at ``offset + 4 * i``.
        owner: the node that holds it.
    """

    name: str
    value: bytes
    offset: int
    owner: Node

    @property
    def node(self) -> str:
        """Path of the node that holds it."""
        return self.owner.path

    def __repr__(self) -> str:
        return f"<Property {self.name} of {self.node}, {len(self.value)} bytes at {self.offset:#x}>"

    def cells(self) -> tuple[int, ...]:
        """The value as big-endian u32 cells.

        Raises:
            FdtError: the length is not a multiple of 4.
        """
        if len(self.value) % 4:
            self.fail(f"length is {len(self.value)} bytes, expected a multiple of 4")
        return struct.unpack(f">{len(self.value) // 4}I", self.value)

    def string(self) -> str:
        """The first NUL-terminated string of the value; bytes above 127 read as Latin-1, one character each.

        Raises:
            FdtError: there is no NUL.
        """
        text, nul, _ = self.value.partition(b"\0")
        if not nul:
            self.fail("is not a string: no terminating NUL")
        return text.decode("latin-1")

    def strings(self) -> tuple[str, ...]:
        """All strings of a string list such as ``compatible``.

        Raises:
            FdtError: the last string has no NUL.
        """
        if not self.value:
            return ()
        if self.value[-1]:
            self.fail("is not a string list: no terminating NUL")
        return tuple(self.value[:-1].decode("latin-1").split("\0"))

    def fail(self, message: str, at: int = 0) -> NoReturn:
        """Raise the FdtError that says ``message`` about this property, at byte ``at`` of its value."""
        raise FdtError(f"'{self.name}' of {self.node}: {message}", offset=self.offset + at)


class _Columns:
    """The nodes of a tree as columns, a row each in file order; what `Node` looks at.

    Values and names of properties stay bytes of the blob until somebody asks, and no row refers to another but by its
    number: a tree of thousands of nodes is a dozen objects, without circles.

    Attributes:
        data: the blob.
        base: where the structure block begins.
        words: the structure block's cells.
        offsets: byte offset of each node's FDT_BEGIN_NODE token.
        parents: number of the node above; -1 for the root.
        depths: 0 for the root.
        ends: number behind the last node below.
        properties: by name, the index in ``words`` of the FDT_PROP token.
    """

    __slots__ = ("base", "data", "depths", "ends", "offsets", "parents", "properties", "words")

    def __init__(self, data: bytes, base: int, words: array[int]) -> None:
        self.data, self.base, self.words = data, base, words
        self.offsets: list[int] = []
        self.parents: list[int] = []
        self.depths: list[int] = []
        self.ends: list[int] = []
        self.properties: list[dict[str, int]] = []

    def name(self, row: int) -> str:
        start = self.offsets[row] + 4
        return self.data[start : self.data.index(0, start)].decode("latin-1")

    def children(self, row: int) -> Iterator[int]:
        """The rows of a node's children."""
        ends, child, end = self.ends, row + 1, self.ends[row]
        while child < end:
            yield child
            child = ends[child]


class Node:
    """A node: its name, its place and what it holds.  To be treated as read-only.

    One that is asked for twice is two objects, which are equal.
    """

    __slots__ = ("_columns", "_row")

    def __init__(self, columns: _Columns, row: int) -> None:
        self._columns, self._row = columns, row

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self._row == other._row and self._columns is other._columns

    def __hash__(self) -> int:
        return hash((id(self._columns), self._row))

    @property
    def name(self) -> str:
        """The name with its unit address, "" for the root."""
        return self._columns.name(self._row)

    @property
    def offset(self) -> int:
        """Byte offset of the node's FDT_BEGIN_NODE token in the file."""
        return self._columns.offsets[self._row]

    @property
    def depth(self) -> int:
        """0 for the root."""
        return self._columns.depths[self._row]

    @property
    def parent(self) -> Node | None:
        """The node above, None for the root."""
        above = self._columns.parents[self._row]
        return Node(self._columns, above) if above >= 0 else None

    @property
    def properties(self) -> dict[str, Property]:
        """By name, in file order; of two with one name the first, as libfdt finds it."""
        places = self._columns.properties[self._row]
        return {name: self._property(name, at) for name, at in places.items()}

    @property
    def children(self) -> list[Node]:
        """In file order."""
        columns = self._columns
        return [Node(columns, row) for row in columns.children(self._row)]

    @property
    def path(self) -> str:
        """The full path, "/" for the root; of names far longer than real ones only both ends.

        Made when asked for: one name of a megabyte may stand on the paths of a hundred thousand nodes.
        """
        names = []
        columns, row = self._columns, self._row
        while row:
            name = columns.name(row)
            names.append(f"{name[:32]}...{name[-32:]}" if len(name) > _LONGEST_SHOWN else name)
            row = columns.parents[row]
        return "/" + "/".join(reversed(names))

    def __repr__(self) -> str:
        return f"<Node {self.path} at {self.offset:#x}>"

    def _property(self, name: str, at: int) -> Property:
        columns = self._columns
        start = columns.base + 4 * at + 12
        return Property(name, columns.data[start : start + columns.words[at + 1]], start, self)

    def get(self, name: str) -> Property | None:
        """The property of that name, or None."""
        at = self._columns.properties[self._row].get(name)
        return self._property(name, at) if at is not None else None

    def walk(self, *having: str) -> Iterator[Node]:
        """This node and all below it, in file order (parents before children).

        Args:
            having: names of properties; given some, only nodes that have one of them.
        """
        columns = self._columns
        first, end = self._row, columns.ends[self._row]
        if not having:
            return (Node(columns, row) for row in range(first, end))
        apart = set(having).isdisjoint
        return iter([Node(columns, row) for row in range(first, end) if not apart(columns.properties[row])])

    @property
    def unit_name(self) -> str:
        """The name up to, and without, the "@"."""
        return self.name.partition("@")[0]

    @property
    def unit_address(self) -> str | None:
        """The text after the "@", None where there is no "@"."""
        _, at, address = self.name.partition("@")
        return address if at else None

    def child(self, name: str) -> Node | None:
        """The first child of that name; a name without "@" also matches one with any unit address."""
        columns, wanted = self._columns, name.encode("latin-1", "replace")
        ends = (b"\0",) if b"@" in wanted else (b"\0", b"@")
        starts = tuple(wanted + end for end in ends)
        for row in columns.children(self._row):
            if columns.data.startswith(starts, columns.offsets[row] + 4):
                return Node(columns, row)
        return None


@dataclass(slots=True, eq=False, repr=False)
class Fdt:
    """A whole blob, parsed.  To be treated as read-only.

    Attributes:
        version: the header's version, 16 or newer.
        last_comp_version: the oldest version that its readers may be made for.
        totalsize: the header's size of the blob in bytes.
        boot_cpuid_phys: the physical id of the boot CPU.
        reservations: the memory reservation block, without its terminator.
        root: the node "/".
        data: the ``totalsize`` bytes that were parsed.
    """

    version: int
    last_comp_version: int
    totalsize: int
    boot_cpuid_phys: int
    reservations: tuple[Reservation, ...]
    root: Node
    data: bytes
    _phandles: dict[int, Node] | None = None

    def __repr__(self) -> str:
        return f"<Fdt version {self.version}, {self.totalsize} bytes>"

    def node(self, path: str) -> Node | None:
        """The node at ``path``, or None; found as libfdt's ``fdt_path_offset`` does.

        Each component may leave out its unit address ("/memory" finds the first "/memory@...").  A path
        that does not begin with "/" begins with an alias, looked up in /aliases.
        """
        if not path.startswith("/"):
            alias, _, rest = path.partition("/")
            aliases = self.root.child("aliases")
            target = aliases.get(alias) if aliases else None
            if target is None or not target.value.startswith(b"/") or not target.value.endswith(b"\0"):
                return None
            path = f"{target.string()}/{rest}"
        node: Node | None = self.root
        for name in path.split("/"):
            if name and node is not None:
                node = node.child(name)
        return node

    def by_phandle(self, phandle: int) -> Node | None:
        """The first node with that phandle ("phandle", else "linux,phandle"), or None.

        0 and 0xffffffff are no phandles.  Source: libfdt ``fdt_node_offset_by_phandle``.
        """
        if self._phandles is None:
            found: dict[int, Node] = {}
            for node in self.root.walk("phandle", "linux,phandle"):
                for name in ("phandle", "linux,phandle"):
                    prop = node.get(name)
                    if prop is not None and len(prop.value) == 4:
                        found.setdefault(int.from_bytes(prop.value, "big"), node)
                        break
            found.pop(0, None)
            found.pop(0xFFFFFFFF, None)
            self._phandles = found
        return self._phandles.get(phandle)

    def walk(self, *having: str) -> Iterator[Node]:
        """Every node in file order; given names of properties, those that have one of them."""
        return self.root.walk(*having)


class _Header(NamedTuple):
    """The blob's header, checked: every block lies inside ``totalsize``."""

    totalsize: int
    struct_at: int
    struct_end: int
    strings_at: int
    strings_end: int
    reserve_at: int
    version: int
    last_comp_version: int
    boot_cpuid_phys: int


def is_fdt(data: bytes) -> bool:
    """Whether ``data`` begins with a device tree blob's magic."""
    return data[:4] == MAGIC.to_bytes(4, "big")


def parse(data: bytes, limit: int = MAX_SIZE) -> Fdt:
    """Read a device tree blob of at most ``limit`` bytes; what follows its ``totalsize`` bytes is ignored.

    Raises:
        FdtError: the blob is malformed or beyond the bounds; ``offset`` says where.
    """
    header = _parse_header(data, limit)
    data = bytes(data[: header.totalsize])
    reservations = _parse_reservations(data, header)
    root = _parse_structure(data, header)
    return Fdt(
        version=header.version,
        last_comp_version=header.last_comp_version,
        totalsize=header.totalsize,
        boot_cpuid_phys=header.boot_cpuid_phys,
        reservations=reservations,
        root=root,
        data=data,
    )


def _parse_header(data: bytes, limit: int) -> _Header:
    if len(data) < _HEADER_V16.size:
        raise FdtError(f"a device tree blob's header has {_HEADER_V16.size} bytes, found {len(data)}", offset=0)
    magic, total, struct_at, strings_at, reserve_at, version, last_comp, boot_cpu, strings_size = (
        _HEADER_V16.unpack_from(data)
    )
    if magic != MAGIC:
        raise FdtError(f"magic is {magic:#010x}, expected {MAGIC:#010x}", offset=0)
    if version < _FIRST_VERSION or last_comp > _LAST_VERSION or last_comp > version:
        raise FdtError(f"version is {version}, compatible back to {last_comp}; expected version 16 or 17", offset=20)
    header_size = _HEADER_SIZE[min(version, _LAST_VERSION)]
    if total > limit:
        raise FdtError(f"totalsize is {total:#x}, the limit is {size_text(limit)}", offset=4)
    if total < header_size:
        raise FdtError(f"totalsize is {total}, less than the header's {header_size} bytes", offset=4)
    if total > len(data):
        raise FdtError(f"totalsize is {total:#x}, the file has only {len(data):#x} bytes", offset=4)
    struct_end = total
    if version >= 17:
        struct_end = struct_at + int.from_bytes(data[36:40], "big")
    strings_end = strings_at + strings_size
    # (block, start, end, alignment by the specification, where the header says so)
    for block, start, end, alignment, at in (
        ("memory reservation", reserve_at, reserve_at, 8, 16),
        ("structure", struct_at, struct_end, 4, 8),
        ("strings", strings_at, strings_end, 1, 12),
    ):
        if not header_size <= start <= end <= total:
            raise FdtError(
                f"{block} block is [{start:#x}, {end:#x}), expected inside [{header_size:#x}, {total:#x})",
                offset=at,
            )
        if start % alignment:
            raise FdtError(f"{block} block at {start:#x} is not aligned to {alignment} bytes", offset=at)
    return _Header(total, struct_at, struct_end, strings_at, strings_end, reserve_at, version, last_comp, boot_cpu)


def _parse_reservations(data: bytes, header: _Header) -> tuple[Reservation, ...]:
    """The entries up to the first whose size is 0, whatever its address (libfdt ``fdt_num_mem_rsv``)."""
    found: list[Reservation] = []
    at = header.reserve_at
    while at + _RESERVATION.size <= header.totalsize:
        address, size = _RESERVATION.unpack_from(data, at)
        if size == 0:
            return tuple(found)
        found.append(Reservation(address, size, at))
        if len(found) > MOST_RESERVATIONS:
            raise FdtError(f"memory reservation block has more than {MOST_RESERVATIONS} entries", offset=at)
        at += _RESERVATION.size
    raise FdtError("memory reservation block has no terminating entry", offset=header.reserve_at)


def _parse_structure(data: bytes, header: _Header) -> Node:
    """The tree's root.  One flat loop over the block's tokens: this is where parsing time goes."""
    base = header.struct_at
    count = (header.struct_end - base) // 4
    words = _cells(data[base : base + 4 * count])
    columns = _Columns(data, base, words)
    names: dict[int, str] = {}  # offset in the strings block -> name
    node = -1  # row of the innermost open node
    properties: dict[str, int] | None = None  # of that node, None where no property may stand
    at = 0  # index into words
    while at < count:
        tag = words[at]
        if tag == _PROP:
            behind = at + 3 + ((words[at + 1] + 3) >> 2) if at + 2 < count else count + 1
            if properties is None or behind > count:
                _no_property(columns, node, at)
            name = names.get(words[at + 2], "")
            if not name:
                name = names[words[at + 2]] = _property_name(data, header, words[at + 2], base + 4 * at + 8)
            if name not in properties:
                properties[name] = at
            at = behind
        elif tag == _BEGIN_NODE:
            match = _NODE_NAME.match(data, base + 4 * at + 4, base + 4 * count)
            if match is None or node < 0:
                match = _root_name(columns, node, at)
            properties = _open_node(columns, node, base + 4 * at)
            node = len(columns.offsets) - 1
            at = (match.end() - base + 3) >> 2
        elif tag == _END_NODE and node >= 0:
            columns.ends[node] = len(columns.offsets)
            node = columns.parents[node]
            properties = None
            at += 1
        elif tag == _NOP and node >= 0:
            at += 1
        elif tag == _END and node < 0 and columns.offsets:
            return Node(columns, 0)
        else:
            _no_token(columns, node, at)
    raise FdtError("structure block has no end token", offset=base + 4 * count)


def _cells(block: bytes) -> array[int]:
    """The big-endian cells of a block, as numbers."""
    words = array("I" if array("I").itemsize == 4 else "L")
    words.frombytes(block)
    if sys.byteorder == "little":
        words.byteswap()
    return words


def _open_node(columns: _Columns, parent: int, offset: int) -> dict[str, int]:
    """Add a node's row; its properties, of which it has none yet."""
    depth = columns.depths[parent] + 1 if parent >= 0 else 0
    if depth >= MAX_DEPTH:
        raise FdtError(f"nodes are nested deeper than {MAX_DEPTH}", offset=offset)
    properties: dict[str, int] = {}
    columns.offsets.append(offset)
    columns.parents.append(parent)
    columns.depths.append(depth)
    columns.ends.append(0)
    columns.properties.append(properties)
    return properties


def _property_name(data: bytes, header: _Header, name_at: int, offset: int) -> str:
    start = header.strings_at + name_at
    end = data.find(0, start, header.strings_end) if start < header.strings_end else -1
    if end < 0:
        raise FdtError(
            f"property name at {name_at:#x} does not end inside the strings block "
            f"of {header.strings_end - header.strings_at:#x} bytes",
            offset=offset,
        )
    return _ascii(data[start:end], "property name", start)


def _no_property(columns: _Columns, node: int, at: int) -> NoReturn:
    """Say why no property may stand at word ``at``."""
    words, offset = columns.words, columns.base + 4 * at
    path = Node(columns, node).path if node >= 0 else ""
    if node < 0 or columns.offsets[node] != columns.offsets[-1]:
        raise FdtError(f"property {f'after a child node in {path}' if path else 'outside of any node'}", offset=offset)
    if at + 3 > len(words):
        raise FdtError(f"structure block ends inside a property of {path}", offset=offset)
    left = 4 * (len(words) - at - 3)
    raise FdtError(
        f"property of {path} has {words[at + 1]:#x} bytes, the structure block ends after {left:#x}", offset=offset + 4
    )


def _root_name(columns: _Columns, node: int, at: int) -> re.Match[bytes]:
    """The root's empty name; or say what is wrong with a name."""
    start, limit = columns.base + 4 * at + 4, columns.base + 4 * len(columns.words)
    end = columns.data.find(0, start, limit)
    if end < 0:
        raise FdtError("node name has no terminating NUL", offset=start)
    name = _ascii(columns.data[start:end], "node name", start)
    if node >= 0:
        raise FdtError(f"node of {Node(columns, node).path} is named {name!r}", offset=start)
    if columns.offsets:
        raise FdtError("second root node", offset=start - 4)
    match = _NO_NAME.match(columns.data, start)
    if match is None:
        raise FdtError(f"root node is named {name!r}, expected an empty name", offset=start)
    return match


def _no_token(columns: _Columns, node: int, at: int) -> NoReturn:
    """Say why the token at word ``at`` may not stand there."""
    tag, offset = columns.words[at], columns.base + 4 * at
    if tag == _END_NODE:
        raise FdtError("node ends where none is open", offset=offset)
    if tag == _END and node >= 0:
        raise FdtError(f"structure block ends inside {Node(columns, node).path}", offset=offset)
    if tag == _END:
        raise FdtError("tree has no root node", offset=offset)
    if tag != _NOP:
        raise FdtError(f"unknown token {tag:#x} in the structure block", offset=offset)
    if not columns.offsets:  # libfdt and the kernel take offset 0 of the block for the root
        raise FdtError("structure block begins with a NOP, expected the root node", offset=offset)
    raise FdtError("token after the root node, expected the end of the structure block", offset=offset)


def _ascii(raw: bytes, what: str, offset: int) -> str:
    text = raw.decode("latin-1")
    if text.isascii() and text.isprintable():
        return text
    raise FdtError(f"{what} {raw!r} is not printable ASCII", offset=offset)
