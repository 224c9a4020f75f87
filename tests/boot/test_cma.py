"""The default area for contiguous memory before mm/cma.c came in 3.17, with drivers/base/dma-contiguous.c's rules.

Where the areas of today go is compared with recordings in test_recorded_logs.py.
"""

from __future__ import annotations

import pytest
from support.recordings import fresh_kernel

from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.reserve.cma import dma_contiguous_reserve
from bootmap.boot.state import BootState
from bootmap.boot.trace import Origin
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.inputs.kconfig import parse
from bootmap.units import GIB, MIB, align_up

START, LOWMEM = 0x40000000, 760 * MIB
CONFIG = b"CONFIG_MMU=y\nCONFIG_HIGHMEM=y\nCONFIG_CMA=y\nCONFIG_DMA_CMA=y\nCONFIG_CMA_SIZE_SEL_MBYTES=y\n"
USER = Origin("early_cma", "cma=")


def reserved(
    version: tuple[int, ...], mib: int = 0, cmdline: tuple[int, int, int] | None = None, taken: tuple[int, int] = (0, 0)
) -> tuple[BootState, list[tuple[int, int]]]:
    """The state and what is reserved, with an area by configuration or by the command line: size, base, limit."""
    config = parse(CONFIG + f"CONFIG_CMA_SIZE_MBYTES={mib}\n".encode())
    cpu = cpu_by_name("cortex-a15")
    assert cpu is not None
    kernel = KernelModel(version, None, config, fresh_kernel("v7").symbols)
    state = BootState(kernel, Handover(None, 0, START, cpu), smp=False)
    state.memblock.add(START, GIB)
    if taken[1]:
        state.memblock.reserve(*taken)
    state.vars.arm_lowmem_limit = state.memblock.current_limit = START + LOWMEM
    state.vars.high_memory = state.va(START + LOWMEM - 1) + 1
    if cmdline:
        state.cma_cmdline, state.cma_origin = cmdline, USER
    dma_contiguous_reserve(state)
    return state, [(base, size) for base, size, _ in state.memblock.reserved.regions]


@pytest.mark.parametrize("version", [(3, 6), (3, 10), (3, 14), (3, 16)])
def test_dma_contiguous_reserve_as_old_kernels_log_it(version: tuple[int, ...]) -> None:
    """The end of lowmem at 0x6f800000 is a multiple of 4 MiB, not of 16."""
    state, ranges = reserved(version, 16)
    assert ranges == [(0x6E800000, 16 * MIB)]
    assert state.dmesg == ["cma: CMA: reserved 16 MiB at 6e800000"]


def test_dma_contiguous_reserve_of_3_5_aligns_to_max_order() -> None:
    """PAGE_SIZE << MAX_ORDER: 8 MiB, and sizes are rounded up to it."""
    assert reserved((3, 5), 12)[1] == [(0x6E800000, 16 * MIB)]
    assert reserved((3, 6), 12)[1] == [(0x6EC00000, 12 * MIB)]


@pytest.mark.parametrize(
    ("place", "first_to_refuse", "why"),
    [
        (LOWMEM - 16 * MIB, (3, 17), "defined on low/high memory boundary (0x6f800000)"),
        (2 * GIB, (4, 20), "exceeds limit (0x80000000)"),
        (66 * MIB, (4, 20), "must be aligned to 0x00400000 bytes"),
    ],
    ids=["across the end of lowmem", "where no RAM is", "not aligned"],
)
def test_dma_contiguous_reserve_at_a_place(place: int, first_to_refuse: tuple[int, ...], why: str) -> None:
    """``cma=32M@base``, in kernels that look at the place and in those that do not: they round it up to 4 MiB."""
    base = START + place
    for version in ((3, 16), (3, 17), (4, 19), (4, 20), (6, 1)):
        state, ranges = reserved(version, cmdline=(32 * MIB, base, base + 32 * MIB))
        if version < first_to_refuse:
            assert ranges == [(align_up(base, 4 * MIB), 32 * MIB)]
        else:
            assert ranges == []
            assert why in state.dmesg[-2]
            assert [hazard.id for hazard in state.hazards] == ["cma-failed"]


def test_dma_contiguous_reserve_fails_where_the_place_is_taken() -> None:
    base = START + 64 * MIB
    state, ranges = reserved((3, 16), cmdline=(8 * MIB, base, base + 8 * MIB), taken=(base, 0x1000))
    assert ranges == [(base, 0x1000)]
    assert state.dmesg == ["cma: CMA: failed to reserve 8 MiB"]
    assert state.default_cma is None


def test_dma_contiguous_reserve_fails_without_room() -> None:
    state, ranges = reserved((3, 14), 800)
    assert ranges == []
    assert state.dmesg == ["cma: CMA: failed to reserve 800 MiB"]
    assert [hazard.id for hazard in state.hazards] == ["cma-failed"]
