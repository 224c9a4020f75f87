"""What a sweep costs, all in one run: a board in one process, a pool, one process a board, the commit before.

    python benchmarks/bench_sweep.py TREES KERNEL [--before COMMIT] [--curve 100,1000,10000,100000] [--boards 150]

TREES is a folder of device trees, KERNEL one with a configuration and System.map.  Times are of the CPU where one
process works, for other programs may run beside it; of the clock where several do.  ``--before`` alternates with the
same measurement in a checkout of that commit, so that both see the same machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SIZE = 64 << 20
"""RAM of the smallest of the generated boards."""
ROUNDS = 5
"""Each board counts by the best of so many rounds: what is more is other programs' doing."""

# Runs in any commit that has the public interface: CPU seconds to parse, to predict and to check each board.
ONE_PROCESS = """
import glob, json, sys, time, bootmap
kernel = bootmap.Kernel.load(config=sys.argv[2] + "/config.gz", system_map=sys.argv[2] + "/System.map")
files = sorted(glob.glob(sys.argv[1] + "/*.dtb"))[:: int(sys.argv[3])]
blobs = [open(file, "rb").read() for file in files]
times = []
for again in (0, 1):
    for blob in blobs:
        begun = time.process_time()
        board = bootmap.Board.parse(blob)
        then = time.process_time()
        try:
            bootmap.predict(kernel, board)
            predicted = time.process_time()
            bootmap.check(kernel, board, prove=False)
        except bootmap.BootmapError:
            continue
        if again:
            times.append((then - begun, predicted - then, time.process_time() - predicted))
print(json.dumps(times))
"""


def one_process(source: Path, trees: str, kernel: str, step: int) -> list[tuple[float, float, float]]:
    """Seconds to parse, to predict and to check each board that has an answer, the second time round."""
    words = [sys.executable, "-c", ONE_PROCESS, trees, kernel, str(step)]
    environment = {**os.environ, "PYTHONPATH": str(source), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True, cwd=source)
    return [tuple(row) for row in json.loads(done.stdout)]


def swept(trees: str, kernel: str, jobs: int, *, least: int = 0) -> tuple[int, float, float]:
    """Rows, seconds of the clock, MiB of the largest process; ``least`` of the rows must have an answer."""
    with tempfile.TemporaryDirectory() as place:
        words = [
            sys.executable,
            "-m",
            "bootmap",
            "sweep",
            trees,
            "--kernel",
            kernel,
            "--no-cache",
            f"-j{jobs}",
            f"--output={place}/rows.jsonl",
        ]
        begun = time.monotonic()
        subprocess.run(words, check=True, capture_output=True)
        seconds = time.monotonic() - begun
        data = Path(f"{place}/rows.jsonl").read_bytes()
        rows = data.count(b"\n")
        assert data.count(b'"status":"answered"') >= least
    return rows, seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def one_process_a_board(trees: str, kernel: str, count: int) -> float:
    """Seconds of the clock a board, each as a command of its own."""
    files = sorted(Path(trees).glob("*.dtb"))
    files = files[:: max(1, len(files) // count)][:count]
    begun = time.monotonic()
    for file in files:
        words = [
            sys.executable,
            "-m",
            "bootmap",
            "check",
            str(file),
            "--no-proof",
            "--memory",
            "0x10000000,512M",
            "--config",
            f"{kernel}/config.gz",
            "--system-map",
            f"{kernel}/System.map",
        ]
        subprocess.run(words, check=False, capture_output=True)
    return (time.monotonic() - begun) / len(files)


def generated(folder: Path, count: int) -> None:
    """So many boards, each with a size of RAM of its own."""
    sys.path.insert(0, str(ROOT / "tests"))
    from support.trees import Node, blob, cells, text

    root = Node(properties={"#address-cells": cells(1), "#size-cells": cells(1), "compatible": text("virt,board")})
    cpus = root.add("cpus", **{"#address_cells": cells(1), "#size_cells": cells(0)})
    cpus.add("cpu@0", device_type=text("cpu"), compatible=text("arm,cortex-a15"), reg=cells(0))
    reg = cells(0x40000000, SIZE)
    root.add("memory@40000000", device_type=text("memory"), reg=reg)
    pattern = blob(root)
    assert pattern.count(reg) == 1
    for number in range(count):
        mine = cells(0x40000000, SIZE + (number << 12))
        (folder / f"b{number:06}.dtb").write_bytes(pattern.replace(reg, mine))


def shown(values: list[float]) -> str:
    ordered = sorted(values)
    return f"median {1e3 * statistics.median(ordered):.2f} ms, p95 {1e3 * ordered[int(0.95 * len(ordered))]:.2f} ms"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("trees")
    parser.add_argument("kernel")
    parser.add_argument("--before")
    parser.add_argument("--boards", type=int, default=150)
    parser.add_argument("--curve", default="100,1000", help="numbers of generated boards")
    asked = parser.parse_args()
    kernel, asked.trees = str(Path(asked.kernel).resolve()), str(Path(asked.trees).resolve())
    total = len(list(Path(asked.trees).glob("*.dtb")))
    step = max(1, total // asked.boards)
    sides = {"this": ROOT / "src"}
    with tempfile.TemporaryDirectory() as place:
        if asked.before:
            words = ["git", "-C", str(ROOT), "archive", asked.before, "src"]
            archive = subprocess.run(words, check=True, capture_output=True).stdout
            subprocess.run(["tar", "-x", "-C", place], input=archive, check=True)
            sides["before"] = Path(place) / "src"
        best: dict[str, list[tuple[float, ...]]] = {}
        for _ in range(ROUNDS):
            for name, source in sides.items():
                rows = one_process(source, asked.trees, kernel, step)
                known = best.setdefault(name, rows)
                best[name] = [tuple(map(min, one, other)) for one, other in zip(known, rows, strict=True)]
    medians = {}
    for name, boards in best.items():
        parts = [list(part) for part in zip(*boards, strict=True)]
        whole = [parse + predict for parse, predict, _ in boards]
        print(f"{name:>7}: parse {shown(parts[0])}; predict {shown(parts[1])}; both {shown(whole)}")
        print(f"{'':>7}  predict and check, unproven: {shown(parts[2])}")
        medians[name] = [statistics.median(part) for part in parts]
    if asked.before:
        ratios = [before / this for before, this in zip(medians["before"], medians["this"], strict=True)]
        words = zip(ratios, ("to parse", "to predict", "to check"), strict=True)
        print("the commit before takes " + ", ".join(f"{ratio:.2f} times as long {what}" for ratio, what in words))
    for jobs in (1, 2):
        rows, seconds, peak = swept(asked.trees, kernel, jobs)
        print(
            f"sweep with {jobs} workers: {rows} rows in {seconds:.1f} s, {rows / seconds:.0f} a second, {peak:.0f} MiB"
        )
    alone = one_process_a_board(asked.trees, kernel, 12)
    print(f"one process a board: {alone:.2f} s a board, {alone * rows / seconds:.0f} times as long as the sweep")
    for count in map(int, asked.curve.split(",")):
        with tempfile.TemporaryDirectory() as place:
            generated(Path(place), count)
            rows, seconds, peak = swept(place, kernel, 2, least=count)
            print(f"{rows} generated boards: {seconds:.1f} s, {1e3 * seconds / rows:.2f} ms a board, {peak:.0f} MiB")


if __name__ == "__main__":
    main()
