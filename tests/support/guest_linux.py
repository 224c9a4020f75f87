"""A guest with a userland: a kernel of .kernels, busybox in an initramfs, and what a script prints on the console."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import pytest

from bootmap.verify.loader.userland import initramfs
from support.booting import KERNELS, kernel

_INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /tmp /sbin /usr/bin
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t debugfs debugfs /sys/kernel/debug
/bin/busybox --install -s /bin
hostname secret-host
sh /script.sh {arguments}
poweroff -f
"""


def console_of(key: str, script: str, tmp_path: Path, *, arguments: str = "", append: str = "") -> str:
    """What the console shows while kernel ``key`` boots on QEMU's virt and runs ``script`` with busybox."""
    folder = Path(kernel(key))
    busybox = KERNELS / "busybox"
    if not busybox.exists():
        pytest.skip("no busybox for ARM in .kernels: `make kernels` fetches it")
    config = gzip.decompress((folder / "config.gz").read_bytes())
    release = re.search(rb"Linux/arm (\S+) Kernel", config)
    files = {
        "init": _INIT.format(arguments=arguments).encode(),
        "bin/busybox": busybox.read_bytes(),
        "script.sh": script.encode(),
        "boot/config": config,
        "boot/System.map": (folder / "System.map").read_bytes(),
    }
    assert release is not None
    image = tmp_path / "initramfs"
    image.write_bytes(initramfs(files))
    command = [
        "qemu-system-arm",
        "-M",
        "virt",
        "-cpu",
        "cortex-a7",
        "-m",
        "512",
        "-nic",
        "none",
        "-nographic",
        "-no-reboot",
        "-kernel",
        str(folder / "zImage"),
        "-initrd",
        str(image),
        "-append",
        f"console=ttyAMA0 loglevel=3 {append}",
    ]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False, stdin=subprocess.DEVNULL)
    return done.stdout.decode("utf-8", "replace")
