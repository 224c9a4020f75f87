"""One address looked at from every side: the walk, Linux's half of the entries, who wrote them, what accesses meet.

The walk is the hardware's; beside each of its words stands what Linux keeps there, and for a prediction its writers.
Nothing is printed here.

Sources: arch/arm/include/asm/pgtable-2level.h (a page of ptes: Linux's 512 in front, the hardware's two tables of
256 behind), pgtable-3level.h (one word for both).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.arm.permissions import Rights
from bootmap.facts.linux.linux_prot import LONG, SHORT
from bootmap.mmu.fsr import encode_fsr
from bootmap.mmu.walk import Fault, Mapped, check, walk
from bootmap.shown import Shown
from bootmap.units import PAGE_SHIFT, PAGE_SIZE, Span, align_down

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bootmap.boot.sequence import Replay, Snapshot
    from bootmap.boot.tables import Cause
    from bootmap.facts.linux.linux_prot import LinuxFormat
    from bootmap.mmu.memory import Memory
    from bootmap.mmu.regs import Regime
    from bootmap.mmu.walk import Allowed, Step, Walk

Writers = tuple[tuple["Cause", int], ...]

WRITES = Rights.PRIV_WRITE | Rights.USER_WRITE
EXECUTES = Rights.PRIV_EXECUTE | Rights.USER_EXECUTE
_SHORT_SMALL_SHIFT = 12
_LEVELS = {
    "short": {1: "pgd = p4d = pud = pmd", 2: "pte"},
    "long": {1: "pgd = p4d = pud", 2: "pmd", 3: "pte"},
}
"""What each hardware level is to Linux, folded levels included (pgtable-nopmd.h and friends)."""


class LinuxHalf(Struct, frozen=True):
    """Linux's own pte of a small page in the short format, which the hardware never looks at.

    Attributes:
        address: physical address.
        word: its value.
        index: its place among the 512 of the page.
        writers: who wrote it, oldest first, with what; empty without a prediction.
    """

    address: int
    word: int
    index: int
    writers: Writers = ()


class Entry(Shown, Struct, frozen=True):
    """One word on the way.

    Attributes:
        step: as the hardware reads it.
        linux: Linux's half where it is a word of its own; None where it is the same word, or none is there.
        writers: who wrote the hardware's word, oldest first, with what; empty without a prediction.
    """

    step: Step
    linux: LinuxHalf | None
    writers: Writers = ()


class AccessCheck(Shown, Struct, frozen=True):
    """What an access meets.

    Attributes:
        access: what was attempted.
        answer: the physical address, or the fault.
        fsr: the fault status register as the CPU would set it, None for an access that is allowed.
    """

    access: Rights
    answer: Allowed | Fault
    fsr: int | None


class Word(Shown, Struct, frozen=True):
    """One descriptor on the way of a virtual address.

    Attributes:
        level: Linux's names of the levels that this one is, such as "pgd = p4d = pud".
        index: its place in the table.
        address: physical address.
        value: the word.
        half: "hardware", "Linux" or "both".
        writers: who wrote it, oldest first, with what.
    """

    level: str
    index: int
    address: int
    value: int
    half: str
    writers: Writers


class Translation(Shown, Struct, frozen=True):
    """Everything about one virtual address.

    Attributes:
        walk: the walk.
        entries: the words on the way, first level first.
        form: Linux's view of the format.
        verdicts: the accesses that were asked about.
        fsr: the fault status register that a read would set where the walk itself faults, else None.
        areas: areas of the kernel's layout that hold the address, where it is known.
        symbol: the nearest symbol at or below it, with the distance, where there is a table.
    """

    walk: Walk
    entries: tuple[Entry, ...]
    form: LinuxFormat
    verdicts: tuple[AccessCheck, ...]
    fsr: int | None
    areas: tuple[str, ...] = ()
    symbol: str | None = None

    @property
    def address(self) -> int:
        """The virtual address."""
        return self.walk.va

    @property
    def physical(self) -> int | None:
        """The physical address, None where it is not mapped."""
        outcome = self.walk.outcome
        return outcome.pa if isinstance(outcome, Mapped) else None

    @property
    def rights(self) -> Rights:
        """What the CPU would perform there; no right at all where it is not mapped."""
        outcome = self.walk.outcome
        return outcome.attributes.rights if isinstance(outcome, Mapped) else Rights(0)

    @property
    def words(self) -> tuple[Word, ...]:
        """The descriptors by Linux's names of their levels, both halves, first level first."""
        found: list[Word] = []
        levels = _LEVELS[self.form.name]
        for entry in self.entries:
            step, linux = entry.step, entry.linux
            half = "both" if linux is None else "hardware"
            found.append(Word(levels[step.level], step.index, step.address, step.word, half, entry.writers))
            if linux is not None:
                found.append(Word("pte", linux.index, linux.address, linux.word, "Linux", linux.writers))
        return tuple(found)

    @property
    def faults(self) -> bool:
        """Whether the walk or one of the accesses faults."""
        return isinstance(self.walk.outcome, Fault) or any(isinstance(v.answer, Fault) for v in self.verdicts)


def translate(
    memory: Memory,
    regime: Regime,
    va: int,
    accesses: Sequence[Rights] = (),
    written: tuple[Replay, Snapshot] | None = None,
) -> Translation:
    """Walk ``va`` and collect the rest.

    Args:
        memory: physical memory.
        regime: the registers.
        va: virtual address, 32 bits.
        accesses: what to check.
        written: the prediction whose tables these are, and its moment; the words then have writers.
    """
    walked = walk(memory, regime, va)
    entries = tuple(
        Entry(step, _linux_half(memory, walked, step, written), _of(written, step.address)) for step in walked.steps
    )
    verdicts = tuple(_verdict(walked, access) for access in accesses)
    fsr = encode_fsr(walked.outcome, regime) if isinstance(walked.outcome, Fault) else None
    return Translation(walked, entries, LONG if regime.long else SHORT, verdicts, fsr)


def _verdict(walked: Walk, access: Rights) -> AccessCheck:
    answer = check(walked, access)
    fsr = encode_fsr(answer, walked.regime, write=bool(access & WRITES)) if isinstance(answer, Fault) else None
    return AccessCheck(access, answer, fsr)


def _of(written: tuple[Replay, Snapshot] | None, address: int) -> Writers:
    if written is None:
        return ()
    prediction, stage = written
    return tuple(prediction.state.tables.writers(address, stage.mark))


def _linux_half(memory: Memory, walked: Walk, step: Step, written: tuple[Replay, Snapshot] | None) -> LinuxHalf | None:
    """Linux's pte beside a hardware pte; none where the table does not lie in the rear half of its page."""
    if walked.regime.long or step.level == 1 or step.table & (PAGE_SIZE - 1) < SHORT.pte_hwtable_offset:
        return None
    index = walked.va >> PAGE_SHIFT & (SHORT.ptes_per_table - 1)
    address = align_down(step.table, PAGE_SIZE) + index * SHORT.word_bytes
    try:
        data = memory.read(address, SHORT.word_bytes)
    except LookupError:
        return None
    return LinuxHalf(address, int.from_bytes(data, walked.regime.byteorder), index, _of(written, address))


def descriptors_in(memory: Memory, regime: Regime, span: Span) -> Iterator[int]:
    """The first address in ``span`` of every descriptor that a walk from there would end at."""
    va = span.start
    while va < span.end:
        yield va
        size = 1 << _reach(walk(memory, regime, va))
        va = align_down(va, size) + size


def _reach(walked: Walk) -> int:
    """log2 of the bytes that the descriptor at which a walk ended speaks of."""
    outcome = walked.outcome
    if isinstance(outcome, Mapped):
        return outcome.size.bit_length() - 1
    if walked.root is None or walked.root.disabled:
        return _SHORT_SMALL_SHIFT
    level = walked.root.level
    for step in walked.steps:
        level = step.descriptor.table or level
    return level.index_low


class SymbolFinder:
    """Names addresses by the nearest symbol below, as the kernel's ``%pS`` does.

    Args:
        symbols: virtual addresses by name; of several names of one address, one without leading underscores wins.
        reach: bytes beyond which a symbol has nothing to do with an address.
    """

    def __init__(self, symbols: Mapping[str, int], reach: int = 1 << 20) -> None:
        rows = sorted((address, not name.startswith("__"), name) for name, address in symbols.items())
        self._addresses = [address for address, _, _ in rows]
        self._names = [name for _, _, name in rows]
        self._reach = reach

    def name(self, va: int) -> str | None:
        """``name``, or ``name+0x10`` inside of it; None where no symbol is near."""
        place = bisect_right(self._addresses, va) - 1
        if place < 0 or va - self._addresses[place] >= self._reach:
            return None
        distance = va - self._addresses[place]
        return f"{self._names[place]}+{distance:#x}" if distance else self._names[place]
