"""The lines in which the kernel gives something up, word for word as they are predicted: RAM, an initrd, a mapping.

Source: arch/arm/mm/mmu.c, arch/arm/mm/init.c, arch/arm/kernel/setup.c, drivers/of/fdt.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.bootlog.claims.context import contradicted, matched, unmodelled
from bootmap.bootlog.judgement import judge

if TYPE_CHECKING:
    from bootmap.bootlog.claims.context import Context
    from bootmap.bootlog.judgement import Judged
    from bootmap.bootlog.log import Said


def verbatim(context: Context, said: Said) -> Judged:
    """A line that is predicted word for word."""
    text = " ".join((said.word("text") or said.text).split())
    for line in context.said_left:
        if context.said_left[line] and line.endswith(text):
            context.said_left[line] -= 1
            return matched(said)
    if not context.basis.phys_known:
        return unmodelled(said, context.where_ram)
    if not context.cmdline_known or context.taken("banks.unknown"):
        what = "the command line" if not context.cmdline_known else "where the banks are"
        return unmodelled(said, f"the log does not say {what}")
    head = text.split("0x")[0]
    ours = [line for line in context.said_left if context.said_left[line] and head in line]
    return contradicted(said, text, ours[0] if ours else "nothing of the kind")


def dt_block(context: Context, said: Said) -> Judged:
    """A bank that is dropped whole."""
    if context.basis.from_log:
        return unmodelled(said, "a memory node of no size: the device tree is not known")
    return verbatim(context, said)


def _ours(context: Context, head: str) -> list[list[int]]:
    """The numbers of the predicted lines that begin so, the digits after each ``-`` or ``0x``."""
    found = []
    for line in context.state.dmesg:
        if line.startswith(head):
            words = line.removeprefix(head).split("(")[0].replace(" to -", "-").strip().rstrip(".").split("-")
            found.append([int(word, 16) for word in words])
    return found


def ignoring(context: Context, said: Said) -> Judged:
    """RAM that is not used."""
    ours = _ours(context, "Ignoring RAM at ")
    match = next((row for row in ours if row[1] == said.number("last")), ours[0] if ours else None)
    if match is None:
        return contradicted(said, said.text, "all RAM is used")
    return judge(
        said,
        [
            context.claim("start", said.number("start"), match[0], physical=True),
            context.claim("end", said.number("last"), match[1], physical=True),
        ],
        context.where_ram,
    )


def truncating(context: Context, said: Said) -> Judged:
    """A bank that is cut."""
    ours = _ours(context, "Truncating RAM at ")
    match = next((row for row in ours if row[0] == said.number("start")), ours[0] if ours else None)
    if match is None:
        return contradicted(said, said.text, "no bank is cut")
    return judge(
        said,
        [
            context.claim("start", said.number("start"), match[0], physical=True),
            context.claim("end", said.number("last"), match[1], physical=True),
            context.claim("to", said.number("to"), match[2], physical=True),
        ],
        context.where_ram,
    )
