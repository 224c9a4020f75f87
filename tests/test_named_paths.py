"""Files that pages and scripts name: those of this repository are there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("src", "tests", "tools", "contrib", "boards", "benchmarks", "web", "docs", "debian")
PROGRAMS = ("src", "tests", "tools", "contrib", "benchmarks", "docs")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "boards").rglob("*.md")])
SCRIPTS = sorted(
    path
    for folder in PROGRAMS
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and (path.suffix == ".py" or (folder == "tools" and not path.suffix))
)
_ADDRESS = re.compile(r"<?https?://[^\s)>]+>?")
_PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*-]*[\w*]")
_MODULE = re.compile(r"(?<![\w./$-])[\w-]+(?:/[\w-]+)+\.py\b")
_RUN = re.compile(r"\bpython3? ((?:tests|tools|docs)/[\w./-]+)")
_RUN_MODULE = re.compile(r"\bPYTHONPATH=tests \S+ -m ([\w.]+)")
# What a page makes up: placeholders, and a repository of its reader's.
MADE_UP = {"docs/PAGE.md", "docs/zh/PAGE.md", "docs/NAME", "boards/one.dts"}


@cache
def modules() -> frozenset[str]:
    """Every module by each of its last parts: a page may name it from its room."""
    parts = [path.relative_to(ROOT).parts for folder in PROGRAMS for path in (ROOT / folder).rglob("*.py")]
    return frozenset("/".join(each[at:]) for each in parts for at in range(len(each)))


def absent(text: str) -> set[str]:
    """The paths that a text names and that are not there."""
    text = _ADDRESS.sub("", text)
    named = {
        path for path in _PATH.findall(text) if not ([*ROOT.glob(path)] if "*" in path else (ROOT / path).exists())
    }
    named |= {path for path in _MODULE.findall(text) if path not in modules()}
    return named - MADE_UP


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_page_names_files_that_are_there(page: Path) -> None:
    assert not absent(page.read_text())


def test_commands_that_are_named_can_be_run() -> None:
    """What docstrings and messages of tests say to run."""
    missing = set()
    for path in [*SCRIPTS, *PAGES]:
        text = path.read_text()
        missing |= {
            (path.name, name) for name in _RUN.findall(text) if name not in MADE_UP and not (ROOT / name).exists()
        }
        for module in _RUN_MODULE.findall(text):
            if not (ROOT / "tests" / f"{module.replace('.', '/')}.py").exists():
                missing.add((path.name, module))
    assert not missing


def test_absent_paths_are_found() -> None:
    text = "`src/bootmap/spec/audit.py`, `cli/commands/none.py`, `tests/data/cases`, tests/public_logs.py, `boot/x.c`"
    assert absent(text) == {"src/bootmap/spec/audit.py", "cli/commands/none.py", "tests/public_logs.py"}
