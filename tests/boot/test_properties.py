"""Random boards on the kernels of the recordings: whatever the board, an answer, and one that holds together."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.checks import check_prediction
from support.machines import KERNELS, Setup, setups
from support.recordings import NAMES, case
from support.trees import board

from bootmap.boot.trace import Verdict
from bootmap.units import GIB, MIB


@settings(max_examples=300)
@given(setups())
def test_boot_of_any_board_holds_together(setup: Setup) -> None:
    check_prediction(setup.boot())


# Its debug UART is mapped where lowmem may leave no vmalloc area; the kernel says so too.
HAZARDS = {"deb-6.1-rpi": {"mapping-outside-vmalloc"}}


@pytest.mark.parametrize("key", KERNELS)
@settings(max_examples=8)
@given(st.integers(16, 128), st.sampled_from((0, 0x10000000, 0x40000000, 0x80000000)))
def test_boot_of_one_round_bank(key: str, size: int, start: int) -> None:
    """RAM in one piece on round addresses, and nothing asked for: every kernel boots on that, with all of it."""
    root = board([(start, size * 16 * MIB)])
    prediction = Setup(key, root, [], start + 32 * MIB, start, KERNELS[key][0]).boot()
    check_prediction(prediction)
    assert prediction.outcome.verdict is Verdict.BOOTS
    assert {hazard.id for hazard in prediction.hazards} <= HAZARDS.get(key, set())
    values = prediction.state.vars
    if prediction.state.kernel.has("highmem"):
        assert not prediction.state.lost
        # memblock keeps the last byte below 4 GiB out where phys_addr_t has 32 bits (memblock_cap_size).
        capped = start + size * 16 * MIB == 4 * GIB and not prediction.state.kernel.has("lpae")
        assert sum(zone.present for zone in prediction.state.zones) == (size * 16 * MIB >> 12) - capped
    # asm/memory.h: 240 MiB of vmalloc area and a gap of 8 MiB below its end, the rest is for lowmem
    room = prediction.state.kernel.vmalloc_end - 248 * MIB - prediction.state.kernel.page_offset
    assert values.arm_lowmem_limit == start + min(size * 16 * MIB, room)


@settings(max_examples=30)
@given(setups(("deb-6.1", "deb-7.2", "old49", "v7-lpae", "v5-versatile")))
def test_boot_is_a_function_of_its_inputs(setup: Setup) -> None:
    one, other = setup.boot(), setup.boot()
    assert (one.outcome, one.hazards, one.state.dmesg) == (other.outcome, other.hazards, other.state.dmesg)
    assert [write.words.tobytes() for write in one.state.tables.journal] == [
        write.words.tobytes() for write in other.state.tables.journal
    ]
    assert one.state.kernel.rules == other.state.kernel.rules


@pytest.mark.parametrize("name", NAMES)
def test_predictions_of_the_recordings_hold_together(name: str) -> None:
    check_prediction(case(name).prediction)
