"""Descriptor words and Linux's protection bits in words.  Those of the hardware are in ``mmu.describe``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.mmu.describe import nature_text, rights_text

if TYPE_CHECKING:
    from bootmap.facts.arm.permissions import Rights
    from bootmap.facts.linux.linux_prot import LinuxFormat
    from bootmap.mmu.attributes import Attributes


def linux_pte_text(word: int, form: LinuxFormat) -> str:
    """The bits of a Linux pte by name: ``PRESENT YOUNG DIRTY XN MT_WRITEALLOC SHARED``."""
    if not word:
        return "empty"
    pte = form.pte
    names = ("present", "young", "dirty", "rdonly", "user", "xn", "pxn", "shared", "special", "none")
    found = [name.upper() for name in names if (bits := getattr(pte, name)) and word & bits == bits]
    kinds = [name for name, value in pte.mt.items() if value == word & pte.mt_mask]
    found.append(f"MT_{kinds[0]}" if kinds else f"MT {(word & pte.mt_mask) >> 2:#x}")
    return " ".join(found)


def pmd_text(word: int, form: LinuxFormat) -> str:
    """The bits of a first-level (pmd) descriptor by Linux's names."""
    if not word:
        return "empty"
    pmd = form.pmd
    type_mask = 3
    if word & type_mask == pmd.table:
        found = ["TABLE"]
        names: tuple[str, ...] = ("bit4", "protection")
    else:
        found = ["SECT"]
        names = ("supersection", "ap_write", "ap_read", "apx", "ap2", "rdonly", "s", "ng", "xn", "af")
        policies = {pmd.uncached: "UNCACHED", pmd.buffered: "BUFFERED", pmd.wt: "WT", pmd.wb: "WB", pmd.wbwa: "WBWA"}
        mask = pmd.wbwa | pmd.wb
        tex = word >> pmd.tex_shift & 7 if pmd.tex_shift is not None else 0
        found.append(policies.get(word & mask, "") if tex < 2 else f"TEX{tex}")
    found += [name.upper() for name in names if (bits := getattr(pmd, name)) and word & bits == bits]
    if pmd.domain_shift is not None:
        found.append(f"domain {word >> pmd.domain_shift & 15}")
    return " ".join(filter(None, found))


def rights_words(rights: Rights) -> str:
    """Rights of kernel and user: ``kernel rwx, user r--``."""
    kernel, user = rights_text(rights).split()
    return f"kernel {kernel}, user {user}"


def attributes_words(attributes: Attributes) -> str:
    """Rights, memory type, domain and whatever else makes a mapping what it is."""
    return f"{rights_words(attributes.rights)}; {nature_text(attributes)}"
