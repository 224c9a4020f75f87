"""Pages of several boards, made once, and a browser to look at them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from support.browser import Tab
from support.recordings import Case
from support.sabrelite import BOARD, ROOT

import bootmap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONFIG = ROOT / "boards" / "linux-6.1-armmp" / "config.gz"
SYSTEM_MAP = ROOT / "boards" / "linux-6.1-armmp" / "System.map"


@cache
def sabrelite(version: str | None = None, name: str = "imx6q-sabrelite", **more: Any) -> bootmap.Prediction:
    """The board of the documentation under the kernel in the repository."""
    kernel = bootmap.Kernel.load(config=CONFIG, system_map=SYSTEM_MAP, version=version)
    board = bootmap.Board.load(BOARD.parent / f"{name}.dtb", phys_offset=0x1000_0000, **more)
    return bootmap.predict(kernel, board)


@cache
def recorded(name: str) -> Case:
    """A recorded boot."""
    return Case(name)


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Keeps a page: its name and its text give the file."""
    folder = tmp_path_factory.mktemp("pages")

    def keep(name: str, text: str) -> Path:
        file: Path = folder / f"{name}.html"
        if not file.exists():
            file.write_text(text)
        return file

    return keep


@pytest.fixture(scope="session")
def board_page(page_file: Callable[[str, str], Path]) -> Path:
    side = bootmap.explore_prediction(sabrelite())
    return page_file("sabrelite", bootmap.explore_page(side))


@pytest.fixture
def tab(browser: Any) -> Iterator[Tab]:
    """A page without problems: an error of a script, of the console or of the network fails the test."""
    found = Tab(browser)
    yield found
    assert found.problems == []
    assert [url for url in found.requests if not url.startswith(("file:", "data:"))] == []
    found.context.close()
