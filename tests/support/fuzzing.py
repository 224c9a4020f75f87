"""Hostile inputs without end: real files with a few bytes changed, given to the whole command.

A `Target` is a command and the files that it is fed; Hypothesis picks one of them, edits it and adds options.  What
comes back must be an answer or one line: see `faults`.  Kept inputs are in tests/data/fuzz, named after their target.
"""

from __future__ import annotations

import gzip
import io
import re
import shutil
import sys
import time
import traceback
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies as st

from bootmap.cli.main import main
from support.hostile import CONTROL, KERNELS, ROOT, SECONDS
from support.hostile_inputs import INPUTS
from support.plain_inputs import PLAIN

if TYPE_CHECKING:
    from pathlib import Path

DATA = ROOT / "tests" / "data"
KEPT = DATA / "fuzz"
_LARGEST = 4 << 20
_KERNEL_KEYS = ("deb-6.1", "deb-6.1-lpae", "v310", "old49", "v44", "ve34", "deb-7.2")

_NUMBERS = (b"0", b"-1", b"0x7fffffff", b"0x80000000", b"0xffffffff", b"4294967296", b"9" * 40, b"0x" + b"f" * 20)
_WORDS = tuple(
    value.to_bytes(4, order)
    for value in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFF000, 0x40000000)
    for order in ("big", "little")
)
_ODD = (
    b"\0",
    b"\x1b]0;x\x07",
    b"\xc2\x9b2J",
    b"\xff\xfe",
    "\u202e".encode(),
    b"\n",
    b"'",
    b'"',
    b"[",
    b"]",
    b"%n",
    b"@",
)
_PARAMETERS = (
    "mem=",
    "mem=1G@",
    "vmalloc=",
    "cma=",
    "initrd=",
    "earlycon=pl011,",
    "memblock=debug",
    "cachepolicy=",
    "crashkernel=",
    "noinitrd",
    "highmem=",
    "user_debug=",
    "earlycon",
    "debug",
)


@dataclass(frozen=True)
class Target:
    """Commands, whose word ``FILE`` is the input, and the files that they are given, by patterns."""

    name: str
    lines: tuple[str, ...]
    patterns: tuple[str, ...]
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> str:
        """Programs without which the commands can only name them, and that this machine has not."""
        return " ".join(program for program in self.needs if shutil.which(program) is None)


_TREES = ("tests/data/dtb/*.dtb", "boards/*.dtb", "boards/findings/*.dtb", "tests/data/hostile/*.dtb")
_PLAN = "plan BOARD --dram 0x40000000,512M --uboot 2023.01 --zimage 5M"
_SET = "--set kernel_addr_r=41000000 --set fdt_addr_r=44000000 --set fit_addr_r=42000000"
_REGISTERS = "--sctlr=0x10c5387d --ttbr0=0x4000004a"
TARGETS = (
    Target(
        "tree",
        (
            "predict FILE KERNEL",
            "predict FILE KERNEL --json",
            "predict FILE KERNEL --dmesg",
            "explain FILE KERNEL 0x40008000 0xc0008000",
            "tables FILE KERNEL",
            "audit FILE KERNEL",
        ),
        _TREES,
    ),
    Target("tags", ("predict FILE KERNEL --machine-id 742",), ("tests/data/atags/*.bin",)),
    Target(
        "command-line",
        ("predict BOARD KERNEL --cmdline TEXT", "predict BOARD KERNEL --dmesg --cmdline TEXT"),
        _TREES[:1],
    ),
    Target(
        "config",
        ("features --config FILE", "predict BOARD --config FILE SYMBOLS"),
        ("tests/data/kconfig/*.gz", "tests/data/hostile/*.config"),
    ),
    Target(
        "symbols",
        ("predict BOARD --system-map FILE CONFIG",),
        ("tests/data/symbols/*", "tests/data/kernels/v7/System.map"),
    ),
    Target(
        "kernel",
        ("features --kernel FILE", "predict BOARD KERNEL --zimage FILE"),
        ("tests/data/elf/*.elf", "tests/data/hostile/z-*", "tests/data/hostile/*.elf.gz"),
    ),
    Target("log", ("verify BOARD KERNEL --log FILE", "verify --log FILE"), ("tests/data/logs/*.log",)),
    Target("oops", ("oops FILE", "oops --json FILE"), ("tests/data/oops/*.txt", "tests/data/hostile/*.oops*")),
    Target(
        "recording",
        ("tables FILE", "audit FILE", "walk FILE 0xc0008000", "tables FILE --format=json"),
        ("tests/data/hostile/*.json.gz", "tests/data/cases/own-spitz.json.gz"),
    ),
    Target(
        "dump",
        (
            f"tables FILE@0x40000000 {_REGISTERS}",
            f"audit FILE@0x40000000 {_REGISTERS} --arch=lpae",
            "locate FILE",
            f"walk FILE@0x40000000 0xc0000000 {_REGISTERS}",
        ),
        ("INPUT:dense.bin", "INPUT:noise.bin"),
    ),
    Target("memblock", ("memblock FILE", "memblock --json FILE --width 64"), ()),
    Target("extlinux", (f"{_PLAN} --extlinux FILE {_SET}",), ("INPUT:labels.conf", "INPUT:plain.conf")),
    Target("script", (f"{_PLAN} --script FILE {_SET}",), ("INPUT:boot.cmd", "INPUT:boot.scr")),
    Target(
        "environment",
        (f"{_PLAN} --printenv FILE", f"{_PLAN} --printenv FILE --boot ${{bootcmd}}"),
        ("INPUT:plain.env", "INPUT:plain.bin", "INPUT:circle.env"),
    ),
    Target(
        "bdinfo",
        (f"plan BOARD --uboot 2023.01 --zimage 5M {_SET} --bdinfo FILE",),
        ("INPUT:plain.bdinfo", "INPUT:older.bdinfo"),
    ),
    Target("iomem", ("plan BOARD --loader barebox --zimage 5M --iomem FILE",), ("boards/qemu-virt/iomem.txt",)),
    Target(
        "config-txt",
        ("plan BOARD --loader rpi --pi pi2 --zimage 5M --ramdisk 1M --config-txt FILE",),
        ("boards/raspberry-pi/config.txt",),
    ),
    Target("efi-map", ("predict BOARD KERNEL --efi-map FILE",), ("INPUT:plain.efi",)),
    Target(
        "capture", ("diagnose FILE", "diagnose FILE --json"), ("tests/data/logs/*.log", "tests/data/captures/*.txt")
    ),
    Target("archive", ("diagnose FILE", "verify FILE"), ("INPUT:plain.tar", "INPUT:pax.tar", "tests/data/collected/*")),
    Target("rows", ("sweep-diff FILE FILE", "sweep-diff FILE FILE --format jsonl"), ("INPUT:plain.jsonl",)),
    Target("parquet", ("sweep-diff FILE FILE",), ("INPUT:plain.parquet",)),
    Target("cache", ("sweep BOARD --cache FILE --jobs 1",), ("INPUT:plain.sqlite", "INPUT:other.sqlite")),
    Target("settings", ("check BOARD --no-proof --settings FILE",), ("INPUT:plain.toml",)),
    Target("baseline", ("check BOARD --no-proof --baseline FILE",), ("INPUT:plain.json",)),
    Target("source", ("check FILE --no-proof",), ("INPUT:plain.dts",), ("dtc", "cpp")),
    Target("overlay", ("check BOARD --no-proof --overlay FILE",), ("INPUT:plain.dtbo",), ("dtc", "cpp")),
    Target(
        "fit",
        ("check FILE --no-proof", f"plan FILE --dram 0x40000000,512M --uboot 2023.01 {_SET}"),
        ("INPUT:plain.itb",),
    ),
    Target("android", ("features --kernel FILE", "predict BOARD KERNEL --zimage FILE"), ("INPUT:nested.img",)),
)


class Edit(NamedTuple):
    """One change: where (a part of the file's length in 2^16), how much goes (-1: as much as comes), what comes."""

    at: int
    gone: int
    new: bytes


class Example(NamedTuple):
    """One run: which command and file of the target, what is done to the file, what is typed besides."""

    line: int
    file: int
    kernel: int
    edits: tuple[Edit, ...]
    options: tuple[tuple[str, str], ...]
    parameters: str


def _text(letters: str) -> st.SearchStrategy[str]:
    return st.text(st.sampled_from(letters), max_size=12)


_EDITS = st.builds(
    Edit,
    st.integers(0, 0xFFFF),
    st.sampled_from((-1, -1, -1, 0, 1, 4, 8, 64, 4096)),
    st.one_of(st.sampled_from(_NUMBERS + _WORDS + _ODD), st.binary(max_size=8), st.binary(min_size=4, max_size=4)),
)
_VALUES = st.one_of(st.sampled_from([number.decode() for number in _NUMBERS]), _text("0x123456789abcdefKMG@,-"))
_OPTIONS = st.tuples(
    st.sampled_from(("--phys-offset", "--dtb-addr", "--load-addr", "--cpu", "--cpus", "--initrd", "--kernel-version")),
    st.one_of(_VALUES, st.sampled_from(("cortex-a9", "arm926", "0x40000000", "0x7ff00000", "0x48000000,1M", "5.10"))),
)
EXAMPLES = st.builds(
    Example,
    st.integers(0, 99),
    st.integers(0, 9999),
    st.integers(0, len(_KERNEL_KEYS) - 1),
    st.lists(_EDITS, max_size=6).map(tuple),
    st.lists(_OPTIONS, max_size=2).map(tuple),
    st.lists(st.tuples(st.sampled_from(_PARAMETERS), _VALUES), max_size=5).map(
        lambda all_: " ".join(map("".join, all_))
    ),
)


@cache
def corpus(target: Target) -> tuple[tuple[str, bytes], ...]:
    """The target's files by name, gzip undone, the kept ones among them."""
    found: list[tuple[str, bytes]] = []
    for pattern in target.patterns:
        if pattern.startswith("INPUT:"):
            name = pattern.removeprefix("INPUT:")
            found.append((name, (PLAIN.get(name) or INPUTS[name])()))
        else:
            found += [(path.name, _unpacked(path)) for path in sorted(ROOT.glob(pattern)) if path.is_file()]
    found += [(path.name, path.read_bytes()) for path in sorted(KEPT.glob(f"{target.name}-*"))]
    assert found, f"{target.name} has no file"
    return tuple((name, data) for name, data in found if len(data) <= _LARGEST)


def _unpacked(path: Path) -> bytes:
    raw = path.read_bytes()
    return gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw


def edited(data: bytes, edits: tuple[Edit, ...]) -> bytes:
    """``data`` with the edits made, one after the other."""
    for edit in edits:
        at = edit.at * len(data) >> 16
        gone = len(edit.new) if edit.gone < 0 else edit.gone
        data = data[:at] + edit.new + data[at + gone :]
    return data


def faults(target: Target, example: Example, folder: Path) -> list[str]:
    """What is wrong with how the command takes the example: nothing, it is hoped."""
    files = corpus(target)
    name, data = files[example.file % len(files)]
    path = folder / f"input-{target.name}"
    path.write_bytes(edited(data, example.edits))
    words = _words(target.lines[example.line % len(target.lines)], path, example)
    wrong = _run(words)
    return [f"bootmap {' '.join(map(repr, words))} ({name} edited): {text}" for text in wrong]


def _words(line: str, path: Path, example: Example) -> list[str]:
    key = KERNELS / _KERNEL_KEYS[example.kernel]
    config, symbols = ["--config", str(key / "config.gz")], ["--system-map", str(key / "System.map")]
    words: list[str] = []
    for word in line.split(" "):
        replaced = {
            "KERNEL": [*config, *symbols],
            "CONFIG": config,
            "SYMBOLS": symbols,
            "TEXT": [example.parameters],
            "BOARD": [str(ROOT / "boards/findings/phys-offset-8m.dtb")],
        }.get(word)
        words += replaced if replaced is not None else [word.replace("FILE", str(path))]
    if "KERNEL" in line or "verify" in line:
        for option, value in example.options:
            words += [option, value]
    return words


def _run(words: list[str]) -> list[str]:
    """Run the command in this process; what is not as it should be."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    before = sys.argv, sys.stdout, sys.stderr
    sys.argv, (sys.stdout, sys.stderr) = ["bootmap", *words], streams
    code: object = None
    wrong = []
    begun = time.process_time()
    try:
        main()
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        wrong.append(traceback.format_exc(limit=-6))
    finally:
        sys.argv, sys.stdout, sys.stderr = before
    took = time.process_time() - begun
    said = b"".join(stream.buffer.getvalue() for stream in streams)  # type: ignore[attr-defined]
    if not wrong and code not in (0, 1, 2, 3):
        wrong.append(f"exit code {code}")
    if took > SECONDS:
        wrong.append(f"{took:.1f} s")
    if found := re.search(CONTROL, said):
        wrong.append(f"control characters {found[0]!r}")
    return wrong
