"""The system registers that decide a translation, bit by bit, and what each architecture version has of it.

Sources: DDI 0406C B4.1 (SCTLR, TTBCR, TTBR0, TTBR1, DACR, PRRR, NMRR, MAIR0, MAIR1, DFSR, IFSR),
DDI 0100I B3.4 and B4.9, DDI 0301H 3.2 (ARM1176).  Registers of Hyp mode and of the cache are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.arm import long_desc, short_desc
from bootmap.facts.arm.layout import Layout, bits, fixed, reserved

if TYPE_CHECKING:
    from bootmap.facts.arm.descriptors import Level

SCTLR = Layout(
    "SCTLR",
    32,
    reserved(2),
    bits("AFE", 1, "AP[0] is the access flag"),
    bits("TRE", 1, "TEX remap: PRRR and NMRR hold the memory attributes"),
    reserved(2),
    bits("EE", 1, "exceptions and table walks are big-endian"),
    reserved(1),
    bits("XP", 1, "ARMv6 descriptors, without subpages (ARMv6; always 1 on ARMv7)"),
    reserved(2),
    bits("UWXN", 1, "what PL0 may write, PL1 may not execute"),
    bits("WXN", 1, "what may be written may not be executed"),
    reserved(5),
    bits("V", 1, "high exception vectors"),
    reserved(3),
    bits("R", 1, "ROM protection (up to ARMv6)"),
    bits("S", 1, "system protection (up to ARMv6)"),
    reserved(5),
    bits("C", 1, "data cache on"),
    bits("A", 1, "alignment checks on"),
    bits("M", 1, "MMU on"),
)

TTBCR = Layout(
    "TTBCR",
    32,
    fixed("EAE", 1, 0, "long descriptors"),
    reserved(25),
    bits("PD1", 1, "no walks from TTBR1"),
    bits("PD0", 1, "no walks from TTBR0"),
    reserved(1),
    bits("N", 3, "TTBR0 serves addresses whose upper N bits are 0"),
)
TTBCR_LONG = Layout(
    "TTBCR",
    32,
    fixed("EAE", 1, 1, "long descriptors"),
    reserved(1),
    bits("SH1", 2, "shareability of walks from TTBR1"),
    bits("ORGN1", 2, "outer cacheability of walks from TTBR1"),
    bits("IRGN1", 2, "inner cacheability of walks from TTBR1"),
    bits("EPD1", 1, "no walks from TTBR1"),
    bits("A1", 1, "TTBR1 holds the ASID"),
    reserved(3),
    bits("T1SZ", 3, "TTBR1 serves the upper 2^(32 - T1SZ) bytes"),
    reserved(2),
    bits("SH0", 2, "shareability of walks from TTBR0"),
    bits("ORGN0", 2, "outer cacheability of walks from TTBR0"),
    bits("IRGN0", 2, "inner cacheability of walks from TTBR0"),
    bits("EPD0", 1, "no walks from TTBR0"),
    reserved(4),
    bits("T0SZ", 3, "TTBR0 serves the lower 2^(32 - T0SZ) bytes"),
)

DACR = Layout("DACR", 32, *(bits(f"D{n}", 2, f"access to domain {n}") for n in range(15, -1, -1)))

PRRR = Layout(
    "PRRR",
    32,
    *(bits(f"NOS{n}", 1, f"attributes {n} are inner, not outer, shareable") for n in range(7, -1, -1)),
    reserved(4),
    bits("NS1", 1, "Normal memory with S = 1 is shareable"),
    bits("NS0", 1, "Normal memory with S = 0 is shareable"),
    bits("DS1", 1, "Device memory with S = 1 is shareable"),
    bits("DS0", 1, "Device memory with S = 0 is shareable"),
    *(bits(f"TR{n}", 2, f"memory type of attributes {n}") for n in range(7, -1, -1)),
)
NMRR = Layout(
    "NMRR",
    32,
    *(bits(f"OR{n}", 2, f"outer cacheability of attributes {n}") for n in range(7, -1, -1)),
    *(bits(f"IR{n}", 2, f"inner cacheability of attributes {n}") for n in range(7, -1, -1)),
)
MAIR0 = Layout("MAIR0", 32, *(bits(f"Attr{n}", 8, f"memory attributes {n}") for n in (3, 2, 1, 0)))
MAIR1 = Layout("MAIR1", 32, *(bits(f"Attr{n}", 8, f"memory attributes {n}") for n in (7, 6, 5, 4)))

TTBR_SHORT_ALIGN = 14  # log2 of the alignment of a first-level table of 4096 entries
TTBR_LONG = Layout(
    "TTBR", 64, reserved(8), bits("ASID", 8), reserved(8), bits("BADDR", 40, "table address, its lower bits 0")
)

# Fault status, short format: FS is FS[4]:FS[3:0].  Up to ARMv5 only bits [7:0] exist.
FSR_SHORT = Layout(
    "FSR",
    32,
    reserved(18),
    bits("CM", 1, "cache maintenance"),
    bits("ExT", 1, "external abort type"),
    bits("WnR", 1, "a write"),
    bits("FS[4]", 1, "status, upper bit"),
    bits("LPAE", 1, "the long format is in use"),
    reserved(1),
    bits("domain", 4, "domain of the access; not always valid"),
    bits("FS[3:0]", 4, "status"),
)
FSR_LONG = Layout(
    "FSR",
    32,
    reserved(18),
    bits("CM", 1, "cache maintenance"),
    bits("ExT", 1, "external abort type"),
    bits("WnR", 1, "a write"),
    reserved(1),
    bits("LPAE", 1, "the long format is in use"),
    reserved(3),
    bits("STATUS", 6, "status"),
)


MIDR = Layout(
    "MIDR",
    32,
    bits("implementer", 8, "who made it"),
    bits("variant", 4, "major revision"),
    bits("architecture", 4, "version, 15: told by the ID registers"),
    bits("part", 12, "primary part number"),
    bits("revision", 4, "minor revision"),
)
ID_MMFR0 = Layout("ID_MMFR0", 32, bits("features", 28), bits("VMSA", 4, "version of VMSA"))


class Arch(Struct, frozen=True):
    """What a version of the architecture has of the MMU.

    Attributes:
        short: first level of the short format (with SCTLR.XP = 1 where ``subpages`` is given).
        subpages: first level with SCTLR.XP = 0 (ARMv6 only).
        cacheable: the table that TEX, C and B are looked up in without remap.
        status: the set of status codes for short descriptors.
        protect_sr: SCTLR.S and R widen AP = 0.
        read_only_both: AP = 111 is read-only for both; reserved before ARMv6K.
        split: TTBCR and TTBR1 exist.
        walk_disable: TTBCR.PD0 and PD1 exist (Security Extensions).
        remap: SCTLR.AFE and TRE exist.
        long: first level of the long format, chosen by TTBCR.EAE.
        write_xn: SCTLR.WXN and UWXN exist (Virtualization Extensions, with every LPAE core so far).
    """

    short: Level
    subpages: Level | None = None
    cacheable: str = "tex"
    status: str = "v7"
    protect_sr: bool = False
    read_only_both: bool = True
    split: bool = True
    walk_disable: bool = True
    remap: bool = True
    long: Level | None = None
    write_xn: bool = False


def _up_to_v5(short: Level, cacheable: str) -> Arch:
    return Arch(
        short,
        cacheable=cacheable,
        status="v5",
        protect_sr=True,
        read_only_both=False,
        split=False,
        walk_disable=False,
        remap=False,
    )


ARCHES: dict[str, Arch] = {
    "v4": _up_to_v5(short_desc.V5, "cb"),
    "v5": _up_to_v5(short_desc.V5, "cb"),
    "xscale": _up_to_v5(short_desc.XSCALE, "xcb"),
    # ARM1136 before r1
    "v6": Arch(
        short_desc.V6,
        short_desc.V6_SUBPAGES,
        status="v6",
        protect_sr=True,
        read_only_both=False,
        walk_disable=False,
        remap=False,
    ),
    # ARM1136 r1, ARM11 MPCore
    "v6k": Arch(short_desc.V6, short_desc.V6_SUBPAGES, status="v6", protect_sr=True, walk_disable=False),
    # ARM1176: v6k with the Security Extensions
    "v6kz": Arch(short_desc.V6, short_desc.V6_SUBPAGES, status="v6", protect_sr=True),
    # Cortex-A5, A8, A9: no PXN
    "v7": Arch(short_desc.V6),
    # Cortex-A7, A12, A15, A17 and ARMv8 cores in AArch32
    "v7lpae": Arch(short_desc.V7_PXN, long=long_desc.L1, write_xn=True),
}

# --- which of these a CPU has, by its ID registers (DDI 0406C B4.1, MIDR and ID_MMFR0) ------------------

MIDR_ARCHITECTURE: dict[int, str] = {1: "v4", 2: "v4", 3: "v5", 4: "v5", 5: "v5", 6: "v5", 7: "v6"}
MIDR_BY_ID_REGISTERS = 15
MIDR_XSCALE = (0x69, 5)  # implementer and architecture: Intel, ARMv5TE
ID_MMFR0_VMSA: dict[int, str] = {3: "v7", 4: "v7lpae", 5: "v7lpae"}  # 4 adds PXN, 5 the long descriptors

# ARM11 cores, whose ID registers say VMSAv7 or nothing (DDI 0301H 3.2.2, DDI 0360F 3.3), by part number:
# the first variant that is of that version.
MIDR_ARM11: dict[int, tuple[tuple[int, str], ...]] = {
    0xB36: ((1, "v6k"), (0, "v6")),
    0xB76: ((0, "v6kz"),),
    0xB02: ((0, "v6k"),),
}

TTBCR_EAE = 1 << 31
"""TTBCR.EAE: the tables have long descriptors (DDI 0406C B4.1.153)."""
