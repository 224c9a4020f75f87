"""The kernels of a sweep: a folder with a configuration and System.map, a build tree, a package, a file, a profile."""

from __future__ import annotations

import hashlib
import os
import re
from glob import glob
from typing import TYPE_CHECKING

from msgspec import Struct

import bootmap
from bootmap.errors import InputError, UsageError
from bootmap.shown import Shown

if TYPE_CHECKING:
    from bootmap import Board, Kernel

_CONFIGS = ("config.gz", "config", ".config", "boot/config-*", "config-*", "usr/lib/linux/config-*")
_MAPS = ("System.map", "boot/System.map-*", "System.map-*", "usr/lib/linux/System.map-*")
_IMAGES = ("vmlinux", "arch/arm/boot/zImage", "zImage", "boot/vmlinuz-*", "vmlinuz-*", "usr/lib/modules/*/vmlinuz")
_STUB = 8
"""A System.map of fewer lines is a distribution's note that the real one is elsewhere."""
_TREES = ("usr/lib/linux-image-*", "usr/lib/modules/*/dtb", "lib/firmware/*/device-tree", "dtbs", "arch/arm/boot/dts")
_PLAIN = ("dtb", "dtbs", "dts", "device-tree")
_PROFILE = re.compile(r"(?:(\w+)@)?(\d+\.\d+(?:\.\d+)?)|(\w+)")


class SweepKernel(Shown, Struct, frozen=True):
    """A kernel of a sweep.

    Attributes:
        name: what rows call it.
        kernel: the kernel; None for a typical one, chosen for each board.
        version: of a typical one, its version; None for the usual one.
        hash: SHA-256 of what the kernel is.
    """

    name: str
    kernel: Kernel | None
    version: str | None
    hash: str

    def of(self, board: Board) -> Kernel:
        """The kernel for ``board``."""
        if self.kernel is not None:
            return self.kernel
        return bootmap.typical_kernel(board, self.version)


def open_kernel(text: str) -> SweepKernel:
    """The kernel that ``text`` names: ``[NAME=]FOLDER``, a kernel file, or a profile.

    A profile is a defconfig (``multi_v7``), with a version (``multi_v7@6.12``), or a version alone: the typical
    defconfig of each board's SoC then.

    Raises:
        UsageError: there is no such folder, file or profile.
        BootmapError: what it names cannot be read.

    >>> open_kernel("multi_v7@6.1").kernel
    <Kernel Linux 6.1, short descriptors, PAGE_OFFSET 0xc0000000>
    """
    name, equals, where = text.partition("=")
    if not equals or os.path.exists(text):
        name, where = "", text
    if os.path.isdir(where):
        kernel = _of_folder(where)
        return SweepKernel(name or folder_name(where), kernel, None, kernel_hash(kernel))
    if os.path.isfile(where):
        kernel = bootmap.Kernel.load(image=where)
        return SweepKernel(name or os.path.basename(where), kernel, None, kernel_hash(kernel))
    found = _PROFILE.fullmatch(where)
    if found is None:
        raise UsageError(f"--kernel {text}: no such folder or file, and no profile such as multi_v7@6.12")
    defconfig, version, alone = found.groups()
    if defconfig is None and alone is None:
        return SweepKernel(name or where, None, version, _digest(f"typical {version}"))
    try:
        kernel = bootmap.typical_kernel(None, version, defconfig or alone)
    except UsageError as error:
        raise UsageError(f"--kernel {text}: no such folder or file; {error}") from None
    return SweepKernel(name or where, kernel, None, kernel_hash(kernel))


def trees_of(folder: str) -> str | None:
    """The folder of device trees that a kernel's package or build tree brings; None without one."""
    for pattern in _TREES:
        for found in sorted(glob(os.path.join(glob_escape(folder), pattern))):
            if os.path.isdir(found):
                return found
    return None


def has_kernel(folder: str) -> bool:
    """Whether ``folder`` looks like a kernel's."""
    return any(_matching(folder, patterns) for patterns in (_CONFIGS, _MAPS))


def folder_name(path: str) -> str:
    """The last part of a folder's path that tells it from others."""
    above, name = os.path.split(os.path.abspath(path))
    return os.path.basename(above) if name in _PLAIN else name


def glob_escape(folder: str) -> str:
    """The folder's name as a pattern that matches it alone."""
    return re.sub(r"([*?[])", r"[\1]", folder)


def _of_folder(folder: str) -> Kernel:
    """The kernel whose files are there: real symbols where there are any, else those of a kernel of its size."""
    files = {}
    for option, patterns in (("config", _CONFIGS), ("system_map", _MAPS), ("image", _IMAGES)):
        found = _matching(folder, patterns)
        if len(found) > 1:
            names = ", ".join(os.path.relpath(file, folder) for file in found)
            raise InputError(f"has {len(found)} kernels ({names}): name the folder of one", file=folder)
        if found and not (option == "system_map" and _is_stub(found[0])):
            files[option] = found[0]
    if "config" not in files and "image" not in files:
        raise InputError(f"has no kernel: expected one of {', '.join((*_CONFIGS, *_IMAGES))}", file=folder)
    if "config" in files and "system_map" in files:
        files.pop("image", None)
    return bootmap.load_kernel(**files)


def _is_stub(system_map: str) -> bool:
    with open(system_map, "rb") as stream:
        return stream.read(1 << 16).count(b"\n") < _STUB


def _matching(folder: str, patterns: tuple[str, ...]) -> list[str]:
    for pattern in patterns:
        files = [file for file in sorted(glob(os.path.join(glob_escape(folder), pattern))) if os.path.isfile(file)]
        if files:
            return files
    return []


def kernel_hash(kernel: Kernel) -> str:
    """SHA-256 of version, options, symbols and overrides: of what an answer hangs on."""
    parts = [repr((kernel.version, kernel.sublevel, sorted(kernel.overrides.items())))]
    parts += [f"{name}={kernel.config[name]}" for name in sorted(kernel.config)]
    parts += [f"{name} {kernel.symbols[name]:x}" for name in sorted(kernel.symbols)]
    parts += [str(each) for each in kernel.assumptions]
    return _digest("\n".join(parts))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
