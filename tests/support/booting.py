"""Real kernels for the tests that boot one: in the folder BOOTMAP_KERNELS, or in .kernels (`make kernels`)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.schemas import hold_text

REPOSITORY = Path(__file__).parents[2]
KERNELS = Path(os.environ.get("BOOTMAP_KERNELS", REPOSITORY / ".kernels"))
TREES = REPOSITORY / "tests" / "data" / "dtb"
FINDINGS = REPOSITORY / "boards" / "findings"


def kernel(key: str) -> str:
    """The folder of the kernel ``key``; the test is skipped where it, or QEMU, is not there."""
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed")
    if not (KERNELS / key / "zImage").exists():
        pytest.skip(f"no kernel in {KERNELS / key}: `make kernels` fetches it")
    return str(KERNELS / key)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bootmap", *arguments]


def bootmap(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """A finished ``bootmap``; a JSON document that it printed is what its schema says."""
    done: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]
        command(*arguments), capture_output=True, text=True, check=False, **options
    )
    hold_text(done.stdout)
    return done
