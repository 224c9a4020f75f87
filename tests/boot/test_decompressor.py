"""Where the decompressor takes RAM to start.

mem_start.jsonl holds small trees and what fdt_check_mem_start.c of Linux 5.12.9 and of 6.1.176, compiled for the host
with the kernel's libfdt, made of each.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bootmap.boot.decompressor.phys_offset import phys_offset
from bootmap.boot.kernel import KernelModel
from bootmap.inputs import fdt, kconfig
from bootmap.inputs.symbols import Symbols

DATA = Path(__file__).parent.parent / "data"
LINES = [json.loads(line) for line in (DATA / "dtb" / "mem_start.jsonl").read_text().splitlines()]
AUTO = b"CONFIG_AUTO_ZRELADDR=y\nCONFIG_USE_OF=y\nCONFIG_ARM_APPENDED_DTB=y\n"
PATCHED = AUTO + b"CONFIG_ARM_PATCH_PHYS_VIRT=y\n"
TREE = fdt.parse((DATA / "dtb" / "virt.dtb").read_bytes())  # 0x40000000-0x4fffffff, 0x60000000-0x7fffffff


def kernel(version: tuple[int, ...], options: bytes = PATCHED) -> KernelModel:
    return KernelModel(version, None, kconfig.parse(options), Symbols([], [], []))


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_phys_offset_as_the_kernels_own_code(line: dict[str, object]) -> None:
    tree = fdt.parse(bytes.fromhex(str(line["dtb"])))
    load = int(str(line["load"]))
    assert [phys_offset(kernel(version), tree, load)[0] for version in ((5, 12), (6, 1))] == line["start"]


def test_phys_offset_up_to_5_11_asks_no_tree() -> None:
    assert phys_offset(kernel((5, 11)), TREE, 0x82000000)[0] == 0x80000000
    assert phys_offset(kernel((5, 12)), TREE, 0x82000000)[0] == 0x40000000


def test_phys_offset_appended_tree_is_not_asked() -> None:
    assert phys_offset(kernel((6, 1)), TREE, 0x82000000, appended=True)[0] == 0x80000000


def test_phys_offset_of_the_configuration() -> None:
    fixed = AUTO + b"CONFIG_PHYS_OFFSET=0xa0000000\n"
    assert phys_offset(kernel((4, 9), fixed), TREE, 0x42000000) == (0xA0000000, "CONFIG_PHYS_OFFSET")
    told = b"CONFIG_ARM_PATCH_PHYS_VIRT=y\nCONFIG_PHYS_OFFSET=0xa0000000\n"  # no AUTO_ZRELADDR: zreladdr is fixed
    assert phys_offset(kernel((4, 9), told), TREE, 0x42000000)[0] == 0xA0000000
    assert phys_offset(kernel((4, 9), told + AUTO), TREE, 0x42000000)[0] == 0x40000000


def test_phys_offset_nothing_known() -> None:
    assert phys_offset(kernel((6, 1)), None, None) == (None, "")
    assert phys_offset(kernel((6, 1)), None, 0x82000000)[0] == 0x80000000
    assert phys_offset(kernel((6, 1)), TREE, None)[0] == 0x40000000
