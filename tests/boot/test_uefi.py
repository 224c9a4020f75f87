"""A kernel that UEFI started: its memory is in a map that the tree only points to."""

from __future__ import annotations

import pytest
from support.machines import cpu
from support.recordings import fresh_kernel
from support.trees import blob, board, numbers

from bootmap.boot.handover import Handover
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.trace import Verdict
from bootmap.inputs.board import parse_board
from bootmap.units import MIB

START = 0x40000000


def booted(key: str, chosen: dict[str, bytes]) -> Replay:
    """512 MiB, as the stub of a 6.12 left the tree to it: docs of the properties in Documentation/arch/arm/uefi.rst."""
    tree = board([(START, 512 * MIB)])
    tree.children[0].properties |= chosen
    return boot(fresh_kernel(key), Handover(parse_board(blob(tree)), START + 128 * MIB, START, cpu("cortex-a15")))


STUB = {"linux,uefi-system-table": numbers(2, 0x5FC19018), "linux,uefi-mmap-start": numbers(2, 0x5DF3D018)}


@pytest.mark.parametrize("key", ["deb-5.10", "deb-6.1", "deb-6.12", "deb-6.12-lpae", "deb-7.3"])
def test_uefi_map_is_not_passed_over(key: str) -> None:
    prediction = booted(key, STUB)
    assert prediction.outcome.verdict is Verdict.UNCERTAIN
    assert prediction.outcome.reason is not None
    assert "0x5df3d018" in prediction.outcome.reason
    assert [hazard.id for hazard in prediction.hazards] == ["uefi-map"]
    assert sum("UEFI map" in taken.text for taken in prediction.state.assumptions) == 1


@pytest.mark.parametrize(
    ("key", "chosen"),
    [("deb-6.1", {}), ("deb-6.1", {"linux,uefi-system-table": STUB["linux,uefi-system-table"]}), ("v7", STUB)],
)
def test_uefi_map_counts_only_where_the_kernel_reads_it(key: str, chosen: dict[str, bytes]) -> None:
    """Without both properties efi_get_fdt_params finds nothing; without CONFIG_EFI nobody looks."""
    prediction = booted(key, chosen)
    assert prediction.outcome.verdict is Verdict.BOOTS
    assert prediction.hazards == []
