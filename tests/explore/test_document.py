"""The document of a page says what the prediction says: every stage's words, from the journal alone."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from explore.conftest import recorded, sabrelite

import bootmap
from bootmap.explore.document import side_of
from bootmap.explore.journal import Differences
from bootmap.explore.page import document_of

if TYPE_CHECKING:
    from bootmap.explore.journal import JournalSide

CASES = ("virt-1024m-6.1", "own-lpae-4096m", "own-v5-128m", "own-v310-plain", "own-ve2638-plain")
LARGEST = 1_500_000


def replayed(side: JournalSide, mark: int) -> dict[int, np.ndarray[Any, Any]]:
    """The pages after ``mark`` writes, from what the page gets: an own reading of the format."""
    columns, block = side.journal.columns(), side.journal.words()
    counts, width = columns["counts"], columns["wordBytes"]
    plane = np.frombuffer(block, "<u4")
    low, high = plane[: sum(counts)], plane[sum(counts) :]
    pages: dict[int, np.ndarray[Any, Any]] = {}
    at = 0
    for n in range(mark):
        count, address = counts[n], columns["addresses"][n]
        words = np.cumsum(low[at : at + count], dtype="<u4").astype("<u8")
        if width == 8:
            words |= np.cumsum(high[at : at + count], dtype="<u4").astype("<u8") << np.uint64(32)
        fresh = side.document["causes"][columns["causes"][n]][1] == "zero"
        for i, word in enumerate(words):
            page, place = divmod(address + i * width, 4096)
            if page * 4096 not in pages or (fresh and place == 0):
                pages[page * 4096] = np.zeros(4096 // width, f"<u{width}")
            pages[page * 4096][place // width] = word
        at += count
    return pages


@pytest.mark.parametrize("name", CASES)
def test_journal_gives_recorded_words(name: str) -> None:
    """At the entry and the end of paging_init, what the real kernel had."""
    case = recorded(name)
    side = side_of(case.prediction, name)
    for stage, moment in (("adjust_lowmem_bounds", "before"), ("paging_init", "after")):
        row = [each for each in side.document["stages"] if each["name"] == stage][-1]
        pages = replayed(side, row["mark"])
        for address, data in case.pages(moment).items():
            assert pages[address].tobytes()[: len(data)] == data, f"{moment}: page {address:#x}"


@pytest.mark.parametrize("name", CASES)
def test_stages_hold_recorded_regions(name: str) -> None:
    case = recorded(name)
    document = side_of(case.prediction, name).document
    row = next(each for each in reversed(document["stages"]) if each["name"] == "adjust_lowmem_bounds")
    assert [tuple(region) for region in row["memory"]] == case.regions("before", "memory")


def test_every_word_is_decoded() -> None:
    """The page looks up what a word means; nothing that stands in the tables may be missing."""
    side = side_of(sabrelite().replay, "board")
    decode = side.document["decode"]
    used = set(decode["meanings"])
    assert {key.rpartition("|")[2] for key in used} <= decode["fields"].keys()
    assert all(0 <= place < len(decode["attributes"]) for row in decode["meanings"].values() for place in row)


def test_page_of_a_gibibyte_is_small() -> None:
    for side in (bootmap.explore_prediction(sabrelite()), side_of(recorded("virt-1024m-6.1").prediction, "virt")):
        assert len(bootmap.explore_page(side).encode()) <= LARGEST


def test_symbols_of_a_whole_kernel_keep_the_page_small() -> None:
    """A System.map of a distribution has a hundred thousand symbols and more."""
    replay = sabrelite().replay
    names = {f"some_symbol_of_the_kernel_{n:06}": 0xC030_0000 + 96 * n for n in range(150_000)}
    side = side_of(replay, "board")
    from bootmap.explore.symbols import symbols
    from bootmap.inputs.symbols import Symbols

    kinds = ["T" if n % 4 == 0 else "t" for n in range(len(names))]
    side.document["symbols"] = symbols(Symbols(list(names), list(names.values()), kinds), 0xC000_0000)
    assert len(side.document["symbols"][1]) == 150_000 / 4
    assert len(bootmap.explore_page(side).encode()) <= LARGEST


def test_document_is_one_of_json() -> None:
    side = bootmap.explore_prediction(sabrelite())
    document = json.loads(document_of([side], stage="map_lowmem"))
    assert document["schema"] == "bootmap.explore/1"
    assert document["stage"] == "map_lowmem"
    assert "live" not in document
    (only,) = document["sides"]
    assert only["name"] == "imx6q-sabrelite.dtb", "a page is passed on: no folder of anybody's machine is in it"
    assert only["outcome"]["boots"] is True


def test_differences_stand_in_for_a_journal() -> None:
    writes = Differences(4, "little")
    first, second = bytearray(4096), bytearray(4096)
    first[8:12] = (7).to_bytes(4, "little")
    second[8:16] = (7).to_bytes(4, "little") + (9).to_bytes(4, "little")
    assert writes.moment({0x4000: bytes(first)}, 0, 1) == 2
    assert writes.moment({0x4000: bytes(second)}, 2, 3) == 3
    assert writes.journal.addresses == [0x4000, 0x4008, 0x400C]
    assert writes.journal.counts == [1024, 1, 1]


def test_big_endian_words_are_turned_around() -> None:
    writes = Differences(4, "big")
    page = bytearray(4096)
    page[0:4] = b"\x12\x34\x56\x78"
    writes.moment({0: bytes(page)}, 0, 1)
    words = np.frombuffer(writes.journal.words(), "<u4")
    assert words[1024] == 0x12345678


def test_page_has_its_data_compressed_and_no_address_of_a_network(board_page: Any) -> None:
    text = board_page.read_text()
    for scheme in ("http://", "https://"):
        assert {part[:13] for part in text.split(scheme)[1:]} <= {"www.w3.org/20"}, "names of XML, and no others"
    block = text.partition('id="document">')[2].partition("<")[0]
    import base64

    assert json.loads(gzip.decompress(base64.b64decode(block)))["schema"] == "bootmap.explore/1"


def test_many_reservations_do_not_make_it_slow() -> None:
    """The load map compares each object with each other; memblock's rows are worked out once a change."""
    import time

    from support import trees

    root = trees.Node()
    root.properties |= {"#address-cells": trees.cells(1), "#size-cells": trees.cells(1)}
    cpus = root.add("cpus")
    cpus.properties |= {"#address-cells": trees.cells(1), "#size-cells": trees.cells(0)}
    cpus.add("cpu@0", compatible=trees.text("arm,cortex-a9"), reg=trees.cells(0), device_type=trees.text("cpu"))
    root.add("memory@10000000", device_type=trees.text("memory"), reg=trees.cells(0x1000_0000, 0x4000_0000))
    blob = trees.blob(root, [(0x3000_0000 + n * 0x8000, 0x1000) for n in range(1500)])
    board = bootmap.Board.parse(blob, phys_offset=0x1000_0000)
    prediction = bootmap.predict(sabrelite().kernel, board)
    start = time.process_time()
    text = bootmap.explore_page(bootmap.explore_prediction(prediction))
    assert time.process_time() - start < 10, "it took 19 s before"
    assert len(text.encode()) < LARGEST
