"""Fault status registers: what DFSR or IFSR says, and what they would say of a fault.

The codes are tables in ``spec.faults``.  What an operating system adds to such a word (Linux sets bit 31 for
prefetch aborts) is not looked at here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.arm.faults import MEANING_OF
from bootmap.facts.arm.regs import ARCHES, FSR_LONG, FSR_SHORT

if TYPE_CHECKING:
    from bootmap.facts.arm.faults import FaultKind
    from bootmap.mmu.regs import Regime
    from bootmap.mmu.walk import Fault


class FaultStatus(Struct, frozen=True):
    """A fault status register in words.

    Attributes:
        kind: what went wrong, None for a code that is reserved.
        level: level of the table, None where the code does not tell.
        status: the code: FS[4:0], or STATUS[5:0] in the long format.
        long: the register has the long format.
        domain: the domain field, None in the long format; not valid for every kind of fault.
        write: the access was a write; always False in IFSR, and up to ARMv5, where the bit does not exist.
    """

    kind: FaultKind | None
    level: int | None
    status: int
    long: bool
    domain: int | None
    write: bool


def decode_fsr(fsr: int, arch: str, *, long: bool | None = None) -> FaultStatus:
    """What a value of DFSR or IFSR means.

    Args:
        fsr: the register.
        arch: key of ``ARCHES``.
        long: the format; None takes the register's own word for it (bit 9, on cores with LPAE).

    Raises:
        ValueError: an unknown ``arch``, or ``fsr`` is no 32-bit value.
    """
    if arch not in ARCHES:
        raise ValueError(f"unknown architecture {arch!r}, expected one of {', '.join(ARCHES)}")
    if not 0 <= fsr < 1 << 32:
        raise ValueError(f"fault status {fsr:#x} does not fit in 32 bits")
    known = ARCHES[arch]
    if long is None:
        long = known.long is not None and bool(FSR_LONG["LPAE"].of(fsr))
    if long:
        status = FSR_LONG["STATUS"].of(fsr)
        kind, level = MEANING_OF["long"].get(status, (None, None))
        return FaultStatus(kind, level, status, True, None, bool(FSR_LONG["WnR"].of(fsr)))
    status = FSR_SHORT["FS[3:0]"].of(fsr)
    write = False
    if known.split:  # ARMv6 and later
        status |= FSR_SHORT["FS[4]"].of(fsr) << 4
        write = bool(FSR_SHORT["WnR"].of(fsr))
    kind, level = MEANING_OF[known.status].get(status, (None, None))
    return FaultStatus(kind, level, status, False, FSR_SHORT["domain"].of(fsr), write)


def encode_fsr(fault: Fault, regime: Regime, *, write: bool = False) -> int:
    """The fault status register as the CPU would set it.

    The domain field is set where the fault has a domain; implementations differ in when they do so.

    Args:
        fault: the fault.
        regime: the registers that it happened under.
        write: a data access that wrote; sets WnR, which exists from ARMv6 on.
    """
    if regime.long:
        return FSR_LONG.encode(STATUS=fault.status, LPAE=1, WnR=int(write))
    fields = {"FS[3:0]": fault.status & 15, "domain": fault.domain or 0}
    if regime.arch.split:
        fields |= {"FS[4]": fault.status >> 4, "WnR": int(write)}
    return FSR_SHORT.encode(**fields)
