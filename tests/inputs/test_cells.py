from __future__ import annotations

import pytest
from support.make_inputs import DTB, begin, blob, prop, words

from bootmap.errors import FdtError
from bootmap.inputs import cells, fdt

# memblock.memory as these boards' kernels had it on entry to paging_init (recorded under QEMU)
BOARDS = {
    "virt": [(0x40000000, 0x10000000), (0x60000000, 0x20000000)],
    "vexpress-a9": [(0x60000000, 0x40000000)],
    "raspi2b": [(0, 0x3C000000)],
    "imx6ul": [(0x80000000, 0x20000000)],
    "sabrelite": [(0x10000000, 0x40000000)],
}
STRINGS = b"reg\0#address-cells\0#size-cells\0"
REG, ADDRESS, SIZE = 0, 4, 19


def tree(parent: bytes, reg: bytes) -> fdt.Node:
    """The child of a root with the properties ``parent``, its reg being ``reg``."""
    structure = begin() + parent + begin("ram") + prop(REG, reg) + words(2, 2, 9)
    return fdt.parse(blob(structure, STRINGS)).root.children[0]


@pytest.mark.parametrize("board", BOARDS)
def test_reg_of_memory_on_real_boards(board: str) -> None:
    blob = fdt.parse((DTB / f"{board}.dtb").read_bytes())
    found = []
    for node in blob.root.children:
        kind = node.get("device_type")
        if kind is not None and kind.string() == "memory":
            for reg in cells.reg(node):
                count = cells.address_cells(blob.root) + cells.size_cells(blob.root)
                raw = blob.data[reg.offset : reg.offset + 4 * count]
                assert raw in reg.property.value
                assert int.from_bytes(raw, "big") == reg.base << (32 * cells.size_cells(blob.root)) | reg.size
                found.append((reg.base, reg.size))
    assert sorted(entry for entry in found if entry[1]) == BOARDS[board]


def test_reg_defaults_are_two_and_one() -> None:
    (reg,) = cells.reg(tree(b"", words(1, 2, 3)))
    assert (reg.base, reg.size) == (0x100000002, 3)


def test_reg_counts_are_not_inherited_from_the_grandparent() -> None:
    blob = fdt.parse((DTB / "small.dtb").read_bytes())
    child = blob.node("/bare/child")
    assert child is not None
    assert [(reg.base, reg.size) for reg in cells.reg(child)] == [(0x10, 0x20)]
    one_cell = blob.node("/bus/a@1")
    assert one_cell is not None
    found = cells.reg(one_cell)
    assert [(reg.base, reg.size) for reg in found] == [(1, 0), (7, 0)]
    assert [reg.offset - found[0].property.offset for reg in found] == [0, 4]


def test_reg_of_a_wrong_length_states_the_formula() -> None:
    node = tree(prop(ADDRESS, words(2)) + prop(SIZE, words(2)), words(1, 2, 3, 4, 5))
    with pytest.raises(FdtError) as error:
        cells.reg(node)
    assert error.value.message == (
        "'reg' of /ram: length is 20 bytes, expected a multiple of "
        "4*(<#address-cells> (= 2) + <#size-cells> (= 2)) = 16"
    )
    assert error.value.offset == node.properties["reg"].offset
    assert len(cells.pairs(node.properties["reg"], 2, 2)) == 1


@pytest.mark.parametrize("count", [0x7FFFFFFF, 0xFFFFFFFF, 1 << 20])
def test_reg_with_absurd_cell_counts(count: int) -> None:
    node = tree(prop(ADDRESS, words(count)), words(1, 2, 3))
    with pytest.raises(FdtError, match=f"= {count}"):
        cells.reg(node)
    assert cells.pairs(node.properties["reg"], count, 1) == ()


def test_reg_with_no_cells_at_all() -> None:
    node = tree(prop(ADDRESS, words(0)) + prop(SIZE, words(0)), words(1))
    with pytest.raises(FdtError, match="'reg' of /ram"):
        cells.reg(node)
    with pytest.raises(FdtError, match="both 0"):
        cells.pairs(node.properties["reg"], 0, 0)


def test_reg_absent_and_of_the_root() -> None:
    root = fdt.parse((DTB / "small.dtb").read_bytes()).root
    assert cells.reg(root) == ()
    assert cells.reg(fdt.parse(blob(begin() + prop(REG, words(0, 1, 2)) + words(2, 9), STRINGS)).root)[0][:2] == (1, 2)


def test_address_cells_shorter_than_a_cell() -> None:
    node = tree(prop(ADDRESS, b"\0\2"), words(1, 2, 3))
    with pytest.raises(FdtError, match="'#address-cells' of /: length is 2 bytes, expected 4"):
        cells.reg(node)


def test_read_cells_keeps_the_low_64_bits() -> None:
    value = words(0xA, 0xB, 0xC)
    assert cells.read_cells(value, 0, 1) == 0xA
    assert cells.read_cells(value, 1, 2) == 0xB0000000C
    assert cells.read_cells(value, 0, 3) == 0xB0000000C
    assert cells.read_cells(value, 3, 0) == 0
    with pytest.raises(FdtError, match="cells 2 to 3"):
        cells.read_cells(value, 2, 2)


def test_pairs_refuses_more_than_it_reads() -> None:
    parent = prop(ADDRESS, words(1)) + prop(SIZE, words(1))
    node = tree(parent, words(0x40000000, 0x1000) * cells.MOST_PAIRS)
    assert len(cells.reg(node)) == cells.MOST_PAIRS
    node = tree(parent, words(0x40000000, 0x1000) * (cells.MOST_PAIRS + 1))
    with pytest.raises(FdtError, match=f"'reg' of /ram: has {cells.MOST_PAIRS + 1} areas"):
        cells.reg(node)
