"""Rows in files: an interrupted sweep goes on, rows are whole, the cache notices damage, Parquet is read."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from support.pages import ROOT
from support.schemas import hold
from support.trees import blob

from bootmap.errors import InputError, UsageError
from bootmap.sweep.kernels import open_kernel
from bootmap.sweep.memory import parse_rules
from bootmap.sweep.row import Row, parse_row, row_line
from bootmap.sweep.run import Sweep, SweepRun, run_sweep
from bootmap.sweep.store import read_rows, write_parquet
from bootmap.units import Span

from .conftest import KERNEL_61, KERNEL_612, board

if TYPE_CHECKING:
    from pathlib import Path


def sweep_of(folder: Path) -> Sweep:
    return Sweep.of([str(folder)], [str(KERNEL_61)])


def rows_of(path: Path, count: int = 16) -> dict[str, Row]:
    rows = list(read_rows(str(path)))
    assert len({row.place for row in rows}) == len(rows) == count
    return {row.board: row for row in rows}


def run(folder: Path, output: Path, **options: object) -> SweepRun:
    return run_sweep(sweep_of(folder), str(output), **{"jobs": 2, **options})  # type: ignore[arg-type]


def test_interrupted_sweep_goes_on(boards: Path, tmp_path: Path) -> None:
    """Whatever byte it was cut at: the rows are those of a sweep that was not."""
    whole = tmp_path / "whole.jsonl"
    run(boards, whole)
    data = whole.read_bytes()
    expected = {name: row.tables_hash for name, row in rows_of(whole).items()}
    for cut in (0, 1, len(data) // 3, len(data) - 1, data.rindex(b"\n", 0, -1) + 1):
        part = tmp_path / "part.jsonl"
        part.write_bytes(data[:cut])
        done = run(boards, part, again=True)
        lines = data[:cut].count(b"\n")
        torn = not data[:cut].endswith(b"\n") and lines > 0  # the task before may have lost a row too
        assert done.kept == lines - torn
        assert done.kept + done.worked == 16
        assert {name: row.tables_hash for name, row in rows_of(part).items()} == expected


def test_killed_sweep_goes_on(tmp_path: Path) -> None:
    """The whole command, killed with its workers in the middle."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(300):
        (folder / f"b{number:03}.dtb").write_bytes(blob(board(size=(64 << 20) + (number << 20))))
    output = tmp_path / "rows.jsonl"
    words = [
        sys.executable,
        "-m",
        "bootmap",
        "sweep",
        str(folder),
        f"--kernel={KERNEL_61}",
        "--no-cache",
        "-j2",
        f"--output={output}",
        "--resume",
    ]
    process = subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while time.monotonic() < end and (not output.exists() or output.stat().st_size < 20_000):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = output.read_bytes().count(b"\n")
    assert 0 < before < 300
    subprocess.run(words, check=True, capture_output=True, timeout=300)
    assert all(row.answered for row in rows_of(output, 300).values())


def test_board_that_changed_is_worked_out_anew(boards: Path, tmp_path: Path) -> None:
    output = tmp_path / "rows.jsonl"
    run(boards, output)
    (boards / "board-03.dtb").write_bytes(blob(board(size=32 << 20)))
    (boards / "board-04.dtb").unlink()
    done = run(boards, output, again=True)
    assert (done.kept, done.worked) == (14, 1)
    rows = rows_of(output, 15)
    assert rows["board-03.dtb"].ram == 32 << 20
    assert "board-04.dtb" not in rows


def test_file_that_holds_no_rows_is_left_alone(boards: Path, tmp_path: Path) -> None:
    output = tmp_path / "letter.txt"
    output.write_text("Dear all,\nhow are you?\n")
    with pytest.raises(InputError, match=r"letter.txt: line 1: is no row of bootmap.sweep/1"):
        run(boards, output, again=True)
    assert output.read_text().startswith("Dear all")


def test_cache_answers(boards: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache.sqlite")
    first = run(boards, tmp_path / "a.jsonl", cache=cache)
    second = run(boards, tmp_path / "b.jsonl", cache=cache)
    assert (first.worked, second.worked, second.cached) == (16, 0, 16)
    assert rows_of(tmp_path / "a.jsonl") == rows_of(tmp_path / "b.jsonl")


def test_cache_notices_damaged_entries(boards: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache.sqlite"
    run(boards, tmp_path / "a.jsonl", cache=str(cache))
    with contextlib.closing(sqlite3.connect(cache)) as base, base:
        base.execute("UPDATE answers SET lines = replace(CAST(lines AS TEXT), 'BOOTS', 'DIES') WHERE rowid <= 3")
    found = run(boards, tmp_path / "b.jsonl", cache=str(cache))
    assert (found.worked, found.cached) == (3, 13)
    assert "3 entries of the cache were damaged and are worked out again" in found.problems
    assert {name: row.verdict for name, row in rows_of(tmp_path / "a.jsonl").items()} == {
        name: row.verdict for name, row in rows_of(tmp_path / "b.jsonl").items()
    }


def test_cache_that_is_no_cache_is_set_aside(boards: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache.sqlite"
    cache.write_bytes(b"no database at all" * 1000)
    found = run(boards, tmp_path / "a.jsonl", cache=str(cache))
    assert found.worked == 16
    assert "is damaged" in found.problems[0]
    assert (tmp_path / "cache.sqlite.damaged").exists()
    assert run(boards, tmp_path / "b.jsonl", cache=str(cache)).cached == 16


def test_parquet_is_the_same_rows(boards: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (pip install '.[sweep]')")
    run(boards, tmp_path / "rows.jsonl")
    rows = list(read_rows(str(tmp_path / "rows.jsonl")))
    parts = tmp_path / "parts"
    parts.mkdir()
    assert write_parquet(str(parts / "1.parquet"), rows[:7]) == 7
    assert write_parquet(str(parts / "2.parquet"), rows[7:]) == 9
    assert list(read_rows(str(parts))) == rows
    table = parquet.read_table(parts)
    assert table.num_rows == 16
    assert table.column_names == list(Row.__struct_fields__)
    assert sum(table["ram"].to_pylist()[number] or 0 for number in range(16)) == sum(row.ram or 0 for row in rows)


def test_row_and_line(boards: Path, tmp_path: Path) -> None:
    run(boards, tmp_path / "rows.jsonl")
    for row in read_rows(str(tmp_path / "rows.jsonl")):
        assert parse_row(row_line(row)) == row
    lines = (tmp_path / "rows.jsonl").read_text().splitlines()
    for line in lines:
        hold(json.loads(line))
    with pytest.raises(InputError, match="has the schema"):
        parse_row(lines[0].replace("bootmap.sweep/1", "bootmap.sweep/9").encode())


def test_kernels_by_every_name(tmp_path: Path) -> None:
    assert open_kernel(str(KERNEL_61)).name == "deb-6.1"
    assert open_kernel(f"old={KERNEL_61}/").name == "old"
    package = tmp_path / "package"
    (package / "boot").mkdir(parents=True)
    for source, target in (("config.gz", "config-6.12.1-armmp"), ("System.map", "System.map-6.12.1-armmp")):
        (package / "boot" / target).write_bytes((KERNEL_612 / source).read_bytes())
    assert open_kernel(str(package)).hash == open_kernel(str(KERNEL_612)).hash
    (package / "boot" / "System.map-6.12.1-armmp").write_text("ffffffff B the real one is in the dbg package\n")
    found = open_kernel(str(package)).kernel
    assert found is not None
    assert "about as large as one with multi_v7_defconfig" in str(found.assumptions[0])
    assert open_kernel("multi_v7@6.12").kernel is not None
    assert open_kernel("6.12").kernel is None
    (package / "boot" / "config-6.1.1-armmp").write_bytes(b"")
    with pytest.raises(InputError, match="has 2 kernels"):
        open_kernel(str(package))
    with pytest.raises(UsageError, match="no such folder"):
        open_kernel("no/such/kernel")
    with pytest.raises(InputError, match="has no kernel"):
        open_kernel(str(ROOT / "boards" / "findings"))


def test_memory_rules(tmp_path: Path) -> None:
    file = tmp_path / "rules"
    file.write_text("# by SoC\nfsl,imx6q=1G\n\nx,y=0x80000000,256M\n")
    rules = parse_rules(["64M", f"@{file}"])
    assert rules.bank(["a,b", "fsl,imx6q"], 0x10000000) == Span(0x10000000, 0x50000000)
    assert rules.bank(["x,y", "fsl,imx6q"], None) == Span(0x80000000, 0x90000000)
    assert rules.bank(["a,b"], 0x1000) == Span(0x1000, 0x4001000)
    assert rules.bank(["a,b"], None) is None
    assert parse_rules(["0"]).bank(["a,b"], 0) is None
    file.write_text("fsl,imx6q=\n")
    with pytest.raises(UsageError, match="rules: line 1"):
        parse_rules([f"@{file}"])
