"""kernel_page_tables line for line: against what kernels under QEMU printed, and against dump.c for the other ones."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from bootmap.analysis.ptdump import Marker, Style, ptdump, style_of
from bootmap.analysis.registers import registers_as_set
from bootmap.errors import AbsentMemoryError
from bootmap.mmu.memory import Chunks
from bootmap.mmu.regs import regime_of
from bootmap.report.ptdump_text import ptdump_text

CAPTURES = sorted((Path(__file__).parents[1] / "data" / "ptdump").glob("*.json.gz"))
ROOT = 0x4000_4000
# asm/memory.h, fixmap.h of 6.1 with VMSPLIT_3G; 256 MiB of lowmem
MARKERS = (
    Marker("Modules", 0xBF00_0000),
    Marker("Kernel Mapping", 0xC000_0000),
    Marker("vmalloc() Area", 0xD080_0000),
    Marker("vmalloc() End", 0xFF80_0000),
    Marker("FDT Area", 0xFF80_0000),
    Marker("Fixmap Area", 0xFFC8_0000),
    Marker("Vectors", 0xFFFF_0000),
    Marker("Vectors End", 0xFFFF_2000),
)
HEADS = ["---[ Modules ]---", "---[ Kernel Mapping ]---", "---[ vmalloc() Area ]---"]
TAIL = ["---[ Fixmap Area ]---"]  # without a table below, the last entry of the walk is the one at 0xffe00000


def style(version: tuple[int, ...], sublevel: int | None = None, *, long: bool = False, v6: bool = True) -> Style:
    return style_of(version, sublevel, long=long, since_v6=v6, io_36=False, markers=MARKERS)


def printed(chunks: dict[int, bytes], how: Style) -> list[str]:
    regime = regime_of(registers_as_set("v7lpae", ROOT, long=how.long))
    return ptdump_text(ptdump(Chunks(chunks), regime, ROOT, how), how).split("\n")


def short_root(entries: dict[int, int]) -> dict[int, bytes]:
    words = [entries.get(index, 0) for index in range(4096)]
    return {ROOT: struct.pack("<4096I", *words)}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name.removesuffix(".json.gz"))
def test_ptdump_is_what_the_kernel_printed(path: Path) -> None:
    doc: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    major, minor, sublevel = map(int, doc["banner"].removeprefix("Linux version ").split("."))
    vmalloc = (doc["high_memory"] + (8 << 20)) & -(8 << 20)
    how = style_of(
        (major, minor),
        sublevel,
        long=doc["lpae"],
        since_v6=not path.name.startswith("v5-"),
        io_36=False,
        markers=[row._replace(start=vmalloc) if row.name == "vmalloc() Area" else row for row in MARKERS],
    )
    chunks = {int(pa, 16): bytes.fromhex(digits) for pa, digits in doc["pages"].items()}
    regime = regime_of(registers_as_set("v7lpae", doc["root"], long=doc["lpae"]))
    assert ptdump_text(ptdump(Chunks(chunks), regime, doc["root"], how), how).split("\n") == doc["ptdump"]
    assert len(doc["ptdump"]) >= 39


def test_captures_are_there() -> None:
    assert len(CAPTURES) == 4


# Lowmem as an SMP kernel maps it: read-write sections, the last one alone in its pair.
LOWMEM = short_root({index: index - 0xC00 << 20 | 0x4001_141E for index in range(0xC00, 0xC05)})


def test_ptdump_lone_section_reaches_over_its_neighbour() -> None:
    """The next entry that note_page() hears of is 2 MiB further on."""
    assert printed(LOWMEM, style((6, 1))) == [
        *HEADS[:2],
        "0xc0000000-0xc0600000           6M PGD KERNEL      RW NX SHD",
        HEADS[2],
        "---[ FDT Area ]---",
        *TAIL,
    ]


def test_ptdump_before_level_names() -> None:
    """5.4 prints the domain and no level; 4.9 prints neither; both have a marker for the end of vmalloc."""
    for version, line in (
        ((5, 4), "0xc0000000-0xc0600000           6M KERNEL      RW NX SHD"),
        ((4, 9), "0xc0000000-0xc0600000           6M     RW NX SHD"),
    ):
        assert printed(LOWMEM, style(version)) == [*HEADS[:2], line, HEADS[2], "---[ vmalloc() End ]---", *TAIL]


@pytest.mark.parametrize(("version", "sublevel"), [((5, 13), None), ((5, 10), 100), ((6, 0), None)])
def test_ptdump_takes_pmds_for_puds(version: tuple[int, ...], sublevel: int) -> None:
    """walk_pmd() passes level 3 for the first of a pair, 4 for the second: only the second is printed."""
    assert printed(LOWMEM, style(version, sublevel)) == [
        *HEADS[:2],
        "0xc0100000-0xc0200000           1M KERNEL      RW NX SHD",
        "0xc0300000-0xc0400000           1M KERNEL      RW NX SHD",
        HEADS[2],
        "---[ vmalloc() End ]---",
        *TAIL,
    ]


def test_ptdump_after_the_stable_fix() -> None:
    assert printed(LOWMEM, style((5, 10), 150))[2] == "0xc0000000-0xc0600000           6M KERNEL      RW NX SHD"


def test_ptdump_joins_what_is_not_contiguous() -> None:
    """Physical addresses count for nothing, and an entry whose shown bits are all 0 is not printed."""
    table = 0x4800_0000
    root = short_root({0xD08: table | 0x801 | 0, 0xD09: table | 0xC01})
    ptes = [0] * 1024
    # L_PTE_PRESENT | YOUNG | DIRTY | XN, write-allocate (7 << 2)
    ptes[0], ptes[1] = 0x5000_025F | 0x1C, 0x6000_025F | 0x1C
    ptes[3] = 0x7000_0043  # present, young, dirty: uncached, writable, executable: no bit that is shown
    ptes[4] = 0x7000_0343 | 0x80 | 0x400  # user, read-only, NX, shared
    lines = printed(root | {table: struct.pack("<1024I", *ptes)}, style((6, 12)))
    assert lines[3:5] == [
        "0xd0800000-0xd0802000           8K PTE KERNEL      RW NX     MEM/CACHED/WBWA",
        "0xd0804000-0xd0805000           4K PTE KERNEL  USR ro NX SHD SO/UNCACHED",
    ]


def test_ptdump_domains_have_names() -> None:
    """User, IO and vectors are 1, 2, 3; all others are one and the same unknown."""
    section = 0x0000_0412  # AP_WRITE, XN
    entries = {0xD10 + 2 * at: section | domain << 5 for at, domain in enumerate((1, 2, 3, 4, 9))}
    entries |= {index + 1: word for index, word in entries.items()}
    assert printed(short_root(entries), style((6, 1)))[3:7] == [
        "0xd1000000-0xd1200000           2M PGD USER        RW NX    ",
        "0xd1200000-0xd1400000           2M PGD IO          RW NX    ",
        "0xd1400000-0xd1600000           2M PGD VECTORS     RW NX    ",
        "0xd1600000-0xd1a00000           4M PGD unknown     RW NX    ",
    ]


def test_ptdump_of_old_cpus_has_no_apx() -> None:
    """Up to ARMv5 sections without any right are "ro", which is approximate, as dump.c says itself."""
    entries = {0xD10: 0x1A, 0xD11: 0x1A, 0xD12: 0x81A, 0xD13: 0x81A}  # nothing but XN, AP_READ
    assert printed(short_root(entries), style((6, 1), v6=False))[3:5] == [
        "0xd1000000-0xd1200000           2M PGD KERNEL      ro NX    ",
        "0xd1200000-0xd1400000           2M PGD KERNEL  USR ro NX    ",
    ]


LONG_SECTION = 0x4000_0701 | 1 << 54  # AF, inner shareable, XN


@pytest.mark.parametrize(
    ("version", "ap2", "rdonly", "shown"),
    [
        ((6, 1), 1, 1, "ro"),
        ((6, 1), 1, 0, "RW"),
        ((6, 1), 0, 1, "RW"),
        ((4, 4), 0, 1, "ro"),
        ((4, 4), 1, 0, "RW"),
        ((3, 14), 1, 0, "ro"),
        ((3, 14), 0, 1, "RW"),
    ],
)
def test_ptdump_long_sections_are_read_only_by_version(
    version: tuple[int, ...], ap2: int, rdonly: int, shown: str
) -> None:
    word = LONG_SECTION | ap2 << 7 | rdonly << 58
    pmds = struct.pack("<512Q", *(word if index < 2 else 0 for index in range(512)))
    root = struct.pack("<4Q", 0, 0, 0, 0x4000_8003)
    line = printed({ROOT: root, 0x4000_8000: pmds}, style(version, long=True))[2]
    level = " PMD" if version >= (6, 1) else ""
    assert line == f"0xc0000000-0xc0400000           4M{level} {shown} NX SHD"


def test_ptdump_markers_cut_ranges_and_the_last_ends_at_4_gib() -> None:
    root = struct.pack("<4Q", 0, 0, 0, 0x4000_8003)
    pmds = struct.pack("<512Q", *(LONG_SECTION for _ in range(512)))
    lines = printed({ROOT: root, 0x4000_8000: pmds}, style((6, 1), long=True))
    assert lines[:5] == [
        "---[ Modules ]---",
        "---[ Kernel Mapping ]---",
        "0xc0000000-0xd0800000         264M PMD RW NX SHD",
        "---[ vmalloc() Area ]---",
        "0xd0800000-0xff800000         752M PMD RW NX SHD",
    ]
    assert lines[-1] == "0xffe00000-0x00000000           2M PMD RW NX SHD"


def test_ptdump_without_the_page_directory() -> None:
    with pytest.raises(AbsentMemoryError):
        printed({}, style((6, 1)))
