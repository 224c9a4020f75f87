"""Which findings of ``bootmap check`` count: a baseline, and what decides the verdict whatever is hidden."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.boards import MIB, tree
from support.check_inputs import OF_510

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    CommandLine = Callable[..., tuple[int | str | None, str, str]]


def test_check_baseline(command_line: CommandLine, tmp_path: Path) -> None:
    path, known = tmp_path / "board.dtb", tmp_path / "known.json"
    args = "ramoops.mem_address=0x8f000000 ramoops.mem_size=0x100000"
    path.write_bytes(tree([(0x80000000, 256 * MIB)], bootargs=args))
    assert command_line("check", path, *OF_510, "--write-baseline", known)[0] == 1
    code, out, _ = command_line("check", path, *OF_510, "--baseline", known)
    assert (code, "1 suppressed" in out) == (0, True)


def test_check_baseline_accepts_what_decided_when_it_was_written(command_line: CommandLine, tmp_path: Path) -> None:
    """A board that is dead and known to be, and one whose known finding comes to decide later."""
    path, known = tmp_path / "board.dtb", tmp_path / "known.json"
    path.write_bytes(tree([(0x80000000, 256 * MIB)], bootargs="mem=256"))
    assert command_line("check", path, *OF_510, "--write-baseline", known)[0] == 1
    code, out, _ = command_line("check", path, *OF_510, "--baseline", known)
    assert (code, "accepted: in the baseline" in out) == (0, True)
    known.write_text(known.read_text().replace(" (decides)", ""))
    code, out, _ = command_line("check", path, *OF_510, "--baseline", known)
    assert (code, "accepted" in out, "[no-memory]" in out) == (1, False, True)


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
@pytest.mark.parametrize("how", ["--select", "--ignore"])
def test_check_what_decides_counts_whatever_is_hidden(
    command_line: CommandLine, tmp_path: Path, how: str, form: str
) -> None:
    """A board without RAM panics: the exit code says so as the verdict does, and some finding is told."""
    path = tmp_path / "board.dtb"
    path.write_bytes(tree([(0x80000000, 256 * MIB)], bootargs="mem=256"))
    words = {"--select": ("cma-failed",), "--ignore": ("no-memory",)}[how]
    hidden = ("--ignore", "mem-parameter") if how == "--ignore" else ()
    code, out, _ = command_line("check", path, *OF_510, how, *words, *hidden, "--format", form)
    assert code == 1
    assert "no-memory" in out
    if form == "sarif":
        rows = json.loads(out)["runs"][0]["results"]
        assert any(row["ruleId"] == "no-memory" and "suppressions" not in row for row in rows)
