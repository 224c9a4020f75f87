"""A device tree as a folder, as Linux shows it in /proc/device-tree: a folder a node, a file a property.

Source: fs/proc/proc_devicetree.c, drivers/of/kobj.c.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bootmap.errors import InputError
from bootmap.inputs.fdt_writer import MadeNode, flatten
from bootmap.inputs.fs import file_name
from bootmap.units import MIB

if TYPE_CHECKING:
    from pathlib import Path

_MOST_FILES = 100_000
_LARGEST = MIB
_DEEPEST = 64


def read_folder(path: str | Path) -> bytes:
    """The blob of the tree in a folder; its reservations are not there, as Linux does not show them.

    Raises:
        InputError: it cannot be read, or is no device tree.
    """
    left = [_MOST_FILES]
    root = _node(str(path), "", 0, left, str(path))
    if "compatible" not in root.properties and "#address-cells" not in root.properties:
        raise InputError("is no device tree: a folder as /proc/device-tree was expected", file=file_name(path))
    return flatten(root)


def _node(path: str, name: str, depth: int, left: list[int], top: str) -> MadeNode:
    if depth > _DEEPEST:
        raise InputError(f"is nested deeper than {_DEEPEST} folders", file=file_name(top))
    node = MadeNode(name)
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        for entry in entries:
            left[0] -= 1
            if left[0] < 0:
                raise InputError(f"has more than {_MOST_FILES} files", file=file_name(top))
            if entry.is_dir(follow_symlinks=False):
                node.children.append(_node(entry.path, entry.name, depth + 1, left, top))
            elif entry.is_file() and entry.name != "name":
                with open(entry.path, "rb") as stream:
                    value = stream.read(_LARGEST + 1)
                if len(value) > _LARGEST:
                    raise InputError(f"{entry.name} is larger than any property", file=file_name(top))
                node.properties[entry.name] = value
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file_name(path)) from None
    return node
