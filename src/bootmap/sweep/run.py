"""A whole sweep: from files and kernels to a file of rows, each pair once."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from bootmap.errors import UsageError
from bootmap.shown import Shown
from bootmap.sweep.boards import find_boards
from bootmap.sweep.cache import Cache, engine_hash
from bootmap.sweep.compare import SweepSide
from bootmap.sweep.kernels import SweepKernel, has_kernel, open_kernel, trees_of
from bootmap.sweep.limits import Limits
from bootmap.sweep.measure import SweepSettings, Task
from bootmap.sweep.memory import parse_rules
from bootmap.sweep.parts import PartFolder
from bootmap.sweep.row import SCHEMA, parse_row, row_line
from bootmap.sweep.store import RowFile
from bootmap.sweep.work import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bootmap.sweep.boards import BoardPath

    Told = Callable[[int, int, str], None]

_MAGIC = b"\xd0\x0d\xfe\xed"
_MOST_BYTES = 64 << 20
_BATCH = 16
_BATCH_OF_CLUSTER = 64
_BATCH_OF_PART = 512


class SweepRun(Shown, Struct):
    """What came of a sweep.

    Attributes:
        path: the file of rows.
        kernels: names of the kernels.
        rows: rows that it holds now.
        kept: of the pairs, those whose rows were in the file already.
        cached: those that the cache answered.
        worked: those that were worked out.
        seconds: of time.
        problems: what went wrong besides single boards: a sentence each.
    """

    path: str
    kernels: tuple[str, ...]
    rows: int = 0
    kept: int = 0
    cached: int = 0
    worked: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def pairs(self) -> int:
        """Pairs of board and kernel."""
        return self.kept + self.cached + self.worked


class Sweep(Shown, Struct, frozen=True):
    """What is to be swept.

    Attributes:
        boards: the files.
        kernels: the kernels by name.
        settings: what holds for all boards.
        sides: of a comparison, the old side and the new one.
    """

    boards: Sequence[BoardPath]
    kernels: dict[str, SweepKernel]
    settings: SweepSettings
    sides: tuple[SweepSide, SweepSide] | None = None

    @classmethod
    def of(
        cls,
        words: Sequence[str],
        kernels: Sequence[str],
        *,
        against: Sequence[str] = (),
        memory: Sequence[str] = (),
        cmdline: str | None = None,
    ) -> Sweep:
        """What the words of a command line mean.

        Args:
            words: folders, files and patterns.
            kernels: see :func:`bootmap.sweep.kernels.open_kernel`.
            against: the other side: a kernel, a folder of trees, or a package that has both.
            memory: see :func:`bootmap.sweep.memory.parse_rules`.
            cmdline: the command line in place of each tree's.

        Raises:
            BootmapError: one of them cannot be read.
        """
        opened: dict[str, SweepKernel] = {}

        def add(text: str) -> str:
            kernel = open_kernel(text)
            if kernel.name in opened:
                raise UsageError(f"--kernel {text}: another kernel is called {kernel.name} too; name it NAME={text}")
            opened[kernel.name] = kernel
            return kernel.name

        for text in kernels:
            add(text)
        boards = find_boards(words)
        trees = {board.trees for board in boards}
        settings = SweepSettings(parse_rules(memory), cmdline)
        if not against:
            return cls(boards, opened, settings)
        if len(trees) != 1:
            raise UsageError(f"--against compares one set of trees; {', '.join(sorted(trees))} were given")
        old = SweepSide(trees.pop(), next(iter(opened)))
        new = old
        for text in against:
            where = text.partition("=")[2] or text
            folder = os.path.isdir(where)
            if not folder or has_kernel(where):
                new = SweepSide(new.trees, add(text))
            if folder and (not has_kernel(where) or trees_of(where) is not None):
                more = find_boards([where])
                new = SweepSide(more[0].trees, new.kernel)
                boards += more if new.trees != old.trees else []
        return cls(boards, opened, settings, (old, new))

    def __len__(self) -> int:
        return len(self.boards) * len(self.kernels)

    def tasks(self) -> Iterator[Task]:
        """Every pair; files are read as they are asked for, each once."""
        common = f"{SCHEMA} {engine_hash()} {self.settings!r}"
        for board in self.boards:
            raw = _read(board.path)
            tree_hash = hashlib.sha256(raw or b"").hexdigest()
            data = raw if raw is not None and raw.startswith(_MAGIC) else None
            for kernel in self.kernels.values():
                text = "\0".join((common, tree_hash, kernel.hash, board.name, "" if data is not None else board.path))
                key = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
                yield Task(key, board.name, board.trees, board.path, data, tree_hash, kernel.name)


def run_sweep(
    sweep: Sweep,
    output: str,
    *,
    again: bool = False,
    parts: bool = False,
    cache: str | None = None,
    jobs: int | None = None,
    limits: Limits | None = None,
    scheduler: str | None = None,
    told: Told | None = None,
) -> SweepRun:
    """Work out every pair of board and kernel that has no row yet, and append its row to ``output``.

    Args:
        sweep: boards, kernels and settings.
        output: the file of rows, JSON Lines.
        again: go on with what is in it.
        parts: ``output`` is a folder, of Parquet parts; of a cluster, the workers write them where they share it, and
            no cache is filled with what they do not send back.
        cache: file of the cache; None for none.
        jobs: processes; as many as the machine has CPUs where not given.
        limits: of each board.
        scheduler: address of a Dask scheduler, to work there; None for this machine.
        told: is called as pairs are done: how many, of how many, and a word about it.

    Raises:
        InputError: the file cannot be written.
        ToolMissingError: a scheduler is given and Dask is not installed, or parts are asked for without pyarrow.
    """
    begun = time.monotonic()
    jobs = jobs or os.cpu_count() or 1
    run = SweepRun(output, tuple(sweep.kernels))
    file = PartFolder(output, again=again) if parts else RowFile(output, again=again)
    bench = Bench(sweep.kernels, sweep.settings, limits or Limits(), file.place)
    if file.torn:
        run.problems.append(f"{output}: a row was cut short; its board is worked out again")
    if file.done:
        file.keep_only({_place(task) for task in sweep.tasks()})
    with Cache(cache) as answers:
        try:
            missing = _missing(sweep, file, answers, run)
            if scheduler is not None:
                from bootmap.sweep.cluster import run_cluster

                most = _BATCH_OF_PART if parts else _BATCH_OF_CLUSTER
                results = run_cluster(missing, bench, scheduler, max(_BATCH_OF_CLUSTER, min(most, len(sweep) // 256)))
            else:
                from bootmap.sweep.pool import run_pool

                results = run_pool(missing, bench, jobs, max(1, min(_BATCH, len(sweep) // (4 * jobs))))
            for task, found in results:
                file.add(found)
                run.worked += 1
                if found.lasting and not found.part:
                    answers.put(task.key, found.lines)
                if told is not None:
                    told(run.pairs, len(sweep), f"{task.board}, {_left(run, len(sweep), begun)}")
        finally:
            file.close()
    run.problems += answers.problems
    if answers.damaged:
        run.problems.append(f"{answers.damaged} entries of the cache were damaged and are worked out again")
    run.seconds = time.monotonic() - begun
    return run


def _missing(sweep: Sweep, file: RowFile | PartFolder, answers: Cache, run: SweepRun) -> Iterator[Task]:
    """Tasks that neither the file nor the cache answers; the cache's answers are appended on the way."""
    for task in sweep.tasks():
        if _place(task) in file.done:
            run.kept += 1
            continue
        lines = answers.get(task.key)
        if lines is None:
            yield task
            continue
        file.append(b"".join(_relabelled(line, task) for line in lines.splitlines()))
        run.cached += 1


def _relabelled(line: bytes, task: Task) -> bytes:
    """The row under the names that trees and kernel have in this sweep."""
    return row_line(replace(parse_row(line), trees=task.trees, kernel=task.kernel))


def _place(task: Task) -> tuple[str, str, str]:
    return task.trees, task.kernel, task.key


def _left(run: SweepRun, total: int, begun: float) -> str:
    """How long it still takes, by what it took until now."""
    seconds = (time.monotonic() - begun) / max(1, run.worked) * (total - run.pairs)
    return f"{seconds / 60:.0f} min left" if seconds > 100 else f"{seconds:.0f} s left"


def _read(path: str) -> bytes | None:
    """The file's bytes; None where it cannot be read, or is longer than any board: then its row says why."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except OSError:
        return None
    return data if len(data) <= _MOST_BYTES else None
