"""Every recorded boot of a real kernel, aspect by aspect and byte for byte.

``before`` is the entry of paging_init, ``after`` its return, ``late`` a running system.  What the consoles said is
compared in test_recorded_logs.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.recordings import NAMES, Case, Regions, case
from support.words import as_words, decoded, frames, place

from bootmap.analysis.registers import linux_registers
from bootmap.boot.trace import Verdict
from bootmap.units import PAGE_SHIFT

if TYPE_CHECKING:
    from bootmap.boot.sequence import Snapshot

IN, OUT, LATE = "adjust_lowmem_bounds", "paging_init", "mark_rodata_ro"

BOOTED = [name for name in NAMES if "after" in case(name).doc]
DIED = [name for name in NAMES if "outcome" in case(name).doc]
LATE_NAMES = [name for name in NAMES if "late" in case(name).doc]
READABLE = [name for name in NAMES if not case(name).reserved_is_unreadable]
MISREAD = [name for name in NAMES if case(name).reserved_is_unreadable]
BIG_ENDIAN = [name for name in NAMES if case(name).big_endian]
SHOWN = 4  # differences that a message names


def reached(recorded: Case, name: str) -> Snapshot:
    stage = recorded.prediction.stage(name)
    assert stage is not None, f"the prediction ends before {name}: {recorded.prediction.outcome}"
    return stage


def predicted(recorded: Case, stage: Snapshot, kind: str) -> Regions:
    regions: Regions = getattr(stage.memblock, kind).regions
    if not regions and recorded.prediction.state.kernel.has("memblock_dummy_region"):
        return [(0, 0, 0)]  # an empty list counts one region of no bytes there
    return regions


def differences(recorded: Case, moment: str, stage: Snapshot) -> str:
    """The words that differ from the recording, the first ones decoded and with their writers; "" for none."""
    tables = recorded.prediction.state.tables
    root = recorded.doc[moment]["tables"]["pgd"]["pa"]
    if tables.root != root:
        return f"the page directory is at {root:#x}, predicted at {tables.root:#x}"
    want = as_words(recorded.pages(moment), long=recorded.long)
    got = recorded.prediction.tables_at(stage)
    pages = {address: got[address] for address in sorted(got)}
    wrong: list[str] = []
    count = 0
    for address, words in sorted(want.items()):
        mine = pages.get(address, np.zeros_like(words))
        if len(mine) > len(words):  # of the first page of the long format only the words in use were recorded
            assert not np.any(mine[len(words) :])
            mine = mine[: len(words)]
        for index in np.flatnonzero(words != mine):
            count += 1
            if len(wrong) < SHOWN:
                at = address + int(index) * words.itemsize
                what, level, va = place(want, root, at, long=recorded.long)
                lines = [
                    f"  {at:#x}, {what} for {va:#x}: recorded {decoded(level, int(words[index]))}",
                    f"    predicted {decoded(level, int(mine[index]))}",
                ]
                for cause, word in tables.writers(at, stage.mark):
                    lines.append(
                        f"    written {word:#x} by {cause.stage}: {cause.kind}, {cause.map_desc or cause.origin}"
                    )
                wrong.append("\n".join(lines))
    surplus = [hex(address) for address in pages if address not in want]
    if surplus:
        wrong.append(f"  predicted tables that the kernel does not have: {', '.join(surplus)}")
    return "\n".join([f"{count} words differ after {stage.name}:", *wrong]) if wrong else ""


# -- the verdict ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_boot_verdict(name: str) -> None:
    """True or False as it was; None only where going on is luck, whatever came of it.

    Most recordings end where paging_init returns: of a death behind that they say no more than that it came so far.
    """
    recorded, outcome = case(name), case(name).prediction.outcome
    if outcome.verdict is Verdict.UNCERTAIN:
        assert recorded.is_luck, f"a verdict is due: {outcome}"
    elif outcome.verdict is Verdict.DIES and recorded.prediction.stage("paging_init") is not None:
        assert name in BOOTED
        assert "late" not in recorded.doc
    else:
        assert outcome.verdict.boots == (name in BOOTED), f"{outcome}; kernel: {recorded.doc.get('outcome')}"
    assert not (outcome.verdict is Verdict.BOOTS and recorded.is_luck), "whether it goes on is luck"
    assert outcome.all_well == (outcome.stage is None) == (outcome.reason is None)
    assert any(hazard.fatal for hazard in recorded.prediction.hazards) == (outcome.verdict is Verdict.DIES)


BUGS = {"mark_bootmem": "reserved-below-ram"}
"""Functions with a BUG(), an undefined instruction, by what leads to it."""


@pytest.mark.parametrize("name", DIED)
def test_boot_dies_where_the_kernel_died(name: str) -> None:
    """The first exception that was recorded agrees with the hazard that is named."""
    recorded = case(name)
    outcome = recorded.prediction.outcome
    assert outcome.stage is not None
    first = recorded.doc["outcome"].get("first_exceptions", [""])[0]
    named = next(hazard for hazard in recorded.prediction.hazards if hazard.message == outcome.reason)
    if first.startswith("Prefetch Abort"):
        # What the TLB still holds decides whether the kernel comes to the end that the outcome names.
        named = next(hazard for hazard in recorded.prediction.hazards if hazard.id == "text-unmapped")
        lost = int(first.rsplit(" ", 1)[1], 16)
        stage = reached(recorded, named.stage)
        mapped = frames(recorded.prediction.tables_at(stage), recorded.prediction.state.tables.root, long=recorded.long)
        assert mapped[lost >> PAGE_SHIFT] == -1, f"{lost:#x} is still mapped after {named.stage}"
    elif first == "Undefined Instruction":
        function = recorded.doc["outcome"]["lr"].partition(" ")[2].partition("+")[0]
        assert named.id == BUGS.get(function, "pmd-bad")
    elif named.id == "map-io-unmapped":
        assert first == f"Data Abort DFSR 0x5 DFAR {named.address:#x}"
    else:
        assert outcome.verdict is Verdict.DIES


# -- memblock ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_memblock_on_entry_to_paging_init(name: str) -> None:
    recorded = case(name)
    want, stage = recorded.doc["before"]["memblock"], reached(recorded, IN)
    assert predicted(recorded, stage, "memory") == recorded.regions("before", "memory")
    assert stage.memblock.current_limit == want["current_limit"]
    assert stage.memblock.bottom_up == bool(want["bottom_up"])
    if not recorded.reserved_is_unreadable:
        assert predicted(recorded, stage, "reserved") == recorded.regions("before", "reserved")


@pytest.mark.parametrize("name", MISREAD)
def test_memblock_reserved_of_linux_4_9(name: str) -> None:
    """Linux 4.9's struct memblock_type has no ``name``: the recorder took each field from the word behind it.

    So cnt holds max, max the total size, the total a pointer into the kernel, and the regions were read from elsewhere:
    the total is all that is known of the list here.  The console names the regions: test_recorded_logs.py.
    """
    recorded = case(name)
    reserved = recorded.doc["before"]["memblock"]["reserved"]
    symbols = recorded.doc["symbols"]
    assert recorded.key == "old49"
    assert reserved["cnt"] == len(reserved["regions"]) == 128
    assert symbols["_stext"] < reserved["total"] < symbols["_end"]
    assert {tuple(region) for region in reserved["regions"]} == {(0, 0, 0)}
    stage = reached(recorded, IN)
    assert sum(size for _, size, _ in stage.memblock.reserved.regions) == reserved["max"]


@pytest.mark.parametrize("name", sorted(set(READABLE) - {n for n in NAMES if n.startswith("old49")}))
def test_recordings_are_readable(name: str) -> None:
    """No other list is broken: the counts and totals that the kernel keeps are those of the regions."""
    for moment in ("before", "after"):
        for kind in ("memory", "reserved"):
            if moment in case(name).doc:
                found = case(name).doc[moment]["memblock"][kind]
                assert found["cnt"] == len(found["regions"])
                assert found["total"] == sum(size for _, size, _ in found["regions"])


@pytest.mark.parametrize("name", BOOTED)
def test_memory_after_paging_init(name: str) -> None:
    recorded = case(name)
    stage = reached(recorded, OUT)
    assert predicted(recorded, stage, "memory") == recorded.regions("after", "memory")
    assert stage.memblock.current_limit == recorded.doc["after"]["memblock"]["current_limit"]


@pytest.mark.parametrize("name", [name for name in BOOTED if name in READABLE])
def test_reserved_after_paging_init(name: str) -> None:
    """To the byte: with what bootmem_init allocates for the page allocator."""
    recorded = case(name)
    assert predicted(recorded, reached(recorded, OUT), "reserved") == recorded.regions("after", "reserved")


# -- page tables ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_tables_on_entry_to_paging_init(name: str) -> None:
    found = differences(case(name), "before", reached(case(name), IN))
    assert not found, found


@pytest.mark.parametrize("name", BOOTED)
def test_tables_after_paging_init(name: str) -> None:
    found = differences(case(name), "after", reached(case(name), OUT))
    assert not found, found


@pytest.mark.parametrize("name", BIG_ENDIAN)
def test_table_bytes_of_a_big_endian_kernel(name: str) -> None:
    """As they lie in memory: CONFIG_CPU_ENDIAN_BE8 turns every word round."""
    recorded = case(name)
    tables = recorded.doc["after"]["tables"]
    mine = recorded.prediction.table_bytes_at(reached(recorded, OUT))
    first = bytes.fromhex(tables["pgd"]["hex"])
    assert b"".join(mine[tables["pgd"]["pa"] + at] for at in range(0, len(first), 4096)) == first
    for address, text in tables["pte"].items():
        assert mine[int(address, 16)] == bytes.fromhex(text)
    assert "cr=12c5387d" in recorded.log[2]  # SCTLR.EE
    assert linux_registers(recorded.prediction).sctlr == 0x12C5387D


@pytest.mark.parametrize("name", LATE_NAMES)
def test_tables_of_lowmem_once_init_runs(name: str) -> None:
    """All sections of lowmem, the image with its final permissions among them.

    Pages are left out: drivers have changed the attributes of contiguous memory by then.
    """
    recorded = case(name)
    stage, long = reached(recorded, LATE), recorded.long
    tables, root = recorded.prediction.state.tables, recorded.doc["late"]["tables"]["pgd"]["pa"]
    want, got = as_words(recorded.pages("late"), long=long), recorded.prediction.tables_at(stage)
    size = 2 << 20 if long else 1 << 20
    compared = 0
    for va in range(recorded.doc["page_offset"], recorded.prediction.state.vars.high_memory, size):
        at = recorded.prediction.state.descriptor_address(va)
        index = at % 4096 // tables.word_bytes
        mine, theirs = int(got[at & -4096][index]), int(want[at & -4096][index])
        in_image = va < recorded.doc["symbols"]["_end"]
        if mine & 3 == (1 if long else 2) or in_image:
            _, level, _ = place(want, root, at, long=long)
            assert mine == theirs, f"{va:#x}: recorded {decoded(level, theirs)}, predicted {decoded(level, mine)}"
            compared += 1
    assert compared > 100


# -- variables -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOOTED)
def test_variables_after_paging_init(name: str) -> None:
    recorded = case(name)
    values = reached(recorded, OUT).vars
    want = {key: value for key, value in recorded.doc["vars"].items() if value is not None}
    assert {key: getattr(values, key) for key in want} == want
    assert len(want) >= 4  # before 3.0 some do not exist yet


def test_recordings_are_all_there() -> None:
    assert (len(NAMES), len(BOOTED), len(DIED), len(LATE_NAMES), len(MISREAD)) == (315, 274, 41, 5, 7)
