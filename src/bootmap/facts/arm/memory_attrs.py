"""Memory types, cacheability and shareability: what TEX, C, B, PRRR, NMRR and MAIR encode, as tables.

Sources: DDI 0406C B3.8 (without and with TEX remap, long descriptors) and B4.1 (MAIR, NMRR, PRRR);
DDI 0100I B4.4 (ARMv4 to ARMv6); Intel XScale Core Developer's Manual 3.2.2 (the X bit).
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class MemoryType(Enum):
    """The architecture's memory types, and what is no memory type."""

    STRONGLY_ORDERED = "strongly-ordered"
    DEVICE = "device"
    NORMAL = "normal"
    RESERVED = "reserved"  # a reserved encoding: UNPREDICTABLE
    IMPLEMENTATION_DEFINED = "implementation defined"


class Policy(Enum):
    """What a cache does with a write."""

    NON_CACHEABLE = "non-cacheable"
    WRITE_THROUGH = "write-through"
    WRITE_BACK = "write-back"


class Cacheability(Struct, frozen=True):
    """One level of cacheability of Normal memory, with its allocation hints."""

    policy: Policy
    read_allocate: bool = False
    write_allocate: bool = False
    transient: bool = False


class Shareability(Enum):
    """Who sees accesses in the same order."""

    NONE = "non-shareable"
    INNER = "inner shareable"
    OUTER = "outer shareable"
    RESERVED = "reserved"


class MemoryAttributes(Struct, frozen=True):
    """What an access to a page is, for caches and ordering.

    Attributes:
        type: the memory type.
        inner: cacheability of Normal memory in the inner domain, None for other types.
        outer: the same for the outer domain.
        shareability: Strongly-ordered memory is always shareable.
    """

    type: MemoryType
    inner: Cacheability | None
    outer: Cacheability | None
    shareability: Shareability


NC = Cacheability(Policy.NON_CACHEABLE)
WT = Cacheability(Policy.WRITE_THROUGH, read_allocate=True)
WB = Cacheability(Policy.WRITE_BACK, read_allocate=True)
WB_WA = Cacheability(Policy.WRITE_BACK, read_allocate=True, write_allocate=True)

# The two-bit code of TEX = 1xx (AA and BB), NMRR.IRn and NMRR.ORn.
CODE: tuple[Cacheability, ...] = (NC, WB_WA, WT, WB)

Share = Shareability | None  # None: the S bit decides

# TEX:C:B -> type, inner, outer, shareability; SCTLR.TRE = 0.  TEX = 1BB is in CODE above.
TEX_CB: dict[int, tuple[MemoryType, Cacheability | None, Cacheability | None, Share]] = {
    0b00000: (MemoryType.STRONGLY_ORDERED, None, None, Shareability.OUTER),
    0b00001: (MemoryType.DEVICE, None, None, Shareability.OUTER),
    0b00010: (MemoryType.NORMAL, WT, WT, None),
    0b00011: (MemoryType.NORMAL, WB, WB, None),
    0b00100: (MemoryType.NORMAL, NC, NC, None),
    0b00101: (MemoryType.RESERVED, None, None, Shareability.RESERVED),
    0b00110: (MemoryType.IMPLEMENTATION_DEFINED, None, None, None),
    0b00111: (MemoryType.NORMAL, WB_WA, WB_WA, None),
    0b01000: (MemoryType.DEVICE, None, None, Shareability.NONE),
    **dict.fromkeys(range(0b01001, 0b10000), (MemoryType.RESERVED, None, None, Shareability.RESERVED)),
}

# C:B up to ARMv5, in ARMv6's terms: NCNB is Strongly-ordered, NCB is Device.
CB_V5: dict[int, tuple[MemoryType, Cacheability | None, Cacheability | None, Share]] = {
    key: TEX_CB[key] for key in range(4)
}

# X:C:B of XScale.  X C B = 110 is the mini data cache, whose policy is set elsewhere.
XCB_XSCALE: dict[int, tuple[MemoryType, Cacheability | None, Cacheability | None, Share]] = {
    **CB_V5,
    0b100: (MemoryType.RESERVED, None, None, Shareability.RESERVED),
    0b101: (MemoryType.DEVICE, None, None, Shareability.OUTER),
    0b110: (MemoryType.IMPLEMENTATION_DEFINED, None, None, None),
    0b111: (MemoryType.NORMAL, WB_WA, WB_WA, None),
}

# PRRR.TRn.  TRn = 3 is reserved; n = 6 is implementation defined whatever the registers hold.
PRRR_TYPE: tuple[MemoryType, ...] = (
    MemoryType.STRONGLY_ORDERED,
    MemoryType.DEVICE,
    MemoryType.NORMAL,
    MemoryType.RESERVED,
)
REMAP_IMPLEMENTATION_DEFINED = 6

# SH of long descriptors.
SH: tuple[Shareability, ...] = (
    Shareability.NONE,
    Shareability.RESERVED,
    Shareability.OUTER,
    Shareability.INNER,
)

# A MAIR byte whose upper half is 0, by its lower half; what is missing is UNPREDICTABLE.
MAIR_UPPER_ZERO: dict[int, MemoryType] = {
    0b0000: MemoryType.STRONGLY_ORDERED,
    0b0100: MemoryType.DEVICE,
}


def _hints(policy: Policy, transient: bool, start: int) -> dict[int, Cacheability]:
    return {
        start | rw: Cacheability(policy, bool(rw & 2), bool(rw & 1), transient)
        for rw in range(4)
        if rw or not transient
    }


# Half a MAIR byte: outer cacheability above, inner below.  0000 is not Normal memory.
MAIR_HALF: dict[int, Cacheability] = {
    **_hints(Policy.WRITE_THROUGH, True, 0b0000),
    0b0100: NC,
    **_hints(Policy.WRITE_BACK, True, 0b0100),
    **_hints(Policy.WRITE_THROUGH, False, 0b1000),
    **_hints(Policy.WRITE_BACK, False, 0b1100),
}
