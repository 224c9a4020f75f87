"""Short-descriptor translation tables, ARMv4 to ARMv7: every kind of descriptor, bit by bit.

    31             20 19        12 11         0        first level: one entry per 1 MiB,
    +----------------+------------+------------+      4096 of them (fewer under TTBR0 when TTBCR.N > 0)
    | first-level    | second     | offset     |      second level: 256 entries of 4 KiB (coarse) or
    | index          | level      | in page    |      1024 of 1 KiB (fine, up to ARMv5)
    +----------------+------------+------------+

What the attribute fields mean is in ``permissions`` and ``memory_attrs``; which format a CPU uses under
which register setting is in ``regs``.  Left out: the coprocessor-defined supersections of XScale 3.

Sources: DDI 0406C B3.5 (ARMv7), DDI 0100I B4.7 and B4.8 (ARMv4 to ARMv6), DDI 0301H 6.11 (ARM1176, both
formats of ARMv6), Intel XScale Core Developer's Manual 3.2.2 (TEX of the extended formats).
"""

from __future__ import annotations

from bootmap.facts.arm.descriptors import Descriptor, Level, block, invalid, table
from bootmap.facts.arm.layout import Bits, Layout, address, bits, fixed, ignored, reserved

_NS = bits("NS", 1, "Non-secure: the output address is in the Non-secure space (Secure state only)")
_NG = bits("nG", 1, "not global: the TLB entry belongs to the current ASID")
_S = bits("S", 1, "shareable")
_AP2 = bits("AP[2]", 1, "access permissions, upper bit: 1 for read-only")
_AP = bits("AP[1:0]", 2, "access permissions")
_TEX = bits("TEX", 3, "type extension of C and B")
_C = bits("C", 1, "cacheable")
_B = bits("B", 1, "bufferable")
_XN = bits("XN", 1, "execute never")
_PXN = bits("PXN", 1, "privileged execute never")
_DOMAIN = bits("domain", 4, "index into DACR")
_ECC = ignored("IMP", 1, "implementation defined: ECC (P) up to ARMv6")
_BIT4 = ignored("bit 4", 1, "implementation defined, should be one on most cores up to ARMv5")
_SUBPAGE_AP = tuple(bits(f"AP{n}", 2, f"access permissions of quarter {n} of the page") for n in (3, 2, 1, 0))


_FAULT = Layout("fault", 32, ignored("ignored", 30), fixed("type", 2, 0b00))
_RESERVED = Layout("reserved", 32, ignored("ignored", 30), fixed("type", 2, 0b11))

# --- ARMv6 (SCTLR.XP = 1) and ARMv7 ---------------------------------------------------------------

_SECTION_ROWS: tuple[Bits, ...] = (
    address("base", 12, at=20),
    _NS,
    fixed("supersection", 1, 0),
    _NG,
    _S,
    _AP2,
    _TEX,
    _AP,
    _ECC,
    _DOMAIN,
    _XN,
    _C,
    _B,
)
_SUPERSECTION_ROWS: tuple[Bits, ...] = (
    address("base", 8, at=24),
    address("base[35:32]", 4, at=32),
    _NS,
    fixed("supersection", 1, 1),
    _NG,
    _S,
    _AP2,
    _TEX,
    _AP,
    _ECC,
    address("base[39:36]", 4, at=36),
    _XN,
    _C,
    _B,
)
_TYPE_10 = fixed("type", 2, 0b10)
_TYPE_1_PXN = (fixed("type", 1, 1), _PXN)

SECTION = Layout("section", 32, *_SECTION_ROWS, _TYPE_10)
SECTION_PXN = Layout("section", 32, *_SECTION_ROWS, *_TYPE_1_PXN)
SUPERSECTION = Layout("supersection", 32, *_SUPERSECTION_ROWS, _TYPE_10)
SUPERSECTION_PXN = Layout("supersection", 32, *_SUPERSECTION_ROWS, *_TYPE_1_PXN)

_COARSE_ROWS: tuple[Bits, ...] = (address("base", 22, at=10), _ECC, _DOMAIN, reserved(1), _NS)
COARSE = Layout("page table", 32, *_COARSE_ROWS, reserved(1), fixed("type", 2, 0b01))
COARSE_PXN = Layout("page table", 32, *_COARSE_ROWS, _PXN, fixed("type", 2, 0b01))

LARGE_PAGE = Layout(
    "large page",
    32,
    address("base", 16, at=16),
    _XN,
    _TEX,
    _NG,
    _S,
    _AP2,
    reserved(3),
    _AP,
    _C,
    _B,
    fixed("type", 2, 0b01),
)
SMALL_PAGE = Layout(
    "small page",
    32,
    address("base", 20, at=12),
    _NG,
    _S,
    _AP2,
    _TEX,
    _AP,
    _C,
    _B,
    fixed("type", 1, 1),
    _XN,
)

# --- up to ARMv5, and ARMv6 with subpages enabled (SCTLR.XP = 0) ----------------------------------

SECTION_V5 = Layout("section", 32, address("base", 12, at=20), reserved(8), _AP, _ECC, _DOMAIN, _BIT4, _C, _B, _TYPE_10)
SECTION_XSCALE = Layout(
    "section",
    32,
    address("base", 12, at=20),
    reserved(5),
    _TEX,
    _AP,
    _ECC,
    _DOMAIN,
    _BIT4,
    _C,
    _B,
    _TYPE_10,
)
SECTION_SUBPAGES = Layout(
    "section",
    32,
    address("base", 12, at=20),
    _NS,
    fixed("supersection", 1, 0),
    reserved(3),
    _TEX,
    _AP,
    _ECC,
    _DOMAIN,
    _BIT4,
    _C,
    _B,
    _TYPE_10,
)
SUPERSECTION_SUBPAGES = Layout(
    "supersection",
    32,
    address("base", 8, at=24),
    reserved(4),
    _NS,
    fixed("supersection", 1, 1),
    reserved(3),
    _TEX,
    _AP,
    _ECC,
    ignored("ignored", 4),
    _BIT4,
    _C,
    _B,
    _TYPE_10,
)
COARSE_V5 = Layout(
    "coarse page table",
    32,
    address("base", 22, at=10),
    _ECC,
    _DOMAIN,
    _BIT4,
    reserved(2),
    fixed("type", 2, 0b01),
)
COARSE_SUBPAGES = Layout(
    "coarse page table",
    32,
    address("base", 22, at=10),
    _ECC,
    _DOMAIN,
    _BIT4,
    _NS,
    reserved(1),
    fixed("type", 2, 0b01),
)
FINE_V5 = Layout(
    "fine page table",
    32,
    address("base", 20, at=12),
    reserved(3),
    _DOMAIN,
    _BIT4,
    reserved(2),
    fixed("type", 2, 0b11),
)
LARGE_PAGE_V5 = Layout(
    "large page", 32, address("base", 16, at=16), reserved(4), *_SUBPAGE_AP, _C, _B, fixed("type", 2, 0b01)
)
LARGE_PAGE_TEX = Layout(
    "large page",
    32,
    address("base", 16, at=16),
    reserved(1),
    _TEX,
    *_SUBPAGE_AP,
    _C,
    _B,
    fixed("type", 2, 0b01),
)
SMALL_PAGE_V5 = Layout("small page", 32, address("base", 20, at=12), *_SUBPAGE_AP, _C, _B, _TYPE_10)
EXTENDED_SMALL_PAGE = Layout(
    "extended small page",
    32,
    address("base", 20, at=12),
    reserved(3),
    _TEX,
    _AP,
    _C,
    _B,
    fixed("type", 2, 0b11),
)
TINY_PAGE = Layout("tiny page", 32, address("base", 22, at=10), reserved(4), _AP, _C, _B, fixed("type", 2, 0b11))

# --- levels ---------------------------------------------------------------------------------------

_INVALID = (invalid(_FAULT), invalid(_RESERVED))


def _second(index_low: int, *descriptors: Descriptor) -> Level:
    return Level(2, 4, index_low, 20 - index_low, descriptors)


def _first(*descriptors: Descriptor) -> Level:
    return Level(1, 4, 20, 12, descriptors)


_PAGES_V6 = _second(12, invalid(_FAULT), block(LARGE_PAGE, 16), block(SMALL_PAGE, 12))
_PAGES_V5 = _second(12, *_INVALID, block(LARGE_PAGE_V5, 16), block(SMALL_PAGE_V5, 12))
_PAGES_TEX = _second(
    12,
    invalid(_FAULT),
    block(LARGE_PAGE_TEX, 16),
    block(SMALL_PAGE_V5, 12),
    block(EXTENDED_SMALL_PAGE, 12),
)
_FINE_V5 = _second(10, invalid(_FAULT), block(LARGE_PAGE_V5, 16), block(SMALL_PAGE_V5, 12), block(TINY_PAGE, 10))
_FINE_TEX = _second(10, invalid(_FAULT), block(LARGE_PAGE_TEX, 16), block(SMALL_PAGE_V5, 12), block(TINY_PAGE, 10))

V5 = _first(invalid(_FAULT), table(COARSE_V5, _PAGES_V5), table(FINE_V5, _FINE_V5), block(SECTION_V5, 20))
XSCALE = _first(invalid(_FAULT), table(COARSE_V5, _PAGES_TEX), table(FINE_V5, _FINE_TEX), block(SECTION_XSCALE, 20))
V6_SUBPAGES = _first(
    *_INVALID,
    table(COARSE_SUBPAGES, _PAGES_TEX),
    block(SECTION_SUBPAGES, 20),
    block(SUPERSECTION_SUBPAGES, 24),
)
V6 = _first(*_INVALID, table(COARSE, _PAGES_V6), block(SECTION, 20), block(SUPERSECTION, 24))
V7_PXN = _first(invalid(_FAULT), table(COARSE_PXN, _PAGES_V6), block(SECTION_PXN, 20), block(SUPERSECTION_PXN, 24))
