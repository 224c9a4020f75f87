"""U-Boot's placements, refusals, messages and trees against those of real U-Boots under QEMU.

The cases are made up from a seed (bootmap.verify.loader.cases) and were recorded with tools/record-uboot; those of the
second seed were recorded after the model was finished.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.uboot import DATA, NAMES, blob, document, inputs, said
from support.uboot_counts import table

from bootmap.facts.loaders.uboot import NO_OVERWRITE
from bootmap.inputs import bdinfo
from bootmap.loaders.uboot.board import UBootBoard
from bootmap.loaders.uboot.bootm import run
from bootmap.loaders.uboot.fixups import complete
from bootmap.loaders.uboot.release import UBoot
from bootmap.units import MIB, Span, merged
from bootmap.verify.loader.cases import LoaderCase

LEAST = 24
MANY_REFUSALS = ("uboot-2025.10-banks", 14)
"""The one recording of which less than a third comes to a kernel: that release refuses more. How many do."""
RELEASES = {"2021.01", "2023.01", "2024.10", "2025.01", "2025.04", "2025.07", "2025.10", "2026.07", "2026.10"}


@pytest.mark.parametrize("name", NAMES)
def test_run_says_and_places_as_recorded(name: str) -> None:
    doc = document(name)
    wrong = []
    for i, row in enumerate(doc["cases"]):
        case = LoaderCase.of(row["case"])
        placed = run(*inputs(doc, case))
        handed = row["handed"]
        if placed.said != said(row) or bool(placed.failed) != (handed is None):
            wrong.append((i, case.words, placed.said, said(row)))
        elif handed is not None:
            assert placed.dtb is not None
            assert (placed.entry, placed.dtb.start) == (handed["entry"], handed["r2"]), (i, case.words)
    assert not wrong
    assert len(doc["cases"]) >= LEAST


@pytest.mark.parametrize("name", NAMES)
def test_complete_makes_the_tree_that_the_kernel_got(name: str) -> None:
    """Byte for byte up to the end of the last block, and the size that the header tells."""
    recording, doc, compared = name, document(name), 0
    for row in doc["cases"]:
        if row["handed"] is None:
            continue
        uboot, board, command = inputs(doc, LoaderCase.of(row["case"]))
        placed, want = run(uboot, board, command), blob(row)
        assert command.tree is not None
        assert placed.dtb is not None
        name = command.fit.name if command.fit is not None else ""
        got = complete(uboot, command.tree, placed.dtb.start, board.banks, placed.ramdisk, command.env, name)
        used = int.from_bytes(want[12:16], "big") + int.from_bytes(want[32:36], "big")
        assert (got[:used], len(got)) == (want[:used], len(want)), row["case"]
        compared += 1
    assert compared > len(doc["cases"]) // 3 or (recording, compared) == MANY_REFUSALS


def test_the_recordings_are_of_these_releases_and_of_both_commands() -> None:
    releases = {document(name)["uboot"].split()[1][:7] for name in NAMES}
    assert releases == RELEASES
    cases = [row for name in NAMES for row in document(name)["cases"]]
    assert {row["case"]["command"] for row in cases} == {"bootz", "bootm"}
    assert any(row["case"].get("fit") for row in cases)
    assert any(row["case"].get("legacy") for row in cases)
    assert {row["case"]["memory"] for row in cases} >= {256, 3072}
    assert {row["case"].get("packing") for row in cases} >= {"gzip", "bzip2", "lzma", "lzo", "lz4", "zstd"}
    refused = sum(row["handed"] is None for row in cases)
    assert len(cases) // 10 < refused < len(cases) // 2


WITH_BANKS = [name for name in NAMES if "banks" in name]


def _behind(row: dict[str, Any], bank: Span) -> tuple[bool, bool]:
    """Whether the ramdisk was moved, and the tree given, behind the bank that U-Boot is in."""
    lines = [line for line in row["console"] if "Loading Ramdisk to " in line]
    ramdisk = any(int(line.split("to ")[1].split(",")[0], 16) >= bank.end for line in lines)
    return ramdisk, row["handed"] is not None and row["handed"]["r2"] >= bank.end


@pytest.mark.parametrize("name", WITH_BANKS)
def test_boots_with_several_banks_have_holes_and_reach_over_them(name: str) -> None:
    """Kernels, ramdisks and trees begin in a bank that U-Boot is not in; where the release allows it they end there."""
    doc = document(name)
    cases = [LoaderCase.of(row["case"]) for row in doc["cases"]]
    assert len({case.ram for case in cases}) >= 7
    first = {case.ram: UBootBoard.of(bdinfo.parse(doc["bdinfo"][case.ram])).own_bank for case in cases}
    assert sum(case.kernel[0] not in first[case.ram] for case in cases) > len(cases) // 4
    reached = [_behind(row, first[case.ram]) for row, case in zip(doc["cases"], cases, strict=True)]
    uboot, _, _ = inputs(doc, cases[0])
    free = uboot.does("global_lmb") and not uboot.does("lmb_keeps_ram_above_top")
    without_efi = not uboot.does("global_lmb") and name.endswith(("noefi", "mapsz"))  # built with CONFIG_EFI_LOADER=n
    assert any(ramdisk for ramdisk, _ in reached) == (free or without_efi)


WITH_HOLES = [name for name in NAMES if "holes" in name]
HOLE = Span(0x0F000000, 0x10000000)
"""Between the secure RAM of QEMU's virt machine and its devices."""
R0 = re.compile(r"r0 : ([0-9a-f]{8})")


@pytest.mark.parametrize("name", WITH_HOLES)
def test_boots_with_a_real_hole_abort_at_its_first_byte(name: str) -> None:
    """memcpy's destination in r0 when it aborts; what unpacks a kernel has other registers."""
    aborts, over_the_end, boots_below = 0, 0, 0
    for row in document(name)["cases"]:
        case = LoaderCase.of(row["case"])
        lines = said(row)
        if not lines[-1].endswith("data abort"):
            boots_below += row["handed"] is not None and HOLE.start - MIB <= row["handed"]["r2"] < HOLE.start
            continue
        aborts += 1
        place = re.search(r" to ([0-9a-f]{8})", lines[-1])
        start = int(place[1], 16) if place is not None else case.load
        assert start is not None
        over_the_end += start < HOLE.start
        if not case.packing or place is not None:
            found = R0.search("\n".join(row["console"]))
            assert found is not None
            assert max(start, HOLE.start) - 32 <= int(found[1], 16) < max(start, HOLE.start) + 32
    assert aborts >= 5
    assert over_the_end >= 1
    assert boots_below >= 3


@pytest.mark.parametrize("name", WITH_BANKS)
def test_banks_that_are_reserved_without_bdinfo(name: str) -> None:
    """Since 2025.01: where only RAM is known, the same banks are kept that bdinfo shows as reserved."""
    doc = document(name)
    for text in doc["bdinfo"].values():
        told = UBootBoard.of(bdinfo.parse(text))
        uboot = UBoot.named(doc["uboot"], "qemu-arm")
        assert uboot is not None
        if not uboot.does("global_lmb"):
            continue
        own, flags = told.own_bank, NO_OVERWRITE >> uboot.does("lmb_flags_from_bit_0")
        made = UBootBoard(told.banks, told.sp_start).lmb(uboot, {})
        shown, got = (
            merged(Span(max(each.base, own.end), each.end) for each in regions if each.flags == flags)
            for regions in (told.reserved, made.reserved)
        )
        assert got == shown
        assert bool(got) == (
            uboot.does("lmb_keeps_ram_above_top") and any(bank.start >= own.end for bank in told.banks)
        )


def test_the_page_tells_how_many_boots_there_are() -> None:
    """``python -m support.uboot_counts`` prints the rows."""
    page = (DATA.parents[2] / "docs" / "plan.md").read_text()
    assert "\n".join(table()) in page
