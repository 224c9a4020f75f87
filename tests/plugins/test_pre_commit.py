"""The pre-commit hook, installed and run by pre-commit itself from this repository; the page shows what it prints."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.booting import FINDINGS, REPOSITORY, bootmap

if TYPE_CHECKING:
    from pathlib import Path

TREES = (REPOSITORY / "boards" / "imx6q-sabrelite.dtb", FINDINGS / "ram-14m.dtb")
PAGE = REPOSITORY / "docs" / "plugins.md"


def shown() -> str:
    """What the page says that the hook prints."""
    text = PAGE.read_text().partition("    bootmap check....")[2].partition("\n\nThe hook passes")[0]
    return "\n".join(line.removeprefix("    ") for line in f"    bootmap check....{text}".splitlines())


def test_page_shows_what_the_hook_runs(tmp_path: Path) -> None:
    """The entry of the hook on the two trees, without pre-commit around it."""
    hook = dict(re.findall(r"(?m)^[- ] (\w+): (.*)$", (REPOSITORY / ".pre-commit-hooks.yaml").read_text()))
    for tree in TREES:
        shutil.copy(tree, tmp_path)
    program, *words = shlex.split(hook["entry"])
    assert program == "bootmap"
    done = bootmap(*words, *(tree.name for tree in TREES), cwd=tmp_path)
    assert f"- hook id: {hook['id']}\n- exit code: {done.returncode}\n\n{done.stdout.strip()}" in shown()
    assert all(re.search(hook["files"], tree.name) for tree in TREES)


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("pre-commit") is None, reason="pre-commit is not installed")
def test_hook_as_pre_commit_runs_it(tmp_path: Path) -> None:
    """Of HEAD, in an environment that pre-commit makes; the network is needed for its packages."""
    for tree in TREES:
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
    assert shown() in done.stdout
