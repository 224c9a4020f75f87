"""Tasks on this machine: a pool of processes that survives the death of one."""

from __future__ import annotations

import gc
import itertools
import signal
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING

from bootmap.sweep.limits import limit_memory
from bootmap.sweep.measure import failed_row
from bootmap.sweep.row import Done, Status
from bootmap.sweep.work import Bench, done, work

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bootmap.sweep.measure import Task

_AHEAD = 2
"""Batches a worker that are handed out: one that runs, one that waits."""
_DIED = "the process that worked on it died: killed, out of memory, or an error of the interpreter's own"

_FED = 1.0
"""Seconds in which a queue that nothing is stuck in comes to its end."""

_bench: Bench | None = None


def run_pool(tasks: Iterable[Task], bench: Bench, jobs: int, batch: int) -> Iterator[tuple[Task, Done]]:
    """Every task with what came of it, in the order in which they are done.

    A worker that dies takes its batch with it; those boards are tried again one by one, and the one that kills its
    worker once more becomes a row that says so.

    Args:
        tasks: read as they are needed.
        bench: kernels, settings and limits.
        jobs: processes.
        batch: tasks that are handed out together.
    """
    source = iter(tasks)
    batches = iter(lambda: list(itertools.islice(source, batch)), [])
    while True:
        suspects: list[Task] = []
        with _pool(jobs, bench) as pool:
            running: dict[Future[list[Done]], list[Task]] = {}
            try:
                while True:
                    while len(running) < _AHEAD * jobs and (part := next(batches, None)):
                        suspects = part  # until it is handed out: a broken pool takes no more
                        running[pool.submit(_work, part)] = part
                        suspects = []
                    if not running:
                        return
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        found = future.result()
                        yield from zip(running.pop(future), found, strict=True)
            except BrokenProcessPool:
                _let_go(pool)
                for future, part in running.items():
                    if future.done() and future.exception() is None:
                        yield from zip(part, future.result(), strict=True)
                    else:
                        suspects = suspects + part
        yield from _one_by_one(suspects, bench)


def _one_by_one(tasks: list[Task], bench: Bench) -> Iterator[tuple[Task, Done]]:
    left = list(reversed(tasks))
    while left:
        with _pool(1, bench) as pool:
            while left:
                task = left.pop()
                try:
                    yield task, pool.submit(_work, [task]).result()[0]
                except BrokenProcessPool:
                    _let_go(pool)
                    yield task, done([failed_row(task, bench.kernels[task.kernel], Status.CRASHED, _DIED)])
                    break


def _let_go(pool: ProcessPoolExecutor) -> None:
    """Close the end of the queue that dead workers read: Python before 3.11.5 waits for ever for what is stuck in it.

    Nothing is stuck where the thread that feeds the queue ends by itself; it closes that end then, and one end must not
    be closed by two threads at once.

    Source: concurrent/futures/process.py ``terminate_broken``, which does it since; gh-94777.
    """
    if sys.version_info < (3, 11, 5):
        queue = getattr(pool, "_call_queue", None)
        feeder = getattr(queue, "_thread", None)
        if queue is not None and feeder is not None:
            feeder.join(_FED)
            if feeder.is_alive():
                queue._reader.close()


def _pool(jobs: int, bench: Bench) -> ProcessPoolExecutor:
    method = "fork" if sys.platform.startswith("linux") else "spawn"
    return ProcessPoolExecutor(jobs, mp_context=get_context(method), initializer=_begin, initargs=(bench,))


def _begin(bench: Bench) -> None:
    global _bench
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and ends its workers
    _bench = bench
    gc.collect()
    gc.freeze()  # what is shared with the parent is not looked at again, and so stays shared
    gc.disable()  # a prediction has no circles: after each batch is often enough
    limit_memory(bench.limits.memory)


def _work(batch: list[Task]) -> list[Done]:
    assert _bench is not None
    found = work(batch, _bench)
    gc.collect()
    return found
