"""How far a boot came, and what a warning, a clock and a last line say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed

from bootmap.bootlog.progress import Ending

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """[    0.000000] Booting Linux on physical CPU 0x0
[    0.000000] Linux version 4.19.94 (u@h) (gcc) #1 SMP
[    0.000000] CPU: ARMv7 Processor [413fc082] revision 2 (ARMv7), cr=10c5387d
[    0.000000] OF: fdt: Machine model: X
[    0.000000] Memory policy: Data cache writeback
"""
LOADER = "U-Boot 2019.01\nDRAM:  512 MiB\nKernel image @ 0x82000000 [ 0x000000 - 0x5f99a0 ]\nStarting kernel ...\n"


def test_warning_that_a_kernel_goes_on_after_is_no_death(tmp_path: Path) -> None:
    """A Linux 3.12 on an SDS7102, excerpt: it has the tags that are built in."""
    text = "Uncompressing Linux... done, booting the kernel.\nWarning: Neither atags nor dtb found\n{0}"
    kernel = (
        "Booting Linux on physical CPU 0x0\nLinux version 3.12.61+ (b) (gcc) #1\n"
        "CPU: ARM926EJ-S [41069265] revision 5 (ARMv5TEJ), cr=00053177\n"
    )
    found, told = diagnosed(text.format(kernel), tmp_path)
    assert found.progress.ending is Ending.SILENT
    assert {each.id: each.fatal for each in found.findings} == {"no-tags-no-dtb": False, "silence": True}
    assert "16 MiB of RAM at PHYS_OFFSET" in told
    found, _ = diagnosed(text.format(""), tmp_path)
    assert found.progress.ending is Ending.PANIC
    assert found.findings[0].fatal


@pytest.mark.parametrize(
    ("stamp", "who"), [("0.000000", "build_mem_type_table"), ("0.012345", "start_kernel"), ("3.1", "do_initcalls")]
)
def test_clock_tells_how_far_a_boot_came_where_lines_are_missing(stamp: str, who: str, tmp_path: Path) -> None:
    """It stands at 0 up to time_init, and drivers come after a second."""
    found, told = diagnosed(f"{LOADER}{HEAD}[    {stamp}] foo: probe of 4c000000.dsp failed\n", tmp_path)
    assert found.headline == f"silent after {who}"
    assert ("paging_init" in told) == (stamp == "0.000000")


def test_clock_of_a_terminal_program_tells_nothing(tmp_path: Path) -> None:
    lines = f"{LOADER}{HEAD.replace('[    0.000000] ', '')}foo: probe failed\n".splitlines()
    text = "".join(f"[   {number}.123456] {line}\n" for number, line in enumerate(lines, 10))
    assert diagnosed(text, tmp_path)[0].headline == "silent after build_mem_type_table"


@pytest.mark.parametrize(
    ("last", "ending"),
    [
        ("CPU: Testing write buffer coherency: ok", Ending.SILENT),
        ("Mount-cache hash table entries: 512", Ending.SILENT),
        ("    lowmem  : 0xc0000000 - 0xe0000000   ( 512 MB)", Ending.CUT),  # who wants to show memory ends here
    ],
)
def test_log_that_ends_in_the_midst_of_start_kernel_is_silent(last: str, ending: Ending, tmp_path: Path) -> None:
    """A QNAP TS-109 that dies in check_bugs, in a log without a boot loader's lines."""
    memory = "[    0.000000] Memory: 500000K/524288K available (8192K kernel code, 800K rwdata, 2400K rodata)\n"
    found, _ = diagnosed(f"{HEAD}{memory}[    0.000000] {last}\n", tmp_path)
    assert found.progress.ending is ending
    assert found.well == (ending is Ending.CUT)


def test_tree_that_barebox_loads_is_named(tmp_path: Path) -> None:
    text = (
        "barebox 2016.06.0 #1 Wed Jun 22 14:00:00 UTC 2016\nLoading ARM Linux zImage '/mnt/mmc/zImage'\n"
        "Loading devicetree from '/mnt/mmc/oftree'\nStarting kernel in nonsecure mode\n"
        "Uncompressing Linux... done, booting the kernel.\n\n"
        "Error: unrecognized/unsupported machine ID (r1 = 0x00001030).\n\nAvailable machine support:\n\n"
        "ID (hex)\tNAME\nffffffff\tGeneric AM33XX (Flattened Device Tree)\n\n"
    )
    told = diagnosed(text, tmp_path)[1]
    assert "line 3 the boot loader loads a device tree, and the kernel does not accept it" in told
    assert "the boot loader names none" not in told
