"""Reading boot logs whatever stands around the kernel's messages: what is read is what the clean log says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.public_logs import FOLDER

from bootmap.bootlog.log import read_log

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES = ("cubox-i-imx6q-3.14-rc6-a", "bcm2835-3.6.11", "hi3518-3.0.8", "ast2500-6.6.30", "cubieboard4-5.6.11")
_STAMP = re.compile(r"^(?:<\d>)?\[ *\d+\.\d+\] ", re.MULTILINE)


def bare(name: str) -> str:
    """A log without any stamps."""
    return _STAMP.sub("", (FOLDER / f"{name}.log").read_text())


def said(text: str) -> list[tuple[str, dict[str, int | str]]]:
    return [(message.kind, message.values) for message in read_log(text).said]


def each(prefix: str) -> Callable[[str], str]:
    return lambda text: "".join(f"{prefix}{line}\n" for line in text.splitlines())


DISGUISES: dict[str, Callable[[str], str]] = {
    "printk's clock": each("[    0.000000] "),
    "printk's clock and caller": each("[    0.000000][    T0] "),
    "clock with the CPU": each("[    0.000000@0] "),
    "level": each("<6>"),
    "level and clock": each("<4>[   12.345678] "),
    "syslog": each("Jan  1 00:00:05 board kernel: [    0.000000] "),
    "journal": each("2024-05-27T20:09:38+0200 board kernel: "),
    "grabserial": each("[23.609227 0.001147] [    0.000000] "),
    "terminal's clock": each("[2024-05-27 20:09:38.123] "),
    "quoted": each("> > "),
    "vendor's task": each("<6>[01-01 00:00:00.000000] [0: swapper]"),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR only": lambda text: text.replace("\n", "\r"),
    "colours": each("\x1b[33m\x1b[0m"),
    "noise before": each("\x00\x7f\xff~ "),
    "other lines between": lambda text: text.replace("\n", "\nmmc0: new high speed SDHC card at address aaaa\n"),
    "other text behind": lambda text: text.replace("\nMemory policy", "\nInit: starting  Memory policy"),
    "nbsp": lambda text: text.replace(" ", "\xa0"),
}


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("disguise", DISGUISES)
def test_read_log_in_disguise(name: str, disguise: str) -> None:
    clean, dressed = said(bare(name)), said(DISGUISES[disguise](bare(name)))
    assert [kind for kind, _ in dressed] == [kind for kind, _ in clean]
    for (kind, ours), (_, theirs) in zip(dressed, clean, strict=True):
        numbers = {key: value for key, value in theirs.items() if isinstance(value, int)}
        assert numbers.items() <= ours.items(), kind
    assert len(clean) > 12


# Lines as kernels of all ages wrote them, with what is read from each.
_LINES = [
    ("Memory: 46MB = 46MB total", "memory_mb", {"sum": 46, "banks": "46MB"}),
    (
        "Memory: 254208k/254208k available, 7936k reserved, 0K highmem",
        "memory_k",
        {"free": 254208, "present": 254208, "reserved": 7936, "highmem": 0},
    ),
    (
        "Memory: 765004K/778240K available (4365K kernel code, 252K rwdata, 1304K rodata, 171K init, 148K bss, 13236K "
        "reserved)",
        "memory",
        {"present": 778240, "init": 171, "bss": 148, "reserved": 13236},
    ),
    (
        "Memory: 491060K/524288K available (7168K kernel code, 246K rwdata, 1892K rodata, 1024K init, 119K bss, 16844K "
        "reserved, 16384K cma-reserved, 0K highmem)",
        "memory",
        {"present": 524288, "cma": 16384, "highmem": 0},
    ),
    ("    vmalloc : 0xc3000000 - 0xfe000000   ( 944 MB)", "layout", {"name": "vmalloc", "start": 0xC3000000}),
    ("\t   vmalloc : 0xf0000000 - 0xff000000   ( 240 MB)", "layout", {"name": "vmalloc", "end": 0xFF000000}),
    ("       .bss : 0xc0622280 - 0xc0700000   ( 149 kB)", "layout", {"name": ".bss", "end": 0xC0700000}),
    ("    DMA     : 0xff000000 - 0xffe00000   (  14 MB)", "layout_other", {"name": "DMA"}),
    ("Memory policy: ECC disabled, Data cache writealloc", "policy", {"ecc": "disabled", "name": "writealloc"}),
    ("Memory policy: Data cache writeback", "policy", {"name": "writeback"}),
    ("cma: CMA: reserved 16 MiB at 1b000000", "cma", {"mib": 16, "base": 0x1B000000}),
    ("cma: Reserved 64 MiB at 0x00000000fb800000 on node -1", "cma", {"mib": 64, "base": 0xFB800000}),
    ("cma: Failed to reserve 64 MiB", "cma_failed", {"mib": 64}),
    ("Ignoring RAM at 0x2f800000-0x40000000", "ignoring", {"start": 0x2F800000, "last": 0x40000000}),
    ("Ignoring RAM at 30000000-3fffffff (!CONFIG_HIGHMEM).", "ignoring", {"start": 0x30000000, "last": 0x3FFFFFFF}),
    ("Truncating RAM at 20000000-3fffffff to -2f7fffff (vmalloc region overlap).", "truncating", {"to": 0x2F7FFFFF}),
    ("Truncating RAM at 0x00000000-0x40000000 to -0x30000000", "truncating", {"to": 0x30000000}),
    ("vmalloc area is too small, limiting to 16MiB", "said", {}),
    ("BUG: not creating mapping for 0x50040000 at 0x00040000 in user region", "said", {}),
    ("OF: fdt: Ignoring memory range 0x100000000 - 0x140000000", "dt_range", {"end": 0x140000000}),
    ("OF: fdt: Ignoring memory block 0x200000000 - 0x280000000", "dt_block", {"start": 0x200000000}),
    ("Ignoring memory below PHYS_OFFSET: 0x00000000-0x10000000", "said", {}),
    ("Reserved memory: created CMA memory pool at 0x99000000, size 16 MiB", "pool", {"base": 0x99000000, "mib": 16}),
    (
        "OF: reserved mem: 0x99000000..0x99ffffff (16384 KiB) map reusable framebuffer",
        "node",
        {"last": 0x99FFFFFF, "map": "map", "reuse": "reusable"},
    ),
    ("OF: reserved mem: failed to allocate memory for node 'linux,cma': size 64 MiB", "rmem", {}),
    ("  Normal   [mem 0x0000000080000000-0x000000009a7fffff]", "zone", {"name": "Normal", "last": 0x9A7FFFFF}),
    ("  HighMem  empty", "zone", {"name": "HighMem", "empty": "empty"}),
    ("  Normal   0x00080000 -> 0x000a0000", "zone_pfn", {"base": 0x80000, "to": 0xA0000}),
    ("  node   0: [mem 0x80000000-0x9fffffff]", "nodes", {"start": 0x80000000}),
    ("On node 0 totalpages: 194560", "total", {"pages": 194560}),
    ("  Normal zone: 194560 pages, LIFO batch:31", "zone_pages", {"pages": 194560}),
    ("Built 1 zonelists in Zone order, mobility grouping on.  Total pages: 193040", "all_pages", {"pages": 193040}),
    (
        "memblock_reserve: [0x00000010008240-0x0000001112c277] flags 0x0 arm_memblock_init+0x54/0x1d4",
        "call",
        {"name": "reserve", "start": 0x10008240, "last": 0x1112C277},
    ),
    ("__memblock_reserve: [0x40300000-0x41607587] nid=-1 flags=0 arm_memblock_init+0x30", "call", {"name": "reserve"}),
    (" memory[0x0]\t[0x40000000-0x7fffffff], 0x40000000 bytes flags: 0x4", "dump_row", {"index": 0, "flags": 4}),
    (" reserved[0x1]  [0x000000600081c0-0x000000608e66cf], 0x8de510 bytes", "dump_row", {"size": 0x8DE510}),
    ("CPU: StrongARM-1110 [6901b118] revision 8 (ARMv4), cr=c020717f", "cpu", {"midr": 0x6901B118, "arch": "ARMv4"}),
]


@pytest.mark.parametrize(("line", "kind", "values"), _LINES)
def test_read_log_line(line: str, kind: str, values: dict[str, int | str]) -> None:
    found = [(name, read) for name, read in said(f"[    0.000000] {line}\n") if name == kind]
    assert len(found) == 1
    assert values.items() <= found[0][1].items()


def test_read_log_two_messages_on_one_line() -> None:
    text = "cma: Reserved 16 MiB at 0x1b000000Memory policy: Data cache writeback\n"
    assert [kind for kind, _ in said(text)] == ["cma", "policy"]


def test_read_log_wrapped_by_a_mail() -> None:
    text = (
        "Linux version 6.1.0 (builder) (arm-none-gcc\n11.2) #2 SMP PREEMPT Wed\n"
        "Zone ranges:\n  Normal   [mem\n0x0000000080000000-0x000000009effffff]\n"
        "Memory: 457284K/507904K available\n(8192K kernel code, 666K rwdata, 1560K rodata, 1024K init,\n"
        "156K bss, 17852K\nreserved, 32768K cma-reserved)\n"
        "CPU: ARMv7 Processor [411fc090] revision 0 (ARMv7), \ncr=10c5387d\n"
    )
    log = read_log(text)
    assert [message.kind for message in log.said] == ["banner", "zone", "memory", "cpu"]
    banner, zone, memory, cpu = log.said
    assert "SMP" in banner.word("rest")
    assert (zone.number("start"), zone.number("last")) == (0x80000000, 0x9EFFFFFF)
    assert (memory.number("present"), memory.number("cma")) == (507904, 32768)
    assert (cpu.number("midr"), cpu.number("cr")) == (0x411FC090, 0x10C5387D)
    assert [message.line for message in log.said] == [1, 4, 6, 10]


def test_read_log_command_line_goes_on() -> None:
    stamped = "[    0.000000] Kernel command line: console=ttyS0\nmem=64M vmalloc=256M\n[    0.000000] Dentry cache\n"
    bare = "Kernel command line: console=ttyS0\ncma=192m rw rootwait\nDentry cache hash table entries: 65536\n"
    assert read_log(stamped).said[0].word("text") == "console=ttyS0 mem=64M vmalloc=256M"
    assert read_log(bare).said[0].word("text") == "console=ttyS0 cma=192m rw rootwait"


def test_read_log_of_the_first_boot_only() -> None:
    text = Path(FOLDER / "bcm2835-3.6.11.log").read_text()
    assert said(text + text) == said(text)


def test_read_log_reboot_before_memory_is_one_boot() -> None:
    """A banner twice, as an early console and the log give it, begins no second boot."""
    banner = "Linux version 4.9.115 (builder) (gcc) #1 SMP\n"
    assert [kind for kind, _ in said(banner + banner + "Memory policy: Data cache writealloc\n")] == [
        "banner",
        "banner",
        "policy",
    ]


def test_open_ends_of_old_kernels() -> None:
    """Up to 3.13 memblock_reserve named the address behind the range: 0x60008000, not 0x60007fff."""
    old = "memblock_reserve: [0x00000060004000-0x00000060008000] arm_mm_memblock_reserve+0x30/0x38\n"
    new = "memblock_reserve: [0x00000060004000-0x00000060007fff] flags 0x0 arm_mm_memblock_reserve+0x1c/0x24\n"
    assert read_log(old).open_ends
    assert not read_log(new).open_ends


@given(st.binary(max_size=4000))
def test_read_log_of_anything(data: bytes) -> None:
    log = read_log(data.decode("utf-8", "replace"))
    assert all(message.line <= log.lines + 1 for message in log.said)
