"""The tables of recorded kernels read back: they must mean what is known of those kernels from elsewhere.

What is expected comes from the same recordings, but not from their tables: memblock, symbols, kernel variables,
the entry registers, and what Linux promises of its virtual layout (Documentation/arch/arm/memory.rst).
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bootmap.facts.arm.memory_attrs import MemoryType, Policy, Shareability
from bootmap.facts.arm.permissions import Rights
from bootmap.mmu.bulk import Map, snapshot
from bootmap.mmu.memory import Chunks
from bootmap.mmu.regs import Regs
from bootmap.units import MIB, PAGE_SIZE, Span

KERNELS = Path(__file__).parents[1] / "data" / "kernels"
CASES = sorted((Path(__file__).parents[1] / "data" / "cases").glob("*.json.gz"))

# The CPU of each QEMU machine as a version of the architecture.
ARCH = {
    "virt": "v7lpae",
    "raspi2b": "v7lpae",
    "mcimx6ul-evk": "v7lpae",
    "vexpress-a9": "v7",
    "sabrelite": "v7",
    "realview-pb-a8": "v7",
    "raspi0": "v6kz",
    "realview-eb-mpcore": "v6k",
    "integratorcp": "v5",
    "versatilepb": "v5",
    "spitz": "xscale",
    "sx1": "v4",
    "sx1-v1": "v4",
}
SCTLR = {
    "v4": 0x317F,
    "v5": 0x5317F,
    "xscale": 0x397F,
    "v6k": 0xC5387D,
    "v6kz": 0xC5387D,
}  # without TEX remap before ARMv7
TRE = 1 << 28
EE = 1 << 25
NOMAP = 4
VECTORS = 0xFFFF_0000
VIRT_UART = 0x0900_0000
FIXMAP = Span(0xFFC8_0000, 0xFFF0_0000)


def recorded(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return case


def read_back(case: dict[str, Any], moment: str) -> Map:
    """The map that the tables of one moment make, under the registers that such a kernel sets."""
    tables = case[moment]["tables"]
    chunks = {tables["pgd"]["pa"]: bytes.fromhex(tables["pgd"]["hex"])}
    for level in ("pmd", "pte"):
        chunks |= {int(pa, 16): bytes.fromhex(words) for pa, words in tables.get(level, {}).items()}
    arch = ARCH[case["qemu"]["machine"]]
    regs = Regs(
        arch=arch,
        sctlr=SCTLR.get(arch, 0xC5387D | TRE) | (EE if case.get("byteorder") == "big" else 0),
        ttbr0=tables["pgd"]["pa"],
        ttbcr=case["lpae"] << 31,
        prrr=0xFF0A81A8,
        nmrr=0x40E040E0,
        mair0=0xEEAA4400,
        mair1=0xFF000004,
    )
    return snapshot(Chunks(chunks), regs)


def config_of(case: dict[str, Any]) -> str:
    return gzip.decompress((KERNELS / case["kernel"]["key"] / "config.gz").read_bytes()).decode()


def number_of(case: dict[str, Any], option: str) -> int:
    return int(config_of(case).partition(f"CONFIG_{option}=")[2].split(maxsplit=1)[0], 16)


def symbol_of(case: dict[str, Any], name: str) -> int:
    lines = (KERNELS / case["kernel"]["key"] / "System.map").read_text().splitlines()
    return next(int(line.split()[0], 16) for line in lines if line.split()[2] == name)


def has_kuser_helpers(case: dict[str, Any]) -> bool:
    """Whether the recorded kernel lets users into the vectors page: unless its configuration says no."""
    return "# CONFIG_KUSER_HELPERS is not set" not in config_of(case)


def check_below_lowmem(case: dict[str, Any], table: Map) -> None:
    """Nothing is mapped below PAGE_OFFSET, but KASAN's early shadow, and an XIP kernel's text in flash."""
    config = config_of(case)
    if "CONFIG_KASAN=y" in config:
        # One page for all of the shadow: an eighth of 4 GiB, less that of user space (arch/arm/mm/kasan_init.c).
        page = symbol_of(case, "kasan_early_shadow_page") - case["page_offset"] + case["phys_offset"]
        shadow = number_of(case, "KASAN_SHADOW_OFFSET") + (1 << 29)
        start = (shadow >> 3) + number_of(case, "KASAN_SHADOW_OFFSET")
        vas = np.arange(start & -(2 << 20), shadow, PAGE_SIZE, dtype=np.uint32)
        answer = table.translate(vas)
        assert (answer.pa == page).all()
        assert answer.permits(Rights.PRIV_READ | Rights.PRIV_WRITE).all()
        assert not answer.permits(Rights.PRIV_EXECUTE).any()
        below = Span(0, start & -(2 << 20)), Span(shadow, case["page_offset"])
    elif "CONFIG_XIP_KERNEL=y" in config:
        (text,) = table.ranges().within(Span(0, case["page_offset"]))
        at = case["symbols"]["_text"]
        assert text.pa + at - text.va == number_of(case, "XIP_PHYS_ADDR")
        assert text.va == at & -MIB
        assert text.rights == Rights.PRIV_READ | Rights.PRIV_EXECUTE
        return
    else:
        below = (Span(0, case["page_offset"]),)
    assert not [len(table.ranges().within(span)) for span in below if len(table.ranges().within(span))]


def pages_of(regions: list[list[int]], end: int) -> np.ndarray:
    """The whole pages of memblock regions that are mapped, below ``end``."""
    spans = [(base, min(base + size, end)) for base, size, flags in regions if not flags & NOMAP]
    pages = [np.arange(-(-low // PAGE_SIZE), high // PAGE_SIZE) for low, high in spans if low < high]
    return np.concatenate(pages) * PAGE_SIZE


BOOTED = [path for path in CASES if b'"after"' in gzip.decompress(path.read_bytes())]
NAME = {"ids": lambda path: path.name.removesuffix(".json.gz")}


def test_recordings_are_there() -> None:
    assert len(CASES) >= 100
    assert len(BOOTED) >= 80


@pytest.mark.parametrize("path", BOOTED, **NAME)
def test_tables_after_paging_init(path: Path) -> None:
    case = recorded(path)
    table = read_back(case, "after")
    offset = case["page_offset"] - case["phys_offset"]
    # Before 3.3 the limit is no variable of its own; lowmem ends where high_memory begins.
    limit = case["vars"].get(
        "arm_lowmem_limit", case["vars"]["high_memory"] - case["page_offset"] + case["phys_offset"]
    )

    # All lowmem that is memory and not nomap lies where __phys_to_virt() says.
    memory = case["after"]["memblock"]["memory"]["regions"]
    pages = pages_of(memory, limit)
    lowmem = table.translate(pages + offset)
    if not lowmem.ok.all():
        # A pool that cma_init_reserved_mem refuses and dma_contiguous_remap unmaps all the same (docs/findings.md).
        assert path.name == "odd-resv-pool-odd-7.3.json.gz"
        pool = next(base for base, size, _ in case["after"]["memblock"]["reserved"]["regions"] if size == 3 * MIB)
        lost = pages[~lowmem.ok]
        assert (lost[0], lost[-1]) == (pool & -2 * MIB, (pool & -2 * MIB) + 4 * MIB - PAGE_SIZE)
        pages, lowmem = pages[lowmem.ok], table.translate(pages[lowmem.ok] + offset)
    assert lowmem.ok.all()
    assert np.array_equal(lowmem.pa, pages)
    assert lowmem.permits(Rights.PRIV_READ | Rights.PRIV_WRITE).all()

    # Nothing of lowmem's window maps anything else.
    window = table.ranges().within(Span(case["page_offset"], limit + offset))
    assert all(found.va - found.pa == offset for found in window)
    check_below_lowmem(case, table)
    # An early console alone may stay in the fixmap, as a device that nobody executes.
    for console in table.ranges().within(FIXMAP):
        assert "earlycon" in case["qemu"]["append"] + case["qemu"]["extra"]
        assert (console.pa, console.size) == (VIRT_UART, PAGE_SIZE)
        assert console.memory.type is MemoryType.DEVICE
        assert console.rights == Rights.PRIV_READ | Rights.PRIV_WRITE

    # The vectors: a page of memblock.reserved, and the only thing that a user may touch.
    (vectors,) = table.ranges().within(Span(VECTORS, VECTORS + PAGE_SIZE)).filter(lambda a: a.rights)
    reserved = [Span(base, base + size) for base, size, _ in case["after"]["memblock"]["reserved"]["regions"]]
    if any(span.size for span in reserved):  # one old kernel's array was not found
        assert any(vectors.pa in span and vectors.pa + vectors.size - 1 in span for span in reserved)
    assert vectors.size == PAGE_SIZE
    users = list(table.ranges().filter(lambda a: a.rights & Rights.USER))
    if not has_kuser_helpers(case):
        assert users == []
        return
    *others, last = users
    assert last == vectors
    assert vectors.rights & Rights.USER == Rights.USER_READ | Rights.USER_EXECUTE
    assert vectors.memory.type is MemoryType.NORMAL

    # ... but for what head.S mapped for everybody where the kernel's memory begins with nomap: before the
    # kernel knew of nomap there, map_lowmem() left those sections as they were.
    for other in others:
        assert case["kernel"]["key"] == "deb-5.10"
        (left,) = read_back(case, "before").ranges().within(Span(other.va, other.end))
        assert left == other
        nomap = [Span(base, base + size) for base, size, flags in memory if flags & NOMAP]
        assert any(other.pa & -MIB == span.start & -MIB and other.size <= 2 * MIB for span in nomap)


@pytest.mark.parametrize("path", BOOTED, **NAME)
def test_tables_after_paging_init_have_the_cache_policy(path: Path) -> None:
    """``cachepolicy`` is the kernel's own index: uncached, buffered, writethrough, writeback, writealloc."""
    case = recorded(path)
    table = read_back(case, "after")
    arch = ARCH[case["qemu"]["machine"]]
    at = case["symbols"]["_text"]
    (found,) = table.ranges().within(Span(at, at + 1))
    policy = case["vars"]["cachepolicy"]
    assert policy in (2, 3, 4)
    assert found.memory.inner is not None
    assert found.memory.inner == found.memory.outer
    assert found.memory.inner.policy is (Policy.WRITE_THROUGH if policy == 2 else Policy.WRITE_BACK)
    assert found.memory.inner.write_allocate == (policy == 4)
    if arch == "v5":
        assert found.memory.shareability is Shareability.NONE


@pytest.mark.parametrize("path", CASES, **NAME)
def test_tables_before_paging_init_map_the_running_kernel(path: Path) -> None:
    case = recorded(path)
    table = read_back(case, "before")
    symbols = case["symbols"]
    start, offset = symbols["_text"], case["phys_offset"] - case["page_offset"]
    if "CONFIG_XIP_KERNEL=y" in config_of(case):  # text in flash, data in RAM
        flash = np.arange(start & -PAGE_SIZE, symbols["_exiprom"], PAGE_SIZE, dtype=np.uint32)
        answer = table.translate(flash)
        assert answer.permits(Rights.PRIV).all()
        assert np.array_equal(answer.pa, flash.astype(np.int64) - start + number_of(case, "XIP_PHYS_ADDR"))
        start = symbols["_sdata"]
    vas = np.arange(start & -PAGE_SIZE, symbols["_end"], PAGE_SIZE, dtype=np.uint32)
    answer = table.translate(vas)
    assert answer.permits(Rights.PRIV).all()
    assert np.array_equal(answer.pa, vas.astype(np.int64) + offset)
    # The device tree or ATAG list that the boot loader passed is mapped somewhere, unless head.S saw none there: then
    # there are the 16 MiB that a kernel takes which was told nothing.
    regions = case["before"]["memblock"]["memory"]["regions"]
    assert len(table.mapping(case["entry"]["r2"])) >= 1 or regions == [[case["phys_offset"], 16 << 20, 0]]


LATE = [path for path in CASES if b'"late"' in gzip.decompress(path.read_bytes())]


@pytest.mark.parametrize("path", LATE, **NAME)
def test_tables_of_a_running_kernel_write_or_execute(path: Path) -> None:
    """CONFIG_STRICT_KERNEL_RWX: text is read-only, read-only data is not executed, the rest not either."""
    case = recorded(path)
    table = read_back(case, "late")
    symbols = case["symbols"]
    lowmem = Span(case["page_offset"], case["vars"]["high_memory"])
    kernel = table.ranges().within(lowmem)
    assert not [found for found in kernel if found.rights & Rights.PRIV_WRITE and found.rights & Rights.PRIV_EXECUTE]

    def rights(start: int, end: int) -> set[Rights]:
        return {found.rights for found in table.ranges().within(Span(start, end))}

    rodata, init = symbols["__start_rodata_section_aligned"], symbols["__init_begin"]
    assert rights(symbols["_stext"], rodata) == {Rights.PRIV_READ | Rights.PRIV_EXECUTE}
    assert rights(rodata, init) == {Rights.PRIV_READ}
    assert rights(symbols["_sdata"], symbols["_end"]) == {Rights.PRIV_READ | Rights.PRIV_WRITE}


def test_late_recordings_are_there() -> None:
    assert len(LATE) >= 4


def test_device_tree_mapping_is_read_only() -> None:
    """Linux 5.11+: the device tree lies at FDT_FIXED_BASE, two sections from the one that holds it."""
    case = recorded(next(path for path in BOOTED if path.name == "virt-1024m-6.1.json.gz"))
    (found,) = read_back(case, "after").ranges().within(Span(0xFF80_0000, 0xFFC0_0000))
    assert (found.va, found.size, found.pa) == (0xFF80_0000, 2 * MIB, case["entry"]["r2"] & -MIB)
    assert found.rights == Rights.PRIV_READ
    assert found.memory.shareability is Shareability.INNER


def test_supersections_reach_beyond_4_gib() -> None:
    """What a kernel's create_36bit_mapping wrote for the two mappings that its map_io asks for."""
    case = recorded(next(path for path in BOOTED if path.name == "own-v612-supersection-plain.json.gz"))
    far = read_back(case, "after").ranges().within(Span(0xF100_0000, 0xF400_0000))
    assert [(found.va, found.pa, found.size) for found in far] == [
        (0xF100_0000, 0x1_0000_0000, 16 * MIB),
        (0xF200_0000, 0xF_3000_0000, 32 * MIB),
    ]
    assert [found.memory.type for found in far] == [MemoryType.DEVICE, MemoryType.NORMAL]  # DEVICE_WC is normal memory
