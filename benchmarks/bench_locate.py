"""Measure the search for page tables against a plain read of the same file, in one run, and print the ratios.

    benchmarks/bench_locate.py [DUMP...]        given dumps; else 1 GiB of noise with recorded tables in it
    benchmarks/bench_locate.py --json

The plain read is ``os.readv`` into one buffer of 1 MiB, the fastest way to read a file that Python has.  Both are
processor times, the best of several alternating runs, with the file in the page cache, so that a busy machine disturbs
little.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from bootmap.analysis.locate.locate import search  # noqa: E402
from bootmap.image.open import open_image  # noqa: E402
from bootmap.units import GIB, MIB  # noqa: E402

RECORDINGS = ("virt-1g-init-6.1", "virt-1g-init-lpae-6.1")
RUNS = 7


def made_up(path: Path, name: str) -> None:
    """1 GiB: an eighth noise, the rest zeros, as much of a young machine's RAM; and the tables of a recording."""
    doc = json.loads(gzip.decompress((ROOT / f"tests/data/cases/{name}.json.gz").read_bytes()))
    tables = doc["late"]["tables"]
    pages = {tables["pgd"]["pa"]: tables["pgd"]["hex"]}
    for level in ("pmd", "pte"):
        pages |= {int(pa, 16): digits for pa, digits in tables.get(level, {}).items()}
    noise = np.random.default_rng(1).bytes(MIB)
    with path.open("wb") as file:
        for number in range(GIB // MIB):
            file.write(noise if number % 8 == 0 else bytes(MIB))
        for pa, digits in pages.items():
            file.seek(pa - doc["phys_offset"])
            file.write(bytes.fromhex(digits))


def plain_read(path: str) -> float:
    """Seconds that reading the file takes."""
    start = time.process_time()
    descriptor, buffer = os.open(path, os.O_RDONLY), bytearray(MIB)
    while os.readv(descriptor, [buffer]):
        pass
    os.close(descriptor)
    return time.process_time() - start


def measure(path: str) -> dict[str, object]:
    """Times of one dump, and what was found in it."""
    plain, searched = [], []
    with open_image(path) as image:
        for _ in range(RUNS):
            plain.append(plain_read(path))
            start = time.process_time()
            result = search(image.memory, base_known=image.base_known)
            searched.append(time.process_time() - start)
    best = result.best
    return {
        "dump": Path(path).name,
        "root": hex(best.root) if best else None,
        "plain_ms": round(min(plain) * 1e3, 1),
        "locate_ms": round(min(searched) * 1e3, 1),
        "ratio": round(min(plain) / min(searched), 2),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("dumps", nargs="*")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = list(arguments.dumps)
        if not paths:
            for name in RECORDINGS:
                paths.append(f"{folder}/{name}")
                made_up(Path(paths[-1]), name)
        rows = [measure(path) for path in paths]
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'dump':24} {'found':>12} {'plain read':>11} {'locate':>9} {'ratio':>6} {'peak RSS':>9}")
    for row in rows:
        print(
            f"{row['dump']:24} {row['root'] or 'nothing':>12} {row['plain_ms']:>8} ms {row['locate_ms']:>6} ms "
            f"{row['ratio']:>6} {row['peak_rss_mib']:>5} MiB"
        )


if __name__ == "__main__":
    main()
