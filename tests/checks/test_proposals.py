"""What is proposed: it lies in RAM, brings no new finding, and is there where a board dies."""

from __future__ import annotations

from support.boards import MIB, checked, kernel, reserved, tree
from support.rule_rows import initrd

import bootmap
from bootmap.units import align_up, size_text

NOMAP = {"no-map": b""}
START, END = 0x40000000, 0x60000000
RAM = [(START, END - START)]


def test_area_at_the_end_of_ram_is_not_moved_behind_it() -> None:
    """1 MiB no-map at the last MiB: there is no RAM behind it to move to, and its lost neighbour can join it."""
    board = tree(RAM, edit=reserved(("a@5ff00000", END - MIB, MIB, NOMAP)))
    result = checked(board, kernel("v7-nohm"))
    found = next(each for each in result.findings if each.id == "carveout-odd-mib")
    assert [change.text for change in found.changes] == ["/reserved-memory/a@5ff00000: reg = <0x5fe00000 0x200000>"]
    assert "0x60000000" not in found.cause


def test_two_faults_are_told_once_each() -> None:
    """No RAM, and an initrd in the kernel: nothing is said of addresses that only the search for a cure tried."""
    start, ram = 0x10800000, (0x10000000, 128 * MIB)
    edit = initrd(start, 8 * MIB)
    result = checked(tree([ram], bootargs="mem=64", edit=edit), kernel("deb-6.1"))
    about = [found for found in result.findings if found.id in ("initrd-disabled", "initrd-overwritten")]
    assert len(about) == 1
    assert f"{start:#010x}" in about[0].cause
    assert result.together == "boots with its initrd"
    (moved,) = [change for change in about[0].changes if change.recommended]
    address = int(moved.text.split()[-1], 16)
    assert ram[0] < address < ram[0] + 64 * MIB  # in what mem=64M leaves
    board = bootmap.Board.parse(tree([ram], bootargs="mem=64M", edit=initrd(address, 8 * MIB)), "board.dtb")
    assert bootmap.check(kernel("deb-6.1"), board).outcome.all_well


def test_error_beside_the_deadly_one_keeps_its_change() -> None:
    """ramoops that nothing keeps, on a board whose device tree is not mapped (4.19)."""
    args = "ramoops.mem_address=0x5f000000 ramoops.mem_size=0x100000"
    board = tree([(START, 1024 * MIB)], bootargs=args)
    result = checked(board, kernel("old419"), dtb_addr=0x7FF00000)
    assert result.verdict is bootmap.Verdict.DIES
    found = {each.id: each for each in result.findings}
    (added,) = found["area-not-reserved"].changes
    assert added.text == "add /reserved-memory/ramoops@5f000000 { reg = <0x5f000000 0x100000>; }"
    assert added.after == "boots with the other recommended changes"


def test_descriptors_behind_the_page_directory_name_the_address() -> None:
    """__create_page_tables stores beyond swapper_pg_dir where the tree is in the last section of virtual memory."""
    result = checked(tree([(START, 1024 * MIB)]), kernel("old419"), dtb_addr=0x7FF00000)
    found = next(each for each in result.findings if each.id == "kernel-unmapped")
    assert [place.text for place in found.where] == ["--dtb-addr 0x7ff00000"]
    assert any(change.text.startswith("put the device tree at") and change.cures for change in found.changes)


def test_larger_kernel_is_not_told_of_room_behind_the_device_tree() -> None:
    """The initrd goes behind the tree, where most is free; a larger kernel meets the tree all the same."""
    result = checked(tree(RAM), kernel("deb-6.1"), initrd=(0x40800000, 8 * MIB), dtb_addr=0x47F00000)
    (found,) = (each for each in result.findings if each.id == "initrd-disabled")
    (best,) = (change for change in found.changes if change.recommended)
    assert int(best.text.split()[-1], 16) > 0x47F00000
    assert "larger kernel" not in best.note
    result = checked(tree(RAM), kernel("deb-6.1"), initrd=(0x40800000, 8 * MIB), dtb_addr=0x5F000000)
    (best,) = (each for found in result.findings for each in found.changes if each.recommended)
    address, end = int(best.text.split()[-1], 16), 0x41607588  # _end of that kernel, at 0x40000000
    assert best.note.startswith(f"leaves {size_text(address - align_up(end, MIB))} for a larger kernel")
