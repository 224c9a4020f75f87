"""A kernel whose image has machine descriptions that a test made up."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from bootmap.boot.kernel import KernelModel
from bootmap.inputs.kernel_file import KernelFile
from bootmap.inputs.symbols import Symbols
from support.recordings import fresh_kernel

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = 0xC0208000
DESC_BYTES = 0x6C
BOARDS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "VIRT": (0xFFFFFFFF, ("arm,other", "Linux,Dummy-Virt")),
    "SPITZ": (0x2E7, ()),
}


def with_machines(
    machines: Mapping[str, tuple[int, tuple[str, ...]]], *, generic: bool = False, cut: int = 0
) -> KernelModel:
    """A kernel whose image holds these descriptions, their lists of strings, and nothing else."""
    image = bytearray(0x1000)
    free = DESC_BYTES * len(machines) + 0x20
    symbols = {"__arch_info_begin": TEXT, "__arch_info_end": TEXT + DESC_BYTES * len(machines)}
    if generic:
        symbols["__mach_desc_GENERIC_DT.4"] = TEXT
    for index, (name, (number, compatible)) in enumerate(machines.items()):
        pointers = []
        for text in compatible:
            raw = text.encode() + b"\0"
            image[free : free + len(raw)] = raw
            pointers.append(TEXT + free)
            free += len(raw)
        free = (free + 3) & ~3
        table = struct.pack(f"<{len(pointers) + 1}I", *pointers, 0) if pointers else b""
        image[free : free + len(table)] = table
        at = DESC_BYTES * index
        struct.pack_into("<4I", image, at, number, 0, 0x100, TEXT + free if table else 0)
        free += len(table)
        symbols[f"__mach_desc_{name}"] = TEXT + at
    parsed = fresh_kernel("deb-6.1")
    names = {name: parsed.symbols[name] for name in parsed.symbols} | symbols
    table_of_symbols = Symbols(list(names), list(names.values()), ["T"] * len(names))
    file = KernelFile(kind="Image", path="Image", image=bytes(image[: len(image) - cut]))
    return KernelModel(parsed.version, parsed.sublevel, parsed.config, table_of_symbols, file=file)
