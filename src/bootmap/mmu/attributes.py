"""What a descriptor's attribute fields mean under a set of registers: memory type, rights, domain.

Both the walk of one address and the bulk functions ask here, so that they cannot differ.  Finding the
descriptor is the walk's business, and words for a reader are in ``describe``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootmap.spec.memory_attrs import (
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
from bootmap.spec.permissions import (
    AP,
    AP_READ_ONLY_BOTH,
    AP_SIMPLE,
    AP_ZERO_SR,
    APTABLE_KEEPS,
    DomainAccess,
    Rights,
)
from bootmap.spec.regs import MAIR0, MAIR1, NMRR, PRRR, SCTLR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.mmu.regs import Regime
    from bootmap.spec.memory_attrs import Cacheability, Share

    Fields = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Attributes:
    """Everything about a mapping but its addresses.

    Attributes:
        memory: memory type, cacheability, shareability.
        granted: what the descriptors grant to a client of the domain.
        rights: what the CPU permits: ``granted`` to a client, everything to a manager, nothing without
            access to the domain.  An access flag of 0 comes before that, see ``accessed``.
        domain: number of the domain, None for long descriptors.
        domain_access: what DACR says of it, None for long descriptors.
        accessed: False where the access flag is in use and 0, so that the first access faults.
        not_global: the nG bit.
        secure: the output address is in the Secure space.
    """

    memory: MemoryAttributes
    granted: Rights
    rights: Rights
    domain: int | None = None
    domain_access: DomainAccess | None = None
    accessed: bool = True
    not_global: bool = False
    secure: bool = False


_FLAT_MEMORY = MemoryAttributes(MemoryType.STRONGLY_ORDERED, None, None, Shareability.OUTER)


def flat_attributes(regime: Regime) -> Attributes:
    """With the MMU off: no checks, and data accesses are Strongly-ordered (DDI 0406C B3.2)."""
    return Attributes(_FLAT_MEMORY, Rights.ALL, Rights.ALL, secure=regime.regs.secure)


def attributes_of(regime: Regime, leaf: Fields, above: Fields) -> Attributes:
    """The meaning of a block or page descriptor.

    Args:
        regime: the registers.
        leaf: its fields; where it has subpages, ``AP[1:0]`` must hold the permissions of the quarter meant.
        above: the fields of the table descriptors on the way to it, OR-ed field by field.
    """
    return _long(regime, leaf, above) if regime.long else _short(regime, leaf, above)


def _short(regime: Regime, leaf: Fields, above: Fields) -> Attributes:
    number = leaf.get("domain", above.get("domain", 0))  # a supersection has none and is in domain 0
    access = regime.domains[number]
    ap = leaf.get("AP[2]", 0) << 2 | leaf["AP[1:0]"]
    if regime.access_flag:
        granted, accessed = AP_SIMPLE[ap >> 1], bool(ap & 1)
    else:
        granted, accessed = _granted_by_ap(regime, ap), True
    pxn = leaf.get("PXN", 0) | above.get("PXN", 0)
    granted |= _execute(regime, granted, leaf.get("XN", 0), pxn)
    if access is DomainAccess.CLIENT:
        rights = granted
    else:
        rights = Rights.ALL if access is DomainAccess.MANAGER else Rights.NONE
    return Attributes(
        memory=_remapped(regime, leaf) if regime.remap else _by_tex(regime, leaf),
        granted=granted,
        rights=rights,
        domain=number,
        domain_access=access,
        accessed=accessed,
        not_global=bool(leaf.get("nG", 0)),
        secure=regime.regs.secure and not leaf.get("NS", 0) | above.get("NS", 0),
    )


def _granted_by_ap(regime: Regime, ap: int) -> Rights:
    if regime.arch.protect_sr and ap == 0:
        sctlr = regime.regs.sctlr
        return AP_ZERO_SR[SCTLR["S"].of(sctlr), SCTLR["R"].of(sctlr)]
    if ap == AP_READ_ONLY_BOTH and not regime.arch.read_only_both:
        return Rights.NONE
    return AP[ap]


def _execute(regime: Regime, granted: Rights, xn: int, pxn: int) -> Rights:
    """The execute rights beside ``granted``: nothing is executed that may not be read (DDI 0406C B3.7.2)."""
    if xn:
        return Rights.NONE
    priv, user = bool(granted & Rights.PRIV_READ) and not pxn, bool(granted & Rights.USER_READ)
    if regime.arch.write_xn:
        wxn = bool(SCTLR["WXN"].of(regime.regs.sctlr))
        uwxn = bool(SCTLR["UWXN"].of(regime.regs.sctlr))
        priv_write, user_write = granted & Rights.PRIV_WRITE, granted & Rights.USER_WRITE
        priv = priv and not (wxn and priv_write) and not (uwxn and user_write)
        user = user and not (wxn and user_write)
    return (Rights.PRIV_EXECUTE if priv else Rights.NONE) | (Rights.USER_EXECUTE if user else Rights.NONE)


def _by_tex(regime: Regime, leaf: Fields) -> MemoryAttributes:
    tex, cb = leaf.get("TEX", 0), leaf["C"] << 1 | leaf["B"]
    share: Share
    inner: Cacheability | None
    outer: Cacheability | None
    if regime.arch.cacheable == "tex" and tex & 0b100:
        kind, inner, outer, share = MemoryType.NORMAL, CODE[cb], CODE[tex & 0b11], None
    elif regime.arch.cacheable == "tex":
        kind, inner, outer, share = TEX_CB[tex << 2 | cb]
    elif regime.arch.cacheable == "xcb":
        kind, inner, outer, share = XCB_XSCALE[(tex & 1) << 2 | cb]
    else:
        kind, inner, outer, share = CB_V5[cb]
    if kind is MemoryType.DEVICE and regime.arch.long is not None:
        share = Shareability.OUTER  # with LPAE, Device memory is outer shareable whatever is written
    if share is None:
        share = Shareability.OUTER if leaf.get("S", 0) else Shareability.NONE
    return MemoryAttributes(kind, inner, outer, share)


def _remapped(regime: Regime, leaf: Fields) -> MemoryAttributes:
    """TEX remap: PRRR and NMRR by TEX[0], C and B (DDI 0406C B3.8.3)."""
    prrr, nmrr = regime.regs.prrr, regime.regs.nmrr
    n = (leaf.get("TEX", 0) & 1) << 2 | leaf["C"] << 1 | leaf["B"]
    if n == REMAP_IMPLEMENTATION_DEFINED:
        return MemoryAttributes(MemoryType.IMPLEMENTATION_DEFINED, None, None, Shareability.RESERVED)
    kind = PRRR_TYPE[PRRR[f"TR{n}"].of(prrr)]
    if kind is MemoryType.RESERVED:
        return MemoryAttributes(kind, None, None, Shareability.RESERVED)
    if kind is MemoryType.STRONGLY_ORDERED or (kind is MemoryType.DEVICE and regime.arch.long is not None):
        return MemoryAttributes(kind, None, None, Shareability.OUTER)
    which = ("NS" if kind is MemoryType.NORMAL else "DS") + str(leaf.get("S", 0))
    if not PRRR[which].of(prrr):
        share = Shareability.NONE
    else:
        share = Shareability.INNER if PRRR[f"NOS{n}"].of(prrr) else Shareability.OUTER
    if kind is MemoryType.DEVICE:
        return MemoryAttributes(kind, None, None, share)
    return MemoryAttributes(kind, CODE[NMRR[f"IR{n}"].of(nmrr)], CODE[NMRR[f"OR{n}"].of(nmrr)], share)


def _long(regime: Regime, leaf: Fields, above: Fields) -> Attributes:
    granted = AP_SIMPLE[leaf["AP[2:1]"]] & APTABLE_KEEPS[above.get("APTable", 0)]
    xn = leaf["XN"] | above.get("XNTable", 0)
    granted |= _execute(regime, granted, xn, leaf["PXN"] | above.get("PXNTable", 0))
    return Attributes(
        memory=_by_mair(regime, leaf["AttrIndx"], SH[leaf["SH"]]),
        granted=granted,
        rights=granted,
        accessed=bool(leaf["AF"]),
        not_global=bool(leaf["nG"]),
        secure=regime.regs.secure and not leaf["NS"] | above.get("NSTable", 0),
    )


def mair_byte(regime: Regime, index: int) -> int:
    """The byte of MAIR0 or MAIR1 that ``AttrIndx`` selects."""
    if index < 4:
        return MAIR0[f"Attr{index}"].of(regime.regs.mair0)
    return MAIR1[f"Attr{index}"].of(regime.regs.mair1)


def _by_mair(regime: Regime, index: int, share: Shareability) -> MemoryAttributes:
    upper, lower = divmod(mair_byte(regime, index), 16)
    if upper == 0:
        kind = MAIR_UPPER_ZERO.get(lower, MemoryType.RESERVED)
        share = Shareability.RESERVED if kind is MemoryType.RESERVED else Shareability.OUTER
        return MemoryAttributes(kind, None, None, share)
    if lower == 0:
        return MemoryAttributes(MemoryType.RESERVED, None, None, Shareability.RESERVED)
    return MemoryAttributes(MemoryType.NORMAL, MAIR_HALF[lower], MAIR_HALF[upper], share)
