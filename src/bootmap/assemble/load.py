"""Board and kernel in one go, from the options of the command line by their names."""

from __future__ import annotations

from typing import Any

from bootmap.assemble.board import Board
from bootmap.assemble.kernel import Kernel
from bootmap.inputs.kernel_file import KernelFile

KERNEL_OPTIONS = ("config", "system_map", "image", "version", "features")
"""Arguments of `Kernel.load`; every other option is an attribute of `Board`."""


def load(board: str, **options: Any) -> tuple[Kernel, Board]:
    """Read a board, then its kernel.

    A file that is named as the zImage is the kernel file too where no other is.

    Args:
        board: the board's file.
        options: arguments of :meth:`Kernel.load` and :meth:`Board.load`.

    Raises:
        BootmapError: something cannot be read or is missing.
    """
    of_kernel = {name: options.pop(name) for name in KERNEL_OPTIONS if name in options}
    loaded = Board.load(board, **options)
    if of_kernel.get("image") is None and isinstance(loaded.zimage, KernelFile):
        of_kernel["image"] = loaded.zimage
    return Kernel.load(**of_kernel), loaded
