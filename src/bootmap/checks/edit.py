"""Changes of the inputs, as values: applied to a kernel and a board they give the ones to predict again.

Each edit also knows how people make it: as a parameter, a property, an option, a setting of the boot loader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bootmap.assemble.whatif import with_lpae, with_options, with_vmsplit
from bootmap.inputs.cmdline import parameq, parse
from bootmap.inputs.fdt import Fdt
from bootmap.inputs.fdt import parse as parse_tree
from bootmap.inputs.fdt_writer import MadeNode, editable, flatten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.assemble.board import Board
    from bootmap.assemble.kernel import Kernel
    from bootmap.facts.features.feature import Version


class SetParameter(Struct, frozen=True):
    """A parameter of the command line: put in place of the last of its name, or behind all; None takes each out."""

    name: str
    value: str | None


class SetBoard(Struct, frozen=True):
    """An attribute of the board: ``dtb_addr``, ``load_addr``, ``initrd``, ``phys_offset``."""

    name: str
    value: object


class SetVariable(Struct, frozen=True):
    """A variable of U-Boot, and what an attribute of the board becomes by it."""

    variable: str
    value: str
    name: str
    result: object


class SetProperty(Struct, frozen=True):
    """A property of the device tree, made where it is not there; None takes it out."""

    path: str
    name: str
    value: bytes | None


class AddNode(Struct, frozen=True):
    """A node of the device tree, with its properties; parents are made with the root's cells and ``ranges``."""

    path: str
    properties: tuple[tuple[str, bytes], ...]


class DeleteNode(Struct, frozen=True):
    """A node of the device tree that goes."""

    path: str


class SetOption(Struct, frozen=True):
    """An option of the kernel's configuration; None for "is not set"."""

    name: str
    value: str | None


class SetVersion(Struct, frozen=True):
    """Another kernel version with the same configuration."""

    version: Version
    sublevel: int | None = None


class SetVmsplit(Struct, frozen=True):
    """Another split of virtual memory: ``3g``, ``3g_opt``, ``2g``, ``1g``."""

    split: str


class SetLpae(Struct, frozen=True):
    """CONFIG_ARM_LPAE with HIGHMEM."""


TreeEdit = SetProperty | AddNode | DeleteNode
Edit = SetParameter | SetBoard | SetVariable | TreeEdit | SetOption | SetVersion | SetVmsplit | SetLpae


def apply(kernel: Kernel, board: Board, edits: Iterable[Edit], cmdline: str) -> tuple[Kernel, Board]:
    """Kernel and board after ``edits``.

    Args:
        kernel: as it is.
        board: as it is.
        edits: in order.
        cmdline: the command line as the kernel puts it together; what parameters are put into.
    """
    tree: MadeNode | None = None
    for edit in edits:
        match edit:
            case SetParameter():
                cmdline = with_parameter(cmdline, edit)
                board = board.replace(cmdline=cmdline)
            case SetBoard():
                board = board.replace(**{edit.name: edit.value})
            case SetVariable():
                board = board.replace(**{edit.name: edit.result})
            case SetOption():
                kernel = with_options(kernel, {edit.name: edit.value})
            case SetVmsplit():
                kernel = with_vmsplit(kernel, edit.split)
            case SetLpae():
                kernel = with_lpae(kernel)
            case SetVersion():
                kernel = replace(kernel, version=edit.version, sublevel=edit.sublevel)
            case SetProperty() | AddNode() | DeleteNode() if isinstance(board.description, Fdt):
                tree = tree or editable(board.description)
                edit_tree(tree, edit)
    if tree is not None and isinstance(board.description, Fdt):
        board = board.replace(description=rebuilt(board.description, tree))
    return kernel, board


def rebuilt(old: Fdt, root: MadeNode) -> Fdt:
    """The tree ``root`` with the reservations of ``old``."""
    return parse_tree(flatten(root, old.reservations, boot_cpu=old.boot_cpuid_phys))


def with_parameter(cmdline: str, edit: SetParameter) -> str:
    """``cmdline`` with the parameter set, or without it."""
    found = [param for param in parse(cmdline) if parameq(param.name, edit.name)]
    new = edit.name if edit.value == "" else f"{edit.name}={edit.value}"
    if edit.value is not None and not found:
        return f"{cmdline} {new}".strip()
    for param in reversed(found):
        keep = edit.value is not None and param is found[-1]
        end = param.offset + len(param.text)
        head, tail = cmdline[: param.offset], cmdline[end:]
        cmdline = f"{head}{new}{tail}" if keep else f"{head.rstrip()} {tail.lstrip()}".strip()
    return cmdline


def edit_tree(root: MadeNode, edit: TreeEdit) -> None:
    """Apply one edit to a copy of the tree."""
    *above, name = [part for part in edit.path.split("/") if part] or [""]
    node = root
    for part in above:
        fresh = not any(child.name == part for child in node.children)
        child = node.child(part)
        if fresh:
            child.properties.update(
                {key: node.properties[key] for key in ("#address-cells", "#size-cells") if key in node.properties}
            )
            child.properties["ranges"] = b""
        node = child
    if isinstance(edit, DeleteNode):
        node.children = [child for child in node.children if child.name != name]
        return
    target = node.child(name) if name else node
    if isinstance(edit, AddNode):
        target.properties.update(edit.properties)
    elif edit.value is None:
        target.properties.pop(edit.name, None)
    else:
        target.properties[edit.name] = edit.value
