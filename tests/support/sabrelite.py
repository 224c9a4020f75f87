"""The board in the repository that the tests of several commands use, as words of a command line."""

from __future__ import annotations

from support.pages import ROOT

DATA = ROOT / "tests" / "data"
BOARD = ROOT / "boards" / "imx6q-sabrelite.dtb"
KERNEL = [
    f"--config={ROOT}/boards/linux-6.1-armmp/config.gz",
    f"--system-map={ROOT}/boards/linux-6.1-armmp/System.map",
    "--phys-offset=0x10000000",
]
