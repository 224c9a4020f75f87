"""Words of small pages that differ by version; those of today are in the recordings."""

from __future__ import annotations

import pytest
from support.machines import cpu
from support.recordings import fresh_kernel
from support.trees import blob, board

from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.trace import Verdict
from bootmap.inputs.board import parse_board
from bootmap.units import GIB

START, VECTORS = 0x40000000, 0xFFFF0000
AP2, RDONLY = 1 << 7, 1 << 58


def booted(version: tuple[int, ...], sublevel: int | None = 0) -> Replay:
    parsed = fresh_kernel("v7-lpae")
    kernel = KernelModel(version, sublevel, parsed.config, parsed.symbols)
    tree = parse_board(blob(board([(START, GIB)])))
    return boot(kernel, Handover(tree, 0x48000000, START, cpu("cortex-a15")))


def word_of(prediction: Replay, va: int) -> int:
    """The long descriptor of the page at ``va``."""
    tables = prediction.state.tables
    table = tables.word(prediction.state.descriptor_address(va))
    assert table is not None
    word = tables.word((table & 0xFFFFFFF000) + (va >> 12 & 0x1FF) * 8)
    assert word is not None
    return word


@pytest.mark.parametrize(
    ("version", "sublevel", "bits"),
    [
        ((3, 3), 0, AP2),
        ((3, 10), 0, AP2),
        ((3, 10), 105, AP2 | RDONLY),
        ((3, 14), 1, AP2),
        ((3, 16), 0, AP2),
        ((3, 18), 0, AP2 | RDONLY),
    ],
)
def test_hardware_pte_read_only_in_the_long_format(version: tuple[int, ...], sublevel: int, bits: int) -> None:
    """L_PTE_RDONLY is bit 7 in 3.16's pgtable-3level.h, bit 58 in 3.18's and 3.10.105's; bit 7 always stops writes."""
    prediction = booted(version, sublevel)
    assert prediction.outcome.verdict is Verdict.BOOTS
    assert word_of(prediction, VECTORS) & (AP2 | RDONLY) == bits
