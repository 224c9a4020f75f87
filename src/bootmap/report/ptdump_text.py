"""``bootmap tables --format ptdump``: the lines of Linux's debugfs file kernel_page_tables, as that kernel prints them.

Source: arch/arm/mm/dump.c ``note_page``, ``dump_prot``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.analysis.ptdump import Marker
from bootmap.facts.linux.ptdump import DOMAIN_NAMES, DOMAIN_UNKNOWN, UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.analysis.ptdump import Line, Style

_PMD = 4


def ptdump_text(lines: Iterable[Marker | Line], style: Style) -> str:
    """The whole file, without the last line's end."""
    return "\n".join(f"---[ {line.name} ]---" if isinstance(line, Marker) else line_text(line, style) for line in lines)


def line_text(line: Line, style: Style) -> str:
    """One line of entries."""
    words = [f"0x{line.start:08x}-0x{line.end:08x}   {_size(line.end - line.start & 0xFFFFFFFF)}"]
    if "level_name" in style.has:
        words.append(("PMD" if style.long else "PGD") if line.level == _PMD else "PTE")
    if line.domain is not None:
        words.append(DOMAIN_NAMES.get(line.domain, DOMAIN_UNKNOWN))
    for bit in style.bits[line.level]:
        shown = bit.set if line.prot & bit.mask == bit.value else bit.clear
        if shown is not None:
            words.append(shown)
    return " ".join(words)


def _size(size: int) -> str:
    """The size in the largest unit that divides it, right-justified in nine columns."""
    number, unit = size >> 10, 0
    while not number & 1023 and unit + 1 < len(UNITS):
        number >>= 10
        unit += 1
    return f"{number:9}{UNITS[unit]}"
