"""The page of the documentation about `bootmap tables` and `bootmap walk`: its outputs are those of today."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pages import ROOT, rerun

if TYPE_CHECKING:
    from pathlib import Path


def test_the_page_is_what_the_commands_print(tmp_path: Path) -> None:
    """Written again by ``python tests/pages.py docs/tables.md``."""
    page = (ROOT / "docs" / "tables.md").read_text()
    assert page.count("\n$ bootmap ") >= 12
    assert rerun(page, tmp_path) == page
