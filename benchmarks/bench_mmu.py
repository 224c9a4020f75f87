"""Measure walks, bulk translation and lists of mappings in one run, and print times and ratios.

    benchmarks/bench_mmu.py            the table
    benchmarks/bench_mmu.py --json     the same for machines

Times are processor time, the best of several runs, so that a busy machine disturbs little.  Unicorn's rate is
that of a loop of address translation operations in its guest; it is left out where Unicorn is not installed.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from bootmap.facts.arm.permissions import Rights  # noqa: E402
from bootmap.mmu.bulk import snapshot, translate  # noqa: E402
from bootmap.mmu.memory import Chunks  # noqa: E402
from bootmap.mmu.regs import Regs  # noqa: E402
from bootmap.mmu.walk import walk  # noqa: E402
from bootmap.units import KIB  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    Table = tuple[Chunks, Regs]

L1, L2, L3 = 0x4000_0000, 0x4001_0000, 0x4020_0000
PAGES = 1 << 20
SMALL_PAGE = 0x45E
LONG_PAGE = 0x71F
EAE = 1 << 31
LINUX = {"sctlr": 0x10C5387D, "ttbr0": L1, "prrr": 0xFF0A81A8, "nmrr": 0x40E040E0}
WALKS = 5000
RECORDING = ROOT / "tests/data/cases/virt-1g-init-6.1.json.gz"


def best_ms(work: Callable[[], object], repeat: int = 7) -> float:
    """Best processor time of ``work`` in milliseconds."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times) * 1e3


def short_map(frames: np.ndarray) -> Table:
    """4 GiB of small pages."""
    first = (L2 + KIB * np.arange(4096) | 1).astype("<u4").tobytes()
    second = (frames.astype("<u4") << 12 | SMALL_PAGE).astype("<u4").tobytes()
    return Chunks({L1: first, L2: second}), Regs(arch="v7", **LINUX)


def long_map(frames: np.ndarray) -> Table:
    """4 GiB of 4 KiB pages in long descriptors."""
    first = (L2 + 4 * KIB * np.arange(4) | 3).astype("<u8").tobytes()
    second = (L3 + 4 * KIB * np.arange(2048) | 3).astype("<u8").tobytes()
    third = (frames.astype("<u8") << 12 | LONG_PAGE).tobytes()
    regs = Regs(arch="v7lpae", **LINUX, ttbcr=EAE, mair0=0xEEAA4400, mair1=0xFF000004)
    return Chunks({L1: first, L2: second, L3: third}), regs


def recorded_kernel() -> Table:
    """The tables of a Debian kernel once init runs."""
    case = json.loads(gzip.decompress(RECORDING.read_bytes()))
    tables = case["late"]["tables"]
    chunks = {int(pa, 16): bytes.fromhex(words) for pa, words in tables["pte"].items()}
    chunks[tables["pgd"]["pa"]] = bytes.fromhex(tables["pgd"]["hex"])
    return Chunks(chunks), Regs(arch="v7lpae", **{**LINUX, "ttbr0": tables["pgd"]["pa"]})


def unicorn_us(vas: np.ndarray) -> float | None:
    """Microseconds that Unicorn takes for one translation of the same addresses, by small pages too."""
    if importlib.util.find_spec("unicorn") is None:
        return None
    from mmu import machine

    cpu = machine.Machine("cortex-a15")
    # Its own 4 MiB must be mapped flat, and its tables have room for 256 second-level ones.
    first = np.zeros(4096, "<u4")
    first[:4] = np.arange(4) << 20 | 0xC02
    first[4:] = machine.TABLES + 0x4000 + KIB * (np.arange(4092) % 256) | 1
    pages = (np.arange(256 * 256, dtype="<u4") << 12 | SMALL_PAGE).astype("<u4")
    cpu.write(machine.TABLES, first.tobytes())
    cpu.write(machine.TABLES + 0x4000, pages.tobytes())
    cpu.enter(machine.Setup(sctlr=cpu.reset_sctlr, ttbr0=machine.TABLES, dacr=1))
    return best_ms(lambda: cpu.ats(vas, Rights.PRIV_READ), 3) * 1e3 / len(vas)


def measure() -> dict[str, float]:
    """All figures by name."""
    rng = np.random.default_rng(1)
    vas = rng.integers(0, 1 << 32, PAGES, dtype=np.uint64).astype(np.uint32)
    rows: dict[str, float] = {}
    for name, make in (("short", short_map), ("long", long_map)):
        memory, regs = make(np.arange(PAGES))
        some = vas[:WALKS].tolist()
        single = best_ms(lambda some=some, m=memory, r=regs: [walk(m, r, va) for va in some], 3) * 1e3 / WALKS
        kept = snapshot(memory, regs)
        kept.translate(vas)
        bulk = best_ms(lambda kept=kept: kept.translate(vas)) * 1e3 / len(vas)
        fresh = best_ms(lambda m=memory, r=regs: translate(m, r, vas)) * 1e3 / len(vas)
        rows[f"{name}: one walk (us)"] = single
        rows[f"{name}: bulk, per address (us)"] = bulk
        rows[f"{name}: bulk with reading the tables, per address (us)"] = fresh
        rows[f"{name}: walk / bulk"] = single / bulk
        rows[f"{name}: walk / bulk with reading the tables"] = single / fresh
        rows[f"{name}: list, 1,048,576 entries, 1 range (ms)"] = best_ms(
            lambda m=memory, r=regs: snapshot(m, r).ranges()
        )
        scattered = make(rng.permutation(PAGES))
        rows[f"{name}: list, 1,048,576 entries, no two alike (ms)"] = best_ms(lambda t=scattered: snapshot(*t).ranges())
        if name == "short" and (per := unicorn_us(vas)) is not None:
            rows["short: Unicorn's loop, per address (us)"] = per
            rows["short: Unicorn / bulk"] = per / bulk
            rows["short: Unicorn / bulk with reading the tables"] = per / fresh
    kernel = recorded_kernel()
    rows["list of a real kernel's tables (ms)"] = best_ms(lambda: list(snapshot(*kernel).ranges()), 20)
    return rows


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = measure()
    if arguments.json:
        print(json.dumps(rows))
        return
    for name, value in rows.items():
        print(f"{name:<60} {value:10.3f}")


if __name__ == "__main__":
    main()
