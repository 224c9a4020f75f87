"""A bit layout as a table: rows from the most significant bit down, width checked when it is made.

Descriptors and registers are written as such tables in the other modules of this room.  A layout can be
asked what it consists of (names, positions, meanings), so that a printed walk needs no second copy of it.
There is no knowledge of any particular word here, and no logic but cutting words into fields.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

RESERVED = "-"


class Bits(Struct, frozen=True):
    """One row of a layout: ``width`` bits, the lowest of them bit ``low``.

    Attributes:
        name: as the manual spells it; ``-`` for bits that nothing looks at.
        fixed: the value that these bits must have for the layout to apply, None where any will do.
        address_at: where the field's lowest bit lies in the physical address that it is a part of,
            None for a field that is no part of one.
        hint: True for bits that the hardware ignores or may ignore, so that two descriptors which
            differ in nothing else mean the same.
        meaning: one phrase for a reader.
    """

    name: str
    width: int
    meaning: str = ""
    fixed: int | None = None
    address_at: int | None = None
    hint: bool = False
    low: int = 0

    @property
    def high(self) -> int:
        """Number of the most significant bit."""
        return self.low + self.width - 1

    @property
    def mask(self) -> int:
        """The field's bits at their place in the word."""
        return ((1 << self.width) - 1) << self.low

    @property
    def place(self) -> str:
        """The position as manuals print it: ``[31:20]`` or ``[4]``."""
        return f"[{self.high}:{self.low}]" if self.width > 1 else f"[{self.low}]"

    def of(self, word: int) -> int:
        """The field's value in ``word``."""
        return (word >> self.low) & ((1 << self.width) - 1)

    def put(self, value: int) -> int:
        """``value`` moved to the field's place; ValueError when it does not fit."""
        if not 0 <= value < 1 << self.width:
            raise ValueError(f"{self.name}{self.place} holds {self.width} bits, not {value:#x}")
        return value << self.low


def bits(name: str, width: int, meaning: str = "") -> Bits:
    """A field that means something."""
    return Bits(name, width, meaning)


def fixed(name: str, width: int, value: int, meaning: str = "") -> Bits:
    """A field that must hold ``value`` for the layout to apply."""
    return Bits(name, width, meaning, fixed=value)


def address(name: str, width: int, at: int) -> Bits:
    """A field that is bits ``at`` and up of a physical address."""
    return Bits(name, width, f"physical address [{at + width - 1}:{at}]", address_at=at)


def ignored(name: str, width: int, meaning: str = "") -> Bits:
    """A named field without effect on the translation: software's bits, hints, ECC."""
    return Bits(name, width, meaning, hint=True)


def reserved(width: int) -> Bits:
    """Bits that nothing looks at (SBZ, UNK/SBZP, ignored)."""
    return Bits(RESERVED, width, "reserved", hint=True)


class Layout:
    """A word of ``width`` bits cut into named fields, most significant first; never changes.

    Attributes:
        name: what a word of this layout is called.
        width: its bits.
        rows: every row with its place, reserved ones too.

    Raises:
        ValueError: the rows do not add up to ``width``, or a name is used twice.
    """

    def __init__(self, name: str, width: int, *rows: Bits) -> None:
        total = sum(row.width for row in rows)
        if total != width:
            raise ValueError(f"layout {name!r} has {total} bits, not {width}")
        placed = []
        high = width
        for row in rows:
            high -= row.width
            placed.append(replace(row, low=high))
        named = [row for row in placed if row.name != RESERVED]
        if len({row.name for row in named}) != len(named):
            raise ValueError(f"layout {name!r} uses a name twice")
        self.name = name
        self.width = width
        self.rows = tuple(placed)
        self._by_name = {row.name: row for row in named}

    def __repr__(self) -> str:
        return f"<Layout {self.name}: {self.width} bits>"

    def __getitem__(self, name: str) -> Bits:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Bits]:
        """The named fields, most significant first."""
        return iter(self._by_name.values())

    def decode(self, word: int) -> dict[str, int]:
        """Every named field's value in ``word``, most significant first."""
        return {name: word >> low & ones for name, low, ones in self._cuts}

    def encode(self, **values: int) -> int:
        """The word with these fields set, the fixed ones as they must be and the rest 0.

        Names that are no identifiers go in as ``**{"AP[2]": 1}``.  KeyError for an unknown name,
        ValueError for a value that does not fit.
        """
        word = self.fixed_value
        for name, value in values.items():
            row = self._by_name[name]
            word = (word & ~row.mask) | row.put(value)
        return word

    def matches(self, word: int) -> bool:
        """Whether ``word`` has the fixed fields that the layout demands."""
        return word & self.fixed_mask == self.fixed_value

    def address(self, word: int) -> int:
        """The physical address that the address fields of ``word`` spell."""
        return sum(row.of(word) << (row.address_at or 0) for row in self.address_fields)

    @cached_property
    def _cuts(self) -> tuple[tuple[str, int, int], ...]:
        return tuple((row.name, row.low, (1 << row.width) - 1) for row in self)

    @cached_property
    def fixed_mask(self) -> int:
        """The bits that decide whether the layout applies to a word."""
        return sum(row.mask for row in self.rows if row.fixed is not None)

    @cached_property
    def fixed_value(self) -> int:
        """What those bits must be."""
        return sum(row.put(row.fixed) for row in self.rows if row.fixed is not None)

    @cached_property
    def address_fields(self) -> tuple[Bits, ...]:
        """The fields that make up the physical address."""
        return tuple(row for row in self.rows if row.address_at is not None)

    @cached_property
    def attribute_mask(self) -> int:
        """The bits that make a difference to what an access may do: no address, nothing fixed, no hints."""
        return sum(row.mask for row in self.rows if row.fixed is None and row.address_at is None and not row.hint)
