"""Linux's own page table bits on ARM: L_PTE_*, PMD_* and PTE_EXT_*, for the two table formats.

The short format keeps two words for a small page: Linux's (L_PTE_*) and the hardware's; the long format
has one word for both.  These are the kernel's names for bits; what the hardware makes of a word is
told in ``short_desc`` and ``long_desc``.

Sources: arch/arm/include/asm/pgtable-2level.h, pgtable-2level-hwdef.h, pgtable-3level.h,
pgtable-3level-hwdef.h, domain.h.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Mapping


class PmdBits(Struct, frozen=True):
    """Bits of a first-level (short) or pmd (long) descriptor as Linux writes it; 0 where the format has none."""

    table: int
    sect: int
    bit4: int
    protection: int
    bufferable: int
    cacheable: int
    ap_write: int
    ap_read: int
    apx: int
    ap2: int
    rdonly: int
    s: int
    af: int
    ng: int
    xn: int
    supersection: int
    tex_shift: int | None
    domain_shift: int | None
    uncached: int
    buffered: int
    wt: int
    wb: int
    wbwa: int
    minicache: int
    bad: int
    """A bit that a good table descriptor never has set: ``pmd_bad()`` tests it."""
    bad_when_set: bool

    def tex(self, value: int) -> int:
        """``PMD_SECT_TEX(value)``; 0 in a format without TEX bits."""
        return 0 if self.tex_shift is None else value << self.tex_shift

    def domain(self, value: int) -> int:
        """``PMD_DOMAIN(value)``; 0 in a format without domains."""
        return 0 if self.domain_shift is None else value << self.domain_shift

    def is_bad(self, word: int) -> bool:
        """Whether ``pmd_bad()`` would say that this word is no table descriptor."""
        return bool(word & self.bad) is self.bad_when_set


class PteBits(Struct, frozen=True):
    """Bits of Linux's pte word."""

    valid: int
    present: int
    young: int
    dirty: int
    rdonly: int
    user: int
    xn: int
    shared: int
    none: int
    special: int
    pxn: int
    af: int
    mt_mask: int
    mt: Mapping[str, int]
    """Memory type field by kernel name without ``L_PTE_MT_``, already shifted into place."""


class LinuxFormat(Struct, frozen=True, eq=False):
    """One page table format as Linux sees it; there are the three below, each equal to itself only.

    Attributes:
        name: "short" or "long".
        word_bytes: bytes of one descriptor.
        section_size: bytes that one section (block) descriptor maps.
        pmd_size: bytes that one Linux pmd stands for (a pair of descriptors in the short format).
        pgd_bytes: size of the area head.S clears and memblock reserves at swapper_pg_dir.
        pmd_area_offset: bytes from swapper_pg_dir to the first pmd: in the long format the pgd has a page of its own.
        ptes_per_table: ptes in one page table page.
        pte_hwtable_offset: bytes from Linux's ptes to the hardware's in the same page; 0 if one and the same.
    """

    name: str
    word_bytes: int
    section_size: int
    pmd_size: int
    pgd_bytes: int
    pmd_area_offset: int
    ptes_per_table: int
    pte_hwtable_offset: int
    pmd: PmdBits
    pte: PteBits


SHORT = LinuxFormat(
    name="short",
    word_bytes=4,
    section_size=1 << 20,
    pmd_size=1 << 21,
    pgd_bytes=0x4000,
    pmd_area_offset=0,
    ptes_per_table=512,
    pte_hwtable_offset=2048,
    pmd=PmdBits(
        table=1 << 0,
        sect=2 << 0,
        bit4=1 << 4,
        protection=1 << 9,
        bufferable=1 << 2,
        cacheable=1 << 3,
        ap_write=1 << 10,
        ap_read=1 << 11,
        apx=1 << 15,
        ap2=0,
        rdonly=0,
        s=1 << 16,
        af=0,
        ng=1 << 17,
        xn=1 << 4,
        supersection=1 << 18,
        tex_shift=12,
        domain_shift=5,
        uncached=0,
        buffered=1 << 2,
        wt=1 << 3,
        wb=3 << 2,
        wbwa=1 << 12 | 3 << 2,
        minicache=1 << 12 | 1 << 3,
        bad=2,
        bad_when_set=True,
    ),
    pte=PteBits(
        valid=1 << 0,
        present=1 << 0,
        young=1 << 1,
        dirty=1 << 6,
        rdonly=1 << 7,
        user=1 << 8,
        xn=1 << 9,
        shared=1 << 10,
        none=1 << 11,
        special=0,
        pxn=0,
        af=0,
        mt_mask=0xF << 2,
        mt=MappingProxyType(
            {
                "UNCACHED": 0x0 << 2,
                "BUFFERABLE": 0x1 << 2,
                "WRITETHROUGH": 0x2 << 2,
                "WRITEBACK": 0x3 << 2,
                "DEV_SHARED": 0x4 << 2,
                "MINICACHE": 0x6 << 2,
                "WRITEALLOC": 0x7 << 2,
                "DEV_WC": 0x9 << 2,
                "DEV_CACHED": 0xB << 2,
                "DEV_NONSHARED": 0xC << 2,
                "VECTORS": 0xF << 2,
            }
        ),
    ),
)

LONG = LinuxFormat(
    name="long",
    word_bytes=8,
    section_size=1 << 21,
    pmd_size=1 << 21,
    pgd_bytes=0x5000,
    pmd_area_offset=0x1000,
    ptes_per_table=512,
    pte_hwtable_offset=0,
    pmd=PmdBits(
        table=3 << 0,
        sect=1 << 0,
        bit4=0,
        protection=0,
        bufferable=1 << 2,
        cacheable=1 << 3,
        ap_write=0,
        ap_read=0,
        apx=0,
        ap2=1 << 7,
        rdonly=1 << 58,
        s=3 << 8,
        af=1 << 10,
        ng=1 << 11,
        xn=1 << 54,
        supersection=0,
        tex_shift=None,
        domain_shift=None,
        uncached=0 << 2,
        buffered=1 << 2,
        wt=2 << 2,
        wb=3 << 2,
        wbwa=7 << 2,
        minicache=0,
        bad=2,
        bad_when_set=False,
    ),
    pte=PteBits(
        valid=1 << 0,
        present=3 << 0,
        young=1 << 10,
        dirty=1 << 55,
        rdonly=1 << 58,
        user=1 << 6,
        xn=1 << 54,
        shared=3 << 8,
        none=1 << 57,
        special=1 << 56,
        pxn=1 << 53,
        af=1 << 10,
        mt_mask=7 << 2,
        mt=MappingProxyType(
            {
                "UNCACHED": 0 << 2,
                "BUFFERABLE": 1 << 2,
                "WRITETHROUGH": 2 << 2,
                "WRITEBACK": 3 << 2,
                "DEV_SHARED": 4 << 2,
                "DEV_NONSHARED": 4 << 2,
                "DEV_WC": 1 << 2,
                "DEV_CACHED": 3 << 2,
                "WRITEALLOC": 7 << 2,
                "VECTORS": 0,
            }
        ),
    ),
)

L_PGD_SWAPPER = 1 << 55
"""head.S marks the four first-level entries of the long format with it (pgtable-3level.h)."""

PTE_AP2_LONG = 1 << 7
"""Read-only to the hardware in the long format (PTE_AP2)."""

LONG_RDONLY_AP2 = replace(LONG, pte=replace(LONG.pte, rdonly=PTE_AP2_LONG))
"""The long format before 3.17: L_PTE_RDONLY is the hardware's own bit (commit ded9477984690d)."""

# Short-format hardware ptes (pgtable-2level-hwdef.h).
PTE_TYPE_EXT = 3 << 0
PTE_TYPE_SMALL = 2 << 0
PTE_BUFFERABLE = 1 << 2
PTE_CACHEABLE = 1 << 3
PTE_EXT_XN = 1 << 0
PTE_EXT_AP0 = 1 << 4
PTE_EXT_AP1 = 2 << 4
PTE_EXT_APX = 1 << 9
PTE_EXT_COHERENT = 1 << 9
PTE_EXT_SHARED = 1 << 10
PTE_EXT_NG = 1 << 11
PTE_SMALL_AP_UNO_SRO = 0x00 << 4
PTE_SMALL_AP_UNO_SRW = 0x55 << 4
PTE_SMALL_AP_URO_SRW = 0xAA << 4
PTE_SMALL_AP_URW_SRW = 0xFF << 4


def pte_ext_tex(value: int) -> int:
    """``PTE_EXT_TEX(value)``: TEX of a small page descriptor."""
    return value << 6


class CachePolicy(Struct, frozen=True):
    """One row of the kernel's cache policies: what ``cachepolicy=`` may select."""

    name: str
    pmd: str
    """Name of the PmdBits attribute with its section bits."""
    pte: str
    """Name in PteBits.mt of its memory type."""


CACHE_POLICIES = (
    CachePolicy("uncached", "uncached", "UNCACHED"),
    CachePolicy("buffered", "buffered", "BUFFERABLE"),
    CachePolicy("writethrough", "wt", "WRITETHROUGH"),
    CachePolicy("writeback", "wb", "WRITEBACK"),
    CachePolicy("writealloc", "wbwa", "WRITEALLOC"),
)
"""In the order of the kernel's ``cache_policies`` (arch/arm/mm/mmu.c), weakest first."""

POLICY_BUFFERED, POLICY_WRITETHROUGH, POLICY_WRITEBACK, POLICY_WRITEALLOC = 1, 2, 3, 4
