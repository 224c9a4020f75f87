"""Long-descriptor translation tables (LPAE): every kind of descriptor, bit by bit.

    31 30 29         21 20         12 11         0
    +----+-------------+-------------+------------+     64-bit descriptors, 40-bit physical addresses
    | L1 | level 2     | level 3     | offset     |     an entry covers 1 GiB, 2 MiB or 4 KiB
    +----+-------------+-------------+------------+

A walk starts at level 2 when TTBCR.TnSZ is 2 or more.  Stage 2 and the Hyp mode tables are left out:
Linux on 32-bit ARM used them for KVM only, until 5.6.

Source: DDI 0406C B3.6.
"""

from __future__ import annotations

from bootmap.facts.arm.descriptors import Level, block, invalid, table
from bootmap.facts.arm.layout import Bits, Layout, address, bits, fixed, ignored, reserved

OUTPUT_BITS = 40

_UPPER: tuple[Bits, ...] = (
    reserved(5),
    ignored("software", 4, "free for the operating system"),
    bits("XN", 1, "execute never"),
    bits("PXN", 1, "privileged execute never"),
    ignored("contiguous", 1, "hint: one of 16 adjacent entries with contiguous output"),
    reserved(12),
)
_LOWER: tuple[Bits, ...] = (
    bits("nG", 1, "not global: the TLB entry belongs to the current ASID"),
    bits("AF", 1, "access flag: 0 makes the first access fault"),
    bits("SH", 2, "shareability: 0 none, 2 outer, 3 inner"),
    bits("AP[2:1]", 2, "access permissions: AP[2] 1 for read-only, AP[1] 1 for PL0 too"),
    bits("NS", 1, "Non-secure: the output address is in the Non-secure space (Secure state only)"),
    bits("AttrIndx", 3, "index into MAIR0 (0-3) and MAIR1 (4-7)"),
)

TABLE = Layout(
    "table",
    64,
    bits("NSTable", 1, "everything below is Non-secure"),
    bits("APTable", 2, "for everything below: [1] no writes, [0] no access from PL0"),
    bits("XNTable", 1, "nothing below is executable"),
    bits("PXNTable", 1, "nothing below is executable at PL1"),
    reserved(19),
    address("base", 28, at=12),
    reserved(10),
    fixed("type", 2, 0b11),
)
BLOCK_1G = Layout("1 GiB block", 64, *_UPPER, address("base", 10, at=30), reserved(18), *_LOWER, fixed("type", 2, 0b01))
BLOCK_2M = Layout("2 MiB block", 64, *_UPPER, address("base", 19, at=21), reserved(9), *_LOWER, fixed("type", 2, 0b01))
PAGE = Layout("page", 64, *_UPPER, address("base", 28, at=12), *_LOWER, fixed("type", 2, 0b11))
INVALID = Layout("invalid", 64, ignored("ignored", 63), fixed("valid", 1, 0))
RESERVED_L3 = Layout("reserved", 64, ignored("ignored", 62), fixed("type", 2, 0b01))

L3 = Level(3, 8, 12, 9, (invalid(INVALID), invalid(RESERVED_L3), block(PAGE, 12)))
L2 = Level(2, 8, 21, 9, (invalid(INVALID), block(BLOCK_2M, 21), table(TABLE, L3)))
L1 = Level(1, 8, 30, 2, (invalid(INVALID), block(BLOCK_1G, 30), table(TABLE, L2)))
