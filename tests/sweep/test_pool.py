"""A sweep on this machine: what rows hold, that each pair is there once, and what happens to workers that die."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

import bootmap
from bootmap.sweep import work
from bootmap.sweep.limits import Limits
from bootmap.sweep.measure import measure
from bootmap.sweep.row import Row, Status
from bootmap.sweep.run import Sweep, run_sweep
from bootmap.sweep.store import read_rows

from .conftest import KERNEL_61, KERNEL_612

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def swept(folder: Path, output: Path, *kernels: Path, **options: object) -> dict[tuple[str, str], Row]:
    sweep = Sweep.of([str(folder)], [str(kernel) for kernel in kernels or (KERNEL_61,)])
    run_sweep(sweep, str(output), **{"jobs": 2, **options})  # type: ignore[arg-type]
    rows = list(read_rows(str(output)))
    found = {(row.board, row.kernel): row for row in rows}
    assert len(found) == len(rows) == len(sweep), "a pair is missing, or there twice"
    return found


def test_rows_are_what_predict_says(boards: Path, tmp_path: Path) -> None:
    rows = swept(boards, tmp_path / "rows.jsonl", KERNEL_61, KERNEL_612)
    assert len(rows) == 2 * 16
    for kernel in (KERNEL_61, KERNEL_612):
        row = rows["imx6q-sabrelite.dtb", kernel.name]
        loaded = bootmap.Kernel.load(config=kernel / "config.gz", system_map=kernel / "System.map")
        prediction = bootmap.predict(loaded, bootmap.Board.load(boards / "imx6q-sabrelite.dtb"))
        assert row.verdict == prediction.outcome.verdict.name == "BOOTS"
        assert row.phys_offset == prediction.replay.state.handover.phys_offset == 0x10000000
        assert row.lowmem is not None
        assert row.lowmem + (row.highmem or 0) + (row.lost or 0) == row.ram == 1 << 30
        assert row.table_bytes == prediction.overview.tables.bytes  # type: ignore[union-attr]
        assert row.compatible == ("fsl,imx6q-sabrelite", "fsl,imx6q")
        assert [zone.name for zone in row.zones] == [zone.name for zone in prediction.zones]
        assert row.smp is prediction.replay.state.smp
        assert row.release == loaded.release


def test_rows_of_boards_without_answer_say_why(boards: Path, tmp_path: Path) -> None:
    rows = swept(boards, tmp_path / "rows.jsonl")
    broken = rows["broken.dtb", "deb-6.1"]
    assert (broken.status, broken.verdict) == (Status.MALFORMED, None)
    assert broken.error.startswith("broken.dtb: offset ")
    unknown = rows["more/nobody-knows.dtb", "deb-6.1"]
    assert unknown.status is Status.MISSING
    assert "--phys-offset" in unknown.error
    assert unknown.compatible == ("no,such-soc",)
    given = rows["more/without-ram.dtb", "deb-6.1"]
    assert (given.status, given.ram_given, given.ram) == (Status.ANSWERED, "0x10000000,0x20000000", 512 << 20)


def test_board_takes_too_long(boards: Path, tmp_path: Path) -> None:
    """A real limit on a real board: a hundredth of what it takes."""
    rows = swept(boards, tmp_path / "rows.jsonl", limits=Limits(0.0001, 0))
    row = rows["imx6q-sabrelite.dtb", "deb-6.1"]
    assert row.status is Status.TIMEOUT
    assert row.error == "took longer than 0.0001 s (--time-limit)"


def test_board_takes_too_much_memory(boards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(task: work.Task, *more: object) -> list[Row]:  # type: ignore[name-defined]
        if task.board == "board-03.dtb":
            bytearray(1 << 30)
        return measure(task, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "measure", greedy)
    rows = swept(boards, tmp_path / "rows.jsonl", limits=Limits(60, 256 << 20))
    assert rows["board-03.dtb", "deb-6.1"].status is Status.MEMORY
    assert sum(row.answered for row in rows.values()) == 13


@pytest.mark.parametrize("dies", ["board-05.dtb", "broken.dtb"])
def test_worker_is_killed(boards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies: str) -> None:
    """The board that kills its worker each time is a row; those that were beside it lose nothing."""
    monkeypatch.setattr(work, "measure", deadly(dies))
    rows = swept(boards, tmp_path / "rows.jsonl", KERNEL_61, KERNEL_612)
    for kernel in ("deb-6.1", "deb-6.12"):
        assert rows[dies, kernel].status is Status.CRASHED
        assert "died" in rows[dies, kernel].error
    assert sum(row.status is Status.CRASHED for row in rows.values()) == 2
    assert sum(row.answered for row in rows.values()) >= 2 * 13


def deadly(board: str) -> Callable[..., list[Row]]:
    def killed(task: object, *more: object) -> list[Row]:
        if task.board == board:  # type: ignore[attr-defined]
            os.kill(os.getpid(), signal.SIGKILL)
        return measure(task, *more)  # type: ignore[arg-type]

    return killed


def test_bootmap_itself_fails(boards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(task: object, *more: object) -> list[Row]:
        raise ZeroDivisionError("of its own")

    monkeypatch.setattr(work, "measure", wrong)
    rows = swept(boards, tmp_path / "rows.jsonl")
    assert {row.status for row in rows.values()} == {Status.CRASHED}
    assert all("ZeroDivisionError: of its own" in row.error for row in rows.values())


def test_limits_in_a_thread() -> None:
    """Dask's workers work in threads, where no signal arrives."""
    from concurrent.futures import ThreadPoolExecutor

    from bootmap.sweep.limits import OutOfTimeError, limited_time

    def busy() -> str:
        try:
            with limited_time(0.2):
                end = time.monotonic() + 20
                while time.monotonic() < end:
                    sum(range(1000))
        except OutOfTimeError:
            return "stopped"
        return "never"

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(busy).result() == "stopped"
