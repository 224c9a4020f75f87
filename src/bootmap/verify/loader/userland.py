"""A Linux userland in an initramfs: busybox, kexec and its libraries, what they work on, and a script.

Nothing of it is built or kept here: the programs are Debian's, for ARM (``tools/fetch-kernels`` unpacks them).
"""

from __future__ import annotations

import gzip
from pathlib import Path

from bootmap.errors import ToolMissingError
from bootmap.inputs.fs import read_file

_S_IFDIR, _S_IFREG, _S_IFCHR = 0o040000, 0o100000, 0o020000
_INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox --install -s /bin
export LD_LIBRARY_PATH=/lib
sh /script.sh
poweroff -f
"""
_MISSING = "`tools/fetch-kernels FOLDER` fetches Debian's into FOLDER; give FOLDER with --loader-file"


def _member(name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    """One file of a cpio archive (newc)."""
    path = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + path
    head += bytes(-len(head) % 4)
    return head + data + bytes(-len(data) % 4)


def initramfs(files: dict[str, bytes], level: int = 6) -> bytes:
    """A compressed archive of ``files`` by path, folders and a console added."""
    folders = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    parts = [_member(folder, _S_IFDIR | 0o755) for folder in sorted(folders | {"dev", "proc", "sys", "tmp"})]
    parts.append(_member("dev/console", _S_IFCHR | 0o600, device=(5, 1)))
    parts += [_member(name, _S_IFREG | 0o755, data) for name, data in files.items()]
    return gzip.compress(b"".join(parts) + _member("TRAILER!!!", 0), level, mtime=0)


def with_kexec(folder: Path, script: str, files: dict[str, bytes]) -> bytes:
    """An initramfs whose init runs ``script`` in a shell, with kexec in /bin.

    Args:
        folder: what tools/fetch-kernels filled: ``busybox``, and ``kexec/`` with the program and its libraries.
        script: for busybox's shell.
        files: further files by path.

    Raises:
        ToolMissingError: a program is not there.
        InputError: a file cannot be read.
    """
    busybox, programs = folder / "busybox", folder / "kexec"
    if not busybox.is_file() or not (programs / "kexec").is_file():
        raise ToolMissingError(f"{folder}: has no busybox and kexec/kexec for ARM; {_MISSING}")
    whole = {"init": _INIT.encode(), "script.sh": script.encode(), "bin/busybox": read_file(str(busybox))}
    for path in sorted(programs.iterdir()):
        whole[f"{'bin' if path.name == 'kexec' else 'lib'}/{path.name}"] = read_file(str(path))
    return initramfs(whole | files, level=1)
