"""A small set of boards that the tests of sweeps share: real trees, generated ones, and files that are none."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from support.sabrelite import BOARD, DATA
from support.trees import Node, blob, cells, text

if TYPE_CHECKING:
    from pathlib import Path

KERNEL_61 = DATA / "kernels" / "deb-6.1"
KERNEL_612 = DATA / "kernels" / "deb-6.12"


def board(
    compatible: str = "virt,board", size: int = 512 << 20, *, memory: bool = True, base: int = 0x40000000
) -> Node:
    """A tree with one Cortex-A15 and, unless told otherwise, one bank of RAM."""
    root = Node(properties={"#address-cells": cells(1), "#size-cells": cells(1), "compatible": text(compatible)})
    root.properties["model"] = text(f"A board, {size >> 20} MiB")
    cpus = root.add("cpus", **{"#address_cells": cells(1), "#size_cells": cells(0)})
    cpus.add("cpu@0", device_type=text("cpu"), compatible=text("arm,cortex-a15"), reg=cells(0))
    if memory:
        root.add(f"memory@{base:x}", device_type=text("memory"), reg=cells(base, size))
    return root


@pytest.fixture
def boards(tmp_path: Path) -> Path:
    """A folder: a real board, twelve generated ones, one without RAM, one of an unknown SoC, one that is no tree."""
    folder = tmp_path / "boards"
    (folder / "more").mkdir(parents=True)
    shutil.copy(BOARD, folder / "imx6q-sabrelite.dtb")
    for number in range(12):
        (folder / f"board-{number:02}.dtb").write_bytes(blob(board(size=(64 + 16 * number) << 20)))
    (folder / "more" / "without-ram.dtb").write_bytes(blob(board("x,y\0fsl,imx6q", memory=False)))
    (folder / "more" / "nobody-knows.dtb").write_bytes(blob(board("no,such-soc", memory=False)))
    (folder / "broken.dtb").write_bytes(b"\xd0\x0d\xfe\xed" + bytes(60))
    return folder
