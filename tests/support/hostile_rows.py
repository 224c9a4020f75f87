"""The rows of the table of hostile inputs: device trees, kernels, logs, page tables, numbers, streams, terminals.

What boot loaders, settings and other tools bring is in ``hostile_more``.
"""

from __future__ import annotations

import gzip
import os
import re
import signal
import stat
from typing import TYPE_CHECKING

from support.hostile import BOARD, KERNELS, READER_GONE, ROOT, Hostile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
        file.write((ROOT / BOARD).read_bytes())


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
        Hostile(f"reader-gone-{words.split()[0]}", words, (0, READER_GONE, -signal.SIGPIPE), stdout="gone")
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
