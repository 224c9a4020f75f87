"""The prediction against what was read out of the real kernel: every word, every region, every variable, the verdict.

A moment of a recording stands beside the stage of the timeline after which it was taken:

    before   entry of paging_init   adjust_lowmem_bounds        after   its return        paging_init
    late     init is about to run   mark_rodata_ro (the first-level words of the kernel image only: by then the rest
                                    has become the property of drivers and of vmalloc)

What cannot be the same is not compared: ``reserved`` after paging_init also holds the allocations of bootmem_init, so
that it must contain ours, and be contained where nothing is allocated any more.
"""

from __future__ import annotations

import enum
import struct
from typing import TYPE_CHECKING

import numpy as np
from msgspec import UNSET, Struct, UnsetType

from bootmap.boot.trace import Verdict
from bootmap.boot.zones.memmap import is_modelled
from bootmap.shown import Shown
from bootmap.units import PAGE_SIZE, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bootmap.boot.sequence import Replay, Snapshot
    from bootmap.boot.tables import Cause
    from bootmap.image.recording import MemblockState, MomentName, Recording

STAGES: dict[MomentName, str] = {"before": "adjust_lowmem_bounds", "after": "paging_init", "late": "mark_rodata_ro"}
_PREDICTED_VARIABLES = (
    "arm_lowmem_limit",
    "high_memory",
    "kernel_sec_start",
    "kernel_sec_end",
    "min_low_pfn",
    "max_low_pfn",
    "max_pfn",
    "vmalloc_size",
)
_LONG_ADDRESS = 0xFF_FFFF_F000


class ComparedAs(enum.Enum):
    """What one boot showed."""

    EQUAL = "equal"
    KNOWN_DEATH = "the kernel dies and bootmap knew"
    LUCK = "the kernel unmaps itself, as predicted, and survives on stale TLB entries"
    DIFFERS = "bootmap differs from the kernel"
    UNKNOWN_DEATH = "the kernel dies and bootmap did not know"

    @property
    def is_wrong(self) -> bool:
        """Whether bootmap was."""
        return self in (ComparedAs.DIFFERS, ComparedAs.UNKNOWN_DEATH)


class WordDifference(Struct, frozen=True):
    """A word of the page tables that is not what was predicted.

    Attributes:
        moment: when.
        level: "pgd", "pmd", "pte", or "Linux pte" for the half of a page that only Linux reads.
        pa: where the word is.
        va: the virtual address that it describes; None in a table that the root does not reach.
        kernel: the word as read.
        predicted: the word as predicted; None where no table was predicted.
        writers: who wrote the predicted word, oldest first, with what.
    """

    moment: MomentName
    level: str
    pa: int
    va: int | None
    kernel: int
    predicted: int | None
    writers: tuple[tuple[Cause, int], ...]


class ListDifference(Struct, frozen=True):
    """A list of memblock that is not what was predicted: rows of (base, size, flags), in bytes.

    Attributes:
        moment: when.
        name: "memory", "reserved" or "current_limit" (a single value as a row).
        kernel: rows that only the kernel has.
        predicted: rows that were only predicted.
    """

    moment: MomentName
    name: str
    kernel: tuple[tuple[int, int, int], ...]
    predicted: tuple[tuple[int, int, int], ...]


class ValueDifference(Struct, frozen=True):
    """A kernel variable that is not what was predicted."""

    name: str
    kernel: int
    predicted: int


class VerdictDifference(Struct, frozen=True):
    """The kernel lives and was said to die, or the other way round; ``message`` says which and where."""

    message: str


Difference = WordDifference | ListDifference | ValueDifference | VerdictDifference


class Comparison(Shown, Struct, frozen=True):
    """What the comparison of one boot gave.

    Attributes:
        finding: the class of it.
        words: how many words of page tables were compared, by moment.
        wrong_words: how many of them differ, by moment.
        lists: how many lists of memblock were compared.
        values: how many kernel variables were compared.
        differences: each difference; of words that differ no more than `MAX_WORDS` for each moment.
    """

    finding: ComparedAs
    words: dict[str, int]
    wrong_words: dict[str, int]
    lists: int
    values: int
    differences: tuple[Difference, ...]


MAX_WORDS = 4096


def compare(recording: Recording, prediction: Replay) -> Comparison:
    """Compare what was read with what was predicted for the same kernel and handover."""
    words: dict[str, int] = {}
    wrong: dict[str, int] = {}
    found: list[Difference] = list(_verdict(recording, prediction))
    lists = values = 0
    for name in _comparable(recording):
        stage = prediction.stage(STAGES[name])
        if name == "after" and any(hazard.luck and hazard.stage == "bootmem_init" for hazard in prediction.hazards):
            continue  # the page allocator has filled its table in over these
        moment = recording.moment(name)
        if stage is None:
            if not found:
                found.append(VerdictDifference(f"the prediction ends before {STAGES[name]}, the kernel came there"))
            continue
        differences = list(_words(recording, prediction, name, stage))
        words[name] = _count(recording, name)
        wrong[name] = len(differences)
        found += differences[:MAX_WORDS]
        if not isinstance(moment.memblock, UnsetType):
            rows = list(_lists(prediction, recording, name, moment.memblock, stage))
            lists += 3
            found += rows
    after = prediction.stage("paging_init")
    if recording.vars is not UNSET and after is not None:
        for variable, value in recording.vars.items():
            if variable in _PREDICTED_VARIABLES and value is not None:
                values += 1
                mine = getattr(after.vars, variable)
                if mine != value:
                    found.append(ValueDifference(variable, value, mine))
    return Comparison(_finding(recording, prediction, found), words, wrong, lists, values, tuple(found))


def _comparable(recording: Recording) -> tuple[MomentName, ...]:
    """The moments that came; a kernel that never reached paging_init was read wherever it was."""
    if recording.outcome is not UNSET and recording.outcome.never_reached == "paging_init":
        return ()
    return recording.moments


def _finding(recording: Recording, prediction: Replay, found: Sequence[Difference]) -> ComparedAs:
    died = recording.outcome is not UNSET
    if died and prediction.outcome.verdict is Verdict.BOOTS:
        return ComparedAs.UNKNOWN_DEATH
    if found:
        return ComparedAs.DIFFERS
    if prediction.outcome.verdict is Verdict.UNCERTAIN:
        return ComparedAs.LUCK
    return ComparedAs.KNOWN_DEATH if died else ComparedAs.EQUAL


def _verdict(recording: Recording, prediction: Replay) -> Iterator[VerdictDifference]:
    outcome = prediction.outcome
    if recording.outcome is UNSET:
        if outcome.verdict is Verdict.DIES and prediction.stage("paging_init") is None:
            yield VerdictDifference(
                f"the kernel came back from paging_init; predicted: {outcome.stage}: {outcome.reason}"
            )
        return
    first = ""
    if recording.outcome.first_exceptions is not UNSET and recording.outcome.first_exceptions:
        first = f", first {recording.outcome.first_exceptions[0]}"
    where = f"the kernel never reached {recording.outcome.never_reached}: it is at {recording.outcome.pc}{first}"
    if outcome.verdict is Verdict.BOOTS:
        yield VerdictDifference(f"{where}; predicted: it boots")
    elif outcome.verdict is Verdict.DIES:
        stages = [stage.name for stage in prediction.stages]
        in_paging_init = "adjust_lowmem_bounds" in stages
        if in_paging_init != (recording.outcome.never_reached != "paging_init"):
            yield VerdictDifference(f"{where}; predicted to die in {outcome.stage}")


# -- page tables ---------------------------------------------------------------------------------------------------


def _pages(recording: Recording, name: MomentName) -> dict[int, np.ndarray[tuple[int], np.dtype[np.unsignedinteger]]]:
    """The recorded pages that are compared: physical address of each -> its words."""
    tables = recording.moment(name).tables
    dtype = np.dtype(f"{recording.order}u{8 if recording.lpae else 4}")
    raw = bytes.fromhex(tables.pgd.hex)
    pages = {tables.pgd.pa + at: raw[at : at + PAGE_SIZE] for at in range(0, len(raw), PAGE_SIZE)}
    for part in (tables.pmd, tables.pte):
        if not isinstance(part, UnsetType):
            pages |= {int(pa, 16): bytes.fromhex(text) for pa, text in part.items()}
    return {pa: np.frombuffer(raw, dtype) for pa, raw in pages.items()}


def _count(recording: Recording, name: MomentName) -> int:
    if name == "late":
        return len(_image_indices(recording))
    return sum(len(words) for words in _pages(recording, name).values())


def _image_indices(recording: Recording) -> range:
    shift = 21 if recording.lpae else 20
    return range(recording.page_offset >> shift, (recording.symbols["_end"] - 1 >> shift) + 1)


def _words(recording: Recording, prediction: Replay, name: MomentName, stage: Snapshot) -> Iterator[WordDifference]:
    pages = _pages(recording, name)
    mine = prediction.tables_at(stage)
    places = _places(recording, name)
    only = _image_words(recording, name) if name == "late" else None
    for page, words in sorted(pages.items()):
        predicted = mine.get(page)
        if predicted is None:
            wrong = np.flatnonzero(words)
        else:
            wrong = np.flatnonzero(words != predicted[: len(words)])
        for index in wrong:
            pa = page + int(index) * words.itemsize
            if only is not None and pa not in only:
                continue
            level, va = places(pa)
            yield WordDifference(
                name,
                level,
                pa,
                va,
                int(words[index]),
                None if predicted is None else int(predicted[index]),
                tuple(prediction.state.tables.writers(pa, stage.mark)),
            )
    if only is None:
        # Pages that were predicted and that the kernel does not have: its root does not reach them.
        for page in sorted(set(mine) - set(pages)):
            if recording.lpae or page not in range(recording.root(name), recording.root(name) + 4 * PAGE_SIZE):
                yield WordDifference(name, "table", page, None, 0, int(mine[page][0]), ())


def _image_words(recording: Recording, name: MomentName) -> frozenset[int]:
    """Physical addresses of the first-level words (long format: pmds) that map the kernel image."""
    root = recording.root(name)
    if not recording.lpae:
        return frozenset(root + 4 * index for index in _image_indices(recording))
    first = struct.unpack(f"{recording.order}4Q", bytes.fromhex(recording.moment(name).tables.pgd.hex))
    return frozenset((first[index >> 9] & _LONG_ADDRESS) + 8 * (index & 511) for index in _image_indices(recording))


def _places(recording: Recording, name: MomentName) -> Callable[[int], tuple[str, int | None]]:
    """A function: physical address of a word -> (level, virtual address that it describes or None)."""
    pages = {page: [int(word) for word in words] for page, words in _pages(recording, name).items()}
    root = recording.root(name)
    return _long_places(pages, root) if recording.lpae else _short_places(pages, root)


def _short_places(pages: Mapping[int, list[int]], root: int) -> Callable[[int], tuple[str, int | None]]:
    tables: dict[int, int] = {}
    for at in range(0, 4 * PAGE_SIZE, PAGE_SIZE):
        for index, word in enumerate(pages[root + at]):
            if word & 3 == 1:
                tables[word & -PAGE_SIZE] = (at // 4 + index >> 1) << 21

    def place(pa: int) -> tuple[str, int | None]:
        page, offset = pa & -PAGE_SIZE, pa & (PAGE_SIZE - 1)
        if root <= page < root + 4 * PAGE_SIZE:
            return "pgd", (pa - root) // 4 << 20
        if page not in tables:
            return "table", None
        level = "Linux pte" if offset < PAGE_SIZE // 2 else "pte"
        return level, tables[page] + ((offset & (PAGE_SIZE // 2 - 1)) // 4 << 12)

    return place


def _long_places(pages: Mapping[int, list[int]], root: int) -> Callable[[int], tuple[str, int | None]]:
    tables: dict[int, tuple[str, int, int]] = {root: ("pgd", 0, 30)}
    for n, entry in enumerate(pages[root][:4]):
        if entry & 3 == 3:
            middle = entry & _LONG_ADDRESS
            tables[middle] = ("pmd", n << 30, 21)
            for index, word in enumerate(pages.get(middle, ())):
                if word & 3 == 3:
                    tables[word & _LONG_ADDRESS] = ("pte", n << 30 | index << 21, 12)

    def place(pa: int) -> tuple[str, int | None]:
        page = pa & -PAGE_SIZE
        if page not in tables:
            return "table", None
        level, start, shift = tables[page]
        return level, start + ((pa & (PAGE_SIZE - 1)) // 8 << shift)

    return place


# -- memblock ------------------------------------------------------------------------------------------------------

_Rows = tuple[tuple[int, int, int], ...]


def _lists(
    prediction: Replay, recording: Recording, name: MomentName, kernel: MemblockState, stage: Snapshot
) -> Iterator[ListDifference]:
    memblock = stage.memblock
    memory, reserved = (_rows(prediction, regions.regions) for regions in (memblock.memory, memblock.reserved))
    yield from _rows_differ(name, "memory", kernel.memory.regions, memory)
    if name == "before":
        yield from _rows_differ(name, "reserved", kernel.reserved.regions, reserved)
        if kernel.current_limit != memblock.current_limit:
            yield ListDifference(
                name, "current_limit", ((kernel.current_limit, 0, 0),), ((memblock.current_limit, 0, 0),)
            )
        return
    if is_modelled(prediction.state.kernel):
        yield from _rows_differ(name, "reserved", kernel.reserved.regions, reserved)
        return
    # Ours lie in theirs; and what they had on entry lies in ours.
    missing = _outside(reserved, kernel.reserved.regions)
    before = recording.before.memblock
    lost = () if isinstance(before, UnsetType) else _outside(before.reserved.regions, reserved)
    if missing or lost:
        yield ListDifference(name, "reserved", lost, missing)


def _rows(prediction: Replay, rows: Sequence[tuple[int, int, int]]) -> _Rows:
    if not rows and prediction.state.kernel.has("memblock_dummy_region"):
        return ((0, 0, 0),)  # an empty list counts one region of no bytes there
    return tuple((base, size, int(flags)) for base, size, flags in rows)


def _rows_differ(moment: MomentName, name: str, kernel: _Rows, predicted: _Rows) -> Iterator[ListDifference]:
    if kernel != predicted:
        mine, theirs = set(predicted), set(kernel)
        yield ListDifference(
            moment,
            name,
            tuple(row for row in kernel if row not in mine),
            tuple(r for r in predicted if r not in theirs),
        )


def _outside(inner: _Rows, outer: _Rows) -> _Rows:
    """The rows of ``inner`` that the union of ``outer`` does not hold."""
    spans: list[Span] = []
    for base, size, _ in sorted(outer):
        if spans and base <= spans[-1].end:
            spans[-1] = Span(spans[-1].start, max(spans[-1].end, base + size))
        else:
            spans.append(Span(base, base + size))
    return tuple(
        row
        for row in inner
        if row[1] and not any(span.start <= row[0] and row[0] + row[1] <= span.end for span in spans)
    )
