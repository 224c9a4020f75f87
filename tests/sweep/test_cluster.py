"""Sweeps on a real cluster of Dask: a worker killed in the middle, a scheduler started anew, a limit of time."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.trees import Node, blob, text

from bootmap.errors import InputError
from bootmap.sweep.limits import Limits
from bootmap.sweep.row import Status
from bootmap.sweep.run import Sweep, run_sweep

from .conftest import KERNEL_61, KERNEL_612, checked, cluster, killing_one, many_boards

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

distributed = pytest.importorskip("distributed", reason="Dask is not installed (pip install '.[cluster]')")
pytestmark = pytest.mark.filterwarnings("ignore")


def test_cluster_gives_the_rows_of_the_pool(boards: Path, tmp_path: Path) -> None:
    sweep = Sweep.of([str(boards)], [str(KERNEL_61)])
    run_sweep(sweep, str(tmp_path / "pool.jsonl"), jobs=2)
    with cluster() as found:
        run_sweep(sweep, str(tmp_path / "cluster.jsonl"), scheduler=found.scheduler_address)
    sides = [
        {
            row.place: (row.key, row.status, row.error, row.verdict, row.tables_hash, row.memblock_hash, row.free)
            for row in checked(sweep, tmp_path / name)
        }
        for name in ("pool.jsonl", "cluster.jsonl")
    ]
    assert sides[0] == sides[1]


def test_worker_is_killed_in_the_middle(tmp_path: Path) -> None:
    sweep = Sweep.of([str(many_boards(tmp_path / "many", 600))], [str(KERNEL_61)])
    killed: list[int] = []
    with cluster(3) as found:
        told = killing_one(found, killed)
        run = run_sweep(sweep, str(tmp_path / "rows.jsonl"), scheduler=found.scheduler_address, told=told)
    assert killed
    assert run.worked == 600
    assert all(row.answered for row in checked(sweep, tmp_path / "rows.jsonl"))


@pytest.mark.nightly
def test_twenty_thousand_rows_and_losses(tmp_path: Path) -> None:
    """Two kernels, 10,000 boards; two workers are killed, and the scheduler is started anew between them."""
    sweep = Sweep.of([str(many_boards(tmp_path / "many", 10_000))], [str(KERNEL_61), str(KERNEL_612)])
    port = free_port()
    processes = {"scheduler": scheduler(port), **{name: worker(port, tmp_path) for name in ("one", "two")}}
    lost: list[str] = []

    def lose(name: str) -> None:
        lost.append(name)
        processes[name].kill()
        processes[name].wait()

    def told(pairs: int, total: int, note: str) -> None:
        if pairs > 5000 and not lost:
            lose("one")
            processes["one"] = worker(port, tmp_path)
        elif pairs > 10_000 and len(lost) == 1:
            lose("scheduler")
            processes["scheduler"] = scheduler(port)
            processes["three"] = worker(port, tmp_path)
            processes["four"] = worker(port, tmp_path)
        elif pairs > 15_000 and len(lost) == 2:
            lose("three")

    output, again = tmp_path / "rows.jsonl", 0
    try:
        run = run_sweep(sweep, str(output), scheduler=f"tcp://127.0.0.1:{port}", told=told)
    except InputError:  # the client gave up: the rest is worked out by going on
        again = 1
        run = run_sweep(sweep, str(output), again=True, scheduler=f"tcp://127.0.0.1:{port}", told=told)
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
    assert lost == ["one", "scheduler", "three"]
    assert run.kept + run.worked == 20_000
    assert all(row.answered for row in checked(sweep, output))
    print(f"20,000 rows, the last run {run.seconds:.0f} s, {lost} lost, gone on {again} times: nothing lost or twice")


def test_boards_over_their_limits(tmp_path: Path) -> None:
    """One takes too much memory, one too long: the worker lives on, and the other boards have their answers."""

    class Greedy:
        """Rules for memory that take some themselves, or never end; sent to the worker as they are."""

        def bank(self, compatible: Sequence[str], start: int | None) -> None:
            if "takes,memory" in compatible:
                bytearray(1 << 30)
            while "takes,time" in compatible:
                pass

    folder = many_boards(tmp_path / "many", 40)
    for name in ("memory", "time"):
        (folder / f"{name}.dtb").write_bytes(blob(Node(properties={"compatible": text(f"takes,{name}")})))
    given = Sweep.of([str(folder)], [str(KERNEL_61)])
    sweep = replace(given, settings=replace(given.settings, memory=Greedy()))  # type: ignore[arg-type]
    with cluster(1) as found:
        pid = found.workers[0].pid
        limits = Limits(10, 512 << 20)
        run = run_sweep(sweep, str(tmp_path / "rows.jsonl"), scheduler=found.scheduler_address, limits=limits)
        assert found.workers[0].pid == pid
    rows = {row.board: row for row in checked(sweep, tmp_path / "rows.jsonl")}
    assert run.worked == 42
    large, slow = rows.pop("memory.dtb"), rows.pop("time.dtb")
    assert (large.status, large.error) == (Status.MEMORY, "took more memory than 512 MiB (--memory-limit)")
    assert (slow.status, slow.error) == (Status.TIMEOUT, "took longer than 10 s (--time-limit)")
    assert not [(row.board, row.error) for row in rows.values() if not row.answered]


def test_scheduler_is_started_anew(tmp_path: Path) -> None:
    """The sweep goes on with a new scheduler at the same address, and no row is lost or there twice."""
    sweep = Sweep.of([str(many_boards(tmp_path / "many", 400))], [str(KERNEL_61)])
    port = free_port()
    processes = [scheduler(port), worker(port, tmp_path)]
    again = threading.Event()

    def told(pairs: int, total: int, note: str) -> None:
        if pairs > 60 and not again.is_set():
            again.set()
            processes[0].kill()
            processes[0].wait()
            processes.append(scheduler(port))
            processes.append(worker(port, tmp_path))

    try:
        run = run_sweep(sweep, str(tmp_path / "rows.jsonl"), scheduler=f"tcp://127.0.0.1:{port}", told=told)
    except InputError:  # the client gave up: the rest is worked out by going on
        run = run_sweep(sweep, str(tmp_path / "rows.jsonl"), again=True, scheduler=f"tcp://127.0.0.1:{port}")
        assert run.kept > 60
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert again.is_set()
    assert all(row.answered for row in checked(sweep, tmp_path / "rows.jsonl"))


def test_no_scheduler_there(boards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootmap.sweep.cluster._CONNECT", 0.5)
    sweep = Sweep.of([str(boards)], [str(KERNEL_61)])
    with pytest.raises(InputError, match="cannot be reached"):
        run_sweep(sweep, str(tmp_path / "rows.jsonl"), scheduler=f"tcp://127.0.0.1:{free_port()}")


def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def scheduler(port: int) -> subprocess.Popen[bytes]:
    words = ["-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    process = _started(words)
    time.sleep(2)
    return process


def worker(port: int, folder: Path) -> subprocess.Popen[bytes]:
    words = [
        "-m",
        "distributed.cli.dask_worker",
        f"tcp://127.0.0.1:{port}",
        "--nthreads",
        "1",
        "--no-dashboard",
        "--no-nanny",
        "--local-directory",
        str(folder),
    ]
    return _started(words)


def _started(words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
