"""memblock against a model that knows only bytes: each byte has flags or is not there."""

from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootmap.boot.memblock import Flags, Memblock, MemblockRules
from bootmap.facts.linux.memblock import Overlap

ORIGIN = 0x1000  # where the model's addresses begin: page 0 is never handed out
SPAN = 96
KERN = int(Flags.RSRV_KERN)
NOMAP = int(Flags.NOMAP)
HOTPLUG = int(Flags.HOTPLUG)

CHANGES = ["add", "add_hotplug", "remove", "reserve", "reserve_kern", "free"]
CHANGES += ["mark_nomap", "clear_nomap", "mark_hotplug", "clear_hotplug"]

ranges = st.tuples(st.integers(0, SPAN - 1), st.integers(0, 40)).map(lambda r: (r[0], min(r[1], SPAN - r[0])))
changes = st.tuples(
    st.sampled_from(CHANGES),
    ranges,
)
allocations = st.tuples(
    st.just("alloc"),
    st.tuples(
        st.integers(0, 24),  # size
        st.sampled_from([1, 2, 4, 8, 16, 32]),  # alignment
        st.integers(0, SPAN),  # start
        st.integers(0, SPAN + 4),  # end
        st.booleans(),  # end is the current limit
    ),
)


class Model:
    """Bytes of the address space: None or flags, for memory and for reserved."""

    def __init__(self):
        self.memory = [None] * SPAN
        self.reserved = [None] * SPAN

    def apply(self, name, base, size):
        kind, flags = self.memory, 0
        if name in ("reserve", "reserve_kern", "free"):
            kind = self.reserved
        if name in ("add_hotplug", "reserve_kern"):
            flags = HOTPLUG if name == "add_hotplug" else KERN
        bit = NOMAP if name.endswith("nomap") else HOTPLUG
        for at in range(base, base + size):
            if name in ("add", "add_hotplug", "reserve", "reserve_kern"):
                kind[at] = flags if kind[at] is None else kind[at]
            elif name in ("remove", "free"):
                kind[at] = None
            elif kind[at] is not None:
                kind[at] = kind[at] | bit if name.startswith("mark") else kind[at] & ~bit

    def usable(self, base, size):
        """Free and mapped, and all in one region: a region ends where the flags change."""
        if base < 0 or base + size > SPAN:
            return False
        bytes_ = range(base, base + size)
        return (
            all(self.memory[at] is not None and not self.memory[at] & NOMAP for at in bytes_)
            and all(self.reserved[at] is None for at in bytes_)
            and len({self.memory[at] for at in bytes_}) == 1
        )

    def places(self, size, align, start, end):
        return [
            at
            for at in range(max(start, 0), min(end, SPAN) - size + 1)
            if (at + ORIGIN) % align == 0 and self.usable(at, size)
        ]


def runs(kind):
    """The regions that bytes form: neighbours with equal flags are one."""
    found, at = [], 0
    for flags, group in groupby(kind):
        size = len(list(group))
        if flags is not None:
            found.append((at + ORIGIN, size, flags))
        at += size
    return found


def free_runs(model):
    """Free, mapped stretches, each within one region of memory."""
    kind = [
        flags if flags is not None and not flags & NOMAP and model.reserved[at] is None else None
        for at, flags in enumerate(model.memory)
    ]
    return [(base, base + size) for base, size, _ in runs(kind)]


def change(memblock, name, base, size):
    if name == "add_hotplug":
        return memblock.add(base, size, HOTPLUG)
    if name == "reserve_kern":
        return memblock.reserve(base, size, KERN)
    return getattr(memblock, name)(base, size)


def check_state(memblock, model):
    assert memblock.memory.regions == runs(model.memory)
    assert memblock.reserved.regions == runs(model.reserved)
    assert [r for r in memblock.free_ranges() if r[0] != r[1]] == free_runs(model)
    assert memblock.phys_mem_size() == sum(flags is not None for flags in model.memory)
    for at in (0, 17, SPAN - 1):
        assert memblock.is_memory(at + ORIGIN) == (model.memory[at] is not None)
        assert memblock.is_reserved(at + ORIGIN) == (model.reserved[at] is not None)
        mapped = model.memory[at] is not None and not model.memory[at] & NOMAP
        assert memblock.is_map_memory(at + ORIGIN) == mapped


@settings(max_examples=250, deadline=None)
@given(st.lists(changes | allocations, max_size=25), st.booleans(), st.booleans())
def test_memblock_agrees_with_bytes(ops, bottom_up, rsrv_kern):
    memblock, model = Memblock(MemblockRules(rsrv_kern=rsrv_kern)), Model()
    memblock.bottom_up = bottom_up
    for name, arguments in ops:
        if name != "alloc":
            base, size = arguments
            assert change(memblock, name, base + ORIGIN, size) == 0
            model.apply(name, base, size)
        else:
            size, align, start, end, use_limit = arguments
            memblock.current_limit = ORIGIN + end
            found = memblock.alloc_range(size, align, start + ORIGIN, 0 if use_limit else end + ORIGIN)
            if size == 0:  # nothing fits everywhere; only the lists' staying as they are matters
                check_state(memblock, model)
                continue
            places = model.places(size, align, start, end)
            best = (places[0] if bottom_up else places[-1]) + ORIGIN if places else 0
            assert found == best
            if found:
                model.apply("reserve_kern" if rsrv_kern else "reserve", found - ORIGIN, size)
        check_state(memblock, model)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "remove", "reserve", "free"]), ranges.filter(lambda r: r[1] > 0)),
        max_size=25,
    ),
    st.integers(1, 24),
    st.sampled_from([1, 4, 16]),
)
def test_memblock_extending_agrees_with_bytes(ops, size, align):
    """2.6.39 to 3.2 write the lists in another way, to the same effect."""
    rules = MemblockRules(overlap=Overlap.EXTEND, round_size_to_align=True, region_flags=False, zero_align=0)
    memblock, model = Memblock(rules), Model()
    for name, (base, length) in ops:
        assert change(memblock, name, base + ORIGIN, length) == 0
        model.apply(name, base, length)
        check_state(memblock, model)
    rounded = -(-size // align) * align
    places = model.places(rounded, align, 0, SPAN)
    found = memblock.alloc_range(size, align, 0, 0)
    assert found == (places[-1] + ORIGIN if places else 0)


@settings(max_examples=150, deadline=None)
@given(st.lists(changes, max_size=20), ranges, st.booleans())
def test_overlap_and_containment_agree_with_bytes(ops, asked, whole):
    memblock, model = Memblock(MemblockRules(merge_whole_array=whole)), Model()
    for name, (base, size) in ops:
        change(memblock, name, base + ORIGIN, size)
        model.apply(name, base, size)
    base, size = asked
    if size:
        hit = any(model.reserved[at] is not None for at in range(base, base + size))
        assert memblock.is_region_reserved(base + ORIGIN, size) == hit
    inside = any(b <= base + ORIGIN < b + s and base + ORIGIN + size <= b + s for b, s, _ in runs(model.memory))
    assert memblock.is_region_memory(base + ORIGIN, size) == inside


@settings(max_examples=100, deadline=None)
@given(st.lists(changes, max_size=20), st.lists(changes, max_size=8), st.lists(changes, max_size=8))
def test_copy_goes_its_own_way(past, here, there):
    memblock = Memblock()
    for name, (base, size) in past:
        change(memblock, name, base + ORIGIN, size)
    before = memblock.memory.regions, memblock.reserved.regions, list(memblock.log)
    copy, frozen = memblock.copy(), memblock.copy()
    for one, ops in ((memblock, here), (copy, there)):
        for name, (base, size) in ops:
            change(one, name, base + ORIGIN, size)
    assert (frozen.memory.regions, frozen.reserved.regions, list(frozen.log)) == before
    for one, ops in ((memblock, here), (copy, there)):
        assert len(one.log) == len(past) + len(ops)
        assert list(one.log[: len(past)]) == before[2]
        assert [op.size for op in one.log[len(past) :]] == [size for _, (_, size) in ops]
        again = Memblock()
        for name, (base, size) in past + ops:
            change(again, name, base + ORIGIN, size)
        assert (again.memory, again.reserved) == (one.memory, one.reserved)


@settings(max_examples=100, deadline=None)
@given(st.lists(changes, max_size=25), st.integers(0, SPAN - 1))
def test_owners_last_reservation_explains_the_byte(ops, at):
    memblock = Memblock()
    for name, (base, size) in ops:
        change(memblock, name, base + ORIGIN, size)
    owners = memblock.owners(at + ORIGIN)
    expected = [(base + ORIGIN, size) for _, (base, size) in ops if base <= at < base + size]
    assert [(op.base, op.size) for op in owners] == expected
    last = next((op.name for op in reversed(owners) if op.name in ("reserve", "free")), "free")
    assert memblock.is_reserved(at + ORIGIN) == (last == "reserve")


@pytest.mark.parametrize("width", [32, 64])
def test_memblock_last_byte_of_the_address_space_is_lost(width):
    """PHYS_ADDR_MAX - base is the most a region can have (mm/memblock.c memblock_cap_size)."""
    top = 1 << width
    memblock = Memblock(MemblockRules(width=width))
    memblock.add(top - 0x100000, 0x100000)
    assert memblock.memory.regions == [(top - 0x100000, 0xFFFFF, 0)]
    assert memblock.end_of_dram() == top - 1
    assert memblock.log[-1].size == 0xFFFFF
    assert memblock.alloc_range(0x1000, 0x1000) == top - 0x2000
    memblock.reserve(top - 0x1000, 1 << 70)  # cut to phys_addr_t: 0 bytes
    assert memblock.reserved.regions == [(top - 0x2000, 0x1000, 0)]
