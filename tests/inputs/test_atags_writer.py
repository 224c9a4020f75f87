"""ATAG lists that are written: read back by the reader, whose own tests are hand-made lists."""

from __future__ import annotations

from random import Random

import pytest

from bootmap.facts.linux.atags import CMDLINE, INITRD2, MEM
from bootmap.inputs import atags
from bootmap.inputs.atags_writer import tag_list, with_tags
from bootmap.verify.fuzz.boards import Ground, random_board


def test_tag_list_is_laid_out_as_setup_h_says() -> None:
    words = "05000000 01004154 00000000 00100000 00000000  04000000 02004154 00000010 00000060  00000000 00000000"
    assert tag_list([(0x60000000, 0x10000000)]) == bytes.fromhex(words)


def test_tag_list_is_read_back() -> None:
    found = atags.parse(tag_list([(0, 1 << 27), (0x80000000, 1 << 20)], "console=ttyAMA0", (0x800000, 0x1234)))
    assert [(tag["start"], tag["size"]) for tag in found.all(MEM)] == [(0, 1 << 27), (0x80000000, 1 << 20)]
    initrd, command_line = found.last(INITRD2), found.last(CMDLINE)
    assert initrd is not None
    assert command_line is not None
    assert (initrd["start"], initrd["size"], command_line.string()) == (0x800000, 0x1234, "console=ttyAMA0")


def test_with_tags_overrules_what_is_there() -> None:
    before = tag_list([(0, 1 << 27)], "quiet")
    found = atags.parse(with_tags(before, "mem=64M", None))
    last = found.last(CMDLINE)
    assert last is not None
    assert (last.string(), len(found.all(CMDLINE))) == ("mem=64M", 2)
    assert with_tags(before, None, None) == before


@pytest.mark.parametrize("seed", range(40))
def test_random_board_of_tags(seed: int) -> None:
    """A kernel that is told boards by tags gets lists, below 4 GiB and at the one PHYS_OFFSET that it can have."""
    ground = Ground(range(0x60000000, 0xA0000000), 0x8000, 0x200000, ("cortex-a9",), atags=True, phys_offset=0x60000000)
    board = random_board(Random(seed), ground)
    found = atags.parse(board.blob())
    assert [(tag["start"], tag["size"]) for tag in found.all(MEM)] == [tuple(bank) for bank in board.banks]
    assert board.phys_offset == 0x60000000
    assert board.source().startswith("ATAG_MEM 0x")
