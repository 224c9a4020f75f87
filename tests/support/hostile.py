"""What a hostile file can ask of the command, as a table; and the runner, which bounds memory and time of each.

The promise: 2 s of processor and 200 MiB for any input of 4 MiB or less, an answer or one line, no traceback, and no
control character on a terminal.  ``tools/hostile-table`` prints the table; ``tests/test_hostile.py`` holds it.
"""

from __future__ import annotations

import gzip
import os
import re
import resource
import signal
import stat
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

_READER_GONE = 128 + signal.SIGPIPE
CONTROL = re.compile(rb"[\0-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]")
_BOARD = "boards/findings/phys-offset-8m.dtb"


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
    """

    name: str
    line: str
    exits: tuple[int, ...] = (3,)
    says: str = ""
    stdin: str = ""
    stdout: str = ""
    prepare: Callable[[Path], object] | None = None
    check: Callable[[Path], str] | None = None


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
        process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stdout, stderr=err,
                                   preexec_fn=limits, env=environment)  # fmt: skip
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
            words.append(_BOARD)
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


# -- what stands there, and what must still stand there ---------------------------------------------------------------


def _fifo(folder: Path) -> None:
    os.mkfifo(folder / "n")
    os.open(folder / "n", os.O_RDONLY | os.O_NONBLOCK)  # held open for the length of the run, else the writer waits


def _still(kind: Callable[[int], bool]) -> Callable[[Path], str]:
    def check(folder: Path) -> str:
        return "" if kind(os.lstat(folder / "n").st_mode) else f"n became {os.lstat(folder / 'n').st_mode:o}"

    return check


def _link(folder: Path) -> None:
    (folder / "target").write_text("old")
    (folder / "n").symlink_to("target")


def _link_kept(folder: Path) -> str:
    kept = (folder / "n").is_symlink() and (folder / "target").read_text() != "old"
    return "" if kept else "the link was replaced, not what it points to"


def _device(folder: Path) -> None:
    (folder / "n").symlink_to("/dev/full")  # what replaces files would replace the link


def _private(folder: Path) -> None:
    (folder / "n").touch(0o600)


def _unnameable(folder: Path) -> None:
    name = os.fsencode(folder) + b"/b\xff\xfe\x1b[2J.dtb"
    with open(name, "wb") as file:
        file.write((ROOT / _BOARD).read_bytes())


def _config(**changes: str) -> Callable[[Path], None]:
    """Debian's configuration with other numbers, as ``config`` in the folder."""

    def prepare(folder: Path) -> None:
        text = gzip.decompress((KERNELS / "deb-6.1" / "config.gz").read_bytes()).decode()
        for name, value in changes.items():
            text = re.sub(rf"^CONFIG_{name}=.*$", f"CONFIG_{name}={value}", text, flags=re.MULTILINE)
        (folder / "config").write_text(text)

    return prepare


_CONFIGURED = f"--config {{dir}}/config --system-map {KERNELS}/deb-6.1/System.map"
_AT = "--cpu cortex-a9 --phys-offset 0x40000000"
_XSCALE = "--sctlr=340351 --arch=xscale --ttbr0=0x4000004a"
_V7 = "--sctlr=0x10c5387d --ttbr0=0x4000004a --arch=v7"
_ANSWER = (0, 1)
_ANY = (0, 1, 3)

ROWS = (
    # -- files that are written ----------------------------------------------------------------------------------
    Hostile("output-fifo", "tables BOARD KERNEL -o {dir}/n", (0,), prepare=_fifo, check=_still(stat.S_ISFIFO)),
    Hostile("output-link", "tables BOARD KERNEL -o {dir}/n", (0,), prepare=_link, check=_link_kept),
    Hostile(
        "output-mode",
        "tables BOARD KERNEL -o {dir}/n",
        (0,),
        prepare=_private,
        check=_still(lambda mode: stat.S_IMODE(mode) == 0o600),
    ),
    Hostile("output-device", "tables BOARD KERNEL -o {dir}/n", (3,), "n: cannot be written", prepare=_device),
    # -- device trees --------------------------------------------------------------------------------------------
    Hostile("path-bomb", f"predict path-bomb.dtb KERNEL {_AT}", _ANY),
    Hostile("path-bomb-large", f"predict long-names.dtb KERNEL {_AT}", _ANY),
    Hostile("many-banks", "predict many-banks.dtb KERNEL --cpu cortex-a15", _ANY),
    Hostile("many-banks-json", "predict many-banks.dtb KERNEL --cpu cortex-a15 --json", _ANY),
    Hostile("same-bank", "predict same-bank.dtb KERNEL --cpu cortex-a15", _ANY),
    Hostile("reserved-nodes", "predict reserved-nodes.dtb KERNEL --cpu cortex-a15", _ANY),
    Hostile("reserved-nomap", "predict reserved-nomap.dtb KERNEL --cpu cortex-a15", _ANY),
    Hostile("reserved-dynamic", "predict reserved-dynamic.dtb KERNEL --cpu cortex-a15", _ANY),
    Hostile("reserved-reg", "predict reserved-reg.dtb KERNEL --cpu cortex-a15", _ANY),
    Hostile("reservations", "predict reservations.dtb KERNEL --cpu cortex-a15", _ANY),
    Hostile("alloc-ranges", "predict alloc-ranges.dtb KERNEL --cpu cortex-a15", _ANY),
    Hostile(
        "zero-cells",
        "predict zerodiv.dtb KERNEL --cpu cortex-a15 --phys-offset 0x40000000 --cmdline mem=512M@0x40000000",
        _ANY,
    ),
    Hostile("ends-at-entry", "audit BOARD KERNEL --cpu arm926", _ANSWER),
    Hostile("digits", "predict digits.dtb KERNEL --cpu cortex-a15", _ANY),
    Hostile("blob-in-the-last-MiB", f"predict BOARD KERNEL:old49 {_AT} --dtb-addr 0x7ff00000", _ANSWER),
    Hostile("blob-in-the-last-MiB-3.18", f"predict BOARD KERNEL:v318 {_AT} --dtb-addr 0x7ff00000", _ANSWER),
    # -- kernel files --------------------------------------------------------------------------------------------
    Hostile("symbol-names", "features --kernel symbol-names.elf", (0, 3)),
    Hostile("banner", "features --kernel banner.img"),
    Hostile("banners", "features --kernel banners.img", (2, 3)),
    Hostile("z-zstd", "features --kernel z-zstd.zImage", (2, 3)),
    Hostile("z-xzdict", "features --kernel z-xzdict.zImage", (2, 3)),
    Hostile("z-xz64", "features --kernel z-xz64.zImage"),
    Hostile("z-lz4x64", "features --kernel z-lz4x64.zImage"),
    Hostile("many-xz", "features --kernel many-xz.zImage"),
    Hostile("many-gzip", "features --kernel many-gzip.zImage"),
    Hostile("many-lz4", "features --kernel many-lz4.zImage"),
    Hostile("config-bomb", "features --config bomb.config.gz"),
    Hostile("many-symbols", f"predict BOARD --config {KERNELS}/deb-6.1/config.gz --system-map System.map", (2, 3)),
    # -- logs ----------------------------------------------------------------------------------------------------
    Hostile("iomem-spaces", "verify BOARD KERNEL --log iomem-spaces.txt", _ANY),
    Hostile("iomem-rows", "verify BOARD KERNEL --log iomem-rows.txt", _ANY),
    Hostile("ptdump-rows", "verify BOARD KERNEL --log ptdump-rows.txt", _ANY),
    Hostile("memblock-rows", "verify BOARD KERNEL --log memblock-rows.txt", _ANY),
    Hostile("quoted", "verify BOARD KERNEL --log quoted.log", _ANY),
    Hostile("slub", "verify BOARD KERNEL --log slub.log", _ANY),
    Hostile("memory-lines", "verify BOARD KERNEL --log memory.log", _ANY),
    Hostile("log-lines", "verify BOARD KERNEL --log lines.log", _ANY),
    Hostile("hardware-spaces", "oops hardware-spaces.oops", _ANSWER),
    Hostile("hardware-spaces-256", "oops hardware.oops", _ANSWER),
    Hostile("pgd-spaces", "oops pgd-spaces.oops", _ANY),
    Hostile("unable-spaces", "oops unable-spaces.oops", _ANY),
    # -- page tables ---------------------------------------------------------------------------------------------
    Hostile("dense-tables", f"tables dense.bin@0x40000000 {_XSCALE}", _ANY),
    Hostile("dense-audit", f"audit dense.bin@0x40000000 {_XSCALE}", _ANY),
    Hostile("dense-diff", f"diff dense.bin@0x40000000 noise.bin@0x40000000 {_XSCALE}", _ANY),
    *(
        Hostile(f"{name}-{command}", f"{command} {f'{name}.bin@0x40000000 ' * count}{_V7}", (0, 1, 2, 3))
        for name in ("small-pages", "scattered")
        for command, count in (("tables", 1), ("audit", 1), ("diff", 2))
    ),
    Hostile("deep-json", "tables deep.json"),
    Hostile("large-json", "tables large.json.gz", _ANY),
    Hostile("small-pages-locate", "locate small-pages.bin@0x40000000", _ANY),
    # -- numbers -------------------------------------------------------------------------------------------------
    Hostile(
        "config-l1-shift",
        f"predict BOARD {_CONFIGURED} {_AT}",
        (3,),
        r"config: line \d+: CONFIG_ARM_L1_CACHE_SHIFT",
        prepare=_config(ARM_L1_CACHE_SHIFT="-1"),
    ),
    Hostile(
        "config-max-order",
        f"predict BOARD {_CONFIGURED} {_AT}",
        (3,),
        r"config: line \d+: CONFIG_ARCH_FORCE_MAX_ORDER",
        prepare=_config(ARCH_FORCE_MAX_ORDER="8000000000"),
    ),
    Hostile(
        "config-page-offset",
        f"predict BOARD {_CONFIGURED} {_AT}",
        (3,),
        r"config: line \d+: CONFIG_PAGE_OFFSET",
        prepare=_config(PAGE_OFFSET="0"),
    ),
    Hostile("recording-ttbr0", "tables r9.json.gz"),
    Hostile("prediction-root", "tables p4.json.gz"),
    *(Hostile(f"recording-{name}", f"audit {name}.json.gz") for name in ("r1", "r3", "neg")),
    Hostile("recording-neg-walk", "walk neg.json.gz _stext"),
    Hostile("nines", "explain BOARD KERNEL NINES", (2,)),
    Hostile("nines-phys-offset", "predict BOARD KERNEL --phys-offset NINES", (2,)),
    Hostile("cpu-4foo", "verify --log quoted.log --cpu 4foo", (2,), "--cpu"),
    Hostile("cpu-0x", "verify --log quoted.log --cpu 0x", (2,), "--cpu"),
    # -- streams -------------------------------------------------------------------------------------------------
    *(
        Hostile(f"no-stdin-{words.split()[0]}", words, (3,), "<stdin>", stdin="closed")
        for words in ("predict - KERNEL", "oops -", "memblock -")
    ),
    *(
        Hostile(f"full-{words.split()[0]}", words, (3,), "standard output: cannot be written", stdout="full")
        for words in ("predict BOARD KERNEL", "features --kernel-version 6.1", "oops esc.oops", "memblock --help")
    ),
    *(
        Hostile(f"reader-gone-{words.split()[0]}", words, (0, _READER_GONE, -signal.SIGPIPE), stdout="gone")
        for words in ("predict BOARD KERNEL", "features --kernel-version 6.1", "oops esc.oops", "memblock --help")
    ),
    # -- what reaches a terminal ---------------------------------------------------------------------------------
    *(
        Hostile(f"name-{'-'.join(words.split()[:2])}", f"{words} UNNAMEABLE KERNEL", _ANSWER, prepare=_unnameable)
        for words in (
            "tables",
            "tables --format=json",
            "audit",
            "audit --format=json",
            "audit --format=sarif",
            "predict",
        )
    ),
    Hostile("escapes-predict", "predict esc-args.dtb KERNEL", _ANY),
    Hostile("escapes-explain", "explain esc-args.dtb KERNEL 0x40008000", _ANY),
    Hostile("escapes-dmesg", "predict esc-model.dtb KERNEL --dmesg", _ANY),
    Hostile("escapes-oops", "oops esc.oops", _ANSWER),
    Hostile("escapes-config", "features --config esc2.config", (2, 3)),
    Hostile("escapes-state", "tables p13.json.gz --state nope", (2, 3)),
)
