"""Many addresses, or all of them, at once: translate arrays, list a whole map, find who maps a page.

The numpy twin of ``walk``: the same tables of ``spec`` and the same ``attributes`` behind it, the same answers
in front.  Reading the tables is in ``runs``; here is what is asked of them.  Everything is a snapshot of the
moment when `snapshot` read memory.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from bootmap.facts.arm.faults import FaultKind
from bootmap.facts.arm.permissions import Rights
from bootmap.mmu.attributes import Attributes
from bootmap.mmu.regs import VA_END, Regime, regime_of
from bootmap.mmu.runs import collect
from bootmap.mmu.walk import Fault, refusal
from bootmap.shown import Shown
from bootmap.units import PAGE_SHIFT, PAGE_SIZE, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from bootmap.facts.arm.memory_attrs import MemoryAttributes
    from bootmap.mmu.memory import Memory
    from bootmap.mmu.regs import Regs
    from bootmap.mmu.runs import Runs, Table

    Bools = NDArray[np.bool_]
    I64 = NDArray[np.int64]
    Words = NDArray[np.unsignedinteger[Any]]

_SMALLEST_SHIFT = 10  # tiny pages, and quarters of small ones
_BY_BITS = np.array([0, *(1 << bits for bits in range(1, 32))], np.int64)
_SINGLE = (1, 2, 4, 8, 16, 32)


class Range(Struct, frozen=True):
    """Adjacent mappings with equal attributes and contiguous physical addresses.

    Attributes:
        va: first virtual address.
        size: bytes.
        pa: physical address of the first byte.
        granules: the sizes of the descriptors that make it up, ascending.
        attributes: rights, memory type, domain and so on, the same throughout.
    """

    va: int
    size: int
    pa: int
    granules: tuple[int, ...]
    attributes: Attributes

    @property
    def end(self) -> int:
        """First virtual address after it."""
        return self.va + self.size

    @property
    def rights(self) -> Rights:
        """What the CPU permits, see ``Attributes.rights``."""
        return self.attributes.rights

    @property
    def memory(self) -> MemoryAttributes:
        """Memory type, cacheability and shareability."""
        return self.attributes.memory

    @property
    def domain(self) -> int | None:
        """The domain, None for long descriptors."""
        return self.attributes.domain


class Ranges(Shown, Struct, frozen=True, eq=False):
    """A list of ranges, by virtual address, kept as arrays of one length; indexing makes a `Range`.

    Attributes:
        va: first virtual addresses.
        size: bytes.
        pa: physical addresses.
        granules: set of descriptor sizes as a sum of powers of two: 4 KiB and 1 MiB is 0x101000.
        outcome: index into ``attributes``.
        attributes: by class; entries that are faults belong to no range.
    """

    va: I64
    size: I64
    pa: I64
    granules: I64
    outcome: I64
    attributes: tuple[Attributes | Fault, ...]

    def __len__(self) -> int:
        return len(self.va)

    def __getitem__(self, place: int) -> Range:
        attributes = self.attributes[int(self.outcome[place])]
        assert isinstance(attributes, Attributes)  # runs that fault were left out
        granules = int(self.granules[place])
        return Range(
            va=int(self.va[place]),
            size=int(self.size[place]),
            pa=int(self.pa[place]),
            granules=tuple(1 << bit for bit in range(granules.bit_length()) if granules >> bit & 1),
            attributes=attributes,
        )

    def __iter__(self) -> Iterator[Range]:
        return (self[place] for place in range(len(self)))

    def filter(self, keep: Callable[[Attributes], object]) -> Ranges:
        """The ranges whose attributes satisfy ``keep``, which is asked once per class.

        Example: ``ranges.filter(lambda a: a.rights & Rights.USER)``.
        """
        answers = [isinstance(a, Attributes) and bool(keep(a)) for a in self.attributes]
        return self.pick(np.array(answers, np.bool_)[self.outcome])

    def within(self, span: Span) -> Ranges:
        """What of the ranges lies at the virtual addresses ``span``, cut to it."""
        near = self.pick((self.va < span.end) & (self.va + self.size > span.start))
        return near._cut(np.maximum(near.va, span.start), np.minimum(near.va + near.size, span.end))

    def mapping(self, span: Span) -> Ranges:
        """What of the ranges maps the physical addresses ``span``, cut to it, by virtual address."""
        near = self.pick((self.pa < span.end) & (self.pa + self.size > span.start))
        delta = near.va - near.pa
        low, high = np.maximum(near.pa, span.start), np.minimum(near.pa + near.size, span.end)
        return near._cut(low + delta, high + delta)

    def pick(self, mask: Bools) -> Ranges:
        """The ranges where ``mask`` is true."""
        at = np.flatnonzero(mask)
        if len(at) == len(self):
            return self
        va, size, pa = self.va.take(at), self.size.take(at), self.pa.take(at)
        return Ranges(va, size, pa, self.granules.take(at), self.outcome.take(at), self.attributes)

    def _cut(self, start: I64, end: I64) -> Ranges:
        moved = self.pa + (start - self.va)
        cut = Ranges(start, end - start, moved, self.granules, self.outcome, self.attributes)
        return cut.pick(start < end)


class Translations(Shown, Struct, frozen=True, eq=False, dict=True):
    """The answers for an array of virtual addresses, arrays of its shape.

    Attributes:
        va: the addresses asked for.
        pa: physical addresses, 0 where there is no translation.
        ok: where there is one.
        run: which run of the map each address is in.
        source: the map that they were looked up in.
    """

    va: Words
    pa: I64
    ok: Bools
    run: Words
    source: Map

    @cached_property
    def granule(self) -> I64:
        """Bytes that the descriptor maps, 0 where there is no translation."""
        return self.source.granules.take(self.run)

    @cached_property
    def outcome(self) -> I64:
        """Index into ``source.outcomes``: the attributes, or the fault."""
        return self.source.runs.outcome.take(self.run)

    @cached_property
    def rights(self) -> NDArray[np.uint8]:
        """The kinds of access that the CPU would perform, as bits of ``Rights``."""
        return self.source.performed.take(self.outcome)

    def permits(self, access: Rights) -> Bools:
        """Where the CPU would perform ``access``: what ``check`` answers for each address."""
        wanted = np.uint8(int(access))
        permitted: Bools = self.rights & wanted == wanted
        return permitted


class Map(Shown, Struct, frozen=True, eq=False, dict=True):
    """Everything that a set of tables translates, read once.

    Attributes:
        regime: the registers and what they mean.
        runs: the address space cut where the meaning changes.
    """

    regime: Regime
    runs: Runs

    @property
    def outcomes(self) -> tuple[Attributes | Fault, ...]:
        """The distinct attributes and faults, by class."""
        return self.runs.outcomes

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table that a walk can pass through, roots first."""
        return self.runs.tables

    @cached_property
    def performed(self) -> NDArray[np.uint8]:
        """By class: the kinds of access that the CPU performs, as bits of ``Rights``."""
        return np.array([_performed(outcome) for outcome in self.outcomes], np.uint8)

    @cached_property
    def granules(self) -> I64:
        """By run: bytes that the descriptors map, 0 for faults."""
        return _BY_BITS.take(self.runs.size_bits)

    @cached_property
    def _mapped(self) -> Bools:
        return self.runs.size_bits > 0

    @cached_property
    def _sizes(self) -> I64:
        return np.append(self.runs.va[1:], VA_END) - self.runs.va

    @cached_property
    def _shift(self) -> int:
        """log2 of the pages of the index: 4 KiB, or 1 KiB where a run begins within 4."""
        misplaced = (self.runs.va & (PAGE_SIZE - 1)).any()
        return _SMALLEST_SHIFT if misplaced else PAGE_SHIFT

    @cached_property
    def _index(self) -> Words:
        """The run of every page of the address space, so that a look-up is one access."""
        count = len(self._sizes)
        numbers = np.arange(count, dtype=np.uint16 if count <= 1 << 16 else np.uint32)
        return np.repeat(numbers, self._sizes >> self._shift)

    @cached_property
    def _delta(self) -> I64:
        """What to add to a virtual address of each run; the sum means nothing for faults."""
        return self.runs.pa - self.runs.va

    def translate(self, vas: ArrayLike) -> Translations:
        """Translate an array of virtual addresses of any shape.

        Raises:
            ValueError: the addresses are no integers, or one does not fit in 32 bits.
        """
        asked = _addresses(vas)
        run = self._index.take(asked >> np.uint32(self._shift))
        ok = self._mapped.take(run)
        pa = self._delta.take(run)
        pa += asked
        if not ok.all():
            pa[~ok] = 0
        return Translations(asked, pa, ok, run, self)

    @cached_property
    def _ranges(self) -> Ranges:
        return self._of_runs(0, len(self.runs.va))

    def _of_runs(self, low: int, high: int) -> Ranges:
        """What the runs with these numbers map, merged; made without what is kept for questions, which takes memory."""
        runs, part = self.runs, slice(low, high)
        va, bits = runs.va[part], runs.size_bits[part]
        ends = runs.va[low + 1 : high + 1] if high < len(runs.va) else np.append(runs.va[low + 1 :], VA_END)
        every = Ranges(va, ends - va, runs.pa[part], _BY_BITS.take(bits), runs.outcome[part], self.outcomes)
        return _merged(every.pick(bits > 0))

    def ranges(self) -> Ranges:
        """All mappings, merged as far as attributes and physical addresses go on."""
        return self._ranges

    def ranges_in(self, window: Span) -> Ranges:
        """The same of a part of the address space, cut to it; where nobody asks for all, they take no memory."""
        low = int(np.searchsorted(self.runs.va, window.start, side="right")) - 1
        return self._of_runs(low, int(np.searchsorted(self.runs.va, window.end))).within(window)

    @cached_property
    def unread(self) -> tuple[Span, ...]:
        """Virtual addresses of which nothing is known, because a table on their way is not in the memory; ascending."""
        lost = np.array([isinstance(o, Fault) and o.kind is FaultKind.WALK_ABORT for o in self.outcomes], np.bool_)
        places = np.flatnonzero(lost[self.runs.outcome])
        spans: list[Span] = []
        for va, size in zip(self.runs.va[places].tolist(), self._sizes[places].tolist(), strict=True):
            joins = spans and spans[-1].end == va
            spans.append(Span(spans.pop().start if joins else va, va + size))
        return tuple(spans)

    def mapping(self, pa: int, size: int = 1) -> Ranges:
        """Where the physical addresses ``[pa, pa + size)`` are mapped: the exact parts, by virtual address."""
        return self._ranges.mapping(Span(pa, pa + size))


def ascending(numbers: I64) -> I64:
    """Each number once, ascending; sorts ``numbers``.  A table, as `numpy.unique` has, takes longer for millions."""
    numbers.sort()
    first = np.ones(len(numbers), np.bool_)
    np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
    return numbers[first]


def _merged(parts: Ranges) -> Ranges:
    """The same ranges with those joined that go on where the one before ends."""
    va, size, pa, outcome = parts.va, parts.size, parts.pa, parts.outcome
    begins = np.ones(len(va), np.bool_)
    begins[1:] = va[1:] - va[:-1] != size[:-1]
    begins[1:] |= pa[1:] - pa[:-1] != size[:-1]
    begins[1:] |= outcome[1:] != outcome[:-1]
    if begins.all():
        return parts
    at = np.flatnonzero(begins)
    return Ranges(
        va=va[at],
        size=np.add.reduceat(size, at),
        pa=pa[at],
        granules=np.bitwise_or.reduceat(parts.granules, at),
        outcome=outcome[at],
        attributes=parts.attributes,
    )


def snapshot(memory: Memory, regs: Regs | Regime) -> Map:
    """Read every table that the registers lead to.

    Tables that are not in ``memory`` fault there, as they do in ``walk``.

    Raises:
        ValueError: ``memory`` returned fewer bytes than asked for.
    """
    regime = regs if isinstance(regs, Regime) else regime_of(regs)
    return Map(regime, collect(memory, regime))


def translate(memory: Memory, regs: Regs | Regime, vas: ArrayLike) -> Translations:
    """Translate an array of virtual addresses; with more than one array to come, keep a `snapshot`."""
    return snapshot(memory, regs).translate(vas)


def ranges(memory: Memory, regs: Regs | Regime) -> Ranges:
    """All mappings, merged into ranges of equal attributes and contiguous physical addresses."""
    return snapshot(memory, regs).ranges()


def _performed(outcome: Attributes | Fault) -> int:
    if not isinstance(outcome, Attributes):
        return 0
    return sum(bit for bit in _SINGLE if refusal(outcome, Rights(bit)) is None)


def _addresses(vas: ArrayLike) -> Words:
    given = np.asarray(vas)
    if given.dtype == np.uint32:
        return given.view()
    if given.size and given.dtype.kind not in "iu":
        raise ValueError(f"virtual addresses must be integers, not {given.dtype}")
    if given.size and (int(given.min()) < 0 or int(given.max()) >= VA_END):
        raise ValueError(f"virtual addresses must fit in 32 bits, not {int(given.max()):#x}")
    return given.astype(np.uint32)
