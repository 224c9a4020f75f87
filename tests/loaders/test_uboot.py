"""U-Boot's placements, refusals, messages and trees against those of real U-Boots under QEMU.

The cases are made up from a seed (bootmap.verify.loader.cases) and were recorded with tools/record-uboot; those of the
second seed were recorded after the model was finished.
"""

from __future__ import annotations

import pytest
from support.uboot import NAMES, blob, document, inputs, said

from bootmap.loaders.uboot.bootm import run
from bootmap.loaders.uboot.fixups import complete
from bootmap.verify.loader.cases import LoaderCase

LEAST = 24


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
    doc, compared = document(name), 0
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
    assert compared > len(doc["cases"]) // 3


def test_the_recordings_are_of_four_releases_and_of_both_commands() -> None:
    releases = {document(name)["uboot"].split()[1][:7] for name in NAMES}
    assert releases == {"2021.01", "2023.01", "2025.01", "2026.10"}
    cases = [row for name in NAMES for row in document(name)["cases"]]
    assert {row["case"]["command"] for row in cases} == {"bootz", "bootm"}
    assert any(row["case"].get("fit") for row in cases)
    assert any(row["case"].get("legacy") for row in cases)
    assert {row["case"]["memory"] for row in cases} >= {256, 3072}
    refused = sum(row["handed"] is None for row in cases)
    assert len(cases) // 10 < refused < len(cases) // 2
