"""Descriptors as arrays: which kind each word is, what it points to, and where its meaning changes.

The array side of ``spec.descriptors``; nothing here reads memory or knows what attributes mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from bootmap.facts.arm.descriptors import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from bootmap.facts.arm.descriptors import Level
    from bootmap.facts.arm.layout import Layout

    U8 = NDArray[np.uint8]
    I64 = NDArray[np.int64]
    Words = NDArray[np.unsignedinteger[Any]]

UNREADABLE = 255  # in place of a kind's number: the word could not be read
_FEW = 1 << 12
_BLOCK = 1 << 16


class EntryTables(Struct, frozen=True):
    """Tables of one level, to be read together: arrays of one length, and what is common to all.

    Attributes:
        level: their level.
        first: the first entry of each that is looked at.
        count: how many entries of each are.
        pa: physical addresses.
        va: the first virtual addresses that they translate.
        above: index into the list of contexts, what the tables above say.
    """

    level: Level
    first: int
    count: int
    pa: I64
    va: I64
    above: I64

    def blocks(self) -> Iterator[EntryTables]:
        """The same in portions whose arrays stay in the CPU's cache."""
        step = max(1, _BLOCK // self.count)
        for at in range(0, len(self.pa), step):
            part = slice(at, at + step)
            yield EntryTables(self.level, self.first, self.count, self.pa[part], self.va[part], self.above[part])


class Entries(Struct, frozen=True):
    """Entries that begin runs, arrays of one length, and what is common to all.

    Attributes:
        word: the descriptors.
        kind: which of the level's descriptors each is, or `UNREADABLE`.
        va: first virtual address of each run.
        size: bytes of the address space that the run covers.
        above: index into the list of contexts, what the tables above say.
        span_bits: log2 of what one entry covers.
    """

    word: Words
    kind: U8
    va: I64
    size: I64
    above: I64
    span_bits: int

    def of_kind(self, number: int) -> Entries | None:
        """Those of one kind, None where there are none."""
        at = np.flatnonzero(self.kind == number)
        if not at.size:
            return None
        if at.size == len(self.kind):
            return self
        columns = self.word[at], self.kind[at], self.va[at], self.size[at], self.above[at]
        return Entries(*columns, span_bits=self.span_bits)


def cut(level: Level, words: Words, absent: NDArray[np.bool_] | None, tables: EntryTables) -> Entries:
    """Find the entries where a run begins.

    For each kind of descriptor the entry's "position" is built such that it grows by one entry's span
    from entry to entry exactly within a run: the physical address for blocks, the virtual one for
    entries that fault; for tables it stands still, so that each is a run of its own.
    """
    shift, count = level.index_low, tables.count
    offsets = (np.arange(count) + tables.first) << shift
    va: Words = (tables.va[:, None] + offsets).ravel().astype(words.dtype)
    if _mixed_quarters(level, words):
        shift -= 2
        count *= 4
        words = np.repeat(words, 4)
        absent = None if absent is None else np.repeat(absent, 4)
        va = np.repeat(va, 4) + np.tile(np.arange(4, dtype=va.dtype) << va.dtype.type(shift), len(va))
    kind = _kinds(level, words)
    if absent is not None:
        kind[absent] = UNREADABLE
    words = _one_quarter(level, words, kind, va)

    attribute, base, offset = (np.zeros(256, words.dtype) for _ in range(3))
    everything = ~words.dtype.type(0)
    offset[UNREADABLE] = everything
    for number, descriptor in enumerate(level.descriptors):
        if descriptor.role is Role.INVALID:
            offset[number] = everything
        elif descriptor.role is Role.BLOCK:
            low = [row for row in descriptor.layout.address_fields if row.address_at == row.low]
            base[number] = sum(row.mask for row in low)
            others = (row.mask for row in descriptor.layout.address_fields if row not in low)
            attribute[number] = descriptor.layout.attribute_mask | sum(others)
            offset[number] = (1 << descriptor.size_bits) - 1
    position = words & base.take(kind) | va & offset.take(kind)
    meaning = words & attribute.take(kind)
    starts = np.empty(len(words), np.bool_)
    begin = starts[1:]
    np.not_equal(position[1:] - position[:-1], words.dtype.type(1 << shift), out=begin)
    begin |= meaning[1:] != meaning[:-1]
    begin |= kind[1:] != kind[:-1]
    begin |= position[1:] == 0  # an address that wrapped around does not go on
    starts[::count] = True
    at = np.flatnonzero(starts)
    size = np.append(at[1:], len(words))
    size -= at
    size <<= shift
    above = np.repeat(tables.above, np.add.reduceat(starts, np.arange(0, len(words), count), dtype=np.int64))
    return Entries(words[at], kind[at], va[at].astype(np.int64), size, above, shift)


def _kinds(level: Level, words: Words) -> U8:
    """The number of each word's kind among the descriptors of the level."""
    kind = np.zeros(len(words), np.uint8)
    selector = level.selector_mask
    if selector < 256:
        table = np.array([level.descriptors.index(level.descriptor(value)) for value in range(256)], np.uint8)
        return table.take((words & words.dtype.type(255)).astype(np.uint8))
    for number, descriptor in enumerate(level.descriptors):
        layout = descriptor.layout
        mask, value = words.dtype.type(layout.fixed_mask), words.dtype.type(layout.fixed_value)
        kind[words & mask == value] = number
    return kind


def _mixed_quarters(level: Level, words: Words) -> bool:
    """Whether some page, of one entry, has quarters with different access permissions."""
    for descriptor in level.descriptors:
        if descriptor.has_subpages and descriptor.size_bits - 2 < level.index_low:
            layout = descriptor.layout
            found = words[words & words.dtype.type(layout.fixed_mask) == layout.fixed_value]
            every = (found >> layout["AP0"].low & 3) * words.dtype.type(_quarters_mask(layout) // 3)
            if bool((found & words.dtype.type(_quarters_mask(layout)) != every).any()):
                return True
    return False


def _one_quarter(level: Level, words: Words, kind: U8, va: Words) -> Words:
    """Words in which all quarters of a page have the permissions of the quarter that the entry stands for."""
    for number, descriptor in enumerate(level.descriptors):
        if not descriptor.has_subpages:
            continue
        layout = descriptor.layout
        at = np.flatnonzero(kind == number)
        mask = words.dtype.type(_quarters_mask(layout))
        quarter = va[at] >> words.dtype.type(descriptor.size_bits - 2) & words.dtype.type(3)
        own = words[at] >> (words.dtype.type(layout["AP0"].low) + 2 * quarter) & words.dtype.type(3)
        words = words.copy()
        words[at] = words[at] & ~mask | own * words.dtype.type(_quarters_mask(layout) // 3)
    return words


def _quarters_mask(layout: Layout) -> int:
    return sum(layout[f"AP{n}"].mask for n in range(4))


def address_of(layout: Layout, words: Words) -> I64:
    """The physical address in each word."""
    in_place = sum(row.mask for row in layout.address_fields if row.address_at == row.low)
    total = (words & words.dtype.type(in_place)).astype(np.int64)
    for row in layout.address_fields:
        if row.address_at != row.low:
            field = words >> words.dtype.type(row.low) & words.dtype.type((1 << row.width) - 1)
            total += field.astype(np.int64) << (row.address_at or 0)
    return total


def by_class(layout: Layout, entries: Entries, contexts: int, answer: Callable[[int, int], int]) -> I64:
    """``answer(word, context)`` for every entry, asked once for each combination that matters."""
    word, above = entries.word, entries.above
    key = _pack(layout.attribute_mask, word) * contexts + above
    if len(key) <= _FEW:
        _, first, which = np.unique(key, return_index=True, return_inverse=True)
        return np.array([answer(int(word[i]), int(above[i])) for i in first.tolist()], np.int64)[which]
    # Sorting a million keys costs more than everything else here; a table over all keys does not.
    sample = np.full(int(key.max()) + 1, -1, np.int32)
    sample[key] = np.arange(len(key), dtype=np.int32)
    present = np.flatnonzero(sample >= 0)
    table = np.zeros(len(sample), np.int64)
    table[present] = [answer(int(word[i]), int(above[i])) for i in sample[present].tolist()]
    return table.take(key)


def _pack(mask: int, words: Words) -> I64:
    """The bits of ``words`` under ``mask``, moved together."""
    packed = np.zeros(len(words), words.dtype)
    to = 0
    while mask:
        low = (mask & -mask).bit_length() - 1
        width = (~(mask >> low) & (mask >> low) + 1).bit_length() - 1
        packed |= words >> words.dtype.type(low - to) & words.dtype.type(((1 << width) - 1) << to)
        to += width
        mask &= ~(((1 << width) - 1) << low)
    return packed.astype(np.int64)
