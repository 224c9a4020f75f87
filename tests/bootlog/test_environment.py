"""A boot loader at its prompt: what its environment and bdinfo say of the boot to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed

if TYPE_CHECKING:
    from pathlib import Path

BDINFO = """=> bdinfo
boot_params = 0x10000100
DRAM bank   = 0x00000000
-> start    = 0x10000000
-> size     = 0x80000000
"""
HEAD = "U-Boot 2021.01 (Jan 11 2021 - 18:11:43 +0000)\nDRAM:  2 GiB\n=> printenv\n"
COMMANDS = {
    "plain": "bootcmd=load mmc 2:1 ${loadaddr} zImage; bootz ${loadaddr} - ${fdt_addr}\n",
    "run": "bootcmd=run findfdt; run go\nfindfdt=true\ngo=bootz $loadaddr - $fdt_addr; reset\n",
    "again": "bootcmd=bootz 0x80000000 - 0x81000000 || bootz ${loadaddr} - ${fdt_addr}\n",
}
PLACES = "fdt_addr=0x18000000\nloadaddr=0x12000000\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_environment_is_a_plan(command: str, tmp_path: Path) -> None:
    """A Wandboard: RAM begins at 0x10000000, by bdinfo."""
    found, told = diagnosed(f"{HEAD}{COMMANDS[command]}{PLACES}{BDINFO}", tmp_path)
    assert "the kernel at 0x12000000" in told
    assert "the device tree at 0x18000000" in told
    assert "RAM: 2 GiB from 0x10000000 on" in told
    assert "takes 0x10000000 for PHYS_OFFSET, unpacks to 0x10008000" in told
    values = {each.quantity: each.value for each in found.values}
    assert values["PHYS_OFFSET"] == 0x10000000
    assert values["RAM"] == ((0x10000000, 0x90000000),)


def test_initrd_of_the_environment_has_its_size(tmp_path: Path) -> None:
    text = f"{HEAD}bootcmd=bootz ${{loadaddr}} ${{rd}}:0x500000 ${{fdt_addr}}\nrd=0x14000000\n{PLACES}"
    told = diagnosed(text, tmp_path)[1]
    assert "line 5: the initrd at [mem 0x14000000-0x144fffff], 5 MiB" in told


@pytest.mark.parametrize("text", ["baudrate=115200\n", "bootcmd=run nothing\n", "bootcmd=bootz ${none} - ${nothing}\n"])
def test_environment_that_starts_nothing_is_no_plan(text: str, tmp_path: Path) -> None:
    assert diagnosed(HEAD + text, tmp_path)[0].plan == ()


def test_what_was_started_goes_before_what_bootcmd_holds(tmp_path: Path) -> None:
    started = "Kernel image @ 0x82000000 [ 0x000000 - 0x5f99a0 ]\n\nStarting kernel ...\n"
    told = diagnosed(f"{HEAD}{COMMANDS['plain']}{PLACES}{started}", tmp_path)[1]
    assert "the kernel at [mem 0x82000000-0x825f999f]" in told
    assert "0x12000000" not in told
