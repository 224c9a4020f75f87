"""The walk that the program crash does for ``vtop`` on 32-bit ARM: Linux's halves only, sections of one size.

It is kept as crash does it, so that its output can be compared: an address of lowmem has the physical address that the
straight map gives it, whatever the tables say; supersections are taken for sections of 1 MiB, and in the long format
the flags are read from the short format's bits.

Source: crash 8.0.6, arm.c ``arm_kvtop``, ``arm_vtop``, ``arm_lpae_vtop``, ``arm_translate_pte``; tables since 2.6.38.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.linux.linux_prot import LONG, SHORT
from bootmap.shown import Shown
from bootmap.units import PAGE_SHIFT, PAGE_SIZE, Span

if TYPE_CHECKING:
    from bootmap.mmu.memory import Memory

_TYPE, _SECTION, _LONG_SECTION = 3, 2, 1
_LONG_PAGE = 0xF_FFFF_F000  # 36 bits of physical address
_PGD_SHIFT_LONG, _PMD_SHIFT, _SECTION_SHIFT = 30, 21, 20


class Lowmem(Shown, Struct, frozen=True):
    """What crash does not walk for.

    Attributes:
        span: PAGE_OFFSET to high_memory.
        phys_offset: the physical address of its start.
    """

    span: Span
    phys_offset: int


class Vtop(Shown, Struct, frozen=True):
    """What crash prints of one address.

    Attributes:
        va: the address.
        pa: the physical address, None where it is not mapped; in lowmem that of the straight map, mapped or not.
        directory: address of the page directory, virtual.
        long: long descriptors.
        pgd: address and value of the first entry; the address is physical in the long format, else virtual.
        pte: physical address and value of the Linux pte, None where the walk ended before.
        page: physical address of the page, None where the pte maps none.
        section: base and bytes of the section, None where there is none.
    """

    va: int
    pa: int | None
    directory: int
    long: bool
    pgd: tuple[int, int]
    pte: tuple[int, int] | None = None
    page: int | None = None
    section: tuple[int, int] | None = None


def vtop(
    memory: Memory, order: str, root: int, directory: int, va: int, lowmem: Lowmem | None = None, *, long: bool
) -> Vtop:
    """Walk ``va``.

    Args:
        memory: physical memory.
        order: byte order of the tables, ``little`` or ``big``.
        root: physical address of the page directory.
        directory: its virtual address, which crash knows it by.
        va: the address.
        lowmem: the straight map, where known.
        long: long descriptors.

    Raises:
        LookupError: an entry is not in ``memory``.
    """
    form = LONG if long else SHORT
    straight = lowmem.phys_offset + va - lowmem.span.start if lowmem is not None and va in lowmem.span else None

    def word(pa: int) -> int:
        return int.from_bytes(memory.read(pa, form.word_bytes), "big" if order == "big" else "little")

    offset = (va >> (_PGD_SHIFT_LONG if long else _SECTION_SHIFT)) * form.word_bytes
    pgd = word(root + offset)
    first = ((root if long else directory) + offset, pgd)
    pmd, size, kind = pgd, SHORT.section_size, _SECTION
    if long and pgd:
        pmd = word((pgd & _LONG_PAGE) + (va >> _PMD_SHIFT & (form.ptes_per_table - 1)) * form.word_bytes)
        size, kind = LONG.section_size, _LONG_SECTION
    if not pmd:
        return Vtop(va, straight, directory, long, first)
    if pmd & _TYPE == kind:
        base = pmd & (_LONG_PAGE if long else 0xFFFFFFFF) & -size
        pa = base + (va & (size - 1)) if straight is None else straight
        return Vtop(va, pa, directory, long, first, section=(base, size))
    page = pmd & (_LONG_PAGE if long else 0xFFFFFFFF & -PAGE_SIZE)
    at = page + (va >> PAGE_SHIFT & (form.ptes_per_table - 1)) * form.word_bytes
    pte = word(at)
    if not pte & SHORT.pte.present:
        return Vtop(va, straight, directory, long, first, pte=(at, pte))
    base = pte & (_LONG_PAGE if long else 0xFFFFFFFF & -PAGE_SIZE)
    pa = base + (va & (PAGE_SIZE - 1)) if straight is None else straight
    return Vtop(va, pa, directory, long, first, pte=(at, pte), page=base)
