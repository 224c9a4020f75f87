"""Whole translation tables at once: every level read with numpy and cut into runs of equal meaning.

A run is a stretch of adjacent entries that translate alike: the same kind of descriptor, the same attribute
bits, physical addresses that go on where the last entry's ended (or the same fault throughout).  Real tables
have few of them, so that only runs, and of those only the distinct ones, need the exact logic of
``attributes``.  The arrays here know the format from the same tables of ``spec`` as the walk does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bootmap.mmu.attributes import Attributes, attributes_of, flat_attributes
from bootmap.mmu.regs import VA_END
from bootmap.mmu.walk import Fault, fault_of, inherit, quarter_fields
from bootmap.spec.descriptors import Role
from bootmap.spec.faults import FaultKind
from bootmap.units import PAGE_SHIFT, Span, align_down

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from bootmap.mmu.memory import Memory
    from bootmap.mmu.regs import Regime, Root
    from bootmap.spec.descriptors import Descriptor, Level
    from bootmap.spec.layout import Layout

    U8 = NDArray[np.uint8]
    I64 = NDArray[np.int64]
    Words = NDArray[np.unsignedinteger[Any]]
    Part = tuple[I64, I64, I64, I64, U8]  # va, size, pa, outcome, size_bits

_UNREADABLE = 255
_FEW = 1 << 12
_BLOCK = 1 << 17


@dataclass(frozen=True, slots=True)
class Table:
    """One table that a walk can pass through.

    Attributes:
        level: its level.
        pa: physical address.
        va: first virtual address that it translates.
        size: bytes.
    """

    level: int
    pa: int
    va: int
    size: int


@dataclass(frozen=True, slots=True)
class Runs:
    """The address space from 0 to 4 GiB, cut where the meaning changes; arrays of one length.

    Attributes:
        va: first virtual address of each run, ascending, the first 0.
        pa: the physical address there, 0 for faults.
        outcome: index into ``outcomes``.
        size_bits: log2 of what the descriptor maps, 0 for faults.
        outcomes: what the runs mean.
        tables: every table read, roots first.
    """

    va: I64
    pa: I64
    outcome: I64
    size_bits: U8
    outcomes: tuple[Attributes | Fault, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class _Tables:
    """Tables of one level, to be read together: arrays of one length, and what is common to all."""

    level: Level
    first: int  # the first entry that is looked at
    count: int  # how many are
    pa: I64
    va: I64
    above: I64  # index into the list of contexts

    def blocks(self) -> Iterator[_Tables]:
        """The same in portions whose arrays stay in the CPU's cache."""
        step = max(1, _BLOCK // self.count)
        for at in range(0, len(self.pa), step):
            part = slice(at, at + step)
            yield _Tables(self.level, self.first, self.count, self.pa[part], self.va[part], self.above[part])


@dataclass(frozen=True, slots=True)
class _Entries:
    """Entries that begin runs, and what is common to all."""

    word: Words
    kind: U8
    va: I64
    size: I64
    above: I64
    span_bits: int  # log2 of what one entry covers

    def of_kind(self, number: int) -> _Entries | None:
        """Those of one kind, None where there are none."""
        at = np.flatnonzero(self.kind == number)
        if not at.size:
            return None
        if at.size == len(self.kind):
            return self
        columns = self.word[at], self.kind[at], self.va[at], self.size[at], self.above[at]
        return _Entries(*columns, span_bits=self.span_bits)


def collect(memory: Memory, regime: Regime) -> Runs:
    """Read every table that the roots lead to and return the runs of the whole address space."""
    return _Collector(memory, regime).collect()


class _Collector:
    """State of one reading: what was found so far, and the ids of contexts and outcomes."""

    def __init__(self, memory: Memory, regime: Regime) -> None:
        self.memory = memory
        self.regime = regime
        self.dtype = np.dtype(np.uint64 if regime.long else np.uint32)
        self.contexts: list[dict[str, int]] = [{}]
        self.context_ids: dict[tuple[tuple[str, int], ...], int] = {(): 0}
        self.outcomes: dict[Attributes | Fault, int] = {}
        self.parts: list[Part] = []
        self.tables: list[_Tables] = []

    def collect(self) -> Runs:
        if not self.regime.enabled:
            self._add_one(Span(0, VA_END), flat_attributes(self.regime), size_bits=PAGE_SHIFT)
            return self._finish()
        end = 0
        for root in self.regime.roots:
            self._unserved(Span(end, root.span.start))
            end = root.span.end
            if root.disabled:
                self._unserved(root.span)
            else:
                self._walk_down(root)
        self._unserved(Span(end, VA_END))
        return self._finish()

    def _unserved(self, span: Span) -> None:
        if span.size > 0:
            self._add_one(span, fault_of(self.regime, FaultKind.TRANSLATION, 1))

    def _add_one(self, span: Span, outcome: Attributes | Fault, size_bits: int = 0) -> None:
        row = (span.start, span.size, 0, self._outcome_id(outcome))
        va, size, pa, ids = (np.array([value], np.int64) for value in row)
        self.parts.append((va, size, pa, ids, np.array([size_bits], np.uint8)))

    def _outcome_id(self, outcome: Attributes | Fault) -> int:
        return self.outcomes.setdefault(outcome, len(self.outcomes))

    def _walk_down(self, root: Root) -> None:
        """Read level after level below one root, and keep what lies in the root's span."""
        level = root.level
        shift = level.index_low
        va = align_down(root.span.start, 1 << (root.index_bits + shift))
        first = (root.span.start - va) >> shift
        last = (root.span.end - 1 - va) >> shift
        pending = [
            _Tables(level, first, last - first + 1, np.array([root.base]), np.array([va]), np.zeros(1, np.int64))
        ]
        before = len(self.parts)
        while pending:
            tables = pending.pop()
            self.tables.append(tables)
            for block in tables.blocks():
                pending += self._expand(block)
        for place in range(before, len(self.parts)):
            self.parts[place] = _clip(self.parts[place], root.span)

    def _expand(self, tables: _Tables) -> list[_Tables]:
        """Add the runs of these tables; return the tables that they point to."""
        level = tables.level
        entries = _cut(level, *self._read(tables), tables)
        children = []
        for number, descriptor in enumerate(level.descriptors):
            picked = entries.of_kind(number)
            if picked is None:
                continue
            if descriptor.role is Role.TABLE:
                children.append(self._children(descriptor, picked))
            elif descriptor.role is Role.BLOCK:
                self._blocks(descriptor, picked)
            else:
                self._faults(picked, FaultKind.TRANSLATION, level.number)
        unreadable = entries.of_kind(_UNREADABLE)
        if unreadable is not None:
            self._faults(unreadable, FaultKind.WALK_ABORT, level.number)
        return children

    def _read(self, tables: _Tables) -> tuple[Words, NDArray[np.bool_] | None]:
        """The entries of all tables in one flat array, and which of them could not be read."""
        entry = tables.level.entry_bytes
        size = tables.count * entry
        seen: dict[int, bytes] = {}
        holes: dict[int, NDArray[np.bool_]] = {}
        pieces = []
        for pa in (tables.pa + tables.first * entry).tolist():
            data = seen.get(pa)
            if data is None:
                try:
                    data = self.memory.read(pa, size)
                    if len(data) != size:
                        raise ValueError(f"memory returned {len(data)} bytes at {pa:#x}, not {size}")
                except LookupError:
                    data, absent = _read_sparse(self.memory, pa, size, entry)
                    holes[pa] = np.frombuffer(absent, np.bool_)
                seen[pa] = data
            pieces.append(data)
        stored = self.dtype.newbyteorder(self.regime.byteorder)
        words: Words = np.frombuffer(b"".join(pieces), stored).astype(self.dtype, copy=False)
        if not holes:
            return words, None
        whole = np.zeros(tables.count, np.bool_)
        starts = (tables.pa + tables.first * entry).tolist()
        return words, np.concatenate([holes.get(pa, whole) for pa in starts])

    def _children(self, descriptor: Descriptor, entries: _Entries) -> _Tables:
        below = descriptor.table
        assert below is not None  # what makes it a TABLE
        layout = descriptor.layout
        names = tuple(row.name for row in layout if row.mask & layout.attribute_mask)

        def context(word: int, above: int) -> int:
            fields = dict(self.contexts[above])
            decoded = layout.decode(word)
            inherit(fields, {name: decoded[name] for name in names})
            key = tuple(fields.items())
            if key not in self.context_ids:
                self.context_ids[key] = len(self.contexts)
                self.contexts.append(fields)
            return self.context_ids[key]

        return _Tables(
            level=below,
            first=0,
            count=1 << below.index_bits,
            pa=_address(layout, entries.word),
            va=entries.va,
            above=_by_class(layout, entries, len(self.contexts), context),
        )

    def _blocks(self, descriptor: Descriptor, entries: _Entries) -> None:
        layout = descriptor.layout

        def outcome(word: int, above: int) -> int:
            fields = quarter_fields(descriptor, layout.decode(word), 0)  # all quarters are equal by now
            return self._outcome_id(attributes_of(self.regime, fields, self.contexts[above]))

        ids = _by_class(layout, entries, len(self.contexts), outcome)
        pa = _address(layout, entries.word)
        if descriptor.size_bits > entries.span_bits:
            pa += entries.va & ((1 << descriptor.size_bits) - 1)
        bits = np.full(len(pa), descriptor.size_bits, np.uint8)
        self.parts.append((entries.va, entries.size, pa, ids, bits))

    def _faults(self, entries: _Entries, kind: FaultKind, level: int) -> None:
        ids = np.array(
            [self._outcome_id(fault_of(self.regime, kind, level, above)) for above in self.contexts], np.int64
        )
        nothing = np.zeros(len(entries.va), np.int64)
        self.parts.append((entries.va, entries.size, nothing, ids[entries.above], nothing.astype(np.uint8)))

    def _finish(self) -> Runs:
        va, _, pa, outcome, size_bits = (
            np.concatenate(columns) if len(columns) > 1 else columns[0] for columns in zip(*self.parts, strict=True)
        )
        if not (va[1:] > va[:-1]).all():
            order = np.argsort(va, kind="stable")
            va, pa, outcome, size_bits = va[order], pa[order], outcome[order], size_bits[order]
        return Runs(
            va=va,
            pa=pa,
            outcome=outcome,
            size_bits=size_bits,
            outcomes=tuple(self.outcomes),
            tables=tuple(
                Table(
                    batch.level.number,
                    pa + batch.first * batch.level.entry_bytes,
                    va,
                    batch.count * batch.level.entry_bytes,
                )
                for batch in self.tables
                for pa, va in zip(batch.pa.tolist(), batch.va.tolist(), strict=True)
            ),
        )


def _read_sparse(memory: Memory, pa: int, size: int, entry: int) -> tuple[bytes, bytes]:
    """What can be read of a table that is not all there: its bytes, and one flag (1: absent) per entry."""
    try:
        return memory.read(pa, size), bytes(size // entry)
    except LookupError:
        if size == entry:
            return bytes(entry), b"\1"
    half = size // entry // 2 * entry
    low, high = _read_sparse(memory, pa, half, entry), _read_sparse(memory, pa + half, size - half, entry)
    return low[0] + high[0], low[1] + high[1]


def _cut(level: Level, words: Words, absent: NDArray[np.bool_] | None, tables: _Tables) -> _Entries:
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
        kind[absent] = _UNREADABLE
    words = _one_quarter(level, words, kind, va)

    attribute, base, offset = (np.zeros(256, words.dtype) for _ in range(3))
    everything = ~words.dtype.type(0)
    offset[_UNREADABLE] = everything
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
    return _Entries(words[at], kind[at], va[at].astype(np.int64), size, above, shift)


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


def _address(layout: Layout, words: Words) -> I64:
    """The physical address in each word."""
    in_place = sum(row.mask for row in layout.address_fields if row.address_at == row.low)
    total = (words & words.dtype.type(in_place)).astype(np.int64)
    for row in layout.address_fields:
        if row.address_at != row.low:
            field = words >> words.dtype.type(row.low) & words.dtype.type((1 << row.width) - 1)
            total += field.astype(np.int64) << (row.address_at or 0)
    return total


def _by_class(layout: Layout, entries: _Entries, contexts: int, answer: Callable[[int, int], int]) -> I64:
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


def _clip(part: Part, span: Span) -> Part:
    """The part of the runs that lies in ``span``."""
    va, size, pa, outcome, bits = part
    if va[0] >= span.start and va[-1] + size[-1] <= span.end and va[-1] >= va[0]:
        return part
    start, end = np.maximum(va, span.start), np.minimum(va + size, span.end)
    keep = np.flatnonzero(start < end)
    moved = np.where(bits > 0, pa + (start - va), 0)
    return start[keep], (end - start)[keep], moved[keep], outcome[keep], bits[keep]
