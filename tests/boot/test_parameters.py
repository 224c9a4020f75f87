"""Parameters of the command line and of /chosen that few boots have: what the kernel says, and what it then does.

Expected values were read in the sources of 6.1 where nothing else is named: arch/arm/mm/mmu.c, arch/arm/kernel/setup.c,
drivers/of/fdt.c, drivers/tty/serial/earlycon.c, kernel/crash_core.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.machines import cpu, kernel
from support.recordings import case, fresh_kernel
from support.trees import Node, blob, board, cells, chosen, numbers, text

from bootmap.boot.handover import Handover
from bootmap.boot.kernel import KernelModel
from bootmap.boot.reserve.parse_crashkernel import Crashkernel, parse
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.trace import Verdict
from bootmap.inputs.board import parse_board
from bootmap.inputs.kconfig import parse as parse_config
from bootmap.units import GIB, MIB

if TYPE_CHECKING:
    from collections.abc import Callable

START = 0x40000000


def booted(model: KernelModel | str, root: Node, core: str = "cortex-a15", start: int = START) -> Replay:
    used = fresh_kernel(model) if isinstance(model, str) else model
    return boot(used, Handover(parse_board(blob(root)), start + 0x4000000, start, cpu(core)))


def said(prediction: Replay) -> list[str]:
    return prediction.state.dmesg


def earlycon(prediction: Replay) -> int | None:
    """The physical page that the early console's slot of the fixmap maps."""
    found = prediction.state.earlycon
    return found.pfn << 12 if found is not None else None


# -- crashkernel= ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (":64M", "crashkernel: Memory value expected"),
        ("256M:64M", "crashkernel: '-' expected"),
        ("256M-x:64M", "crashkernel: Memory value expected"),
        ("512M-256M:64M", "crashkernel: end <= start"),
        ("256M-512M,:64M", "crashkernel: ':' expected"),
        ("256M-:x", "Memory value expected"),
        ("256M-:2G", "crashkernel: invalid size"),
        ("256M-:64M@", "Memory value expected after '@'"),
        ("2G-:64M", "crashkernel size resulted in zero bytes"),
    ],
)
def test_parse_crashkernel_complaints(value: str, complaint: str) -> None:
    """``parse_crashkernel_mem``, on a machine of 1 GiB."""
    assert parse(value, GIB) == Crashkernel(0, 0, complaint)


# -- caches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "line", "policy"),
    [
        ("nocache", "nocache is deprecated; use cachepolicy=buffered", "buffered"),
        ("nowb", "nowb is deprecated; use cachepolicy=uncached", "uncached"),
    ],
)
def test_cache_policy_by_its_old_names(word: str, line: str, policy: str) -> None:
    """``early_nocache`` and ``early_nowrite``: before ARMv6 they are heard, from then on answered with a refusal."""
    prediction = booted("v5-versatile", board([(0, 128 * MIB)], bootargs=word), "arm926", 0)
    assert line in said(prediction)
    assert f"Memory policy: Data cache {policy}" in said(prediction)
    newer = booted("deb-6.1", board([(START, GIB)], bootargs=word))
    assert line in said(newer)
    assert "Only cachepolicy=writealloc supported on ARMv6 and later" in said(newer)


def test_cache_policy_that_there_is_not() -> None:
    """``early_cachepolicy`` then indexes its table with -1: what comes of that is not known, and is said."""
    root = board([(0, 128 * MIB)], bootargs="cachepolicy=none")
    prediction = booted("v5-versatile", root, "arm926", 0)
    assert "ERROR: unknown or unsupported cache policy" in said(prediction)
    assert any("cachepolicy=none" in str(each) for each in prediction.state.assumptions)


def test_write_through_by_configuration() -> None:
    """CPU_DCACHE_WRITETHROUGH caps the policy (``build_mem_type_table``), and small pages that are cached lose their B
    bit (arch/arm/mm/proc-macros.S ``armv3_set_pte_ext``).  Sections are those of a boot with cachepolicy=writethrough.
    """
    recorded = case("own-v5-wtparam")
    handover = recorded.prediction.state.handover
    assert "cachepolicy=writethrough" in recorded.prediction.state.cmdline
    model = kernel("v5-versatile", (6, 1), "CPU_DCACHE_WRITETHROUGH")
    prediction = boot(model, replace(handover, cmdline="earlyprintk"))
    assert "Memory policy: Data cache writethrough" in said(prediction)
    tables = prediction.state.tables
    after = recorded.pages("after")
    compared = 0
    for page in range(tables.root, tables.root + 0x4000, 4096):
        for index in range(1024):
            word = int.from_bytes(after[page][4 * index : 4 * index + 4], "little")
            if word & 3 == 2:
                assert tables.word(page + 4 * index) == word
                compared += 1
    assert compared > 60
    vectors = tables.word(prediction.state.descriptor_address(0xFFFF0000))
    assert vectors is not None
    small = tables.word((vectors & ~0x3FF) + (0xFFFF0000 >> 12 & 0xFF) * 4)
    assert small is not None
    assert small & 0xC == 0x8


@pytest.mark.parametrize(("value", "on"), [("on", True), ("off", False), ("", False)])
def test_ecc(value: str, on: bool) -> None:
    """``early_ecc``: descriptors of first-level tables and sections get bit 9 (PMD_PROTECTION)."""
    prediction = booted("v5-versatile", board([(0, 128 * MIB)], bootargs=f"ecc={value}"), "arm926", 0)
    section = prediction.state.tables.word(prediction.state.tables.root + (0xC0000000 >> 20) * 4 + 4 * 64)
    assert section is not None
    assert bool(section & 1 << 9) is on
    assert ("Memory policy: ECC enabled, Data cache writeback" in said(prediction)) is on


# -- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "bootargs", "expected"),
    [
        ("", "a=1", "a=1"),
        ("CMDLINE_EXTEND", "a=1", "a=1 b=2"),
        ("CMDLINE_FORCE", "a=1", "b=2"),
        ("CMDLINE_FROM_BOOTLOADER", "a=1", "a=1"),
        ("CMDLINE_FROM_BOOTLOADER", "", "b=2"),
    ],
)
def test_command_line_with_one_built_in(options: str, bootargs: str, expected: str) -> None:
    """``early_init_dt_scan_chosen``: appended, taken in place of the tree's, or only where the tree has none."""
    found = kernel("v7", (6, 1), options)
    lines = "".join(f"CONFIG_{name}={value}\n" for name, value in found.config.items() if name != "CMDLINE")
    config = parse_config(f'# Linux/arm 6.1.0 Kernel Configuration\n{lines}CONFIG_CMDLINE="b=2"\n'.encode())
    model = KernelModel((6, 1), 0, config, found.symbols)
    assert booted(model, board([(START, GIB)], bootargs=bootargs)).state.cmdline == expected


# -- /chosen ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "line"),
    [
        (0x50000000, "OF: fdt: Reserving 64 KiB of memory at 0x50000000 for elfcorehdr"),
        (0x60000000, "OF: fdt: elfcorehdr is overlapped"),
    ],
)
def test_elfcorehdr(base: int, line: str) -> None:
    """``fdt_reserve_elfcorehdr``, in a kernel with CRASH_DUMP; 0x60000000 is in /memreserve/ already."""
    root = board([(START, GIB)])
    chosen(root).properties["linux,elfcorehdr"] = cells(base, 0x10000)
    model = kernel("v7", (6, 1), "CRASH_DUMP")
    tree = parse_board(blob(root, [(0x60000000, 0x1000)]))
    prediction = boot(model, Handover(tree, START + 0x4000000, START, cpu("cortex-a15")))
    assert line in said(prediction)
    assert prediction.state.memblock.is_region_reserved(0x50000000, 0x10000) is (base == 0x50000000)


def _uart(edit: Callable[[Node], None] | None = None) -> Node:
    """A board whose UART at 0x101000 of a bus at 0x9000000 is standard output."""
    root = board([(START, GIB)], bootargs="earlycon")
    chosen(root).properties["stdout-path"] = text("/soc/serial@101000:115200")
    soc = root.add("soc", **{"#address-cells": cells(1), "#size-cells": cells(1)})
    soc.properties["ranges"] = cells(0, 0x9000000, 0x100000, 0x100000, 0x9100000, 0x100000)
    soc.add("serial@101000", compatible=text("arm,pl011"), reg=cells(0x101000, 0x1000))
    if edit is not None:
        edit(soc)
    return root


@pytest.mark.parametrize(
    ("bootargs", "address"),
    [
        ("earlycon=pl011,0x9101000", 0x9101000),
        ("earlycon=pl011,mmio32,0x9101000", 0x9101000),
        ("console=pl011,mmio,0x9101000", 0x9101000),
        ("earlycon=pl011,ttyS0", None),  # no address
        ("earlycon=pl011", None),
        ("earlycon=nosuch,0x9101000", None),
        ("earlycon=pl011,0x9101000 earlycon=pl011,0x9200000", 0x9101000),  # the first one is enough
        ("earlycon", 0x9101000),
    ],
)
def test_earlycon_address(bootargs: str, address: int | None) -> None:
    """``uart_parse_earlycon``, ``fdt_translate_address`` through the bus's second range: 0x101000 -> 0x9101000."""
    root = _uart()
    chosen(root).properties["bootargs"] = text(bootargs)
    prediction = booted("deb-6.1", root)
    assert earlycon(prediction) == address


def _no_ranges(soc: Node) -> None:
    del soc.properties["ranges"]


def _empty_ranges(soc: Node) -> None:
    soc.properties["ranges"] = b""


def _outside(soc: Node) -> None:
    soc.properties["ranges"] = cells(0, 0x9000000, 0x1000)


def _no_reg(soc: Node) -> None:
    del soc.children[0].properties["reg"]


@pytest.mark.parametrize(
    ("edit", "address"), [(_no_ranges, None), (_empty_ranges, 0x101000), (_outside, None), (_no_reg, None)]
)
def test_earlycon_of_a_node_that_is_not_on_the_bus(edit: Callable[[Node], None], address: int | None) -> None:
    """Without ranges a bus cannot be looked through; empty ones change nothing (drivers/of/fdt_address.c)."""
    assert earlycon(booted("deb-6.1", _uart(edit))) == address


def test_earlycon_without_standard_output() -> None:
    root = _uart()
    chosen(root).properties["stdout-path"] = text("/soc/nosuch")
    prediction = booted("deb-6.1", root)
    assert "earlycon: stdout-path /soc/nosuch not found" in said(prediction)
    assert prediction.state.earlycon is None
    del chosen(root).properties["stdout-path"]
    assert booted("deb-6.1", root).state.earlycon is None


def test_initrd_that_ends_before_it_begins() -> None:
    """``early_init_dt_check_for_initrd`` leaves at once."""
    root = board([(START, GIB)])
    chosen(root).properties |= {"linux,initrd-start": cells(0x48000000), "linux,initrd-end": cells(0x47000000)}
    prediction = booted("deb-6.1", root)
    assert prediction.outcome.verdict is Verdict.BOOTS
    assert prediction.state.vars.phys_initrd_size == 0


@pytest.mark.parametrize(
    ("release", "length", "capped"),
    [((6, 18), 20, True), ((6, 19), 20, False), ((6, 18), 18, False), ((6, 19), 32, True), ((6, 19), 0, False)],
)
def test_usable_memory_range_of_odd_length(release: tuple[int, ...], length: int, capped: bool) -> None:
    """Before 6.19 bytes were counted against cells: 20 bytes are a multiple of 4 cells, and hold one range."""
    root = board([(START, GIB)], width=2)
    value = (numbers(2, START, 0x20000000) + numbers(2, 0x70000000, 0))[:length]
    chosen(root).properties["linux,usable-memory-range"] = value
    prediction = booted(kernel("v7", release, ""), root)
    assert (prediction.state.memblock.memory.regions[-1][0] < 0x60000000) is True
    end = max(base + size for base, size, _ in prediction.state.memblock.memory.regions)
    assert (end <= 0x60000000) is capped
