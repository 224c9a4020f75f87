"""Faults and the codes by which a CPU reports them, in DFSR, IFSR and PAR.

Sources: DDI 0406C B3.13.3 (short and long formats), DDI 0100I B4.6 (ARMv4 to ARMv6).
"""

from __future__ import annotations

from enum import Enum


class FaultKind(Enum):
    """What went wrong with an access.  The first five are those that a table can cause."""

    TRANSLATION = "translation fault"
    ACCESS_FLAG = "access flag fault"
    DOMAIN = "domain fault"
    PERMISSION = "permission fault"
    WALK_ABORT = "external abort on translation table walk"

    WALK_PARITY = "parity error on translation table walk"
    ALIGNMENT = "alignment fault"
    DEBUG = "debug event"
    CACHE_MAINTENANCE = "instruction cache maintenance fault"
    EXTERNAL_ABORT = "external abort"
    ASYNC_ABORT = "asynchronous external abort"
    PARITY = "parity error on memory access"
    ASYNC_PARITY = "asynchronous parity error on memory access"
    TLB_CONFLICT = "TLB conflict abort"
    LOCKDOWN = "lockdown fault"
    COPROCESSOR = "coprocessor abort"
    VECTOR = "vector exception"
    TERMINAL = "terminal exception"
    LINEFETCH = "external abort on linefetch"


Code = tuple[FaultKind, int | None]  # the level, None where the code does not tell

_WALK: dict[int, Code] = {
    0b00101: (FaultKind.TRANSLATION, 1),
    0b00111: (FaultKind.TRANSLATION, 2),
    0b01001: (FaultKind.DOMAIN, 1),
    0b01011: (FaultKind.DOMAIN, 2),
    0b01100: (FaultKind.WALK_ABORT, 1),
    0b01101: (FaultKind.PERMISSION, 1),
    0b01110: (FaultKind.WALK_ABORT, 2),
    0b01111: (FaultKind.PERMISSION, 2),
}

# FS[3:0] up to ARMv5.
FS_V5: dict[int, Code] = {
    **_WALK,
    0b0000: (FaultKind.VECTOR, None),
    0b0001: (FaultKind.ALIGNMENT, None),
    0b0010: (FaultKind.TERMINAL, None),
    0b0011: (FaultKind.ALIGNMENT, None),
    0b0100: (FaultKind.LINEFETCH, 1),
    0b0110: (FaultKind.LINEFETCH, 2),
    0b1000: (FaultKind.EXTERNAL_ABORT, 1),
    0b1010: (FaultKind.EXTERNAL_ABORT, 2),
}

# FS[4:0] of ARMv6; the access flag and its faults came with ARMv6K.
FS_V6: dict[int, Code] = {
    **_WALK,
    0b00001: (FaultKind.ALIGNMENT, None),
    0b00010: (FaultKind.DEBUG, None),
    0b00011: (FaultKind.ACCESS_FLAG, 1),
    0b00100: (FaultKind.CACHE_MAINTENANCE, None),
    0b00110: (FaultKind.ACCESS_FLAG, 2),
    0b01000: (FaultKind.EXTERNAL_ABORT, None),
    0b10100: (FaultKind.LOCKDOWN, None),
    0b10110: (FaultKind.ASYNC_ABORT, None),
    0b11000: (FaultKind.ASYNC_PARITY, None),
    0b11010: (FaultKind.COPROCESSOR, None),
}

# FS[4:0] of ARMv7 with short descriptors.
FS_V7: dict[int, Code] = {
    **FS_V6,
    0b10000: (FaultKind.TLB_CONFLICT, None),
    0b11001: (FaultKind.PARITY, None),
    0b11100: (FaultKind.WALK_PARITY, 1),
    0b11110: (FaultKind.WALK_PARITY, 2),
}

# STATUS[5:0] of ARMv7 with long descriptors.
STATUS_LONG: dict[int, Code] = {
    **{0b000100 | level: (FaultKind.TRANSLATION, level) for level in (1, 2, 3)},
    **{0b001000 | level: (FaultKind.ACCESS_FLAG, level) for level in (1, 2, 3)},
    **{0b001100 | level: (FaultKind.PERMISSION, level) for level in (1, 2, 3)},
    **{0b010100 | level: (FaultKind.WALK_ABORT, level) for level in (1, 2, 3)},
    **{0b011100 | level: (FaultKind.WALK_PARITY, level) for level in (1, 2, 3)},
    **{0b111100 | level: (FaultKind.DOMAIN, level) for level in (1, 2)},  # PAR only
    0b010000: (FaultKind.EXTERNAL_ABORT, None),
    0b010001: (FaultKind.ASYNC_ABORT, None),
    0b011000: (FaultKind.PARITY, None),
    0b011001: (FaultKind.ASYNC_PARITY, None),
    0b100001: (FaultKind.ALIGNMENT, None),
    0b100010: (FaultKind.DEBUG, None),
    0b110000: (FaultKind.TLB_CONFLICT, None),
    0b110100: (FaultKind.LOCKDOWN, None),
    0b111010: (FaultKind.COPROCESSOR, None),
}


def _by_meaning(codes: dict[int, Code]) -> dict[Code, int]:
    return {meaning: code for code, meaning in sorted(codes.items(), reverse=True)}


# The same the other way round: the code that a fault is reported with (the lowest where there are two).
STATUS_OF: dict[str, dict[Code, int]] = {
    "v5": _by_meaning(FS_V5),
    "v6": _by_meaning(FS_V6),
    "v7": _by_meaning(FS_V7),
    "long": _by_meaning(STATUS_LONG),
}
MEANING_OF: dict[str, dict[int, Code]] = {"v5": FS_V5, "v6": FS_V6, "v7": FS_V7, "long": STATUS_LONG}
