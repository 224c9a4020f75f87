"""mem= on the command line against what the kernel counts, and several of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed

from bootmap.units import MIB, Span

if TYPE_CHECKING:
    from pathlib import Path

    from bootmap import Diagnosis


def ram(found: Diagnosis) -> tuple[Span, ...]:
    return next(each.value for each in found.values if each.quantity == "RAM")


def test_what_the_kernel_counts_goes_before_a_mem_of_less(tmp_path: Path) -> None:
    """mem=256M cannot have been heeded by a kernel that counts 524288K; excerpt of tests/data/logs with mem= put in."""
    text = (
        "     Load Address: 0x22000000\n   Loading Device Tree to 3fb68000, end 3fb75e2e ... OK\n"
        "Linux version 4.14.73 (b) (gcc) #1\n"
        "CPU: ARMv7 Processor [410fc051] revision 1 (ARMv7), cr=10c53c7d\nOF: fdt: Machine model: Atmel SAMA5D2\n"
        "cma: Reserved 16 MiB at 0x3e800000\nKernel command line: mem=256M console=ttyS0,115200\n"
        "Memory: 492976K/524288K available (6144K kernel code, 256K rwdata, 1032K rodata, 1024K init, 173K bss, "
        "14928K reserved, 16384K cma-reserved)\n    lowmem  : 0xc0000000 - 0xe0000000   ( 512 MB)\n"
    )
    found, told = diagnosed(text, tmp_path)
    assert ram(found) == (Span(0x20000000, 0x40000000),)
    assert "against line 7: mem= asks for 256 MiB: 256 MiB at 0x20000000" in told
    assert "the kernel did not heed mem=" in told
    assert "0 contradicted" in told


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("mem=32M mem=46M", 46),  # twice from PHYS_OFFSET on: one bank on top of the other
        ("mem=46M mem=32M", 46),
        ("mem=32M@0x80000000 mem=14M@0x82000000", 46),
    ],
)
def test_banks_of_several_mem_count_once_where_they_share_memory(line: str, size: int, tmp_path: Path) -> None:
    text = (
        "   Load Address: 80008000\nLinux version 3.0.8 (b) (gcc) #4\n"
        "CPU: ARM926EJ-S [41069265] revision 5 (ARMv5TEJ), cr=00053177\nMachine: hi3518\n"
        f"Kernel command line: {line} console=ttyAMA0,115200\n"
        "Memory: 41744k/41744k available, 5360k reserved, 0K highmem\n"
    )
    found, told = diagnosed(text, tmp_path)
    assert sum(bank.size for bank in ram(found)) == size * MIB
    assert ram(found)[0].start == 0x80000000
    assert "callback took RAM away" not in told
    assert "against" not in told.split("RAM ")[1].split("Linux ")[0]


def test_place_of_ram_is_not_said_where_nothing_says_it(tmp_path: Path) -> None:
    told = diagnosed("U-Boot 2021.01\nDRAM:  2 GiB\n=> printenv\nbaudrate=115200\n", tmp_path)[1]
    assert "RAM 2 GiB (likely, line 2)" in told
    assert "at 0x00000000" not in told
