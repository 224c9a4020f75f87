"""The walk of one virtual address, as the CPU does it, with every step kept.

    TTBR -> [table] -> [table] -> block or page -> physical address
             step 1     step 2     step 3

One loop serves every format and every architecture version: which descriptors a level can hold, and where
the next table is, are tables in ``spec``.  There is no TLB here, and nothing about Linux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.arm.descriptors import Role
from bootmap.facts.arm.faults import FaultKind
from bootmap.facts.arm.permissions import DomainAccess, Rights
from bootmap.mmu.attributes import Attributes, attributes_of, flat_attributes
from bootmap.mmu.regs import VA_END, Regime, regime_of
from bootmap.shown import Shown
from bootmap.units import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.facts.arm.descriptors import Descriptor
    from bootmap.facts.arm.memory_attrs import MemoryAttributes
    from bootmap.mmu.memory import Memory
    from bootmap.mmu.regs import Regs, Root


class Step(Struct, frozen=True):
    """One descriptor read on the way.

    Attributes:
        level: level of the table that it is in.
        table: physical address of that table.
        index: its place in the table.
        address: physical address of the descriptor.
        word: the descriptor, 4 or 8 bytes as the level has it.
        descriptor: what kind it is, with its layout.
        fields: its fields by name, most significant first.
    """

    level: int
    table: int
    index: int
    address: int
    word: int
    descriptor: Descriptor
    fields: Mapping[str, int]


class Mapped(Struct, frozen=True):
    """The address has a translation; whether an access may use it, ``check`` says.

    Attributes:
        pa: physical address.
        size: bytes that the descriptor maps.
        level: level of the descriptor, 0 with the MMU off.
        attributes: memory type, rights, domain and so on.
        contiguous: the contiguous hint of long descriptors.
    """

    pa: int
    size: int
    level: int
    attributes: Attributes
    contiguous: bool = False

    @property
    def rights(self) -> Rights:
        """What the CPU permits, see ``Attributes.rights``."""
        return self.attributes.rights

    @property
    def memory(self) -> MemoryAttributes:
        """Memory type, cacheability and shareability."""
        return self.attributes.memory


class Fault(Struct, frozen=True):
    """An access or a walk that the CPU aborts.

    Attributes:
        kind: what is wrong.
        level: the level of the descriptor that is to blame.
        status: FS[4:0] of the short format, STATUS[5:0] of the long one.
        domain: the domain, where one was read.
    """

    kind: FaultKind
    level: int
    status: int
    domain: int | None = None


class Allowed(Struct, frozen=True):
    """An access that the CPU performs, at physical address ``pa``."""

    pa: int


class Walk(Shown, Struct, frozen=True):
    """A whole walk.

    Attributes:
        va: the virtual address.
        regime: what the registers mean.
        root: the table that it began at; None with the MMU off, or where no TTBR serves the address.
        steps: the descriptors read, in order.
        outcome: a mapping, or the fault that every access meets.
        unread: physical address of the descriptor that could not be read, None otherwise.
    """

    va: int
    regime: Regime
    root: Root | None
    steps: tuple[Step, ...]
    outcome: Mapped | Fault
    unread: int | None = None


def walk(memory: Memory, regs: Regs | Regime, va: int) -> Walk:
    """Translate ``va`` as a CPU with these registers does, and keep every step.

    Faults that depend on the access (access flag, domain, permission) are not part of the outcome: ask
    ``check``.  DDI 0406C B3.5.5, B3.6.6; DDI 0100I B4.7.

    Args:
        memory: physical memory; only descriptors are read from it.
        regs: the registers, or what ``regime_of`` made of them.
        va: virtual address, 32 bits.

    Raises:
        ValueError: ``va`` does not fit in 32 bits, or ``memory`` returned fewer bytes than asked for.
    """
    if not 0 <= va < VA_END:
        raise ValueError(f"virtual address {va:#x} does not fit in 32 bits")
    regime = regs if isinstance(regs, Regime) else regime_of(regs)
    if not regime.enabled:
        flat = Mapped(va, PAGE_SIZE, 0, flat_attributes(regime))
        return Walk(va, regime, None, (), flat)
    root = regime.root(va)
    if root is None or root.disabled:
        return Walk(va, regime, root, (), fault_of(regime, FaultKind.TRANSLATION, 1))

    level, table, index_bits = root.level, root.base, root.index_bits
    above: dict[str, int] = {}
    steps: list[Step] = []
    while True:
        index = va >> level.index_low & ((1 << index_bits) - 1)
        address = table + index * level.entry_bytes
        try:
            data = memory.read(address, level.entry_bytes)
        except LookupError:
            fault = fault_of(regime, FaultKind.WALK_ABORT, level.number, above)
            return Walk(va, regime, root, tuple(steps), fault, unread=address)
        if len(data) != level.entry_bytes:
            raise ValueError(f"memory returned {len(data)} bytes at {address:#x}, not {level.entry_bytes}")
        word = int.from_bytes(data, regime.byteorder)
        descriptor = level.descriptor(word)
        fields = descriptor.layout.decode(word)
        steps.append(Step(level.number, table, index, address, word, descriptor, fields))
        if descriptor.role is not Role.TABLE:
            break
        assert descriptor.table is not None  # what makes it a TABLE
        inherit(above, fields)
        level, table, index_bits = descriptor.table, descriptor.layout.address(word), descriptor.table.index_bits

    if descriptor.role is Role.INVALID:
        fault = fault_of(regime, FaultKind.TRANSLATION, level.number, above)
        return Walk(va, regime, root, tuple(steps), fault)
    fields = quarter_fields(descriptor, fields, va)
    size = 1 << descriptor.size_bits
    mapped = Mapped(
        pa=descriptor.layout.address(word) + (va & (size - 1)),
        size=size,
        level=level.number,
        attributes=attributes_of(regime, fields, above),
        contiguous=bool(fields.get("contiguous", 0)),
    )
    return Walk(va, regime, root, tuple(steps), mapped)


def inherit(above: dict[str, int], fields: Mapping[str, int]) -> None:
    """Add a table descriptor's fields to those of the tables above it: each restricts what is below."""
    for name, value in fields.items():
        above[name] = above.get(name, 0) | value


def quarter_fields(descriptor: Descriptor, fields: dict[str, int], va: int) -> dict[str, int]:
    """The fields with ``AP[1:0]`` as the quarter of the page that ``va`` lies in has it, where it has quarters."""
    if not descriptor.has_subpages:
        return fields
    return {**fields, "AP[1:0]": fields[f"AP{va >> (descriptor.size_bits - 2) & 3}"]}


def check(walked: Walk, access: Rights) -> Allowed | Fault:
    """What the CPU does with an access: the translation, or the first fault in the architecture's order.

    Translation, then access flag, then domain, then permission (DDI 0406C B3.12; DDI 0100I B4.5).

    Args:
        walked: the walk of the address.
        access: what is attempted, ``Rights.USER_WRITE`` for example; of several, all must be granted.
    """
    outcome = walked.outcome
    if isinstance(outcome, Fault):
        return outcome
    kind = refusal(outcome.attributes, access)
    if kind is None:
        return Allowed(outcome.pa)
    return fault_of(walked.regime, kind, outcome.level, domain=outcome.attributes.domain)


def refusal(attributes: Attributes, access: Rights) -> FaultKind | None:
    """Why an access to such a mapping faults, None where it does not."""
    if not attributes.accessed:
        return FaultKind.ACCESS_FLAG
    if attributes.domain_access in (DomainAccess.NO_ACCESS, DomainAccess.RESERVED):
        return FaultKind.DOMAIN
    return None if access in attributes.rights else FaultKind.PERMISSION


def fault_of(
    regime: Regime,
    kind: FaultKind,
    level: int,
    above: Mapping[str, int] | None = None,
    domain: int | None = None,
) -> Fault:
    """The fault as the CPU reports it; its domain is that of the tables ``above`` where they have one."""
    if above:
        domain = above.get("domain")
    return Fault(kind, level, regime.status[kind, level], domain)
