"""What holds of every prediction, whatever the board: read back from memblock, the tables and the journal.

Nothing here asks the code under test what a word means: descriptors are decoded by ``words``, the journal is played
back byte by byte, regions are looked at as plain numbers.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bootmap.boot.trace import Origin, Verdict
from bootmap.facts.linux.memblock import Flags
from bootmap.units import PAGE_SHIFT, PAGE_SIZE
from support.words import UNMAPPED, frames, root_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.boot.sequence import Replay, Snapshot

    Frames = np.ndarray[tuple[int], np.dtype[np.int32]]

Regions = list[tuple[int, int, int]]


def check_prediction(prediction: Replay) -> None:
    """Everything below.

    Raises:
        AssertionError: something does not hold.
    """
    check_outcome(prediction)
    for stage in prediction.stages:
        apart = prediction.state.kernel.has("memblock_joins_overlaps")
        check_memblock(stage.memblock.memory.regions, apart=apart)
        check_memblock(stage.memblock.reserved.regions, apart=apart)
    check_journal(prediction)
    check_tables(prediction)
    check_maps(prediction)
    if prediction.outcome.verdict is not Verdict.DIES:
        check_table_pages(prediction)
        check_lowmem(prediction)
        check_zones(prediction)
    check_provenance(prediction)


def moments(prediction: Replay) -> list[Snapshot]:
    """The stages that changed the tables, or were the first."""
    found = {stage.mark: stage for stage in reversed(prediction.stages)}
    return [found[mark] for mark in sorted(found)]


def check_outcome(prediction: Replay) -> None:
    """The verdict follows from the hazards, and says where and why."""
    outcome, hazards = prediction.outcome, prediction.hazards
    fatal = [hazard for hazard in hazards if hazard.fatal]
    assert (outcome.verdict is Verdict.DIES) == bool(fatal)
    if outcome.verdict is Verdict.BOOTS:
        lost = [(hazard.stage, hazard.message) for hazard in hazards if hazard.loses_initrd]
        assert (outcome.stage, outcome.reason) == (lost[0] if lost else (None, None))
        assert outcome.without_initrd == bool(lost)
        assert not any(hazard.luck for hazard in hazards)
        assert prediction.stages[-1].name == "mark_rodata_ro"
    else:
        assert not outcome.without_initrd
        assert outcome.stage
        assert outcome.reason
        named = [hazard for hazard in hazards if (hazard.stage, hazard.message) == (outcome.stage, outcome.reason)]
        assert named
        assert all(hazard.fatal or hazard.luck for hazard in named)
    names = [stage.name for stage in prediction.stages]
    assert len(fatal) <= 1
    assert (
        not fatal
        or fatal[0].stage not in names[names.index("create_page_tables") + 1 :]
        or len(set(names)) < len(names)
    )


def check_memblock(regions: Regions, *, apart: bool = True) -> None:
    """Sorted, apart (but before 2.6.39), not empty, and merged where flags are equal."""
    for base, size, flags in regions:
        assert size > 0
        assert base >= 0
        assert base + size < 1 << 64
        assert flags == int(Flags(flags))
    for (base, size, flags), (following, _, other) in pairwise(regions):
        assert base + size <= following or (not apart and base <= following)
        assert base + size != following or flags != other, f"two regions meet at {following:#x} and are not merged"


def check_journal(prediction: Replay) -> None:
    """The journal alone gives the tables of every stage, and each word is the last that was written to its place."""
    tables = prediction.state.tables
    memory: dict[int, bytearray] = {}
    done = 0
    assert [stage.mark for stage in prediction.stages] == sorted(stage.mark for stage in prediction.stages)
    for stage in moments(prediction):
        assert done <= stage.mark <= len(tables.journal)
        for write in tables.journal[done : stage.mark]:
            raw = write.words.tobytes()
            assert write.address % tables.word_bytes == 0
            if write.cause.kind == "zero":
                assert not any(raw)
                assert (write.address | len(raw)) % PAGE_SIZE == 0
            for at in range(0, len(raw), PAGE_SIZE):  # by pages; a write may begin inside one
                _store(memory, write.address + at, raw[at : at + PAGE_SIZE], zero=write.cause.kind == "zero")
        done = stage.mark
        now = tables.pages_at(stage.mark)
        assert now.keys() == memory.keys()
        for address, words in now.items():
            assert words.tobytes() == memory[address], f"{address:#x} after {stage.name}"
    check_writers(prediction)


def _store(memory: dict[int, bytearray], address: int, raw: bytes, *, zero: bool) -> None:
    page = address & -PAGE_SIZE
    if zero:
        memory[page] = bytearray(PAGE_SIZE)
    offset = address - page
    room = PAGE_SIZE - offset
    assert page in memory, f"a write outside every table, at {address:#x}"
    memory[page][offset : offset + min(len(raw), room)] = raw[:room]
    if len(raw) > room:
        _store(memory, page + PAGE_SIZE, raw[room:], zero=False)


def check_writers(prediction: Replay) -> None:
    """The writers of a word end with that word, and every word of a table has at least one."""
    tables = prediction.state.tables
    last = prediction.stages[-1]
    for page, words in prediction.tables_at(last).items():
        live = tables.page(page)
        assert live is not None
        for index in (0, len(words) // 3, len(words) - 1, *np.flatnonzero(words)[:2].tolist()):
            address = page + index * tables.word_bytes
            history = list(tables.writers(address, last.mark))
            assert history, f"nobody wrote {address:#x}"
            assert history[-1][1] == int(words[index])
            if last.mark == tables.mark:
                assert tables.word(address) == int(words[index]) == int(live[index])


def check_tables(prediction: Replay) -> None:
    """At every stage pairs are pairs, and Linux's words agree with the hardware's."""
    state = prediction.state
    if state.kernel.format.name == "long":
        for stage in moments(prediction):
            frames(prediction.tables_at(stage), state.tables.root, long=True)
        return
    for stage in moments(prediction):
        pages = prediction.tables_at(stage)
        first = root_words(pages, state.tables.root).astype(np.int64)
        for index in np.flatnonzero(first & 3 == 1):
            low, high = int(first[index & ~1]), int(first[index | 1])
            tables = [low - 0x800] * (low & 3 == 1) + [high - 0xC00] * (high & 3 == 1)
            assert len(set(tables)) == 1, f"the halves of pair {index // 2} point to different tables"
            assert tables[0] % PAGE_SIZE < 0x400, f"pair {index // 2} does not skip Linux's own words"
            if len(tables) == 1:  # map_kernel lays sections over what map_lowmem mapped by pages
                assert {low & 3, high & 3} == {1, 2}, f"half a pair at {index // 2}"
                assert state.kernel.has("map_kernel")
        for page, words in pages.items():
            if not state.tables.root <= page < state.tables.root + 0x4000:
                linux, hardware = words[:512].astype(np.int64), words[512:].astype(np.int64)
                assert np.array_equal(linux != 0, hardware != 0), f"in {page:#x} one word of a twin is empty"
                assert np.array_equal(linux & ~0xFFF, hardware & ~0xFFF), f"in {page:#x} twins differ in their frames"
                assert np.all((linux == 0) | (linux & 3 == 3)), f"in {page:#x} a Linux word without present and young"


def check_table_pages(prediction: Replay) -> None:
    """Every table lies in RAM that is kept for it; those in the kernel's image where the image is."""
    stage, state = prediction.stages[-1], prediction.state
    image = range(state.tables.root, state.kernel_image.end)
    # A driver that refuses an area gives all of it back, with what else was reserved there.
    given_back = any(hazard.id == "reserved-area-refused" for hazard in prediction.hazards)
    for page in prediction.tables_at(stage):
        inside = _inside(page, page + PAGE_SIZE, stage.memblock.memory.regions)
        assert inside or page in image, f"table {page:#x} is not in memory"
        kept = _inside(page, page + PAGE_SIZE, stage.memblock.reserved.regions)
        assert kept or given_back, f"table {page:#x} is not reserved"


def _inside(start: int, end: int, regions: Iterable[tuple[int, int, int]]) -> bool:
    """Whether the regions together hold every byte."""
    for base, size, _ in regions:
        if base <= start < base + size:
            start = base + size
        if start >= end:
            return True
    return start >= end


def mapped_at(prediction: Replay, stage: Snapshot) -> Frames:
    """The page frame of every virtual page at that moment."""
    state = prediction.state
    return frames(prediction.tables_at(stage), state.tables.root, long=state.kernel.format.name == "long")


def check_lowmem(prediction: Replay) -> None:
    """Every page of lowmem is mapped to itself, and nothing else is mapped below high_memory but the kernel."""
    state, kernel = prediction.state, prediction.state.kernel
    stage = prediction.stage("paging_init")
    assert stage is not None
    everywhere = mapped_at(prediction, stage)
    user = everywhere[: kernel.modules_vaddr >> PAGE_SHIFT]
    assert np.all(user == UNMAPPED) or kernel.has("kasan")

    # From here on page 0 is the first of the linear map.
    first_page, offset = kernel.page_offset >> PAGE_SHIFT, state.handover.phys_offset
    mapped = everywhere[first_page:]
    early = mapped_at(prediction, prediction.stages[0])[first_page:]
    itself = np.arange(len(mapped), dtype=np.int32) + (offset >> PAGE_SHIFT)
    lowmem, image = np.zeros(len(mapped), bool), np.zeros(len(mapped), bool)
    for base, size, flags in stage.memblock.memory.regions:
        end = min(base + size, stage.vars.arm_lowmem_limit)
        if not flags & Flags.NOMAP and end > base:
            assert base >= offset
            # a page is mapped where a byte of it is lowmem
            lowmem[base - offset >> PAGE_SHIFT : -(-(end - offset) >> PAGE_SHIFT)] = True
    section = kernel.format.section_size
    image[: -(-(kernel.image_end - kernel.page_offset) // section) * section >> PAGE_SHIFT] = True

    if not any(hazard.id == "lowmem-unmapped" for hazard in prediction.hazards):
        wrong = np.flatnonzero(lowmem & (mapped != itself))
        assert not len(wrong), f"lowmem page {int(wrong[0]):#x} is mapped to {int(mapped[wrong[0]]):#x}"
    there = image & (mapped != UNMAPPED)
    assert np.array_equal(mapped[there], itself[there])
    # What head.S mapped below the end of the first region stays, the boot parameters for one.
    other = ~lowmem & ~image & (mapped != early) & (mapped != UNMAPPED)
    other[stage.vars.high_memory - kernel.page_offset >> PAGE_SHIFT :] = False
    extra = np.flatnonzero(other)
    assert not len(extra), f"page {int(extra[0]):#x} is no lowmem and is mapped to {int(mapped[extra[0]]):#x}"


def check_maps(prediction: Replay) -> None:
    """The tables decode to the mappings that made them: each page to what the last mapping over it says."""
    state = prediction.state
    stage = prediction.stage("kmap_init")
    if stage is None:
        return
    mapped = mapped_at(prediction, stage)
    want = np.full(1 << 20, -2, np.int32)  # -2: no mapping says
    for md in state.maps:
        if md.stage in ("early_fixmap_init", "parse_early_param"):
            continue  # gone, or moved, by the end
        first, last = md.virtual >> PAGE_SHIFT, -(-(md.virtual + md.length) >> PAGE_SHIFT)
        if md.stage == "dma_contiguous_remap":  # clears whole pmds first, its neighbours in them too
            pmd = first & ~511
            cleared = slice(pmd, pmd + (-(-md.length >> 21) << 9))
            want[cleared] = np.where(want[cleared] == -2, -2, UNMAPPED)
        refused = any(h.address == md.virtual and h.id.startswith("mapping-") for h in prediction.hazards)
        want[first:last] = -2 if refused else np.arange(md.pfn, md.pfn + last - first)
    for hazard in prediction.hazards:
        if hazard.id == "bss-unmapped" and hazard.address is not None:  # devicemaps_init clears what map_kernel mapped
            want[hazard.address >> PAGE_SHIFT : -(-state.kernel.image_end >> 21) << 9] = -2
    if state.kernel.has("highmem"):  # pkmap's table replaces what is there, a bank below PHYS_OFFSET perhaps
        pkmap = state.kernel.pkmap_base >> PAGE_SHIFT
        want[pkmap : pkmap + 512] = -2
    wrong = np.flatnonzero((want != -2) & (want != mapped))
    assert not len(wrong), f"{int(wrong[0]) << 12:#x}: mapped to pfn {mapped[wrong[0]]}, wanted {want[wrong[0]]}"


def check_zones(prediction: Replay) -> None:
    """Zones follow one another, and together hold the RAM that is left."""
    stage = prediction.stage("bootmem_init")
    assert stage is not None
    zones = prediction.state.zones
    for zone in zones:
        assert 0 <= zone.start_pfn <= zone.end_pfn
        assert 0 <= zone.managed <= zone.present
        if prediction.state.kernel.has("zones_by_max_pfn") or zone.name != "HighMem":
            assert zone.present <= zone.end_pfn - zone.start_pfn
    for zone, following in pairwise(zones):
        assert zone.end_pfn <= following.start_pfn
    memory = sum(
        max((base + size >> PAGE_SHIFT) - -(-base >> PAGE_SHIFT), 0) for base, size, _ in stage.memblock.memory.regions
    )
    assert sum(zone.present for zone in zones) <= memory
    values = stage.vars
    assert values.min_low_pfn <= values.max_low_pfn
    limit = state_va(prediction, values.arm_lowmem_limit)
    if prediction.state.kernel.has("lowmem_limit_from_banks"):
        assert values.high_memory == limit
    else:  # in the recordings of 2.6.38 and 2.6.39 it ends with the last bank, the limit does not
        assert values.high_memory <= limit


def overlapping_banks(prediction: Replay) -> bool:
    """Whether struct meminfo has RAM twice: then the counts that are made of it contradict one another."""
    banks = sorted((bank.start, bank.end) for bank in prediction.state.meminfo)
    return any(end > start for (_, end), (start, _) in pairwise(banks))


def state_va(prediction: Replay, address: int) -> int:
    """The linear map's address of a physical one."""
    state = prediction.state
    return (address - state.handover.phys_offset + state.kernel.page_offset) & 0xFFFFFFFF


def check_provenance(prediction: Replay) -> None:
    """Every mapping, bank and region can say where it comes from, down to an input."""
    for md in prediction.state.maps:
        assert md.origin is not None, f"{md} comes from nowhere"
        _check_chain(md.origin)
    for bank in prediction.state.banks:
        root = bank.origin.root
        from_input = root.rule in ("device tree", "ATAG list")  # else the kernel's own knowledge
        assert from_input or root.rule in ("machine", "default_tags")
        assert (root.offset is not None) == from_input
    memblock = prediction.stages[-1].memblock if prediction.stages else prediction.state.memblock
    for regions in (memblock.memory.regions, memblock.reserved.regions):
        for base, size, _ in regions:
            for address in (base, base + size - 1):
                owners = memblock.owners(address)
                assert owners
                assert isinstance(owners[-1].origin, Origin)
                _check_chain(owners[-1].origin)


def _check_chain(origin: Origin) -> None:
    links = list(origin.chain())
    assert len(links) < 12
    assert all(link.rule and link.text for link in links)
