"""build_mem_type_table: from the static table of memory types to the one this CPU gets.

Each adjustment is one row of the answer: which types, which field, which bits, and why.  The long and the
short format share the rules; a bit that a format lacks is 0 there.

Source: arch/arm/mm/mmu.c ``build_mem_type_table``, ``init_default_cache_policy``, ``early_cachepolicy``.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from bootmap.boot.head.create_page_tables import mm_mmuflags
from bootmap.boot.records import Adjustment, MemType, MemTypeTable
from bootmap.facts.linux.linux_prot import (
    CACHE_POLICIES,
    POLICY_BUFFERED,
    POLICY_WRITEALLOC,
    POLICY_WRITEBACK,
    POLICY_WRITETHROUGH,
)
from bootmap.facts.linux.mem_types import DOMAINS, DOMAINS_IO_36, MEM_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.state import BootState
    from bootmap.facts.arm.cpus import Cpu
    from bootmap.facts.linux.linux_prot import LinuxFormat, PmdBits, PteBits

    _Row = tuple[str, int, int, int, int, str]
    """Name, prot_pte, prot_l1, prot_sect, domain and purpose of a memory type."""


_READ_ONLY = ("ROM", "MINICLEAN", "CACHECLEAN", "MEMORY_RO")
_SHARED_DEVICES = ("DEVICE_WC", "DEVICE_CACHED")
_MEMORY = ("MEMORY_RWX", "MEMORY_RW", "MEMORY_RO", "MEMORY")
_DEVICES = ("DEVICE", "DEVICE_NONSHARED", "DEVICE_CACHED", "DEVICE_WC")


def static_mem_types(kernel: KernelModel) -> tuple[_Row, ...]:
    """The table as the kernel's source has it, for its format and version: what each `MemType` is made of."""
    long = kernel.format.name == "long"
    domains = DOMAINS_IO_36 if kernel.has("io_36") else DOMAINS
    vectors = "VECTORS" if kernel.has("domain_vectors") else "USER"
    rows = []
    for row in MEM_TYPES:
        if (row.needs and not kernel.has(row.needs)) or (row.without and kernel.has(row.without)):
            continue
        sect = row.prot_sect
        if long and row.long_sect is not None and kernel.has("mt_memory_ro_long_rdonly"):
            sect = row.long_sect
        if row.name == "MEMORY_RW_SO" and not kernel.has("mt_memory_so_xn"):
            sect = sect.removesuffix("|xn")
        prot_pte = row.prot_pte
        if row.name == "MEMORY_DMA_READY" and not kernel.has("mt_memory_dma_ready_xn"):
            prot_pte = prot_pte.removesuffix("|xn")
        domain = domains[vectors if row.domain == "VECTORS" else row.domain]
        pte, l1, section = _words(kernel.format, prot_pte, row.prot_l1, sect)
        rows.append((row.name, pte, l1, section, domain, row.purpose))
    return tuple(rows)


@cache
def _words(form: LinuxFormat, prot_pte: str, prot_l1: str, prot_sect: str) -> tuple[int, int, int]:
    """The three words of a memory type, from the names of their bits."""
    return _bits(prot_pte, form.pte), _bits(prot_l1, form.pmd), _bits(prot_sect, form.pmd)


def _bits(names: str, bits: PteBits | PmdBits) -> int:
    word = 0
    for name in filter(None, names.split("|")):
        if name.startswith("MT_"):
            word |= bits.mt[name[3:]]  # type: ignore[union-attr]
        else:
            word |= getattr(bits, name)
    return word


class _Builder:
    """The table while it is adjusted."""

    def __init__(self, table: MemTypeTable) -> None:
        self.table = table

    def set(self, names: Iterable[str], field_: str, bits: int, why: str, *, only_nonzero: bool = False) -> None:
        self._change(names, field_, bits, True, why, only_nonzero)

    def clear(self, names: Iterable[str], field_: str, bits: int, why: str) -> None:
        self._change(names, field_, bits, False, why, False)

    def _change(self, names: Iterable[str], field_: str, bits: int, on: bool, why: str, only_nonzero: bool) -> None:
        changed = []
        for name in names:
            mem_type = self.table.types.get(name)
            if mem_type is None:
                continue
            old = getattr(mem_type, field_)
            if only_nonzero and not old:
                continue
            new = old | bits if on else old & ~bits
            if new != old:
                setattr(mem_type, field_, new)
                changed.append(name)
        if changed:
            self.table.adjustments.append(Adjustment(tuple(changed), field_, bits, on, why))


def build_mem_type_table(state: BootState) -> None:
    """Arrive at the memory types and note the cache policy; prints the kernel's "Memory policy" line."""
    kernel, cpu = state.kernel, state.handover.cpu
    rows = static_mem_types(kernel)
    policy, shared = _policy(state)
    vectors = _vectors(state, policy)
    ecc = bool(state.vars.ecc) and cpu.arch >= 5
    af_on_empty = kernel.format.name == "long" and kernel.has("af_on_empty_sect")
    table = _adjusted(kernel.format, rows, cpu, policy, shared, vectors, ecc=ecc, af_on_empty=af_on_empty)
    state.vars.cachepolicy = policy
    state.mem_types = table
    _print_policy(state, table)


@lru_cache(maxsize=64)  # a sweep's boards have few CPUs
def _adjusted(
    form: LinuxFormat,
    rows: tuple[_Row, ...],
    cpu: Cpu,
    policy: int,
    shared: bool,
    vectors: int,
    *,
    ecc: bool,
    af_on_empty: bool,
) -> MemTypeTable:
    """The table; one for all boots that come to the same, so nobody changes it.

    Args:
        form: the format of the tables.
        rows: the static table.
        cpu: the CPU.
        policy: the cache policy's index.
        shared: whether RAM is shareable.
        vectors: Linux pte bits of the vectors page.
        ecc: whether the ECC bit is set.
        af_on_empty: whether sections without any bit get the access flag too.
    """
    pmd, pte = form.pmd, form.pte
    table = MemTypeTable({row[0]: MemType(*row) for row in rows})
    build = _Builder(table)
    extended, remap = cpu.arch >= 6 and cpu.xp, cpu.arch >= 7 and cpu.tre

    _unsupported_bits(build, pmd, cpu)
    _devices(build, pmd, extended=extended, xsc3=cpu.pte == "xsc3", remap=remap)
    kernel_pgprot = pte.mt[CACHE_POLICIES[policy].pte]
    if extended and form.name == "short":
        build.set(_READ_ONLY, "prot_sect", pmd.apx | pmd.ap_write, "read-only to the kernel, nothing to user space")
    if extended and shared:
        kernel_pgprot |= pte.shared
        vectors |= pte.shared
        why, types = "the early tables map RAM shareable", (*_SHARED_DEVICES, *_MEMORY, "MEMORY_RWX_NONCACHED")
        build.set(types, "prot_sect", pmd.s, why)
        build.set((*types, "MEMORY_DMA_READY"), "prot_pte", pte.shared, why)
    _noncached(build, pmd, arch=cpu.arch, remap=remap)
    if form.name == "long":
        kernel_pgprot |= pte.af
        vectors |= pte.af
        why, every = "no access flag faults for the kernel", tuple(table.types)
        build.set(every, "prot_pte", pte.af, why)
        build.set(every, "prot_sect", pmd.af, why, only_nonzero=not af_on_empty)

    table.policy, table.shared = CACHE_POLICIES[policy].name, shared
    table.ecc_mask = pmd.protection if ecc else 0
    table.kernel_pgprot = pte.present | pte.young | pte.dirty | kernel_pgprot
    _cached(build, pmd, getattr(pmd, CACHE_POLICIES[policy].pmd), kernel_pgprot, vectors)
    for mem_type in table.types.values():
        domain, why = pmd.domain(mem_type.domain), f"domain {mem_type.domain}"
        for field_ in ("prot_l1", "prot_sect") if domain else ():
            build.set((mem_type.name,), field_, domain, why, only_nonzero=True)
    return table


def _unsupported_bits(build: _Builder, pmd: PmdBits, cpu: Cpu) -> None:
    """Take the bits away that this CPU has not, and see to bit 4, which old ones read differently."""
    every = tuple(build.table.types)
    if cpu.arch < 5:
        build.clear(every, "prot_sect", pmd.tex(7), "before ARMv5 there are no TEX bits")
    if (cpu.arch < 6 or not cpu.xp) and cpu.pte != "xsc3":
        build.clear(every, "prot_sect", pmd.s, "no shareable bit without extended page tables")
    if cpu.xscale:
        build.clear(every, "prot_sect", pmd.bit4, "XScale needs bit 4 clear")
        build.clear(every, "prot_l1", pmd.bit4, "XScale needs bit 4 clear")
    elif cpu.arch < 6:
        build.set(every, "prot_l1", pmd.bit4, "ARMv5 and before need bit 4 set", only_nonzero=True)
        build.set(every, "prot_sect", pmd.bit4, "ARMv5 and before need bit 4 set", only_nonzero=True)


def _vectors(state: BootState, policy: int) -> int:
    """The Linux pte bits of the vectors page under a cache policy."""
    kernel, cpu, pte = state.kernel, state.handover.cpu, state.kernel.format.pte
    vectors = pte.mt[CACHE_POLICIES[policy].pte]
    if kernel.has("vectors_wt_up") and not state.smp and cpu.arch >= 5 and policy >= POLICY_WRITETHROUGH:
        vectors = pte.mt["WRITETHROUGH"]
    if kernel.format.name == "short" and cpu.arch == 6 and kernel.has("v6_vectors_mt"):
        vectors |= pte.mt["VECTORS"]
    return vectors


def _cached(build: _Builder, pmd: PmdBits, policy_pmd: int, kernel_pgprot: int, vectors: int) -> None:
    """RAM, ROM and the vectors get the cache policy, and ECC where it was asked for."""
    table = build.table
    why = f"cache policy {table.policy}"
    build.set(("LOW_VECTORS", "HIGH_VECTORS"), "prot_pte", vectors, why)
    build.set((*_MEMORY, "MEMORY_DMA_READY"), "prot_pte", kernel_pgprot, why)
    build.set((*_MEMORY, "ROM"), "prot_sect", policy_pmd, why)
    if table.ecc_mask:
        build.set(("LOW_VECTORS", "HIGH_VECTORS"), "prot_l1", table.ecc_mask, "ecc=on")
        build.set((*_MEMORY, "MEMORY_RWX_NONCACHED"), "prot_sect", table.ecc_mask, "ecc=on")
    cleaned = {pmd.wt: pmd.wt, pmd.wb: pmd.wb, pmd.wbwa: pmd.wb}.get(policy_pmd, 0)
    build.set(("CACHECLEAN",), "prot_sect", cleaned, why)


def _print_policy(state: BootState, table: MemTypeTable) -> None:
    if state.kernel.has("policy_message_3_13"):
        state.print(f"Memory policy: {'ECC enabled, ' if table.ecc_mask else ''}Data cache {table.policy}")
    else:
        state.print(f"Memory policy: ECC {'en' if table.ecc_mask else 'dis'}abled, Data cache {table.policy}")


def default_policy(state: BootState) -> int:
    """The index of the policy that the kernel starts from, before ``cachepolicy=``."""
    kernel, pmd = state.kernel, state.kernel.format.pmd
    if not kernel.has("policy_from_procinfo"):
        return POLICY_WRITEBACK
    flags = mm_mmuflags(kernel, state.handover, state.smp)
    mask = pmd.wbwa if kernel.has("policy_mask") else pmd.tex(1) | pmd.bufferable | pmd.cacheable
    for i, row in enumerate(CACHE_POLICIES):
        if getattr(pmd, row.pmd) == flags & mask:
            return i
    return POLICY_WRITEBACK


def _policy(state: BootState) -> tuple[int, bool]:
    """The cache policy's index and whether RAM is shareable, after the caps of configuration and CPU."""
    kernel, cpu, pmd = state.kernel, state.handover.cpu, state.kernel.format.pmd
    policy = state.vars.cachepolicy
    if cpu.arch < 6:
        if kernel.config.enabled("CPU_DCACHE_DISABLE"):
            policy = min(policy, POLICY_BUFFERED)
        elif kernel.config.enabled("CPU_DCACHE_WRITETHROUGH"):
            policy = min(policy, POLICY_WRITETHROUGH)
    if cpu.arch < 5:
        policy = min(policy, POLICY_WRITEBACK)
    shared = bool(mm_mmuflags(kernel, state.handover, state.smp) & pmd.s) and kernel.has("policy_from_procinfo")
    if state.smp:
        if policy != POLICY_WRITEALLOC and kernel.has("policy_from_procinfo"):
            state.print("Forcing write-allocate cache policy for SMP")
        policy, shared = POLICY_WRITEALLOC, True
    return policy, shared


def _devices(build: _Builder, pmd: PmdBits, *, extended: bool, xsc3: bool, remap: bool) -> None:
    if not (extended or xsc3):
        build.set(("DEVICE_WC",), "prot_sect", pmd.bufferable, "write combining is uncached and buffered")
        return
    if not xsc3:
        build.set(_DEVICES, "prot_sect", pmd.xn, "no speculative fetch from devices")
        build.set(("MEMORY_RW", "MEMORY_RO"), "prot_sect", pmd.xn, "data is not executed")
    if remap:
        why = "device attributes with TEX remap"
        rows = (("DEVICE", pmd.tex(1)), ("DEVICE_NONSHARED", pmd.tex(1)), ("DEVICE_WC", pmd.bufferable))
    elif xsc3:
        why = "device attributes of XScale3"
        rows = (("DEVICE", pmd.tex(1) | pmd.buffered), ("DEVICE_NONSHARED", pmd.tex(2)), ("DEVICE_WC", pmd.tex(1)))
    else:
        why = "device attributes without TEX remap"
        rows = (("DEVICE", pmd.buffered), ("DEVICE_NONSHARED", pmd.tex(2)), ("DEVICE_WC", pmd.tex(1)))
    for name, bits in rows:
        build.set((name,), "prot_sect", bits, why)


def _noncached(build: _Builder, pmd: PmdBits, *, arch: int, remap: bool) -> None:
    name = ("MEMORY_RWX_NONCACHED",)
    if arch >= 6 and not remap:
        build.set(name, "prot_sect", pmd.tex(1), "uncached normal memory without TEX remap")
    else:
        build.set(name, "prot_sect", pmd.buffered, "uncached normal memory")
