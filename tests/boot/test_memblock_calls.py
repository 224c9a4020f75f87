"""Single calls whose outcome follows from reading mm/memblock.c; each test names the function."""

import pytest

from bootmap.boot.memblock import Flags, Memblock, MemblockBug, MemblockDeath, MemblockPanic, MemblockRules

ENOMEM = -12
PAGE = 0x1000
RAM = 0x40000000
OLD_FULL = MemblockRules(resize_panics=False)  # up to 6.6


def board(rules=None, size=0x10000000):
    memblock = Memblock(rules)
    memblock.add(RAM, size)
    return memblock


def fill(memblock, count, step=2 * PAGE):
    """``count`` reservations of one page that do not touch, from the start of RAM."""
    for i in range(count):
        assert memblock.reserve(RAM + i * step, PAGE) == 0
    assert len(memblock.reserved) == count


# -- searching: memblock_find_in_range_node, memblock_alloc_range_nid -------------------------------------


def test_alloc_range_skips_page_zero():
    memblock = Memblock()
    memblock.add(0, 2 * PAGE)
    assert memblock.alloc_range(PAGE, PAGE) == PAGE
    assert memblock.alloc_range(0x10, 4) == 0


def test_alloc_range_current_limit_holds_unless_end_is_given():
    memblock = board()
    memblock.current_limit = RAM + 0x100000
    assert memblock.alloc_range(PAGE, PAGE) == RAM + 0x100000 - PAGE
    assert memblock.alloc_range(PAGE, PAGE, 0, 0xFFFFFFFF) == RAM + 0x10000000 - PAGE


def test_alloc_range_not_exact_keeps_to_the_limit_and_tries_from_zero():
    """memblock_alloc_internal: max_addr is cut to the limit, then min_addr dropped."""
    memblock = board()
    memblock.current_limit = RAM + 0x100000
    assert memblock.alloc_range(PAGE, PAGE, RAM + 0x200000, 0) == 0
    found = memblock.alloc_range(PAGE, PAGE, RAM + 0x200000, 0xFFFFFFFF, exact=False)
    assert found == RAM + 0x100000 - PAGE


def test_alloc_range_of_nothing_reserves_nothing():
    memblock = board()
    assert memblock.alloc_range(0, PAGE) == RAM + 0x10000000
    assert memblock.reserved.regions == []


def test_alloc_range_alignment_zero_is_a_cache_line():
    memblock = board()
    assert memblock.alloc_range(4, 0) == RAM + 0x10000000 - 64
    assert Memblock(MemblockRules(zero_align=32)).rules.zero_align == 32


def test_alloc_range_avoids_nomap_and_does_not_cross_into_other_flags():
    memblock = board(size=4 * PAGE)
    memblock.mark_nomap(RAM + 3 * PAGE, PAGE)
    memblock.mark_hotplug(RAM + 2 * PAGE, PAGE)
    assert memblock.find_in_range(0, 0, 3 * PAGE, PAGE) == 0
    assert memblock.find_in_range(0, 0, 2 * PAGE, PAGE) == RAM
    assert memblock.find_in_range(0, 0, PAGE, PAGE) == RAM + 2 * PAGE


def test_alloc_range_hotplug_is_kept_for_movable_nodes():
    memblock = board(size=4 * PAGE)
    memblock.mark_hotplug(RAM + 2 * PAGE, 2 * PAGE)
    memblock.movable_node = True
    assert memblock.alloc_range(PAGE, PAGE) == RAM + PAGE
    assert list(memblock.mem_ranges()) == [(RAM, RAM + 2 * PAGE), (RAM + 2 * PAGE, RAM + 4 * PAGE)]
    assert list(memblock.free_ranges()) == [(RAM, RAM + PAGE)]


def test_alloc_range_prefers_mirrored_memory_then_takes_any():
    memblock = board(size=4 * PAGE)
    memblock.mark_mirror(RAM, PAGE)
    assert memblock.alloc_range(PAGE, PAGE) == RAM
    assert memblock.alloc_range(PAGE, PAGE) == RAM + 3 * PAGE


def test_find_in_range_bottom_up_above_the_kernel_then_top_down():
    """3.13 to 5.10: bottom-up starts at _end, and falls back to top-down where that fails."""
    memblock = board(MemblockRules(bottom_up_above_kernel=True), size=8 * PAGE)
    memblock.bottom_up = True
    memblock.kernel_end = RAM + 6 * PAGE
    assert memblock.find_in_range(0, 0, PAGE, PAGE) == RAM + 6 * PAGE
    assert memblock.find_in_range(0, 0, 3 * PAGE, PAGE) == RAM + 5 * PAGE
    assert memblock.find_in_range(0, RAM + 6 * PAGE, PAGE, PAGE) == RAM + 5 * PAGE
    modern = board(size=8 * PAGE)
    modern.bottom_up, modern.kernel_end = True, RAM + 6 * PAGE
    assert modern.find_in_range(0, 0, PAGE, PAGE) == RAM


def test_find_in_range_bottom_up_rounding_wraps_at_the_top():
    """round_up() of the last gap's start can wrap to 0, which is "not found"."""
    memblock = Memblock()
    memblock.add(0xFFF00000, 0xFF000)
    memblock.reserve(0xFFF00000, PAGE)
    memblock.bottom_up = True
    assert memblock.find_in_range(0, 0, PAGE, 0x100000) == 0


def test_alloc_range_of_nothing_bottom_up_needs_a_byte():
    """__memblock_find_range_bottom_up wants the place below the end of the range."""
    memblock = board(size=2 * PAGE)
    memblock.bottom_up = True
    assert memblock.find_in_range(0, 0, 0, PAGE) == RAM
    assert memblock.find_in_range(RAM + 2 * PAGE, 0, 0, PAGE) == 0


# -- flags and merging: memblock_merge_regions ------------------------------------------------------------


def test_reserve_allocations_merge_with_plain_ones_unless_marked():
    for rsrv_kern in (False, True):
        memblock = board(MemblockRules(rsrv_kern=rsrv_kern))
        top = RAM + 0x10000000
        memblock.reserve(top - PAGE, PAGE)
        memblock.alloc_range(PAGE, PAGE)
        parts = [(top - 2 * PAGE, PAGE, Flags.RSRV_KERN), (top - PAGE, PAGE, 0)]
        assert memblock.reserved.regions == (parts if rsrv_kern else [(top - 2 * PAGE, 2 * PAGE, 0)])


def test_reserve_between_different_flags_joins_the_equal_one():
    for flags in (0, Flags.RSRV_KERN):
        memblock = board()
        memblock.reserve(RAM, PAGE)
        memblock.reserve(RAM + 2 * PAGE, PAGE, Flags.RSRV_KERN)
        memblock.reserve(RAM + PAGE, PAGE, flags)
        halves = (1, 2) if flags else (2, 1)
        assert [size // PAGE for _, size, _ in memblock.reserved.regions] == list(halves)


def test_cap_memory_range_keeps_nomap_and_leaves_it_split():
    """The pieces of a NOMAP region that the cap splits merge only when a merge passes there.

    Up to 6.2 every merge passes over the whole array, since 6.3 (commit 2fe03412e2e1) only near the change.
    """
    for whole in (False, True):
        memblock = board(MemblockRules(merge_whole_array=whole), size=16 * PAGE)
        memblock.mark_nomap(RAM, 4 * PAGE)
        memblock.reserve(RAM + PAGE, 14 * PAGE)
        memblock.cap_memory_range(RAM + 2 * PAGE, 8 * PAGE)
        halves = [(RAM, 2 * PAGE, 4), (RAM + 2 * PAGE, 2 * PAGE, 4)]
        rest = (RAM + 4 * PAGE, 6 * PAGE, 0)
        assert memblock.memory.regions == [*halves, rest]
        assert memblock.reserved.regions == [(RAM + 2 * PAGE, 8 * PAGE, 0)]
        memblock.add(RAM + 0x100000, PAGE)
        assert memblock.memory.regions[:2] == ([(RAM, 4 * PAGE, 4), rest] if whole else halves)


def test_cap_memory_range_to_nothing():
    """5.15: "if (!size) return" and no memory known; before, everything but NOMAP went."""
    for ignores in (True, False):
        memblock = board(MemblockRules(cap_ignores_empty=ignores), size=4 * PAGE)
        memblock.mark_nomap(RAM, PAGE)
        memblock.cap_memory_range(RAM, 0)
        assert len(memblock.memory) == (2 if ignores else 1)


def test_cap_memory_range_whose_end_wraps_drops_all_reservations():
    memblock = board()
    memblock.reserve(RAM, PAGE)
    memblock.cap_memory_range(RAM, 0x100000000 - RAM)
    assert memblock.memory.regions == [(RAM, 0x10000000, 0)]
    assert memblock.reserved.regions == []


def test_enforce_memory_limit_counts_all_regions():
    memblock = board(size=4 * PAGE)
    memblock.add(RAM + 8 * PAGE, 4 * PAGE)
    memblock.reserve(RAM + 3 * PAGE, 8 * PAGE)
    memblock.enforce_memory_limit(8 * PAGE)  # exactly what there is: the end, and nothing is cut
    assert memblock.end_of_dram() == RAM + 12 * PAGE
    memblock.enforce_memory_limit(5 * PAGE)
    assert memblock.memory.regions == [(RAM, 4 * PAGE, 0), (RAM + 8 * PAGE, PAGE, 0)]
    assert memblock.reserved.regions == [(RAM + 3 * PAGE, 6 * PAGE, 0)]


def test_trim_memory_does_not_lower_the_counted_size():
    """memblock_trim_memory changes regions in place and leaves total_size as it is."""
    memblock = Memblock()
    memblock.add(RAM + 0x400, 4 * PAGE)
    memblock.add(RAM + 0x100000, 0x800)
    memblock.trim_memory(PAGE)
    assert memblock.memory.regions == [(RAM + PAGE, 3 * PAGE, 0)]
    assert memblock.phys_mem_size() == 4 * PAGE


def test_trim_memory_start_that_wraps_becomes_zero():
    memblock = Memblock()
    memblock.add(0xFFE49000, 0x100000)
    memblock.trim_memory(0x200000)  # as in the recordings
    assert memblock.memory.regions == [(0, 0xFFE00000, 0)]
    memblock = board()
    memblock.add(0xFFE49000, 0x100000)
    with pytest.raises(MemblockDeath, match="wraps to 0"):
        memblock.trim_memory(0x200000)


# -- provenance ------------------------------------------------------------------------------------------


def test_owners_name_their_origin():
    memblock = Memblock()
    memblock.add(RAM, 16 * PAGE, origin="/memory@40000000")
    memblock.reserve(RAM + PAGE, PAGE, origin="kernel")
    found = memblock.alloc_range(0x28, 4, origin="static_vm")
    assert [op.origin for op in memblock.owners(RAM + PAGE)] == ["/memory@40000000", "kernel"]
    assert [op.name for op in memblock.owners(found + 0x27)] == ["add", "alloc_range"]
    assert [op.name for op in memblock.owners(found - 1)] == ["add"]
    assert memblock.alloc_range(1 << 30, 4) == 0
    assert memblock.log[-1].result == 0
    assert memblock.owners(0x100) == []


def test_owners_know_a_limit():
    memblock = board()
    memblock.enforce_memory_limit(PAGE, origin="mem=4K")
    assert [op.name for op in memblock.owners(RAM + PAGE)] == ["add", "enforce_memory_limit"]
    assert [op.name for op in memblock.owners(RAM)] == ["add"]


# -- full arrays: memblock_add_range, memblock_isolate_range, memblock_double_array ------------------------


def test_reserve_128_fit_the_129th_panics():
    memblock = board()
    fill(memblock, 128)
    with pytest.raises(MemblockPanic, match="memblock: cannot resize reserved array"):
        memblock.reserve(RAM + 0x1000000, PAGE)
    with pytest.raises(MemblockPanic, match="reserved"):
        memblock.alloc_range(PAGE, PAGE)
    with pytest.raises(MemblockPanic, match="reserved"):
        memblock.free(RAM, PAGE)  # needs two entries in reserve, whatever it will do with them
    assert len(memblock.reserved) == 128


def test_reserve_full_returns_enomem_before_panics_came():
    memblock = board(OLD_FULL)
    fill(memblock, 128)
    before = memblock.reserved.regions
    assert memblock.reserve(RAM + 0x1000000, PAGE) == ENOMEM
    assert memblock.reserve(RAM + PAGE, PAGE) == ENOMEM  # would merge, but room is made first
    assert memblock.reserve(RAM, PAGE // 2) == 0  # covered already: nothing to insert
    assert memblock.alloc_range(PAGE, PAGE) == 0
    assert memblock.free(RAM, PAGE) == ENOMEM
    assert memblock.reserved.regions == before
    assert memblock.log[-1].result == ENOMEM


def test_mark_nomap_and_remove_need_two_entries():
    memblock = Memblock(OLD_FULL)
    for i in range(127):
        memblock.add(RAM + i * 2 * PAGE, PAGE)
    assert memblock.mark_nomap(RAM, PAGE) == ENOMEM
    assert memblock.remove(RAM, PAGE) == ENOMEM
    assert {flags for _, _, flags in memblock.memory.regions} == {0}
    assert memblock.remove(RAM, 0) == 0


def test_reserve_doubles_the_array_above_the_new_range():
    """128 entries of 12 bytes, doubled and rounded to a page; searched from the end of the new range up."""
    memblock = board()
    fill(memblock, 128)
    memblock.allow_resize()
    new = RAM + 0x1000000
    assert memblock.reserve(new, PAGE) == 0
    assert memblock.reserved.capacity == 256
    top = RAM + 0x10000000
    assert memblock.reserved.array == top - PAGE
    assert memblock.reserved.regions[-2:] == [(new, PAGE, 0), (top - PAGE, PAGE, 0)]
    assert [op.name for op in memblock.log[-2:]] == ["double_array", "reserve"]


def test_reserve_doubles_the_array_below_where_there_is_no_room_above():
    memblock = board()
    fill(memblock, 128)
    memblock.allow_resize()
    new = RAM + 0x10000000 - 2 * PAGE
    memblock.reserve(new, 2 * PAGE)
    assert memblock.reserved.array == new - PAGE


def test_reserve_doubles_the_array_below_the_limit():
    memblock = board()
    fill(memblock, 128)
    memblock.allow_resize()
    memblock.current_limit = RAM + 0x2000000
    memblock.reserve(RAM + 0x4000000, PAGE)
    assert memblock.reserved.array == RAM + 0x2000000 - PAGE


def test_add_may_put_the_array_into_the_range_being_added():
    """Only the growing ``reserved`` keeps its array out of the new range."""
    memblock = Memblock()
    memblock.allow_resize()
    for i in range(128):
        memblock.add(RAM + i * 4 * PAGE, 2 * PAGE)
    last = RAM + 127 * 4 * PAGE
    memblock.add(last, 3 * PAGE)
    assert memblock.memory.array == last + PAGE


def test_reserve_up_to_3_4_puts_the_array_into_the_range_being_reserved():
    """What "fix overlapping allocation when doubling reserved array" is about (June 2012)."""
    memblock = board(MemblockRules(array_whole_pages=False, region_flags=False, resize_panics=False))
    fill(memblock, 128)
    memblock.allow_resize()
    top = RAM + 0x10000000
    memblock.reserve(top - PAGE, PAGE)
    assert memblock.reserved.array == top - 2048
    assert memblock.reserved.regions[-1] == (top - PAGE, PAGE, 0)


def test_reserve_doubles_twice_and_frees_the_first_array():
    """256 entries of 12 bytes are a page to give back; 512 are two pages."""
    memblock = board()
    memblock.allow_resize()
    top = RAM + 0x10000000
    for i in range(300):
        assert memblock.reserve(RAM + i * 2 * PAGE, PAGE) == 0
    assert memblock.reserved.capacity == 512
    assert memblock.reserved.array == top - 3 * PAGE
    assert not memblock.is_reserved(top - PAGE)
    assert memblock.reserved.regions[-1] == (top - 3 * PAGE, 2 * PAGE, 0)


def test_add_doubles_the_memory_array_64_bit():
    """Entries are 24 bytes: 128 of them doubled take two pages, from below the current limit."""
    memblock = Memblock(MemblockRules(width=64, rsrv_kern=True))
    memblock.allow_resize()
    for i in range(129):
        assert memblock.add(0x100000000 + i * 4 * PAGE, 2 * PAGE) == 0
    assert len(memblock.memory) == 129
    # the highest free place while the 129th region was not there yet
    assert memblock.reserved.regions == [(0x100000000 + 127 * 4 * PAGE, 2 * PAGE, Flags.RSRV_KERN)]


def test_double_array_small_and_unaligned_up_to_3_4():
    """3.4: new_size bytes, aligned to phys_addr_t, anywhere; entries have no flags and take 8 bytes."""
    rules = MemblockRules(array_whole_pages=False, region_flags=False, resize_panics=False)
    memblock = board(rules)
    fill(memblock, 128)
    memblock.allow_resize()
    memblock.reserve(RAM + 0x1000000, PAGE)
    assert memblock.reserved.regions[-1] == (RAM + 0x10000000 - 2048, 2048, 0)


def test_double_array_without_room_fails():
    memblock = Memblock(OLD_FULL)
    memblock.allow_resize()
    for i in range(128):
        memblock.reserve(RAM + i * 2 * PAGE, PAGE)
    assert memblock.reserve(RAM + 0x1000000, PAGE) == ENOMEM


@pytest.mark.parametrize(
    ("rules", "outcome"),
    [
        (MemblockRules(resize_panics=False), ENOMEM),  # up to 5.19, 6.3 to 6.6
        (MemblockRules(resize_panics=False, room_off_by_one=True), MemblockBug),  # 6.0 to 6.2
        (MemblockRules(), MemblockPanic),
    ],
)
def test_reserve_over_64_regions_needs_65_entries(rules, outcome):
    """6.0 to 6.2 took 64 free entries for enough (fixed by commit ad500fb2d11b)."""
    memblock = board(rules)
    fill(memblock, 64)
    lowest, size = RAM - PAGE, 64 * 2 * PAGE + PAGE
    if outcome == ENOMEM:
        assert memblock.reserve(lowest, size) == ENOMEM
    else:
        with pytest.raises(outcome):
            memblock.reserve(lowest, size)
    assert memblock.reserve(RAM, size - PAGE) == 0  # 64 pieces do fit
    assert memblock.reserved.regions == [(RAM, size - PAGE, 0)]


# -- copies -------------------------------------------------------------------------------------------------


def changed(value):
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    return [*value, 1] if isinstance(value, list) else f"{value}." if isinstance(value, str) else (value or 0) + 1


def test_a_copy_is_as_the_memblock_until_anything_changes():
    """Stages share the copies of a memblock that has not changed, so every value must count."""
    memblock = board()
    memblock.reserve(RAM, PAGE)
    fixed = {"rules", "address_max", "_old"}  # of the kernel
    for name in vars(memblock).keys() - fixed - {"memory", "reserved", "log"}:
        copy = memblock.copy()
        assert memblock.is_as(copy)
        setattr(copy, name, changed(getattr(copy, name)))
        assert not memblock.is_as(copy), name
    for regions in ("memory", "reserved"):
        for name in vars(memblock.memory):
            copy = memblock.copy()
            setattr(getattr(copy, regions), name, changed(getattr(getattr(copy, regions), name)))
            assert not memblock.is_as(copy), name
    copy = memblock.copy()
    assert memblock.reserve(RAM, PAGE) == 0  # changes nothing, but was called
    assert not memblock.is_as(copy)
