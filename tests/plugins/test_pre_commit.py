"""The pre-commit hook, installed and run by pre-commit itself from this repository; the page shows what it prints."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.booting import FINDINGS, REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PAGE = REPOSITORY / "docs" / "plugins.md"


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("pre-commit") is None, reason="pre-commit is not installed")
def test_hook_as_pre_commit_runs_it(tmp_path: Path) -> None:
    """Of HEAD, in an environment that pre-commit makes; the network is needed for its packages."""
    for tree in (REPOSITORY / "boards" / "imx6q-sabrelite.dtb", FINDINGS / "ram-14m.dtb"):
        shutil.copy(tree, tmp_path)
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(
        ["pre-commit", "try-repo", str(REPOSITORY), "bootmap-check", "--all-files"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    shown = PAGE.read_text().partition("    bootmap check....")[2].partition("\n\nThe hook passes")[0]
    shown = "\n".join(line.removeprefix("    ") for line in f"    bootmap check....{shown}".splitlines())
    assert shown in done.stdout
