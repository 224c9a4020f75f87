"""Differences between tables: none between prediction and recording, and exactly the descriptor that was altered."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.recordings import DATA, NAMES, Case, case, kernel_files

from bootmap.analysis import diff
from bootmap.analysis.diff import AreaLayout, TableChange, classed, differences, linux_only
from bootmap.analysis.registers import linux_registers, stage_memory
from bootmap.facts.arm.permissions import Rights
from bootmap.mmu.bulk import Map, snapshot
from bootmap.mmu.memory import Chunks
from bootmap.mmu.regs import Regs
from bootmap.units import MIB, Span, align_up

BOOTED = [name for name in NAMES if "after" in case(name).doc]
LATE = [name for name in BOOTED if "late" in case(name).doc]
SHORT, LONG = "virt-1024m-6.1", "virt-1024m-lpae-6.1"


def recorded(name: str, moment: str = "after", altered: dict[int, bytes] | None = None) -> tuple[Map, Chunks]:
    """The map of a recording, with bytes at physical addresses replaced."""
    found = case(name)
    pages = {page: bytearray(data) for page, data in found.raw_pages(moment).items()}
    for address, data in (altered or {}).items():
        page = next(page for page in pages if page <= address < page + len(pages[page]))
        pages[page][address - page : address - page + len(data)] = data
    memory = Chunks({page: bytes(data) for page, data in pages.items()})
    return snapshot(memory, linux_registers(found.prediction)), memory


def layout(found: Case) -> AreaLayout:
    state = found.prediction.state
    kernel = state.kernel
    image = Span(kernel.page_offset, align_up(kernel.image_end, 2 * MIB))
    pkmap = Span(kernel.page_offset - 2 * MIB, kernel.page_offset)
    fixmap = Span(kernel.fixaddr_start, align_up(kernel.fixaddr_top, 2 * MIB))
    areas = [(state.va(area.base), area.size) for area in state.cma_areas]
    coherent = tuple(Span(start, start + size) for start, size in areas)
    return AreaLayout(kernel.page_offset, state.vars.high_memory, image, pkmap, fixmap, coherent)


@pytest.mark.parametrize("name", BOOTED)
def test_prediction_and_recording_do_not_differ(name: str) -> None:
    prediction = case(name).prediction
    if any(hazard.luck and hazard.stage == "bootmem_init" for hazard in prediction.hazards):
        pytest.skip("the page allocator wrote over these tables")
    stage = prediction.stage("paging_init")
    assert stage is not None
    memory = stage_memory(prediction, stage)
    predicted = snapshot(memory, linux_registers(prediction))
    kernel = recorded(name)
    assert differences(predicted, kernel[0], granule=True) == []
    assert differences(kernel[0], predicted) == []
    if not predicted.regime.long:
        assert linux_only((predicted, memory), kernel) == []


@pytest.mark.parametrize("name", LATE)
def test_what_a_kernel_does_until_init_runs_is_expected(name: str) -> None:
    """The permissions of its own image and what drivers map, nothing else."""
    found = list(classed(differences(recorded(name)[0], recorded(name, "late")[0]), layout(case(name))))
    assert found
    assert [change for change in found if change.altered] == []


def only(name: str, altered: dict[int, bytes]) -> TableChange:
    (change,) = classed(differences(recorded(name)[0], recorded(name, altered=altered)[0]), layout(case(name)))
    return change


def pgd_address(name: str, va: int) -> int:
    return int(case(name).doc["after"]["tables"]["pgd"]["pa"]) + (va >> 20) * 4


def pgd_word(name: str, va: int) -> int:
    address = pgd_address(name, va)
    page = case(name).pages("after")[address & ~0xFFF]
    return int.from_bytes(page[address & 0xFFF : (address & 0xFFF) + 4], "little")


@pytest.mark.parametrize(
    ("va", "flip", "kind", "gained"),
    [
        (0xC2000000, 1 << 4, "rights", Rights.PRIV_EXECUTE),  # XN (DDI 0406C B3.5.1)
        (0xD0000000, 1 << 11, "rights", Rights.USER_READ | Rights.USER_WRITE),  # AP[1]
        (0xC0300000, 0x00100000, "moved", Rights(0)),  # base address
        (0xC8000000, 1 << 12 | 1 << 3 | 1 << 2, "memory type", Rights(0)),  # TEX, C, B: to strongly ordered
    ],
)
def test_altered_section(va: int, flip: int, kind: str, gained: Rights) -> None:
    """One bit of a section of lowmem turned by hand is found, with its MiB and nothing around it."""
    word = pgd_word(SHORT, va)
    assert word & 3 == 2  # a section
    change = only(SHORT, {pgd_address(SHORT, va): (word ^ flip).to_bytes(4, "little")})
    assert (change.va, change.size, change.kinds) == (va, MIB, (kind,))
    assert change.altered
    assert change.before is not None
    assert change.after is not None
    assert change.after.attributes.rights & ~change.before.attributes.rights == gained


def test_altered_section_removed_and_added() -> None:
    gone = only(SHORT, {pgd_address(SHORT, 0xD0000000): bytes(4)})
    assert (gone.va, gone.size, gone.kinds, gone.altered) == (0xD0000000, MIB, ("removed",), True)
    word = (0x40300000 | pgd_word(SHORT, 0xD0000000) & 0xFFFFF).to_bytes(4, "little")
    alias = only(SHORT, {pgd_address(SHORT, 0xF5000000): word})
    assert (alias.va, alias.kinds, alias.area) == (0xF5000000, ("added",), "vmalloc")


def test_linux_half_alone() -> None:
    """Linux's word of the vectors page says writable, the hardware's is as before."""
    before = recorded(SHORT)
    table = next(table for table in before[0].tables if table.level == 2 and table.va == 0xFFF00000)
    at = table.pa - 2048 + 0xF0 * 4
    word = int.from_bytes(before[1].read(at, 4), "little")
    after = recorded(SHORT, altered={at: (word ^ 1 << 7).to_bytes(4, "little")})  # L_PTE_RDONLY
    assert differences(before[0], after[0]) == []
    (change,) = linux_only(before, after)
    assert (change.va, change.kinds) == (0xFFFF0000, ("Linux half",))


def test_granule() -> None:
    """2 MiB by one block or by 512 pages: told only where it is asked for."""
    regs = Regs(arch="v7lpae", sctlr=0xC5387D, ttbcr=1 << 31, ttbr0=0x1000, mair0=0xFF440400)
    block = 0x80000000 | 1 << 10 | 3 << 8 | 1
    pages = b"".join((0x80000000 + at * 4096 | 1 << 10 | 3 << 8 | 3).to_bytes(8, "little") for at in range(512))
    root = (0x2003).to_bytes(8, "little") + bytes(24)
    one = snapshot(Chunks({0x1000: root, 0x2000: block.to_bytes(8, "little") + bytes(4088)}), regs)
    two = snapshot(Chunks({0x1000: root, 0x2000: (0x3003).to_bytes(8, "little") + bytes(4088), 0x3000: pages}), regs)
    assert differences(one, two) == []
    (change,) = differences(one, two, granule=True)
    assert (change.va, change.size, change.kinds) == (0, 2 * MIB, ("granule",))


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=64), st.binary(min_size=1, max_size=64))
def test_garbage(first: bytes, second: bytes) -> None:
    """Any bytes: changes come in order, do not overlap, and there are none between a map and itself."""
    regs = Regs(arch="v7", ttbr0=0x4000, sctlr=0xC5387D)
    maps = [snapshot(Chunks({0x4000: (data * 16384)[:16384]}), regs) for data in (first, second)]
    found = differences(*maps)
    assert all(one.end <= other.va for one, other in pairwise(found))
    assert differences(maps[0], maps[0], granule=True) == []


def test_command() -> None:
    """The exit code is a finding's, and the summary counts."""
    config, system_map = kernel_files("deb-6.1")
    recording = str(DATA / "cases" / "virt-1g-init-6.1.json.gz")
    line = [sys.executable, "-m", "bootmap", "diff", recording, recording, "--config", str(config)]
    line += ["--system-map", str(system_map)]
    same = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (same.returncode, same.stdout.splitlines()[0]) == (0, "no difference")
    late = subprocess.run([*line, "--state-b", "late"], capture_output=True, text=True, check=False)
    assert late.returncode == 1
    assert late.stdout.startswith("0 altered, ")
    altered = subprocess.run(
        [*line, "--state-b", "late", "--altered-only"], capture_output=True, text=True, check=False
    )
    assert altered.returncode == 0


@pytest.mark.parametrize("names", [(SHORT, LONG), (LONG, SHORT), (BOOTED[0], BOOTED[-1])])
def test_windows_make_no_difference(names: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Large maps are compared a part of the address space at a time, and what goes on across an edge is one change."""
    one, other = (recorded(name)[0] for name in names)
    whole = differences(one, other)
    monkeypatch.setattr(diff, "_AT_ONCE", 1)
    assert differences(one, other) == whole


@pytest.mark.parametrize("name", [SHORT, LONG])
def test_ranges_of_windows_are_all_ranges_cut(name: str) -> None:
    found = recorded(name)[0]
    for start in range(0, 1 << 32, 0x1234_5000):
        window = Span(start, min(start + 0x1234_5000, 1 << 32))
        parts, whole = found.ranges_in(window), found.ranges().within(window)
        assert [(one.va, one.size, one.pa, one.attributes) for one in parts] == [
            (one.va, one.size, one.pa, one.attributes) for one in whole
        ]
