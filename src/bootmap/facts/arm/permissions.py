"""Access permissions: what the AP bits, the domains and SCTLR.S and R grant, as tables.

Execute rights follow from these and from XN, PXN, WXN and UWXN; that is logic and lives in mmu.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Rights(IntFlag):
    """What may be done: each right is one kind of access by one privilege.

    Privileged is PL1 (every mode but User), user is PL0.
    """

    PRIV_READ = 1
    PRIV_WRITE = 2
    PRIV_EXECUTE = 4
    USER_READ = 8
    USER_WRITE = 16
    USER_EXECUTE = 32

    NONE = 0
    PRIV = PRIV_READ | PRIV_WRITE | PRIV_EXECUTE
    USER = USER_READ | USER_WRITE | USER_EXECUTE
    READ = PRIV_READ | USER_READ
    WRITE = PRIV_WRITE | USER_WRITE
    EXECUTE = PRIV_EXECUTE | USER_EXECUTE
    ALL = PRIV | USER


class DomainAccess(IntEnum):
    """A domain's two bits in DACR (DDI 0406C B3.7.3, DDI 0100I B4.3.2)."""

    NO_ACCESS = 0
    CLIENT = 1
    RESERVED = 2
    MANAGER = 3


_PR = Rights.PRIV_READ
_PRW = Rights.PRIV_READ | Rights.PRIV_WRITE
_UR = Rights.USER_READ
_URW = Rights.USER_READ | Rights.USER_WRITE

# AP[2:0], and AP[1:0] of formats without AP[2]; SCTLR.AFE = 0.  DDI 0406C B3.7.1, DDI 0100I B4.3.1.
AP: dict[int, Rights] = {
    0b000: Rights.NONE,
    0b001: _PRW,
    0b010: _PRW | _UR,
    0b011: _PRW | _URW,
    0b100: Rights.NONE,  # reserved
    0b101: _PR,
    0b110: _PR | _UR,
    0b111: _PR | _UR,  # reserved before ARMv6K
}

AP_READ_ONLY_BOTH = 0b111

# AP[2:1] where AP[0] is the access flag, and AP[2:1] of long descriptors.  DDI 0406C B3.7.1.
AP_SIMPLE: dict[int, Rights] = {
    0b00: _PRW,
    0b01: _PRW | _URW,
    0b10: _PR,
    0b11: _PR | _UR,
}

# AP = 0 up to ARMv6, by (SCTLR.S, SCTLR.R).  DDI 0100I B4.3.1; both set is reserved and grants nothing here
# (the ARM720T's manual says that it faults).
AP_ZERO_SR: dict[tuple[int, int], Rights] = {
    (0, 0): Rights.NONE,
    (1, 0): _PR,
    (0, 1): _PR | _UR,
    (1, 1): Rights.NONE,
}

# APTable of a long table descriptor: what it leaves of the rights below.  DDI 0406C B3.6.2.
APTABLE_KEEPS: dict[int, Rights] = {
    0b00: Rights.ALL,
    0b01: Rights.PRIV,
    0b10: ~Rights.WRITE & Rights.ALL,
    0b11: ~Rights.WRITE & Rights.PRIV,
}
