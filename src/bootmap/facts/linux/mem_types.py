"""The kernel's static table of memory types, before ``build_mem_type_table`` adjusts it.

A cell is a list of bit names joined by ``|``: of :class:`~bootmap.facts.linux.linux_prot.PteBits` for prot_pte,
of :class:`~bootmap.facts.linux.linux_prot.PmdBits` for prot_l1 and prot_sect; ``MT_x`` is a memory type field;
``s_3`` and the like are explained at the row.  An empty cell is 0.

Source: arch/arm/mm/mmu.c ``mem_types[]`` (v2.6.38 to v7.2), arch/arm/include/asm/mach/map.h.
"""

from __future__ import annotations

from msgspec import Struct


class StaticMemType(Struct, frozen=True):
    """One memory type as the source states it.

    Attributes:
        name: kernel name without ``MT_``.
        prot_pte, prot_l1, prot_sect: bit names, see the module's docstring.
        domain: KERNEL, USER, IO or VECTORS.
        purpose: what the kernel maps with it.
        needs: a feature that must hold for the row to exist, "" for always.
        without: a feature that must not hold, "" for none.
        long_sect: prot_sect in the long format where it differs, None where not.
    """

    name: str
    prot_pte: str
    prot_l1: str
    prot_sect: str
    domain: str
    purpose: str
    needs: str = ""
    without: str = ""
    long_sect: str | None = None


_DEVICE = "present|young|dirty|xn"
_KERNEL = "present|young|dirty"

MEM_TYPES = (
    StaticMemType(
        "DEVICE", f"{_DEVICE}|MT_DEV_SHARED|shared", "table", "sect|ap_write|s", "IO", "shared device registers"
    ),
    StaticMemType(
        "DEVICE_NONSHARED", f"{_DEVICE}|MT_DEV_NONSHARED", "table", "sect|ap_write", "IO", "private device registers"
    ),
    StaticMemType("DEVICE_CACHED", f"{_DEVICE}|MT_DEV_CACHED", "table", "sect|ap_write|wb", "IO", "ioremap_cache()"),
    StaticMemType("DEVICE_WC", f"{_DEVICE}|MT_DEV_WC", "table", "sect|ap_write", "IO", "ioremap_wc()"),
    StaticMemType("UNCACHED", _DEVICE, "table", "sect|xn", "IO", "uncached registers"),
    StaticMemType("CACHECLEAN", "", "", "sect|xn", "KERNEL", "area read to clean the cache"),
    StaticMemType(
        "MINICLEAN", "", "", "sect|xn|minicache", "KERNEL", "area read to clean the minicache", without="lpae"
    ),
    StaticMemType("LOW_VECTORS", f"{_KERNEL}|rdonly", "table", "", "VECTORS", "vectors, kernel only"),
    StaticMemType("HIGH_VECTORS", f"{_KERNEL}|user|rdonly", "table", "", "VECTORS", "vectors and user helpers"),
    StaticMemType("MEMORY_RWX", _KERNEL, "table", "sect|ap_write", "KERNEL", "kernel image", needs="mt_memory_rwx_rw"),
    StaticMemType("MEMORY_RW", f"{_KERNEL}|xn", "table", "sect|ap_write", "KERNEL", "lowmem", needs="mt_memory_rwx_rw"),
    StaticMemType(
        "MEMORY", _KERNEL, "table", "sect|ap_write", "KERNEL", "lowmem with the kernel", without="mt_memory_rwx_rw"
    ),
    StaticMemType(
        "MEMORY_RO",
        f"{_KERNEL}|xn|rdonly",
        "table",
        "sect",
        "KERNEL",
        "the device tree blob",
        needs="mt_memory_ro",
        long_sect="sect|rdonly|ap2",
    ),
    StaticMemType("ROM", "", "", "sect", "KERNEL", "flash that holds an XIP kernel"),
    StaticMemType(
        "MEMORY_RWX_NONCACHED", f"{_KERNEL}|MT_BUFFERABLE", "table", "sect|ap_write", "KERNEL", "uncached RAM"
    ),
    StaticMemType("MEMORY_RW_DTCM", f"{_KERNEL}|xn", "table", "sect|xn", "KERNEL", "data TCM"),
    StaticMemType("MEMORY_RWX_ITCM", _KERNEL, "table", "", "KERNEL", "instruction TCM"),
    StaticMemType(
        "MEMORY_RW_SO",
        f"{_KERNEL}|MT_UNCACHED|xn",
        "table",
        "sect|ap_write|s|uncached|xn",
        "KERNEL",
        "strongly ordered RAM",
        needs="mt_memory_so",
    ),
    StaticMemType(
        "MEMORY_DMA_READY", f"{_KERNEL}|xn", "table", "", "KERNEL", "CMA areas, by pages", needs="mt_memory_dma_ready"
    ),
)

DOMAINS = {"KERNEL": 0, "USER": 1, "IO": 2, "VECTORS": 3}
DOMAINS_IO_36 = {"KERNEL": 2, "USER": 1, "IO": 0, "VECTORS": 3}
"""With CONFIG_IO_36 supersections must be domain 0, so devices take it (arch/arm/include/asm/domain.h)."""
