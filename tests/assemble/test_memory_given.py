"""RAM that is given to a tree in place of its own: written into the blob as libfdt writes it."""

from __future__ import annotations

import pytest

from bootmap import Board
from bootmap.inputs import fdt
from bootmap.inputs.fdt import Fdt
from bootmap.inputs.fdt_writer import MadeNode, cells, flatten, text
from bootmap.units import MIB, Span

libfdt = pytest.importorskip("libfdt", reason="pylibfdt is not installed")

BANKS = [Span(0x80000000, 0x80000000 + 256 * MIB), Span(0xA0000000, 0xA0000000 + 64 * MIB)]
VALUE = b"".join(cells(bank.start, bank.size) for bank in BANKS)


def _tree(*memory: tuple[str, dict[str, bytes]]) -> MadeNode:
    root = MadeNode(properties={"#address-cells": cells(1), "#size-cells": cells(1), "model": text("a board")})
    root.add("soc").add("uart@1000", {"reg": cells(0x1000, 0x100)})
    for name, properties in memory:
        root.add(name, {"device_type": text("memory"), **properties})
    root.add("chosen", {"bootargs": text("quiet")})
    return root


def _given(blob: bytes) -> Fdt:
    description = Board.parse(blob).with_memory(BANKS).description
    assert isinstance(description, Fdt)
    return description


def _as_libfdt_reads_it(blob: bytes) -> dict[str, dict[str, bytes]]:
    """Every node with its properties."""
    tree, found = libfdt.Fdt(blob), {}
    at, depth = 0, 0
    while depth >= 0:
        node = found.setdefault(tree.get_path(at), {})
        prop = tree.first_property_offset(at, libfdt.QUIET_NOTFOUND)
        while prop >= 0:
            value = tree.get_property_by_offset(prop)
            node[value.name] = bytes(value)
            prop = tree.next_property_offset(prop, libfdt.QUIET_NOTFOUND)
        at, depth = tree.next_node(at, depth, (libfdt.BADOFFSET, libfdt.NOTFOUND))
        if at < 0:
            break
    return found


def test_with_memory_writes_what_libfdt_writes() -> None:
    blob = flatten(_tree(("memory@80000000", {"reg": cells(0x80000000, 0), "linux,usable-memory": cells(1, 2)})))
    other = libfdt.Fdt(bytearray(blob))
    other.resize(len(blob) + 64)
    node = other.path_offset("/memory@80000000")
    other.setprop(node, "reg", VALUE)
    other.delprop(node, "linux,usable-memory")
    assert _as_libfdt_reads_it(_given(blob).data) == _as_libfdt_reads_it(bytes(other.as_bytearray()))


def test_with_memory_adds_a_node_where_there_is_none() -> None:
    blob = flatten(_tree())
    other = libfdt.Fdt(bytearray(blob))
    other.resize(len(blob) + 128)
    node = other.add_subnode(0, "memory@80000000")
    other.setprop(node, "reg", VALUE)
    other.setprop_str(node, "device_type", "memory")
    assert _as_libfdt_reads_it(_given(blob).data) == _as_libfdt_reads_it(bytes(other.as_bytearray()))


def test_with_memory_takes_further_memory_nodes_away() -> None:
    tree = _given(
        flatten(_tree(("memory@0", {"reg": cells(0, 1)}), ("memory@90000000", {"reg": cells(0x90000000, 1)})))
    )
    found = _as_libfdt_reads_it(tree.data)
    assert "/memory@90000000" not in found
    assert found["/memory@0"]["reg"] == VALUE
    assert found["/chosen"] == {"bootargs": text("quiet")}
    assert [node.path for node in tree.walk("device_type")] == ["/memory@0"]


def test_with_memory_leaves_what_is_in_front_at_its_bytes() -> None:
    blob = flatten(_tree(("memory@0", {"reg": cells(0, 1)})))
    before, after = (tree.node("/soc/uart") for tree in (fdt.parse(blob), _given(blob)))
    assert before is not None
    assert after is not None
    assert (before.offset, before.path) == (after.offset, after.path)
    assert _given(blob).totalsize == len(blob) + len(VALUE) - 8


def test_with_memory_writes_an_old_blob_anew() -> None:
    blob = bytearray(flatten(_tree(("memory@0", {"reg": cells(0, 1)}))))
    blob[20:24] = (16).to_bytes(4, "big")
    assert _as_libfdt_reads_it(_given(bytes(blob)).data)["/memory@0"]["reg"] == VALUE
