"""U-Boot's headers of images: the size and the address of a ramdisk are not the kernel's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed

if TYPE_CHECKING:
    from pathlib import Path

RAMDISK = """## Loading init Ramdisk from Legacy Image at 41c00000 ...
   Image Name:
   Image Type:   ARM Linux RAMDisk Image (uncompressed)
   Data Size:    22567790 Bytes = 21.5 MiB
   Load Address: 00000000
   Entry Point:  00000000
   Verifying Checksum ... OK
"""
MOVED = """## Flattened Device Tree blob at 41800000
   Booting using the fdt blob at 0x41800000
   Loading Ramdisk to 4187a000, end 42dffb6e ... OK
   Loading Device Tree to 41874000, end 41879cb4 ... OK

Starting kernel ...
"""
# A Lichee Pi Zero, excerpt; https://github.com/johang/sd-card-images/issues/6
LICHEE = (
    f"U-Boot 2022.01 (Apr 01 2022)\nDRAM:  64 MiB\nKernel image @ 0x41000000 [ 0x000000 - 0x4c5200 ]\n{RAMDISK}{MOVED}"
)
FIT = """## Loading kernel from FIT Image at 44000000 ...
   Trying 'kernel-1' kernel subimage
     Type:         Kernel Image
     Data Size:    5001728 Bytes = 4.8 MiB
     Architecture: ARM
     Load Address: 0x41000000
## Loading ramdisk from FIT Image at 44000000 ...
   Trying 'ramdisk-1' ramdisk subimage
     Type:         RAMDisk Image
     Data Size:    22567790 Bytes = 21.5 MiB
     Architecture: ARM
     Load Address: 0x00000000
"""


@pytest.mark.parametrize(
    "text",
    [
        LICHEE,
        LICHEE.replace("Kernel image @ 0x41000000 [ 0x000000 - 0x4c5200 ]\n", ""),  # bootz that says nothing itself
        LICHEE.replace("## Loading init Ramdisk from Legacy Image at 41c00000 ...\n", ""),
        LICHEE.replace("   Image Type:   ARM Linux RAMDisk Image (uncompressed)\n", ""),
        f"U-Boot 2022.01 (Apr 01 2022)\nDRAM:  64 MiB\n{FIT}{MOVED}",
    ],
)
def test_ramdisks_load_address_is_not_the_kernels(text: str, tmp_path: Path) -> None:
    """A silent board: nothing lies above lowmem, for RAM begins at 0x40000000."""
    found, told = diagnosed(text, tmp_path)
    assert [finding.id for finding in found.findings] == ["silence"]
    assert "above lowmem" not in told
    assert "fdt_high" not in told
    assert "PHYS_OFFSET 0x40000000" in told


def test_ramdisks_size_is_not_the_kernels(tmp_path: Path) -> None:
    """5001728 bytes at 0x41000000, and 22567790 of the ramdisk at 0x4187a000."""
    for text in (LICHEE, f"U-Boot 2022.01 (Apr 01 2022)\n{FIT}{MOVED}"):
        told = diagnosed(text, tmp_path)[1]
        assert "the kernel at [mem 0x41000000-0x414c51ff]" in told
        assert "the initrd at [mem 0x4187a000-0x42dffb6d]" in told


def test_load_address_0_leaves_the_kernels_place_open(tmp_path: Path) -> None:
    """A header that says 0 of which no more is known, and a kernel that is meant to run where it lies."""
    text = f"U-Boot 2019.01\nDRAM:  1 GiB\n   Load Address: 00000000\n{MOVED}"
    assert [finding.id for finding in diagnosed(text, tmp_path)[0].findings] == ["silence"]


def test_kernels_load_address_still_counts(tmp_path: Path) -> None:
    """The kernel's header comes first, the ramdisk's behind it: PHYS_OFFSET is 0x80000000, the tree 1022 MiB on."""
    text = (
        "U-Boot 2012.10\n## Booting kernel from Legacy Image at 82000000 ...\n   Image Name:   Linux-3.2.0\n"
        "   Image Type:   ARM Linux Kernel Image (uncompressed)\n   Data Size:    3664960 Bytes = 3.5 MiB\n"
        f"   Load Address: 80008000\n{RAMDISK}   Loading Device Tree to bfef3000, end bfeff000 ... OK\n"
        "Starting kernel ...\n"
    )
    found, told = diagnosed(text, tmp_path)
    assert found.findings[0].id == "dtb-above-lowmem"
    assert "the zImage runs at 0x80008000, so PHYS_OFFSET is 0x80000000" in told
