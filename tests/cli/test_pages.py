"""Pages of the documentation with real outputs: they are those of today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.pages import ROOT, rerun

if TYPE_CHECKING:
    from pathlib import Path


STEPS = sorted(f"boot/{path.name}" for path in (ROOT / "docs" / "boot").glob("[0-9]*.md"))


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("../README.md", 1),
        ("tables.md", 12),
        ("diff.md", 1),
        ("reporting.md", 4),
        ("silent-board.md", 8),
        *((name, 1) for name in STEPS),
    ],
)
def test_the_page_is_what_the_commands_print(name: str, least: int, tmp_path: Path) -> None:
    """Written again by ``python tests/pages.py docs/NAME``."""
    page = (ROOT / "docs" / name).resolve().read_text()
    assert page.count("\n$ bootmap ") >= least
    assert rerun(page, tmp_path) == page
