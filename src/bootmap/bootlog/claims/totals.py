"""The lines in which mem_init says how much memory there is.

Source: arch/arm/mm/init.c ``mem_init``, mm/page_alloc.c (mm/mm_init.c from 6.4) ``mem_init_print_info``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.bootlog.claims.context import unmodelled
from bootmap.bootlog.judgement import Claim, judge
from bootmap.units import KIB

if TYPE_CHECKING:
    from bootmap.bootlog.claims.context import Context
    from bootmap.bootlog.judgement import Judged
    from bootmap.bootlog.log import Said


def megabytes(context: Context, said: Said) -> Judged:
    """Each bank and all of them, in MB."""
    taken = context.taken("memory_mb.sum")
    rows = context.pages_of_banks()
    listed = [int(word.removesuffix("MB")) for word in said.word("banks").split()]
    used = sum(bank.size for bank in context.state.meminfo) >> 20
    if not context.kernel.has("sanity_in_setup_arch") and said.number("sum") == used:
        # Banks as sanity_check_meminfo leaves them; memblock has them as they were before (2.6.38 on an S5PV310).
        return judge(said, [Claim("total MB", said.number("sum"), used, taken, True)])
    claims = [Claim("total MB", said.number("sum"), sum(rows) >> 8, taken, True)]
    if len(listed) == len(rows) and not taken:
        banks = enumerate(zip(listed, rows, strict=True))
        claims += [Claim(f"bank {i} MB", log, ours >> 8, False, True) for i, (log, ours) in banks]
    return judge(said, claims)


def kilobytes_old(context: Context, said: Said) -> Judged:
    """What is free and what is reserved makes up all banks; what of it is free is decided later."""
    if context.taken("lowmem.end"):
        return unmodelled(said, "the log does not say where the banks are")
    total = said.number("present") + said.number("reserved")
    claims = [Claim("kB of banks", total, sum(context.pages_of_banks()) * 4, context.taken("memory_k.sum"), True)]
    if not context.taken("banks.unknown"):
        claims += _highmem(context, said)
    return judge(said, claims)


def _highmem(context: Context, said: Said) -> list[Claim]:
    """Highmem that memblock has left; of a board that only the log tells, at most all of it."""
    if "highmem" not in said:
        return []
    zone = context.zones.get("HighMem")
    if not context.basis.from_log and context.kernel.has("memmap_memblock"):  # what is reserved there is known
        return [Claim("K highmem", said.number("highmem"), zone.managed * 4 if zone else 0, False, True)]
    most = zone.present * 4 if zone else 0
    return [Claim("K highmem", said.number("highmem"), min(most, said.number("highmem")), False, True)]


def kilobytes(context: Context, said: Said) -> Judged:
    """All RAM, the kernel's sections, contiguous memory and highmem."""
    present = sum(zone.present for zone in context.zones.values())
    claims = [Claim("K in all", said.number("present"), present * 4, context.taken("memory.present"), True)]
    claims += _highmem(context, said)
    for name, area in (("init", ".init"), ("bss", ".bss")):
        known = area in context.areas and not (context.basis.kernel_from_log and not context.taken(f"{area}.start"))
        if name in said and known:
            claims.append(Claim(f"K {name}", said.number(name), context.areas[area].size // KIB, False, True))
    if "cma" in said:
        size = sum(area.size for area in context.state.cma_areas) // KIB
        claims.append(Claim("K cma-reserved", said.number("cma"), size, False, True))
    return judge(said, claims)
