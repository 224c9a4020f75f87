"""The last permissions of the kernel image: free_initmem takes execution away, mark_rodata_ro takes writing away.

They are changed section by section and so need an image whose parts are aligned to sections; the kernel refuses
others with a message.  Source: arch/arm/mm/init.c ``section_perm``, ``set_section_perms``, ``free_initmem``,
``mark_rodata_ro``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bootmap.boot.trace import Origin
from bootmap.units import align_down

if TYPE_CHECKING:
    from bootmap.boot.state import BootState


class SectionPerm(NamedTuple):
    """One range of sections: virtual bytes ``[start, end)``, bits to clear and bits to set."""

    name: str
    start: int
    end: int
    clear: int
    set: int


def section_perms(state: BootState) -> list[SectionPerm]:
    """What free_initmem and mark_rodata_ro change, in their order."""
    kernel, pmd = state.kernel, state.kernel.format.pmd
    symbols = kernel.symbols
    stext, init_begin, sdata = symbols.require("_stext", "__init_begin", "_sdata")
    rows = [
        SectionPerm("pre-text NX", kernel.page_offset, stext, pmd.xn, pmd.xn),
        SectionPerm("init NX", init_begin, sdata, pmd.xn, pmd.xn),
    ]
    if "__start_rodata_section_aligned" in symbols:
        rows.append(SectionPerm("rodata NX", symbols["__start_rodata_section_aligned"], init_begin, pmd.xn, pmd.xn))
    elif kernel.config.enabled("DEBUG_ALIGN_RODATA") or kernel.config.enabled("DEBUG_RODATA"):
        rodata = align_down(
            symbols.require("__start_rodata")[0] + kernel.format.section_size - 1, kernel.format.section_size
        )
        rows.append(SectionPerm("rodata NX", rodata, init_begin, pmd.xn, pmd.xn))
    bits = pmd.apx | pmd.ap_write
    if kernel.format.name == "long":
        bits = pmd.rdonly | (pmd.ap2 if kernel.has("ro_perms_ap2") else 0)
    rows.append(SectionPerm("text/rodata RO", stext, init_begin, bits, bits))
    return rows


def mark_rodata_ro(state: BootState) -> None:
    """Apply the final permissions to swapper_pg_dir."""
    kernel, cpu = state.kernel, state.handover.cpu
    if not kernel.has("final_permissions") or cpu.arch < 6 or not cpu.xp or kernel.has("xip"):
        return
    size, tables = kernel.format.section_size, state.tables
    for perm in section_perms(state):
        if perm.start % size or perm.end % size:
            state.print(f"BUG: {perm.name} section {perm.start:x}-{perm.end:x} not aligned to {size:x}")
            continue
        at, count = state.descriptor_address(perm.start), max(0, perm.end - perm.start) // size
        if count:
            clear, bits = tables.dtype.type(perm.clear), tables.dtype.type(perm.set)
            words = tables.words(at, count) & ~clear | bits
            tables.write(at, words, state.cause(perm.name, origin=Origin("set_section_perms", perm.name)))
