"""The page as people use it: stepping, clicking, searching, links, two languages, keys, paper, narrow screens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from explore.conftest import recorded, sabrelite
from support.browser import Tab, axe_source

import bootmap
from bootmap.explore.document import side_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Keep = Callable[[str, str], Path]

STAGES = [stage.name for stage in sabrelite().stages]
TEXT = 0xC0300000


def names(tab: Tab) -> str:
    """The stage that the timeline shows as the present one."""
    return tab.text(".stages [aria-current=step]").replace("\n", "")


@pytest.fixture
def board(tab: Tab, board_page: Path) -> Tab:
    return tab.open(board_page, "#stage=paging_init&lang=en")


def test_first_picture_names_board_and_verdict(board: Tab) -> None:
    assert board.text("h1") == "imx6q-sabrelite.dtb"
    assert board.text(".badge") == "BOOTS"
    assert "Linux 6.1.176" in board.text(".kernel")
    assert board.page.locator(".stages button").count() == len(STAGES)
    assert names(board) == "paging_init"


def test_first_picture_is_quick(browser: Any, board_page: Path) -> None:
    """Half a second on a laptop; here also with other work on the machine, so the best of some."""
    times = []
    for _ in range(5):
        tab = Tab(browser).open(board_page)
        times.append(tab.ask("() => performance.getEntriesByName('first-picture')[0].startTime"))
        tab.context.close()
    assert min(times) < 500


def test_stepping_by_keys_buttons_and_scrubbing(board: Tab) -> None:
    board.page.keyboard.press("ArrowLeft")
    assert names(board) == "bootmem_init"
    board.page.get_by_role("button", name="Next stage").click()
    assert names(board) == "paging_init"
    board.page.get_by_role("button", name="First stage").click()
    assert names(board) == STAGES[0]
    board.ask("() => { const r = document.querySelector('input[type=range]'); r.value = 9; "
              "r.dispatchEvent(new Event('input')); }")  # fmt: skip
    assert names(board) == STAGES[9] == "map_lowmem"
    assert "745 words of the tables changed" in board.text(".changed"), "760 MiB but for what head.S had already"
    board.page.locator(".stages button").nth(0).click()
    assert names(board) == STAGES[0]


def test_playing_goes_to_the_end_and_stops(board: Tab) -> None:
    board.ask("(link) => { location.hash = link }", "#stage=spectre_bhb_update_vectors&lang=en")
    board.settle()
    board.page.locator("body").press("Space")
    board.page.wait_for_function("() => location.hash.includes('mark_rodata_ro')")
    board.page.get_by_role("button", name="Play").wait_for()


def test_click_on_physical_memory_tells_why(board: Tab) -> None:
    board.page.locator("[data-space=pa][aria-label*='kernel image']").click(position={"x": 5, "y": 3})
    board.settle()
    assert "pa=0x103" in board.link
    why = board.text("#why")
    assert "Reserved for" in why
    assert "the kernel image" in why
    assert "/memory@10000000/reg" in why
    assert "0x00e0" in why, "the bytes of the device tree"
    assert "0xc03" in board.text("#why [data-part=virtual] h3"), "the same place in the other views"


def test_click_on_virtual_memory_tells_the_walk(board: Tab) -> None:
    board.page.locator("[data-space=va][aria-label*='0xffff0000']").click()
    board.settle()
    why = board.text("#why")
    assert "vectors" in why
    assert "small page" in why
    assert "alloc_range" in why


def test_click_on_a_word_opens_its_table_with_both_halves(board: Tab) -> None:
    canvas = board.page.locator("#directory canvas").first
    box = canvas.bounding_box()
    assert box
    canvas.click(position={"x": box["width"] - 3, "y": box["height"] - 9})  # the last word
    board.settle()
    assert "va=0xfff00000" in board.link
    second = board.text(".second")
    assert "Linux's ptes" in second
    assert "The hardware's ptes" in second
    blocks = board.page.locator(".second canvas")
    assert blocks.count() == 4
    vectors = blocks.nth(1)
    box = vectors.bounding_box()
    assert box
    vectors.click(position={"x": (240 % 64 + 0.5) / 64 * box["width"], "y": (240 // 64 + 0.5) / 4 * box["height"]})
    board.settle()
    assert "va=0xffff0000" in board.link, "word 240 of the second table is the vectors' page"


def test_words_are_reached_by_keys(board: Tab) -> None:
    canvas = board.page.locator("#directory canvas").first
    canvas.focus()
    board.page.keyboard.press("End")
    board.settle()
    assert canvas.get_attribute("aria-valuenow") == "4095"
    board.page.keyboard.press("ArrowLeft")
    board.settle()
    assert "va=0xffe00000" in board.link
    board.page.keyboard.press("ArrowUp")
    board.settle()
    assert "va=0xfbe00000" in board.link
    assert "0xfbe00000" in (canvas.get_attribute("aria-valuetext") or "")


def test_regions_are_reached_by_keys(board: Tab) -> None:
    board.page.locator("#maps .region").first.focus()
    for _ in range(3):
        board.page.keyboard.press("ArrowDown")
    board.page.keyboard.press("Enter")
    board.settle()
    assert "pa=0x" in board.link


@pytest.mark.parametrize(
    ("asked", "link"),
    [
        ("0xc0300000", "va=0xc0300000"),
        ("0x10300000", "pa=0x10300000"),
        ("pa:0x20000000", "pa=0x20000000"),
        ("va:0xffff0000", "va=0xffff0000"),
        ("512M", "pa=0x20000000"),
        ("vmalloc", "va=0xf0800000"),
        ("__init_begin", "va=0xc1200000"),
        ("CMA", "pa=0x4f000000"),
        ("mem_map", "pa=0x3f6f8000"),
        ("map_kernel", "stage=map_kernel"),
    ],
)
def test_search_finds(board: Tab, asked: str, link: str) -> None:
    board.page.keyboard.press("/")
    board.page.keyboard.type(asked)
    board.page.wait_for_selector("#search-list [aria-selected=true]")
    board.page.keyboard.press("Enter")
    board.settle()
    assert link in board.link


def test_search_says_when_there_is_nothing(board: Tab) -> None:
    board.page.fill("#search", "no such thing")
    assert board.text("#search-list") == "Nothing has that name or address"


def test_link_restores_a_view(tab: Tab, board_page: Path) -> None:
    tab.open(board_page, "#stage=map_lowmem&va=0xc1800000&tab=zones&scale=straight&lang=zh")
    assert names(tab) == "map_lowmem"
    assert "0xc1800000" in tab.text("#why h3")
    assert tab.text("[role=tab][aria-selected=true]") == "内存区 (zone)"
    assert tab.page.locator("[aria-pressed=true]").inner_text() == "按比例"
    assert tab.ask("() => document.documentElement.lang") == "zh-CN"
    tab.ask("() => { location.hash = '#stage=create_page_tables&pa=0x10204000&lang=en' }")
    assert names(tab) == "create_page_tables"
    assert "A word of the page tables, for" in tab.text("#why")


@pytest.mark.parametrize(
    "link", ["#stage=nonsense&va=banana", "#%E0%A4%A", "#va=0xffffffffff", "#tour=%3Cb%3E", "#tab=x"]
)
def test_link_of_nonsense_is_harmless(tab: Tab, board_page: Path, link: str) -> None:
    tab.open(board_page, link)
    assert names(tab) in STAGES


def test_language_switches_everything_that_is_the_pages_own(board: Tab) -> None:
    english = board.ask("() => document.body.innerText")
    board.page.keyboard.press("l")
    board.settle()
    chinese = board.ask("() => document.body.innerText")
    assert "可以启动" in chinese
    assert "页目录" in chinese
    for word in ("Page directory", "Why is this here", "Findings", "not mapped"):
        assert word in english
        assert word not in chinese


def test_dead_board_opens_where_it_ends_and_shows_its_finding(tab: Tab, page_file: Keep) -> None:
    prediction = sabrelite(name="imx6q-sabrelite-moved")
    tab.open(page_file("moved", bootmap.explore_page(bootmap.explore_prediction(prediction))), "#lang=en")
    assert tab.text(".badge") == "UNCERTAIN"
    assert "prepare_page_table keeps only" in tab.text(".reason")
    assert names(tab) == "prepare_page_table", "the page opens where the boot may end"
    assert "va=0xc0300000" in tab.link or "0xc0300000" in tab.text("#why h3")
    tab.page.keyboard.press("ArrowRight")
    assert tab.text("[role=tab][aria-selected=true] .count") == "2"
    tab.page.get_by_role("button", name="Show 0xc0300000").click()
    assert names(tab) == "prepare_page_table"
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
    assert names(tab) == "bootmem_init"


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
    from dataclasses import replace

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


def test_page_may_load_nothing(board: Tab) -> None:
    """The page's own policy forbids it, should a way in ever be found."""
    board.ask("() => { const script = document.createElement('script'); script.textContent = 'window.ran = 1'; "
              "document.head.append(script); }")  # fmt: skip
    assert board.ask("() => window.ran") is None
    assert any("Content Security Policy" in problem for problem in board.problems)
    board.problems.clear()


def test_every_tab_has_its_table(board: Tab) -> None:
    for name, text in (
        ("memory", "mem_map"),
        ("layout", "770 sections"),
        ("types", "MT_MEMORY_RWX"),
        ("zones", "HighMem"),
        ("loads", "page directory"),
        ("calls", "alloc_range"),
        ("rules", "adjust_lowmem_bounds"),
        ("log", "Memory policy"),
    ):
        board.page.locator(f"#tab-{name}").click()
        assert text in board.text("#tab-panel"), name


def test_tabs_go_by_arrow_keys(board: Tab) -> None:
    board.page.locator("#tab-findings").focus()
    board.page.keyboard.press("ArrowRight")
    board.settle()
    assert board.ask("() => document.activeElement.id") == "tab-memory"
    assert names(board) == "paging_init", "the arrow belongs to the tabs here, not to the timeline"


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


def test_help_lists_the_keys(board: Tab) -> None:
    board.page.keyboard.press("?")
    assert board.page.locator("dialog").is_visible()
    board.page.keyboard.press("Escape")
    assert not board.page.locator("dialog").is_visible()


def test_theme_switch_turns_the_ground(board: Tab) -> None:
    ground = "() => getComputedStyle(document.body).backgroundColor"
    before = board.ask(ground)
    board.page.get_by_role("button", name="Light or dark").click()
    board.settle()
    assert board.ask(ground) != before


@pytest.mark.parametrize("width", [360, 768, 1280, 2560])
def test_nothing_is_wider_than_the_screen(browser: Any, board_page: Path, width: int) -> None:
    tab = Tab(browser, viewport={"width": width, "height": 900})
    tab.open(board_page, "#stage=paging_init&va=0xffff0000&tab=types&lang=en")
    tab.settle()
    assert tab.ask("() => document.documentElement.scrollWidth") <= width
    assert tab.problems == []
    tab.context.close()


def test_print_shows_everything_and_no_controls(board: Tab) -> None:
    board.page.emulate_media(media="print")
    board.settle()
    assert not board.page.locator(".controls").is_visible()
    assert not board.page.locator("#search").is_visible()
    assert board.page.locator("#why").is_visible()
    assert len(board.page.pdf()) > 20_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("link", ["#lang=en", "#tour=halves&lang=zh&tab=types", "#va=0xffff0000&tab=memory&lang=en"])
def test_axe_finds_no_serious_fault(browser: Any, board_page: Path, scheme: str, link: str) -> None:
    source = axe_source()
    if source is None:
        pytest.skip("axe-core is not installed (npm install in web/)")
    tab = Tab(browser, color_scheme=scheme, bypass_csp=True).open(board_page, link)
    tab.settle()
    tab.ask(source + ";0")
    found = tab.ask("() => axe.run(document, {resultTypes: ['violations']})")
    serious = [
        (rule["id"], [node["target"] for node in rule["nodes"]][:4], rule["nodes"][0]["failureSummary"])
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    ]
    assert serious == []
    tab.context.close()
