"""memblock up to Linux 3.13, where it differs: expectations from reading mm/memblock.c of those versions."""

import pytest

from bootmap.boot.memblock import Memblock, MemblockBug, MemblockDeath, MemblockRules
from bootmap.facts.linux.memblock import Overlap

PAGE = 0x1000
RAM = 0x40000000
COMMON = {"round_size_to_align": True, "region_flags": False, "array_whole_pages": False, "resize_panics": False}
V2_6_36 = MemblockRules(width=64, overlap=Overlap.COALESCE, as_lmb=True, zero_align=0, **COMMON)
V2_6_37 = MemblockRules(overlap=Overlap.COALESCE, region_memory_asks_reserved=True, zero_align=0, **COMMON)
V2_6_39 = MemblockRules(overlap=Overlap.EXTEND, zero_align=0, **COMMON)
V3_3 = MemblockRules(zero_align=0, **COMMON)


def board(rules, size=0x100000):
    memblock = Memblock(rules)
    assert memblock.add(RAM, size) == 0
    return memblock


# -- memblock_add_region of 2.6.36 to 2.6.38 ---------------------------------------------------------------


def test_reserve_overlap_is_a_second_entry_until_2_6_38():
    for rules in (V2_6_36, V2_6_37):
        memblock = board(rules)
        assert memblock.reserve(RAM, 2 * PAGE) == 0
        assert memblock.reserve(RAM + PAGE, 2 * PAGE) == 0
        assert memblock.reserved.regions == [(RAM, 2 * PAGE, 0), (RAM + PAGE, 2 * PAGE, 0)]
        assert list(memblock.free_ranges()) == [(RAM + 3 * PAGE, RAM + 0x100000)]
    memblock = board(V2_6_39)
    memblock.reserve(RAM, 2 * PAGE)
    memblock.reserve(RAM + PAGE, 2 * PAGE)
    assert memblock.reserved.regions == [(RAM, 3 * PAGE, 0)]


def test_reserve_adjacent_counts_its_joins():
    memblock = board(V2_6_37)
    assert memblock.reserve(RAM, PAGE) == 0
    assert memblock.reserve(RAM + 2 * PAGE, PAGE) == 0
    assert memblock.reserve(RAM + 3 * PAGE, PAGE) == 1
    assert memblock.reserve(RAM + PAGE, PAGE) == 2  # plugs the hole
    assert memblock.reserve(RAM, 4 * PAGE) == 0  # there already
    assert memblock.reserved.regions == [(RAM, 4 * PAGE, 0)]


def test_alloc_range_avoids_both_of_overlapping_entries():
    memblock = board(V2_6_37, size=8 * PAGE)
    memblock.reserve(RAM + 5 * PAGE, 3 * PAGE)
    memblock.reserve(RAM + 2 * PAGE, 4 * PAGE)
    assert memblock.alloc_range(2 * PAGE, PAGE) == RAM
    assert memblock.alloc_range(PAGE, PAGE) == 0


def test_free_needs_one_region_around_it_until_2_6_38():
    memblock = board(V2_6_37)
    memblock.reserve(RAM, 4 * PAGE)
    assert memblock.free(RAM + 3 * PAGE, 2 * PAGE) == -1
    assert memblock.reserved.regions == [(RAM, 4 * PAGE, 0)]
    assert memblock.free(RAM + PAGE, PAGE) == 0
    assert memblock.reserved.regions == [(RAM, PAGE, 0), (RAM + 2 * PAGE, 2 * PAGE, 0)]
    assert memblock.free(RAM, PAGE) == 0
    assert memblock.free(RAM + 3 * PAGE, PAGE) == 0
    assert memblock.reserved.regions == [(RAM + 2 * PAGE, PAGE, 0)]
    memblock = board(V2_6_39)
    memblock.reserve(RAM, 4 * PAGE)
    assert memblock.free(RAM + 3 * PAGE, 2 * PAGE) == 0
    assert memblock.reserved.regions == [(RAM, 3 * PAGE, 0)]


def test_add_cuts_to_pages_in_2_6_36_only():
    memblock = Memblock(V2_6_36)
    memblock.add(RAM + 0x400, 2 * PAGE)
    assert memblock.memory.regions == [(RAM + PAGE, PAGE, 0)]
    memblock = Memblock(V2_6_37)
    memblock.add(RAM + 0x400, 2 * PAGE)
    assert memblock.memory.regions == [(RAM + 0x400, 2 * PAGE, 0)]


def test_add_reaches_beyond_4_gib_in_2_6_36():
    """Its addresses are u64 on every machine."""
    memblock = Memblock(V2_6_36)
    memblock.add(0xF0000000, 0x20000000)
    assert memblock.end_of_dram() == 0x110000000


# -- page 0: __memblock_alloc_base of 2.6.36, memblock_find_region of 2.6.37, 3.3's find_in_range_node -----


def test_alloc_range_page_zero_by_version():
    def places(rules):
        memblock = Memblock(rules)
        memblock.add(0, 2 * PAGE)
        found = []
        while (address := memblock.alloc_range(0x800, 0x800)) and len(found) < 9:
            found.append(address)
        return found

    assert places(V2_6_36) == [0x1800, 0x1000, 0x800]  # only address 0 means failure
    assert places(V2_6_37) == [0x1800, 0x1000]
    assert places(V2_6_39) == [0x1800, 0x1000]
    assert places(V3_3) == [0x1800, 0x1000]


def test_alloc_range_in_page_zero_when_ram_begins_inside_it():
    """2.6.37 to 3.2 look at the start of the range; from 3.3 on page 0 is refused as such."""
    for rules, expected in ((V2_6_37, 0xC00), (V2_6_39, 0xC00), (V3_3, 0)):
        memblock = Memblock(rules)
        memblock.add(0x800, 0x800)
        assert memblock.alloc_range(0x400, 0x400) == expected


# -- sizes --------------------------------------------------------------------------------------------------


def test_alloc_range_rounds_the_size_until_3_13():
    for rules in (V2_6_36, V2_6_37, V2_6_39, V3_3):
        memblock = board(rules)
        memblock.alloc_range(40, 64)
        assert memblock.reserved.regions == [(RAM + 0x100000 - 64, 64, 0)]
    memblock = board(MemblockRules())
    memblock.alloc_range(40, 64)
    assert memblock.reserved.regions == [(RAM + 0x100000 - 64, 40, 0)]


def test_reserve_of_nothing_is_a_bug_until_3_2():
    for rules in (V2_6_36, V2_6_37, V2_6_39):
        with pytest.raises(MemblockBug):
            board(rules).reserve(RAM, 0)
        with pytest.raises(MemblockBug):
            board(rules).alloc_range(0, PAGE)
    assert board(V3_3).reserve(RAM, 0) == 0


def test_alloc_range_alignment_zero_fails_until_3_13():
    """round_up() with 0 makes the size 0; up to 3.2 that is a BUG."""
    assert board(V3_3).alloc_range(64, 0) == 0
    with pytest.raises(MemblockBug):
        board(V2_6_39).alloc_range(64, 0)


@pytest.mark.parametrize("rules", [V2_6_37, V2_6_39])
def test_reserve_that_would_wrap_is_not_guessed(rules):
    memblock = Memblock(rules)
    with pytest.raises(MemblockDeath, match="not modelled"):
        memblock.reserve(0xFFF00000, 0x100000)
    assert memblock.reserve(0xFFF00000, 0xFF000) == 0


# -- full arrays --------------------------------------------------------------------------------------------


def reserve_many(memblock, count):
    return [memblock.reserve(RAM + i * 2 * PAGE, PAGE) for i in range(count)]


def test_reserve_2_6_36_has_128_entries_and_never_more():
    memblock = board(V2_6_36, size=0x10000000)
    memblock.allow_resize()
    assert reserve_many(memblock, 129) == [0] * 128 + [-1]
    assert len(memblock.reserved) == 128
    assert memblock.reserve(RAM + PAGE, PAGE) == 2  # joining needs no entry
    assert memblock.alloc_range(PAGE, 2 * PAGE) > 0
    assert memblock.alloc_range(PAGE, 4 * PAGE) == 0


def test_reserve_2_6_37_undoes_the_wrong_entry():
    """The array counts as full with its last entry; the undo only lowers the count."""
    memblock = board(V2_6_37, size=0x10000000)
    assert reserve_many(memblock, 127) == [0] * 127
    last = memblock.reserved.regions[-1]
    assert memblock.reserve(RAM - 4 * PAGE, PAGE) == -1
    assert memblock.reserved.regions[0] == (RAM - 4 * PAGE, PAGE, 0)
    assert last not in memblock.reserved.regions
    assert len(memblock.reserved) == 127


def test_reserve_2_6_39_undoes_the_right_entry():
    memblock = board(V2_6_39, size=0x10000000)
    assert reserve_many(memblock, 127) == [0] * 127
    before = memblock.reserved.regions
    assert memblock.reserve(RAM - 4 * PAGE, PAGE) == -1
    assert memblock.reserved.regions == before
    assert memblock.free(RAM + 0x100, 0x100) == -1  # a split needs an entry too, and is taken back
    assert memblock.reserved.regions == before
    assert memblock.reserve(RAM + PAGE, PAGE) == 0  # touching regions just grow
    assert len(memblock.reserved) == 126


@pytest.mark.parametrize("rules", [V2_6_37, V2_6_39])
def test_reserve_doubles_after_taking_the_last_entry(rules):
    """128 entries of 8 bytes, doubled, aligned to a word, at the top of what is accessible."""
    memblock = board(rules, size=0x10000000)
    memblock.allow_resize()
    memblock.current_limit = RAM + 0x8000000
    assert reserve_many(memblock, 128) == [0] * 128
    assert memblock.reserved.capacity == 256
    assert memblock.reserved.regions[-1] == (RAM + 0x8000000 - 2048, 2048, 0)


# -- questions ----------------------------------------------------------------------------------------------


def test_is_region_memory_asks_reserved_in_2_6_37():
    memblock = board(V2_6_37)
    assert not memblock.is_region_memory(RAM, PAGE)
    memblock.reserve(RAM, PAGE)
    assert memblock.is_region_memory(RAM, PAGE)
    assert board(V2_6_39).is_region_memory(RAM, PAGE)


def test_enforce_memory_limit_cuts_reservations_at_the_end_of_ram_until_3_2():
    for rules in (V2_6_37, V2_6_39, V3_3):
        memblock = board(rules)
        memblock.reserve(RAM + 0x80000, 0x100000)
        memblock.reserve(RAM + 0x1000000, PAGE)
        memblock.enforce_memory_limit(0x40000000)  # more than there is
        cut = [(RAM + 0x80000, 0x80000, 0)]
        uncut = [(RAM + 0x80000, 0x100000, 0), (RAM + 0x1000000, PAGE, 0)]
        assert memblock.reserved.regions == (uncut if rules is V3_3 else cut)
        memblock.enforce_memory_limit(0x90000)
        assert memblock.memory.regions == [(RAM, 0x90000, 0)]
        assert memblock.reserved.regions == [(RAM + 0x80000, 0x10000, 0)]
