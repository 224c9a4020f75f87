"""Zones and bootmem's map, against kernels that ran.

What Linux 3.10.105 did was read from its memory under QEMU's virt with 1 GiB; that of the Allwinner A20 is in its log
(tests/data/logs/sun7i-3.4.79-a20.log): 512 + 65024 pages of DMA, 1008 + 128016 of Normal, 528 + 67056 of HighMem.
"""

from __future__ import annotations

import numpy as np
import pytest
from support.machines import cpu
from support.recordings import fresh_kernel
from support.trees import blob, board, numbers, reserved_memory

from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.records import MemBank, Zone
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.setup.machine import PickedMachine
from bootmap.boot.state import BootState
from bootmap.boot.trace import KernelDied, Origin, Verdict
from bootmap.boot.zones.bootmem_init import bootmem_init, dma_zone_size, setup_dma_zone
from bootmap.facts.machines.table import Machine
from bootmap.inputs.board import parse_board
from bootmap.inputs.kconfig import parse
from bootmap.report.dmesg import dmesg_text
from bootmap.units import GIB, MIB, PAGE_SHIFT, PAGE_SIZE

START = 0x40000000
ZONES = b"CONFIG_HIGHMEM=y\nCONFIG_ZONE_DMA=y\n"
USER = Origin("test", "RAM")


def state_of(
    version: tuple[int, ...],
    options: bytes = ZONES,
    banks: tuple[tuple[int, int], ...] = ((START, GIB),),
    low: int = 760 * MIB,
    dma: int = 0,
) -> BootState:
    """A boot at the entry of bootmem_init: banks of RAM, the end of lowmem, and the machine's dma_zone_size."""
    kernel = KernelModel(
        version, None, parse(b"CONFIG_MMU=y\nCONFIG_VMSPLIT_3G=y\n" + options), fresh_kernel("v7").symbols
    )
    state = BootState(kernel, Handover(None, 0, START, cpu("cortex-a15")), smp=False)
    state.machine = PickedMachine(Machine("board", dma_zone_size=dma), None, ())
    for start, size in banks:
        state.memblock.add(start, size)
        for at, until in ((start, START + low), (START + low, start + size)):
            if max(at, start) < min(until, start + size):
                first, last = max(at, start), min(until, start + size)
                state.meminfo.append(MemBank(first, last - first, first >= START + low, USER))
    state.vars.arm_lowmem_limit = state.memblock.current_limit = START + low
    sections = np.arange(-(-low // MIB), dtype=np.uint32) * np.uint32(MIB) + np.uint32(START | 2)
    state.tables.create(state.tables.root, 0x4000, state.cause("zero"))
    state.tables.write(state.descriptor_address(state.va(START)), sections, state.cause("section"))
    setup_dma_zone(state)
    bootmem_init(state)
    return state


def present(state: BootState) -> dict[str, int]:
    return {zone.name: zone.present for zone in state.zones}


def spans(state: BootState) -> dict[str, tuple[int, int]]:
    return {zone.name: (zone.start_pfn, zone.end_pfn) for zone in state.zones}


# -- the limits ----------------------------------------------------------------------------------------------------


def test_limits_of_linux_3_10() -> None:
    """max_low_pfn, max_pfn and min_low_pfn as they stood in the kernel."""
    values = state_of((3, 10), b"CONFIG_HIGHMEM=y\n").vars
    assert (values.min_low_pfn, values.max_low_pfn, values.max_pfn) == (0, 194560, 262144)


def test_limits_count_from_address_0_since() -> None:
    values = state_of((3, 14), b"CONFIG_HIGHMEM=y\n").vars
    assert (values.min_low_pfn, values.max_low_pfn, values.max_pfn) == (0x40000, 0x6F800, 0x80000)


def test_limits_follow_meminfo_not_memblock() -> None:
    """What a machine took out of memblock is still in struct meminfo, which find_limits reads up to 3.15."""
    for version, last in (((3, 12), 262144), ((3, 14), 0x80000), ((3, 16), 0x7F000)):
        state = state_of(version, b"CONFIG_HIGHMEM=y\n")
        state.memblock.remove(START + GIB - 16 * MIB, 16 * MIB)
        bootmem_init(state)
        assert state.vars.max_pfn == last


# -- bootmem -------------------------------------------------------------------------------------------------------


def test_bootmem_bitmap_of_linux_3_10() -> None:
    """194560 pages of lowmem are 24320 bytes of bits: six pages, the highest that are free."""
    state = state_of((3, 10))
    assert state.memblock.reserved.regions == [(0x6F7FA000, 0x6000, 0)]


@pytest.mark.parametrize(("low", "pages"), [(128 * MIB, 1), (128 * MIB + 0x8000, 2), (896 * MIB, 7)])
def test_bootmem_bitmap_is_whole_pages(low: int, pages: int) -> None:
    """One page has the bits of 32768 pages, which are 128 MiB."""
    state = state_of((2, 6, 38), banks=((START, low),), low=low)
    assert sum(size for _, size, _ in state.memblock.reserved.regions) == pages << PAGE_SHIFT


def test_bootmem_bitmap_counts_holes() -> None:
    state = state_of((3, 4), banks=((START, 64 * MIB), (START + 512 * MIB, 64 * MIB)))
    assert sum(size for _, size, _ in state.memblock.reserved.regions) == 5 << PAGE_SHIFT  # 147456 pages


def test_bootmem_bitmap_without_room() -> None:
    state = state_of((3, 10))
    state.memblock.reserve(START, 760 * MIB)
    with pytest.raises(KernelDied, match="bitmap of bootmem"):
        bootmem_init(state)


def test_no_bitmap_without_bootmem() -> None:
    assert state_of((3, 14)).memblock.reserved.regions == []


# -- zones ---------------------------------------------------------------------------------------------------------


def test_zones_of_the_a20() -> None:
    state = state_of((3, 4), dma=256 * MIB)
    assert present(state) == {"DMA": 512 + 65024, "Normal": 1008 + 128016, "HighMem": 528 + 67056}


def test_dma_zone_ends_one_page_early_since_5_8() -> None:
    """arm_dma_limit is the last byte, and its page is taken for the end."""
    assert spans(state_of((5, 4), dma=256 * MIB))["DMA"] == (0x40000, 0x50000)
    found = spans(state_of((5, 10), dma=256 * MIB))
    assert found["DMA"] == (0x40000, 0x4FFFF)
    assert found["Normal"] == (0x4FFFF, 0x6F800)


@pytest.mark.parametrize("version", [(3, 4), (5, 4), (5, 10)])
@pytest.mark.parametrize("dma", [0, GIB])
def test_dma_zone_is_all_of_lowmem(version: tuple[int, ...], dma: int) -> None:
    """Where the machine asks for nothing, or for more than lowmem is."""
    found = spans(state_of(version, dma=dma))
    assert found["DMA"] == (0x40000, 0x6F800)
    assert found["Normal"][0] == found["Normal"][1]


def test_dma_zone_begins_at_the_first_page_before_5_8() -> None:
    """RAM that begins above PHYS_OFFSET moves the zone, but not arm_dma_limit."""
    banks = ((START + 64 * MIB, 512 * MIB),)
    assert spans(state_of((4, 19), banks=banks, dma=256 * MIB))["DMA"] == (0x44000, 0x54000)
    assert spans(state_of((6, 1), banks=banks, dma=256 * MIB))["DMA"] == (0x44000, 0x4FFFF)


def test_holes_are_all_counted_in_the_other_zone_before_5_8() -> None:
    banks = ((START, 64 * MIB), (START + 128 * MIB, 256 * MIB))
    assert present(state_of((4, 19), banks=banks, dma=256 * MIB))["DMA"] == 65536
    assert present(state_of((4, 19), banks=banks, dma=256 * MIB))["Normal"] == 32768 - 16384
    assert present(state_of((6, 1), banks=banks, dma=256 * MIB))["DMA"] == 65536 - 16384 - 1


def test_highmem_is_all_ram_behind_lowmem_before_5_8() -> None:
    """A 3.4.112 whose last bank, sorted behind the larger, ended at 521 pages logged 516 and 3575, of 4096."""
    for version, pages in (((3, 4), 4096 - 521), ((6, 1), 0)):
        state = state_of(version, b"CONFIG_HIGHMEM=y\n", banks=((START, 16 * MIB),), low=16 * MIB)
        state.vars.arm_lowmem_limit = state.memblock.current_limit = START + 521 * 4096
        state.meminfo = [MemBank(START, 521 * 4096, False, USER)]
        if version > (3, 14):
            state.memblock.remove(START + 521 * 4096, 16 * MIB)
        bootmem_init(state)
        assert present(state) == {"Normal": 521, "HighMem": pages}


def test_no_dma_zone() -> None:
    state = state_of((3, 4), b"CONFIG_HIGHMEM=y\n", dma=256 * MIB)
    assert state.zones[0] == Zone("Normal", 0x40000, 0x6F800, 194560, 194560)
    assert state.vars.arm_dma_limit == 0xFFFFFFFF


# -- how large the DMA zone is -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (b"CONFIG_ARCH_DAVINCI=y\n", 128 * MIB),
        (b"CONFIG_ARCH_REALVIEW=y\n", 256 * MIB),
        (b"CONFIG_ARCH_SA1100=y\nCONFIG_SA1111=y\n", MIB),
        (b"CONFIG_ARCH_SA1100=y\n", 0),
        (b"CONFIG_ARCH_PXA=y\nCONFIG_PCI=y\n", 0),
        (b"CONFIG_ARCH_PXA=y\nCONFIG_MACH_ARMCORE=y\nCONFIG_PCI=y\n", 64 * MIB),
        (b"CONFIG_ARCH_VERSATILE=y\n", 0),
    ],
)
def test_dma_zone_size_by_platform_before_3_1(options: bytes, size: int) -> None:
    """The machine's own dma_zone_size, 16 MiB here, does not exist yet."""
    assert dma_zone_size(state_of((3, 0), ZONES + options, dma=16 * MIB)) == size
    assert dma_zone_size(state_of((3, 1), ZONES + options, dma=16 * MIB)) == 16 * MIB


# -- what the page allocator gets ----------------------------------------------------------------------------------


def placed_below_4g(key: str, **area: bytes) -> Replay:
    """RAM from 1 GiB to 4 GiB, with an area of 256 MiB to be placed: from the top down."""
    root = board([(START, 3 * GIB)], width=2)
    reserved_memory(root, 2).add("area0", size=numbers(2, 256 * MIB), no_map=b"", **area)
    return boot(fresh_kernel(key), Handover(parse_board(blob(root)), 0x48000000, START, cpu("cortex-a15")))


@pytest.mark.parametrize("key", ["deb-5.10", "deb-6.1", "deb-6.12", "deb-7.2"])
def test_free_memory_inside_the_last_page(key: str) -> None:
    """Booted under QEMU's virt: "BUG: Bad page state in process swapper  pfn:00001", and dead in memblock_free_all."""
    prediction = placed_below_4g(key)
    (died,) = [hazard for hazard in prediction.hazards if hazard.id == "page-0-freed"]
    assert (prediction.outcome.verdict, died.stage, died.address) == (Verdict.DIES, "memblock_free_all", 0xFFFFFFC0)
    assert prediction.stage("paging_init") is not None


def test_node_ranges_that_wrap_in_the_log() -> None:
    """Debian's 6.1.176 under QEMU's virt printed these three lines for that board."""
    said = dmesg_text(placed_below_4g("deb-6.1"), ()).splitlines()
    assert [line.split("[mem ")[1] for line in said if "node   0:" in line] == [
        "0x0000000040000000-0x00000000efffefff]",
        "0x00000000f0000000-0x00000000ffffefff]",
        "0x0000000000000000-0x00000000ffffefff]",
    ]


@pytest.mark.parametrize("key", ["deb-5.10", "deb-6.1", "deb-6.12", "deb-7.2"])
def test_free_memory_inside_the_last_page_of_an_aligned_area(key: str) -> None:
    """The same with alignment = <0x1000>; 6.1.176 came as far as looking for a root file system."""
    prediction = placed_below_4g(key, alignment=numbers(2, PAGE_SIZE))
    assert prediction.outcome.verdict is Verdict.BOOTS
    assert not prediction.hazards


def test_free_memory_inside_the_last_page_with_long_descriptors() -> None:
    """phys_addr_t has 64 bits, and nothing wraps."""
    prediction = placed_below_4g("deb-6.1-lpae")
    assert prediction.outcome.verdict is Verdict.BOOTS


def test_free_memory_inside_the_last_page_of_lowmem_is_uncertain() -> None:
    """RAM of a fixed area's end to the last byte: what is free there may be allocated before it is handed over."""
    root = board([(0xE0000000, 512 * MIB)], width=2)
    reserved_memory(root, 2).add("area0", reg=numbers(2, 0xFF000000, 0xFFFF80))
    handover = Handover(parse_board(blob(root)), 0xE8000000, 0xE0000000, cpu("cortex-a15"))
    prediction = boot(fresh_kernel("deb-6.1"), handover)
    (hazard,) = [hazard for hazard in prediction.hazards if hazard.id == "page-0-freed"]
    assert hazard.luck
    assert prediction.outcome.verdict is Verdict.UNCERTAIN
