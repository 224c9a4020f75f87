"""What a worker does, of the pool or of a cluster: a batch of boards, each within its limits."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.sweep.limits import Limits, OutOfTimeError, limited_time
from bootmap.sweep.measure import SweptBoards, failed_row, measure
from bootmap.sweep.row import TRIED_AGAIN, Done, Status, row_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bootmap.sweep.kernels import SweepKernel
    from bootmap.sweep.measure import SweepSettings, Task
    from bootmap.sweep.parts import PartsPlace
    from bootmap.sweep.row import Row


class Bench(Struct, frozen=True):
    """What a worker holds for all its tasks; ``parts`` is where a cluster's workers write the rows themselves."""

    kernels: Mapping[str, SweepKernel]
    settings: SweepSettings
    limits: Limits
    parts: PartsPlace | None = None


def work(batch: Sequence[Task], bench: Bench) -> list[Done]:
    """The rows of each task; whatever happens to one is its own row's affair."""
    return [done(rows) for rows in rows_of(batch, bench)]


def rows_of(batch: Sequence[Task], bench: Bench) -> list[list[Row]]:
    """The rows of each task, as they are."""
    boards_read = SweptBoards()
    return [one(task, bench, boards_read) for task in batch]


def done(rows: Sequence[Row]) -> Done:
    """Rows ready to be kept."""
    return Done(b"".join(map(row_line, rows)), lasting(rows))


def lasting(rows: Sequence[Row]) -> bool:
    """Whether the rows would be the same another time."""
    return all(row.status not in TRIED_AGAIN for row in rows)


def one(task: Task, bench: Bench, boards_read: SweptBoards) -> list[Row]:
    """The rows of one task; ``boards_read`` may have read its file for the task before."""
    kernel = bench.kernels[task.kernel]
    seconds = bench.limits.seconds
    try:
        with limited_time(seconds):
            return measure(task, kernel, bench.settings, boards_read)
    except OutOfTimeError:
        return [failed_row(task, kernel, Status.TIMEOUT, f"took longer than {seconds:g} s (--time-limit)")]
    except MemoryError:
        limit = f"{bench.limits.memory >> 20} MiB"
        return [failed_row(task, kernel, Status.MEMORY, f"took more memory than {limit} (--memory-limit)")]
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename.rpartition('/')[2]}:{place.lineno}"
        text = f"bootmap itself failed at {where}: {type(error).__name__}: {error}"
        return [failed_row(task, kernel, Status.CRASHED, text)]
