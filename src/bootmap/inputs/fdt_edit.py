"""Editing a flattened tree in place, as libfdt does it: the bytes come out the same.

A new property is put in front of its node's others, a new node in front of its siblings, a new name behind the last
string, a new reservation behind the last; every block behind the place moves.

Source: scripts/dtc/libfdt/fdt_rw.c ``fdt_setprop``, ``fdt_add_subnode_namelen``, ``fdt_add_mem_rsv``; fdt_wip.c
``fdt_nop_node``, ``fdt_nop_property``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from bootmap.errors import FdtError
from bootmap.inputs import fdt
from bootmap.inputs.fdt_writer import editable, flatten

if TYPE_CHECKING:
    from bootmap.inputs.fdt import Fdt, Node

_BEGIN_NODE, _END_NODE, _PROP, _NOP, _END = 1, 2, 3, 4, 9
_RESERVATION = struct.Struct(">QQ")
_HEADER = struct.Struct(">10I")
_V17 = 17


class FdtEditor:
    """A blob of version 17 that is changed.

    Args:
        tree: the tree to begin with.

    Attributes:
        reservations: rows of (address, size) of the reservation block.
        totalsize: bytes that the header is to tell.

    Raises:
        FdtError: it is older than version 17, or its blocks are in another order.
    """

    def __init__(self, tree: Fdt) -> None:
        header = _HEADER.unpack(tree.data[: _HEADER.size]) if len(tree.data) >= _HEADER.size else (0,) * 10
        self.totalsize: int = header[1]
        self._struct_at: int = header[2]
        self._rsvmap_at: int = header[4]
        self._cpu: int = header[7]
        struct_at, strings_at, version, strings, structure = (header[i] for i in (2, 3, 5, 8, 9))
        self.reservations = [(address, size) for address, size, _ in tree.reservations]
        self._gaps: tuple[int, int] = (
            struct_at - self._rsvmap_at - 16 * (len(self.reservations) + 1),
            strings_at - struct_at - structure,
        )
        if version != _V17 or min(self._gaps) < 0:
            raise FdtError("only a blob of version 17 with its blocks in the usual order can be edited as libfdt does")
        self._struct = bytearray(tree.data[struct_at : struct_at + structure])
        self._strings = bytearray(tree.data[strings_at : strings_at + strings])

    @property
    def used(self) -> int:
        """Bytes up to the end of the last block."""
        return self._strings_at + len(self._strings)

    def has_child(self, name: str) -> bool:
        """Whether the root has a child ``name``, whatever its unit address."""
        return self._child(name) is not None

    def child(self, name: str) -> int:
        """Place of the root's child ``name``, made where there is none; good until the next change."""
        at = self._child(name)
        return self.add_child(name) if at is None else at

    def add_child(self, name: str) -> int:
        """Place of a new child ``name`` of the root; good until the next change."""
        at = self._first_child()
        body = struct.pack(">I", _BEGIN_NODE) + _padded(name.encode() + b"\0") + struct.pack(">I", _END_NODE)
        self._splice(at, 0, len(body))
        self._struct[at : at + len(body)] = body
        return at

    def place(self, node: Node) -> int:
        """Place of a node of the tree that was begun with; good until the next change."""
        return node.offset - self._struct_at

    def blank(self, node: int) -> None:
        """Make NOPs of the node at that place and of all below it."""
        at, depth = self._after_name(node), 1
        while depth:
            depth += {_BEGIN_NODE: 1, _END_NODE: -1}.get(self._word(at), 0)
            at = self._next(at)
        self._nops(node, at)

    def blank_property(self, node: int, name: str) -> None:
        """Make NOPs of a property of the node at that place, where it has it."""
        found = self._property(node, name)
        if found is not None:
            self._nops(found[0], found[0] + 12 + _room(found[1]))

    def get(self, node: int, name: str) -> bytes | None:
        """The value of a property of the node at that place."""
        found = self._property(node, name)
        return None if found is None else bytes(self._struct[found[0] + 12 : found[0] + 12 + found[1]])

    def set(self, node: int, name: str, value: bytes) -> None:
        """Give a property of the node at that place a value."""
        found = self._property(node, name)
        if found is None:
            at = self._after_name(node)
            head = struct.pack(">3I", _PROP, len(value), self._string(name))
            self._splice(at, 0, len(head) + _room(len(value)))
            self._struct[at : at + len(head)] = head
        else:
            at, length = found
            self._splice(at + 12, _room(length), _room(len(value)))
            self._struct[at + 4 : at + 8] = struct.pack(">I", len(value))
        self._struct[at + 12 : at + 12 + len(value)] = value

    def nop(self, node: int, name: str) -> None:
        """Write FDT_NOP over a property of the node at that place, if it has it (``fdt_nop_property``)."""
        found = self._property(node, name)
        if found is not None:
            at, length = found
            words = (12 + _room(length)) // 4
            self._struct[at : at + 4 * words] = struct.pack(">I", _NOP) * words

    def blob(self) -> bytes:
        """The blob as it is in RAM; bytes behind its last block are 0."""
        struct_at = self._rsvmap_at + 16 * (len(self.reservations) + 1) + self._gaps[0]
        rows = b"".join(_RESERVATION.pack(*row) for row in [*self.reservations, (0, 0)])
        header = _HEADER.pack(
            0xD00DFEED,
            self.totalsize,
            struct_at,
            self._strings_at,
            self._rsvmap_at,
            _V17,
            16,
            self._cpu,
            len(self._strings),
            len(self._struct),
        )
        body = header.ljust(self._rsvmap_at, b"\0") + rows + bytes(self._gaps[0])
        body += bytes(self._struct) + bytes(self._gaps[1]) + bytes(self._strings)
        return body.ljust(self.totalsize, b"\0")

    def _nops(self, start: int, end: int) -> None:
        self._struct[start:end] = struct.pack(">I", _NOP) * ((end - start) // 4)

    def _splice(self, at: int, old: int, new: int) -> None:
        """Make ``new`` bytes of the ``old`` ones at a place; what is not written after keeps what was there."""
        stale = (self._struct + bytes(self._gaps[1]) + self._strings)[at : at + new]
        self._struct[at : at + old] = stale.ljust(new, b"\0")

    @property
    def _strings_at(self) -> int:
        rows = 16 * (len(self.reservations) + 1)
        return self._rsvmap_at + rows + self._gaps[0] + len(self._struct) + self._gaps[1]

    def _word(self, at: int) -> int:
        return int.from_bytes(self._struct[at : at + 4], "big")

    def _after_name(self, node: int) -> int:
        end = int(self._struct.index(0, node + 4)) + 1
        return node + 4 + _room(end - node - 4)

    def _next(self, at: int) -> int:
        """Place of the tag behind the one at ``at``."""
        tag = self._word(at)
        if tag == _BEGIN_NODE:
            return self._after_name(at)
        return at + 12 + _room(self._word(at + 4)) if tag == _PROP else at + 4

    def _first_child(self) -> int:
        at = self._after_name(0)
        while self._word(at) in (_PROP, _NOP):
            at = self._next(at)
        return at

    def _child(self, name: str) -> int | None:
        at, depth = self._first_child(), 0
        while True:
            tag = self._word(at)
            if tag == _BEGIN_NODE:
                if depth == 0:
                    full = bytes(self._struct[at + 4 : self._struct.index(0, at + 4)]).decode("ascii", "replace")
                    if full.partition("@")[0] == name:
                        return at
                depth += 1
            elif tag == _END_NODE:
                if depth == 0:
                    return None
                depth -= 1
            elif tag == _END:
                return None
            at = self._next(at)

    def _property(self, node: int, name: str) -> tuple[int, int] | None:
        """Place of its tag, and its length."""
        at = self._after_name(node)
        while self._word(at) in (_PROP, _NOP):
            if self._word(at) == _PROP:
                start = self._word(at + 8)
                if bytes(self._strings[start : self._strings.index(0, start)]) == name.encode():
                    return at, self._word(at + 4)
            at = self._next(at)
        return None

    def _string(self, name: str) -> int:
        """Place of a name in the strings block; the tail of a longer one will do."""
        at = self._strings.find(name.encode() + b"\0")
        if at < 0:
            at = len(self._strings)
            self._strings += name.encode() + b"\0"
        return at


def changeable(tree: Fdt) -> Fdt:
    """The tree, written anew where its blob is none that `FdtEditor` can change."""
    try:
        FdtEditor(tree)
    except FdtError:
        return fdt.parse(flatten(editable(tree), tree.reservations, boot_cpu=tree.boot_cpuid_phys))
    return tree


def _room(length: int) -> int:
    return length + -length % 4


def _padded(data: bytes) -> bytes:
    return data.ljust(_room(len(data)), b"\0")
