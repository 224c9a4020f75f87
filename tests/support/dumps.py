"""Dumps that QEMU makes of a Debian kernel."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from support.booting import kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

MACHINE = ["qemu-system-arm", "-M", "virt", "-cpu", "cortex-a15", "-m", "256", "-display", "none", "-nic", "none"]


def dumped(folder: Path, key: str, asked: Sequence[str] = ()) -> str:
    """Write ``vmcore`` of a kernel that found no root file system, with its System.map and configuration beside it.

    Args:
        folder: where.
        key: the kernel.
        asked: commands of QEMU's monitor.

    Returns:
        What the monitor said.
    """
    own = Path(kernel(key))
    for name in ("config.gz", "System.map"):
        (folder / name).symlink_to(own / name)
    console = folder / "console"
    command = [*MACHINE, "-kernel", str(own / "zImage"), "-append", "console=ttyAMA0"]
    command += ["-serial", f"file:{console}", "-monitor", "stdio"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        deadline = time.monotonic() + 600
        while not (console.exists() and b"end Kernel panic" in console.read_bytes()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        typed = ["stop", f"dump-guest-memory {folder}/vmcore", *asked, "quit", ""]
        said, _ = process.communicate("\n".join(typed), timeout=120)
    finally:
        process.kill()
        process.wait()
    return said


def machine_tree(folder: Path, key: str) -> None:
    """Write the device tree that QEMU gives this machine as ``virt.dtb``."""
    command = [*MACHINE, "-kernel", str(Path(kernel(key)) / "zImage"), "-append", "console=ttyAMA0"]
    command[2] = f"virt,dumpdtb={folder / 'virt.dtb'}"
    subprocess.run(command, check=True, capture_output=True)
