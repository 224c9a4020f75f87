"""docs/coverage.md: what it names is there, everything has a reason, and its tool tells differences."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "coverage.md").read_text()
ROWS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| (\d+) \| (.+) \|$", PAGE, re.MULTILINE)
TOOL = ROOT / "tools" / "coverage-list"


def functions(file: str) -> set[str]:
    """The functions of a file, as coverage names them: ``Class.method``, ``outer.inner``."""
    found: set[str] = set()

    def visit(node: ast.AST, above: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                name = f"{above}{child.name}"
                found.add(name)
                visit(child, f"{name}.")
            else:
                visit(child, above)

    visit(ast.parse((ROOT / "src" / "bootmap" / file).read_text()), "")
    return found


@pytest.mark.parametrize("file", sorted({row[0] for row in ROWS}))
def test_coverage_page_names_what_is_there(file: str) -> None:
    assert {row[1] for row in ROWS if row[0] == file} <= functions(file) | {"(module)"}


def test_coverage_page_gives_reasons() -> None:
    assert len(ROWS) > 50
    assert len({row[:2] for row in ROWS}) == len(ROWS)
    assert not [row for row in ROWS if len(row[3]) < 4 or "TO BE WRITTEN" in row[3]]


def report(rows: list[tuple[str, str, int]]) -> dict[str, object]:
    """A report of coverage in which those functions lack so many branches."""
    files: dict[str, dict[str, dict[str, object]]] = {}
    for file, name, count in rows:
        parts = files.setdefault(f"src/bootmap/{file}", {"functions": {}})["functions"]
        parts["" if name == "(module)" else name] = {
            "missing_lines": [],
            "missing_branches": [[1, n] for n in range(count)],
        }
    return {"files": files}


def told(rows: list[tuple[str, str, int]], folder: Path) -> tuple[int, list[str]]:
    (folder / "report.json").write_text(json.dumps(report(rows)))
    done = subprocess.run([sys.executable, TOOL, folder / "report.json"], capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()


def test_coverage_list_tells_differences(tmp_path: Path) -> None:
    known = [(file, name, int(count)) for file, name, count, _ in ROWS]
    assert told(known, tmp_path) == (0, [])
    (file, name, count), *rest = known
    assert told([(file, name, count + 1), *rest], tmp_path) == (
        1,
        [f"more than the page says: {file} {name}: {count + 1} ways, {count} there"],
    )
    assert told(rest, tmp_path) == (1, [f"covered by now, or gone: {file} {name}"])
    assert told([*known, ("boot/new.py", "f", 1)], tmp_path) == (1, ["not on the page: boot/new.py f"])
