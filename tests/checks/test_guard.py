"""Trees that boot: the rules must find no error in them.  docs/check.md has all 898 of Debian's package."""

from __future__ import annotations

import pytest
from support.booting import KERNELS
from support.recordings import DATA, loaded_kernel

import bootmap
from bootmap.facts.audit_rules import Severity

KNOWN = {
    "raspi2b": {"memory-over-devices"},
    "bcm2836-rpi-2-b": {"memory-over-devices"},  # 1 GiB in the tree; the firmware cuts it at the peripherals
}
TREES = sorted([*(DATA / "dtb").glob("*.dtb"), *(KERNELS / "deb-6.1").glob("*.dtb")])


@pytest.mark.parametrize("path", TREES, ids=lambda path: path.stem)
def test_no_error_in_a_tree_that_boots(path: object) -> None:
    """With a typical kernel for its core, and where it is an ARMv7 board with Debian's."""
    (kernel, board), *_ = bootmap.load_boards(str(path))
    results = [bootmap.check(kernel, board, prove=False)]
    if results[0].cpu.pte == "v7" and results[0].cpu.name != "armv7":
        results.append(bootmap.check(loaded_kernel("deb-6.1"), board, prove=False))
    known = next((ids for name, ids in KNOWN.items() if name in str(path)), set())
    for result in results:
        errors = [found for found in result.findings if found.severity is Severity.ERROR and found.id not in known]
        assert not errors, [(found.id, found.cause) for found in errors]
        assert result.outcome.verdict is not bootmap.Verdict.DIES or known
