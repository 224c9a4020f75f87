"""The guided walk: every notion of the story has its step, in both languages, on every board that boots or not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from explore.conftest import recorded, sabrelite

import bootmap
from bootmap.explore.document import side_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.browser import Tab

STEPS = 17
# What the story of paging_init is made of: a word of each notion, in English and in Chinese.
NOTIONS = {
    "only the image and the device tree are mapped at first": ("its own image, and the device tree", "设备树"),
    "the table's place": ("+0x4000", "+0x4000"),
    "the kernel's part of it": ("+ 0x7000", "+ 0x7000"),
    "memblock's two lists": ("`memory`", "`reserved`"),
    "seen, not touched": ("Seen, but not to be touched", "看得见，摸不着"),
    "lowmem and highmem": ("highmem", "高端内存"),
    "the linear map": ("linear map", "线性映射区"),
    "mapping is not allocation": ("struct page", "struct page"),
    "sections": ("section", "段映射"),
    "what a section saves": ("time is saved", "节省时间"),
    "three parts": ("RW, RWX, RW", "RW、RWX、RW"),
    "map_desc": ("struct map_desc", "struct map_desc"),
    "create_mapping": ("create_mapping", "create_mapping"),
    "folded levels": ("folded", "折叠"),
    "four tables in a page": ("Two hardware tables and two Linux tables", "两个硬件页表和两个 Linux 页表"),
    "why two": ("young and dirty", "young 和 dirty"),
    "memory types": ("build_mem_type_table", "build_mem_type_table"),
    "three ranges": ("Three ranges", "三段"),
    "vectors": ("0xffff0000", "0xffff0000"),
    "early_trap_init": ("early_trap_init", "early_trap_init"),
    "map_io": ("map_io", "map_io"),
    "pkmap": ("pkmap", "pkmap"),
    "zones": ("zones", "内存区"),
}


def told(tab: Tab, lang: str) -> list[str]:
    """The text of every step, with its question opened."""
    tab.ask("(lang) => { location.hash = `#lang=${lang}` }", lang)
    tab.settle()
    tab.page.keyboard.press("t")
    texts = []
    for n in range(1, STEPS + 1):
        tab.settle()
        assert re.search(rf"\b{n}\b.*\b{STEPS}\b", tab.text(".tour small"))
        tab.page.locator(".tour summary").click()
        texts.append(tab.text(".tour"))
        tab.page.locator("[data-key=tour-next]").click()
    tab.settle()
    assert not tab.page.locator(".tour").is_visible(), "the last step ends the tour"
    return texts


@pytest.mark.parametrize(("lang", "column"), [("en", 0), ("zh", 1)])
def test_tour_tells_every_notion(tab: Tab, board_page: Path, lang: str, column: int) -> None:
    texts = told(tab.open(board_page), lang)
    whole = "\n".join(texts)
    for notion, words in NOTIONS.items():
        assert words[column].replace("`", "") in whole, notion
    assert not re.search(r"\{\w+\}|`|undefined|NaN", whole), "a number of the board that was not put in"
    assert all(".S" in text or ".c" in text or ".h" in text for text in texts), "each step names the kernel's file"


def test_tour_is_one_text_in_two_languages() -> None:
    from support.pages import ROOT

    def keys(name: str) -> list[str]:
        source = (ROOT / "web" / "src" / "tour" / f"{name}.ts").read_text()
        return re.findall(r'^  "?([\w-]+)"?: \{$', source, re.MULTILINE)

    steps = re.findall(r'^    name: "([\w-]+)"', (ROOT / "web/src/tour/steps.ts").read_text(), re.MULTILINE)
    assert keys("en") == keys("zh") == steps
    assert len(steps) == STEPS


def test_tour_numbers_are_the_boards(tab: Tab, board_page: Path) -> None:
    tab.open(board_page, "#tour=root&lang=en")
    text = tab.text(".tour")
    assert "0x10204000, PHYS_OFFSET + 0x204000" in text
    assert "0x3000 into the table, at 0x10207000" in text
    tab.ask("() => { location.hash = '#tour=halves&lang=en' }")
    text = tab.text(".tour")
    assert "For 0xffff0000: Linux's pte is at 0x3fffd7c0, the hardware's 2 KiB behind it at 0x3fffdfc0" in text
    tab.ask("() => { location.hash = '#tour=sections&lang=en' }")
    assert "770 sections and 3 small pages take 32 KiB" in tab.text(".tour")


@pytest.mark.parametrize("board", ["moved", "dies", "own-lpae-4096m", "own-v5-128m", "own-ve2638-plain"])
def test_tour_goes_on_every_board(tab: Tab, page_file: Callable[[str, str], Path], board: str) -> None:
    """Also where the boot ends before, has no highmem, other names, or long descriptors."""
    if board == "moved":
        replay = sabrelite(name="imx6q-sabrelite-moved").replay
    elif board == "dies":
        replay = sabrelite(cmdline="mem=8M").replay
    else:
        replay = recorded(board).prediction
    texts = told(tab.open(page_file(board, bootmap.explore_page(side_of(replay, board)))), "en")
    assert not re.search(r"\{\w+\}|undefined|NaN", "\n".join(texts))


def test_tour_is_left_by_escape(tab: Tab, board_page: Path) -> None:
    tab.open(board_page, "#tour=prepare&lang=en")
    assert tab.page.locator(".tour").is_visible()
    assert tab.page.locator(".in-focus").count() == 1
    tab.page.keyboard.press("Escape")
    tab.settle()
    assert not tab.page.locator(".tour").is_visible()
    assert "tour" not in tab.link
