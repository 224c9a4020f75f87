"""What real kernels said on their consoles about memory, against the prediction.

With memblock=debug a kernel names every call of memblock, in order, with its addresses: a check of each reservation on
the way, where the recorded memory has only what became of them all.  It is also all that is known of the reserved list
of Linux 4.9.
"""

from __future__ import annotations

import re

import pytest
from support.recordings import NAMES, Case, case

from bootmap.units import PAGE_SHIFT, PAGE_SIZE, align_down, align_up

_CALL = re.compile(r"\s*_*memblock_(?P<name>reserve|add|remove|free|phys_free|free_early): \[(0x\w+)-(0x\w+)\]")
_ROW = re.compile(r" (memory|reserved)\[0x\w+\]\t\[(0x\w+)-0x\w+\], (0x\w+) bytes(?: flags: (0x\w+))?")
_TOTALS = re.compile(r" memory size = (0x\w+)(?: reserved size = (0x\w+))?")
_ZONE = re.compile(r"  (DMA|Normal|HighMem) +(?:empty|\[mem (0x\w+)-(0x\w+)\])")
_NODE = re.compile(r"  node   0: \[mem (0x\w+)-(0x\w+)\]")
_PAGES = re.compile(r"  (DMA|Normal|HighMem) zone: (\d+) pages, LIFO")
_MEMMAP = re.compile(r"  (DMA|Normal|HighMem) zone: (\d+) pages used for memmap")
_CMA = re.compile(
    r"(?:cma: (?:CMA: )?[Rr]eserved|Reserved memory: created CMA memory pool at) ?(?:(\d+) MiB at )?(\w+)"
)

# The first line that bootmem_init or what follows it prints; resources are the first to be aligned to a cache line.
_AFTER_PAGING_INIT = re.compile(r"Zone ranges:|On node \d|memblock_alloc\w*: \d+ bytes align=0x40 ")
# Those whose allocations come after that line and still belong to paging_init, by the line that announces them.
_FREE_AREA_INIT = re.compile(
    r"memblock_\w*alloc\w*: .* (alloc_node_mem_map|memmap_alloc|sparse_init_nid|free_area_init(_node|_core)?|"
    r"setup_usemap|zone_wait_table_init)[+.]"
)
_ANNOUNCED = re.compile(r"memblock_\w*alloc\w*: \d+ bytes ")
_PRINTED_AS = {"add": "add", "remove": "remove", "reserve": "reserve", "alloc_range": "reserve", "free": "free"}
# mm/memblock.c of 3.2.71 and 3.3, 3.18 and 4.1, 4.17 and 4.19: since when a call is logged; up to 3.12 a range was
# printed with the address behind it.
_LOGGED_SINCE = {"reserve": (3, 3), "free": (3, 3), "add": (4, 1), "remove": (4, 19)}
_CLOSED_SINCE = (3, 14)

_MEMORY = re.compile(r"Memory: \d+K/(\d+)K available .*?(?:(\d+)K cma-reserved)?(?:, (\d+)K highmem)?\)")

LOGGED = [name for name in NAMES if any("MEMBLOCK configuration" in line for line in case(name).log)]
ZONED = [name for name in NAMES if any(map(_ZONE.match, case(name).log))]
COUNTED = [name for name in NAMES if any(map(_PAGES.match, case(name).log))]
SUMMED = [name for name in NAMES if any(map(_MEMORY.match, case(name).log))]
SAID = [name for name in NAMES if case(name).log]

Call = tuple[str, int, int]


def recorded_calls(recorded: Case) -> list[Call]:
    """Every change of memblock that was announced before paging_init returned: (call, first byte, last byte)."""
    calls: list[Call] = []
    ours, mapped = True, False
    nameless = not any(_CALL.match(line) and "+0x" in line for line in recorded.log)
    for line in recorded.log:
        if nameless:  # without CONFIG_KALLSYMS no line says who called; such a log was read as paging_init returned
            ours = True
        elif _FREE_AREA_INIT.match(line):
            ours, mapped = recorded.prediction.state.kernel.has("free_area_in_paging_init"), True
        elif _AFTER_PAGING_INIT.match(line) or (mapped and _ANNOUNCED.match(line)):
            ours = False
        if ours and (match := _CALL.match(line)):
            name = "free" if "free" in match["name"] else match["name"]
            behind = recorded.prediction.state.kernel.version < _CLOSED_SINCE
            calls.append((name, int(match[2], 16), int(match[3], 16) - behind))
    return calls


def predicted_calls(recorded: Case) -> list[Call]:
    """The same from the prediction, from memblock=debug on."""
    prediction = recorded.prediction
    assert prediction.state.memblock_debug
    last = prediction.stage("paging_init")
    log = list((last.memblock if last else prediction.state.memblock).log)[prediction.state.memblock_debug_from :]
    return [
        (_PRINTED_AS[op.name], op.base, op.base + op.size - 1)
        for op in log
        if op.name in _PRINTED_AS
        and not (op.name == "alloc_range" and not op.result)
        and prediction.state.kernel.version >= _LOGGED_SINCE[_PRINTED_AS[op.name]]
    ]


def shown(calls: list[Call]) -> list[str]:
    return [f"{name} {first:#x}-{last:#x}" for name, first, last in calls]


@pytest.mark.parametrize("name", LOGGED)
def test_memblock_calls_in_order(name: str) -> None:
    recorded = case(name)
    want, got = shown(recorded_calls(recorded)), shown(predicted_calls(recorded))
    if "outcome" in recorded.doc:  # one may go on a little where the other has ended
        got, want = got[: len(want)], want[: len(got)]
    assert got == want
    assert len(want) >= 2 or recorded.prediction.state.kernel.version < _LOGGED_SINCE["reserve"]


@pytest.mark.parametrize("name", LOGGED)
def test_memblock_configuration(name: str) -> None:
    """The lists at the end of arm_memblock_init, as the kernel dumped them; Linux 4.9's reserved list too."""
    recorded = case(name)
    rows = [match for line in recorded.log if (match := _ROW.match(line))]
    totals = next(match for line in recorded.log if (match := _TOTALS.match(line)))
    stage = recorded.prediction.stage("arm_memblock_init")
    assert stage is not None
    for kind, total in (("memory", totals[1]), ("reserved", totals[2])):
        want = [(int(row[2], 16), int(row[3], 16), int(row[4] or "0", 16)) for row in rows if row[1] == kind]
        got = getattr(stage.memblock, kind).regions
        assert got == [row for row in want if row[1]]  # an empty list is dumped as one region of no bytes
        assert total is None or sum(size for _, size, _ in got) == int(total, 16)


@pytest.mark.parametrize("name", ZONED)
def test_zone_ranges(name: str) -> None:
    recorded = case(name)
    want = {}
    for line in recorded.log:
        if match := _ZONE.match(line):
            want[match[1]] = (int(match[2], 16), int(match[3], 16) + 1) if match[2] else None
    got = {
        zone.name: (zone.start_pfn << PAGE_SHIFT, zone.end_pfn << PAGE_SHIFT) if zone.end_pfn > zone.start_pfn else None
        for zone in recorded.prediction.state.zones
    }
    assert got == want


@pytest.mark.parametrize("name", ZONED)
def test_node_ranges(name: str) -> None:
    """RAM as the page allocator gets to know it."""
    recorded = case(name)
    want = [(int(m[1], 16), int(m[2], 16) + 1) for line in recorded.log if (m := _NODE.match(line))]
    stage = recorded.prediction.stage("bootmem_init")
    assert stage is not None
    regions = stage.memblock.memory.regions
    assert [(align_up(base, PAGE_SIZE), align_down(base + size, PAGE_SIZE)) for base, size, _ in regions] == want


@pytest.mark.parametrize("name", COUNTED)
def test_pages_present_in_zones(name: str) -> None:
    recorded = case(name)
    want = {match[1]: int(match[2]) for line in recorded.log if (match := _PAGES.match(line))}
    if recorded.prediction.state.kernel.version < (3, 8):  # without those of mem_map: 3.6.11's log, not 3.8.0's
        for line in recorded.log:
            if match := _MEMMAP.match(line):
                want[match[1]] += int(match[2])
    got = {zone.name: zone.present for zone in recorded.prediction.state.zones if zone.present}
    if "outcome" in recorded.doc:  # it may have ended between two zones
        got = {zone: pages for zone, pages in got.items() if zone in want}
    assert got == want


@pytest.mark.parametrize("name", SUMMED)
def test_memory_in_all(name: str) -> None:
    recorded = case(name)
    total, contiguous, highmem = next(match for line in recorded.log if (match := _MEMORY.match(line))).groups()
    state = recorded.prediction.state
    present = {zone.name: zone.present << PAGE_SHIFT >> 10 for zone in state.zones}
    assert sum(present.values()) == int(total)
    if highmem is not None:
        high = next((zone for zone in state.zones if zone.name == "HighMem"), None)  # what is reserved is not counted
        assert (high.managed << PAGE_SHIFT >> 10 if high else 0) == int(highmem)
    if contiguous is not None:
        assert sum(area.size for area in state.cma_areas) >> 10 == int(contiguous)


@pytest.mark.parametrize("name", SAID)
def test_contiguous_areas(name: str) -> None:
    recorded = case(name)
    want = [int(match[2], 16) for line in recorded.log if (match := _CMA.match(line))]
    assert [area.base for area in recorded.prediction.state.cma_areas] == want


@pytest.mark.parametrize("name", SAID)
def test_cache_policy(name: str) -> None:
    recorded = case(name)
    (line,) = (line for line in recorded.log if line.startswith("Memory policy"))
    mem_types = recorded.prediction.state.mem_types
    assert mem_types is not None
    assert line.endswith(f"Data cache {mem_types.policy}")


def test_logs_are_all_there() -> None:
    assert (len(LOGGED), len(ZONED), len(COUNTED), len(SUMMED), len(SAID)) == (207, 122, 114, 89, 259)
