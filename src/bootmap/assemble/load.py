"""Board and kernel in one go, from the options of the command line by their names.

What the kernel is comes from a build tree, a kernel file, a configuration and symbols; where nothing says it, or only
its version or its defconfig, from a typical kernel, and that is noted as an assumption.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from bootmap.assemble.board import Board
from bootmap.assemble.kernel import Kernel, read_config_of, symbols_of
from bootmap.assemble.whatif import apply_whatifs
from bootmap.errors import InputError, UsageError
from bootmap.inputs.kernel_file import KernelFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.assemble.board_file import BoardFile

KERNEL_OPTIONS = ("config", "system_map", "image", "version", "features", "build", "defconfig", "vmsplit", "highmem")
"""Options that describe the kernel; every other one is an attribute of `Board` or an argument of `Board.load`."""
_IN_BUILD = (("config", ".config"), ("system_map", "System.map"))
_IMAGES = ("arch/arm/boot/zImage", "vmlinux", "arch/arm/boot/Image")


def load(board: str, *, typical: bool = False, **options: Any) -> tuple[Kernel, Board]:
    """Read a board, then its kernel.

    A file that is named as the zImage is the kernel file too where no other is.

    Args:
        board: the board's file.
        typical: take a typical kernel where nothing says which it is.
        options: arguments of :meth:`Kernel.load` and :meth:`Board.load`; and ``build``, a kernel's build tree,
            ``defconfig``, the name of a typical kernel, ``vmsplit`` and ``highmem``, what if it were built so.

    Raises:
        BootmapError: something cannot be read or is missing.
    """
    of_kernel = {name: options.pop(name) for name in KERNEL_OPTIONS if name in options}
    loaded = Board.load(board, **options)
    if typical:
        from bootmap.assemble.usual_ram import with_usual_ram

        loaded = with_usual_ram(loaded)
    return kernel_for(loaded, typical=typical, **of_kernel), loaded


def load_boards(path: str, *, typical: bool = True, **options: Any) -> list[tuple[Kernel, Board]]:
    """The same for every board that a file describes: each configuration of a FIT image.

    Raises:
        BootmapError: as for :func:`load`.
    """
    from bootmap.assemble.board_file import read_boards
    from bootmap.assemble.usual_ram import with_usual_ram

    of_kernel = {name: options.pop(name) for name in KERNEL_OPTIONS if name in options}
    overlays, memory = tuple(options.pop("overlays", ())), tuple(options.pop("memory", ()))
    found = []
    for each in read_boards(path, overlays, memory):
        board = with_usual_ram(Board.of_file(each, **options))
        found.append((kernel_for(board, each, typical=typical, **of_kernel), board))
    return found


def load_kernel(**options: Any) -> Kernel:
    """A kernel from its files alone; what they lack is taken from a typical one.

    Args:
        options: those of :func:`load` that describe the kernel.

    Raises:
        BootmapError: as for :func:`load`.
    """
    return kernel_for(None, typical=True, **options)


def kernel_for(
    board: Board | None,
    read: BoardFile | None = None,
    *,
    typical: bool = False,
    build: str | None = None,
    defconfig: str | None = None,
    vmsplit: str | None = None,
    highmem: bool | None = None,
    version: str | None = None,
    features: Iterable[str] = (),
    **files: Any,
) -> Kernel:
    """The kernel of a board; arguments as for :func:`load`.

    Raises:
        BootmapError: as for :func:`load`.
    """
    image = files.get("image")
    if image is None and board is not None and isinstance(board.zimage, KernelFile):
        files["image"] = board.zimage
    elif image is None and read is not None and read.kernel is not None:
        from bootmap.inputs.zimage import parse_kernel

        files["image"] = parse_kernel(read.kernel, read.name)
    if build is not None:
        files = {**_of_build(build), **{name: value for name, value in files.items() if value is not None}}
    given = [name for name in ("config", "system_map", "image") if files.get(name) is not None]
    if defconfig is None and not typical:
        kernel = Kernel.load(version=version, features=features, **files)
    else:
        kernel = _completed(board, given, version, defconfig, features, files)
    return apply_whatifs(kernel, vmsplit, highmem)


def _completed(
    board: Board | None,
    given: list[str],
    version: str | None,
    defconfig: str | None,
    features: Iterable[str],
    files: Any,
) -> Kernel:
    """The kernel as it is given where that is all that is needed, else what is missing from a typical one."""
    from bootmap.assemble.kernel import check_symbols, read_image
    from bootmap.assemble.profiles import profile

    if not given:
        return profile(board, version, defconfig, features)
    file = read_image(files.get("image"))
    config = read_config_of(files.get("config"), file)
    symbols = symbols_of(files.get("system_map"), file)
    if config is not None and symbols is not None:
        return Kernel.load(version=version, features=features, **{**files, "image": file})
    if version is None and config is None and file is not None and file.version is not None:
        version = str(file.version)
    kernel = profile(board, version, defconfig, features, config, symbols, file)
    if symbols is not None:
        check_symbols(kernel.model(), str(files.get("system_map") or ""))
    return kernel


def _of_build(folder: str) -> dict[str, str]:
    """The files of a kernel's build tree.

    Raises:
        InputError: the folder has neither a configuration nor a kernel.
    """
    if not os.path.isdir(folder):
        raise UsageError(f"--build {folder}: no such folder; a kernel's build tree was expected")
    found = {option: os.path.join(folder, name) for option, name in _IN_BUILD}
    found = {option: path for option, path in found.items() if os.path.isfile(path)}
    image = next((path for name in _IMAGES if os.path.isfile(path := os.path.join(folder, name))), None)
    if image is not None:
        found["image"] = image
    if not found:
        raise InputError("has no .config, System.map, vmlinux or zImage: no kernel was built there", file=folder)
    return found
