"""A campaign: made-up boards on several kernels, side by side, kept in a folder and continued where it stopped.

    FOLDER/results.jsonl          one line a board: kernel, seed, finding, class, board
    FOLDER/KERNEL-SEED.dtb .dts   of each class of failures the first board, made as small as it goes, ...
    FOLDER/KERNEL-SEED.json.gz    ... and its boot as a recording, which the tests can replay

A line is written in one piece when its board is done, so that nothing is half there, whatever ends the campaign.
"""

from __future__ import annotations

import contextlib
import os
import queue
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from bootmap.errors import InputError, MachineError
from bootmap.image.recording import write_recording
from bootmap.output import write_file
from bootmap.verify.compare import ComparedAs
from bootmap.verify.fuzz.boards import MadeBoard, random_board
from bootmap.verify.fuzz.shrink import shrink
from bootmap.verify.fuzz.trial import ground_of, try_board

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bootmap.verify.fuzz.boards import Ground
    from bootmap.verify.fuzz.trial import Trial
    from bootmap.verify.guest import Setup
    from bootmap.verify.kernels import BootKernel

UNTESTABLE = "untestable"
RESULTS = "results.jsonl"


class Result(Struct, frozen=True, omit_defaults=True):
    """One board of a campaign, as it is kept.

    Attributes:
        kernel: name of the kernel.
        seed: what made the board.
        finding: name of the `Finding`, or "untestable".
        signature: the class of the failure or of the foreseen death.
        board: the board, where bootmap was wrong.
        minimal: the smallest one that fails alike, where it was looked for.
        notes: the first differences in words.
    """

    kernel: str
    seed: int
    finding: str
    signature: str = ""
    board: MadeBoard | None = None
    minimal: MadeBoard | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_wrong(self) -> bool:
        """Whether bootmap was wrong."""
        return self.finding in ComparedAs.__members__ and ComparedAs[self.finding].is_wrong


@dataclass
class Campaign:
    """A campaign under way.

    Attributes:
        kernels: the kernels, each gets the boards of every seed.
        machine: the QEMU machine.
        memory: its RAM in bytes, None for what suits each kernel.
        folder: where results are kept, None for nowhere.
        describe: a failed trial in words.
        results: all results so far, those of earlier runs too.
    """

    kernels: Sequence[BootKernel]
    machine: str
    memory: int | None
    folder: str | None
    describe: Callable[[Trial], Sequence[str]]
    results: list[Result] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.folder is not None:
            try:
                os.makedirs(self.folder, exist_ok=True)
            except OSError as error:
                raise InputError(error.strerror or str(error), file=self.folder) from None
            self.results += _read(os.path.join(self.folder, RESULTS))
            self._known = {result.signature for result in self.results if result.is_wrong}

    def run(
        self,
        seeds: range,
        *,
        jobs: int,
        seconds: float | None = None,
        small: bool = True,
        progress: Callable[[Result], None] = lambda _: None,
    ) -> None:
        """Try every seed on every kernel, except what was tried in an earlier run.

        Args:
            seeds: the seeds.
            jobs: boots side by side.
            seconds: no board is begun after so long.
            small: make the first failing board of each class as small as it goes.
            progress: told of each result, from whichever thread.

        Raises:
            BootmapError: whatever ends a trial that is no result.
        """
        done = {(result.kernel, result.seed) for result in self.results}
        grounds = {kernel.name: ground_of(kernel, self.machine, self.memory) for kernel in self.kernels}
        deadline = None if seconds is None else time.monotonic() + seconds
        work = ((kernel, seed) for seed in seeds for kernel in self.kernels if (kernel.name, seed) not in done)
        outcomes: queue.Queue[Exception | None] = queue.Queue()
        stop = threading.Event()

        def worker() -> None:
            failure: Exception | None = None
            try:
                while not stop.is_set() and (deadline is None or time.monotonic() < deadline):
                    with self._lock:
                        item = next(work, None)
                    if item is None:
                        break
                    progress(self._one(*item, *grounds[item[0].name], small))
            except Exception as error:  # handed to the thread that started us
                failure = error
            outcomes.put(failure)

        # Daemons: whoever interrupts us does not wait for boots; their guards end them with us.
        threads = [threading.Thread(target=worker, daemon=True) for _ in range(max(1, jobs))]
        for thread in threads:
            thread.start()
        try:
            for _ in threads:
                if failure := outcomes.get():
                    raise failure
        finally:
            stop.set()

    def counts(self) -> dict[str, Counter[str]]:
        """For each kernel how often each finding came."""
        found: dict[str, Counter[str]] = {}
        for result in self.results:
            found.setdefault(result.kernel, Counter())[result.finding] += 1
        return found

    def classes(self) -> list[tuple[str, list[Result]]]:
        """The results in which bootmap was wrong, by class, the most frequent first."""
        found: dict[str, list[Result]] = {}
        for result in self.results:
            if result.is_wrong:
                found.setdefault(result.signature, []).append(result)
        return sorted(found.items(), key=lambda row: -len(row[1]))

    def deaths(self) -> Counter[str]:
        """How often the kernel died of what bootmap foresaw."""
        return Counter(result.signature for result in self.results if result.finding == ComparedAs.KNOWN_DEATH.name)

    def _one(self, kernel: BootKernel, seed: int, setup: Setup, ground: Ground, small: bool) -> Result:
        board = random_board(random.Random(seed), ground)
        trial = _patient(kernel, setup, board, name=f"{kernel.name}-{seed}")
        if trial.finding is None:
            result = Result(kernel.name, seed, UNTESTABLE)
        elif not trial.finding.is_wrong:
            result = Result(kernel.name, seed, trial.finding.name, trial.signature)
        else:
            result = self._failure(kernel, seed, setup, board, trial, small)
        with self._lock:
            self.results.append(result)
            if self.folder is not None:
                _append(os.path.join(self.folder, RESULTS), result)
        return result

    def _failure(
        self, kernel: BootKernel, seed: int, setup: Setup, board: MadeBoard, trial: Trial, small: bool
    ) -> Result:
        with self._lock:
            first = trial.signature not in self._known
            self._known.add(trial.signature)
        minimal = None
        if small and first:
            minimal = shrink(board, lambda other: _signature(kernel, setup, other) == trial.signature)
            trial = _patient(kernel, setup, minimal, name=f"{kernel.name}-{seed}")
        assert trial.finding is not None
        if self.folder is not None and first:
            _keep(os.path.join(self.folder, f"{_file_part(kernel.name)}-{seed}"), minimal or board, trial)
        notes = tuple(self.describe(trial))
        return Result(kernel.name, seed, trial.finding.name, trial.signature, board, minimal, notes)


def _patient(kernel: BootKernel, setup: Setup, board: MadeBoard, *, name: str) -> Trial:
    """Try twice where QEMU itself failed: on a busy machine it may be too slow to answer once."""
    with contextlib.suppress(MachineError):
        return try_board(kernel, setup, board, name=name)
    return try_board(kernel, setup, board, name=name)


def _signature(kernel: BootKernel, setup: Setup, board: MadeBoard) -> str | None:
    with contextlib.suppress(MachineError):
        trial = try_board(kernel, setup, board)
        if trial.finding is not None and trial.finding.is_wrong:
            return trial.signature
    return None


def _file_part(name: str) -> str:
    """A kernel's name as part of a file's: a release may hold anything but spaces."""
    return re.sub(r"[^\w.+~-]", "_", name)


def _keep(path: str, board: MadeBoard, trial: Trial) -> None:
    blob = board.blob()
    write_file(f"{path}.dtb", blob)
    write_file(f"{path}.dts", board.source().encode())
    if trial.recording is not None:
        write_recording(trial.recording, f"{path}.json.gz")


def _append(path: str, result: Result) -> None:
    line = msgspec.json.encode(result) + b"\n"
    try:
        with open(path, "ab", buffering=0) as file:
            at = file.tell()
            if file.write(line) != len(line):
                file.truncate(at)
                raise InputError("no space left for a result", file=path)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", file=path) from None


def _read(path: str) -> Iterator[Result]:
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(error.strerror or str(error), file=path) from None
    decoder = msgspec.json.Decoder(Result)
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            yield decoder.decode(line)
        except (msgspec.DecodeError, ValueError):
            raise InputError("is no result of a campaign", file=path, line=number) from None
