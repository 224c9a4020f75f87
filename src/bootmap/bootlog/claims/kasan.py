"""KASAN's shadow: which blocks of virtual memory get one, and where it lies.

    kasan: Mapping kernel virtual memory block: c0000000-f0000000 at shadow: b7000000-bd000000
                                                lowmem of a bank             the block >> 3, + KASAN_SHADOW_OFFSET

The first line tells the offset; every other number follows.  The shadow's own memory, which memblock allocates after
paging_init, is not followed.

Source: arch/arm/mm/kasan_init.c ``kasan_init``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.bootlog.claims.context import contradicted, unmodelled
from bootmap.bootlog.judgement import Claim, judge
from bootmap.facts.linux.memblock import Flags
from bootmap.units import MIB, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.bootlog.claims.context import Context
    from bootmap.bootlog.judgement import Judged
    from bootmap.bootlog.log import Said

_PMD = 2 * MIB
_SCALE = 3


def block(context: Context, said: Said) -> Judged:
    """A block that is mapped, and its shadow."""
    kernel = context.kernel
    if not kernel.has("kasan"):
        return unmodelled(said, "KASAN came to 32-bit ARM with 5.11: a back-port")
    start, end = said.number("start"), said.number("last")
    blocks = [*_lowmem(context), *_below_lowmem(context)]
    ours = next((known for known in blocks if known.start == start), None)
    if Span(start, end) in blocks:
        ours = Span(start, end)
    if ours is None:
        return contradicted(said, f"a block {start:#x}-{end:#x}", "no such block is mapped")
    offset = kernel.config.integer("KASAN_SHADOW_OFFSET")
    shadow = [(address >> _SCALE) + offset & 0xFFFFFFFF for address in (ours.start, ours.end)]
    return judge(
        said,
        [
            Claim("block", start, ours.start),
            Claim("its end", end, ours.end),
            Claim("shadow", said.number("base"), shadow[0], context.taken("kasan.offset")),
            Claim("its end", said.number("to"), shadow[1]),
        ],
    )


def _lowmem(context: Context) -> Iterator[Span]:
    """The part of each bank that is in lowmem, in virtual space."""
    limit = context.state.vars.arm_lowmem_limit
    for base, size, flags in context.state.memblock.memory.regions:
        if base < limit and not flags & Flags.NOMAP:
            yield Span(context.state.va(base), context.state.va(min(base + size, limit) - 1) + 1)


def _below_lowmem(context: Context) -> Iterator[Span]:
    """Modules and pkmap: in one piece at first, from 6.0 on each by itself, or modules with vmalloc's shadow."""
    kernel = context.kernel
    pkmap = Span(kernel.pkmap_base, kernel.pkmap_base + _PMD)
    yield Span(kernel.modules_vaddr, pkmap.end)
    yield Span(kernel.modules_vaddr, kernel.modules_end)
    yield pkmap


def skipped(context: Context, said: Said) -> Judged:
    """A bank that is wholly in highmem, and gets no shadow; or one that is cut at the end of lowmem."""
    if not context.kernel.has("kasan"):
        return unmodelled(said, "KASAN came to 32-bit ARM with 5.11: a back-port")
    limit = context.state.vars.arm_lowmem_limit
    banks = [(base, base + size) for base, size, _ in context.state.memblock.memory.regions if base + size > limit]
    bank = next((each for each in banks if each[0] == said.number("start")), banks[0] if banks else None)
    if bank is None:
        return contradicted(said, said.text, "all RAM is lowmem")
    claims = [Claim("bank", said.number("start"), bank[0]), Claim("its end", said.number("last"), bank[1])]
    if "to" in said:
        claims.append(Claim("end of lowmem", said.number("to"), limit))
    return judge(said, claims)
