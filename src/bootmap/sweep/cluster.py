"""Tasks on a cluster: Dask's scheduler and workers do the work, the retries and the bookkeeping.

A worker that is lost takes its batch with it; Dask gives the batch to another one, and after some losses gives it up.
Then its boards are tried one by one, and one that is given up alone becomes a row that says so.
"""

from __future__ import annotations

import importlib
import itertools
from typing import TYPE_CHECKING, Any

from bootmap.errors import InputError, ToolMissingError
from bootmap.sweep.limits import limited_memory
from bootmap.sweep.measure import failed_row
from bootmap.sweep.row import Done, Status
from bootmap.sweep.work import Bench, done, lasting, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bootmap.sweep.measure import Task

_RETRIES = 3
"""How often a batch that raised is tried again; losses of workers are counted by the scheduler itself."""
_AHEAD = 4
"""Batches a thread of the cluster that are handed out."""
_CONNECT = 30.0
"""Seconds to wait for the scheduler."""
_MOST_CANCELLED = 1000
"""Cancelled batches in a row: more than a scheduler that was started anew forgets."""
_LOST = "every worker that worked on it was lost: killed, out of memory, or out of reach"


def run_cluster(tasks: Iterable[Task], bench: Bench, scheduler: str, batch: int) -> Iterator[tuple[Task, Done]]:
    """Every task with what came of it, in the order in which they are done.

    Args:
        tasks: read as they are needed.
        bench: kernels, settings and limits; sent to each worker once.
        scheduler: its address, such as ``tcp://10.0.0.1:8786``.
        batch: tasks that are handed out together.

    Raises:
        ToolMissingError: Dask is not installed.
        InputError: the scheduler cannot be reached, or has gone.
    """
    try:
        dask: Any = importlib.import_module("distributed")
    except ImportError:
        raise ToolMissingError("--scheduler needs Dask; install it with: pip install 'bootmap[cluster]'") from None
    try:
        client = dask.Client(scheduler, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be reached: {error}", file=scheduler) from None
    with client:
        try:
            yield from _Cluster(dask, client, bench).run(tasks, batch)
        except (OSError, RuntimeError, TimeoutError) as error:
            raise InputError(f"is gone: {error or type(error).__name__}; go on with --resume", file=scheduler) from None


def work_within_limits(batch: list[Task], bench: Bench) -> list[Done]:
    """What a worker of the cluster does: a process that is not the sweep's own, and so gets its limit for the while.

    It writes the rows as a part where it can, and else sends them back.
    """
    with limited_memory(bench.limits.memory):
        found = rows_of(batch, bench)
    part = bench.parts.write([row for rows in found for row in rows]) if bench.parts is not None else ""
    return [Done(b"", lasting(rows), part) if part else done(rows) for rows in found]


class _Cluster:
    """Batches on their way."""

    def __init__(self, dask: Any, client: Any, bench: Bench) -> None:
        self.dask, self.client, self.bench = dask, client, bench
        self.shared: Any = None
        self.running: dict[Any, list[Task]] = {}
        self.cancelled = 0

    def run(self, tasks: Iterable[Task], batch: int) -> Iterator[tuple[Task, Done]]:
        """Hand out, take back, hand out again."""
        source = iter(tasks)
        self._share()
        ready = self.dask.as_completed(loop=self.client.loop)
        for _ in range(_AHEAD * max(1, sum(self.client.nthreads().values()))):
            self._hand_out(list(itertools.islice(source, batch)), ready)
        for future in ready:
            part = self.running.pop(future)
            if future.status == "finished":
                self.cancelled = 0
                yield from zip(part, future.result(), strict=True)
            elif future.status == "cancelled":
                self._again(part, ready)
            elif len(part) > 1:
                for task in part:
                    self._hand_out([task], ready)
            else:
                kernel = self.bench.kernels[part[0].kernel]
                yield part[0], done([failed_row(part[0], kernel, Status.CRASHED, _LOST)])
            future.release()
            self._hand_out(list(itertools.islice(source, batch)), ready)

    def _share(self) -> None:
        self.client.wait_for_workers(1, timeout=_CONNECT)
        self.shared = self.client.scatter(self.bench, broadcast=True, hash=False)

    def _again(self, part: list[Task], ready: Any) -> None:
        """Hand out once more what was cancelled because the scheduler forgot it, or what all of it hangs on."""
        self.cancelled += 1
        if self.cancelled > _MOST_CANCELLED:
            raise RuntimeError("it cancels everything that it is given")
        if self.shared.status != "finished":
            self._share()
        self._hand_out(part, ready)

    def _hand_out(self, part: list[Task], ready: Any) -> None:
        if part:
            future = self.client.submit(work_within_limits, part, self.shared, pure=False, retries=_RETRIES)
            self.running[future] = part
            ready.add(future)
