"""The lines of mem_init's virtual layout, and the memory policy.

Source: arch/arm/mm/init.c ``mem_init``, arch/arm/mm/mmu.c ``build_mem_type_table``, arch/arm/kernel/tcm.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.bootlog.claims.context import contradicted, matched, told, unmodelled
from bootmap.bootlog.judgement import Claim, judge

if TYPE_CHECKING:
    from bootmap.bootlog.claims.context import Context
    from bootmap.bootlog.judgement import Judged
    from bootmap.bootlog.log import Said

_SECTIONS = (".text", ".init", ".data", ".bss")
_TCM = ("DTCM", "ITCM")


def area(context: Context, said: Said) -> Judged:
    """One area of the layout."""
    name = said.word("name")
    start, end = said.number("start"), said.number("end")
    ours = context.areas.get(name)
    if ours is None:
        if name in _SECTIONS and not context.basis.from_log:
            return unmodelled(said, "the symbols do not have its bounds")
        return contradicted(said, f"an area {name}", "no such area")
    if name == "vector":  # the message always counts one page (arch/arm/mm/init.c mem_init)
        return judge(said, [Claim("start", start, ours.start)])
    return judge(
        said,
        [
            Claim("start", start, ours.start, context.taken(f"{name}.start")),
            Claim("end", end, ours.end, context.taken(f"{name}.end")),
        ],
    )


def other_area(context: Context, said: Said) -> Judged:
    """Areas that hang on the CPU or the machine: TCM where its sizes are known, a vendor's own not."""
    name = said.word("name")
    if name in _TCM and name in context.areas:
        return area(context, said)
    if name == "DMA":
        return unmodelled(said, "the area of consistent memory has the size that the machine gives it")
    if name in _TCM:
        return unmodelled(said, f"tightly coupled memory is what the CPU finds (--{name.lower()})")
    return unmodelled(said, "an area of a vendor's own")


def tcm_moved(context: Context, said: Said) -> Judged:
    """A bank of tightly coupled memory, moved to its place."""
    if said.word("name") not in context.areas:
        return unmodelled(said, f"tightly coupled memory is what the CPU finds (--{said.word('name').lower()})")
    text = " ".join(said.text.split())
    for line in context.said_left:
        if context.said_left[line] and line.startswith(text):
            context.said_left[line] -= 1
            return matched(said)
    return contradicted(said, said.text, "no such bank is moved there")


def policy(context: Context, said: Said) -> Judged:
    """The cache policy of RAM."""
    table = context.state.mem_types
    if table is None:
        return contradicted(said, said.word("name"), "the boot ended before")
    ecc = bool(table.ecc_mask)
    if said.word("name") != table.policy or ("ecc" in said and (said.word("ecc") == "enabled") != ecc):
        return contradicted(said, said.word("name"), table.policy)
    return told(said) if context.taken("policy") else matched(said)
