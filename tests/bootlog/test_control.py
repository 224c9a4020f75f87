"""The control register: which of its bits say what, by architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed

if TYPE_CHECKING:
    from pathlib import Path

MEMORY = (
    "Memory policy: Data cache writeback\nKernel command line: console=ttyS0 root=/dev/nfs\n"
    "Memory: 118740K/131072K available (4500K kernel code, 500K rwdata, 1200K rodata, 280K init, 800K bss, "
    "12332K reserved, 0K cma-reserved)\n"
)


@pytest.mark.parametrize("control", ["b005317f", "a005317f", "a0053177"])
def test_feroceons_upper_bits_are_not_long_descriptors(control: str, tmp_path: Path) -> None:
    """A TS-78xx and a QNAP TS-109: bit 29 is the access flag from ARMv6 on only.

    https://lists.debian.org/debian-boot/2016/01/msg00491.html
    """
    text = (
        f"Linux version 6.1.0-rc1 (b) (gcc) #2 PREEMPT\nCPU: Feroceon [41069260] revision 0 (ARMv5TEJ), cr={control}\n"
        f"CPU: VIVT data cache, VIVT instruction cache\nMachine: Technologic Systems TS-78xx SBC\n{MEMORY}"
    )
    found, told = diagnosed(text, tmp_path)
    values = {each.quantity: each for each in found.values}
    assert "CONFIG_ARM_LPAE" not in values
    assert values["command line"].value == "console=ttyS0 root=/dev/nfs"
    assert sum(bank.size for bank in values["RAM"].value) == 128 << 20
    assert "predicted the boot ends" not in told


def test_feroceons_registers_in_a_fault_are_not_an_armv7s(tmp_path: Path) -> None:
    text = (
        "Linux version 4.4.0 (b) (gcc) #1\nUnable to handle kernel paging request at virtual address bf0a1234\n"
        "Internal error: Oops: 5 [#1]\nControl: b005317f  Table: 00004000  DAC: 00000017\n"
    )
    found, told = diagnosed(text, tmp_path)
    assert "ARMv7" not in told
    assert found.refused == "the log does not name the CPU; give --cpu"


def test_access_flag_of_an_armv7_is_long_descriptors(tmp_path: Path) -> None:
    text = (
        "Linux version 5.7.0 (b) (gcc) #1 SMP\nCPU: ARMv7 Processor [410fc075] revision 5 (ARMv7), cr=30c5387d\n"
        f"OF: fdt: Machine model: X\n{MEMORY}"
    )
    values = {each.quantity: each for each in diagnosed(text, tmp_path)[0].values}
    assert values["CONFIG_ARM_LPAE"].value == "y"
