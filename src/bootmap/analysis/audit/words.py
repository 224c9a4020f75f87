"""The rules about what page tables hold: both halves of ptes, pairs, groups of sixteen, reserved bits, their own pages.

Whole tables at a time with numpy; a word in question is decoded once for each distinct value that matters.

Sources: arch/arm/include/asm/pgtable-2level.h (a page of ptes: Linux's 512 in front, the hardware's two tables of
256 behind), pgtable-3level.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from msgspec import Struct

from bootmap.analysis.audit.finding import MOST_PLACES, Place, finding
from bootmap.analysis.audit.ranges import rights_of
from bootmap.boot.paging.pte import hardware_pte
from bootmap.facts.arm.descriptors import Role
from bootmap.facts.arm.layout import RESERVED
from bootmap.facts.arm.permissions import Rights
from bootmap.facts.audit_rules import REPLICAS, Severity
from bootmap.facts.linux.linux_prot import LONG, PTE_AP2_LONG, PTE_EXT_NG, SHORT
from bootmap.mmu.attributes import attributes_of
from bootmap.mmu.describe import memory_text, rights_text
from bootmap.mmu.walk import quarter_fields
from bootmap.units import PAGE_SHIFT, PAGE_SIZE, hex_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bootmap.analysis.audit.finding import AuditFinding, Known
    from bootmap.facts.arm.descriptors import Descriptor, Level
    from bootmap.mmu.bulk import Map, Ranges
    from bootmap.mmu.memory import Memory
    from bootmap.mmu.regs import Regime

    Bools = NDArray[np.bool_]
    I64 = NDArray[np.int64]
    Words = NDArray[np.unsignedinteger[Any]]

_LOW = (1 << PAGE_SHIFT) - 1
_FAMILIES_V6 = ("v6", "v7")
_P = SHORT.pte


class _Tables(Struct, frozen=True):
    """Tables of one kind that could be read; ``words`` has a row for each."""

    level: Level
    pa: I64
    va: I64
    words: Words

    def places(self, at: I64, what: str, entries: int = 1) -> list[Place]:
        """Entries by their numbers in ``words.ravel()``."""
        return [self.place(int(number), what, entries) for number in at[:MOST_PLACES]]

    def place(self, number: int, what: str, entries: int = 1) -> Place:
        """One entry as a place; ``what`` may name the ``{word}``."""
        row, column = divmod(number, self.words.shape[1])
        va = int(self.va[row]) + (column << self.level.index_low)
        pa = int(self.pa[row]) + column * self.level.entry_bytes
        word = f"{int(self.words[row, column]):#0{2 + 2 * self.level.entry_bytes}x}"
        return Place(va, entries << self.level.index_low, pa, what.format(word=word), descriptor=True)


def word_findings(memory: Memory, listed: Map, known: Known) -> Iterator[AuditFinding]:
    """Everything that these rules find."""
    regime = listed.regime
    if not regime.enabled:
        return
    tables = list(_read(memory, listed))
    if regime.long:
        yield from _long_halves(tables, known)
        yield from _contiguous(tables)
    else:
        yield from _short_halves(memory, tables, regime, known)
        yield from _pairs(tables, known)
        yield from _replicas(tables)
    yield from _reserved(tables, regime)
    yield from _mapped_tables(listed, known)


def _read(memory: Memory, listed: Map) -> Iterator[_Tables]:
    """The tables of ``listed`` level by level, each physical table once."""
    regime = listed.regime
    stored = np.dtype(np.uint64 if regime.long else np.uint32)
    found: dict[tuple[int, int], tuple[Level, dict[int, tuple[int, bytes]]]] = {}
    for table in listed.tables:
        level = _level_of(regime, table.level, table.size)
        group = found.setdefault((id(level), table.size), (level, {}))[1]
        if table.pa in group:
            continue
        try:
            group[table.pa] = (table.va, memory.read(table.pa, table.size))
        except LookupError:
            continue
    for (_, size), (level, group) in found.items():
        if group:
            data = np.frombuffer(b"".join(raw for _, raw in group.values()), stored.newbyteorder(regime.byteorder))
            words = data.astype(stored).reshape(-1, size // level.entry_bytes)
            vas = np.array([va for va, _ in group.values()], np.int64)
            yield _Tables(level, np.array(list(group), np.int64), vas, words)


def _level_of(regime: Regime, number: int, size: int) -> Level:
    pending = [root.level for root in regime.roots]
    below: list[Level] = []
    while pending:
        level = pending.pop()
        below.append(level)
        pending += [row.table for row in level.descriptors if row.table is not None]
    fitting = [level for level in below if level.number == number]
    return next((level for level in fitting if level.table_bytes == size), fitting[0])


def _of_kind(words: Words, kind: Descriptor) -> Bools:
    mask, value = (words.dtype.type(number) for number in (kind.layout.fixed_mask, kind.layout.fixed_value))
    answer: Bools = (words & mask) == value
    return answer


# -- the two halves --------------------------------------------------------------------------------------------------


class _Hardware(NamedTuple):
    """What the low twelve bits of a hardware pte mean, arrays of 4096."""

    small: Bools
    valid: Bools
    writes: Bools
    user: Bools
    user_writes: Bools
    executes: Bools


def _short_halves(memory: Memory, tables: list[_Tables], regime: Regime, known: Known) -> Iterator[AuditFinding]:
    exact = known.kernel is not None and known.cpu is not None and known.kernel.format is SHORT
    for group in tables:
        if group.level.number == 1 or group.words.shape[1] * 2 != SHORT.ptes_per_table:
            continue
        linux, readable = _linux_halves(memory, group, regime)
        if not readable.any():
            continue
        hardware = group.words
        low, frame = hardware & np.uint32(_LOW), hardware >> np.uint32(PAGE_SHIFT)
        of_linux, linux_frame = linux & np.uint32(_LOW), linux >> np.uint32(PAGE_SHIFT)
        meaning = _meanings(group.level, regime)
        if exact:
            wanted = _expected(of_linux, known)
            ignored = np.uint32(PTE_EXT_NG if known.cpu is not None and known.cpu.pte in _FAMILIES_V6 else 0)
            wrong = (wanted ^ low) & ~ignored != 0
            wrong |= (wanted != 0) & (frame != linux_frame)
        else:
            wrong = _contradicts(of_linux, low, meaning, regime)
            wrong |= meaning.valid[low] & (frame != linux_frame)
        at = np.flatnonzero(wrong & readable[:, None])
        if not at.size:
            continue
        places = []
        for number in at[:MOST_PLACES].tolist():
            theirs, own = int(linux.ravel()[number]), int(hardware.ravel()[number])
            due = ""
            if exact:
                assert known.kernel is not None
                assert known.cpu is not None
                due = f", which makes {hardware_pte(theirs, known.kernel, known.cpu):#010x}"
            places.append(group.place(number, f"hardware {own:#010x}, Linux {theirs:#010x}{due}"))
        evidence = f"{at.size} of the hardware's ptes are not what set_pte_ext() makes of Linux's"
        yield finding("halves-disagree", evidence, "find who wrote one word without the other", places, int(at.size))


def _linux_halves(memory: Memory, group: _Tables, regime: Regime) -> tuple[Words, Bools]:
    """Linux's ptes in the front of the pages whose rear the tables are; and of which tables they could be read."""
    words = np.zeros_like(group.words)
    readable = np.zeros(len(group.pa), np.bool_)
    size = group.words.shape[1] * SHORT.word_bytes
    stored = np.dtype(np.uint32).newbyteorder(regime.byteorder)
    for row, pa in enumerate(group.pa.tolist()):
        if pa & (PAGE_SIZE - 1) < SHORT.pte_hwtable_offset:
            continue
        try:
            words[row] = np.frombuffer(memory.read(pa - SHORT.pte_hwtable_offset, size), stored)
        except LookupError:
            continue
        readable[row] = True
    return words, readable


def _expected(of_linux: Words, known: Known) -> Words:
    """The low bits of the hardware's pte for the low bits of Linux's."""
    assert known.kernel is not None
    assert known.cpu is not None
    table = np.zeros(PAGE_SIZE, np.uint32)
    for low in np.unique(of_linux).tolist():
        table[low] = hardware_pte(low, known.kernel, known.cpu) & _LOW
    answer: Words = table[of_linux]
    return answer


def _contradicts(linux: Words, low: Words, meaning: _Hardware, regime: Regime) -> Bools:
    """Where the hardware's bits say what no kernel makes of Linux's."""

    def has(mask: int) -> Bools:
        answer: Bools = (linux & np.uint32(mask)) == np.uint32(mask)
        return answer

    valid = meaning.valid[low]
    present, user, frozen = has(_P.present | _P.young), has(_P.user), has(_P.rdonly)
    wrong = valid & ~(present & meaning.small[low])
    wrong |= ~valid & present & ~has(_P.none)
    wrong |= valid & meaning.user[low] & ~user
    wrong |= valid & meaning.user_writes[low] & (frozen | ~has(_P.dirty))
    wrong |= valid & meaning.writes[low] & frozen & ~user
    if any("XN" in row.layout for row in regime.roots[0].level.descriptors):
        wrong |= valid & meaning.executes[low] & has(_P.xn)
    return wrong


def _meanings(level: Level, regime: Regime) -> _Hardware:
    columns = np.zeros((6, PAGE_SIZE), np.bool_)
    for low in range(PAGE_SIZE):
        kind = level.descriptor(low)
        if kind.role is not Role.BLOCK:
            continue
        fields = kind.layout.decode(low)
        rights = Rights.NONE
        for quarter in range(4 if kind.has_subpages else 1):
            va = quarter << (kind.size_bits - 2)
            rights |= attributes_of(regime, quarter_fields(kind, fields, va), {}).granted
        columns[:, low] = (
            kind.size_bits == PAGE_SHIFT,
            True,
            bool(rights & Rights.PRIV_WRITE),
            bool(rights & Rights.USER),
            bool(rights & Rights.USER_WRITE),
            bool(rights & Rights.EXECUTE),
        )
    return _Hardware(*columns)


def _long_halves(tables: list[_Tables], known: Known) -> Iterator[AuditFinding]:
    """One word for both: what Linux means to be read-only and the CPU may write."""
    if known.kernel is not None and not known.kernel.has("lpae_rdonly_58"):
        return
    for group in tables:
        if group.level.number == 1:
            continue
        words = group.words
        valid = np.zeros(words.shape, np.bool_)
        for kind in group.level.descriptors:
            if kind.role is Role.BLOCK:
                valid |= _of_kind(words, kind)
        frozen = words & np.uint64(LONG.pte.rdonly) != 0
        at = np.flatnonzero(valid & frozen & (words & np.uint64(PTE_AP2_LONG) == 0))
        if at.size:
            places = group.places(at, "{word}: L_PTE_RDONLY without AP[2]")
            evidence = f"{at.size} descriptors are read-only to Linux and writable to the CPU"
            yield finding("halves-disagree", evidence, "find who cleared AP[2]", places, int(at.size))


# -- pairs and groups ------------------------------------------------------------------------------------------------


def _pairs(tables: list[_Tables], known: Known) -> Iterator[AuditFinding]:
    """Linux's pmds: two first-level entries each."""
    for group in (one for one in tables if one.level.number == 1):
        words = group.words.ravel()
        if len(words) % 2:
            continue
        table, block = np.zeros(len(words), np.bool_), np.zeros(len(words), np.bool_)
        base = np.zeros(len(words), np.int64)
        for kind in group.level.descriptors:
            mine = _of_kind(words, kind)
            if kind.role is Role.TABLE:
                table |= mine
                base[mine] = [kind.layout.address(int(word)) for word in words[mine]]
            elif kind.role is Role.BLOCK:
                block |= mine
        t0, t1, b0, b1 = table[::2], table[1::2], block[::2], block[1::2]
        hw_bytes = (SHORT.ptes_per_table // 2) * SHORT.word_bytes
        away = t0 & t1 & ((base[1::2] - base[::2] != hw_bytes) | (base[::2] % PAGE_SIZE != SHORT.pte_hwtable_offset))
        rows: tuple[tuple[Bools, str, Severity | None], ...] = (
            ((t0 & ~t1 & ~b1) | (t1 & ~t0 & ~b0), "a table beside an empty entry: __pmd_populate() writes both", None),
            ((t0 & b1) | (b0 & t1), "a table beside a section: Linux follows the first entry for both", Severity.ERROR),
            (
                away,
                "two tables that are not the rear half of one page: Linux finds its own ptes by the first",
                Severity.ERROR,
            ),
            ((b0 & ~b1 & ~t1) | (b1 & ~b0 & ~t0), _section_reason(known), Severity.NOTE),
        )
        for mask, evidence, severity in rows:
            at = np.flatnonzero(mask) * 2
            if at.size:
                places = group.places(at, "{word} and its neighbour", entries=2)
                yield finding("pgd-pair", evidence, "map whole pairs of 2 MiB", places, int(at.size), severity)


def _section_reason(known: Known) -> str:
    if known.high_memory is not None and known.high_memory & (SHORT.pmd_size - 1):
        return f"a section beside an empty entry, as where lowmem ends at {hex_address(known.high_memory)}: legal"
    return "a section beside an empty entry: legal where a mapping begins or ends at an odd MiB"


def _replicas(tables: list[_Tables]) -> Iterator[AuditFinding]:
    """Supersections and large pages: 16 equal entries."""
    for group in tables:
        words = group.words
        for kind in group.level.descriptors:
            bits = kind.size_bits - group.level.index_low
            if kind.role is not Role.BLOCK or bits <= 0 or words.shape[1] % (1 << bits):
                continue
            blocks = words.reshape(-1, 1 << bits)
            mine = _of_kind(blocks, kind)
            wrong = mine.any(axis=1) & (blocks != blocks[:, :1]).any(axis=1)
            at = np.flatnonzero(wrong) << bits
            if at.size:
                places = group.places(at, f"{kind.name}, not {1 << bits} times the same word", 1 << bits)
                evidence = f"{at.size} groups of {1 << bits} entries hold a {kind.name} and something else"
                yield finding("not-replicated", evidence, "write all of them alike", places, int(at.size))


def _contiguous(tables: list[_Tables]) -> Iterator[AuditFinding]:
    """The contiguous hint: 16 entries alike but for the address, which goes on."""
    for group in tables:
        words = group.words
        if words.shape[1] % REPLICAS:
            continue
        for kind in group.level.descriptors:
            if kind.role is not Role.BLOCK or "contiguous" not in kind.layout:
                continue
            blocks = words.reshape(-1, REPLICAS)
            hint = np.uint64(kind.layout["contiguous"].mask)
            hinted = (_of_kind(blocks, kind) & (blocks & hint != 0)).any(axis=1)
            step = np.arange(REPLICAS, dtype=np.uint64) << np.uint64(kind.size_bits)
            wrong = hinted & (blocks != blocks[:, :1] + step).any(axis=1)
            at = np.flatnonzero(wrong) * REPLICAS
            if at.size:
                places = group.places(at, "contiguous hint, but the entries do not go on", REPLICAS)
                evidence = f"{at.size} groups of {REPLICAS} entries have the hint and are not one stretch"
                yield finding("not-replicated", evidence, "clear the hint", places, int(at.size))


def _reserved(tables: list[_Tables], regime: Regime) -> Iterator[AuditFinding]:
    """Encodings that no descriptor has, reserved bits that are set, permissions that are reserved."""
    for group in tables:
        words = group.words.ravel()
        for kind in group.level.descriptors:
            mine = _of_kind(words, kind)
            if kind.role is Role.INVALID:
                if kind.name != "reserved":
                    continue
                wrong, evidence = mine, f"descriptors of level {group.level.number} have a reserved type"
            else:
                mask = words.dtype.type(sum(row.mask for row in kind.layout if row.name == RESERVED))
                wrong, evidence = mine & (words & mask != 0), f"reserved bits are set in a {kind.name}"
                if "AP[2]" in kind.layout and not regime.access_flag:
                    ap = words.dtype.type(kind.layout["AP[2]"].mask | kind.layout["AP[1:0]"].mask)
                    bad = mine & (words & ap == words.dtype.type(kind.layout["AP[2]"].mask))
                    wrong = wrong | bad
                    evidence = f"reserved bits are set in a {kind.name}, or AP[2:0] is the reserved 100"
            at = np.flatnonzero(wrong)
            if at.size:
                yield finding(
                    "reserved-encoding", evidence, "find who wrote the entry", group.places(at, "{word}"), int(at.size)
                )


# -- the pages of the tables themselves ------------------------------------------------------------------------------


def _mapped_tables(listed: Map, known: Known) -> Iterator[AuditFinding]:
    pages = np.unique(
        np.array(
            [
                page
                for table in listed.tables
                for page in range(table.pa & -PAGE_SIZE, table.pa + table.size, PAGE_SIZE)
            ],
            np.int64,
        )
    )
    ranges = listed.ranges().filter(lambda a: rights_of(a) & Rights.WRITE)
    users = ranges.filter(lambda a: rights_of(a) & Rights.USER_WRITE)
    if known.early:  # head.S maps all for everybody; that is what the other rules say
        return
    yield from _reaching(users, pages, "user mode may write page tables", "unmap it at once")
    if known.page_offset is None or known.phys_offset is None:
        return
    kernel = ranges.filter(lambda a: not rights_of(a) & Rights.USER_WRITE)
    elsewhere = kernel.pick(kernel.va - kernel.pa != known.page_offset - known.phys_offset)
    why = "the kernel may write page tables at an address that is not lowmem's"
    yield from _reaching(elsewhere, pages, why, "unmap it; a kmap of a highmem table is short-lived")


def _reaching(ranges: Ranges, pages: I64, evidence: str, avoid: str) -> Iterator[AuditFinding]:
    """The part of ``ranges`` that maps one of ``pages``, which are ascending."""
    first = np.searchsorted(pages, ranges.pa & -PAGE_SIZE)
    inside = np.append(pages, np.int64(1) << 62)[first] < ranges.pa + ranges.size
    hit = ranges.pick(inside)
    if not len(hit):
        return
    places = []
    for one, at in zip(hit, first[inside][:MOST_PLACES].tolist(), strict=False):
        pa = max(int(pages[at]), one.pa)
        words = f"a table, {rights_text(rights_of(one.attributes))}, {memory_text(one.memory)}"
        places.append(Place(one.va + pa - one.pa, min(PAGE_SIZE, one.end - (one.va + pa - one.pa)), pa, words))
    yield finding("tables-writable", evidence, avoid, places, len(hit))
