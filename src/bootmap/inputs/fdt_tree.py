"""A device tree as it is asked: nodes and properties that know their byte offset in the file.

The reader is in ``fdt.py``.  The tree is a dozen columns (``fdt_columns.py``); nodes and properties are made of them
when asked for.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from msgspec import Struct
from msgspec.structs import replace

from bootmap.errors import FdtError

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from bootmap.inputs.fdt_columns import Columns

_LONGEST_SHOWN = 128  # characters; the specification allows 31, and a unit address


class Reservation(NamedTuple):
    """One entry of the memory reservation block: bytes ``[address, address + size)``, read at ``offset``."""

    address: int
    size: int
    offset: int


class Property(Struct, eq=False):
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


class Node:
    """A node: its name, its place and what it holds.  To be treated as read-only.

    One that is asked for twice is two objects, which are equal.
    """

    __slots__ = ("_columns", "_row")

    def __init__(self, columns: Columns, row: int) -> None:
        self._columns, self._row = columns, row

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self._row == other._row and self._columns is other._columns

    def __hash__(self) -> int:
        return self._row

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
        parents, row, depth = self._columns.parents, self._row, 0
        while row:
            row = parents[row]
            depth += 1
        return depth

    @property
    def parent(self) -> Node | None:
        """The node above, None for the root."""
        above = self._columns.parents[self._row]
        return Node(self._columns, above) if above >= 0 else None

    @property
    def is_memory(self) -> bool:
        """Whether ``device_type`` is "memory", as the kernel compares it: up to its first 0."""
        kind = self.value("device_type")
        return kind is not None and kind.split(b"\0", 1)[0] == b"memory"

    @property
    def properties(self) -> dict[str, Property]:
        """By name, in file order; of two with one name the first, as libfdt finds it."""
        places = self._columns.properties_of(self._row)
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
        at = self._columns.token(self._row, name)
        return self._property(name, at) if at is not None else None

    def value(self, name: str) -> bytes | None:
        """The bytes of the property of that name, where nothing else of it is wanted; None without one."""
        columns = self._columns
        at = columns.token(self._row, name)
        if at is None:
            return None
        start = columns.base + 4 * at + 12
        return columns.data[start : start + columns.words[at + 1]]

    def walk(self, *having: str) -> Iterator[Node]:
        """This node and all below it, in file order (parents before children).

        Args:
            having: names of properties; given some, only nodes that have one of them.
        """
        columns = self._columns
        first, end = self._row, columns.ends[self._row]
        rows = columns.having(having) if having else range(first, end)
        return (Node(columns, row) for row in rows if first <= row < end)

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


class Fdt(Struct, eq=False):
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
    _paths: dict[str, Node | None] = {}

    def __repr__(self) -> str:
        return f"<Fdt version {self.version}, {self.totalsize} bytes>"

    def node(self, path: str) -> Node | None:
        """The node at ``path``, or None; found as libfdt's ``fdt_path_offset`` does.

        Each component may leave out its unit address ("/memory" finds the first "/memory@...").  A path
        that does not begin with "/" begins with an alias, looked up in /aliases.
        """
        if path not in self._paths:
            self._paths[path] = self._found(path)
        return self._paths[path]

    def _found(self, path: str) -> Node | None:
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

    def with_cells(self, prop: Property, value: bytes) -> Fdt:
        """The same tree with other whole cells, as many as before, in one of its properties."""
        assert len(value) == len(prop.value)
        columns = self.root._columns.patched(prop.offset, value)
        return replace(self, root=Node(columns, 0), data=columns.data, _phandles=None, _paths={})

    def walk(self, *having: str) -> Iterator[Node]:
        """Every node in file order; given names of properties, those that have one of them."""
        return self.root.walk(*having)

    def values(self, name: str, below: Container[int] | None = None) -> Iterator[tuple[int, int, bytes]]:
        """Of each node with that property, in file order: its number, that of the node above, and the value.

        For questions to all nodes, most of which are done with when their value is seen; see `numbered`.

        Args:
            name: the property.
            below: numbers of nodes: only nodes right below one of them; may grow meanwhile.
        """
        return self.root._columns.values(name, below)

    def numbered(self, number: int) -> Node:
        """The node with that number in file order; the root is 0."""
        return Node(self.root._columns, number)

    def holding(self, name: str, *texts: bytes) -> Iterator[Node]:
        """The nodes, in file order, whose property ``name`` has one of these runs of bytes in its value."""
        if any(text in self.data for text in texts):
            for number, _, value in self.values(name):
                if any(text in value for text in texts):
                    yield self.numbered(number)
