"""What the tests of ``bootmap check`` share: kernels, and the programs that sources need."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from support.recordings import DATA

if TYPE_CHECKING:
    from pathlib import Path


def _of(key: str) -> tuple[str | Path, ...]:
    folder = DATA / "kernels" / key
    return "--config", folder / "config.gz", "--system-map", folder / "System.map"


OF_510 = _of("v510")
MARVELL = _of("deb-6.1-marvell")
needs_dtc = pytest.mark.skipif(
    shutil.which("dtc") is None or shutil.which("cpp") is None, reason="dtc or cpp is not installed"
)
