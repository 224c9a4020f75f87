"""Boards on which the kernel loses the ground it stands on, and what is said of each."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.machines import Setup
from support.recordings import DATA, loaded_kernel
from support.trees import board, cells, reserved_memory, text

import bootmap
from bootmap.boot.trace import Verdict


@pytest.mark.parametrize("key", ["deb-6.1", "deb-6.12"])
def test_kernel_above_lowmem_dies_in_devicemaps_init(key: str) -> None:
    """RAM so short that the vmalloc area begins inside the kernel: what map_kernel mapped there is cleared again.

    Booted: 6.1.176 and 6.12.107 take a data abort there with 14 MiB.
    """
    prediction = Setup(key, board([(0x40000000, 0xE00000)]), []).boot()
    assert prediction.state.vmalloc_start == 0xC1000000  # 8 MiB above 0xc0e00000, rounded down to 8 MiB
    assert (prediction.outcome.verdict.boots, prediction.outcome.stage) == (False, "devicemaps_init")
    (fatal,) = (hazard for hazard in prediction.hazards if hazard.fatal)
    assert (fatal.id, fatal.address) == ("kernel-unmapped", 0xC1000000)


@pytest.mark.parametrize("key", ["deb-6.1", "deb-6.12"])
def test_bss_above_lowmem_is_luck(key: str) -> None:
    """With 16 MiB only the end of bss is lost, which paging_init does not use; booted, 6.12.107 comes back from it."""
    prediction = Setup(key, board([(0x40006000, 0x1000000)]), []).boot()
    state, outcome = prediction.state, prediction.outcome
    assert state.vmalloc_start == 0xC1800000  # 8 MiB above 0xc1006000, rounded down to 8 MiB
    assert outcome.verdict is Verdict.UNCERTAIN
    lost = [hazard.address for hazard in prediction.hazards if hazard.id == "bss-unmapped"]
    assert lost == ([0xC1800000] if state.kernel.image_end > 0xC1800000 else [])  # 6.1 is just short enough


@pytest.mark.parametrize("key", ["deb-6.12", "deb-7.2"])
def test_pool_over_the_kernel_dies_in_dma_contiguous_remap(key: str) -> None:
    """Nobody compares a static pool with the kernel's own reservation; its remapping flushes the kernel away."""
    root = board([(0x40000000, 0x40000000)])
    pool = reserved_memory(root).add("pool@40000000", reg=cells(0x40000000, 0x1000000), reusable=b"")
    pool.properties["compatible"] = text("shared-dma-pool")
    prediction = Setup(key, root, []).boot()
    assert (prediction.outcome.verdict.boots, prediction.outcome.stage) == (False, "dma_contiguous_remap")
    (fatal,) = (hazard for hazard in prediction.hazards if hazard.fatal)
    assert fatal.id == "kernel-unmapped"
    assert fatal.origin is not None
    assert fatal.origin.root.rule == "device tree"


def test_kernel_in_one_region_has_no_hazard() -> None:
    prediction = Setup("deb-6.1", board([(0x40000000, 0x40000000)]), []).boot()
    assert (prediction.outcome.verdict.boots, prediction.hazards) == (True, [])


@pytest.mark.parametrize("key", ["deb-6.1", "deb-7.2", "old54", "old419"])
def test_first_region_shorter_than_the_kernel_is_luck(key: str) -> None:
    """The sliver up to 2 MiB becomes a region of its own; prepare_page_table keeps only the first region."""
    prediction = Setup(key, board([(0x40010000, 0x3FFF0000)]), []).boot()
    assert (prediction.outcome.verdict.boots, prediction.outcome.stage) == (None, "prepare_page_table")
    assert [hazard.id for hazard in prediction.hazards if hazard.luck] == ["text-unmapped"]
    assert not any(hazard.fatal for hazard in prediction.hazards)


def test_first_bank_unaligned_before_5_4_is_no_hazard() -> None:
    """4.9.0 has no such rule: adjust_lowmem_bounds of 4.14.144, 4.19.80 and 5.4 brought it."""
    prediction = Setup("old49", board([(0x40010000, 0x3FFF0000)]), []).boot()
    assert not any(hazard.luck for hazard in prediction.hazards)


def test_create_mapping_of_a_type_that_the_kernel_has_not() -> None:
    """Features that never stood in one kernel are told as that, not by a traceback."""
    loaded = loaded_kernel("deb-6.1")
    mixed = replace(loaded, overrides={"map_kernel": False})
    board = bootmap.Board.parse((DATA / "dtb" / "virt.dtb").read_bytes(), cpu="cortex-a15", phys_offset=0x40000000)
    prediction = bootmap.predict(mixed, board)
    assert prediction.hazards[-1].id == "mem-type-missing"
    assert prediction.outcome.verdict is Verdict.DIES
