"""The page in the package is the build of its source, to the byte."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WEB = ROOT / "web"
TOOLS = WEB / "node_modules"


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is None or not TOOLS.is_dir():
        pytest.skip("node or the front end's packages are not here (npm ci in web/)")
    return found


def test_page_is_the_build_of_its_source(node: str, tmp_path: Path) -> None:
    built = tmp_path / "page.html"
    subprocess.run([node, "build.mjs", str(built)], cwd=WEB, check=True, capture_output=True)
    assert built.read_bytes() == (ROOT / "src" / "bootmap" / "explore" / "page.html").read_bytes(), "make web"


def test_source_has_no_type_errors(node: str) -> None:
    done = subprocess.run(
        [node, "node_modules/typescript/bin/tsc", "--noEmit"], cwd=WEB, capture_output=True, text=True
    )
    assert done.stdout == ""
    assert done.returncode == 0


def test_page_is_whole() -> None:
    text = (ROOT / "src" / "bootmap" / "explore" / "page.html").read_text()
    assert text.count("<!--bootmap-data-->") == 1
    assert "base-uri 'none'" in text
    assert "default-src 'none'" in text
    assert "@SCRIPT@" not in text


def test_source_is_plain() -> None:
    """No framework: nothing is imported but the page's own modules."""
    for file in (WEB / "src").rglob("*.ts"):
        for line in file.read_text().splitlines():
            if line.startswith(("import ", "} from ")):
                assert '"./' in line or '"../' in line, f"{file}: {line}"


def test_markup_is_never_made_of_text() -> None:
    for file in (WEB / "src").rglob("*.ts"):
        source = file.read_text()
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in source, f"{file} uses {word}"
