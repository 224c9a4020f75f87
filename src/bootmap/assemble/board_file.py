"""From what people have of a board to its description: a blob, source, overlays, a folder, a FIT, an ATAG list.

And RAM as ``--memory`` tells it, in place of what the boot loader would fill in.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.assemble.texts import parse_span
from bootmap.boot.setup.fdt_scan import root_cells
from bootmap.errors import InputError, UsageError
from bootmap.inputs import fdt
from bootmap.inputs.board import MAX_SIZE, hint, is_fit, looks_like_fit, parse_board
from bootmap.inputs.fdt_edit import FdtEditor, changeable
from bootmap.inputs.fdt_writer import cells, text
from bootmap.inputs.fs import file_name, read_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bootmap.inputs.atags import AtagList
    from bootmap.inputs.fdt import Fdt
    from bootmap.units import Span

_CELL_BITS = 32


class BoardFile(Struct, frozen=True):
    """One board of a file.

    Attributes:
        name: the file's name, and of a FIT the configuration.
        description: the tree or the tags.
        lines: of source, path of a node or property -> (file, line).
        kernel: of a FIT, the kernel's bytes; None elsewhere.
        load_addr: of a FIT, where the kernel runs; None elsewhere.
        initrd: of a FIT, (address, bytes) of the ramdisk; None elsewhere.
        data: of a FIT, the whole file; None elsewhere.
    """

    name: str
    description: Fdt | AtagList
    lines: Mapping[str, tuple[str, int]] | None = None
    kernel: bytes | None = None
    load_addr: int | None = None
    initrd: tuple[int, int] | None = None
    data: bytes | None = None


def read_boards(path: str, overlays: Sequence[str] = (), memory: Sequence[str] = ()) -> list[BoardFile]:
    """Every board that ``path`` describes: one, or each configuration of a FIT.

    Args:
        path: a device tree blob, its source, a folder such as /proc/device-tree, a FIT image or an ATAG list;
            ``FILE:CONFIGURATION`` for one of a FIT.
        overlays: files of overlays, applied in order.
        memory: ``BASE,SIZE`` of each bank of RAM, in place of the memory nodes'.

    Raises:
        InputError: it cannot be read, or is no board.
        UsageError: a bank is not of its form.
        ToolMissingError: source or overlays need a tool that is not installed.
    """
    banks = [parse_span(text, "--memory") for text in memory]
    lines: Mapping[str, tuple[str, int]] | None = None
    chosen = ""
    if not os.path.exists(path) and ":" in path and os.path.isfile(path.rpartition(":")[0]):
        path, _, chosen = path.rpartition(":")
    if os.path.isdir(path):
        from bootmap.inputs.dt_folder import read_folder

        data = read_folder(path)
    else:
        data = read_file(path, MAX_SIZE, gunzip=True)
        if not fdt.is_fdt(data):
            from bootmap.inputs import dts

            if dts.is_source(data):
                data, lines = dts.compile_source(path)
    name = file_name(path)
    if overlays:
        from bootmap.inputs import dts

        data = dts.apply_overlays(data, overlays, name)
    try:
        if looks_like_fit(data):
            from bootmap.inputs import fit

            description: Fdt | AtagList = fdt.parse(data, fit.LARGEST)
        else:
            description = parse_board(data)
        if isinstance(description, fdt.Fdt) and is_fit(description):
            from bootmap.inputs import fit

            found = fit.configurations(description, data)
            if chosen:
                known = ", ".join(each.name for each in found)
                found = [each for each in found if each.name == chosen]
                if not found:
                    raise InputError(f"has no configuration {chosen!r} with a device tree; it has {known}")
            trees = {blob: with_banks(fdt.parse(blob), banks) for blob in {each.tree for each in found}}
            return [
                BoardFile(
                    f"{name}:{each.name}", trees[each.tree], None, each.kernel, each.kernel_load, each.ramdisk, data
                )
                for each in found
            ]
        if isinstance(description, fdt.Fdt) and (no_board := hint(description)) is not None:
            raise InputError(no_board)
        if chosen:
            raise InputError(f"is no FIT image, of which {chosen!r} could be a configuration")
        return [BoardFile(name, with_banks(description, banks), lines)]
    except InputError as error:
        raise error.in_file(name) from None


def with_banks(description: Fdt | AtagList, banks: Sequence[Span]) -> Fdt | AtagList:
    """The description with ``banks`` as its RAM, the rest as it is; all as it is where there are none.

    Raises:
        UsageError: a bank does not fit into the cells of the tree.
    """
    if not banks:
        return description
    if not isinstance(description, fdt.Fdt):
        raise UsageError("--memory is for device trees; with an ATAG list use --cmdline 'mem=SIZE@START'")
    width = root_cells(description)
    for bank in banks:
        if bank.start >> _CELL_BITS * width.address or (bank.end - bank.start) >> _CELL_BITS * width.size:
            raise UsageError(
                f"--memory {bank.start:#x},{bank.end - bank.start:#x}: does not fit into the root's {width.address} "
                f"address and {width.size} size cells"
            )
    value = b"".join(cells(bank.start, width=width.address) + cells(bank.size, width=width.size) for bank in banks)
    tree = changeable(description)
    found = [node for node in tree.walk("device_type") if node.depth == 1 and node.is_memory]
    told = found[0].get("reg") if len(found) == 1 and found[0].get("linux,usable-memory") is None else None
    if told is not None and len(told.value) == len(value):
        return tree.with_cells(told, value)
    editor = FdtEditor(tree)
    before = editor.used
    named = [node for node in tree.root.children if node.name.partition("@")[0] == "memory"]
    for node in found[1:]:
        editor.blank(editor.place(node))
    if found:
        place = editor.place(found[0])
        editor.blank_property(place, "linux,usable-memory")
    elif named:  # as U-Boot's fdt_fixup_memory_banks does
        place = editor.place(named[0])
        editor.set(place, "device_type", text("memory"))
    else:
        place = editor.add_child(f"memory@{banks[0].start:x}")
        editor.set(place, "device_type", text("memory"))
    editor.set(place, "reg", value)
    editor.totalsize += editor.used - before
    return fdt.parse(editor.blob())
