"""Rows as a folder of Parquet parts: whole or not there, each row once, whoever dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.trees import blob

from bootmap.errors import InputError
from bootmap.sweep.parts import PartFolder
from bootmap.sweep.row import Status
from bootmap.sweep.run import Sweep, run_sweep
from bootmap.sweep.store import read_rows, write_parquet
from bootmap.sweep.work import Bench

from .conftest import KERNEL_61, board, checked, cluster, killing_one, many_boards

if TYPE_CHECKING:
    from pathlib import Path

    from bootmap.sweep.row import Row

pytest.importorskip("pyarrow", reason="pyarrow is not installed (pip install '.[sweep]')")
pytestmark = pytest.mark.filterwarnings("ignore")


def answers(rows: list[Row]) -> list[Row]:
    """The rows without what they took, in one order."""
    return sorted((replace(row, seconds=0.0) for row in rows), key=lambda row: row.place)


def left_over(folder: Path) -> list[str]:
    """Files in the folder that are no parts."""
    return [path.name for path in folder.iterdir() if path.suffix != ".parquet" or path.name.startswith(".")]


@pytest.fixture
def some_rows(boards: Path, tmp_path: Path) -> list[Row]:
    """The rows of the boards with one kernel."""
    run_sweep(Sweep.of([str(boards)], [str(KERNEL_61)]), str(tmp_path / "some.jsonl"), jobs=2)
    return list(read_rows(str(tmp_path / "some.jsonl")))


def test_pool_gives_the_rows_of_the_file(boards: Path, some_rows: list[Row], tmp_path: Path) -> None:
    sweep = Sweep.of([str(boards)], [str(KERNEL_61)])
    run_sweep(sweep, str(tmp_path / "parts"), parts=True, jobs=2)
    assert answers(checked(sweep, tmp_path / "parts")) == answers(some_rows)
    assert left_over(tmp_path / "parts") == []


def test_workers_write_and_one_is_killed(tmp_path: Path) -> None:
    """Parts come from the workers, none of a lost one's counts twice, and who reads them sees each row once."""
    from pyarrow import dataset

    sweep, parts = Sweep.of([str(many_boards(tmp_path / "many", 600))], [str(KERNEL_61)]), tmp_path / "parts"
    killed: list[int] = []
    with cluster(3) as found:
        told = killing_one(found, killed)
        run = run_sweep(sweep, str(parts), parts=True, scheduler=found.scheduler_address, told=told)
    assert killed
    assert run.worked == 600
    assert left_over(parts) == []
    assert 600 / 64 <= len(list(parts.iterdir())) <= 600
    run_sweep(sweep, str(tmp_path / "pool.jsonl"), jobs=2)
    assert answers(checked(sweep, parts)) == answers(checked(sweep, tmp_path / "pool.jsonl"))
    table = dataset.dataset(parts).to_table(columns=["board", "verdict", "free"])
    assert (table.num_rows, len(set(table["board"].to_pylist()))) == (600, 600)


def test_part_counts_only_once_it_is_taken(some_rows: list[Row], tmp_path: Path) -> None:
    """A worker that was given up for lost writes its part all the same."""
    folder = PartFolder(str(tmp_path / "parts"), again=False)
    first, late = (folder.place.write(some_rows) for _ in range(2))
    assert list(read_rows(str(tmp_path / "parts"))) == []
    folder.take(first)
    folder.take(first)  # as it is told for each of the batch's tasks
    assert list(read_rows(str(tmp_path / "parts"))) == some_rows
    folder.close()
    assert late
    assert left_over(tmp_path / "parts") == []
    assert folder.place.write(some_rows) == ""  # the sweep is over
    assert list(read_rows(str(tmp_path / "parts"))) == some_rows
    with pytest.raises(InputError, match="a part that a worker wrote cannot be taken: No such file"):
        folder.take(late)


def test_worker_without_the_folder_sends_its_rows(boards: Path, some_rows: list[Row], tmp_path: Path) -> None:
    from bootmap.sweep.cluster import work_within_limits
    from bootmap.sweep.limits import Limits

    sweep = Sweep.of([str(boards)], [str(KERNEL_61)])
    folder = PartFolder(str(tmp_path / "parts"), again=False)
    elsewhere = replace(folder.place, folder=str(tmp_path / "not-here"))
    found = work_within_limits(list(sweep.tasks()), Bench(sweep.kernels, sweep.settings, Limits(0, 0), elsewhere))
    assert all(each.lines and not each.part for each in found)
    for each in found:
        folder.add(each)
    folder.close()
    assert answers(list(read_rows(str(tmp_path / "parts")))) == answers(some_rows)


def test_parts_go_on(boards: Path, some_rows: list[Row], tmp_path: Path) -> None:
    """A board that changed, one that ran out of time and one that is new are worked out; the others' rows stay."""
    sweep, parts = Sweep.of([str(boards)], [str(KERNEL_61)]), tmp_path / "parts"
    parts.mkdir()
    tried = replace(some_rows[3], status=Status.TIMEOUT, error="took longer")
    write_parquet(str(parts / "a.parquet"), [*some_rows[:3], tried])
    write_parquet(str(parts / "b.parquet"), some_rows[4:9])
    write_parquet(str(parts / "c.parquet"), [tried])
    (boards / some_rows[0].board).write_bytes(blob(board(size=100 << 20)))  # no board has that much
    run = run_sweep(sweep, str(parts), again=True, parts=True, jobs=1)
    assert (run.kept, run.worked) == (7, len(sweep) - 7)
    assert not (parts / "c.parquet").exists()
    rows = {row.board: row for row in checked(sweep, parts)}
    assert rows[some_rows[4].board] == some_rows[4]
    assert rows[tried.board].status is some_rows[3].status
    assert rows[some_rows[0].board].tree_hash != some_rows[0].tree_hash


def test_folder_that_is_not_the_sweeps(some_rows: list[Row], tmp_path: Path) -> None:
    write_parquet(str(tmp_path / "1.parquet"), some_rows)
    with pytest.raises(InputError, match="holds parts already; go on with --resume"):
        PartFolder(str(tmp_path), again=False)
    (tmp_path / "2.parquet").write_bytes(b"PAR1 no more than that PAR1")
    with pytest.raises(InputError, match="is no Parquet file of rows") as caught:
        PartFolder(str(tmp_path), again=True)
    assert caught.value.file == str(tmp_path / "2.parquet")
    assert list(read_rows(str(tmp_path / "1.parquet"))) == some_rows
