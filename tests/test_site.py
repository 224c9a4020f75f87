"""The documentation site: built without a warning, and used in a real browser."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from support.browser import Tab
from support.pages import ROOT

import bootmap
from bootmap.facts import check_rules
from bootmap.facts.features.table import FEATURES
from bootmap.report.schemas.table import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WIDTH = 360
# What people look at on a telephone: prose, wide tables, long signatures, long console lines, Chinese.
NARROW = [
    "index",
    "start",
    "silent-board",
    "howto/index",
    "tutorials/paging-init",
    "boot/09-map_lowmem",
    "glossary",
    "findings",
    "logs",
    "reference/commands",
    "reference/api",
    "reference/check-rules",
    "reference/features",
    "reference/json",
    "zh/index",
    "zh/boot/09-map_lowmem",
    "zh/glossary",
]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as ``make site`` makes it."""
    for name in ("sphinx", "myst_parser", "furo", "sphinx_click"):
        pytest.importorskip(name, reason=f"{name} is not installed (pip install '.[docs]')")
    out: Path = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", ROOT / "docs", out]
    # -q says nothing but warnings
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    assert done.returncode == 0, done.stderr
    kept = "pictures of pages: those of docs/images, for want of a browser"  # where there is no Chromium
    assert done.stderr == "" or (done.stderr.startswith(kept) and done.stderr.count("\n") == 1)
    return out


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the site is served: its search fetches files, which a browser does not do from a disk."""
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def opened(browser: Any, address: str, **context: Any) -> Any:
    tab = Tab(browser, **context)
    tab.page.goto(address)
    return tab


def test_site_describes_everything_that_is_public(site: Path) -> None:
    commands = (site / "reference" / "commands.html").read_text()
    listed = subprocess.run([sys.executable, "-m", "bootmap", "--help"], capture_output=True, text=True, check=True)
    names = [line.split()[0] for line in listed.stdout.split("Commands:")[1].splitlines() if line[2:3].strip()]
    assert len(names) > 20
    assert [name for name in names if f"bootmap {name}" not in commands] == []
    api = (site / "reference" / "api.html").read_text()
    assert [name for name in bootmap.__all__ if f">{name}<a" not in api] == []
    rules = (site / "reference" / "check-rules.html").read_text()
    assert [rule.id for rule in check_rules.RULES if f'id="{rule.id}"' not in rules] == []
    documents = (site / "reference" / "json.html").read_text()
    for row in SCHEMAS:
        assert f"schemas/{row.name}.json" in documents
        assert json.loads((site / "schemas" / f"{row.name}.json").read_text()) == row.schema()
    features = (site / "reference" / "features.html").read_text()
    assert [row.name for row in FEATURES if f">{row.name}<" not in features] == []


def test_site_has_no_mail_addresses(site: Path) -> None:
    """No page names one: FILE@ADDRESS and multi_v7@6.12 are arguments, and say so without a backslash."""
    pages = {str(path.relative_to(site)): unescape(path.read_text()) for path in site.rglob("*.html")}
    assert {"reference/api.html", "reference/commands.html"} <= pages.keys()
    assert [name for name, page in pages.items() if "mailto:" in page.lower()] == []
    assert "FILE@ADDRESS" in pages["reference/api.html"]
    assert "multi_v7@6.12" in pages["reference/commands.html"]
    assert [name for name, page in pages.items() if name.startswith("reference/") and "\\@" in page] == []


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("prepare_page_table", "boot/08-prepare_page_table"),
        ("memory sections", "boot/09-map_lowmem"),
        ("恒等映射", "zh/glossary"),
        ("高端内存", "zh/boot/07-adjust_lowmem_bounds"),
    ],
)
def test_search_finds_words_of_both_languages(browser: Any, address: str, words: str, page: str) -> None:
    tab = opened(browser, f"{address}/search.html?q={quote(words)}")
    tab.page.wait_for_selector(f"#search-results a[href*='{page}.html']", timeout=30_000)
    assert tab.problems == []
    tab.context.close()


@pytest.mark.parametrize(("page", "chinese"), [("zh/boot/09-map_lowmem", True), ("boot/09-map_lowmem", False)])
def test_search_from_a_chinese_page_lists_chinese_pages_first(
    browser: Any, address: str, page: str, chinese: bool
) -> None:
    """A kernel's name is on pages of both languages."""
    tab = opened(browser, f"{address}/{page}.html")
    tab.page.locator(".sidebar-search").fill("map_lowmem")
    tab.page.locator(".sidebar-search").press("Enter")
    tab.page.wait_for_function(  # results come one by one
        "() => /Search finished/.test(document.querySelector('#search-results')?.innerText)", timeout=30_000
    )
    links = tab.ask("() => [...document.querySelectorAll('#search-results li > a')].map((a) => a.getAttribute('href'))")
    there = ["zh/" in link for link in links]
    assert {True, False} <= set(there)
    assert (there == sorted(there, reverse=True)) == chinese
    assert tab.problems == []
    tab.context.close()


def test_search_finds_nothing_where_there_is_nothing(browser: Any, address: str) -> None:
    tab = opened(browser, f"{address}/search.html?q={quote('量子纠缠')}")
    tab.page.wait_for_function(
        "() => /did not match|no results/i.test(document.querySelector('#search-results').innerText)", timeout=30_000
    )
    tab.context.close()


def test_a_reader_changes_the_language_and_back(browser: Any, address: str) -> None:
    tab = opened(browser, f"{address}/boot/08-prepare_page_table.html")
    assert tab.ask("() => document.documentElement.lang") == "en"
    tab.page.get_by_role("link", name="中文", exact=True).first.click()
    tab.page.wait_for_url("**/zh/boot/08-prepare_page_table.html")
    assert tab.ask("() => document.documentElement.lang") == "zh-CN"
    assert "清除 head.S 留下的映射" in tab.text("h1")
    tab.page.get_by_role("link", name="English", exact=True).first.click()
    tab.page.wait_for_url("**/boot/08-prepare_page_table.html")
    assert tab.problems == []
    tab.context.close()


def test_labels_of_a_chinese_page_are_chinese(browser: Any, address: str) -> None:
    """What the theme says: words around the text, and those that only a screen reader says."""
    tab = opened(browser, f"{address}/zh/boot/09-map_lowmem.html")
    words = tab.ask(
        "() => [...document.querySelectorAll('.toc-title, .back-to-top, .skip-to-content, .related-pages .context')]"
        ".map((one) => one.textContent.trim())"
    )
    names = tab.ask(
        "() => [...document.querySelectorAll('[aria-label], .content-icon-container [title], input[placeholder]')]"
        ".map((one) => one.ariaLabel || one.title || one.placeholder)"
    )
    assert len(words) >= 4
    assert len(names) >= 4
    assert [text for text in [*words, *names] if not re.search("[\u3400-\u9fff]", text)] == []
    assert "bootmap authors" in tab.text(".bottom-of-page")
    assert "版权所有" in tab.text(".bottom-of-page")
    assert tab.problems == []
    tab.context.close()
    tab = opened(browser, f"{address}/boot/09-map_lowmem.html")
    assert tab.text(".toc-title").lower() == "on this page"
    tab.context.close()


def test_drawing_and_page_of_a_board_are_made(browser: Any, address: str) -> None:
    """By the commands, while the site is built; the page opens from English and from Chinese."""
    tab = opened(browser, f"{address}/howto/index.html")
    assert tab.ask("() => document.querySelector('img.made').naturalWidth") > 300
    for page, link in (("tutorials", "The page of the SABRE Lite"), ("zh/tutorials", "SABRE Lite 的页面")):
        tab.page.goto(f"{address}/{page}/paging-init.html")
        tab.page.get_by_role("link", name=link).click()
        tab.page.wait_for_selector("html[data-ready]", timeout=30_000)
        assert tab.text("h1") == "imx6q-sabrelite.dtb"
    assert tab.problems == []
    tab.context.close()


@pytest.mark.parametrize("page", NARROW)
def test_page_fits_a_telephone(browser: Any, address: str, page: str) -> None:
    tab = opened(browser, f"{address}/{page}.html", viewport={"width": WIDTH, "height": 740})
    assert tab.ask("() => document.documentElement.scrollWidth") <= WIDTH
    assert [url for url in tab.requests if not url.startswith((address, "data:"))] == []
    assert tab.problems == []
    tab.context.close()


def test_site_is_copied_whole(site: Path, tmp_path: Path, browser: Any) -> None:
    """Pages and pictures need no server and no other host."""
    shutil.copytree(site, tmp_path / "copy")
    tab = Tab(browser)
    tab.page.goto((tmp_path / "copy" / "explore.html").as_uri())
    assert tab.ask("() => [...document.images].filter((image) => !image.naturalWidth).map((image) => image.src)") == []
    assert [url for url in tab.requests if not url.startswith(("file:", "data:"))] == []
    tab.context.close()
