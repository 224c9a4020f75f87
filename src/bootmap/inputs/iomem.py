"""What barebox's ``iomem`` prints: RAM, and what barebox has requested of it.

    0x40000000 - 0x5fffffff (size   512 MiB) ram0
      0x4fd00000 - 0x5f9fffff (size   253 MiB) malloc space

Everything else is passed over; so a whole console log will do.

Source: commands/iomemport.c ``__print_resources`` (before 2024.03: commands/iomem.c); common/memory.c and
arch/arm/cpu/start.c (the banks' names).
"""

from __future__ import annotations

import re

from msgspec import Struct

from bootmap.errors import InputError
from bootmap.units import Span

_LINE = re.compile(
    r"^( *)0x([0-9a-fA-F]{8,16}) - 0x([0-9a-fA-F]{8,16}) \(size +[\w.]{1,20}(?: \w{1,5})?\) (\[R\] )?(.{1,200})$"
)
_BANK = re.compile(r"ram\d{1,3}|initmem")
_MOST = 1 << 20
_MOST_REGIONS = 512
RESERVED = "reserved memory"
"""The name of what barebox's own tree reserves, in place of the node's."""


class Iomem(Struct, frozen=True):
    """What it said.

    Attributes:
        banks: RAM, in the list's order.
        regions: what is taken in each, with its name.
    """

    banks: tuple[Span, ...]
    regions: tuple[tuple[Span, str], ...] = ()


def parse(text: str) -> Iomem:
    """Read what was printed; the last list where there are several.

    Raises:
        InputError: it names no bank of RAM, or is too long.
    """
    if len(text) > _MOST:
        raise InputError(f"{len(text)} bytes: what iomem prints has some thousands")
    banks: list[Span] = []
    regions: list[tuple[Span, str]] = []
    depth, inside = 0, False
    for line in text.splitlines():
        found = _LINE.match(line.rstrip())
        if found is None:
            inside = False
            continue
        span = Span(int(found[2], 16), int(found[3], 16) + 1)
        indent, name = len(found[1]), found[5].strip()
        if name == "iomem":
            banks, regions, inside = [], [], False
        elif inside and indent == depth + 2:
            regions.append((span, RESERVED if found[4] else name))
        elif not inside or indent <= depth:
            inside = _BANK.fullmatch(name) is not None and span.size > 0
            depth = indent
            if inside:
                banks.append(span)
    if len(regions) > _MOST_REGIONS:
        raise InputError(f"names {len(regions)} regions; barebox has some dozens")
    if not banks:
        raise InputError("names no bank of RAM; expected what barebox's iomem prints, with a line that ends in ram0")
    return Iomem(tuple(banks), tuple(regions))
