"""Evidence: what lines say of one number of the board, weighed in one place.

    line 2   Load Address: 0x17000000            PHYS_OFFSET is 0x10000000     likely
    line 10  Ignoring memory below PHYS_OFFSET   PHYS_OFFSET is 0x10000000     certain
    line 12  cma: Reserved 64 MiB at 0x1c000000  PHYS_OFFSET <= 0x1c000000     likely
    ------------------------------------------------------------------------------------
             0x10000000, three witnesses, none against

A witness names a value, or bounds between which it lies.  The value that the weightiest evidence fits is taken, and
who says otherwise stays beside it.  Not here: what a line means; that is with each quantity.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

_HIGHEST = 1 << 40
_TOO_WIDE = 1 << 30


class Confidence(IntEnum):
    """How much a witness is worth; the number is its weight."""

    HINT = 1
    """Where such things usually lie."""
    LIKELY = 10
    """What follows where nothing unusual was done."""
    STRONG = 100
    """What the kernel itself worked out from it."""
    CERTAIN = 1000
    """The kernel's, or the user's, own word for it."""

    @property
    def word(self) -> str:
        """For people."""
        return self.name.lower()


class Evidence(Struct, frozen=True):
    """What one witness says.

    Attributes:
        low: the least value that fits.
        high: the largest that fits; the same where the witness names the value.
        confidence: its weight.
        line: number of the line, 0 where it is the user or a file.
        text: what it says, for people.
    """

    low: int
    high: int
    confidence: Confidence
    line: int
    text: str

    def fits(self, value: int) -> bool:
        """Whether ``value`` is what it says, or lies between its bounds."""
        return self.low <= value <= self.high


class Weighed(Struct, frozen=True):
    """One quantity, as far as it is known.

    Attributes:
        quantity: the kernel's name for it.
        value: what it is taken for, None where nothing says it.
        witnesses: who says so.
        against: who says otherwise.
    """

    quantity: str
    value: int | None
    witnesses: tuple[Evidence, ...] = ()
    against: tuple[Evidence, ...] = ()

    @property
    def confidence(self) -> Confidence:
        """That of the best witness."""
        return max((each.confidence for each in self.witnesses), default=Confidence.HINT)

    @property
    def lines(self) -> tuple[int, ...]:
        """Numbers of the lines that say so."""
        return tuple(each.line for each in self.witnesses if each.line)

    @property
    def best(self) -> Evidence | None:
        """The best witness: a value before bounds, the weightiest first."""
        rows = sorted(self.witnesses, key=lambda each: (each.confidence, each.low == each.high), reverse=True)
        return rows[0] if rows else None


def exact(value: int, confidence: Confidence, line: int, text: str) -> Evidence:
    """Evidence that names the value."""
    return Evidence(value, value, confidence, line, text)


def weigh(quantity: str, evidence: Iterable[Evidence]) -> Weighed:
    """The value that the weightiest evidence fits; of equal ones that which was named first."""
    rows = [each for each in evidence if each.low <= each.high]
    candidates = list(dict.fromkeys(each.low for each in rows if each.low == each.high))
    bounded = _most_aligned([each for each in rows if each.low < each.high])
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


def _most_aligned(bounds: list[Evidence]) -> int | None:
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
