from __future__ import annotations

import pytest

from bootmap.facts.arm import long_desc
from bootmap.facts.arm.regs import ARCHES
from bootmap.mmu.regs import Regs, arch_of, regime_of

M, XP, EE, AFE, TRE = (1 << bit for bit in (0, 23, 25, 29, 28))
EAE = 1 << 31


def regs(arch: str = "v7lpae", **values: int) -> Regs:
    return Regs(arch=arch, **{"sctlr": M, "ttbr0": 0x4000_0000, "ttbr1": 0x5000_0000} | values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"arch": "v8"}, "unknown architecture 'v8', expected one of v4, v5"),
        ({"sctlr": 1 << 32}, "sctlr is 0x100000000, expected 32 bits"),
        ({"ttbr0": -1}, "ttbr0 is -0x1, expected 64 bits"),
        ({"ttbr1": 1 << 64}, "expected 64 bits"),
        ({"mair1": 1 << 32}, "mair1"),
    ],
)
def test_regs_refuse_what_is_no_register_value(values: dict[str, int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        regs(**values)


# DDI 0406C B3.5.4: the first address that TTBR1 serves, and the bytes of TTBR0's table.
SPLIT = [
    (0, None, 16 << 10),
    (1, 0x8000_0000, 8 << 10),
    (2, 0x4000_0000, 4 << 10),
    (3, 0x2000_0000, 2 << 10),
    (4, 0x1000_0000, 1 << 10),
    (5, 0x0800_0000, 512),
    (6, 0x0400_0000, 256),
    (7, 0x0200_0000, 128),
]


@pytest.mark.parametrize(("n", "start", "size"), SPLIT)
@pytest.mark.parametrize("arch", ["v6", "v6kz", "v7", "v7lpae"])
def test_short_roots_split_by_n(arch: str, n: int, start: int | None, size: int) -> None:
    found = regime_of(regs(arch, sctlr=M | XP, ttbcr=n, ttbr0=0x4000_0000 + size + 0x4A)).roots
    assert found[0].size == size
    assert found[0].base == 0x4000_0000 + size  # 0x4A is attributes and zeroes
    if start is None:
        assert [(root.register, root.span) for root in found] == [("TTBR0", (0, 1 << 32))]
    else:
        assert [(root.register, root.span) for root in found] == [("TTBR0", (0, start)), ("TTBR1", (start, 1 << 32))]
        assert (found[1].size, found[1].base) == (16 << 10, 0x5000_0000)


@pytest.mark.parametrize("arch", ["v4", "v5", "xscale"])
def test_short_roots_before_v6_know_no_ttbcr(arch: str) -> None:
    regime = regime_of(regs(arch, ttbcr=7 | 0x30, sctlr=M | EE))
    assert [(root.span, root.disabled) for root in regime.roots] == [((0, 1 << 32), False)]
    assert regime.byteorder == "little"


@pytest.mark.parametrize(
    ("arch", "expected"),
    [("v6", [False, False]), ("v6k", [False, False]), ("v6kz", [True, False]), ("v7", [True, False])],
)
def test_short_roots_disabled_by_pd0(arch: str, expected: list[bool]) -> None:
    roots = regime_of(regs(arch, sctlr=M | XP, ttbcr=1 | 0x10)).roots
    assert [root.disabled for root in roots] == expected


def test_short_roots_disabled_by_pd1() -> None:
    assert [root.disabled for root in regime_of(regs("v7", ttbcr=1 | 0x20)).roots] == [False, True]


G = 1 << 30
# DDI 0406C B3.6.4: T0SZ, T1SZ -> what TTBR0 and TTBR1 serve, with the level and the bytes of their tables.
LONG_SPLIT = [
    (0, 0, [((0, 4 * G), 1, 32)]),
    (1, 0, [((0, 2 * G), 1, 16), ((2 * G, 4 * G), 1, 32)]),
    (2, 0, [((0, G), 2, 4096), ((G, 4 * G), 1, 32)]),
    (0, 1, [((0, 2 * G), 1, 32), ((2 * G, 4 * G), 1, 16)]),
    (0, 2, [((0, 3 * G), 1, 32), ((3 * G, 4 * G), 2, 4096)]),
    (1, 2, [((0, 2 * G), 1, 16), ((3 * G, 4 * G), 2, 4096)]),
    (7, 7, [((0, 32 << 20), 2, 128), ((4 * G - (32 << 20), 4 * G), 2, 128)]),
]


@pytest.mark.parametrize(("t0", "t1", "expected"), LONG_SPLIT)
def test_long_roots_split_by_sizes(t0: int, t1: int, expected: list[tuple[tuple[int, int], int, int]]) -> None:
    roots = regime_of(regs(ttbcr=EAE | t1 << 16 | t0)).roots
    assert [(root.span, root.level.number, root.size) for root in roots] == expected


def test_long_roots_ignore_asid_and_alignment_bits() -> None:
    regime = regime_of(regs(ttbcr=EAE | 1 << 7, ttbr0=0xAB << 48 | 0x8_4000_0038))
    (root,) = regime.roots
    assert (root.base, root.disabled) == (0x8_4000_0020, True)
    assert regime.long


def test_eae_means_nothing_without_lpae() -> None:
    assert not regime_of(regs("v7", ttbcr=EAE)).long


def test_regime_reads_sctlr_by_architecture() -> None:
    every = M | XP | EE | AFE | TRE
    v7, v6 = regime_of(regs("v7", sctlr=every)), regime_of(regs("v6", sctlr=every))
    assert (v7.access_flag, v7.remap, v7.byteorder) == (True, True, "big")
    assert (v6.access_flag, v6.remap, v6.byteorder) == (False, False, "big")
    long = regime_of(regs(sctlr=M | TRE, ttbcr=EAE))
    assert (long.access_flag, long.remap) == (True, False)
    assert regime_of(regs("v6", sctlr=M)).roots[0].level is ARCHES["v6"].subpages
    assert regime_of(regs("v6", sctlr=M | XP)).roots[0].level is ARCHES["v6"].short
    assert long.roots[0].level is long_desc.L1


# MIDR and ID_MMFR0 as the cores' reference manuals give them.
CORES = [
    (0x4401A110, 0, "v4"),  # StrongARM-110
    (0x6901B119, 0, "v4"),  # SA-1110
    (0x41129200, 0, "v4"),  # ARM920T
    (0x41069265, 0, "v5"),  # ARM926EJ-S
    (0x69054117, 0, "xscale"),  # PXA270
    (0x4107B362, 0x01130003, "v6"),  # ARM1136 r0p2
    (0x4117B363, 0x01130003, "v6k"),  # ARM1136 r1p3
    (0x410FB767, 0x01130003, "v6kz"),  # ARM1176
    (0x410FB022, 0x01100103, "v6k"),  # ARM11 MPCore
    (0x410FC080, 0x31100003, "v7"),  # Cortex-A8
    (0x410FC090, 0x00100103, "v7"),  # Cortex-A9
    (0x410FC075, 0x10101105, "v7lpae"),  # Cortex-A7
    (0x412FC0F1, 0x10201105, "v7lpae"),  # Cortex-A15
    (0x410FD034, 0x10201105, "v7lpae"),  # Cortex-A53
    (0x410FC231, 0x00210030, None),  # Cortex-M3: no VMSA
    (0, 0, None),
]


@pytest.mark.parametrize(("midr", "mmfr0", "arch"), CORES)
def test_arch_of_known_cores(midr: int, mmfr0: int, arch: str | None) -> None:
    assert arch_of(midr, mmfr0) == arch
