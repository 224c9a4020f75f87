"""The page as people use it: stepping, clicking, searching, links, two languages, keys, paper, narrow screens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from explore.conftest import sabrelite
from support.browser import Tab, axe_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Keep = Callable[[str, str], Path]

STAGES = [stage.name for stage in sabrelite().stages]
TEXT = 0xC0300000


@pytest.fixture
def board(tab: Tab, board_page: Path) -> Tab:
    return tab.open(board_page, "#stage=paging_init&lang=en")


def test_first_picture_names_board_and_verdict(board: Tab) -> None:
    assert board.text("h1") == "imx6q-sabrelite.dtb"
    assert board.text(".badge") == "BOOTS"
    assert "Linux 6.1.176" in board.text(".kernel")
    assert board.page.locator(".stages button").count() == len(STAGES)
    assert board.stage == "paging_init"


def test_stepping_by_keys_buttons_and_scrubbing(board: Tab) -> None:
    board.page.keyboard.press("ArrowLeft")
    assert board.stage == "bootmem_init"
    board.page.get_by_role("button", name="Next stage").click()
    assert board.stage == "paging_init"
    board.page.get_by_role("button", name="First stage").click()
    assert board.stage == STAGES[0]
    board.ask(
        "() => { const r = document.querySelector('input[type=range]'); r.value = 9; "
        "r.dispatchEvent(new Event('input')); }"
    )
    assert board.stage == STAGES[9] == "map_lowmem"
    assert "745 words of the tables changed" in board.text(".changed"), "760 MiB but for what head.S had already"
    board.page.locator(".stages button").nth(0).click()
    assert board.stage == STAGES[0]


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
    assert tab.stage == "map_lowmem"
    assert "0xc1800000" in tab.text("#why h3")
    assert tab.text("[role=tab][aria-selected=true]") == "内存区 (zone)"
    assert tab.page.locator("[aria-pressed=true]").inner_text() == "按比例"
    assert tab.ask("() => document.documentElement.lang") == "zh-CN"
    tab.ask("() => { location.hash = '#stage=create_page_tables&pa=0x10204000&lang=en' }")
    assert tab.stage == "create_page_tables"
    assert "A word of the page tables, for" in tab.text("#why")


@pytest.mark.parametrize(
    "link", ["#stage=nonsense&va=banana", "#%E0%A4%A", "#va=0xffffffffff", "#tour=%3Cb%3E", "#tab=x"]
)
def test_link_of_nonsense_is_harmless(tab: Tab, board_page: Path, link: str) -> None:
    tab.open(board_page, link)
    assert tab.stage in STAGES


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


def test_page_may_load_nothing(board: Tab) -> None:
    """The page's own policy forbids it, should a way in ever be found."""
    board.ask(
        "() => { const script = document.createElement('script'); script.textContent = 'window.ran = 1'; "
        "document.head.append(script); }"
    )
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
    assert board.stage == "paging_init", "the arrow belongs to the tabs here, not to the timeline"


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
