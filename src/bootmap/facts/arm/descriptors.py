"""The vocabulary of translation tables: what a descriptor is, what a level is.

The tables of the two formats (``short_desc``, ``long_desc``) are written in these words, and the one
walk loop reads them.  Nothing here knows a bit of either format.
"""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from bootmap.facts.arm.layout import Layout


class Role(Enum):
    """What a descriptor does to a walk."""

    INVALID = "invalid"
    TABLE = "table"
    BLOCK = "block"


class Descriptor(Struct, frozen=True):
    """One kind of descriptor at one level.

    Attributes:
        layout: its bits; the fixed fields tell this kind from the others of its level.
        role: ends the walk with a fault, goes on, or ends it with an address.
        size_bits: log2 of the bytes that a BLOCK maps, 0 otherwise.
        table: the level that a TABLE points to, None otherwise.
    """

    layout: Layout
    role: Role
    size_bits: int = 0
    table: Level | None = None

    @property
    def name(self) -> str:
        """``section``, ``coarse page table``, ``small page``..."""
        return self.layout.name

    @property
    def has_subpages(self) -> bool:
        """Whether each quarter of the page has its own access permissions (fields AP3 to AP0)."""
        return "AP3" in self.layout


def invalid(layout: Layout) -> Descriptor:
    """A descriptor that faults."""
    return Descriptor(layout, Role.INVALID)


def block(layout: Layout, size_bits: int) -> Descriptor:
    """A descriptor that maps ``1 << size_bits`` bytes."""
    return Descriptor(layout, Role.BLOCK, size_bits=size_bits)


def table(layout: Layout, level: Level) -> Descriptor:
    """A descriptor that points to a table of ``level``."""
    return Descriptor(layout, Role.TABLE, table=level)


class Level(Struct, frozen=True, dict=True):
    """One level of a walk.

    Attributes:
        number: the level that faults here report.
        entry_bytes: size of one descriptor.
        index_low: lowest bit of the virtual address in the index; an entry covers ``1 << index_low`` bytes.
        index_bits: width of a whole table's index; the first table of a walk may be shorter or longer.
        descriptors: every kind that can stand here.  Their fixed fields exclude one another and leave
            nothing out, which is asserted here for the bits that tell them apart.
    """

    number: int
    entry_bytes: int
    index_low: int
    index_bits: int
    descriptors: tuple[Descriptor, ...]

    def __post_init__(self) -> None:
        selector = self.selector_mask
        word = selector
        while True:  # every combination of the selecting bits, from all ones down to zero
            found = [d.name for d in self.descriptors if d.layout.matches(word)]
            if len(found) != 1:
                raise ValueError(f"level {self.number}: {word:#x} matches {found or 'nothing'}")
            if not word:
                break
            word = (word - 1) & selector

    @cached_property
    def selector_mask(self) -> int:
        """The bits that decide which kind a descriptor is."""
        mask = 0
        for descriptor in self.descriptors:
            mask |= descriptor.layout.fixed_mask
        return mask

    @cached_property
    def _kinds(self) -> dict[int, Descriptor]:
        return {}

    def descriptor(self, word: int) -> Descriptor:
        """Which kind of descriptor ``word`` is."""
        selected = word & self.selector_mask
        kind = self._kinds.get(selected)
        if kind is None:
            kind = next(d for d in self.descriptors if d.layout.matches(word))
            self._kinds[selected] = kind
        return kind

    @property
    def table_bytes(self) -> int:
        """Size of a whole table of this level."""
        return self.entry_bytes << self.index_bits
