"""A dump, a core, a recording or a running machine as a side of the page: tables and what is known beside them.

Nobody saw who wrote the words, so the causes name the moment only; a recording also has memblock's lists.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from bootmap.analysis.registers import named
from bootmap.explore.decode import Decoder
from bootmap.explore.journal import ZERO, Differences, JournalSide
from bootmap.explore.symbols import symbols
from bootmap.facts.linux.linux_prot import LONG, SHORT
from bootmap.facts.linux.memblock import Flags
from bootmap.mmu.regs import regime_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bootmap.mmu.memory import Memory
    from bootmap.mmu.regs import Regs

Regions = tuple[tuple[int, int, int], ...]


class ImageMoment(Struct, frozen=True):
    """One moment of an image.

    Attributes:
        name: as the image names it.
        memory: physical memory.
        ram: memblock's memory, ``(base, size, flags)``; empty where not known.
        reserved: memblock's reserved.
        current_limit: memblock's limit, 0 where not known.
    """

    name: str
    memory: Memory
    ram: Regions = ()
    reserved: Regions = ()
    current_limit: int = 0


class ImageFacts(Struct, frozen=True):
    """What is known of the kernel behind an image; None or empty where it is not."""

    version: str | None = None
    cpu: str | None = None
    page_offset: int | None = None
    phys_offset: int | None = None
    high_memory: int | None = None
    symbols: Mapping[str, int] | None = None


def image_side(
    name: str, kind: str, regs: Regs, moments: Sequence[ImageMoment], facts: ImageFacts, assumptions: Sequence[str]
) -> JournalSide:
    """One side of a page; see :func:`bootmap.explore.document.side_of`."""
    regime = regime_of(regs)
    decoder = Decoder(regime)
    root = regime.roots[0]
    page_offset = facts.page_offset if facts.page_offset is not None else 0xC0000000
    phys_offset = facts.phys_offset or 0
    writes = Differences(8 if regime.long else 4, regime.byteorder)
    causes: list[list[Any]] = []
    stages = []
    for moment in moments:
        causes += [[moment.name, ZERO, -1, -1], [moment.name, "found in the image", -1, -1]]
        mark = writes.moment(decoder.visit(moment.memory), len(causes) - 2, len(causes) - 1)
        limit = facts.high_memory - page_offset + phys_offset if facts.high_memory else 0
        stages.append(_stage(moment, mark, limit, facts.high_memory or 0))
    form = LONG if regime.long else SHORT
    side: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "outcome": None,
        "kernel": {
            "version": facts.version,
            "cpu": facts.cpu,
            "smp": None,
            "format": form.name,
            "pageOffset": page_offset,
            "physOffset": phys_offset,
            "taskSize": page_offset - (16 << 20),
            "root": root.base,
            "rootBytes": root.size,
            "sectionSize": form.section_size,
            "cmdline": None,
        },
        "registers": named(regs),
        "stages": stages,
        "log": [],
        "lost": [],
        "zones": [],
        "findings": [],
        "assumptions": list(assumptions),
        "rules": [],
        "payloads": [],
        "memTypes": None,
        "dmesg": [],
        "board": "",
        "symbols": symbols(facts.symbols or {}, page_offset),
        "decode": decoder.document(),
        "origins": [],
        "mapDescs": [],
        "causes": causes,
        "journal": writes.journal.columns(),
    }
    return JournalSide(side, writes.journal)


def _stage(moment: ImageMoment, mark: int, limit: int, high_memory: int) -> dict[str, Any]:
    rows = []
    for base, size, flags in moment.ram:
        end = base + size
        edges = [base, limit, end] if base < limit < end else [base, end]
        for start, stop in itertools.pairwise(edges):
            kind = "no-map" if flags & Flags.NOMAP else "lowmem" if not limit or stop <= limit else "highmem"
            rows.append([start, stop, kind, -1])
    return {
        "name": moment.name,
        "mark": mark,
        "log": 0,
        "lowmemLimit": limit,
        "highMemory": high_memory,
        "currentLimit": moment.current_limit,
        "memory": [list(row) for row in moment.ram],
        "reserved": [list(row) for row in moment.reserved],
        "memoryRows": rows,
        "reservedRows": [[base, base + size, "", -1] for base, size, _ in moment.reserved],
        "layout": [],
        "cost": None,
    }
