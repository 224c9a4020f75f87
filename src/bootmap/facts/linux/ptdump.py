"""What /sys/kernel/debug/kernel_page_tables says, as tables: bits and their words, markers, and how versions differ.

Sources: arch/arm/mm/dump.c ``pte_bits``, ``section_bits``, ``address_markers``, ``note_page``, as read in 3.18, 4.9,
4.19, 5.4, 5.13, 6.1, 6.12.  Where a boundary falls between two trees that were read, the row says so.  Before 3.19
the user half was left out, in which the kernel's own tables hold nothing.
"""

from __future__ import annotations

from types import MappingProxyType

from msgspec import Struct

from bootmap.facts.features.feature import Feature
from bootmap.facts.linux.linux_prot import LONG, PTE_AP2_LONG, SHORT

INTRODUCED = (3, 14)
"""First release with the file (CONFIG_ARM_PTDUMP, later ARM_PTDUMP_DEBUGFS)."""

_DUMP = "arch/arm/mm/dump.c"

STYLES = (
    Feature("domain", "each line names the domain", f"{_DUMP} get_domain_name (seen without in 4.9, with in 4.19)",
            (4, 16)),
    Feature("long_rdonly", "long sections are ro by L_PMD_SECT_RDONLY", f"{_DUMP} section_bits, commit ded9477984690",
            (3, 17)),
    Feature("long_rdonly_both", "... and by AP[2] at once", f"{_DUMP} section_bits (seen without in 3.19, with in 4.9 "
            "stable)", (4, 15), also=MappingProxyType({(4, 14): 0, (4, 9): 0})),
    Feature("pmd_as_pud", "entries of the first level are taken for puds, which have no bits and are not printed; "
            "of a pair only the first", f"{_DUMP} walk_pmd (seen right in 5.4 and 6.1, wrong in 5.13)", (5, 8), (6, 1),
            except_from=MappingProxyType({(5, 10): 150, (5, 15): 75})),
    Feature("level_name", "each line names the level: PGD, PMD or PTE", f"{_DUMP} pg_level (seen without in 5.13, with "
            "in 6.1)", (6, 1)),
    Feature("fdt_marker", "FDT Area stands in place of vmalloc() End", f"{_DUMP} address_markers (seen without in "
            "5.13, with in 6.1)", (6, 1)),
)
"""How versions differ; rows of the same form as those of ``spec.features``."""


class ProtBit(Struct, frozen=True):
    """One column: ``set`` where ``word & mask == value``, else ``clear``; None prints nothing."""

    mask: int
    value: int
    set: str
    clear: str | None = None


def _flag(bit: int, set_: str, clear: str | None) -> ProtBit:
    return ProtBit(bit, bit, set_, clear)


# The words of memory types, in the order in which they are tried; two can match in the long format.
_MEMORY = (
    ("UNCACHED", "SO/UNCACHED"),
    ("BUFFERABLE", "MEM/BUFFERABLE/WC"),
    ("WRITETHROUGH", "MEM/CACHED/WT"),
    ("WRITEBACK", "MEM/CACHED/WBRA"),
    ("MINICACHE", "MEM/MINICACHE"),
    ("WRITEALLOC", "MEM/CACHED/WBWA"),
    ("DEV_SHARED", "DEV/SHARED"),
    ("DEV_NONSHARED", "DEV/NONSHARED"),
    ("DEV_WC", "DEV/WC"),
    ("DEV_CACHED", "DEV/CACHED"),
)
_SHORT_ONLY = ("MINICACHE", "DEV_NONSHARED")


def _pte_bits(form: str) -> tuple[ProtBit, ...]:
    pte = (SHORT if form == "short" else LONG).pte
    kinds = [(name, word) for name, word in _MEMORY if form == "short" or name not in _SHORT_ONLY]
    return (
        _flag(pte.user, "USR", "   "),
        _flag(pte.rdonly, "ro", "RW"),
        _flag(pte.xn, "NX", "x "),
        _flag(pte.shared, "SHD", "   "),
        *(ProtBit(pte.mt_mask, pte.mt[name], word) for name, word in kinds),
    )


def _access(mask: int, rows: tuple[tuple[int, str], ...]) -> tuple[ProtBit, ...]:
    return tuple(ProtBit(mask, value, word) for value, word in rows)


_S, _L = SHORT.pmd, LONG.pmd
_TAIL_SHORT = (_flag(_S.xn, "NX", "x "), _flag(_S.s, "SHD", "   "))
_TAIL_LONG = (_flag(_L.xn, "NX", "x "), _flag(_L.s, "SHD", "   "))
_USER_LONG = LONG.pte.user

PTE_BITS = {"short": _pte_bits("short"), "long": _pte_bits("long")}

SECTION_BITS: dict[str, tuple[ProtBit, ...]] = {
    "v6": (
        *_access(_S.apx | _S.ap_read | _S.ap_write, (
            (_S.apx | _S.ap_write, "    ro"),
            (_S.ap_write, "    RW"),
            (_S.ap_read, "USR ro"),
            (_S.ap_read | _S.ap_write, "USR RW"),
        )),
        *_TAIL_SHORT,
    ),
    "v4": (
        *_access(_S.ap_read | _S.ap_write, (
            (0, "    ro"),
            (_S.ap_write, "    RW"),
            (_S.ap_read, "USR ro"),
            (_S.ap_read | _S.ap_write, "USR RW"),
        )),
        *_TAIL_SHORT,
    ),
    "long, AP[2]": (_flag(_USER_LONG, "USR", None), _flag(PTE_AP2_LONG, "ro", "RW"), *_TAIL_LONG),
    "long, rdonly": (_flag(_USER_LONG, "USR", None), _flag(_L.rdonly, "ro", "RW"), *_TAIL_LONG),
    "long, both": (_flag(_USER_LONG, "USR", None), _flag(_L.rdonly | PTE_AP2_LONG, "ro", "RW"), *_TAIL_LONG),
}
"""Columns of a section by what the kernel was built for: ARMv6 and later, up to ARMv5, or long descriptors."""

DOMAIN_NAMES = {"KERNEL": "KERNEL ", "USER": "USER   ", "IO": "IO     ", "VECTORS": "VECTORS"}
DOMAIN_UNKNOWN = "unknown"
DOMAINS = {False: ("KERNEL", "USER", "IO", "VECTORS"), True: ("IO", "USER", "KERNEL", "VECTORS")}
"""Which domain has which number, without and with CONFIG_IO_36 (arch/arm/include/asm/domain.h)."""

UNITS = "KMGTPE"
