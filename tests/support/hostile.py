"""What a hostile file can ask of the command, as a table; and the runner, which bounds memory and time of each.

The promise: 2 s of processor and 200 MiB for any input of 4 MiB or less, an answer or one line, no traceback, and no
control character on a terminal.  ``tools/hostile-table`` prints the table; ``tests/test_hostile.py`` holds it.
"""

from __future__ import annotations

import gzip
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from support.hostile_inputs import INPUTS, MIB

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "tests" / "data" / "hostile"
KERNELS = ROOT / "tests" / "data" / "kernels"

SECONDS = 2
MEMORY = 200 * MIB

READER_GONE = 128 + signal.SIGPIPE
CONTROL = re.compile(rb"[\0-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]")
BOARD = "boards/findings/phys-offset-8m.dtb"


@dataclass(frozen=True)
class Hostile:
    """One row.

    Attributes:
        name: of the row.
        line: the command's words; ``KERNEL`` stands for Debian's 6.1, ``BOARD`` for a board that boots with it, a word
            that names a file of tests/data/hostile or of `INPUTS` for that file, ``{dir}`` for a fresh folder.
        exits: the exit codes that are right.
        says: what standard error matches, where that matters.
        stdin: "closed" where there is none.
        stdout: "full" for /dev/full, "gone" for a pipe that nobody reads.
        prepare: makes what the command is to meet, in the folder.
        check: what is wrong with the folder afterwards, "" for nothing.
        needs: programs without which the command can only name them (exit code 4).
    """

    name: str
    line: str
    exits: tuple[int, ...] = (3,)
    says: str = ""
    stdin: str = ""
    stdout: str = ""
    prepare: Callable[[Path], object] | None = None
    check: Callable[[Path], str] | None = None
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> str:
        """Those that this machine has not."""
        return " ".join(program for program in self.needs if shutil.which(program) is None)


class Outcome(NamedTuple):
    """What became of it: exit code (negative: killed by that signal), processor seconds, MiB, and what was said."""

    exit: int
    seconds: float
    mebibytes: float
    out: bytes
    err: bytes
    left: str = ""

    def faults(self, row: Hostile) -> list[str]:
        """What is not as promised."""
        wrong = [self.left] if self.left else []
        if self.exit not in row.exits:
            wrong.append(f"exit code {self.exit}, expected {' or '.join(map(str, row.exits))}: {self.err[-400:]!r}")
        if b"Traceback" in self.err:
            wrong.append("a traceback")
        if found := CONTROL.search(self.out + self.err):
            wrong.append(f"control characters: {found[0]!r}")
        if row.says and not re.search(row.says, self.err.decode("utf-8", "replace")):
            wrong.append(f"says {self.err[:400]!r}, expected {row.says!r}")
        if self.exit in (2, 3) and self.err.count(b"\n") > 4:
            wrong.append(f"{self.err.count(bytes([10]))} lines of error")
        return wrong


def run(row: Hostile, bootmap: str | None = None, *, memory: int = MEMORY, seconds: int = SECONDS) -> Outcome:
    """Run one row in a process of its own, under those limits, with ``bootmap`` (the one under test if None)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if row.prepare is not None:
            row.prepare(folder)
        start = [bootmap] if bootmap else [sys.executable, "-m", "bootmap"]
        words: list[str | bytes] = [*start, *_words(row.line, folder)]
        outcome = _run(words, row, folder, memory, seconds)
        return outcome._replace(left=row.check(folder) if row.check else "")


def _run(words: list[str | bytes], row: Hostile, folder: Path, memory: int, seconds: int) -> Outcome:
    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        if row.stdin == "closed":
            os.close(0)

    with open(folder / ".out", "w+b") as out, open(folder / ".err", "w+b") as err, open("/dev/full", "wb") as full:
        reader, writer = os.pipe()
        os.close(reader)
        stdout = {"full": full.fileno(), "gone": writer}.get(row.stdout, out.fileno())
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "100"}
        process = subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stdout, stderr=err, preexec_fn=limits, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = code = os.waitstatus_to_exitcode(status)
        os.close(writer)
        out.seek(0)
        err.seek(0)
        said, errors = out.read(), err.read()
    return Outcome(code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said, errors)


def _words(line: str, folder: Path) -> list[str | bytes]:
    words: list[str | bytes] = []
    for word in line.split(" "):
        if word == "KERNEL":
            words += _kernel("deb-6.1")
        elif word.startswith("KERNEL:"):
            words += _kernel(word.partition(":")[2])
        elif word == "BOARD":
            words.append(BOARD)
        elif word == "NINES":
            words.append("9" * 5000)
        elif word == "UNNAMEABLE":
            words.append(os.fsencode(folder) + b"/b\xff\xfe\x1b[2J.dtb")
        else:
            head, at, tail = word.partition("@")
            words.append(_place(head, folder) + at + tail)
    return words


def _kernel(key: str) -> list[str]:
    return ["--config", str(KERNELS / key / "config.gz"), "--system-map", str(KERNELS / key / "System.map")]


def _place(word: str, folder: Path) -> str:
    """The file that ``word`` names, written or unpacked where it is not one already; else the word."""
    if (SMALL / word).is_file():
        return str(SMALL / word)
    if (packed := SMALL / f"{word}.gz").is_file():
        (folder / word).write_bytes(gzip.decompress(packed.read_bytes()))
        return str(folder / word)
    if word in INPUTS:
        (folder / word).write_bytes(INPUTS[word]())
        return str(folder / word)
    return word.replace("{dir}", str(folder))
