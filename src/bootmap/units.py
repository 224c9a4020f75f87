"""Addresses, sizes and ranges: the arithmetic and the spellings that every room shares.

Addresses and sizes are plain ``int`` in bytes everywhere in bootmap; a pfn is an address shifted right
by ``PAGE_SHIFT``.  Ranges are half open ``[start, end)`` inside the program and closed, as the kernel
prints them, on paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
PMD_SIZE = 2 * MIB
"""What one pmd of Linux stands for, in either format: a pair of sections, or a section of long descriptors."""

_SUFFIX = {"k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}
_U64 = (1 << 64) - 1
_LONGEST_NUMBER = 64  # characters of one that fits in 64 bits, with room for leading zeroes


class Span(NamedTuple):
    """A half-open range of addresses ``[start, end)`` in bytes."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.end - self.start

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.start <= address < self.end

    def overlaps(self, other: Span) -> bool:
        """Whether the two ranges share at least one byte."""
        return self.start < other.end and other.start < self.end

    def without(self, other: Span) -> list[Span]:
        """What of this range is not in ``other``: no, one or two ranges that are not empty."""
        parts = (Span(self.start, min(self.end, other.start)), Span(max(self.start, other.end), self.end))
        return [part for part in parts if part.size > 0] if self.overlaps(other) else [self] if self.size > 0 else []

    def __str__(self) -> str:
        return mem_range(self.start, self.end)


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The union of ``spans`` as ascending, disjoint ranges; adjacent ones are joined, empty ones dropped."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start <= found[-1].end:
            if span.end > found[-1].end:
                found[-1] = Span(found[-1].start, span.end)
        elif span.size > 0:
            found.append(span)
    return tuple(found)


def align_down(value: int, granule: int) -> int:
    """Round ``value`` down to a multiple of ``granule``, a power of two."""
    return value & -granule


def align_up(value: int, granule: int) -> int:
    """Round ``value`` up to a multiple of ``granule``, a power of two."""
    return (value + granule - 1) & -granule


def memparse(text: str) -> tuple[int, str]:
    """Read a number as the kernel's ``memparse`` does; return it and the unread rest of ``text``.

    Base 0 rules (``0x`` hexadecimal, leading ``0`` octal), one optional suffix K, M, G, T, P or E in
    either case, 64-bit wrap-around.  Text without a number reads as 0 and is returned whole.
    Source: lib/cmdline.c ``memparse``, lib/kstrtox.c ``_parse_integer_fixup_radix``.
    """
    value, rest = _parse(text)
    return value & _U64, rest


def whole_number(text: str) -> int | None:
    """``text`` as `memparse` reads it where all of it is one number, and one that fits in 64 bits; else None.

    For what people type: there a number that wraps is a mistake.
    """
    if not text or len(text) > _LONGEST_NUMBER:
        return None
    value, rest = _parse(text)
    return None if rest or value > _U64 else value


def _parse(text: str) -> tuple[int, str]:
    """The number and the rest; wrapped already where it has more digits than any that fits."""
    base, start = 10, 0
    if text[:2].lower() == "0x" and text[2:3] and text[2] in "0123456789abcdefABCDEF":
        base, start = 16, 2
    elif text[:1] == "0":
        base = 8
    digits = "0123456789abcdef"[:base]
    end = start
    while end < len(text) and text[end].lower() in digits:
        end += 1
    value = 0
    for at in range(start, end, _LONGEST_NUMBER):  # in parts: Python refuses to convert thousands of decimal digits
        part = text[at : min(at + _LONGEST_NUMBER, end)]
        value = (value & _U64) * base ** len(part) + int(part, base)
    if end < len(text) and end > start and (shift := _SUFFIX.get(text[end].lower())):
        value <<= shift
        end += 1
    return value, text[end:]


def hex_address(address: int) -> str:
    """An address as the kernel prints a physical one: at least eight hexadecimal digits."""
    return f"{address:#010x}"


def mem_range(start: int, end: int) -> str:
    """``[start, end)`` as the kernel prints a memory range: ``[mem 0x40000000-0x7fffffff]``."""
    return f"[mem {start:#010x}-{end - 1:#010x}]"


def size_text(size: int) -> str:
    """A size for people, whole where a unit divides it, else to a tenth: ``16 KiB``, ``19.0 MiB``, ``12 B``."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size and size % unit == 0:
            return f"{size // unit} {name}"
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} B"
