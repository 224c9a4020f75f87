"""Memory that a vendor's own code takes, as far as its lines name it: cut off RAM, or reserved in it.

    Memory cut off:                                        Allwinner: RAM ends there, or has a hole
      MALI : 0x5c000000 - 0x5fffffff  (  64 MB)
    Memory Reserved:                                       Allwinner: memblock_reserve
      SYS  : 0x43000000 - 0x4300ffff  (  64 kB)
    Node qcom,mdss_fb_primary memblock_reserve memory 3200000-5000000          Qualcomm: likewise
    Node qcom,memory-reserve memblock_remove memory 8000000-d200000            Qualcomm: RAM has a hole
    cma: CMA: reserved 33 MiB at 0x05a00000 for peripheral_mem                 Qualcomm: areas beside the default one

Not here: areas of /reserved-memory (``description``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bootmap.units import MIB, PAGE_SIZE, Span

if TYPE_CHECKING:
    from bootmap.bootlog.log import Log

_KINDS = ("cut_off", "taken", "vendor_reserve", "vendor_remove", "persistent")
_CUT = "Memory cut off:"


class Taken(NamedTuple):
    """What is no RAM any more, and what of RAM is reserved."""

    removed: tuple[Span, ...] = ()
    reserved: tuple[Span, ...] = ()

    def holes(self, banks: list[Span]) -> list[Span]:
        """``banks`` without what is removed; each hole makes room for as much at the end, for it was not counted."""
        found = sorted(banks)
        for hole in sorted(self.removed):
            last = found[-1]
            if not any(bank.start <= hole.start < bank.end for bank in found):
                continue
            found[-1] = Span(last.start, last.end + hole.size)
            found = [part for bank in found for part in bank.without(hole)]
        return found


def taken_areas(log: Log) -> Taken:
    """What the lines of ``log`` name."""
    removed: list[Span] = []
    reserved: list[Span] = []
    cut = False
    for said in log.all(*_KINDS):
        if said.kind == "cut_off":
            cut = said.text.startswith(_CUT)
        elif said.kind == "taken":
            (removed if cut else reserved).append(Span(said.number("start"), said.number("last") + 1))
        else:
            end = said.number("last") + (said.kind == "persistent")
            span = Span(said.number("start"), max(end, said.number("start") + PAGE_SIZE))
            (removed if said.kind == "vendor_remove" else reserved).append(span)
    areas = [Span(said.number("base"), said.number("base") + said.number("mib") * MIB) for said in log.all("cma")[:-1]]
    reserved += [area for area in areas if area.size]
    return Taken(tuple(removed), tuple(reserved))
