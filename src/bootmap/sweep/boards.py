"""The boards of a sweep: files, folders of files, patterns."""

from __future__ import annotations

import os
from glob import glob
from typing import TYPE_CHECKING

from msgspec import Struct

import bootmap
from bootmap.errors import UsageError
from bootmap.shown import Shown
from bootmap.sweep.kernels import folder_name, trees_of

if TYPE_CHECKING:
    from collections.abc import Iterable


class BoardPath(Shown, Struct, frozen=True):
    """A file that describes a board.

    Attributes:
        name: what rows call it: the path below the folder that was swept.
        trees: the name of that folder; "" for a file that was named itself.
        path: the file.
    """

    name: str
    trees: str
    path: str


def find_boards(words: Iterable[str]) -> list[BoardPath]:
    """The boards of folders (every .dtb, .dtb.gz and .itb below them), files and patterns, in order of names.

    A kernel's package or build tree stands for the folder of device trees in it.

    Raises:
        UsageError: a word names nothing.
    """
    found: dict[str, BoardPath] = {}
    for word in words:
        if os.path.isdir(word):
            here = list(_below(word))
        else:
            paths = [word] if os.path.exists(word) else sorted(glob(word, recursive=True))
            if not paths:
                raise UsageError(f"{word}: no such file or folder")
            here = [BoardPath(os.path.basename(path), "", path) for path in paths if os.path.isfile(path)]
            names = [each.name for each in here]
            if len(set(names)) < len(names):
                here = [BoardPath(each.path, "", each.path) for each in here]
        if not here:
            raise UsageError(f"{word}: holds no device tree ({', '.join(bootmap.BOARD_ENDINGS)})")
        found.update((os.path.realpath(each.path), each) for each in here)
    return sorted(found.values(), key=lambda each: (each.trees, each.name))


def _below(folder: str) -> Iterable[BoardPath]:
    root = trees_of(folder) or folder
    for path in bootmap.boards_below(root):
        yield BoardPath(os.path.relpath(path, root), folder_name(root), path)
