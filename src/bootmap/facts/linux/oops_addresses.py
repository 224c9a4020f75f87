"""Addresses that say by themselves what went wrong: what the kernel writes into freed and unused memory.

Sources: include/linux/poison.h (LIST_POISON1 and 2 are 0x100 and 0x122 or, up to 4.20, 0x200; up to 4.2 0x00100100 and
0x00200200), mm/slub.c and mm/slab.c (POISON_FREE, POISON_INUSE), arch/arm/kernel/traps.c and entry code (none),
include/linux/err.h (MAX_ERRNO).
"""

from __future__ import annotations

from typing import NamedTuple

from bootmap.units import PAGE_SIZE


class AddressMark(NamedTuple):
    """Addresses from ``first`` to ``last`` with what they are a sign of."""

    first: int
    last: int
    meaning: str


# Members lie behind the pointer, so that a little more than the value is a sign, too.
_MEMBERS = 0xFF
_MAX_ERRNO = 4095

MARKERS: tuple[AddressMark, ...] = (
    AddressMark(0x00000100, 0x00000107, "LIST_POISON1 (0x100): an entry that was deleted from its list already"),
    AddressMark(0x00000122, 0x00000129, "LIST_POISON2 (0x122): an entry that was deleted from its list already"),
    AddressMark(0x00000200, 0x00000207, "LIST_POISON2 (0x200, up to 4.20): an entry deleted from its list already"),
    AddressMark(0x00100100, 0x00100107, "LIST_POISON1 (up to 4.2): an entry that was deleted from its list already"),
    AddressMark(0x00200200, 0x00200207, "LIST_POISON2 (up to 4.2): an entry that was deleted from its list already"),
    AddressMark(0x6B6B6B6B, 0x6B6B6B6B + _MEMBERS, "POISON_FREE (0x6b): a pointer read from memory that was freed"),
    AddressMark(0x5A5A5A5A, 0x5A5A5A5A + _MEMBERS, "POISON_INUSE (0x5a): a pointer read from memory never written to"),
    AddressMark(0x00000000, PAGE_SIZE - 1, "a NULL pointer, or a member of what it points to"),
    AddressMark(0xFFFFFFFF - _MAX_ERRNO + 1, 0xFFFFFFFF,
                "an error number taken for a pointer, or a member before NULL"),
)
"""The first that holds an address is meant."""
