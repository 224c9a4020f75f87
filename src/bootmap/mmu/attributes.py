"""What a descriptor's attribute fields mean under a set of registers: memory type, rights, domain.

Both the walk of one address and the bulk functions ask here, so that they cannot differ.  Finding the
descriptor is the walk's business, and words for a reader are in ``describe``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.arm.memory_attrs import MemoryAttributes, MemoryType, Shareability
from bootmap.facts.arm.permissions import DomainAccess, Rights
from bootmap.mmu.access import long_rights_index, rights_index
from bootmap.mmu.memory_types import long_index, short_index

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.mmu.regs import Regime

    Fields = Mapping[str, int]


class Attributes(Struct, frozen=True):
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
    domain = leaf.get("domain", above.get("domain", 0))  # a supersection has none and is in domain 0
    access = regime.domains[domain]
    ap = leaf.get("AP[2]", 0) << 2 | leaf["AP[1:0]"]
    granted = regime.rights[rights_index(ap, leaf.get("XN", 0), leaf.get("PXN", 0) | above.get("PXN", 0))]
    if access is DomainAccess.CLIENT:
        rights = granted
    else:
        rights = Rights.ALL if access is DomainAccess.MANAGER else Rights.NONE
    return Attributes(
        memory=regime.memory[short_index(leaf.get("TEX", 0), leaf["C"], leaf["B"], leaf.get("S", 0))],
        granted=granted,
        rights=rights,
        domain=domain,
        domain_access=access,
        accessed=bool(ap & 1) or not regime.access_flag,
        not_global=bool(leaf.get("nG", 0)),
        secure=regime.regs.secure and not leaf.get("NS", 0) | above.get("NS", 0),
    )


def _long(regime: Regime, leaf: Fields, above: Fields) -> Attributes:
    xn, pxn = leaf["XN"] | above.get("XNTable", 0), leaf["PXN"] | above.get("PXNTable", 0)
    granted = regime.rights[long_rights_index(leaf["AP[2:1]"], above.get("APTable", 0), xn, pxn)]
    return Attributes(
        memory=regime.memory[long_index(leaf["AttrIndx"], leaf["SH"])],
        granted=granted,
        rights=granted,
        accessed=bool(leaf["AF"]),
        not_global=bool(leaf["nG"]),
        secure=regime.regs.secure and not leaf["NS"] | above.get("NSTable", 0),
    )
