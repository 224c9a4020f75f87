"""Files of a running system alone, without a board to hold them against: what they say by themselves.

    /proc/iomem              RAM, where the kernel lies in it, and so PHYS_OFFSET
    memblock/memory          RAM as memblock has it
    memblock/reserved        what is taken of it
    kernel_page_tables       what is mapped, and what of it is writable and executable

Not here: holding them against a prediction (``files``).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from bootmap.units import MIB, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_RAM = re.compile(r"^ *([0-9a-f]{8,16})-([0-9a-f]{8,16}) : (System RAM|Kernel code)\b", re.MULTILINE)
_ROW = re.compile(r"^ *\d{1,9}: 0x([0-9a-f]{1,16})\.\.0x([0-9a-f]{1,16})", re.MULTILINE)
_MAPPED = re.compile(r"^0x([0-9a-f]{8})-0x([0-9a-f]{8})\s{1,80}+\d{1,9}[KMG]([^\n]{0,80})", re.MULTILINE)
_WRITABLE, _NOT_EXECUTABLE = re.compile(r"\bRW\b"), re.compile(r"\bNX\b")
_MOST = 4096
_SHOWN = 16


def alone(kind: str, text: str) -> list[str]:
    """What a file of this kind (see :func:`bootmap.bootlog.files.kind_of`) says, a sentence each."""
    told = {"iomem": _iomem, "memblock": _memblock, "page_tables": _page_tables}[kind]
    return [
        *told(text),
        "hold it against a prediction: bootmap verify BOARD --config FILE --system-map FILE --log FILE",
    ]


def _iomem(text: str) -> Iterator[str]:
    rows = [(int(m[1], 16), int(m[2], 16), m[3]) for m, _ in zip(_RAM.finditer(text), range(_MOST), strict=False)]
    ram = [(start, last) for start, last, what in rows if what == "System RAM"]
    if not any(last for _, last in ram):
        yield "every address is 0, as it is shown to others than root: read /proc/iomem as root"
        return
    yield f"System RAM: {size_text(sum(last + 1 - start for start, last in ram))} in {_many(len(ram), 'range')}"
    for start, last in ram[:_SHOWN]:
        yield f"  {hex_address(start)}-{hex_address(last)}, {size_text(last + 1 - start)}"
    for (_, before), (after, _) in pairwise(ram[:_SHOWN]):
        if before + 1 < after:
            text = "no RAM to the kernel: a no-map area, a hole, or memory that was taken out after boot"
            yield f"  {hex_address(before + 1)}-{hex_address(after - 1)}, {size_text(after - before - 1)}: {text}"
    code = next((start for start, _, what in rows if what == "Kernel code"), None)
    if code is None:
        yield "the kernel's own place is not in it"
    else:
        base = max((start for start, _ in ram if start <= code), default=code) & -MIB
        yield f"the kernel's code begins at {hex_address(code)}: PHYS_OFFSET is {hex_address(base)} or just above it"


def _memblock(text: str) -> Iterator[str]:
    rows = [(int(m[1], 16), int(m[2], 16)) for m, _ in zip(_ROW.finditer(text), range(_MOST), strict=False)]
    size = sum(last + 1 - start for start, last in rows)
    yield f"a list of memblock's: {_many(len(rows), 'region')}, {size_text(size)} in all"
    yield from (f"  {hex_address(start)}-{hex_address(last)}" for start, last in rows[:_SHOWN])


def _page_tables(text: str) -> Iterator[str]:
    rows = [(m[1], m[2], m[3]) for m, _ in zip(_MAPPED.finditer(text), range(_MOST), strict=False)]
    both = [row for row in rows if _WRITABLE.search(row[2]) and not _NOT_EXECUTABLE.search(row[2])]
    yield f"page tables: {_many(len(rows), 'range')}, {len(both)} of them writable and executable"
    yield from (f"  0x{start}-0x{end}" for start, end, _ in both[:_SHOWN])


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
