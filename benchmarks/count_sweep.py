"""Instructions that a sweep's row takes, counted by callgrind: the same however much else the machine does.

    python benchmarks/count_sweep.py TREES KERNEL [--before COMMIT] [--boards 12]

TREES is a folder of device trees, KERNEL one with a configuration and System.map.  Each count is the difference of two
runs that differ in rounds only, so that starting Python and reading the kernel are not in it.  ``--before`` counts the
same in a checkout of that commit, over the same boards.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = (1, 3)

# Runs in any commit since rows are worked out in batches: what is counted, so many rounds of it.
COUNTED = """
import gc, glob, sys
trees, kernel, boards, what, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
import bootmap
from bootmap.sweep.limits import Limits
from bootmap.sweep.run import Sweep
from bootmap.sweep.work import Bench, work
files = sorted(glob.glob(trees + "/*.dtb"))
sweep = Sweep.of(files[:: max(1, len(files) // boards)][:boards], [kernel])
tasks = list(sweep.tasks())
bench = Bench(sweep.kernels, sweep.settings, Limits(0, 0))
of = next(iter(sweep.kernels.values())).kernel
gc.disable()

def predict():
    for task in tasks:
        board = bootmap.Board.parse(task.data)
        try:
            bootmap.predict(of, board)
        except bootmap.BootmapError:
            pass

def parse():
    for task in tasks:
        bootmap.Board.parse(task.data)

run = {"parse": parse, "predict": predict, "row": lambda: work(tasks, bench)}[what]
run()  # what is made once and kept
for _ in range(rounds):
    run()
"""


def instructions(source: Path, words: list[str], rounds: int) -> int:
    """Instructions of one run."""
    with tempfile.NamedTemporaryFile() as out:
        run = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}", sys.executable, "-c", COUNTED]
        environment = {
            **os.environ,
            "PYTHONPATH": str(source),
            "PYTHONHASHSEED": "0",
            "PYTHONMALLOC": "pymalloc",
            "OPENBLAS_NUM_THREADS": "1",
        }
        done = subprocess.run([*run, *words, str(rounds)], env=environment, capture_output=True, text=True, check=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found is not None, done.stderr
    return int(found[1])


def per_row(source: Path, trees: str, kernel: str, boards: int, what: str) -> float:
    """Millions of instructions a board."""
    words = [trees, kernel, str(boards), what]
    few, many = (instructions(source, words, rounds) for rounds in ROUNDS)
    return (many - few) / (ROUNDS[1] - ROUNDS[0]) / boards / 1e6


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("trees")
    parser.add_argument("kernel")
    parser.add_argument("--before")
    parser.add_argument("--boards", type=int, default=12)
    asked = parser.parse_args()
    trees, kernel = (str(Path(each).resolve()) for each in (asked.trees, asked.kernel))
    with tempfile.TemporaryDirectory() as place:
        sides = {"this": ROOT / "src"}
        if asked.before:
            words = ["git", "-C", str(ROOT), "archive", asked.before, "src"]
            archive = subprocess.run(words, check=True, capture_output=True).stdout
            subprocess.run(["tar", "-x", "-C", place], input=archive, check=True)
            sides["before"] = Path(place) / "src"
        for what in ("parse", "predict", "row"):
            counts = {name: per_row(source, trees, kernel, asked.boards, what) for name, source in sides.items()}
            ratio = f"; {counts['before'] / counts['this']:.2f} times as many before" if asked.before else ""
            words = ", ".join(f"{name} {count:.2f}" for name, count in counts.items())
            print(f"{what:>8}: {words} million instructions a board{ratio}", flush=True)


if __name__ == "__main__":
    main()
