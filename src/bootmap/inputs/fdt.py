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
from typing import NamedTuple, NoReturn

from bootmap.errors import FdtError
from bootmap.inputs.fdt_columns import Columns
from bootmap.inputs.fdt_tree import Fdt as Fdt
from bootmap.inputs.fdt_tree import Node as Node
from bootmap.inputs.fdt_tree import Property as Property
from bootmap.inputs.fdt_tree import Reservation as Reservation
from bootmap.units import MIB, size_text

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
    """The tree's root."""
    base = header.struct_at
    words = _cells(data[base : base + (header.struct_end - base) // 4 * 4])
    columns = Columns(data, base, words, range(header.strings_at, header.strings_end))
    try:
        _scan(columns)
    finally:  # a bad name stands in front of what ended the scan
        _check_names(columns)
    return Node(columns, 0)


def _scan(columns: Columns) -> None:
    """Fill in the nodes, and where their properties' tokens are.

    One flat loop over the block's tokens, in it one over the properties of a node: this is where parsing time goes.
    """
    data, base, words = columns.data, columns.base, columns.words
    offsets, parents, ends = columns.offsets, columns.parents, columns.ends
    firsts, tokens = list[int](), list[int]()
    note = tokens.append
    name_at = _NODE_NAME.match
    limit = base + 4 * len(words)
    node = -1  # row of the innermost open node
    depth = 0  # of the next one below it
    at = 0  # index into words
    try:
        while True:
            tag = words[at]
            if tag == _BEGIN_NODE:
                match = name_at(data, base + 4 * at + 4, limit)
                if match is None or node < 0:
                    match = _root_name(columns, node, at)
                if depth >= MAX_DEPTH:
                    raise FdtError(f"nodes are nested deeper than {MAX_DEPTH}", offset=base + 4 * at)
                parents.append(node)
                node = len(offsets)
                offsets.append(base + 4 * at)
                ends.append(0)
                firsts.append(len(tokens))
                depth += 1
                at = (match.end() - base + 3) >> 2
                while True:  # nowhere else may properties stand
                    while words[at] == _PROP:
                        note(at)
                        at += (words[at + 1] + 15) >> 2
                    if words[at] != _NOP:
                        break
                    at += 1
            elif tag == _END_NODE and node >= 0:
                ends[node] = len(offsets)
                node = parents[node]
                depth -= 1
                at += 1
            elif tag == _NOP and node >= 0:
                at += 1
            elif tag == _END and node < 0 and offsets:
                return
            else:
                _no_token(columns, node, at)
    except IndexError:  # behind the block's last word
        if at != len(words):  # the last property goes on there; its name is no longer of interest
            _no_property(columns, node, tokens.pop())
    finally:
        columns.firsts.fromlist(firsts)
        columns.tokens.fromlist(tokens)
    raise FdtError("structure block has no end token", offset=limit)


def _check_names(columns: Columns) -> None:
    """See that each property's name is one; names are stored once, but need not be."""
    strings, places = columns.strings, columns.places()
    block = columns.data[strings.start : strings.stop]
    if not len(places) or (_printable(block) and block.endswith(b"\0") and int(places.max()) < len(block)):
        return
    seen: set[int] = set()
    for place, at in zip(places.tolist(), columns.tokens, strict=True):
        if place not in seen:
            seen.add(place)
            _check_name(columns, place, at)


def _printable(block: bytes) -> bool:
    """Whether all of the strings block is printable ASCII, as in every good tree."""
    return block.isascii() and block.replace(b"\0", b"").decode("ascii").isprintable()


def _cells(block: bytes) -> array[int]:
    """The big-endian cells of a block, as numbers."""
    words = array("I" if array("I").itemsize == 4 else "L")
    words.frombytes(block)
    if sys.byteorder == "little":
        words.byteswap()
    return words


def _check_name(columns: Columns, place: int, at: int) -> None:
    """See that there is a name at a place of the strings block, which the property at word ``at`` has."""
    strings = columns.strings
    start = strings.start + place
    end = columns.data.find(0, start, strings.stop) if start < strings.stop else -1
    if end < 0:
        raise FdtError(
            f"property name at {place:#x} does not end inside the strings block of {len(strings):#x} bytes",
            offset=columns.base + 4 * at + 8,
        )
    _ascii(columns.data[start:end], "property name", start)


def _no_property(columns: Columns, node: int, at: int) -> NoReturn:
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


def _root_name(columns: Columns, node: int, at: int) -> re.Match[bytes]:
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


def _no_token(columns: Columns, node: int, at: int) -> NoReturn:
    """Say why the token at word ``at`` may not stand there."""
    tag, offset = columns.words[at], columns.base + 4 * at
    if tag == _PROP:
        _no_property(columns, node, at)
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
