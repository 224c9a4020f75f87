"""Kernel, device tree and initrd as the boot loader has them in RAM: two in one place are the cause of the silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "U-Boot 2020.10 (Oct 10 2020)\nDRAM:  512 MiB\n"
ZIMAGE = "Kernel image @ 0x82000000 [ 0x000000 - 0x5f99a0 ]\n"
PLACES = {
    "tree in the zImage, in place": (
        "=> bootz 0x82000000 - 0x82300000\n" + ZIMAGE + "   Booting using the fdt blob at 0x82300000\n"
        "   Using Device Tree in place at 82300000, end 823152d9\n",
        "dtb-overwritten",
        ["the zImage is at 0x82000000-0x825f999f", "at 0x82300000-0x823152d9", "setenv fdt_addr_r 0x82600000"],
    ),
    "tree loaded over the zImage, then moved": (
        "=> bootz 0x82000000 - 0x825f0000\n" + ZIMAGE + "## Flattened Device Tree blob at 825f0000\n"
        "   Loading Device Tree to 9ffe9000, end 9ffff6d9 ... OK\n",
        "dtb-overwritten",
        ["the device tree is at 0x825f0000", "setenv fdt_addr_r 0x82600000"],
    ),
    "initrd that bootz is told of": (
        "=> bootz 0x82000000 0x82500000:5180d3 0x88000000\n" + ZIMAGE + "   Booting using the fdt blob at 0x88000000\n",
        "initrd-overwritten",
        ["the initrd is at 0x82500000-0x82a180d2", "998.4 KiB in common", "setenv ramdisk_addr_r 0x82600000"],
    ),
    "initrd with a header, before it is moved": (
        ZIMAGE + "## Loading init Ramdisk from Legacy Image at 82400000 ...\n"
        "   Image Type:   ARM Linux RAMDisk Image (gzip compressed)\n   Data Size:    10746044 Bytes = 10.2 MiB\n"
        "   Load Address: 00000000\n   Loading Ramdisk to 9f5c0000, end 9ffff8fc ... OK\n",
        "initrd-overwritten",
        ["the initrd is at 0x82400000-0x82e3f8fb", "setenv ramdisk_addr_r 0x82600000"],
    ),
    "tree in the initrd": (
        "=> bootz 0x82000000 0x84000000:500000 0x84100000\n" + ZIMAGE + "   Booting using the fdt blob at 0x84100000\n",
        "payloads-overlap",
        ["the device tree and the initrd are loaded over each other", "setenv fdt_addr_r 0x82600000"],
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("options", [{}, {"version": "5.4"}])
def test_two_in_one_place_are_the_cause(place: str, options: dict[str, str], tmp_path: Path) -> None:
    """Also where a prediction is made, which does not know what the loader wrote over what."""
    text, id, says = PLACES[place]
    found, told = diagnosed(f"{HEAD}{text}\nStarting kernel ...\n", tmp_path, **options)
    assert found.findings[0].id == id
    assert found.findings[0].fatal
    for words in says:
        assert words in told
    assert "memory does not stop it" not in told


@pytest.mark.parametrize(
    "text",
    [
        # side by side: the tree begins at the zImage's end, the initrd behind it
        "=> bootz 0x82000000 0x82700000:500000 0x825f99a0\n" + ZIMAGE + "   Booting using the fdt blob at 0x825f99a0\n"
        "   Using Device Tree in place at 825f99a0, end 8260ec79\n",
        # a size that only the first file's may be: of which file, nobody says
        "8265248 bytes read in 1080 ms\n=> bootz 0x82000000 - 0x82600000\nKernel image @ 0x82000000\n"
        "   Booting using the fdt blob at 0x82600000\n",
    ],
)
def test_side_by_side_is_no_overlap(text: str, tmp_path: Path) -> None:
    found, _ = diagnosed(f"{HEAD}{text}\nStarting kernel ...\n", tmp_path)
    assert [each.id for each in found.findings] == ["silence"]


def test_kernel_that_was_heard_was_whole(tmp_path: Path) -> None:
    kernel = "Linux version 5.4.0 (b) (gcc) #1 SMP\nCPU: ARMv7 Processor [410fc090] revision 0 (ARMv7), cr=10c5387d\n"
    text = f"{HEAD}{PLACES['tree in the zImage, in place'][0]}\nStarting kernel ...\n{kernel}"
    assert "dtb-overwritten" not in {each.id for each in diagnosed(text, tmp_path)[0].findings}
