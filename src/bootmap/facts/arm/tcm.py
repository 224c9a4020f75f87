"""Tightly coupled memory: where the kernel moves it, and what sizes there are.

    0xfffe0000   instruction TCM, as large as its banks        at most 32 KiB of each are meant to be there
    0xfffe8000   data TCM                                      0xffff0000 are the vectors

Sources: arch/arm/include/asm/memory.h ``ITCM_OFFSET``, ``DTCM_OFFSET``; arch/arm/kernel/tcm.c ``setup_tcm_bank`` for
the sizes that a region register can say (CP15 c9 of ARM926EJ-S, ARM1136 and ARM1176; DDI 0198, 0211, 0301).
"""

from __future__ import annotations

from msgspec import Struct

from bootmap.units import KIB


class TcmKind(Struct, frozen=True):
    """One of the two memories.

    Attributes:
        name: as the kernel calls it.
        base: where its banks go, virtual address and physical address.
        type: memory type without ``MT_``.
        symbols: first and last of what is linked to run or lie there.
        option: how the user says its size.
    """

    name: str
    base: int
    type: str
    symbols: tuple[str, str]
    option: str


DTCM = TcmKind("DTCM", 0xFFFE8000, "MEMORY_RW_DTCM", ("__sdtcm_data", "__edtcm_data"), "--dtcm")
ITCM = TcmKind("ITCM", 0xFFFE0000, "MEMORY_RWX_ITCM", ("__sitcm_text", "__eitcm_text"), "--itcm")

MAX_BANKS = 2
"""Banks of each kind: what TCMTR counts beyond is reserved."""
BANK_SIZES = tuple(4 * KIB << n for n in range(9))
"""4 KiB to 1 MiB."""
LARGEST_BANK = 32 * KIB
"""A larger one ends tcm_init (arch/arm/kernel/tcm.c ``setup_tcm_bank``)."""
