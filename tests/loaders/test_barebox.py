"""barebox's bootm against real ones under QEMU (tools/record-barebox): addresses, messages, refusals, every byte."""

from __future__ import annotations

from typing import Any

import pytest
from support.barebox import NAMES, blob, document, inputs, predicted, told

from bootmap.inputs import iomem
from bootmap.loaders.barebox.bootm import BareboxBoard, BareboxCommand, bootm
from bootmap.loaders.barebox.fixups import without_heap
from bootmap.loaders.barebox.release import Barebox
from bootmap.units import MIB, Span

RELEASES = ["2022.03", "2023.08", "2024.03", "2025.08", "2026.03", "2026.06"]
BOOTS = [(name, i) for name in NAMES for i in range(len(document(name)["boots"]))]


@pytest.mark.parametrize(("name", "number"), BOOTS)
def test_bootm_equals_barebox(name: str, number: int) -> None:
    doc = document(name)
    boot = doc["boots"][number]
    placed, handed = predicted(doc, boot), boot["handed"]
    assert placed.said == told(boot)
    assert bool(placed.failed) == (handed is None), placed.failed
    if handed is None:
        return
    assert placed.dtb is not None
    assert (placed.entry, placed.dtb.start) == (handed["entry"], handed["r2"])
    barebox, board, command = inputs(doc, boot)
    real, own = without_heap(barebox, blob(boot))
    assert placed.blob == real
    assert (own is not None) == (barebox.does("reserves_own_tree") and not command.appended)
    heap = next(span for span, what in board.regions if what == "malloc space")
    assert own is None or own in heap


def test_bootm_recordings_have_what_is_told() -> None:
    """As many boots as the pages say, of as many releases, refused ones and each kind among them."""
    boots = [boot for name in NAMES for boot in document(name)["boots"]]
    refused = [boot for boot in boots if boot["handed"] is None]
    assert sorted({name.split("-")[1] for name in NAMES}) == RELEASES
    assert (len(boots), len(refused)) == (396, 194)
    started: list[dict[str, Any]] = [boot["case"] for boot in boots if boot["handed"] is not None]
    for what in (
        "uimage",
        "appended",
        "own",
        "reserved",
        "loadaddr",
        "ramdisk_at",
        "legacy",
        "memreserve",
        "bootargs",
        "efi",
    ):
        assert sum(bool(case.get(what)) for case in started) >= 4, what
    assert {case["memory"] for case in started} >= {64, 128, 256, 512, 1024, 2048}


def test_of_banks_is_what_barebox_takes() -> None:
    """Without iomem the heap begins within 2 MiB of where those built for QEMU have it: barebox is 3 to 6 MiB large."""
    for name in NAMES:
        for boot in document(name)["boots"]:
            found = iomem.parse(boot["iomem"])
            guess = BareboxBoard.of_banks(found.banks)
            mine, real = (
                next(span.start for span, what in regions if what == "malloc space")
                for regions in (guess.regions, found.regions)
            )
            assert abs(mine - real) <= 2 * MIB


def test_bootm_ram_at_0() -> None:
    """unsigned long wraps: a region at the very start of RAM leaves no room, which is no end of it."""
    barebox = Barebox.newest()
    board = BareboxBoard((Span(0, 512 * MIB),), ((Span(0, MIB), "reserved"), (Span(300 * MIB, 512 * MIB), "heap")))
    placed = bootm(barebox, board, BareboxCommand(4 * MIB))
    assert placed.failed == ""
    assert placed.kernel.start == 20 * MIB  # 5 times its size, without the 32 MiB


def test_barebox_named() -> None:
    named = Barebox.named("barebox 2025.08.0 #1 Sat Nov 28 01:07:55 UTC 2026")
    assert named is not None
    assert (named.release, named.version) == ((2025, 8), "2025.08.0")
    assert Barebox.named("U-Boot") is None
    passed_over = {
        text: Barebox.named(text) for text in ("2025.12.0", "2026.01.0", "2026.06.0", "2026.06.1", "2026.07.0")
    }
    assert [text for text, each in passed_over.items() if each and each.passes_over_efi] == ["2026.01.0", "2026.06.0"]
    old = Barebox.named("2019.01.0")
    assert old is not None
    assert old.too_old
