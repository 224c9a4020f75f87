"""set_pte_ext: from Linux's pte to the word the hardware reads, for each family of CPUs.

In the short format both words are stored in one table page; in the long format there is one word, and only
its read-only bit is worked out here.

Sources: arch/arm/mm/proc-v7-2level.S, proc-v7-3level.S, proc-macros.S (armv6_mt_table, armv6_set_pte_ext,
armv3_set_pte_ext, xscale_set_pte_ext_*), proc-xscale.S, proc-xsc3.S.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.facts.linux.linux_prot import (
    PTE_AP2_LONG,
    PTE_BUFFERABLE,
    PTE_CACHEABLE,
    PTE_EXT_AP0,
    PTE_EXT_AP1,
    PTE_EXT_APX,
    PTE_EXT_COHERENT,
    PTE_EXT_XN,
    PTE_SMALL_AP_UNO_SRW,
    PTE_SMALL_AP_URO_SRW,
    PTE_TYPE_EXT,
    PTE_TYPE_SMALL,
    SHORT,
    pte_ext_tex,
)

if TYPE_CHECKING:
    from bootmap.boot.kernel import KernelModel
    from bootmap.facts.arm.cpus import Cpu

_CB = PTE_CACHEABLE | PTE_BUFFERABLE

# Memory type of Linux's pte -> attribute bits of the hardware's, where the CPU family has a table for it.
_V6_TYPES = {
    "UNCACHED": 0,
    "BUFFERABLE": pte_ext_tex(1),
    "WRITETHROUGH": PTE_CACHEABLE,
    "WRITEBACK": _CB,
    "DEV_SHARED": PTE_BUFFERABLE,
    "WRITEALLOC": pte_ext_tex(1) | _CB,
    "DEV_WC": pte_ext_tex(1),
    "DEV_CACHED": _CB,
    "DEV_NONSHARED": pte_ext_tex(2),
    # exclusive-ored in: turns the read-only that user access brought back into kernel read-write
    "VECTORS": _CB | PTE_EXT_APX,
}
_XSCALE_TYPES = {
    "UNCACHED": 0,
    "BUFFERABLE": PTE_BUFFERABLE,
    "WRITETHROUGH": PTE_CACHEABLE,
    "WRITEBACK": _CB,
    "DEV_SHARED": pte_ext_tex(1) | PTE_BUFFERABLE,
    "MINICACHE": pte_ext_tex(1) | PTE_CACHEABLE,
    "WRITEALLOC": pte_ext_tex(1) | _CB,
    "DEV_WC": PTE_BUFFERABLE,
    "DEV_CACHED": _CB,
    "DEV_NONSHARED": 0,
}
_XSC3_TYPES = {
    "UNCACHED": 0,
    "BUFFERABLE": pte_ext_tex(1),
    "WRITETHROUGH": pte_ext_tex(5) | PTE_CACHEABLE,
    "WRITEBACK": _CB,
    "DEV_SHARED": pte_ext_tex(1) | PTE_BUFFERABLE,
    "WRITEALLOC": pte_ext_tex(5) | _CB,
    "DEV_WC": pte_ext_tex(1),
    "DEV_CACHED": _CB,
    "DEV_NONSHARED": pte_ext_tex(2),
}
_MT_NAME = {value: name for name, value in SHORT.pte.mt.items()}
_P = SHORT.pte
_TEX0 = 1 << 4
"""The bit of the memory type field that ARMv7 with TEX remap takes as TEX[0]."""


def hardware_pte(linux: int, kernel: KernelModel, cpu: Cpu) -> int:
    """The hardware's word for the Linux pte ``linux`` (frame address included), without extra bits.

    In the long format: the word that is stored.
    """
    if kernel.format.name == "long":
        return _long(linux, kernel)
    return _BY_FAMILY[cpu.pte](linux, kernel, cpu)


def _present(linux: int, kernel: KernelModel) -> bool:
    if not (linux & _P.young and linux & _P.present):
        return False
    return not (kernel.has("l_pte_none") and linux & _P.none)


def _v7(linux: int, kernel: KernelModel, cpu: Cpu) -> int:
    if not _present(linux, kernel):
        return 0
    word = linux & ~0x3F3 | PTE_EXT_AP0 | PTE_TYPE_SMALL
    if linux & _TEX0:
        word |= pte_ext_tex(1)
    return _v6_rights(linux, word, kernel)


def _v6_rights(linux: int, word: int, kernel: KernelModel) -> int:
    """AP, APX and XN as ARMv6 and later have them."""
    if linux & _P.rdonly or not linux & _P.dirty:
        word |= PTE_EXT_APX
    if linux & _P.user:
        word |= PTE_EXT_AP1
        if word & PTE_EXT_APX and kernel.has("user_ro_clears_ap"):
            word &= ~(PTE_EXT_APX | PTE_EXT_AP0)
    if linux & _P.xn:
        word |= PTE_EXT_XN
    return word


def _v6(linux: int, kernel: KernelModel, cpu: Cpu) -> int:
    if not _present(linux, kernel):
        return 0
    word = _v6_rights(linux, linux & ~0x3FF | PTE_EXT_AP0 | PTE_TYPE_SMALL, kernel)
    if linux & _P.user and word & PTE_EXT_APX:
        word &= ~PTE_EXT_AP0
    return word ^ _V6_TYPES.get(_MT_NAME.get(linux & _P.mt_mask, ""), 0)


def _v4(linux: int, kernel: KernelModel, cpu: Cpu) -> int:
    if not (linux & _P.present and linux & _P.young):
        return 0
    word = linux & ~0xFF3 | PTE_TYPE_SMALL
    if linux & _P.user:
        word |= PTE_SMALL_AP_URO_SRW
    if linux & _P.dirty and not linux & _P.rdonly:
        word |= PTE_SMALL_AP_UNO_SRW
    if cpu.wt_quirk and word & PTE_CACHEABLE and kernel.config.enabled("CPU_DCACHE_WRITETHROUGH"):
        word &= ~PTE_BUFFERABLE
    return word


def _xscale_base(linux: int) -> int:
    word = linux & ~0xFFF | PTE_TYPE_EXT
    if linux & _P.user:
        word |= PTE_EXT_AP1
    if linux & _P.dirty and not linux & _P.rdonly:
        word |= PTE_EXT_AP0
    return word


def _xscale(linux: int, kernel: KernelModel, cpu: Cpu) -> int:
    if not (linux & _P.present and linux & _P.young):
        return 0
    kind = _MT_NAME.get(linux & _P.mt_mask, "")
    # Erratum 40: a page that user space may only read must be write-through.
    if kind in ("WRITEBACK", "WRITEALLOC") and linux & _P.user and linux & _P.rdonly:
        kind = "WRITETHROUGH"
    return _xscale_base(linux) | _XSCALE_TYPES.get(kind, 0)


def _xsc3(linux: int, kernel: KernelModel, cpu: Cpu) -> int:
    if not (linux & _P.present and linux & _P.young):
        return 0
    word = _xscale_base(linux) | _XSC3_TYPES.get(_MT_NAME.get(linux & _P.mt_mask, ""), 0)
    return word | PTE_EXT_COHERENT if linux & _P.shared else word


def _long(linux: int, kernel: KernelModel) -> int:
    pte = kernel.format.pte
    if not linux & pte.valid:
        return linux
    if kernel.has("l_pte_none") and linux & pte.none:
        return linux & ~pte.valid
    if linux & pte.rdonly or not linux & pte.dirty:
        return linux | PTE_AP2_LONG
    return linux & ~PTE_AP2_LONG  # where the two are one bit, it is clear already


_BY_FAMILY = {"v7": _v7, "v6": _v6, "v4": _v4, "xscale": _xscale, "xsc3": _xsc3}
