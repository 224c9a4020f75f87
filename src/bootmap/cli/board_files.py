"""The boards that a command is given: files as they are, and of a folder every file in it that describes one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ENDINGS = (".dtb", ".dtb.gz", ".itb")
_OF_A_TREE = ("compatible", "#address-cells")
"""Files of a folder that is a device tree itself, such as /proc/device-tree."""


def board_files(words: Iterable[str]) -> tuple[str, ...]:
    """The boards, each once, in order; a folder without any stays, for its error to be told."""
    return tuple(dict.fromkeys(path for word in words for path in (list(_below(word)) or [word])))


def _below(word: str) -> Iterator[str]:
    if not os.path.isdir(word) or any((Path(word) / name).is_file() for name in _OF_A_TREE):
        return
    for parent, folders, files in os.walk(word):
        folders.sort()
        yield from (str(Path(parent) / name) for name in sorted(files) if name.endswith(_ENDINGS))
