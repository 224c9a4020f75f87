"""An initrd that should be lost by the prediction: what the log says of it later wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed

if TYPE_CHECKING:
    from pathlib import Path

KERNEL = """Linux version 4.19.94 (u@h) (gcc) #1 SMP
CPU: ARMv7 Processor [413fc082] revision 2 (ARMv7), cr=10c5387d
OF: fdt: Machine model: X
On node 0 totalpages: 131072
Kernel command line: console=ttyO0 initrd=0xb0000000,0x500000
"""
MEMORY = "Memory: 500000K/524288K available (8192K kernel code, 800K rwdata, 2400K rodata, 1024K init, 300K bss)\n"
END = "Freeing unused kernel memory: 1024K\n"


@pytest.mark.parametrize(
    "line",
    [
        "Unpacking initramfs...\nFreeing initrd memory: 5120K\n",
        "Freeing initrd memory: 5120K\n",
        "Trying to unpack rootfs image as initramfs...\n",
    ],
)
def test_initrd_that_was_unpacked_was_not_lost(line: str, tmp_path: Path) -> None:
    found, told = diagnosed(f"{KERNEL}{MEMORY}{line}{END}", tmp_path, phys_offset=0x80000000)
    assert found.headline == "boots"
    assert not [each for each in found.findings if "initrd" in each.id]
    assert "Not as predicted" in told  # that the prediction has it otherwise is said still


@pytest.mark.parametrize(
    ("line", "id"),
    [
        ("", "initrd-disabled"),
        ("INITRD: 0xb0000000+0x00500000 is not a memory region - disabling initrd\n", "initrd-no-memory"),
        ("Unpacking initramfs...\nInitramfs unpacking failed: junk in compressed archive\n", "initrd-damaged"),
    ],
)
def test_initrd_of_which_the_log_says_no_such_thing_is_lost(line: str, id: str, tmp_path: Path) -> None:
    found, _ = diagnosed(f"{KERNEL}{MEMORY}{line}{END}", tmp_path, phys_offset=0x80000000)
    assert id in {each.id for each in found.findings}
