"""What is proposed: it lies in RAM, brings no new finding, and is there where a board dies."""

from __future__ import annotations

from support.boards import MIB, checked, kernel, reserved, tree

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
