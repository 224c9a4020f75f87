"""The bulk functions against the walk of single addresses, and lists of ranges against themselves."""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import mmu_worlds as worlds

from bootmap.facts.arm.descriptors import Level, Role
from bootmap.facts.arm.faults import FaultKind
from bootmap.facts.arm.memory_attrs import MemoryType
from bootmap.facts.arm.permissions import Rights
from bootmap.facts.arm.regs import ARCHES
from bootmap.mmu.bulk import Range, ranges, snapshot, translate
from bootmap.mmu.memory import Chunks
from bootmap.mmu.regs import Regs
from bootmap.mmu.walk import Allowed, Fault, Mapped, check, walk
from bootmap.units import GIB, KIB, MIB, Span

L1 = 0x4000_0000
L2 = 0x4100_0000
EVERY_ACCESS = [right for right in Rights if right.bit_count() == 1]
M, XP, EE, AFE = (1 << bit for bit in (0, 23, 25, 29))


def assert_bulk_equals_walk(memory: Chunks, regs: Regs, vas: np.ndarray) -> None:
    table = snapshot(memory, regs)
    answer = table.translate(vas)
    permitted = {access: answer.permits(access).tolist() for access in EVERY_ACCESS}
    columns = (answer.pa.tolist(), answer.ok.tolist(), answer.granule.tolist(), answer.outcome.tolist())
    for place, (va, pa, ok, granule, outcome) in enumerate(zip(vas.tolist(), *columns, strict=True)):
        walked = walk(memory, regs, va)
        if isinstance(walked.outcome, Mapped):
            expected = (True, walked.outcome.pa, walked.outcome.size, walked.outcome.attributes)
        else:
            expected = (False, 0, 0, walked.outcome)
        assert (ok, pa, granule, table.outcomes[outcome]) == expected, hex(va)
        for access in EVERY_ACCESS:
            assert permitted[access][place] == isinstance(check(walked, access), Allowed), (hex(va), access)


def assert_ranges_are_the_walk(memory: Chunks, regs: Regs) -> None:
    """Every range begins and ends as the walk says, and two neighbours could not have been one."""
    before: Range | None = None
    for found in ranges(memory, regs):
        for offset in (0, found.size // 2, found.size - 1):
            outcome = walk(memory, regs, found.va + offset).outcome
            assert isinstance(outcome, Mapped)
            assert outcome.pa == found.pa + offset
            assert outcome.attributes == found.attributes
            assert outcome.size in found.granules
        if before is not None:
            assert before.end <= found.va
            goes_on = before.end == found.va and before.pa + before.size == found.pa
            assert not goes_on or before.attributes != found.attributes
        before = found


TABLES = Span(L1, L1 + 4 * MIB)
PLANS = [
    worlds.Plan("v4", 0, TABLES, maybe=(worlds.S, worlds.R), absent=10, pool=2, filled=0.2, split=False),
    worlds.Plan("xscale", 0, TABLES, absent=10, pool=2, filled=0.2, split=False),
    worlds.Plan("v6kz", 0, TABLES, maybe=(worlds.S, worlds.R), absent=10, pool=2, filled=0.2),
    worlds.Plan("v6", XP, TABLES, maybe=(worlds.S, EE), absent=10, pool=2, filled=0.2),
    worlds.Plan("v7", 0, TABLES, maybe=(AFE, worlds.TRE, EE), absent=10, pool=2, filled=0.2),
    worlds.Plan("v7lpae", 0, TABLES, maybe=(AFE, worlds.TRE, worlds.WXN, worlds.UWXN), absent=10, pool=2, filled=0.2),
    worlds.Plan("v7lpae", 0, TABLES, maybe=(EE, worlds.WXN, worlds.UWXN), long=True, absent=10, pool=4),
]


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"{plan.arch}{'-long' if plan.long else ''}")
def test_translate_random_tables_equals_walk(plan: worlds.Plan, number: int) -> None:
    world = worlds.make(plan, f"bulk {plan.arch} {plan.long}", number, 500)
    assert_bulk_equals_walk(world.memory, world.regs, world.vas)


# --- tables drawn by Hypothesis: few entries, many coincidences -----------------------------------


def words_of(level: Level, tables: list[int]) -> st.SearchStrategy[int]:
    """A descriptor of any kind, with bases that often go on from one another."""
    options = []
    for kind in level.descriptors:
        layout = kind.layout
        free = ~layout.fixed_mask & ((1 << layout.width) - 1)
        if kind.role is Role.TABLE:
            bits = free & ~sum(row.mask for row in layout.address_fields)
            options.append(
                st.tuples(st.sampled_from(tables), st.integers(0, free)).map(
                    lambda drawn, layout=layout, bits=bits: drawn[0] | drawn[1] & bits | layout.fixed_value
                )
            )
        else:
            low = layout.attribute_mask & -layout.attribute_mask if layout.attribute_mask else 4
            few = st.sampled_from([0, low, layout.attribute_mask, free])
            options.append(
                st.one_of(st.integers(0, free), few).map(
                    lambda word, layout=layout, free=free: word & free | layout.fixed_value
                )
            )
    return st.one_of(options)


@st.composite
def small_worlds(draw: st.DrawFn) -> tuple[Chunks, Regs, list[int]]:
    """A first-level table with a few runs of entries, some second-level tables, addresses at the seams."""
    long = draw(st.booleans())
    arch = "v7lpae" if long else draw(st.sampled_from(sorted(ARCHES)))
    sctlr = M | draw(st.integers(0, 0xFFFFFFFF))
    entry = 8 if long else 4
    level = ARCHES[arch].long if long else ARCHES[arch].short
    if not long and ARCHES[arch].subpages is not None and not sctlr & XP:
        level = ARCHES[arch].subpages
    assert level is not None
    order = "big" if sctlr & EE and ARCHES[arch].split else "little"
    chunks: dict[int, bytes] = {}
    interesting: list[int] = [0, (1 << 32) - 1]

    def build(level: Level, base: int, va: int) -> None:
        count = 1 << level.index_bits
        words = [0] * count
        below = [L2 + 64 * KIB * n for n in range(3 if level.number == 1 else 1)] + [0xDEAD_0000]
        if level.number == 2:
            below = [base + 16 * KIB, 0xDEAD_0000]
        for _ in range(draw(st.integers(0, 4))):
            first = draw(st.integers(0, count - 1))
            length = min(draw(st.sampled_from([1, 2, 16, 17])), count - first)
            word = draw(words_of(level, below))
            step = draw(st.sampled_from([0, 1 << level.index_low, 16 << level.index_low]))
            for place in range(length):
                words[first + place] = word + place * step & ((1 << 8 * entry) - 1)
            for edge in (first, first + length - 1, first + length):
                span = 1 << level.index_low
                interesting.extend(
                    (va + edge * span + offset) % (1 << 32) for offset in (0, 1 << 10, span // 2, span - 1)
                )
        for word, place in ((word, place) for place, word in enumerate(words) if word):
            kind = level.descriptor(word)
            if kind.role is Role.TABLE and kind.table is not None:
                base_below = kind.layout.address(word)
                if base_below in below[:-1] and base_below not in chunks and len(chunks) < 8:
                    build(kind.table, base_below, va + (place << level.index_low))
        cut = draw(st.sampled_from([count] * 9 + [count // 2]))  # now and then the end is missing
        chunks.setdefault(base, b"".join(word.to_bytes(entry, order) for word in words[:cut]))

    build(level, L1, 0)
    regs = Regs(
        arch=arch,
        sctlr=sctlr,
        ttbr0=L1,
        ttbr1=L1,
        ttbcr=draw(st.integers(0, 0xFFFFFFFF)) & ~(1 << 31) | long << 31 if draw(st.booleans()) else long << 31,
        dacr=draw(st.integers(0, 0xFFFFFFFF)),
        prrr=draw(st.integers(0, 0xFFFFFFFF)),
        nmrr=draw(st.integers(0, 0xFFFFFFFF)),
        mair0=draw(st.integers(0, 0xFFFFFFFF)),
        mair1=draw(st.integers(0, 0xFFFFFFFF)),
        secure=draw(st.booleans()),
    )
    drawn = draw(st.lists(st.integers(0, (1 << 32) - 1), max_size=20))
    return Chunks(chunks), regs, interesting + drawn


PROPERTY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@given(small_worlds())
@settings(PROPERTY, max_examples=60)
def test_bulk_equals_walk_everywhere(world: tuple[Chunks, Regs, list[int]]) -> None:
    memory, regs, vas = world
    assert_bulk_equals_walk(memory, regs, np.array(vas, np.uint32))
    assert_ranges_are_the_walk(memory, regs)


@pytest.mark.nightly
@given(small_worlds())
@settings(PROPERTY, max_examples=2000)
def test_bulk_equals_walk_everywhere_at_length(world: tuple[Chunks, Regs, list[int]]) -> None:
    memory, regs, vas = world
    assert_bulk_equals_walk(memory, regs, np.array(vas, np.uint32))
    assert_ranges_are_the_walk(memory, regs)


# --- by hand --------------------------------------------------------------------------------------


def short_table(entries: dict[int, int], *others: tuple[int, dict[int, int]]) -> Chunks:
    """A first-level table at `L1` and coarse tables at the addresses given."""
    chunks = {L1: np.zeros(4096, "<u4")}
    for index, word in entries.items():
        chunks[L1][index] = word
    for base, words in others:
        chunks[base] = np.zeros(256, "<u4")
        for index, word in words.items():
            chunks[base][index] = word
    return Chunks({base: array.tobytes() for base, array in chunks.items()})


V7 = Regs(arch="v7", sctlr=M, ttbr0=L1)
SECTION = 0x0000_040E  # AP 01, TEX 000, C, B
SMALL = 0x0000_001E  # AP 01, C, B


def test_ranges_merge_sections_and_pages_of_one_meaning() -> None:
    pages = {index: 0x8010_0000 | index << 12 | SMALL for index in range(256)}
    memory = short_table({0xC00: 0x8000_0000 | SECTION, 0xC01: L2 | 1}, (L2, pages))
    (found,) = ranges(memory, V7)
    assert (found.va, found.size, found.pa) == (0xC000_0000, 2 * MIB, 0x8000_0000)
    assert found.granules == (4 * KIB, MIB)
    assert found.rights == Rights.PRIV
    assert found.memory.type is MemoryType.NORMAL
    assert (found.end, found.domain) == (0xC020_0000, 0)


def test_ranges_split_where_the_physical_address_jumps() -> None:
    memory = short_table({0: 0x8000_0000 | SECTION, 1: 0x8010_0000 | SECTION, 2: 0x8030_0000 | SECTION})
    assert [(r.va, r.size, r.pa) for r in ranges(memory, V7)] == [
        (0, 2 * MIB, 0x8000_0000),
        (2 * MIB, MIB, 0x8030_0000),
    ]


def test_ranges_split_where_the_physical_address_wraps() -> None:
    memory = short_table({0: 0xFFF0_0000 | SECTION, 1: 0x0000_0000 | SECTION})
    assert [(r.va, r.pa) for r in ranges(memory, V7)] == [(0, 0xFFF0_0000), (MIB, 0)]


def test_ranges_of_an_empty_table() -> None:
    found = ranges(short_table({}), V7)
    assert len(found) == 0
    assert list(found) == []
    assert len(found.within(Span(0, GIB))) == 0


def test_ranges_follow_a_supersection_above_4g() -> None:
    # PA 0x8_4000_0000: base[35:32] in bits [23:20]
    words = {0x400 + n: 0x4000_0000 | 8 << 20 | 1 << 18 | SECTION for n in range(16)}
    (found,) = ranges(short_table(words), V7)
    assert (found.va, found.size, found.pa) == (0x4000_0000, 16 * MIB, 0x8_4000_0000)
    assert found.granules == (16 * MIB,)


def test_ranges_split_supersections_that_differ_above_4g_only() -> None:
    words = dict.fromkeys(range(8), 0x4000_0000 | 8 << 20 | 1 << 18 | SECTION)
    words |= dict.fromkeys(range(8, 16), 0x4000_0000 | 9 << 20 | 1 << 18 | SECTION)  # a broken one, but walks see it
    found = [(r.va, r.size, r.pa) for r in ranges(short_table(words), V7)]
    assert found == [(0, 8 * MIB, 0x8_4000_0000), (8 * MIB, 8 * MIB, 0x9_4080_0000)]


def test_ranges_cut_subpages_of_different_rights() -> None:
    regs = Regs(arch="v5", sctlr=M, ttbr0=L1)
    page = 0x8000_0002 | 3 << 10 | 1 << 8 | 1 << 6 | 0 << 4  # AP3 rw/rw, AP2 and AP1 rw/--, AP0 none
    memory = short_table({0: L2 | 0x11}, (L2, {5: page}))
    assert [(r.va, r.size, r.pa, r.rights) for r in ranges(memory, regs)] == [
        (0x5000, KIB, 0x8000_0000, Rights.NONE),
        (0x5400, 2 * KIB, 0x8000_0400, Rights.PRIV),
        (0x5C00, KIB, 0x8000_0C00, Rights.ALL),
    ]


def test_filter_within_and_mapping_cut_ranges() -> None:
    memory = short_table(
        {0: 0x8000_0000 | SECTION, 1: 0x8010_0000 | SECTION, 0x800: 0x8000_0000 | SECTION | 0x10}  # XN
    )
    found = ranges(memory, V7)
    assert [r.va for r in found.filter(lambda a: a.rights & Rights.EXECUTE)] == [0]
    (part,) = found.within(Span(0x8_0000, 0x18_0000))
    assert (part.va, part.size, part.pa) == (0x8_0000, MIB, 0x8008_0000)
    aliases = snapshot(memory, V7).mapping(0x8000_1000, 4 * KIB)
    assert [(r.va, r.size, r.pa) for r in aliases] == [
        (0x1000, 4 * KIB, 0x8000_1000),
        (0x8000_1000, 4 * KIB, 0x8000_1000),
    ]
    assert len(snapshot(memory, V7).mapping(0x9000_0000)) == 0


def test_snapshot_lists_the_tables_that_it_read() -> None:
    memory = short_table({0xC01: L2 | 1}, (L2, {}))
    found = [(t.level, t.pa, t.va, t.size) for t in snapshot(memory, V7).tables]
    assert found == [(1, L1, 0, 16 * KIB), (2, L2, 0xC010_0000, KIB)]


def test_snapshot_with_the_mmu_off_is_flat() -> None:
    regs = Regs(arch="v7", sctlr=0, ttbr0=L1)
    (found,) = ranges(Chunks({}), regs)
    assert (found.va, found.size, found.pa) == (0, 4 * GIB, 0)
    assert found.memory.type is MemoryType.STRONGLY_ORDERED


def test_translate_keeps_the_shape_and_the_widths() -> None:
    memory = short_table({0xFFF: 0xFFF0_0000 | SECTION})
    for given_vas in ([[0xFFF0_0000, 0], [1, 0xFFFF_FFFF]], np.array([[0xFFF0_0000, 0], [1, 0xFFFF_FFFF]])):
        found = translate(memory, V7, given_vas)
        assert found.pa.tolist() == [[0xFFF0_0000, 0], [0, 0xFFFF_FFFF]]
        assert found.ok.tolist() == [[True, False], [False, True]]
    assert translate(memory, V7, []).pa.shape == (0,)


@pytest.mark.parametrize(
    ("vas", "why"), [([-1], "32 bits"), ([1 << 32], "32 bits"), ([0.5], "integers"), (["x"], "integers")]
)
def test_translate_refuses_what_is_no_address(vas: list[object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        translate(short_table({}), V7, vas)  # type: ignore[arg-type]


def test_snapshot_names_each_fault() -> None:
    memory = short_table({0: 3, 1: 0xDEAD_0001})
    answer = translate(memory, V7, [0, MIB, 2 * MIB])
    faults = [answer.source.outcomes[outcome] for outcome in answer.outcome.tolist()]
    assert faults == [
        Fault(FaultKind.TRANSLATION, 1, 5),
        Fault(FaultKind.WALK_ABORT, 2, 0xE, domain=0),
        Fault(FaultKind.TRANSLATION, 1, 5),
    ]


class Short:
    """Memory that breaks its promise."""

    def read(self, pa: int, size: int, /) -> bytes:
        return bytes(size - 1)


def test_short_reads_are_refused() -> None:
    with pytest.raises(ValueError, match="returned 16383 bytes"):
        snapshot(Short(), V7)
    with pytest.raises(ValueError, match="returned 3 bytes"):
        walk(Short(), V7, 0)


def test_translate_is_a_hundred_times_as_fast_as_walk() -> None:
    tables = {index: (L2 + index * KIB) | 1 for index in range(4096)}
    pages = (np.arange(1 << 20, dtype="<u4") << 12 | SMALL).astype("<u4").tobytes()
    l1 = np.array([tables[index] for index in range(4096)], "<u4").tobytes()
    memory = Chunks({L1: l1, L2: pages})
    vas = np.random.default_rng(1).integers(0, 1 << 32, 1 << 20, dtype=np.uint64).astype(np.uint32)
    single = vas[:2000].tolist()
    start = time.process_time()
    for va in single:
        walk(memory, V7, va)
    walked = time.process_time()
    answer = translate(memory, V7, vas)
    translated = time.process_time()
    assert np.array_equal(answer.pa, vas)
    each_walk, each_bulk = (walked - start) / len(single), (translated - walked) / len(vas)
    assert each_walk > 100 * each_bulk


def test_unread_joins_neighbours() -> None:
    """Two of four entries lead to tables that are not there: their spans are told, one where they touch."""
    words = [0x4800_0801, 0x4800_0C01, 0x0000_0C02, 0x4900_0001]
    memory = Chunks({0x4000: struct.pack("<4096I", *words, *([0] * 4092))})
    listed = snapshot(memory, Regs(arch="v7", sctlr=1, ttbr0=0x4000))
    assert listed.unread == (Span(0, 2 * MIB), Span(3 * MIB, 4 * MIB))
    assert snapshot(Chunks({0x4000: bytes(0x4000)}), Regs(arch="v7", sctlr=1, ttbr0=0x4000)).unread == ()
