"""Memory types against the manuals' tables and against what Linux says of its own register values."""

from __future__ import annotations

import pytest

from bootmap.facts.arm.memory_attrs import Cacheability, MemoryAttributes, MemoryType, Policy, Shareability
from bootmap.facts.arm.regs import ARCHES
from bootmap.mmu.memory_types import by_mair, by_remap, by_tex, long_index, short_index


def spelled(memory: MemoryAttributes) -> str:
    """Type, inner and outer policy with write-allocate, shareability: short enough for a table."""
    short = {
        MemoryType.STRONGLY_ORDERED: "SO",
        MemoryType.DEVICE: "device",
        MemoryType.NORMAL: "normal",
        MemoryType.RESERVED: "reserved",
        MemoryType.IMPLEMENTATION_DEFINED: "impdef",
    }
    words = [short[memory.type]]
    for cache in (memory.inner, memory.outer):
        if cache is not None:
            policy = {Policy.NON_CACHEABLE: "NC", Policy.WRITE_THROUGH: "WT", Policy.WRITE_BACK: "WB"}[cache.policy]
            words.append(policy + ("WA" if cache.write_allocate else ""))
    words.append(
        {
            Shareability.NONE: "-",
            Shareability.INNER: "inner",
            Shareability.OUTER: "outer",
            Shareability.RESERVED: "?",
        }[memory.shareability]
    )
    return " ".join(words)


# DDI 0406C, "TEX, C, and B encodings when TRE == 0": TEX, C, B -> with S = 0, with S = 1.
TEX_TABLE = {
    (0b000, 0, 0): ("SO outer", "SO outer"),
    (0b000, 0, 1): ("device outer", "device outer"),
    (0b000, 1, 0): ("normal WT WT -", "normal WT WT outer"),
    (0b000, 1, 1): ("normal WB WB -", "normal WB WB outer"),
    (0b001, 0, 0): ("normal NC NC -", "normal NC NC outer"),
    (0b001, 0, 1): ("reserved ?", "reserved ?"),
    (0b001, 1, 0): ("impdef -", "impdef outer"),
    (0b001, 1, 1): ("normal WBWA WBWA -", "normal WBWA WBWA outer"),
    (0b010, 0, 0): ("device -", "device -"),
    (0b010, 0, 1): ("reserved ?", "reserved ?"),
    (0b010, 1, 0): ("reserved ?", "reserved ?"),
    (0b011, 1, 1): ("reserved ?", "reserved ?"),
    # TEX = 1BB: BB is the outer policy, CB the inner; 00 NC, 01 WBWA, 10 WT, 11 WB
    (0b100, 0, 0): ("normal NC NC -", "normal NC NC outer"),
    (0b101, 0, 0): ("normal NC WBWA -", "normal NC WBWA outer"),
    (0b100, 0, 1): ("normal WBWA NC -", "normal WBWA NC outer"),
    (0b110, 1, 1): ("normal WB WT -", "normal WB WT outer"),
    (0b111, 1, 0): ("normal WT WB -", "normal WT WB outer"),
}


@pytest.mark.parametrize("arch", ["v6", "v6kz", "v7"])
def test_by_tex_is_the_manuals_table(arch: str) -> None:
    table = by_tex(ARCHES[arch])
    for (tex, c, b), expected in TEX_TABLE.items():
        assert tuple(spelled(table[short_index(tex, c, b, s)]) for s in (0, 1)) == expected, (tex, c, b)


def test_by_tex_with_lpae_makes_devices_shareable() -> None:
    table = by_tex(ARCHES["v7lpae"])
    assert spelled(table[short_index(0b010, 0, 0, 0)]) == "device outer"


@pytest.mark.parametrize("arch", ["v4", "v5"])
def test_by_tex_before_v6_knows_c_and_b_only(arch: str) -> None:
    """DDI 0100I B4.4: NCNB, NCB, WT, WB; in ARMv6's terms Strongly-ordered, Device, Normal."""
    table = by_tex(ARCHES[arch])
    for tex in range(8):
        found = [spelled(table[short_index(tex, c, b, 0)]) for c in (0, 1) for b in (0, 1)]
        assert found == ["SO outer", "device outer", "normal WT WT -", "normal WB WB -"]


def test_by_tex_of_xscale_adds_the_x_bit() -> None:
    """Intel XScale Core Developer's Manual, "Data Cache and Buffer Behavior when X = 1"."""
    table = by_tex(ARCHES["xscale"])
    found = [spelled(table[short_index(1, c, b, 0)]) for c in (0, 1) for b in (0, 1)]
    assert found == ["reserved ?", "device outer", "impdef -", "normal WBWA WBWA -"]


# What Linux writes beside the values that it gives PRRR and NMRR (arch/arm/mm/proc-v7-2level.S): all types are
# inner where shareable, S decides for Normal and for Device memory.
LINUX_REMAP = {
    0b000: ("SO outer", "SO outer"),  # uncached
    0b001: ("normal NC NC -", "normal NC NC inner"),  # bufferable
    0b010: ("normal WT WT -", "normal WT WT inner"),  # write-through
    0b011: ("normal WB WB -", "normal WB WB inner"),  # write-back
    0b100: ("device -", "device inner"),  # devices
    0b110: ("impdef ?", "impdef ?"),
    0b111: ("normal WBWA WBWA -", "normal WBWA WBWA inner"),  # write-allocate
}


def test_by_remap_with_linuxs_values() -> None:
    table = by_remap(ARCHES["v7"], 0xFF0A81A8, 0x40E040E0)
    for n, expected in LINUX_REMAP.items():
        for upper in range(4):  # TEX[2:1] belong to the operating system
            tex, c, b = upper << 1 | n >> 2, n >> 1 & 1, n & 1
            assert tuple(spelled(table[short_index(tex, c, b, s)]) for s in (0, 1)) == expected, n


def test_by_remap_shareability_bits() -> None:
    """NS0, NS1, DS0, DS1 say whether S = 0 and S = 1 are shareable, NOSn whether inner only."""
    normal, device = 0b10 << 2 * 1, 0b01 << 2 * 2  # attributes 1 and 2
    ns0, ns1, ds0, ds1 = (1 << bit for bit in (18, 19, 16, 17))
    nos1, nos2 = 1 << 25, 1 << 26

    def of(prrr: int, n: int, s: int, arch: str = "v7") -> str:
        return spelled(by_remap(ARCHES[arch], prrr, 0)[short_index(n >> 2, n >> 1 & 1, n & 1, s)])

    assert [of(normal | ns0, 1, s) for s in (0, 1)] == ["normal NC NC outer", "normal NC NC -"]
    assert [of(normal | ns1 | nos1, 1, s) for s in (0, 1)] == ["normal NC NC -", "normal NC NC inner"]
    assert [of(device | ds0, 2, s) for s in (0, 1)] == ["device outer", "device -"]
    assert [of(device | ds1 | nos2, 2, s) for s in (0, 1)] == ["device -", "device inner"]
    assert [of(device, 2, s, "v7lpae") for s in (0, 1)] == ["device outer"] * 2
    assert of(0b11 << 2, 1, 0) == "reserved ?"


def test_by_mair_with_linuxs_values() -> None:
    """MAIR0 0xeeaa4400, MAIR1 0xff000004 (arch/arm/mm/proc-v7-3level.S)."""
    table = by_mair(0xEEAA4400, 0xFF000004)
    found = [spelled(table[long_index(index, 0b11)]) for index in range(8)]
    assert found == [
        "SO outer",
        "normal NC NC inner",
        "normal WT WT inner",
        "normal WB WB inner",
        "device outer",
        "SO outer",
        "SO outer",
        "normal WBWA WBWA inner",
    ]


def test_by_mair_hints_and_reserved_bytes() -> None:
    """DDI 0406C B4.1.104: 0bTPRW halves, T transient, P write-back; 0 below a Normal upper half is unpredictable."""
    table = by_mair(0x04 | 0x0C << 8 | 0x40 << 16 | 0x17 << 24, 0xB9 | 0x44 << 8)
    at = [table[long_index(index, 0)] for index in range(6)]
    assert [memory.type for memory in at[:3]] == [MemoryType.DEVICE, MemoryType.RESERVED, MemoryType.RESERVED]
    assert at[3].outer == Cacheability(Policy.WRITE_THROUGH, False, True, transient=True)
    assert at[3].inner == Cacheability(Policy.WRITE_BACK, True, True, transient=True)
    assert at[4].outer == Cacheability(Policy.WRITE_THROUGH, True, True)
    assert at[4].inner == Cacheability(Policy.WRITE_THROUGH, False, True)
    assert at[5].inner == at[5].outer == Cacheability(Policy.NON_CACHEABLE)


def test_by_mair_shareability_field() -> None:
    table = by_mair(0xFF, 0)
    assert [spelled(table[long_index(0, sh)]).split()[-1] for sh in range(4)] == ["-", "?", "outer", "inner"]
