"""The page of a sweep in a real browser: sorting, filters, changes, details, a link that restores them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from support.browser import Tab
from support.trees import blob

from bootmap.report.sweep_html import sweep_page
from bootmap.sweep.compare import compare_rows
from bootmap.sweep.pages import write_pages
from bootmap.sweep.run import Sweep, run_sweep
from bootmap.sweep.store import read_rows

from .conftest import KERNEL_61, board

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tab(browser: Any, boards: Path, tmp_path: Path) -> Tab:
    (boards / "<img src=x onerror=alert(1)>.dtb").write_bytes((boards / "broken.dtb").read_bytes())
    newer = tmp_path / "newer"
    shutil.copytree(boards, newer)
    (newer / "board-03.dtb").write_bytes(blob(board(size=64 << 20)))  # had 112 MiB
    sweep = Sweep.of([str(boards)], [str(KERNEL_61)], against=[str(newer)])
    run_sweep(sweep, str(tmp_path / "rows.jsonl"), jobs=2)
    assert sweep.sides is not None
    rows = list(read_rows(str(tmp_path / "rows.jsonl")))
    page = tmp_path / "page.html"
    pages = write_pages(sweep, {("boards", "imx6q-sabrelite.dtb", "deb-6.1")}, str(tmp_path / "page-boards"))
    page.write_text(sweep_page(rows, [compare_rows(rows, *sweep.sides)], pages))
    return Tab(browser).open(page)


def column(tab: Tab, number: int) -> list[str]:
    tab.settle()
    return [str(text) for text in tab.page.locator(f"#body td:nth-child({number})").all_inner_texts()]


def test_page_shows_every_row_and_runs_nothing_of_theirs(tab: Tab) -> None:
    assert tab.text("#count") == "34 of 34 rows"
    assert len(column(tab, 1)) == 34
    assert "<img src=x onerror=alert(1)>.dtb" in column(tab, 1)
    assert tab.page.locator("#body img").count() == 0
    assert tab.problems == []
    assert [address for address in tab.requests if not address.startswith("file:")] == []


def test_page_sorts(tab: Tab) -> None:
    names = column(tab, 1)
    assert names == sorted(names)
    tab.page.locator("th[data-key=ram] button").click()
    sizes = [float(text.removesuffix(" MiB")) for text in column(tab, 8) if text]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 1024
    assert tab.page.locator("th[aria-sort=descending]").inner_text() == "RAM"
    tab.page.locator("th[data-key=ram] button").click()
    assert [float(text.removesuffix(" MiB")) for text in column(tab, 8) if text] == sizes[::-1]


def test_page_filters_and_its_link_restores_them(tab: Tab) -> None:
    tab.page.locator("#trees").select_option("newer")
    tab.page.locator("#find").fill("IMX6Q-sabre")
    assert column(tab, 1) == ["imx6q-sabrelite.dtb"]
    link = tab.link
    tab.open(tab.page.url.partition("#")[0], link)
    assert column(tab, 1) == ["imx6q-sabrelite.dtb"]
    assert column(tab, 3) == ["newer"]
    tab.page.locator("#find").fill("")
    tab.page.locator("#verdict").select_option("NO ANSWER")
    assert column(tab, 1) == ["<img src=x onerror=alert(1)>.dtb", "broken.dtb", "more/nobody-knows.dtb"]


def test_page_shows_a_board(tab: Tab) -> None:
    tab.page.locator("#find").fill("nobody-knows")
    tab.page.locator("#body tr").first.press("Enter")
    detail = tab.text("#detail")
    assert "no,such-soc" in detail
    assert "--phys-offset" in detail
    assert "bootmap explore" in detail


def test_page_opens_a_board_in_explore(tab: Tab) -> None:
    tab.page.locator("#trees").select_option("boards")
    tab.page.locator("#find").fill("imx6q-sabrelite")
    tab.page.locator("#body tr").first.click()
    tab.page.get_by_role("link", name="Open the board's page").click()
    tab.page.wait_for_selector("html[data-ready]", timeout=30_000)
    assert tab.page.url.endswith("page-boards/boards/imx6q-sabrelite.dtb/deb-6.1.html")
    assert "imx6q-sabrelite" in tab.page.title() + tab.text("body")
    assert tab.problems == []


def test_page_shows_what_changed(tab: Tab) -> None:
    group = tab.page.locator("#changes button")
    assert group.all_inner_texts() == [
        "worse: 1 boards: 48 MiB less of RAM in use; the tree declares 48 MiB less (tree)"
    ]
    group.click()
    assert column(tab, 1) == ["board-03.dtb", "board-03.dtb"]
    assert column(tab, 8) == ["112 MiB", "64 MiB"]
    group.click()
    assert tab.text("#count") == "34 of 34 rows"
