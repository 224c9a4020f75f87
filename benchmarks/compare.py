"""Two states of the code, measured in turns in one run: the best of each and their ratio.

    git worktree add ../before COMMIT
    benchmarks/compare.py ../before [--rounds 5]

Machines are shared and noisy: only the ratio means something.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent


def measured(tree: Path) -> dict[str, float]:
    """The table of benchmarks/bench.py in ``tree``, with this Python."""
    command = [sys.executable, str(tree / "benchmarks" / "bench.py"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tree)
    rows: dict[str, float] = json.loads(done.stdout)
    return rows


def main() -> None:
    """Measure both in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="a checkout of the commit to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    before: list[dict[str, float]] = []
    after: list[dict[str, float]] = []
    for _ in range(arguments.rounds):
        before.append(measured(arguments.before.resolve()))
        after.append(measured(HERE))
    print(f"{'':<40} {'before':>8} {'after':>8} {'ratio':>6}")
    for name in after[0]:
        old, new = (min(rows[name] for rows in side) for side in (before, after))
        print(f"{name:<40} {old:8.2f} {new:8.2f} {new / old:6.2f}")


if __name__ == "__main__":
    main()
