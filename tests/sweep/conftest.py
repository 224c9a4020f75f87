"""A small set of boards that the tests of sweeps share: real trees, generated ones, and files that are none."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from support.sabrelite import BOARD, DATA
from support.trees import Node, blob, cells, text

from bootmap.sweep.store import read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bootmap.sweep.row import Row
    from bootmap.sweep.run import Sweep

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


@contextmanager
def cluster(workers: int = 2) -> Iterator[Any]:
    """A cluster of Dask on this machine."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed (pip install '.[cluster]')")
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as found:
        yield found


def killing_one(found: Any, killed: list[int]) -> Callable[[int, int, str], None]:
    """Told of a sweep's progress, kills a worker of the cluster once there are rows; its pid goes to the list."""

    def told(pairs: int, total: int, note: str) -> None:
        if not killed and pairs > 50:
            victim = next(iter(found.workers.values()))
            killed.append(victim.pid)
            os.kill(victim.pid, signal.SIGKILL)

    return told


def many_boards(folder: Path, count: int) -> Path:
    """A new folder of generated boards."""
    folder.mkdir()
    for number in range(count):
        (folder / f"b{number:05}.dtb").write_bytes(blob(board(size=(64 << 20) + (number << 16))))
    return folder


def checked(sweep: Sweep, output: Path) -> list[Row]:
    """The rows, of which none is lost and none is there twice."""
    rows = list(read_rows(str(output)))
    assert len({row.place for row in rows}) == len(rows) == len(sweep)
    return rows
