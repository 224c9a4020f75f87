"""``bootmap walk --crash`` against crash itself, built for ARM: tests/data/crash holds what it printed."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int | str | None, str, str]]

DATA = Path(__file__).parents[1] / "data"
SESSIONS = sorted((DATA / "crash").glob("v7*.json.gz"))
# The head and the rows of `kmem -p`, which vtop adds where there is a struct page.
STRUCT_PAGE = re.compile(r"(?m)^(?: +PAGE +PHYSICAL +MAPPING .*|[0-9a-f]{8} +[0-9a-f]+ +\w+ +\w+ +\d+ .*)\n")


def source_of(doc: dict[str, Any], folder: Path) -> list[str]:
    """The words of the dump as raw files at their addresses, and what bootmap is told of the kernel."""
    parts = []
    for pa, digits in doc["pages"].items():
        (folder / pa).write_bytes(bytes.fromhex(digits))
        parts.append(f"{folder / pa}@{pa}")
    (folder / "System.map").write_text("\n".join(doc["system_map"]) + "\n")
    config = DATA / "kernels" / ("deb-6.1-lpae" if doc["lpae"] else "deb-6.1") / "config.gz"
    return [
        ",".join(parts),
        f"--arch={'lpae' if doc['lpae'] else 'v7'}",
        f"--ttbr0={doc['root']:#x}",
        f"--phys-offset={doc['phys_offset']:#x}",
        f"--system-map={folder / 'System.map'}",
        f"--config={config}",
    ]


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.name.removesuffix(".json.gz"))
def test_walk_crash_is_what_crash_printed(command_line: Run, path: Path, tmp_path: Path) -> None:
    """Every line and blank but those about struct page, which is not the MMU's."""
    doc = json.loads(gzip.decompress(path.read_bytes()))
    session = path.with_name(path.name.replace(".json.gz", ".txt")).read_text()
    asked = [f"0x{va}" for va in doc["vtop"]]
    code, out, err = command_line("walk", "--crash", *source_of(doc, tmp_path), *asked)
    assert code == 1  # some are not mapped
    assert out == STRUCT_PAGE.sub("", session)
    assert out.count("VIRTUAL") == len(asked) >= 18
    assert "high_memory" not in err  # it was read


def test_sessions_are_there() -> None:
    assert [path.name.removesuffix(".json.gz") for path in SESSIONS] == ["v7-edited", "v7-lpae-edited", "v7-lpae", "v7"]
    for path in SESSIONS:
        session = path.with_name(path.name.replace(".json.gz", ".txt")).read_text()
        assert session.count("\n") - STRUCT_PAGE.sub("", session).count("\n") == len(STRUCT_PAGE.findall(session)) >= 3


def test_walk_crash_or_json(command_line: Run) -> None:
    code, out, err = command_line("walk", "--crash", "--json", "board.dtb", "0")
    assert (code, out) == (2, "")
    assert "--crash and --json: give one of the two" in err
