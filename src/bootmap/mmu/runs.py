"""Whole translation tables at once: every level read with numpy and cut into runs of equal meaning.

A run is a stretch of adjacent entries that translate alike: the same kind of descriptor, the same attribute
bits, physical addresses that go on where the last entry's ended (or the same fault throughout).  Real tables
have few of them, so that only runs, and of those only the distinct ones, need the exact logic of
``attributes``.  Cutting words into runs is in ``entries``, questions to the result are in ``bulk``.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from bootmap.facts.arm.descriptors import Role
from bootmap.facts.arm.faults import FaultKind
from bootmap.mmu.attributes import Attributes, attributes_of, flat_attributes
from bootmap.mmu.entries import UNREADABLE, Entries, EntryTables, address_of, by_class, cut
from bootmap.mmu.regs import VA_END
from bootmap.mmu.walk import Fault, fault_of, inherit, quarter_fields
from bootmap.units import PAGE_SHIFT, Span, align_down, align_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bootmap.facts.arm.descriptors import Descriptor
    from bootmap.facts.arm.layout import Layout
    from bootmap.mmu.memory import Memory
    from bootmap.mmu.regs import Regime, Root

    U8 = NDArray[np.uint8]
    I64 = NDArray[np.int64]
    Words = NDArray[np.unsignedinteger[Any]]
    Part = tuple[I64, I64, I64, I64, U8]  # va, size, pa, outcome, size_bits

MOST_RUNS = (1 << 20) + (1 << 16)  # every page of 4 GiB apart from its neighbours, and some


class Table(Struct, frozen=True):
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


class Runs(Struct, frozen=True):
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


def collect(memory: Memory, regime: Regime) -> Runs:
    """Read every table that the roots lead to and return the runs of the whole address space.

    Raises:
        TooManyRunsError: there are more than ``MOST_RUNS``.
    """
    return _Collector(memory, regime).collect()


class TooManyRunsError(ValueError):
    """Tables that cut the address space into more pieces than any machine has a use for."""


class _Collector:
    """State of one reading: what was found so far, and the ids of contexts and outcomes."""

    def __init__(self, memory: Memory, regime: Regime) -> None:
        self.memory = memory
        self.regime = regime
        self.dtype = np.dtype(np.uint64 if regime.long else np.uint32)
        self.contexts: list[dict[str, int]] = [{}]
        self.context_ids: dict[tuple[tuple[str, int], ...], int] = {(): 0}
        self.outcomes: dict[Attributes | Fault, int] = {}
        self.classes: dict[tuple[Layout, int, int], int] = {}
        self.parts: list[Part] = []
        self.count = 0
        self.tables: list[EntryTables] = []

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
            EntryTables(level, first, last - first + 1, np.array([root.base]), np.array([va]), np.zeros(1, np.int64))
        ]
        before = len(self.parts)
        while pending:
            tables = pending.pop()
            self.tables.append(tables)
            for block in tables.blocks():
                pending += self._expand(block)
        for place in range(before, len(self.parts)):
            self.parts[place] = _clip(self.parts[place], root.span)

    def _expand(self, tables: EntryTables) -> list[EntryTables]:
        """Add the runs of these tables; return the tables that they point to."""
        level = tables.level
        entries = cut(level, *self._read(tables), tables)
        self.count += len(entries.va)
        if self.count > MOST_RUNS:
            raise TooManyRunsError(
                f"the page tables cut the address space into more than {MOST_RUNS} pieces that have nothing in common: "
                f"noise is read as tables, or TTBR0 {self.regime.roots[0].base:#010x} is not theirs"
            )
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
        unreadable = entries.of_kind(UNREADABLE)
        if unreadable is not None:
            self._faults(unreadable, FaultKind.WALK_ABORT, level.number)
        return children

    def _read(self, tables: EntryTables) -> tuple[Words, NDArray[np.bool_] | None]:
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

    def _children(self, descriptor: Descriptor, entries: Entries) -> EntryTables:
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

        return EntryTables(
            level=below,
            first=0,
            count=1 << below.index_bits,
            pa=address_of(layout, entries.word),
            va=entries.va,
            above=by_class(layout, entries, len(self.contexts), context),
        )

    def _blocks(self, descriptor: Descriptor, entries: Entries) -> None:
        layout = descriptor.layout

        def outcome(word: int, above: int) -> int:
            key = (layout, word & layout.attribute_mask, above)
            known = self.classes.get(key)
            if known is None:
                fields = quarter_fields(descriptor, layout.decode(word), 0)  # all quarters are equal by now
                known = self._outcome_id(attributes_of(self.regime, fields, self.contexts[above]))
                self.classes[key] = known
            return known

        ids = by_class(layout, entries, len(self.contexts), outcome)
        pa = address_of(layout, entries.word)
        if descriptor.size_bits > entries.span_bits:
            pa += entries.va & ((1 << descriptor.size_bits) - 1)
        bits = np.full(len(pa), descriptor.size_bits, np.uint8)
        self.parts.append((entries.va, entries.size, pa, ids, bits))

    def _faults(self, entries: Entries, kind: FaultKind, level: int) -> None:
        ids = np.array(
            [self._outcome_id(fault_of(self.regime, kind, level, above)) for above in self.contexts], np.int64
        )
        nothing = np.zeros(len(entries.va), np.int64)
        self.parts.append((entries.va, entries.size, nothing, ids[entries.above], nothing.astype(np.uint8)))

    def _finish(self) -> Runs:
        vas, _, pas, ids, bits = zip(*self.parts, strict=True)  # what the sizes say, the next va says too
        va, pa, outcome, size_bits = _joined(vas), _joined(pas), _joined(ids), _joined(bits)
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


def _joined(arrays: tuple[NDArray[Any], ...]) -> NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _read_sparse(memory: Memory, pa: int, size: int, entry: int) -> tuple[bytes, bytes]:
    """What can be read of a table that is not all there: its bytes, and one flag (1: absent) per entry."""
    held: tuple[Span, ...] | None = getattr(memory, "ranges", None)
    if held is None:
        return _halves(memory, pa, size, entry)
    words, absent = bytearray(size), bytearray(b"\1" * (size // entry))
    place = max(bisect_right(held, (pa,)) - 1, 0)
    for span in held[place:]:
        if span.start >= pa + size:
            break
        start, end = align_up(max(span.start, pa) - pa, entry), align_down(min(span.end, pa + size) - pa, entry)
        if start < end:
            data, gone = _halves(memory, pa + start, end - start, entry)
            words[start:end], absent[start // entry : end // entry] = data, gone
    return bytes(words), bytes(absent)


def _halves(memory: Memory, pa: int, size: int, entry: int) -> tuple[bytes, bytes]:
    """The same of a memory that cannot tell what it holds: by trying smaller and smaller parts."""
    try:
        return memory.read(pa, size), bytes(size // entry)
    except LookupError:
        if size == entry:
            return bytes(entry), b"\1"
    half = size // entry // 2 * entry
    low, high = _halves(memory, pa, half, entry), _halves(memory, pa + half, size - half, entry)
    return low[0] + high[0], low[1] + high[1]


def _clip(part: Part, span: Span) -> Part:
    """The part of the runs that lies in ``span``."""
    va, size, pa, outcome, bits = part
    if va[0] >= span.start and va[-1] + size[-1] <= span.end and va[-1] >= va[0]:
        return part
    start, end = np.maximum(va, span.start), np.minimum(va + size, span.end)
    keep = np.flatnonzero(start < end)
    moved = np.where(bits > 0, pa + (start - va), 0)
    return start[keep], (end - start)[keep], moved[keep], outcome[keep], bits[keep]
