"""Logs that end early: what no line says is a stand-in, on which no death is built; a cut line tells nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed

from bootmap.units import GIB, Span

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """Linux version {0} (b) (gcc) #2 SMP
CPU: ARMv7 Processor [412fc0f2] revision 2 (ARMv7), cr=10c5387d
OF: fdt: Machine model: X
Memory policy: Data cache writealloc
"""
POOLS = """Reserved memory: created CMA memory pool at 0x95800000, size 56 MiB
OF: reserved mem: initialized node ipu2-memory@95800000, compatible id shared-dma-pool
"""


@pytest.mark.parametrize(
    ("pools", "ram"),
    [
        # AM5728 and AST2500, of which RAM begins at 0x80000000; SAMA5D2, of which it begins at 0x20000000.
        (POOLS, Span(0x80000000, 0xA0000000)),
        ("Reserved memory: created CMA memory pool at 0x97000000, size 16 MiB\n", Span(0x80000000, 0xA0000000)),
        ("Reserved memory: created CMA memory pool at 0x3e800000, size 16 MiB\n", Span(0x20000000, 0x40000000)),
    ],
)
@pytest.mark.parametrize("version", ["5.13.0", "5.15.50", "5.18.0"])
def test_pools_alone_make_no_death(pools: str, ram: Span, version: str, tmp_path: Path) -> None:
    found, told = diagnosed(HEAD.format(version) + pools, tmp_path)
    assert [each.id for each in found.findings] == ["silence"]
    assert "as predicted" not in told
    assert "may stop" not in told
    values = {each.quantity: each for each in found.values}
    assert values["RAM"].value == (ram,)
    assert "the log ends before it says how much there is" in told


def test_pool_of_a_driver_may_lie_outside_of_ram(tmp_path: Path) -> None:
    """An STM32MP157's shared SRAM: RAM begins at 0xc0000000."""
    line = "Reserved memory: created DMA memory pool at 0x10042000, size 0 MiB\n"
    found, _ = diagnosed(f"   Load Address: c0008000\n{HEAD.format('5.4.0')}{line}", tmp_path)
    assert {each.quantity: each.value for each in found.values}["PHYS_OFFSET"] == 0xC0000000
    found, told = diagnosed(HEAD.format("5.4.0") + line, tmp_path)
    assert [each.id for each in found.findings] == ["silence"]
    assert "as predicted" not in told


def test_death_still_follows_from_where_the_kernel_runs(tmp_path: Path) -> None:
    text = f"   Load Address: 80008000\n   Loading Device Tree to bfef3000, end bfeff000 ... OK\n{HEAD.format('5.4.0')}"
    found, _ = diagnosed(f"{text}cma: Reserved 16 MiB at 0xae800000\n", tmp_path)
    assert found.findings[0].fatal
    assert found.findings[0].id == "dtb-above-lowmem"


@pytest.mark.parametrize(
    ("end", "counts"),
    [
        ("Total pages: 5227", False),  # 522752 pages, cut after four digits
        ("Total pages: 522752", False),  # may go on
        ("Total pages: 522752\n", True),
    ],
)
def test_number_at_the_end_of_a_cut_line_is_no_witness(end: str, counts: bool, tmp_path: Path) -> None:
    """A Banana Pi M3 with 2 GiB, of which the contiguous area lies at the end."""
    text = (
        f"## Flattened Device Tree blob at 43000000\n{HEAD.format('5.6.0')}cma: Reserved 16 MiB at 0xbf000000\n"
        f"percpu: Embedded 15 pages/cpu s31320 r8192 d21928 u61440\nBuilt 1 zonelists, mobility grouping on.  {end}"
    )
    found, told = diagnosed(text, tmp_path)
    values = {each.quantity: each for each in found.values}
    assert values["PHYS_OFFSET"].value == 0x40000000
    if not counts:
        assert values["RAM"].value == (Span(0x40000000, 0x40000000 + 2 * GIB),)
    assert bool(values["RAM"].witnesses) == counts
    assert "as predicted" not in told


@pytest.mark.parametrize(("line", "size"), [("Truncating RAM at 0x80000000-0xc0000000 to -0xaf800000", GIB)])
def test_address_of_eight_digits_is_whole(line: str, size: int, tmp_path: Path) -> None:
    values = {each.quantity: each for each in diagnosed(HEAD.format("3.16.0") + line, tmp_path)[0].values}
    assert sum(bank.size for bank in values["RAM"].value) == size
    short = {each.quantity: each for each in diagnosed(HEAD.format("3.16.0") + line[:-2], tmp_path)[0].values}
    assert "RAM" not in short or not short["RAM"].witnesses
