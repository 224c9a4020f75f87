"""The address of a fault: what it is, by marks, by areas, by names in the log, and by the words that were printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.diagnosing import diagnosed
from support.trees import Node, blob, board, cells, reserved_memory

if TYPE_CHECKING:
    from pathlib import Path

# 512 MiB from 0x80000000 on: lowmem ends at 0xe0000000, the vmalloc area begins at 0xe0800000.
BOARD = """Linux version 5.15.50 (u@h) (gcc 11) #1 SMP
CPU: ARMv7 Processor [410fc075] revision 5 (ARMv7), cr=10c5387d
OF: fdt: Machine model: X
Memory policy: Data cache writealloc
  Normal   [mem 0x0000000080000000-0x000000009fffffff]
  HighMem  empty
  node   0: [mem 0x0000000080000000-0x000000009fffffff]
    vmalloc : 0xe0800000 - 0xff800000   ( 496 MB)
"""
FAULT = """Unable to handle kernel paging request at virtual address {0}
[{0}] *pgd=00000000
Internal error: Oops: 5 [#1] SMP ARM
PC is at foo+0x0/0x10
"""
NOTHING = "*pgd=00000000: translation fault: there is no section or table at this address"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("00000004", "is a NULL pointer"),
        ("6b6b6b6b", "is POISON_FREE (0x6b)"),
        ("fffffff4", "is an error number taken for a pointer"),
        ("ffffffff", "is an error number taken for a pointer"),
        ("65776f70", "is four letters, 'powe' in memory order"),
        ("b6fd1234", "is in user space, which ends at 0xbf000000"),
        ("bf0a1234", "is in the modules' area, 0xbf000000-0xbfdfffff"),
        ("bfe01000", "is in pkmap, 0xbfe00000-0xbfffffff"),
        ("e0900000", "is in the vmalloc area, 0xe0800000-0xff7fffff"),
        ("fa1d0000", "is in the vmalloc area, 0xe0800000-0xff7fffff"),
        ("e0100000", "is between the kernel's areas"),
        (
            "dffffffc",
            "is 0x9ffffffc in the linear map: in lowmem by what the log tells, and yet nothing is mapped there",
        ),
    ],
)
def test_address_of_a_fault_is_told_by_what_it_is(address: str, says: str, tmp_path: Path) -> None:
    found, told = diagnosed(BOARD + FAULT.format(address), tmp_path)
    assert found.findings[0].id == "oops"
    assert f"0x{address} {says}" in told
    assert NOTHING in told
    assert "below PHYS_OFFSET" not in told
    assert "above lowmem" not in told


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("6b6b6b6b", "is POISON_FREE (0x6b)"),
        ("65776f70", "is four letters"),
        ("bf0a1234", "is in the modules' area with PAGE_OFFSET 0xc0000000"),
        ("b6fd1234", "is in user space with PAGE_OFFSET 0xc0000000"),
        ("c6800000", "is 0x06800000 behind PHYS_OFFSET in the linear map with PAGE_OFFSET 0xc0000000"),
    ],
)
def test_fault_alone_has_what_can_be_said_without_a_board(address: str, says: str, tmp_path: Path) -> None:
    found, told = diagnosed(FAULT.format(address), tmp_path)
    assert found.refused
    assert f"0x{address} {says}" in told
    assert NOTHING in told


def test_device_that_does_not_answer_is_no_matter_of_the_tables(tmp_path: Path) -> None:
    fault = (
        "Unhandled fault: external abort on non-linefetch (0x1028) at 0xfa1d0000\n[fa1d0000] *pgd=48211452(bad)\n"
        "Internal error: : 1028 [#1] SMP ARM\nPC is at omap_hsmmc_probe+0x10/0x40\n"
    )
    told = diagnosed(BOARD + fault, tmp_path)[1]
    assert "0xfa1d0000 is in the vmalloc area" in told
    assert "external abort: the translation succeeded, and what is behind it answered with an error" in told


def test_page_that_a_module_lost_is_told_by_the_printed_words(tmp_path: Path) -> None:
    fault = FAULT.replace("*pgd=00000000", "*pgd=8219d811, *pte=00000000, *ppte=00000000").replace("Oops: 5", "Oops: 7")
    told = diagnosed(BOARD + fault.format("bf0a1234"), tmp_path)[1]
    assert "*pgd=8219d811, *pte=00000000, *ppte=00000000: translation fault: there is no page at this address" in told


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (
            "OF: reserved mem: 0x86800000..0x8bcfffff (87040 KiB) nomap non-reusable mpss@86800000",
            "the no-map area mpss@86800000, 0x86800000-0x8bcfffff, 85 MiB",
        ),
        # 3.10 of Qualcomm's, which names areas and not that they are no-map: the printed word does.
        (
            "Reserved memory: reserved region for node 'modem_adsp_region@0': base 0x86800000, size 82 MiB",
            "the no-map area modem_adsp_region@0, 0x86800000-0x8b9fffff, 82 MiB",
        ),
    ],
)
def test_area_that_is_not_in_the_linear_map_has_its_name(line: str, name: str, tmp_path: Path) -> None:
    found, told = diagnosed(f"{BOARD}{line}\n{FAULT.format('c6800000')}", tmp_path)
    assert found.findings[0].id == "no-map-accessed"
    assert f"line 9 0xc6800000 is 0x86800000 in the linear map: {name}" in told


def test_area_that_is_mapped_is_not_called_no_map(tmp_path: Path) -> None:
    """A permission fault in a reserved area: a word that maps it was printed."""
    line = "Reserved memory: reserved region for node 'logs@86800000': base 0x86800000, size 2 MiB"
    fault = FAULT.replace("*pgd=00000000", "*pgd=8681941e(bad)").replace("Oops: 5", "Oops: 80d")
    found, told = diagnosed(f"{BOARD}{line}\n{fault.format('c6800000')}", tmp_path)
    assert found.findings[0].id == "oops"
    assert "the area logs@86800000" in told


def test_fault_in_the_shadow_is_named_by_the_line_that_maps_it(tmp_path: Path) -> None:
    """0xb7f00000 is 15 MiB into the shadow of 0xc0000000 on: 8 bytes each, 0xc7800000."""
    shadow = "kasan: Mapping kernel virtual memory block: c0000000-e0000000 at shadow: b7000000-bb000000\n"
    told = diagnosed(BOARD + shadow + FAULT.format("b7f00000"), tmp_path)[1]
    assert "line 9 0xb7f00000 is in KASAN's shadow, 0xb7000000-0xbaffffff: that of 0xc7800000" in told


def test_fault_alone_has_the_name_of_the_boards_area(tmp_path: Path) -> None:
    tree = board([(0x80000000, 0x40000000)])
    area = Node("mpss@86800000", {"reg": cells(0x86800000, 0x5500000), "no-map": b""})
    reserved_memory(tree).children.append(area)
    (tmp_path / "board.dtb").write_bytes(blob(tree))
    options = {"board": str(tmp_path / "board.dtb"), "version": "6.6", "cpu": "cortex-a53"}
    told = diagnosed(FAULT.format("c6800000"), tmp_path, **options)[1]
    assert "0xc6800000 is 0x86800000 in the linear map: the no-map area mpss@86800000" in told
