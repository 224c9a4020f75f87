"""The lines of zones and nodes: where they begin and end.

Source: mm/page_alloc.c (mm/mm_init.c from 6.4) ``free_area_init``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.bootlog.claims.context import contradicted, matched, told, unmodelled
from bootmap.bootlog.judgement import Claim, judge
from bootmap.units import PAGE_SHIFT

if TYPE_CHECKING:
    from bootmap.bootlog.claims.context import Context
    from bootmap.bootlog.judgement import Judged
    from bootmap.bootlog.log import Said

_SPLIT_UNKNOWN = "the machine's dma_zone_size is not known"


def zone(context: Context, said: Said) -> Judged:
    """The range of a zone."""
    name, ours = said.word("name"), context.zones.get(said.word("name"))
    if ours is None:
        return contradicted(said, f"a zone {name}", "no such zone")
    start, end = ours.start_pfn << PAGE_SHIFT, ours.end_pfn << PAGE_SHIFT
    if context.dma_unknown and name in ("DMA", "Normal"):
        return _split(context, said, name)
    if "empty" in said:
        if start == end:
            return matched(said)
        return contradicted(said, "empty", f"[mem {start:#018x}-{end - 1:#018x}]")
    if start == end:
        return contradicted(said, said.text, "empty")
    return judge(
        said,
        [
            context.claim("start", said.number("start"), start, physical=True),
            context.claim("last", said.number("last"), end - 1, physical=True),
        ],
        context.where_ram,
    )


def zone_pfn(context: Context, said: Said) -> Judged:
    """A zone in the words of old kernels: page frame numbers, the end open."""
    values = dict(said.values)
    values["start"], values["last"] = said.number("base") << PAGE_SHIFT, (said.number("to") << PAGE_SHIFT) - 1
    return zone(context, replace(said, values=values))


def _split(context: Context, said: Said, name: str) -> Judged:
    """DMA and Normal together are lowmem; where the machine cuts it is not known."""
    low = [each for key, each in context.zones.items() if key in ("DMA", "Normal")]
    start, end = (min(z.start_pfn for z in low) << PAGE_SHIFT, max(z.end_pfn for z in low) << PAGE_SHIFT)
    if "empty" in said:
        return unmodelled(said, _SPLIT_UNKNOWN)
    if name == "DMA":
        claims = [context.claim("start", said.number("start"), start, physical=True)]
        if said.number("last") >= end - 1:
            claims.append(context.claim("last", said.number("last"), end - 1, physical=True))
    else:
        claims = [context.claim("last", said.number("last"), end - 1, physical=True)]
    return judge(said, claims, _SPLIT_UNKNOWN)


def node(context: Context, said: Said) -> Judged:
    """One range of the node: a region of memory in whole pages."""
    start, last = said.number("start"), said.number("last")
    if context.taken(f"nodes:{said.line}") and any(a <= start and last < b for a, b in context.kept_banks()):
        return told(said)
    found = [bank for bank in context.banks_left if bank[0] <= start < bank[1]] or context.banks_left[:1]
    if not found:
        return contradicted(said, said.text, "no more banks")
    context.banks_left.remove(found[0])
    known = context.basis.phys_known
    return judge(
        said,
        [
            Claim("start", start, found[0][0] if known else None),
            Claim("last", last, found[0][1] - 1 if known else None),
        ],
        context.where_ram,
    )


def initmem(context: Context, said: Said) -> Judged:
    """All of the node."""
    banks = context.kept_banks()
    if not banks:
        return contradicted(said, said.text, "no memory")
    return judge(
        said,
        [
            context.claim("start", said.number("start"), min(banks)[0], physical=True),
            context.claim("last", said.number("last"), banks[-1][1] - 1, physical=True),
        ],
        context.where_ram,
    )
