"""Values of the very board in what is to be changed: the vmalloc area, modules, reserved areas, the initrd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """Linux version {0} (u@h) (gcc) #1 SMP
CPU: ARMv7 Processor [413fc082] revision 2 (ARMv7), cr=10c5387d
OF: fdt: Machine model: X
"""
MEMORY = (
    "Memory: 1001356K/1048576K available (8192K kernel code, 800K rwdata, 2400K rodata, 1024K init, 300K bss, "
    "47220K reserved, 0K cma-reserved, 262144K highmem)\n"
)


@pytest.mark.parametrize(
    "line",
    [
        "insmod: vmalloc error: size 16404480, vm_struct allocation failed, mode:0xcc0(GFP_KERNEL), nodemask=(null)",
        "(udev-worker): vmalloc error: size 16404480, vm_struct allocation failed, mode:0xcc0(GFP_KERNEL)",
        "insmod: vmalloc: allocation failure: 16404480 bytes",
    ],
)
def test_module_that_does_not_fit_is_told_in_the_words_of_each_version(line: str, tmp_path: Path) -> None:
    """mm/vmalloc.c __vmalloc_node_range warns so from 5.13 on."""
    vmap = "vmap allocation for size 16408576 failed: use vmalloc=<size> to increase size\n"
    found, told = diagnosed(f"{HEAD.format('5.15.94')}{MEMORY}{vmap}{line}\n", tmp_path)
    assert [each.id for each in found.findings] == ["modules-full"]
    assert "a module of 16404480 bytes does not fit" in told
    assert "vmalloc=512M" not in told


def test_vmalloc_area_grows_by_what_was_asked_for(tmp_path: Path) -> None:
    """240 MiB are there and 256 MiB and a page are missed: 504 MiB in whole 8 MiB."""
    vmap = "vmap allocation for size 268439552 failed: use vmalloc=<size> to increase size\n"
    told = diagnosed(f"   Load Address: 80008000\n{HEAD.format('4.19.94')}{MEMORY}{vmap}", tmp_path)[1]
    assert "the area is 0xf0800000-0xff7fffff here, 240 MiB" in told
    assert "vmalloc=504M on the command line (predicted again: the area then has 496 MiB, lowmem 512 MiB)" in told


@pytest.mark.parametrize(
    ("areas", "says", "never"),
    [
        # an IPQ5018: both begin at one address, so that the larger can only begin later
        (
            "q6_code@4B000000 (0x4b000000--0x4b060000) overlaps with q6_mem@4B000000 (0x4b000000--0x50400000)",
            "begin q6_mem@4B000000 at 0x4b060000",
            "end q6_mem@4B000000 at 0x4b000000",
        ),
        (
            "a@4B600000 (0x4b600000--0x50400000) overlaps with b@4B000000 (0x4b000000--0x50400000)",
            "end b@4B000000 at 0x4b600000",
            "begin b@4B000000",
        ),
        (
            "a@4B600000 (0x4b600000--0x4b700000) overlaps with b@4B000000 (0x4b000000--0x50400000)",
            "end b@4B000000 at 0x4b600000",
            "at 0x4b000000, or",
        ),
    ],
)
def test_overlap_of_areas_is_mended_by_no_empty_one(areas: str, says: str, never: str, tmp_path: Path) -> None:
    told = diagnosed(f"{HEAD.format('4.4.60')}Reserved memory: OVERLAP DETECTED!\n{areas}\n", tmp_path)[1]
    assert says in told
    assert never not in told


def test_initrd_above_lowmem_has_a_place_at_the_end_of_lowmem(tmp_path: Path) -> None:
    """An i.MX6 with 2 GiB: RAM from 0x10000000 on, lowmem of 760 MiB, the initrd at 0x4f5e7000."""
    text = (
        "U-Boot 2015.01\nDRAM:  2 GiB\n   Booting using the fdt blob at 0x12f00000\n"
        "   Loading Ramdisk to 4f5e7000, end 4ffe7000 ... OK\n   Using Device Tree in place at 12f00000, end 12f0e0cc\n"
        "Starting kernel ...\nLinux version 3.14.28 (u@h) (gcc) #1 SMP\n"
        "CPU: ARMv7 Processor [412fc09a] revision 10 (ARMv7), cr=10c5387d\nMachine model: X\n"
        "On node 0 totalpages: 524288\nUnpacking initramfs...\n"
        "Unable to handle kernel paging request at virtual address ff5e7000\npgd = c0004000\n"
        "[ff5e7000] *pgd=00000000\nInternal error: Oops: 5 [#1] SMP ARM\nPC is at inflate_fast+0x20/0x400\n"
    )
    found, told = diagnosed(text, tmp_path)
    assert found.findings[0].id == "initrd-unmapped"
    assert "0xff5e7000 is 0x4f5e7000 in the linear map: above lowmem, which ends at 0x3f800000" in told
    change = found.findings[0].changes[0]
    assert change.proven
    assert change.what == "setenv initrd_high 0x3f800000, the end of lowmem: it then lies at 0x3ee00000 or below"
