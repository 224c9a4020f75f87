"""The table of pages, where it does not fit, and the small tables behind it.

Where they are when all is well is compared with recordings, to the byte: test_recordings.py, test_recorded_logs.py.
"""

from __future__ import annotations

import pytest
from support.machines import cpu
from support.recordings import fresh_kernel
from support.trees import blob, board, numbers, reserved_memory

from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.trace import Verdict
from bootmap.boot.zones.memmap import struct_page_bytes
from bootmap.inputs.board import parse_board
from bootmap.inputs.kconfig import parse
from bootmap.units import GIB, MIB

START = 0x40000000
FAR = (0xF0000000, 16 * MIB)
"""A bank 2.75 GiB up: with it the table is for 721920 pages and more."""


SPARSE = "CONFIG_SPARSEMEM=y\nCONFIG_SPARSEMEM_STATIC=y\n"
ORDER_10 = "CONFIG_ARCH_FORCE_MAX_ORDER=10\n"


def kernel(version: tuple[int, ...], options: str = "") -> KernelModel:
    parsed = fresh_kernel("v7")
    config = "".join(f"CONFIG_{name}={value}\n" for name, value in parsed.config.items()) if options else ""
    return KernelModel(version, None, parse((config + options).encode()) if options else parsed.config, parsed.symbols)


def booted(version: tuple[int, ...], banks: list[tuple[int, int]], options: str = "") -> Replay:
    tree = parse_board(blob(board(banks)))
    return boot(kernel(version, options), Handover(tree, START + 8 * MIB, START, cpu("cortex-a15")))


def allocated(prediction: Replay) -> dict[str, int]:
    """Who took memory in bootmem_init -> bytes."""
    stage, before = prediction.stage("bootmem_init"), prediction.stage("kmap_init")
    assert stage is not None
    assert before is not None
    return {op.origin.text: op.size for op in list(stage.memblock.log)[len(before.memblock.log) :]}  # type: ignore[union-attr]


def test_free_area_init_of_linux_3_16() -> None:
    """As its log has it: 8388608 bytes, then 96 and 12288 for Normal, 36 and 6144 for HighMem."""
    assert allocated(booted((3, 16), [(START, GIB)])) == {
        "the zero page": 4096,
        "mem_map": 8388608,
        "the pageblock flags of zone Normal": 96,
        "the wait table of zone Normal": 12288,
        "the pageblock flags of zone HighMem": 36,
        "the wait table of zone HighMem": 6144,
    }


@pytest.mark.parametrize(
    ("version", "options", "flags"),
    [
        ((3, 14), "", 96),
        ((3, 14), "# CONFIG_COMPACTION is not set\n", 72),
        ((3, 16), "# CONFIG_COMPACTION is not set\n", 96),
        ((6, 16), ORDER_10 + "CONFIG_MEMORY_ISOLATION=y\n", 96),
        ((6, 18), ORDER_10 + "CONFIG_MEMORY_ISOLATION=y\n", 192),
        ((6, 18), ORDER_10 + "# CONFIG_MEMORY_ISOLATION is not set\n", 96),
        ((6, 18), ORDER_10 + "CONFIG_PAGE_BLOCK_MAX_ORDER=9\n", 192),
    ],
)
def test_pageblock_flags_by_version(version: tuple[int, ...], options: str, flags: int) -> None:
    """190 pageblocks of 3, 4 or 8 bits, in words of 32."""
    found = allocated(booted(version, [(START, GIB)], options))
    assert found["the pageblock flags of zone Normal"] == flags


@pytest.mark.parametrize(("version", "table"), [((3, 14), True), ((4, 8), True), ((4, 9), False)])
def test_wait_table_by_version(version: tuple[int, ...], table: bool) -> None:
    assert ("the wait table of zone Normal" in allocated(booted(version, [(START, GIB)]))) == table


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("CONFIG_SMP=y\n", 12288),
        ("# CONFIG_SMP is not set\n", 8192),
        ("CONFIG_SMP=y\nCONFIG_GENERIC_LOCKBREAK=y\n", 16384),
        ("CONFIG_SMP=y\nCONFIG_DEBUG_SPINLOCK=y\n", 24576),
    ],
)
def test_wait_table_by_size_of_a_spinlock(options: str, size: int) -> None:
    """1024 queues: include/linux/spinlock_types.h has 0, 4, 8 or 16 bytes, and a list 8."""
    assert allocated(booted((4, 4), [(START, GIB)], options))["the wait table of zone Normal"] == size


@pytest.mark.parametrize(
    ("version", "options", "size"),
    [
        ((3, 18), "CONFIG_MEMCG=y\n", 32),
        ((4, 1), "CONFIG_MEMCG=y\n", 36),
        ((6, 1), "# CONFIG_MEMCG is not set\n", 32),
        ((6, 12), "# CONFIG_MEMCG is not set\nCONFIG_SLAB_OBJ_EXT=y\n", 36),
    ],
)
def test_struct_page_bytes(version: tuple[int, ...], options: str, size: int) -> None:
    assert struct_page_bytes(kernel(version, options)) == size


@pytest.mark.parametrize("version", [(3, 4), (3, 10), (3, 14), (4, 19), (6, 1)])
def test_mem_map_without_room(version: tuple[int, ...]) -> None:
    """22 MiB and more of mem_map in a board whose lowmem is one bank of 24 MiB, which holds the kernel too."""
    prediction = booted(version, [(START, 24 * MIB), FAR])
    assert prediction.outcome.verdict is Verdict.DIES
    assert prediction.outcome.stage == "bootmem_init"
    assert [hazard.id for hazard in prediction.hazards] == ["memmap-failed"]
    assert booted(version, [(START, 64 * MIB), FAR]).outcome.verdict is Verdict.BOOTS


def test_mem_map_without_room_behind_paging_init() -> None:
    """From 7.0 on that is later: paging_init comes to its end, and the kernel dies behind it."""
    prediction = booted((7, 2), [(START, 24 * MIB), FAR])
    assert (prediction.outcome.verdict, prediction.outcome.stage) == (Verdict.DIES, "free_area_init")
    assert prediction.stage("paging_init") is not None
    assert [hazard.id for hazard in prediction.hazards] == ["memmap-failed"]
    assert allocated(booted((7, 2), [(START, GIB)])) == {}


def test_mem_map_filled_in_too_high() -> None:
    """Debian's 6.1.176 with mem=200M@0x50000000 on virt, read by another program: the struct pages lie in the CMA area.

    They are 2304 KiB too high, 0x5b86f000-0x5ba30fff: more than the table has, so that none of it is overwritten but
    what lies there.  It dies of "list_del corruption" after paging_init, in every run.
    """
    tree = parse_board(blob(board([(START, GIB)])))
    handover = Handover(tree, START + 128 * MIB, START, cpu("cortex-a15"), cmdline="mem=200M@0x50000000")
    prediction = boot(fresh_kernel("deb-6.1"), handover)
    assert prediction.outcome.verdict is Verdict.UNCERTAIN
    (hazard,) = [hazard for hazard in prediction.hazards if hazard.id == "memmap-displaced"]
    assert "2304 KiB too high, at [mem 0x5b86f000-0x5ba30fff], over default CMA area at 0x5b86f000" in hazard.message
    assert hazard.address == 0x5B86F000


# -- SPARSEMEM -----------------------------------------------------------------------------------------------------


def test_sparse_init_of_linux_6_1() -> None:
    """As a recorded log has it: 280 bytes for seven sections, and 14680064 bytes aligned to 0x200000."""
    found = allocated(booted((6, 1), [(START, 3 * GIB // 2), (START + 7 * GIB // 4, 256 * MIB)], SPARSE))
    assert found["the pageblock flags of all sections"] == 280
    assert found["the struct pages of 7 sections of 256 MiB"] == 14680064


@pytest.mark.parametrize(
    ("version", "flags"),
    [((4, 19), None), ((5, 4), 192), ((5, 10), 160), ((5, 15), 128), ((6, 1), 160), ((6, 12), 160), ((7, 2), None)],
)
def test_sparse_init_by_version(version: tuple[int, ...], flags: int | None) -> None:
    """Four sections: 32 bytes each, and 8 where struct mem_section_usage has an rcu_head, 16 for 128 subsections.

    4.19 is not modelled.
    """
    found = allocated(booted(version, [(START, GIB)], SPARSE + (ORDER_10 if version > (6, 4) else "")))
    assert found.get("the pageblock flags of all sections") == flags


def test_sparse_init_counts_sections_by_pages_that_wrap() -> None:
    """A region in the last page below 4 GiB: PFN_UP() of its base is 0 where phys_addr_t has 32 bits.

    5.4.286 with a no-map area of 256 MiB that is aligned to 64 bytes, booted: 32 MiB of struct pages for 16 sections,
    0x6de00000-0x6fdfffff, though RAM begins at 1 GiB.
    """
    root = board([(START, 0xC0000000)], width=2)
    area = reserved_memory(root, 2)
    area.add("area0", size=numbers(2, 256 * MIB), no_map=b"")
    tree = parse_board(blob(root))
    prediction = boot(fresh_kernel("v54-sparse"), Handover(tree, 0x90000000, START, cpu("cortex-a15")))
    stage = prediction.stage("bootmem_init")
    assert stage is not None
    assert (0x6DE00000, 0x2000000, 0) in stage.memblock.reserved.regions


def test_sparse_init_without_room() -> None:
    prediction = booted((6, 1), [(START, 24 * MIB), *((START + n * 256 * MIB, MIB) for n in range(1, 12))], SPARSE)
    assert [hazard.id for hazard in prediction.hazards] == ["memmap-failed"]
    assert prediction.outcome.verdict is Verdict.DIES


def test_sparse_init_with_memory_cgroups_is_left_out() -> None:
    """36 bytes for each page make no power of two."""
    found = allocated(booted((6, 1), [(START, GIB)], SPARSE + "CONFIG_MEMCG=y\n"))
    assert found.keys() == {"the zero page"}


def test_zones_count_pages_that_wrap() -> None:
    """The same board with 6.1: ``__absent_pages_in_range`` clamps 0 to the zone's start: all count twice."""
    root = board([(START, 0xC0000000)], width=2)
    reserved_memory(root, 2).add("area0", size=numbers(2, 256 * MIB), no_map=b"")
    tree = parse_board(blob(root))
    prediction = boot(fresh_kernel("v7"), Handover(tree, 0x90000000, START, cpu("cortex-a15")))
    regions = prediction.state.memblock.memory.regions
    assert regions[-1][0] > 0xFFFFF000  # 63 bytes behind the area, which is aligned to 64
    normal, highmem = prediction.state.zones[-2:]
    assert normal.present == 2 * (normal.end_pfn - normal.start_pfn)
    # The page in which the area begins is whole in neither region.
    assert highmem.present == 2 * (highmem.end_pfn - highmem.start_pfn) - 1
