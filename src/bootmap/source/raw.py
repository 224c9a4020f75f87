"""Page tables as an ELF core: every page that holds one, with the registers and what is known of the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.analysis.registers import named
from bootmap.errors import AbsentMemoryError
from bootmap.image.core_file import core_file
from bootmap.image.facts import KernelFacts
from bootmap.units import PAGE_SIZE, align_down

if TYPE_CHECKING:
    from bootmap.source.tables import Tables


def core_of(tables: Tables) -> bytes:
    """The file's bytes; `open_tables` reads it back.

    Raises:
        AbsentMemoryError: none of the tables is in the source.
    """
    listed = tables.map.tables
    pages = {}
    for page in sorted({page for table in listed for page in _pages(table.pa, table.size)}):
        try:
            pages[page] = tables.memory.read(page, PAGE_SIZE)
        except LookupError:
            for table in listed:  # less than a page of it is held: a recording's long root is 32 bytes
                if align_down(table.pa, PAGE_SIZE) == page and table.size < PAGE_SIZE:
                    pages[table.pa] = tables.memory.read(table.pa, table.size)
    if not pages:
        raise AbsentMemoryError(tables.regs.ttbr0, f"{tables.name}: none of the tables is there")
    facts = KernelFacts(
        version=tables.version,
        arch=tables.regs.arch,
        page_offset=tables.page_offset,
        phys_offset=tables.phys_offset,
        high_memory=tables.high_memory,
    )
    registers = named(tables.regs) | ({"secure": 1} if tables.regs.secure else {})
    return core_file(pages, registers, facts, tables.assumptions)


def _pages(pa: int, size: int) -> range:
    return range(align_down(pa, PAGE_SIZE), pa + size, PAGE_SIZE)
