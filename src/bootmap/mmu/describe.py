"""Words for a reader: what fields, attributes, faults and whole walks mean.

Text only: every function takes a result and returns strings, and decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.arm.descriptors import Role
from bootmap.facts.arm.memory_attrs import MemoryType, Policy, Shareability
from bootmap.facts.arm.permissions import DomainAccess, Rights
from bootmap.mmu.access import long_rights_index, rights_index
from bootmap.mmu.memory_types import long_index, short_index
from bootmap.mmu.walk import Fault
from bootmap.units import hex_address, size_text

if TYPE_CHECKING:
    from bootmap.facts.arm.faults import FaultKind
    from bootmap.facts.arm.memory_attrs import Cacheability, MemoryAttributes
    from bootmap.mmu.attributes import Attributes
    from bootmap.mmu.regs import Regime
    from bootmap.mmu.walk import Mapped, Step, Walk

_LETTERS = (
    ("r", Rights.READ),
    ("w", Rights.WRITE),
    ("x", Rights.EXECUTE),
)

_SHORT_LEVEL = {1: "section", 2: "page"}

DOMAIN_ACCESS: dict[DomainAccess, str] = {
    DomainAccess.NO_ACCESS: "no access",
    DomainAccess.CLIENT: "client",
    DomainAccess.RESERVED: "reserved (no access)",
    DomainAccess.MANAGER: "manager (no checks)",
}


class FieldText(Struct, frozen=True):
    """One field of a descriptor in words.

    Attributes:
        name: as the manual spells it.
        place: its bits, ``[31:20]``.
        value: as a reader wants it: a hexadecimal address part, a binary number, 0 or 1.
        meaning: what this value means here.
    """

    name: str
    place: str
    value: str
    meaning: str


def rights_text(rights: Rights) -> str:
    """Rights of PL1 and PL0: ``rwx r-x``."""
    return " ".join(
        "".join(letter if rights & bits & who else "-" for letter, bits in _LETTERS)
        for who in (Rights.PRIV, Rights.USER)
    )


def cacheability_text(cache: Cacheability) -> str:
    """One level of cacheability: ``write-back write-allocate``."""
    words = [cache.policy.value]
    if cache.policy is not Policy.NON_CACHEABLE:
        if cache.read_allocate and cache.write_allocate:
            words.append("write-allocate")
        elif cache.write_allocate:
            words.append("write-allocate no-read-allocate")
        elif not cache.read_allocate:
            words.append("no-allocate")
        if cache.transient:
            words.append("transient")
    return " ".join(words)


def memory_text(memory: MemoryAttributes) -> str:
    """Memory attributes: ``normal, write-back write-allocate, inner shareable``."""
    words = [memory.type.value]
    if memory.inner is not None and memory.outer is not None:
        if memory.inner == memory.outer:
            words.append(cacheability_text(memory.inner))
        else:
            words.append(f"inner {cacheability_text(memory.inner)}, outer {cacheability_text(memory.outer)}")
    if memory.type is not MemoryType.STRONGLY_ORDERED and memory.shareability is not Shareability.RESERVED:
        words.append(memory.shareability.value)
    return ", ".join(words)


def domain_text(attributes: Attributes) -> str:
    """The domain and what DACR says of it: ``domain 0 client``; empty for long descriptors."""
    if attributes.domain is None or attributes.domain_access is None:
        return ""
    return f"domain {attributes.domain} {DOMAIN_ACCESS[attributes.domain_access]}"


def attributes_text(attributes: Attributes) -> str:
    """Everything that makes a mapping what it is, on one line."""
    return f"{rights_text(attributes.rights)}, {nature_text(attributes)}"


def nature_text(attributes: Attributes) -> str:
    """Everything but the rights: ``normal, write-back, non-shareable, domain 0 client``."""
    words = [memory_text(attributes.memory)]
    if attributes.domain is not None:
        words.append(domain_text(attributes))
    if attributes.granted != attributes.rights:
        words.append(f"a client would have {rights_text(attributes.granted)}")
    if not attributes.accessed:
        words.append("access flag 0")
    if attributes.not_global:
        words.append("not global")
    if attributes.secure:
        words.append("secure")
    return ", ".join(words)


def fault_text(fault: Fault) -> str:
    """A fault with its level and code: ``translation fault, level 2, status 0x07``."""
    text = f"{fault.kind.value}, level {fault.level}, status {fault.status:#04x}"
    return text if fault.domain is None else f"{text}, domain {fault.domain}"


def fault_kind_text(kind: FaultKind, level: int | None, *, long: bool) -> str:
    """A kind of fault as the manuals name it: ``section translation fault``, ``level 3 permission fault``."""
    if level is None:
        return kind.value
    if long:
        return f"level {level} {kind.value}"
    return f"{_SHORT_LEVEL[level]} {kind.value}"


def mapped_text(mapped: Mapped) -> str:
    """A translation: ``0x40208000, 1 MiB section...``."""
    return f"{hex_address(mapped.pa)}, {size_text(mapped.size)}: {attributes_text(mapped.attributes)}"


def step_fields(step: Step, regime: Regime) -> list[FieldText]:
    """The fields of a descriptor with the meaning of their values, most significant first.

    Reserved bits are left out.  Fields that mean something together only (TEX, C, B and S; AttrIndx and SH;
    AP) are explained at the first or the main one of them.
    """
    notes = []
    for row in step.descriptor.layout:
        value = step.fields[row.name]
        if row.address_at is not None:
            meaning, shown = f"address {value << row.address_at:#x}", f"{value:#x}"
        else:
            meaning = _field_meaning(row.name, value, step, regime) or row.meaning
            shown = f"{value:0{row.width}b}" if row.width < 8 else f"{value:#x}"
        notes.append(FieldText(row.name, row.place, shown, meaning))
    return notes


def _field_meaning(name: str, value: int, step: Step, regime: Regime) -> str:
    fields = step.fields
    if name in ("type", "supersection", "valid"):
        return step.descriptor.name
    if name == "domain":
        return f"{value}: {DOMAIN_ACCESS[regime.domains[value]]}"
    if name in ("NS", "NSTable") and not regime.regs.secure:
        return "no effect in Non-secure state"
    if name in _YES_NO:
        return _YES_NO[name][value]
    if name in _AP_FIELDS:
        return _ap_text(name, value, step, regime)
    if name == "AttrIndx":
        return f"with SH: {memory_text(regime.memory[long_index(value, fields['SH'])])}"
    if name in ("TEX", "C") and name == next(known for known in ("TEX", "C") if known in fields):
        index = short_index(fields.get("TEX", 0), fields["C"], fields["B"], fields.get("S", 0))
        group = "TEX, C, B" if name == "TEX" else "C, B"
        return f"{group}: {memory_text(regime.memory[index])}"
    return ""


def _ap_text(name: str, value: int, step: Step, regime: Regime) -> str:
    """What permission bits grant to a client, execution aside."""
    if name == "AP[2:1]":
        return f"{rights_text(regime.rights[long_rights_index(value, 0, 1, 1)])}, unless a table above takes it away"
    ap = step.fields.get("AP[2]", 0) << 2 | value
    granted = rights_text(regime.rights[rights_index(ap, 1, 1)])
    if name != "AP[1:0]":
        return f"quarter {name[-1]} of the page: {granted}"
    if regime.access_flag:
        return f"AP[2:1] = {ap >> 1:02b}: {granted}; AP[0] is the access flag: {_YES_NO['AF'][value & 1]}"
    return f"AP[2:0] = {ap:03b}: {granted}" if "AP[2]" in step.fields else granted


_AP_FIELDS = ("AP[2:1]", "AP[1:0]", "AP3", "AP2", "AP1", "AP0")
_YES_NO: dict[str, tuple[str, str]] = {
    "XN": ("may be executed", "execute never"),
    "PXN": ("may be executed at PL1", "privileged execute never"),
    "XNTable": ("leaves execution to what is below", "nothing below is executable"),
    "PXNTable": ("leaves execution at PL1 to what is below", "nothing below is executable at PL1"),
    "nG": ("global", "not global: one address space's"),
    "S": ("not shareable", "shareable"),
    "AF": ("not accessed yet: the first access faults", "accessed"),
    "contiguous": ("no hint", "hint: one of 16 adjacent entries with contiguous output"),
    "NS": ("Secure", "Non-secure"),
    "NSTable": ("Secure", "everything below is Non-secure"),
}


def step_text(step: Step) -> str:
    """One line about a descriptor: ``level 1 [0xc02] at 0x40207008: 0x4021140e section``."""
    word = f"{step.word:#0{2 + step.descriptor.layout.width // 4}x}"
    to = ""
    if step.descriptor.role is Role.TABLE:
        to = f" -> {hex_address(step.descriptor.layout.address(step.word))}"
    return f"level {step.level} [{step.index:#05x}] at {hex_address(step.address)}: {word} {step.descriptor.name}{to}"


def walk_text(walked: Walk) -> list[str]:
    """A whole walk, one line a step and one for the outcome."""
    if not walked.regime.enabled:
        lines = ["the MMU is off: addresses are physical"]
    elif walked.root is None:
        lines = ["no translation table serves this address (TTBCR.T0SZ, T1SZ)"]
    else:
        disabled = ", disabled by TTBCR" if walked.root.disabled else ""
        lines = [f"{walked.root.register}: table at {hex_address(walked.root.base)}{disabled}"]
    lines += [step_text(step) for step in walked.steps]
    if walked.unread is not None:
        lines.append(f"no memory at {hex_address(walked.unread)}")
    if isinstance(walked.outcome, Fault):
        lines.append(fault_text(walked.outcome))
    else:
        lines.append(mapped_text(walked.outcome))
    return lines
