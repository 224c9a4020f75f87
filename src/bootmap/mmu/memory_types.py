"""The memory type, cacheability and shareability behind each encoding, under one set of registers.

Without TEX remap the encoding alone decides; with it PRRR and NMRR do, and with long descriptors MAIR0 and
MAIR1.  The answers for all encodings are worked out at once, into a tuple that a walk indexes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.facts.arm.memory_attrs import (
    CB_V5,
    CODE,
    MAIR_HALF,
    MAIR_UPPER_ZERO,
    PRRR_TYPE,
    REMAP_IMPLEMENTATION_DEFINED,
    SH,
    TEX_CB,
    XCB_XSCALE,
    MemoryAttributes,
    MemoryType,
    Shareability,
)
from bootmap.facts.arm.regs import MAIR0, MAIR1, NMRR, PRRR

if TYPE_CHECKING:
    from bootmap.facts.arm.memory_attrs import Cacheability, Share
    from bootmap.facts.arm.regs import Arch


def short_index(tex: int, c: int, b: int, s: int) -> int:
    """Place of an encoding in `by_tex` and `by_remap`."""
    return tex << 3 | c << 2 | b << 1 | s


def long_index(attr_index: int, sh: int) -> int:
    """Place of an encoding in `by_mair`."""
    return attr_index << 2 | sh


def by_tex(arch: Arch) -> tuple[MemoryAttributes, ...]:
    """Short descriptors without TEX remap (DDI 0406C B3.8.2, DDI 0100I B4.4)."""
    return tuple(_by_tex(arch, index >> 3, index >> 1 & 3, index & 1) for index in range(64))


def by_remap(arch: Arch, prrr: int, nmrr: int) -> tuple[MemoryAttributes, ...]:
    """Short descriptors with TEX remap: PRRR and NMRR by TEX[0], C and B (DDI 0406C B3.8.3)."""
    return tuple(_by_remap(arch, prrr, nmrr, index >> 1 & 7, index & 1) for index in range(64))


def by_mair(mair0: int, mair1: int) -> tuple[MemoryAttributes, ...]:
    """Long descriptors: MAIR0 and MAIR1 by AttrIndx (DDI 0406C B3.8.4 and B4.1)."""
    lower = [MAIR0[f"Attr{n}"].of(mair0) for n in range(4)]
    upper = [MAIR1[f"Attr{n}"].of(mair1) for n in range(4, 8)]
    return tuple(_by_mair(byte, sh) for byte in lower + upper for sh in SH)


def _by_tex(arch: Arch, tex: int, cb: int, s: int) -> MemoryAttributes:
    share: Share
    inner: Cacheability | None
    outer: Cacheability | None
    if arch.cacheable == "tex" and tex & 0b100:
        kind, inner, outer, share = MemoryType.NORMAL, CODE[cb], CODE[tex & 0b11], None
    elif arch.cacheable == "tex":
        kind, inner, outer, share = TEX_CB[tex << 2 | cb]
    elif arch.cacheable == "xcb":
        kind, inner, outer, share = XCB_XSCALE[(tex & 1) << 2 | cb]
    else:
        kind, inner, outer, share = CB_V5[cb]
    if kind is MemoryType.DEVICE and arch.long is not None:
        share = Shareability.OUTER  # with LPAE, Device memory is outer shareable whatever is written
    if share is None:
        share = Shareability.OUTER if s else Shareability.NONE
    return MemoryAttributes(kind, inner, outer, share)


def _by_remap(arch: Arch, prrr: int, nmrr: int, n: int, s: int) -> MemoryAttributes:
    if n == REMAP_IMPLEMENTATION_DEFINED:
        return MemoryAttributes(MemoryType.IMPLEMENTATION_DEFINED, None, None, Shareability.RESERVED)
    kind = PRRR_TYPE[PRRR[f"TR{n}"].of(prrr)]
    if kind is MemoryType.RESERVED:
        return MemoryAttributes(kind, None, None, Shareability.RESERVED)
    if kind is MemoryType.STRONGLY_ORDERED or (kind is MemoryType.DEVICE and arch.long is not None):
        return MemoryAttributes(kind, None, None, Shareability.OUTER)
    shareable = PRRR[("NS" if kind is MemoryType.NORMAL else "DS") + str(s)].of(prrr)
    share = Shareability.NONE
    if shareable:
        share = Shareability.INNER if PRRR[f"NOS{n}"].of(prrr) else Shareability.OUTER
    if kind is MemoryType.DEVICE:
        return MemoryAttributes(kind, None, None, share)
    return MemoryAttributes(kind, CODE[NMRR[f"IR{n}"].of(nmrr)], CODE[NMRR[f"OR{n}"].of(nmrr)], share)


def _by_mair(byte: int, share: Shareability) -> MemoryAttributes:
    upper, lower = divmod(byte, 16)
    if upper == 0:
        kind = MAIR_UPPER_ZERO.get(lower, MemoryType.RESERVED)
        share = Shareability.RESERVED if kind is MemoryType.RESERVED else Shareability.OUTER
        return MemoryAttributes(kind, None, None, share)
    if lower == 0:
        return MemoryAttributes(MemoryType.RESERVED, None, None, Shareability.RESERVED)
    return MemoryAttributes(MemoryType.NORMAL, MAIR_HALF[lower], MAIR_HALF[upper], share)
