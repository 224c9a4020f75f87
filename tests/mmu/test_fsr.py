"""Fault status registers against words that kernels have printed and the manuals' tables."""

from __future__ import annotations

import pytest

from bootmap.facts.arm.faults import MEANING_OF, FaultKind
from bootmap.mmu.fsr import decode_fsr, encode_fsr
from bootmap.mmu.regs import Regs, regime_of
from bootmap.mmu.walk import Fault

T, P, D, A = FaultKind.TRANSLATION, FaultKind.PERMISSION, FaultKind.DOMAIN, FaultKind.ACCESS_FLAG

# As they stand in kernel logs ("Internal error: Oops: 817 [#1]", "Unhandled fault: ... (0x1406)").
SEEN = [
    ("v7", 0x005, T, 1, 0, False),
    ("v7", 0x007, T, 2, 0, False),
    ("v7", 0x017, T, 2, 1, False),
    ("v7", 0x805, T, 1, 0, True),
    ("v7", 0x817, T, 2, 1, True),
    ("v7", 0x80D, P, 1, 0, True),
    ("v7", 0x80F, P, 2, 0, True),
    ("v7", 0x81F, P, 2, 1, True),
    ("v7", 0x00B, D, 2, 0, False),
    ("v7", 0x001, FaultKind.ALIGNMENT, None, 0, False),
    ("v7", 0x008, FaultKind.EXTERNAL_ABORT, None, 0, False),
    ("v7", 0x1008, FaultKind.EXTERNAL_ABORT, None, 0, False),
    ("v7", 0x1406, FaultKind.ASYNC_ABORT, None, 0, False),
    ("v7", 0x1C06, FaultKind.ASYNC_ABORT, None, 0, True),
    ("v7", 0x003, A, 1, 0, False),
    ("v6k", 0x406, FaultKind.ASYNC_ABORT, None, 0, False),
    ("v5", 0x0F5, T, 1, 15, False),
    ("v5", 0x003, FaultKind.ALIGNMENT, None, 0, False),
    ("v5", 0x008, FaultKind.EXTERNAL_ABORT, 1, 0, False),
    ("v5", 0x80F, P, 2, 0, False),  # bit 11 is not the hardware's before ARMv6
]
SEEN_LONG = [
    (0x205, T, 1, False),
    (0x206, T, 2, False),
    (0x207, T, 3, False),
    (0xA06, T, 2, True),
    (0x20F, P, 3, False),
    (0xA0E, P, 2, True),
    (0x20B, A, 3, False),
    (0x221, FaultKind.ALIGNMENT, None, False),
    (0x210, FaultKind.EXTERNAL_ABORT, None, False),
    (0x1211, FaultKind.ASYNC_ABORT, None, False),
    (0x216, FaultKind.WALK_ABORT, 2, False),
]


@pytest.mark.parametrize(("arch", "fsr", "kind", "level", "domain", "write"), SEEN)
def test_decode_fsr_short(arch: str, fsr: int, kind: FaultKind, level: int | None, domain: int, write: bool) -> None:
    found = decode_fsr(fsr, arch)
    assert (found.kind, found.level, found.domain, found.write, found.long) == (kind, level, domain, write, False)


@pytest.mark.parametrize(("fsr", "kind", "level", "write"), SEEN_LONG)
def test_decode_fsr_long(fsr: int, kind: FaultKind, level: int | None, write: bool) -> None:
    found = decode_fsr(fsr, "v7lpae")
    assert (found.kind, found.level, found.write, found.domain, found.long) == (kind, level, write, None, True)


def test_decode_fsr_takes_the_format_that_is_given() -> None:
    assert decode_fsr(0x007, "v7lpae").level == 2
    assert decode_fsr(0x007, "v7lpae", long=True).level == 3
    assert decode_fsr(0x207, "v7").level == 2  # no LPAE: bit 9 says nothing


def test_decode_fsr_of_a_reserved_code() -> None:
    found = decode_fsr(0x40F, "v7")
    assert (found.kind, found.level, found.status) == (None, None, 0b11111)


@pytest.mark.parametrize(("fsr", "arch"), [(-1, "v7"), (1 << 32, "v7"), (0, "v9")])
def test_decode_fsr_refuses_what_is_none(fsr: int, arch: str) -> None:
    with pytest.raises(ValueError, match=r"32 bits|unknown architecture"):
        decode_fsr(fsr, arch)


@pytest.mark.parametrize("arch", ["v5", "v6kz", "v7", "v7lpae"])
@pytest.mark.parametrize("write", [False, True])
def test_encode_fsr_is_read_back(arch: str, write: bool) -> None:
    long = arch == "v7lpae"
    regime = regime_of(Regs(arch=arch, sctlr=1, ttbr0=0, ttbcr=long << 31))
    codes = MEANING_OF["long" if long else regime.arch.status]
    for (kind, level), status in regime.status.items():
        assert codes[status] == (kind, level)
        fault = Fault(kind, level or 1, status, domain=None if long else 7)
        found = decode_fsr(encode_fsr(fault, regime, write=write), arch)
        assert (found.kind, found.level, found.status) == (kind, level, status)
        assert found.domain == fault.domain
        assert found.write == (write and arch != "v5")


def test_status_codes_of_the_manual() -> None:
    """DDI 0406C, the encodings of DFSR with short and with long descriptors."""
    short = regime_of(Regs(arch="v7", sctlr=1, ttbr0=0)).status
    assert [short[kind, 1] for kind in (A, T, D, P, FaultKind.WALK_ABORT)] == [0x03, 0x05, 0x09, 0x0D, 0x0C]
    assert [short[kind, 2] for kind in (A, T, D, P, FaultKind.WALK_ABORT)] == [0x06, 0x07, 0x0B, 0x0F, 0x0E]
    long = regime_of(Regs(arch="v7lpae", sctlr=1, ttbr0=0, ttbcr=1 << 31)).status
    for kind, code in ((T, 0x04), (A, 0x08), (P, 0x0C), (FaultKind.WALK_ABORT, 0x14)):
        assert [long[kind, level] for level in (1, 2, 3)] == [code + 1, code + 2, code + 3]
