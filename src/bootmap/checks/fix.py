"""Fixes written out: a patched blob, an overlay's source, a script for U-Boot, a command line.  Originals stay."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from bootmap.assemble.whatif import VMSPLIT_OPTIONS
from bootmap.checks.case import ADDRESS_VARIABLES
from bootmap.checks.edit import (
    AddNode,
    DeleteNode,
    SetBoard,
    SetLpae,
    SetOption,
    SetParameter,
    SetProperty,
    SetVariable,
    SetVersion,
    SetVmsplit,
    apply,
)
from bootmap.checks.engine import recommended_of
from bootmap.checks.places import uboot_lines
from bootmap.inputs.fdt import Fdt
from bootmap.output import shown_name, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.checks.case import CheckCase
    from bootmap.checks.edit import Edit
    from bootmap.checks.engine import CheckResult

_TREE = (SetProperty, AddNode, DeleteNode)


def write_fix(result: CheckResult, folder: str, stem: str | None = None) -> Iterator[tuple[str, str]]:
    """Write the recommended changes into ``folder``; yields each file's name and what it is.

    A change that no file can hold is yielded with "" for the name.

    Args:
        result: the check.
        folder: where to, made where it is not there.
        stem: what the names of the files begin with, in place of the board's own name; of a configuration of a FIT
            image its name follows.

    Raises:
        OutputError: a file cannot be written.
    """
    case = result.case
    chosen = recommended_of(result.counted)
    if case is None:
        return
    for found in result.counted:
        if found.changes and found.level != "info" and all(change.unsure for change in found.changes):
            what = " or ".join(change.text for change in found.changes)
            yield "", f"nothing written for {found.id}: whether {what} is right, the board's owner knows"
    if not chosen:
        return
    os.makedirs(folder, exist_ok=True)
    base = os.path.join(folder, _stem(result.name, stem))
    edits = [edit for change in chosen for edit in change.edits]
    in_tree = [edit for edit in edits if isinstance(edit, _TREE)]
    parameters = [edit for edit in edits if isinstance(edit, SetParameter)]
    _, changed = apply(case.kernel, case.board, edits, case.cmdline)
    tree = changed.description
    if (in_tree or parameters) and isinstance(tree, Fdt):
        if parameters and changed.cmdline is not None:
            new = SetProperty("/chosen", "bootargs", changed.cmdline.encode("latin-1", "replace") + b"\0")
            _, changed = apply(case.kernel, changed, [new], changed.cmdline)
            tree = changed.description
            assert isinstance(tree, Fdt)
        yield from _written(f"{base}.fixed.dtb", tree.data, "the device tree with the changes")
        if in_tree and not any(isinstance(edit, DeleteNode) for edit in in_tree):
            yield from _written(f"{base}.fix.dtso", overlay_source(in_tree).encode(), "the same as an overlay")
    if parameters and changed.cmdline is not None:
        text = f"--- bootargs\n+++ bootargs\n-{case.cmdline}\n+{changed.cmdline}\n"
        yield from _written(f"{base}.cmdline.diff", text.encode(), "the change of the command line")
    script = list(_script(case, edits))
    if parameters and changed.cmdline is not None:
        script.append(f"setenv bootargs '{changed.cmdline}'")
    if script:
        yield from _written(f"{base}.setenv.txt", ("\n".join(script) + "\n").encode(), "variables for U-Boot")
    options = [line for edit in edits for line in _fragment(edit)]
    if options:
        text = "\n".join(dict.fromkeys(options)) + "\n"
        yield from _written(f"{base}.config", text.encode(), "options of the kernel to merge (merge_config.sh)")
    for change in chosen:
        if any(isinstance(edit, SetVersion) for edit in change.edits):
            yield "", f"nothing to write for another kernel: {change.text}"


def _stem(name: str, given: str | None) -> str:
    """What the names of a board's files begin with: that of its file, and of a FIT image the configuration."""
    file, _, configuration = os.path.basename(name).partition(":")
    stem = given or os.path.splitext(file)[0] or "board"
    return f"{stem}-{re.sub(r'[^A-Za-z0-9._@+-]', '-', configuration)}" if configuration else stem


def _written(path: str, data: bytes, what: str) -> Iterator[tuple[str, str]]:
    write_file(path, data)
    yield shown_name(path), what


def _script(case: CheckCase, edits: Sequence[Edit]) -> Iterator[str]:
    """Lines for U-Boot's prompt; "#" begins a remark there."""
    for edit in edits:
        if isinstance(edit, SetVariable):
            yield f"setenv {edit.variable} {edit.value}"
        if not isinstance(edit, SetBoard):
            continue
        value = edit.value[0] if isinstance(edit.value, tuple) else edit.value
        if not isinstance(value, int):
            continue
        if edit.name == "phys_offset":
            yield f"# the start of RAM must become {value:#010x}: run an Image, no zImage, where it is linked to"
            yield f"setenv {case.variable('load_addr')} {value + case.state.kernel.text_offset:#010x}"
        elif edit.name in ADDRESS_VARIABLES:
            yield from uboot_lines(case, edit.name, value)


def _fragment(edit: Edit) -> Iterator[str]:
    """Lines of a configuration that scripts/kconfig/merge_config.sh takes."""
    match edit:
        case SetOption(name, value):
            yield f"CONFIG_{name}={value}" if value is not None else f"# CONFIG_{name} is not set"
        case SetVmsplit(split):
            wanted = VMSPLIT_OPTIONS[split]
            for option in VMSPLIT_OPTIONS.values():
                yield f"CONFIG_{option}=y" if option == wanted else f"# CONFIG_{option} is not set"
        case SetLpae():
            yield from ("CONFIG_ARM_LPAE=y", "CONFIG_HIGHMEM=y", "# CONFIG_ARCH_MULTI_V6 is not set")


def overlay_source(edits: Sequence[Edit]) -> str:
    """Source of an overlay that makes the same changes to the tree; a property cannot be taken out by one."""
    lines = ["/dts-v1/;", "/plugin/;", ""]
    for edit in edits:
        if isinstance(edit, SetProperty):
            if edit.value is None:
                lines.append(f"/* take {edit.path}/{edit.name} out: no overlay can */")
                continue
            lines += [f"&{{{edit.path or '/'}}} {{", f"\t{edit.name}{_value(edit.value)};", "};"]
        elif isinstance(edit, AddNode):
            above, _, name = edit.path.rpartition("/")
            lines += [f"&{{{above or '/'}}} {{", f"\t{name} {{"]
            lines += [f"\t\t{key}{_value(value)};" for key, value in edit.properties]
            lines += ["\t};", "};"]
    return "\n".join(lines) + "\n"


def _value(data: bytes) -> str:
    if not data:
        return ""
    if data[-1:] == b"\0" and all(
        part and all(32 <= byte < 127 and byte not in b'"\\' for byte in part) for part in data[:-1].split(b"\0")
    ):
        return " = " + ", ".join(f'"{part.decode()}"' for part in data[:-1].split(b"\0"))
    if len(data) % 4 == 0:
        return (
            " = <" + " ".join(f"{int.from_bytes(data[at : at + 4], 'big'):#x}" for at in range(0, len(data), 4)) + ">"
        )
    return f" = [{data.hex(' ')}]"
