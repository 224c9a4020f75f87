"""What U-Boot's ``bdinfo`` prints: banks of RAM, its stack, and its list of memory and of what is reserved.

Three forms of the list are read, that of 2019.10 (``memory.reg[0x0].base``), of 2022.01 (``memory[0] [0x..-0x..]``,
flags as a number) and of 2025.01 (flags in words).  Everything else is passed over; so a whole console log will do.

Source: cmd/bdinfo.c, lib/lmb.c ``lmb_dump_region``.
"""

from __future__ import annotations

import re

from msgspec import Struct

from bootmap.errors import InputError
from bootmap.units import Span

Range = tuple[int, int, int]
"""base, size in bytes, flags as the release numbers them."""

_NUMBER = re.compile(r"^(?:->\s*+)?([\w.]++(?: ++[\w.]++)*)\s*+=\s*+(0x[0-9a-fA-F]{1,16})\b")
_LINE = re.compile(
    r"^\s*(memory|reserved)\[\d+\]\s+\[0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\], 0x[0-9a-f]+ bytes,? "
    r"flags: ([\w-]++(?:, ++[\w-]++)*)\s*+$"
)
_OLD = re.compile(r"^\s*(memory|reserved)\.reg\[0x[0-9a-f]+\]\.base\s*=\s*0x([0-9a-f]{1,16})\s*$")
_OLD_SIZE = re.compile(r"^\s*\.size\s*=\s*0x([0-9a-f]{1,16})\s*$")
_FLAG_NUMBER = re.compile(r"(?:0x)?[0-9a-f]{1,8}")
_FLAGS = {"none": 0, "no-map": 2, "no-overwrite": 4, "no-notify": 8}
_NO_CASE = "This will not be a case any time\n"
_MOST = 1 << 20


class Bdinfo(Struct, frozen=True):
    """What it said.

    Attributes:
        banks: RAM.
        memory: the list's memory; empty where it is not printed.
        reserved: what is reserved in it, in the list's order.
        sp_start: the stack pointer that U-Boot started with; None where it is not printed.
        relocaddr: where U-Boot runs; None where it is not printed.
        no_case: how often the list of memory said, as it was made, that something cannot be; it does so for each boot.
    """

    banks: tuple[Span, ...]
    memory: tuple[Range, ...] = ()
    reserved: tuple[Range, ...] = ()
    sp_start: int | None = None
    relocaddr: int | None = None
    no_case: int = 0


def parse(text: str) -> Bdinfo:
    """Read what was printed.

    Raises:
        InputError: it names no bank of RAM, or is too long.
    """
    if len(text) > _MOST:
        raise InputError(f"{len(text)} bytes: what bdinfo prints has some thousands")
    numbers: dict[str, int] = {}
    banks: list[Span] = []
    lists: dict[str, list[Range]] = {"memory": [], "reserved": []}
    pending: tuple[str, int] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if found := _LINE.match(line):
            start, last = int(found[2], 16), int(found[3], 16)
            lists[found[1]].append((start, last + 1 - start, _flags(found[4], number)))
        elif found := _OLD.match(line):
            pending = (found[1], int(found[2], 16))
        elif pending is not None and (found := _OLD_SIZE.match(line)):
            lists[pending[0]].append((pending[1], int(found[1], 16), 0))
            pending = None
        elif found := _NUMBER.match(line):
            name, value = found[1], int(found[2], 16)
            if name == "size" and "start" in numbers:
                banks.append(Span(numbers.pop("start"), 0))
                banks[-1] = Span(banks[-1].start, banks[-1].start + value)
            else:
                numbers[name] = value
    banks = [bank for bank in banks if bank.size]
    if not banks:
        raise InputError("names no bank of RAM; expected what bdinfo prints, with '-> start' and '-> size'")
    irq_sp = numbers.get("irq_sp")
    sp_start = numbers.get("sp start", irq_sp - 16 if irq_sp is not None else None)
    return Bdinfo(
        tuple(banks),
        tuple(lists["memory"]),
        tuple(lists["reserved"]),
        sp_start,
        numbers.get("relocaddr"),
        text.count(_NO_CASE),
    )


def _flags(text: str, line: int) -> int:
    if _FLAG_NUMBER.fullmatch(text):
        return int(text, 16)
    unknown = [word for word in text.split(", ") if word not in _FLAGS]
    if unknown:
        raise InputError(f"the flag {unknown[0]!r} is not known; expected {', '.join(_FLAGS)}", line=line)
    return sum(_FLAGS[word] for word in text.split(", "))
