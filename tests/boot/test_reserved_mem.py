"""Areas that a device tree asks for, where they meet each other, the kernel, or what comes later.

What is expected was read in drivers/of/fdt.c and drivers/of/of_reserved_mem.c of the releases named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.machines import Setup
from support.trees import board, cells, reserved_memory, text

from bootmap.boot.trace import Verdict
from bootmap.facts.linux.memblock import Flags

if TYPE_CHECKING:
    from bootmap.boot.sequence import Replay

RAM = [(0x40000000, 0x40000000)]


def flags_at(prediction: Replay, address: int) -> int:
    regions = prediction.state.memblock.memory.regions
    return next(flags for base, size, flags in regions if base <= address < base + size)


def hazards(prediction: Replay) -> list[str]:
    return [hazard.id for hazard in prediction.hazards]


@pytest.mark.parametrize(
    ("key", "honoured"),
    [
        ("deb-5.10", False),  # /memreserve/ comes first, and a no-map area that is reserved already is refused
        ("deb-6.1", False),
        ("deb-6.12", True),  # since 6.4 the nodes come first
        ("deb-7.2", True),
    ],
)
def test_memreserve_over_no_map_area(key: str, honoured: bool) -> None:
    root = board(RAM)
    reserved_memory(root).add("firmware@50000000", reg=cells(0x50000000, 0x200000), no_map=b"")
    prediction = Setup(key, root, [(0x50000000, 0x200000)]).boot()
    assert bool(flags_at(prediction, 0x50000000) & Flags.NOMAP) == honoured
    assert ("reservation-failed" in hazards(prediction)) == (not honoured)
    assert prediction.state.memblock.is_region_reserved(0x50000000, 0x200000)


@pytest.mark.parametrize(("key", "base"), [("deb-6.1", 0x7FC00000), ("deb-6.12", 0x7FE00000), ("deb-7.2", 0x7FE00000)])
def test_dynamic_area_where_memreserve_is(key: str, base: int) -> None:
    """Placed before /memreserve/ is known, a dynamic area takes the memory that it was to keep clear of."""
    root = board(RAM, bootargs="cma=0")
    reserved_memory(root).add("pool", size=cells(0x200000), alignment=cells(0x200000))
    prediction = Setup(key, root, [(0x7FE00000, 0x200000)]).boot()
    assert [(area.base, area.size) for area in prediction.state.reserved_areas] == [(base, 0x200000)]


@pytest.mark.parametrize("key", ["old49", "deb-5.10", "deb-6.1", "deb-6.12", "deb-7.2"])
def test_area_of_no_bytes(key: str) -> None:
    """A reg of size 0 reserves nothing; before 6.12 it then counts as a dynamic area, and has no size to ask for."""
    root = board(RAM)
    reserved_memory(root).add("nothing@50000000", reg=cells(0x50000000, 0), linux__cma_default=b"")
    prediction = Setup(key, root, []).boot()
    assert prediction.outcome.verdict is Verdict.BOOTS
    assert not prediction.state.memblock.is_region_reserved(0x50000000, 0x1000)


@pytest.mark.parametrize("key", ["deb-6.12", "deb-7.2"])
def test_unaligned_pool_takes_its_neighbours_off_the_map(key: str) -> None:
    """dma_contiguous_remap clears pmds, 2 MiB each, and maps only the area again; since 6.12 unchecked."""
    root = board(RAM)
    pool = reserved_memory(root).add("pool@50101000", reg=cells(0x50101000, 0x400000), reusable=b"")
    pool.properties["compatible"] = text("shared-dma-pool")
    prediction = Setup(key, root, []).boot()
    lost = [hazard.address for hazard in prediction.hazards if hazard.id == "lowmem-unmapped"]
    assert lost == [0x50000000]
    assert prediction.state.mapped(0xD0000000) is None
    assert prediction.state.mapped(0xD0101000) == 0x50101000


def test_aligned_pool_leaves_its_neighbours() -> None:
    root = board(RAM)
    pool = reserved_memory(root).add("pool@50000000", reg=cells(0x50000000, 0x800000), reusable=b"")
    pool.properties["compatible"] = text("shared-dma-pool")
    prediction = Setup("deb-7.2", root, []).boot()
    assert not prediction.hazards
    assert [prediction.state.mapped(va) for va in (0xCFFFF000, 0xD0800000)] == [0x4FFFF000, 0x50800000]


@pytest.mark.parametrize(
    ("key", "boots"), [("deb-5.10", True), ("deb-6.1", True), ("deb-6.12", False), ("deb-7.2", False)]
)
def test_refused_pool_under_default_area(key: str, boots: bool) -> None:
    """A pool of 4 MiB is refused, for CMA wants 8; given back, its place goes to the default area, and both are mapped.

    Booted: 5.10.223 and 6.1.176 live, 6.12.107 and 7.2.12 end in a BUG in paging_init.
    """
    root = board([(0x40000000, 0x30000000)])
    pool = reserved_memory(root).add("pool", size=cells(0x400000), reusable=b"")
    pool.properties["compatible"] = text("shared-dma-pool")
    prediction = Setup(key, root, []).boot()
    assert "reserved-area-refused" in hazards(prediction) or boots
    assert prediction.outcome.verdict.boots is boots
    if not boots:
        assert prediction.outcome.stage == "dma_contiguous_remap"
        assert hazards(prediction)[-1] == "static-vm-overlap"


@pytest.mark.parametrize(("base", "boots"), [(0x41600000, False), (0x41800000, None)])
def test_pool_over_the_kernel(base: int, boots: bool | None) -> None:
    """Unmapped while the TLB is flushed, the kernel's data is its death; the last pages of bss are not missed.

    Booted: 6.1.176 with long descriptors takes a data abort in the first case and comes back in the second.
    """
    root = board(RAM)
    pool = reserved_memory(root).add(f"pool@{base:x}", reg=cells(base, 0x800000), reusable=b"")
    pool.properties["compatible"] = text("shared-dma-pool")
    outcome = Setup("deb-6.1-lpae", root, []).boot().outcome
    assert outcome.verdict.boots is boots
    assert outcome.stage == "dma_contiguous_remap"
