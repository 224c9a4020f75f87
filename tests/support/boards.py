"""Small boards for the rules of check, as public reports describe them, and the kernels that stand in for theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

import bootmap
from bootmap.assemble.whatif import with_options
from support.recordings import loaded_kernel
from support.trees import Node, blob, board, cells, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MIB = 1 << 20
Edit = "Callable[[Node], None]"


def tree(
    banks: list[tuple[int, int]],
    *,
    bootargs: str = "",
    cpu: str = "arm,cortex-a7",
    compatible: str = "",
    width: int = 1,
    edit: Callable[[Node], None] | None = None,
) -> bytes:
    """A board with these banks of RAM, changed by ``edit``."""
    root = board(banks, bootargs=bootargs, cpu=cpu, width=width)
    if compatible:
        root.properties["compatible"] = text(compatible)
    if edit is not None:
        edit(root)
    return blob(root)


def reserved(*areas: tuple[str, int, int, Mapping[str, bytes]], cells_of: tuple[int, int] = (1, 1)) -> Any:
    """An edit that adds /reserved-memory with areas of (name, base, size, further properties)."""

    def add(root: Node) -> None:
        parent = Node(
            "reserved-memory", {"#address-cells": cells(cells_of[0]), "#size-cells": cells(cells_of[1]), "ranges": b""}
        )
        for name, base, size, more in areas:
            width = [base] if cells_of[0] == 1 else [0, base]
            reg = {"reg": cells(*width, *([size] if cells_of[1] == 1 else [0, size]))} if base or size else {}
            parent.children.append(Node(name, {**reg, **more}))
        root.children.append(parent)

    return add


def device(name: str, compatible: str, base: int, size: int) -> Any:
    """An edit that adds a device to the root."""

    def add(root: Node) -> None:
        root.children.append(Node(name, {"compatible": text(compatible), "reg": cells(base, size)}))

    return add


def kernel(key: str, version: str | None = None, **options: str | None) -> bootmap.Kernel:
    """A recorded kernel, with another version or other options."""
    found = loaded_kernel(key)
    if version is not None:
        numbers = tuple(int(part) for part in version.split("."))
        found = replace(found, version=numbers[:2], sublevel=numbers[2] if len(numbers) > 2 else None)
    return with_options(found, options) if options else found


def checked(data: bytes, of: bootmap.Kernel | None, **more: Any) -> bootmap.CheckResult:
    """The check of a board."""
    return bootmap.check(of, bootmap.Board.parse(data, "board.dtb", **more))
