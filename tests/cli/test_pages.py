"""Pages of the documentation with real outputs: they are those of today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.pages import ROOT, rerun

if TYPE_CHECKING:
    from pathlib import Path


STEPS = sorted(f"boot/{path.name}" for path in (ROOT / "docs" / "boot").glob("[0-9]*.md"))
# page -> commands that it runs at least
PAGES = {
    "../README.md": 1,
    "start.md": 4,
    "plan.md": 1,
    "tables.md": 12,
    "diff.md": 1,
    "forensics.md": 2,
    "silent-board.md": 8,
    "reporting.md": 4,
    "tutorials/fleet.md": 8,
    "tutorials/changed-mm.md": 5,
    "tutorials/ram-dump.md": 7,
    "tutorials/paging-init.md": 4,
    "howto/index.md": 8,
    "reference/json.md": 2,
    **dict.fromkeys(STEPS, 1),
}
# Run by the tests of their own command; or not at all, for want of kernels that are not in the repository.
ELSEWHERE = {"audit.md", "verified.md"}


@pytest.mark.parametrize(("name", "least"), PAGES.items())
def test_the_page_is_what_the_commands_print(name: str, least: int, tmp_path: Path) -> None:
    """Written again by ``python tests/support/pages.py docs/NAME``."""
    page = (ROOT / "docs" / name).resolve().read_text()
    assert page.count("\n$ bootmap ") >= least
    assert rerun(page, tmp_path) == page


def test_no_console_block_is_left_out() -> None:
    """What is not run here is named above; Chinese pages show the blocks of their originals, which is tested apart."""
    pages = {str(path.relative_to(ROOT / "docs")): path for path in (ROOT / "docs").rglob("*.md")}
    real = {name for name, path in pages.items() if "```console\n$ " in path.read_text()}
    assert {name for name in real if not name.startswith("zh/")} - ELSEWHERE <= PAGES.keys()
