"""Evidence: what lines say of one number of the board, weighed in one place.

    line 2   Load Address: 0x17000000            PHYS_OFFSET is 0x10000000     likely
    line 10  Ignoring memory below PHYS_OFFSET   PHYS_OFFSET is 0x10000000     certain
    line 12  cma: Reserved 64 MiB at 0x1c000000  PHYS_OFFSET <= 0x1c000000     likely
    ------------------------------------------------------------------------------------
             0x10000000, three witnesses, none against

A witness names a value, or bounds between which it lies.  The value that the weightiest evidence fits is taken, and
who says otherwise stays beside it.  Once a prediction is made, the witnesses are held against the value that it used
(`Weighed.held_against`), so that what is shown is what was used.  Not here: what a line means; that is with each
quantity.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from bootmap.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_HIGHEST = 1 << 40
_TOO_WIDE = 1 << 30

V = TypeVar("V")


class Confidence(IntEnum):
    """How much a witness is worth; the number is its weight."""

    HINT = 1
    """Where such things usually lie."""
    LIKELY = 10
    """What follows where nothing unusual was done."""
    STRONG = 100
    """What the kernel itself worked out from it."""
    CERTAIN = 1000
    """The kernel's own word for it."""
    GIVEN = 1 << 30
    """The user's word: no number of lines outweighs it."""

    @property
    def word(self) -> str:
        """For people."""
        return self.name.lower()


class Evidence(Struct, Generic[V], frozen=True):
    """What one witness says.

    Attributes:
        low: the value, or the least that fits.
        high: the largest that fits; the same where the witness names the value.
        confidence: its weight.
        line: number of the line, 0 where it is the user or a file.
        text: what it says, for people.
    """

    low: V
    high: V
    confidence: Confidence
    line: int
    text: str

    @property
    def exact(self) -> bool:
        """Whether it names the value."""
        return self.low == self.high

    def fits(self, value: V) -> bool:
        """Whether ``value`` is what it says, or lies between its bounds."""
        return value == self.low if self.exact else bool(self.low <= value <= self.high)  # type: ignore[operator]


class Weighed(Shown, Struct, Generic[V], frozen=True):
    """One quantity, as far as it is known.

    Attributes:
        quantity: the kernel's name for it.
        value: what it is taken for, None where nothing says it.
        witnesses: who says so.
        against: who says otherwise.
        option: the option that gives it.
        otherwise: how the value was chosen where no witness names it.
        words: writes one of its values for people.
    """

    quantity: str
    value: V | None
    witnesses: tuple[Evidence[V], ...] = ()
    against: tuple[Evidence[V], ...] = ()
    option: str = ""
    otherwise: str = ""
    words: Callable[[Any], str] = str

    @property
    def confidence(self) -> Confidence:
        """That of the best witness."""
        return max((each.confidence for each in self.witnesses), default=Confidence.HINT)

    @property
    def lines(self) -> tuple[int, ...]:
        """Numbers of the lines that say so."""
        return tuple(each.line for each in self.witnesses if each.line)

    @property
    def best(self) -> Evidence[V] | None:
        """The best witness: a value before bounds, the weightiest first."""
        rows = sorted(self.witnesses, key=lambda each: (each.confidence, each.exact), reverse=True)
        return rows[0] if rows else None

    def held_against(self, used: V, same: Callable[[Any, Any], bool] | None = None) -> Weighed[V]:
        """The same witnesses, for and against the value that a prediction used.

        Args:
            used: that value, read from the prediction itself.
            same: whether two values say the same, where that is more than being equal.
        """
        rows = (*self.witnesses, *self.against)

        def fits(row: Evidence[V]) -> bool:
            alike = same is not None and row.exact and used is not None and same(row.low, used)
            return row.fits(used) or alike

        return replace(
            self,
            value=used,
            witnesses=tuple(row for row in rows if fits(row)),
            against=tuple(row for row in rows if not fits(row)),
        )


def exact(value: V, confidence: Confidence, line: int, text: str) -> Evidence[V]:
    """Evidence that names the value."""
    return Evidence(value, value, confidence, line, text)


def choose(quantity: str, evidence: Iterable[Evidence[V]], same: Callable[[V, V], bool] | None = None) -> Weighed[V]:
    """The value that the weightiest witnesses name; of equal ones that which was named first.

    Args:
        quantity: its name.
        evidence: witnesses, each of which names a value.
        same: whether two values say the same, where that is more than being equal.
    """
    rows = list(evidence)
    if not rows:
        return Weighed(quantity, None)
    agree = same or (lambda one, other: one == other)
    weights = [sum(each.confidence for each in rows if agree(each.low, row.low)) for row in rows]
    value = rows[weights.index(max(weights))].low
    return Weighed(
        quantity,
        value,
        tuple(each for each in rows if agree(each.low, value)),
        tuple(each for each in rows if not agree(each.low, value)),
    )


def weigh(quantity: str, evidence: Iterable[Evidence[int]]) -> Weighed[int]:
    """The number that the weightiest evidence fits, bounds too; of equal ones that which was named first."""
    rows = [each for each in evidence if each.low <= each.high]
    candidates = list(dict.fromkeys(each.low for each in rows if each.exact))
    bounded = _most_aligned([each for each in rows if not each.exact])
    if bounded is not None and bounded not in candidates:
        candidates.append(bounded)
    if not candidates:
        return Weighed(quantity, None, (), tuple(rows))
    weights = [sum(each.confidence for each in rows if each.fits(value)) for value in candidates]
    value = candidates[weights.index(max(weights))]
    return Weighed(
        quantity,
        value,
        tuple(each for each in rows if each.fits(value)),
        tuple(each for each in rows if not each.fits(value)),
    )


def _most_aligned(bounds: list[Evidence[int]]) -> int | None:
    """The value between the bounds that is a multiple of the highest power of two; None where they are wide apart."""
    low, high = 0, _HIGHEST
    for each in sorted(bounds, key=lambda each: each.confidence, reverse=True):
        if max(low, each.low) <= min(high, each.high):
            low, high = max(low, each.low), min(high, each.high)
    if high - low > _TOO_WIDE:
        return None
    for bits in range(_HIGHEST.bit_length(), -1, -1):
        value = -(-low >> bits) << bits
        if low <= value <= high:
            return value
    return None
