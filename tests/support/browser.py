"""A real browser for the tests of pages: Chromium, driven by Playwright.  Where one of them is absent, tests skip."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def chromium() -> str:
    """The browser's file; skips the test where there is none."""
    pytest.importorskip("playwright", reason="playwright is not installed (pip install '.[browser]')")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on this machine (apt install chromium)")
    return found


@contextmanager
def running_browser() -> Iterator[Any]:
    """The browser, for any number of pages."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Tab:
    """One page with what went wrong in it.

    Attributes:
        page: Playwright's.
        problems: errors of scripts and of the console, in order.
        requests: every address that the page asked for besides its own file.
    """

    def __init__(self, browser: Any, **context: Any) -> None:
        settings = {"viewport": {"width": 1500, "height": 1000}, "locale": "en-US", "reduced_motion": "reduce"}
        self.context = browser.new_context(**{**settings, **context})
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self._said(message.type, message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.problems.append(text)

    def open(self, file: Path | str, link: str = "") -> Tab:
        """Load a file (or an address) and wait for its first picture."""
        address = file if isinstance(file, str) else file.as_uri()
        self.page.goto("about:blank")
        self.requests.clear()
        self.page.goto(address + link)
        self.page.wait_for_selector("html[data-ready]", timeout=30_000)
        return self

    def ask(self, script: str, argument: Any = None) -> Any:
        """Evaluate a script in the page."""
        return self.page.evaluate(script, argument)

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.ask("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    @property
    def link(self) -> str:
        """The address bar's last part."""
        return str(self.ask("() => location.hash"))

    @property
    def stage(self) -> str:
        """The stage that the timeline shows as the present one."""
        return self.text(".stages [aria-current=step]").replace("\n", "")

    def text(self, selector: str) -> str:
        """What a reader sees in an element."""
        self.settle()
        return str(self.page.locator(selector).first.inner_text())


@cache
def axe_source() -> str | None:
    """The script of axe-core, from the front end's packages; None where they are not installed."""
    from support.pages import ROOT

    file = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
    return file.read_text() if file.is_file() else None
