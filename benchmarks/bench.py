"""Measure what users wait for, and print one table of medians.

    make bench                          the table
    benchmarks/bench.py --json          the same for machines

Nothing here is a test: machines differ and are shared.  Compare two states of the code in one run on one machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

import bootmap  # noqa: E402
from bootmap.boot.memblock import Memblock  # noqa: E402
from bootmap.inputs.fdt import parse  # noqa: E402
from bootmap.units import MIB, PAGE_SIZE  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

BOARD = ROOT / "boards/imx6q-sabrelite-moved.dtb"
VIRT = ROOT / "tests/data/dtb/virt.dtb"
KERNEL = ROOT / "boards/linux-6.1-armmp"


def median_ms(work: Callable[[], object], repeat: int) -> float:
    """Median wall time of ``work`` in milliseconds, after one call that is not counted."""
    work()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def warm_prediction() -> Callable[[], object]:
    """A 1 GiB board, everything parsed already."""
    kernel = bootmap.Kernel.load(config=KERNEL / "config.gz", system_map=KERNEL / "System.map")
    board = bootmap.Board.load(VIRT if VIRT.exists() else BOARD, cpu="cortex-a15", phys_offset=0x40000000)
    board = board.replace(dtb_addr=0x40000000 + 128 * MIB)
    return lambda: bootmap.predict(kernel, board)


def process() -> object:
    """The command as a user starts it."""
    command = [
        sys.executable,
        "-m",
        "bootmap",
        "predict",
        str(BOARD),
        "--config",
        str(KERNEL / "config.gz"),
        "--system-map",
        str(KERNEL / "System.map"),
        "--phys-offset",
        "0x10000000",
    ]
    env = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False, env=env)


def memblock_operations() -> object:
    """Three hundred operations as a busy board makes them."""
    memblock = Memblock()
    memblock.add(0x40000000, 1024 * MIB)
    memblock.reserve(0x40204000, 0x4000)
    memblock.reserve(0x40300000, 20 * MIB)
    for i in range(20):
        memblock.mark_nomap(0x50000000 + i * 4 * MIB, MIB)
    for _ in range(260):
        memblock.alloc_range(PAGE_SIZE, PAGE_SIZE, exact=False)
    for i in range(17):
        memblock.reserve(0x60000000 + i * 3 * MIB, 4096 * (i + 1))
    return memblock


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    blob = BOARD.read_bytes()
    rows = {
        "prediction, warm (ms)": median_ms(warm_prediction(), 50),
        f"device tree, {len(blob) // 1000} KB (ms)": median_ms(lambda: parse(blob), 50),
        "memblock, 300 operations (ms)": median_ms(memblock_operations, 50),
        "bootmap predict as a process (ms)": median_ms(process, 10),
    }
    rows["its peak memory (MiB)"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    if arguments.json:
        print(json.dumps(rows))
        return
    for name, value in rows.items():
        print(f"{name:<40} {value:8.2f}")


if __name__ == "__main__":
    main()
