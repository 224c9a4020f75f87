"""The lines of reserved memory: contiguous areas, pools of /reserved-memory, and the initrd that is given back.

Source: mm/cma.c, kernel/dma/contiguous.c, kernel/dma/coherent.c, drivers/of/of_reserved_mem.c, init/initramfs.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.bootlog.claims.context import contradicted, matched, told, unmodelled
from bootmap.bootlog.claims.given_up import verbatim
from bootmap.bootlog.judgement import Claim, judge
from bootmap.units import KIB, MIB, PAGE_SIZE, align_down, align_up

if TYPE_CHECKING:
    from bootmap.bootlog.claims.context import Context
    from bootmap.bootlog.judgement import Judged
    from bootmap.bootlog.log import Said


def cma(context: Context, said: Said) -> Judged:
    """An area that the kernel says it reserved: the default one, or one of the machine's."""
    if not context.kernel.has("cma"):
        return unmodelled(said, "contiguous memory areas came with 3.5: a back-port")
    if said.line in context.own_areas:
        return unmodelled(said, "an area of the machine's own: its reserve callback is not known")
    area = context.state.default_cma
    if area is None:
        return contradicted(said, said.text, "no default area")
    if context.dma_unknown and said.number("base") != area.base:
        return unmodelled(said, "the machine's dma_zone_size, below which it lies, is not known")
    size = Claim("MiB", said.number("mib"), area.size // MIB, context.taken("cma.mib"), True)
    base = area.base if context.basis.phys_known else None
    claim = Claim("base", said.number("base"), base, context.taken(f"phys:{said.line}"))
    return judge(said, [claim, size], context.where_ram)


def cma_failed(context: Context, said: Said) -> Judged:
    """No area."""
    if context.state.default_cma is not None:
        return contradicted(said, said.text, f"an area at {context.state.default_cma.base:#010x}")
    return matched(said)


def cma_limit(context: Context, said: Said) -> Judged:
    """An area that must end below a limit and does not; the limit is where lowmem ends."""
    limit = context.state.vars.arm_lowmem_limit
    if said.number("to") == limit:
        return matched(said)
    return contradicted(said, f"lowmem ends at {said.number('to'):#010x}", f"lowmem ends at {limit:#010x}")


def pool(context: Context, said: Said) -> Judged:
    """An area of a driver's, by its size."""
    taken = context.taken(f"pool:{said.line}")
    areas = [area for area in context.state.reserved_areas if area.base == said.number("base")]
    sizes = [area.size // MIB for area in areas]
    size = said.number("mib")
    if not areas:
        return contradicted(said, said.text, "no area there")
    return judge(said, [Claim("MiB", size, size if size in sizes else sizes[0], taken, True)])


def node(context: Context, said: Said) -> Judged:
    """An area of /reserved-memory, by its range and whether it stays mapped."""
    taken = context.taken(f"node:{said.line}")
    areas = [area for area in context.state.reserved_areas if area.base == said.number("start")]
    if not areas:
        return contradicted(said, said.text, "no area there")
    return judge(
        said,
        [
            Claim("last", said.number("last"), areas[-1].base + areas[-1].size - 1, taken),
            Claim("nomap", int(said.word("map") == "nomap"), int(areas[-1].nomap), taken, True),
        ],
    )


def region(context: Context, said: Said) -> Judged:
    """An area of /reserved-memory by its base, in the words of some versions and vendors."""
    if context.taken(f"{said.kind}:{said.line}"):
        return told(said)
    base, size = said.number("base"), said.number("mib")
    areas = [area for area in context.state.reserved_areas if area.base == base]
    if not areas:
        return contradicted(said, said.text, "no area there")
    return judge(said, [Claim("MiB", size, areas[-1].size // MIB, False, True)])


def trouble(context: Context, said: Said) -> Judged:
    """Trouble with a node of /reserved-memory, of which a board made from a log has only those that were made."""
    if context.basis.from_log:
        return unmodelled(said, "the device tree is not known")
    return verbatim(context, said)


def freed_initrd(context: Context, said: Said) -> Judged:
    """The initrd, given back once it is unpacked: whole pages; it was not disabled, then."""
    variables = context.state.vars
    start, size = variables.phys_initrd_start, variables.phys_initrd_size
    lost = next((hazard for hazard in context.prediction.hazards if hazard.id == "initrd-disabled"), None)
    if lost is not None:
        return contradicted(said, "the initrd was unpacked and given back", lost.message)
    if not size:
        return unmodelled(said, "where the boot loader put the initrd is not known (--initrd)")
    kib = (align_up(start + size, PAGE_SIZE) - align_down(start, PAGE_SIZE)) // KIB
    return judge(said, [Claim("K of the initrd", said.number("kib"), kib, False, True)])
