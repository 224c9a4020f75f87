"""Tightly coupled memory: the sizes of its banks, which the kernel names when it moves them.

Source: arch/arm/kernel/tcm.c ``setup_tcm_bank``; arch/arm/mm/init.c ``mem_init`` for the areas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bootmap.facts.arm.tcm import BANK_SIZES, DTCM, ITCM, MAX_BANKS
from bootmap.units import KIB

if TYPE_CHECKING:
    from bootmap.bootlog.identity import LogIdentity
    from bootmap.bootlog.log import Log


class Tcm(NamedTuple):
    """Bytes of each bank of data and instruction memory, None where not known; and what was taken."""

    dtcm: tuple[int, ...] | None = None
    itcm: tuple[int, ...] | None = None
    taken: frozenset[str] = frozenset()


def read_tcm(log: Log, identity: LogIdentity) -> Tcm:
    """By the lines that move them; else one bank as large as the area in the layout, which then is taken."""
    found: dict[str, tuple[int, ...] | None] = {}
    taken = set()
    for kind in (DTCM, ITCM):
        moved = {s.word("bank"): s.number("kib") * KIB for s in log.all("tcm_found") if s.word("name") == kind.name}
        sizes = tuple(size for _, size in sorted(moved.items()))
        area = identity.layout.get(kind.name)
        if not sizes and area is not None and area.number("end") - area.number("start") in BANK_SIZES:
            sizes = (area.number("end") - area.number("start"),)
            taken.add(f"{kind.name}.end")
        known = sizes and len(sizes) <= MAX_BANKS and all(size in BANK_SIZES for size in sizes)
        found[kind.name] = sizes if known else None
    if any(found.values()):  # a kernel that shows one of them shows the other if there is any
        found = {name: sizes or () for name, sizes in found.items()}
    return Tcm(found["DTCM"], found["ITCM"], frozenset(taken))
