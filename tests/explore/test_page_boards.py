"""Pages of all kinds: boards that die, long descriptors, recordings, dumps, two side by side, hostile names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explore.conftest import recorded, sabrelite
from msgspec.structs import replace

import bootmap
from bootmap.explore.document import side_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.browser import Tab

    Keep = Callable[[str, str], Path]


def test_dead_board_opens_where_it_ends_and_shows_its_finding(tab: Tab, page_file: Keep) -> None:
    prediction = sabrelite(name="imx6q-sabrelite-moved")
    tab.open(page_file("moved", bootmap.explore_page(bootmap.explore_prediction(prediction))), "#lang=en")
    assert tab.text(".badge") == "UNCERTAIN"
    assert prediction.outcome.reason
    assert tab.text(".reason") == prediction.outcome.reason
    assert tab.stage == "prepare_page_table", "the page opens where the boot may end"
    assert "va=0xc0300000" in tab.link or "0xc0300000" in tab.text("#why h3")
    tab.page.keyboard.press("ArrowRight")
    found = bootmap.check(prediction.kernel, prediction.board).counted
    assert tab.text("[role=tab][aria-selected=true] .count") == str(len(found))
    tab.page.get_by_role("button", name="Show 0xc0300000").click()
    assert tab.stage == "prepare_page_table"
    assert "Every access faults" in tab.text("#why"), "the text of the running kernel"


def test_board_that_dies_has_no_later_stages(tab: Tab, page_file: Keep) -> None:
    prediction = sabrelite(cmdline="mem=8M")
    assert prediction.outcome.verdict is bootmap.Verdict.DIES
    tab.open(page_file("dies", bootmap.explore_page(bootmap.explore_prediction(prediction))), "#lang=en")
    assert tab.text(".badge") == "DOES NOT BOOT"
    assert tab.page.locator(".stages button").count() == len(prediction.stages)
    assert prediction.outcome.reason
    assert prediction.outcome.reason in tab.text(".reason")


def test_lpae_board_of_two_gibibytes(tab: Tab, page_file: Keep) -> None:
    replay = recorded("own-v7-lpae-2g-plain").prediction
    tab.open(
        page_file("lpae", bootmap.explore_page(side_of(replay, "lpae"))), "#stage=paging_init&va=0xffff0000&lang=en"
    )
    assert "2048 words, one for each 2 MiB" in tab.text("#directory")
    assert "One word for Linux and the hardware" in tab.text(".second")
    assert tab.page.locator(".second canvas").count() == 1
    levels = tab.page.locator("#why .level").all_inner_texts()
    assert [level.split("[")[0] for level in levels] == ["pgd = p4d = pud", "pmd", "pte"]


def test_recording_has_its_moments_and_no_causes(tab: Tab, page_file: Keep) -> None:
    from support.recordings import DATA

    side = bootmap.explore_side(str(DATA / "cases" / "own-lpae-4096m.json.gz"))
    tab.open(page_file("recording", bootmap.explore_page(side)), "#lang=en")
    assert tab.page.locator(".stages button").all_inner_texts() == ["before", "after"]
    assert tab.text(".badge") == "tables of recording"
    pages = recorded("own-lpae-4096m").pages("after")
    shown = tab.ask("() => bootmap.pages('after')")
    assert {int(address, 16) for address in shown} == set(pages)
    assert all(shown[f"{address:#x}"].startswith(data.hex()) for address, data in pages.items())


def test_dump_without_hints(tab: Tab, page_file: Keep, tmp_path: Path) -> None:
    """The tables of a dump that nothing is known of but its bytes and where they lie."""
    replay = sabrelite().replay
    stage = replay.usual_stage
    pages = replay.tables_at(stage)
    start, end = 0x1000_0000, 0x1000_0000 + (768 << 20)
    dump = tmp_path / "dump"
    with dump.open("wb") as file:
        file.truncate(end - start)
        for address, words in pages.items():
            file.seek(address - start)
            file.write(words.tobytes())
    side = bootmap.explore_side(f"{dump}@{start:#x}", registers={"ttbr0": replay.state.tables.root}, arch="v7")
    tab.open(page_file("dump", bootmap.explore_page(side)), "#va=0xc0300000&lang=en")
    assert tab.text(".badge") == "tables of raw"
    assert "0x10300000" in tab.text("#why")
    shown = tab.ask("() => bootmap.pages('image')")
    assert shown == {f"{address:#x}": words.tobytes().hex() for address, words in pages.items()}


def test_two_kernels_side_by_side(tab: Tab, page_file: Keep) -> None:
    sides = [bootmap.explore_prediction(sabrelite(version), name) for version, name in (("3.10", "old"), (None, "new"))]
    tab.open(page_file("two", bootmap.explore_page(*sides)), "#stage=paging_init&va=0xc1500000&lang=en")
    assert tab.page.locator("h1").all_inner_texts() == ["A old", "B new"] or tab.page.locator("h1").count() == 2
    assert tab.page.locator(".maps").count() == tab.page.locator(".directory").count() == 2
    panel = tab.text("#tab-panel")
    assert "3.10" in panel
    assert "6.1.176" in panel
    assert "0xc1400000-0xef7fffff" in panel, "what was executable and is not any more"
    why = tab.text("#why")
    assert "kernel rwx" in why
    assert "kernel rw-" in why
    tab.page.keyboard.press("ArrowLeft")
    assert tab.stage == "bootmem_init"


def test_same_twice_has_no_differences(tab: Tab, page_file: Keep) -> None:
    sides = [bootmap.explore_prediction(sabrelite(), name) for name in ("one", "two")]
    tab.open(page_file("same", bootmap.explore_page(*sides)), "#stage=map_lowmem&lang=en")
    assert tab.text("#tab-panel") == "At this stage the two have the same words and regions."


def test_tables_of_ten_thousand_words(tab: Tab, page_file: Keep) -> None:
    """768 MiB in small pages: 200,000 words in each half."""
    replay = sabrelite(cmdline="vmalloc=16M").replay
    from bootmap.analysis.registers import linux_registers
    from bootmap.explore.image_document import ImageFacts, ImageMoment, image_side
    from bootmap.mmu.memory import Chunks

    root, pages, words = 0x4000, {}, []
    for pair in range(384):
        table = 0x100_0000 + pair * 4096
        half = [(0x1000_0000 + (pair * 512 + n) * 4096) | 0x45E for n in range(512)]
        pages[table] = b"".join((word & ~0xFFF | 0x4F).to_bytes(4, "little") for word in half) + b"".join(
            word.to_bytes(4, "little") for word in half
        )
        words += [table + 2048 | 1, table + 3072 | 1]
    pages[root] = bytes(4 * 3072) + b"".join(word.to_bytes(4, "little") for word in words) + bytes(4 * 256)
    regs = replace(linux_registers(replay), ttbr0=root)
    facts = ImageFacts(page_offset=0xC0000000, phys_offset=0x10000000)
    text = bootmap.explore_page(
        image_side("small pages", "raw", regs, [ImageMoment("image", Chunks(pages))], facts, [])
    )
    assert len(text.encode()) < 1_500_000
    tab.open(page_file("pages", text), "#va=0xc0300000&lang=en")
    assert "0x10300000" in tab.text("#why")
    assert tab.ask("() => bootmap.ranges('image').map((row) => row.slice(0, 3))") == [
        [0xC0000000, 768 << 20, 0x10000000]
    ]


def test_hostile_names_stay_text(tab: Tab, page_file: Keep) -> None:
    """A board may call its nodes what it likes."""
    nasty = "</script><img src=x onerror='document.title=\"owned\"'><b>bold</b>"
    side = bootmap.explore_prediction(sabrelite(), nasty)
    for stage in side.document["stages"]:
        stage["reservedRows"] = [[start, end, nasty, origin] for start, end, _, origin in stage["reservedRows"]]
    side.document["origins"] = [[rule, nasty, offset, parent] for rule, _, offset, parent in side.document["origins"]]
    side.document["assumptions"] = [nasty]
    side.document["findings"] = [
        {
            "id": nasty,
            "stage": "paging_init",
            "severity": "warning",
            "title": nasty,
            "message": nasty,
            "address": 1,
            "origin": 0,
            "where": [[nasty, nasty, nasty]],
            "changes": [[nasty, nasty, nasty, True]],
            "advice": [nasty],
            "table": [[nasty], [nasty]],
        }
    ]
    text = bootmap.explore_page(side)
    assert nasty not in text
    tab.open(page_file("hostile", text), "#stage=paging_init&pa=0x10300000&lang=en")
    for name in ("findings", "memory", "rules", "calls"):
        tab.page.locator(f"#tab-{name}").click()
        tab.settle()
        assert tab.page.locator("main b, img").count() == 0
    assert "<b>bold</b>" in tab.text("#why")
    assert "owned" not in tab.ask("() => document.title").split("·")[1]
    assert tab.page.locator("h1").inner_text() == nasty


def test_findings_are_those_of_check_with_what_to_change(tab: Tab, page_file: Keep) -> None:
    prediction = sabrelite(initrd="0x10a00000,0x900000")
    tab.open(page_file("initrd", bootmap.explore_page(bootmap.explore_prediction(prediction))), "#lang=en")
    found = bootmap.check(prediction.kernel, prediction.board).counted
    assert found
    panel = tab.text("#tab-panel")
    for each in found:
        assert each.title in panel
        for change in each.changes:
            assert change.text in panel
    tab.page.locator("#tab-loads").click()
    panel = tab.text("#tab-panel")
    assert "OVERLAP" in panel
    assert "Who takes of the 768 MiB of lowmem" in panel
