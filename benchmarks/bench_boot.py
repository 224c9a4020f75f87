"""Measure a prediction against a boot of the same kernel under QEMU, up to the end of paging_init.

    benchmarks/bench_boot.py KERNEL        a zImage with its configuration and System.map beside it, or a build tree

Both are given the same board: 1 GiB, QEMU's machine virt.  The boot is timed from QEMU's start; its decompressor runs,
as on a board.  Compare within one run: the machine is shared.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

import bootmap  # noqa: E402
from bootmap.facts.machines.qemu import MACHINES_BY_NAME  # noqa: E402
from bootmap.units import GIB, MIB  # noqa: E402
from bootmap.verify.guest import Handed, Setup, decompressed  # noqa: E402
from bootmap.verify.load import load_kernel  # noqa: E402

VIRT = ROOT / "tests/data/dtb/virt.dtb"
TIMEOUT = 60.0


def main() -> None:
    """Time both, several times, and print medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernel")
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    kernel = load_kernel(arguments.kernel)
    model = kernel.model()
    blob, machine = VIRT.read_bytes(), MACHINES_BY_NAME["virt"]
    setup = Setup(machine, GIB)
    base, dtb_at = machine.ram_base, machine.ram_base + 128 * MIB
    loaded = bootmap.Kernel(kernel.version, kernel.sublevel, kernel.config, kernel.symbols, kernel.overrides, None)

    def predict() -> None:
        board = bootmap.Board.parse(blob, cpu="cortex-a15", dtb_addr=dtb_at, phys_offset=base)
        assert bootmap.predict(loaded, board).outcome.verdict is bootmap.Verdict.BOOTS

    zimage = arguments.kernel if Path(arguments.kernel).is_file() else f"{arguments.kernel}/zImage"
    if not Path(zimage).is_file():
        zimage = f"{arguments.kernel}/arch/arm/boot/zImage"

    def real() -> None:
        with decompressed(setup, zimage, Handed(blob, dtb_at), base, model.text_offset) as guest:
            guest.machine.run_until(kernel.symbols["paging_init"], timeout=TIMEOUT)
            back = guest.machine.gdb.read_register("lr") & ~1
            guest.machine.run_until(back, timeout=TIMEOUT)

    medians = {}
    predict()
    for name, work in (("prediction, warm", predict), ("boot under QEMU", real)):
        times = []
        for _ in range(arguments.repeat):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        medians[name] = statistics.median(times) * 1e3
        print(f"{name:<40} {medians[name]:10.2f} ms")
    print(f"{'ratio':<40} {medians['boot under QEMU'] / medians['prediction, warm']:10.0f}")


if __name__ == "__main__":
    main()
