"""The boards that a command is given: files as they are, and of a folder every file in it that describes one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ENDINGS = (".dtb", ".dtb.gz", ".itb")
_OF_A_TREE = ("compatible", "#address-cells")
"""Files of a folder that is a device tree itself, such as /proc/device-tree."""


def board_files(words: Iterable[str]) -> tuple[str, ...]:
    """The boards, each once, in order; a folder without any stays, for its error to be told."""
    return tuple(dict.fromkeys(path for word in words for path in (_of(word) or [word])))


def boards_below(folder: str) -> Iterator[str]:
    """Every file below a folder that describes boards, by its name's end, each folder's in order."""
    for parent, folders, files in os.walk(folder):
        folders.sort()
        yield from (os.path.join(parent, name) for name in sorted(files) if name.endswith(ENDINGS))


def _of(word: str) -> list[str]:
    if not os.path.isdir(word) or any(os.path.isfile(os.path.join(word, name)) for name in _OF_A_TREE):
        return []
    return list(boards_below(word))
