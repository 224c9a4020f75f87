"""The machine descriptions in the kernel's image: whether there is one for the board at all.

With the image at hand its own table is read; what else a description says is in ``machine.py``, for the machines that
are known by name.

Source: arch/arm/include/asm/mach/arch.h ``struct machine_desc``, whose first four words have been the same since 3.0;
arch/arm/kernel/devtree.c ``setup_machine_fdt``; atags_parse.c ``setup_machine_tags``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from bootmap.inputs.fdt import Fdt

if TYPE_CHECKING:
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.state import BootState

_HEAD = struct.Struct("<4I")
_PREFIX = "__mach_desc_"
_GENERIC = "__mach_desc_GENERIC_DT"
_MAX_STRING = 256
_MAX_COMPATIBLE = 512


class MachineDesc(NamedTuple):
    """One description.

    Attributes:
        name: the symbol without its prefix.
        number: for r1.
        compatible: strings of the device trees that it is for; () for none, and for the generic one.
    """

    name: str
    number: int
    compatible: tuple[str, ...]


def machine_descs(kernel: KernelModel) -> list[MachineDesc] | None:
    """The descriptions that the image has; None where that cannot be known."""
    symbols = kernel.symbols
    first, last = symbols.get("__arch_info_begin"), symbols.get("__arch_info_end")
    if first is None or last is None or not kernel.has("machine_dt_compat"):
        return None
    found = []
    for name in symbols:
        address = symbols[name] if name.startswith(_PREFIX) else 0
        if not first <= address < last:
            continue
        head = kernel.read(address, _HEAD.size)
        if head is None:
            return None
        number, _, _, compatible = _HEAD.unpack(head)
        strings = _strings(kernel, compatible)
        if strings is None:
            return None
        found.append(MachineDesc(name.removeprefix(_PREFIX), number, strings))
    return found or None


def check_machine(state: BootState) -> None:
    """Look whether the kernel has a machine description for the board.

    Raises:
        KernelDied: it has none; it says so, where it has a console, and stops.
    """
    kernel, board = state.kernel, state.handover.board
    if board is None or (isinstance(board, Fdt) and any(name.startswith(_GENERIC) for name in kernel.symbols)):
        return
    descs = machine_descs(kernel)
    if descs is None:
        return
    if isinstance(board, Fdt):
        prop = board.root.get("compatible")
        names = prop.value.rstrip(b"\0").decode("latin-1").split("\0") if prop else []
        wanted = {name.lower() for name in names}
        if not any(wanted & {text.lower() for text in desc.compatible} for desc in descs):
            raise state.die(
                "machine-not-found",
                f"none of the kernel's {len(descs)} machine descriptions is for {', '.join(names) or 'a tree without'} "
                f'compatible: it stops with "unrecognized/unsupported device tree compatible list"',
            )
    elif state.handover.machine_id is not None and state.handover.machine_id not in {desc.number for desc in descs}:
        raise state.die(
            "machine-not-found",
            f"none of the kernel's {len(descs)} machine descriptions has the number {state.handover.machine_id} (r1): "
            f'it stops with "unrecognized/unsupported machine ID"',
        )


def _strings(kernel: KernelModel, address: int) -> tuple[str, ...] | None:
    """The strings of an array of pointers that ends with NULL; None where they are not at hand."""
    found: list[str] = []
    while address and len(found) < _MAX_COMPATIBLE:
        pointer = kernel.read(address, 4)
        if pointer is None:
            return None
        target = int.from_bytes(pointer, "little")
        if not target:
            break
        text = _string(kernel, target)
        if text is None:
            return None
        found.append(text)
        address += 4
    return tuple(found)


def _string(kernel: KernelModel, address: int) -> str | None:
    for size in (_MAX_STRING, 64, 16):  # shorter at the end of a part of the file
        data = kernel.read(address, size)
        if data is not None and b"\0" in data:
            return data.split(b"\0")[0].decode("latin-1")
    return None
