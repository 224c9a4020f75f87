"""The system registers of one moment, and the translation regime that they set up.

`Regs` is what a user knows (typed in, predicted, or read from a machine); `Regime` is what follows from it
before any table is read: which format, which tables for which addresses, which byte order.  Stage 2, Hyp
mode and the FCSE process id are not modelled.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from bootmap.facts.arm.faults import STATUS_OF
from bootmap.facts.arm.permissions import DomainAccess
from bootmap.facts.arm.regs import (
    ARCHES,
    DACR,
    ID_MMFR0,
    ID_MMFR0_VMSA,
    MIDR,
    MIDR_ARCHITECTURE,
    MIDR_ARM11,
    MIDR_BY_ID_REGISTERS,
    MIDR_XSCALE,
    SCTLR,
    TTBCR,
    TTBCR_LONG,
    TTBR_LONG,
    TTBR_SHORT_ALIGN,
)
from bootmap.mmu.access import long_rights, short_rights
from bootmap.mmu.memory_types import by_mair, by_remap, by_tex
from bootmap.shown import Shown
from bootmap.units import Span, align_down

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.facts.arm.descriptors import Level
    from bootmap.facts.arm.faults import Code
    from bootmap.facts.arm.memory_attrs import MemoryAttributes
    from bootmap.facts.arm.permissions import Rights
    from bootmap.facts.arm.regs import Arch

VA_BITS = 32
VA_END = 1 << VA_BITS
ALL_CLIENTS = 0x55555555

_WIDTHS = {"ttbr0": 64, "ttbr1": 64}


class Regs(Shown, Struct, frozen=True, kw_only=True):
    """The registers that decide a translation.

    Attributes:
        arch: a key of ``spec.regs.ARCHES``: v4, v5, xscale, v6, v6k, v6kz, v7 or v7lpae.
        sctlr: SCTLR; with bit 0 (M) clear the MMU is off.
        ttbr0: translation table base 0, 64 bits for long descriptors.
        ttbr1: translation table base 1.
        ttbcr: TTBCR; bit 31 (EAE) selects long descriptors.
        dacr: domain access control; every domain a client where it is not given.
        prrr: PRRR, looked at when SCTLR.TRE is set and descriptors are short.
        nmrr: NMRR, likewise.
        mair0: MAIR0, looked at when descriptors are long.
        mair1: MAIR1, likewise.
        secure: the CPU is in Secure state, where NS bits count.

    Raises:
        ValueError: an unknown ``arch`` or a value that is wider than its register.
    """

    arch: str
    sctlr: int
    ttbr0: int
    ttbr1: int = 0
    ttbcr: int = 0
    dacr: int = ALL_CLIENTS
    prrr: int = 0
    nmrr: int = 0
    mair0: int = 0
    mair1: int = 0
    secure: bool = False

    def __post_init__(self) -> None:
        if self.arch not in ARCHES:
            raise ValueError(f"unknown architecture {self.arch!r}, expected one of {', '.join(ARCHES)}")
        for name in ("sctlr", "ttbr0", "ttbr1", "ttbcr", "dacr", "prrr", "nmrr", "mair0", "mair1"):
            value, width = getattr(self, name), _WIDTHS.get(name, 32)
            if not 0 <= value < 1 << width:
                raise ValueError(f"{name} is {value:#x}, expected {width} bits")


def arch_of(midr: int, id_mmfr0: int) -> str | None:
    """The key of ``ARCHES`` for a CPU, from its ID registers; None for one that is not known.

    Args:
        midr: Main ID Register.
        id_mmfr0: Memory Model Feature Register 0; not looked at before ARMv7.
    """
    implementer, version = MIDR["implementer"].of(midr), MIDR["architecture"].of(midr)
    for variant, arch in MIDR_ARM11.get(MIDR["part"].of(midr), ()):
        if MIDR["variant"].of(midr) >= variant:
            return arch
    if version == MIDR_BY_ID_REGISTERS:
        return ID_MMFR0_VMSA.get(ID_MMFR0["VMSA"].of(id_mmfr0))
    return "xscale" if (implementer, version) == MIDR_XSCALE else MIDR_ARCHITECTURE.get(version)


class Root(Struct, frozen=True):
    """Where walks of one part of the address space begin.

    Attributes:
        register: ``TTBR0`` or ``TTBR1``.
        span: the virtual addresses that it serves.
        level: the level of its table.
        base: physical address of the table.
        index_bits: log2 of the table's entries.
        disabled: TTBCR forbids walks from here, and every access faults.
    """

    register: Literal["TTBR0", "TTBR1"]
    span: Span
    level: Level
    base: int
    index_bits: int
    disabled: bool

    @property
    def size(self) -> int:
        """Bytes of the table."""
        return self.level.entry_bytes << self.index_bits


class Regime(Struct, frozen=True):
    """What a set of registers means for a walk.

    Attributes:
        regs: the registers.
        arch: what that version of the architecture has.
        enabled: the MMU is on.
        long: the descriptors are long ones.
        remap: TEX remap is on.
        access_flag: AP[0] of short descriptors is the access flag.
        byteorder: of descriptors in memory.
        roots: the tables that walks begin at, by address; addresses that none serves fault.
        domains: access to each of the 16 domains.
        memory: memory attributes by ``memory_types.short_index`` or ``long_index``.
        rights: granted rights by ``access.rights_index`` or ``long_rights_index``.
        status: the code that the CPU reports for each fault.
    """

    regs: Regs
    arch: Arch
    enabled: bool
    long: bool
    remap: bool
    access_flag: bool
    byteorder: Literal["little", "big"]
    roots: tuple[Root, ...]
    domains: tuple[DomainAccess, ...]
    memory: tuple[MemoryAttributes, ...]
    rights: tuple[Rights, ...]
    status: Mapping[Code, int]

    def __repr__(self) -> str:
        descriptors = "long" if self.long else "short"
        return f"<Regime of {descriptors} descriptors, MMU {'on' if self.enabled else 'off'}>"

    def root(self, va: int) -> Root | None:
        """The root that serves ``va``, None in the gap that TTBCR.T0SZ and T1SZ may leave."""
        for root in self.roots:
            if va in root.span:
                return root
        return None


@lru_cache(maxsize=64)
def regime_of(regs: Regs) -> Regime:
    """What ``regs`` mean: format, roots, byte order (DDI 0406C B3.5.4 and B3.6.4)."""
    arch = ARCHES[regs.arch]
    long = arch.long if TTBCR["EAE"].of(regs.ttbcr) else None
    remap = arch.remap and bool(SCTLR["TRE"].of(regs.sctlr)) and long is None
    access_flag = arch.remap and bool(SCTLR["AFE"].of(regs.sctlr))
    if long is not None:
        memory = by_mair(regs.mair0, regs.mair1)
    else:
        memory = by_remap(arch, regs.prrr, regs.nmrr) if remap else by_tex(arch)
    return Regime(
        regs=regs,
        arch=arch,
        enabled=bool(SCTLR["M"].of(regs.sctlr)),
        long=long is not None,
        remap=remap,
        access_flag=access_flag or long is not None,
        byteorder="big" if arch.split and SCTLR["EE"].of(regs.sctlr) else "little",
        roots=_long_roots(regs, long) if long else _short_roots(regs, arch),
        domains=tuple(DomainAccess(DACR[f"D{n}"].of(regs.dacr)) for n in range(16)),
        memory=memory,
        rights=long_rights(arch, regs.sctlr) if long else short_rights(arch, regs.sctlr, access_flag=access_flag),
        status=STATUS_OF["long" if long else arch.status],
    )


def _short_roots(regs: Regs, arch: Arch) -> tuple[Root, ...]:
    level = arch.short
    if arch.subpages is not None and not SCTLR["XP"].of(regs.sctlr):
        level = arch.subpages
    n = TTBCR["N"].of(regs.ttbcr) if arch.split else 0
    split = VA_END >> n
    base0 = align_down(regs.ttbr0 & 0xFFFFFFFF, 1 << (TTBR_SHORT_ALIGN - n))
    base1 = align_down(regs.ttbr1 & 0xFFFFFFFF, 1 << TTBR_SHORT_ALIGN)
    disabled = [arch.walk_disable and bool(TTBCR[pd].of(regs.ttbcr)) for pd in ("PD0", "PD1")]
    root0 = Root("TTBR0", Span(0, split), level, base0, level.index_bits - n, disabled[0])
    if n == 0:
        return (root0,)
    return (root0, Root("TTBR1", Span(split, VA_END), level, base1, level.index_bits, disabled[1]))


def _long_roots(regs: Regs, first: Level) -> tuple[Root, ...]:
    """The roots of the long format.

    TTBR0 serves the lowest 2^(32 - T0SZ) bytes, TTBR1 the highest 2^(32 - T1SZ).  A size of 0 means
    all that the other register leaves, and for TTBR1 nothing where both are 0.
    """
    t0, t1 = TTBCR_LONG["T0SZ"].of(regs.ttbcr), TTBCR_LONG["T1SZ"].of(regs.ttbcr)
    high = VA_END - (VA_END >> t1) if t1 else VA_END >> t0
    low = VA_END >> t0 if t0 else high if t1 else VA_END
    roots = [_long_root("TTBR0", Span(0, low), first, regs.ttbr0, t0, TTBCR_LONG["EPD0"].of(regs.ttbcr))]
    if t0 or t1:
        end = TTBCR_LONG["EPD1"].of(regs.ttbcr)
        roots.append(_long_root("TTBR1", Span(high, VA_END), first, regs.ttbr1, t1, end))
    return tuple(roots)


def _long_root(
    register: Literal["TTBR0", "TTBR1"], span: Span, first: Level, ttbr: int, size: int, disabled: int
) -> Root:
    """The table of one TTBR: a size of 2 or more shortens the walk to begin at level 2."""
    level, bits = first, VA_BITS - size - first.index_low
    if bits <= 0:
        level = next(d.table for d in first.descriptors if d.table is not None)
        bits = VA_BITS - size - level.index_low
    table_bytes = level.entry_bytes << bits
    base = align_down(TTBR_LONG["BADDR"].of(ttbr), table_bytes)
    return Root(register, span, level, base, bits, bool(disabled))
