"""How a memblock looks on paper: the one-line form of the recordings, the same for people, and as data.

    RETURN | memory BASE+SIZE:FLAGS ... reserved BASE+SIZE:FLAGS ... free START-END ... ranges START-END ...

All numbers are hexadecimal; RETURN is what the call returned, cut to 40 bits.  ``free`` and ``ranges`` are
what the kernel's ``for_each_free_mem_range`` and ``for_each_mem_range`` visit.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from bootmap.output import text_width

if TYPE_CHECKING:
    from bootmap.boot.memblock import Memblock, Regions

_RETURN_MASK = (1 << 40) - 1


def state_line(result: int, memblock: Memblock) -> str:
    """The state in one line, as recordings have it."""
    sections = (" ".join((name, *words)) for name, words in _sections(memblock))
    return f"{result & _RETURN_MASK:x} | {' '.join(sections)}"


def state_text(result: int, memblock: Memblock) -> str:
    """The same words, one section a line, wrapped at 100 columns."""
    lead = f"{result & _RETURN_MASK:>10x} | "
    lines = []
    for name, words in _sections(memblock):
        lines += textwrap.wrap(
            " ".join(words) or "-",
            text_width(),
            initial_indent=f"{lead}{name:<9}",
            subsequent_indent=" " * (len(lead) + 9),
        )
        lead = " " * len(lead)
    return "\n".join(lines)


def state_data(result: int, memblock: Memblock) -> dict[str, object]:
    """The state as plain data: regions as [base, size, flags], ranges as [start, end]."""
    return {
        "result": result,
        "current_limit": memblock.current_limit,
        "bottom_up": memblock.bottom_up,
        "memory": memblock.memory.regions,
        "reserved": memblock.reserved.regions,
        "free": list(memblock.free_ranges()),
        "ranges": list(memblock.mem_ranges()),
    }


def _sections(memblock: Memblock) -> tuple[tuple[str, list[str]], ...]:
    return (
        ("memory", _regions(memblock.memory)),
        ("reserved", _regions(memblock.reserved)),
        ("free", [f"{start:x}-{end:x}" for start, end in memblock.free_ranges()]),
        ("ranges", [f"{start:x}-{end:x}" for start, end in memblock.mem_ranges()]),
    )


def _regions(regions: Regions) -> list[str]:
    return [f"{base:x}+{size:x}:{flags:x}" for base, size, flags in regions.regions]
