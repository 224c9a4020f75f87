"""Fixes written out: a patched blob, an overlay's source, a script for U-Boot, a command line.  Originals stay."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bootmap.checks.edit import AddNode, DeleteNode, SetBoard, SetOption, SetParameter, SetProperty, apply
from bootmap.inputs.fdt import Fdt
from bootmap.output import shown_name, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootmap.checks.edit import Edit
    from bootmap.checks.engine import CheckResult
    from bootmap.checks.finding import Change

_TREE = (SetProperty, AddNode, DeleteNode)
_VARIABLES = {"dtb_addr": "fdt_addr_r", "load_addr": "kernel_addr_r", "initrd": "ramdisk_addr_r"}


def recommended(result: CheckResult) -> list[Change]:
    """One change a finding: the recommended one, else the first; no two that set the same thing."""
    chosen: list[Change] = []
    seen: set[tuple[object, ...]] = set()
    for found in result.counted:
        change = next((each for each in found.changes if each.recommended), None)
        if change is None:
            continue
        keys = {_target(edit) for edit in change.edits}
        if keys & seen:
            continue
        seen |= keys
        chosen.append(change)
    return chosen


def _target(edit: Edit) -> tuple[object, ...]:
    return (type(edit).__name__, getattr(edit, "path", ""), getattr(edit, "name", ""))


def write_fix(result: CheckResult, folder: str) -> Iterator[tuple[str, str]]:
    """Write the recommended changes into ``folder``; yields each file's name and what it is.

    Raises:
        OutputError: a file cannot be written.
    """
    case = result.case
    chosen = recommended(result)
    if case is None or not chosen:
        return
    os.makedirs(folder, exist_ok=True)
    stem = os.path.splitext(os.path.basename(result.name.replace(":", "-")))[0] or "board"
    base = os.path.join(folder, stem)
    edits = [edit for change in chosen for edit in change.edits]
    in_tree = [edit for edit in edits if isinstance(edit, _TREE)]
    parameters = [edit for edit in edits if isinstance(edit, SetParameter)]
    settings = [edit for edit in edits if isinstance(edit, SetBoard)]
    options = [edit for edit in edits if isinstance(edit, SetOption)]
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
    if settings or parameters:
        lines = list(_script(settings))
        if parameters and changed.cmdline is not None:
            lines.append(f"setenv bootargs '{changed.cmdline}'")
        if lines:
            yield from _written(f"{base}.setenv.txt", ("\n".join(lines) + "\n").encode(), "variables for U-Boot")
    if options:
        lines = [f"CONFIG_{edit.name}={edit.value}" if edit.value is not None else f"# CONFIG_{edit.name} is not set"
                 for edit in options]  # fmt: skip
        yield from _written(f"{base}.config", ("\n".join(lines) + "\n").encode(), "options of the kernel to merge")


def _written(path: str, data: bytes, what: str) -> Iterator[tuple[str, str]]:
    write_file(path, data)
    yield shown_name(path), what


def _script(settings: Sequence[SetBoard]) -> Iterator[str]:
    for edit in settings:
        variable = _VARIABLES.get(edit.name)
        value = edit.value[0] if isinstance(edit.value, tuple) else edit.value
        if variable is None or not isinstance(value, int):
            continue
        yield f"setenv {variable} {value:#010x}"
        if edit.name == "dtb_addr":
            yield "setenv fdt_high 0xffffffff"
        elif edit.name == "initrd":
            yield "setenv initrd_high 0xffffffff"


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
    if data[-1:] == b"\0" and all(part and all(32 <= byte < 127 and byte not in b'"\\' for byte in part)
                                  for part in data[:-1].split(b"\0")):  # fmt: skip
        return " = " + ", ".join(f'"{part.decode()}"' for part in data[:-1].split(b"\0"))
    if len(data) % 4 == 0:
        return (
            " = <" + " ".join(f"{int.from_bytes(data[at : at + 4], 'big'):#x}" for at in range(0, len(data), 4)) + ">"
        )
    return f" = [{data.hex(' ')}]"
