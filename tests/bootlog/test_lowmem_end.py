"""Where lowmem ends: the kernel's own line goes before the prediction, which is made to fit it where that can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed

if TYPE_CHECKING:
    from pathlib import Path

LOADER = "DRAM:  1 GiB\nKernel image @ 0x82000000 [ 0x000000 - 0x5f99a0 ]\n"
HEAD = """Linux version {0} (b) (gcc) #1 SMP
CPU: ARMv7 Processor [413fc082] revision 2 (ARMv7), cr=10c5387d
OF: fdt: Machine model: X
Memory policy: Data cache writeback
"""


@pytest.mark.parametrize(
    ("version", "lines", "end", "used"),
    [
        (
            "3.16.0",
            "vmalloc area too big, limiting to 992MB\nTruncating RAM at 0x80000000-0xc0000000 to -0x82000000\n",
            "0x82000000",
            "32 MiB",
        ),
        ("5.15.0", "Ignoring RAM at 0xaf800000-0xc0000000\n", "0xaf800000", "760 MiB"),
        ("4.9.0", "Truncating RAM at 0x80000000-0xc0000000 to -0x9f800000\n", "0x9f800000", "504 MiB"),
    ],
)
def test_cut_is_where_the_line_has_it(version: str, lines: str, end: str, used: str, tmp_path: Path) -> None:
    """With vmalloc= on a command line that the log does not reach, lowmem ends nowhere else."""
    found, told = diagnosed(f"U-Boot 2019.01\n{LOADER}Starting kernel ...\n{HEAD.format(version)}{lines}", tmp_path)
    lost = next(each for each in found.findings if each.id == "ram-lost")
    assert f"are not used, {used} are" in lost.headline
    assert f"lowmem ends at {end}, and" in told
    assert "0 contradicted" in told
    assert "vmalloc=" in {each.quantity: each for each in found.values}["command line"].value
    assert "no vmalloc= on the command line: boots" in told


def test_cut_that_nothing_explains_is_told_as_the_line_has_it(tmp_path: Path) -> None:
    """A command line that is shown, without vmalloc=: a machine's own cut."""
    line = "Kernel command line: console=ttyS0\nTruncating RAM at 0x80000000-0xc0000000 to -0x90000000\n"
    found, told = diagnosed(f"U-Boot 2019.01\n{LOADER}Starting kernel ...\n{HEAD.format('3.16.0')}{line}", tmp_path)
    lost = next(each for each in found.findings if each.id == "ram-lost")
    assert lost.headline.startswith("768 MiB of RAM are not used, 256 MiB are")
    assert "lowmem ends at 0x90000000, and" in told
    assert "1 contradicted" in told


def test_too_big_a_vmalloc_is_read_in_the_words_of_3_16(tmp_path: Path) -> None:
    text = f"{HEAD.format('3.16.0')}vmalloc area too big, limiting to 992MB\n"
    assert 'line 5: "vmalloc area too big, limiting to 992MB": vmalloc= was given' in diagnosed(text, tmp_path)[1]
