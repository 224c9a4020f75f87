"""Many boards in several processes, with a progress bar; results come in the order of the boards."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

from bootmap.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_Result = TypeVar("_Result")
_FEW = 8
"""Boards up to which other processes take longer to start than they save."""


def side_by_side(work: Callable[[str], _Result], paths: Sequence[str], jobs: int | None) -> Iterator[_Result]:
    """``work`` of each path."""
    jobs = min(jobs or (os.cpu_count() or 1), len(paths))
    with Progress(len(paths), sys.stderr) as progress:
        if jobs == 1 or len(paths) <= _FEW:
            for path in paths:
                yield work(path)
                progress.step(path)
            return
        with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
            for path, result in zip(paths, pool.map(work, paths, chunksize=4), strict=True):
                progress.step(path)
                yield result
