"""A guest with a userland: a kernel of .kernels, busybox in an initramfs, and what a script prints on the console."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import pytest

from support.booting import KERNELS, kernel

_S_IFDIR, _S_IFREG, _S_IFCHR = 0o040000, 0o100000, 0o020000
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


def _member(name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    """One file of a cpio archive (newc)."""
    path = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + path
    head += bytes(-len(head) % 4)
    return head + data + bytes(-len(data) % 4)


def initramfs(files: dict[str, bytes]) -> bytes:
    """A compressed archive of ``files`` by path, folders and a console added."""
    folders = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    parts = [_member(folder, _S_IFDIR | 0o755) for folder in sorted(folders | {"dev", "proc", "sys", "tmp"})]
    parts.append(_member("dev/console", _S_IFCHR | 0o600, device=(5, 1)))
    parts += [_member(name, _S_IFREG | 0o755, data) for name, data in files.items()]
    return gzip.compress(b"".join(parts) + _member("TRAILER!!!", 0), 6)


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
        "qemu-system-arm", "-M", "virt", "-cpu", "cortex-a7", "-m", "512", "-nic", "none", "-nographic", "-no-reboot",
        "-kernel", str(folder / "zImage"), "-initrd", str(image),
        "-append", f"console=ttyAMA0 loglevel=3 {append}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=300, check=False, stdin=subprocess.DEVNULL)
    return done.stdout.decode("utf-8", "replace")
