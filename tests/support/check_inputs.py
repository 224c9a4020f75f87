"""What the tests of ``bootmap check`` share: a kernel, and the programs that sources need."""

from __future__ import annotations

import shutil

import pytest

from support.recordings import DATA

OF_510 = ("--config", DATA / "kernels/v510/config.gz", "--system-map", DATA / "kernels/v510/System.map")
needs_dtc = pytest.mark.skipif(
    shutil.which("dtc") is None or shutil.which("cpp") is None, reason="dtc or cpp is not installed"
)
