"""Attempts of the boot loader that failed before it started a kernel: none of them is why the boot ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed

from bootmap.bootlog.progress import Ending

if TYPE_CHECKING:
    from pathlib import Path

FAILED = {
    "wrong format": "=> bootm 0x82000000\nWrong Image Format for bootm command\nERROR: can't get kernel image!\n",
    "damaged": (
        "=> bootm 0x82000000\n## Booting kernel from Legacy Image at 82000000 ...\n"
        "   Image Type:   ARM Linux Kernel Image (uncompressed)\n   Data Size:    3218068 Bytes = 3.1 MiB\n"
        "   Load Address: 40008000\n   Verifying Checksum ... Bad Data CRC\nERROR: can't get kernel image!\n"
    ),
    "no ramdisk": "=> bootz 0x82000000 0x83000000 0x88000000\nWrong Ramdisk Image Format\n"
    "Ramdisk image is corrupt or invalid\n",
}
BOOTED = """=> bootz 0x82000000 - 0x88000000
Kernel image @ 0x82000000 [ 0x000000 - 0x5f99a0 ]
   Loading Device Tree to 8ffe9000, end 8ffff6d9 ... OK
Starting kernel ...
"""
KERNEL = """Linux version 4.19.94 (u@h) (gcc) #1 SMP
CPU: ARMv7 Processor [413fc082] revision 2 (ARMv7), cr=10c5387d
OF: fdt: Machine model: X
On node 0 totalpages: 131072
Freeing unused kernel memory: 1024K
Run /sbin/init as init process
"""


@pytest.mark.parametrize("failed", FAILED)
def test_attempt_that_was_given_up_is_no_cause_for_a_board_that_runs(failed: str, tmp_path: Path) -> None:
    found, told = diagnosed(f"U-Boot 2020.10\nDRAM:  512 MiB\n{FAILED[failed]}{BOOTED}{KERNEL}", tmp_path)
    assert found.progress.ending is Ending.RUNS
    assert found.headline == "boots"
    assert found.findings == ()
    assert found.well
    assert "an attempt that the boot loader gave up" in told
    values = {each.quantity: each.value for each in found.values}
    assert values["PHYS_OFFSET"] == 0x80000000  # not that of the header that was refused


def test_attempt_that_was_given_up_is_no_cause_for_silence(tmp_path: Path) -> None:
    """An RK3229, excerpt: it falls back to extlinux, and nothing is heard of that kernel.

    https://github.com/rockchip-linux/kernel/issues/21
    """
    text = (
        "U-Boot 2017.05\nMMC read: dev # 0, block # 32768, count 20480 ... 20480 blocks read: OK\n"
        "Wrong Image Format for bootm command\nERROR: can't get kernel image!\n=> run bootcmd_mmc0\n"
        "Retrieving file: /zImage\n7340192 bytes read in 5228 ms (1.3 MiB/s)\n"
        "   Booting using the fdt blob at 0x61f00000\n   Loading Device Tree to 683f6000, end 683ff7a8 ... OK\n\n"
        "Starting kernel ...\n"
    )
    found, told = diagnosed(text, tmp_path)
    assert [each.id for each in found.findings] == ["silence"]
    assert "line 3: " in told.split("Harmless")[1]


@pytest.mark.parametrize("failed", FAILED)
def test_attempt_that_was_the_last_is_the_cause(failed: str, tmp_path: Path) -> None:
    found, _ = diagnosed(f"U-Boot 2020.10\nDRAM:  512 MiB\n{FAILED[failed]}", tmp_path)
    assert found.findings[0].fatal
    assert found.findings[0].certain


def test_load_that_was_refused_may_be_why_the_kernel_is_silent(tmp_path: Path) -> None:
    text = f"U-Boot 2020.10\nDRAM:  512 MiB\n** Reading file would overwrite reserved memory **\n{BOOTED}"
    found, told = diagnosed(text, tmp_path)
    assert {each.id: each.fatal for each in found.findings} == {"load-overwrites": False, "silence": True}
    assert "the boot loader started a kernel all the same" in told
    assert diagnosed(text + KERNEL, tmp_path)[0].findings == ()
