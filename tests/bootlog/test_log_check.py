"""Judging logs of recorded boots: nothing is contradicted in them, and everything is where a value is changed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.recordings import NAMES, Case

from bootmap.api.logs import verify_log as check_logs
from bootmap.boot.trace import Outcome, Verdict
from bootmap.bootlog.check import Checker, check_log, checker_of
from bootmap.bootlog.judgement import Judged, Judgement
from bootmap.bootlog.log import read_log
from bootmap.bootlog.predict import areas_of

if TYPE_CHECKING:
    from pathlib import Path

    from bootmap.bootlog.log import Log

_LOGGED = [name for name in NAMES if any(line.strip() for line in Case(name).doc.get("log", ()))]


@cache
def recorded(name: str) -> Case:
    return Case(name)


def checker(name: str, log: Log) -> Checker:
    prediction = recorded(name).prediction
    return checker_of(prediction, areas_of(prediction), log)


def check(name: str, text: str) -> list[Judged]:
    prediction = recorded(name).prediction
    return check_log(prediction, areas_of(prediction), read_log(text))


def judged(name: str) -> list[Judged]:
    return check(name, "\n".join(recorded(name).log))


@pytest.mark.parametrize("name", _LOGGED)
def test_recorded_log_is_not_contradicted(name: str) -> None:
    rows = judged(name)
    assert [(row.text, row.log, row.ours) for row in rows if row.verdict is Judgement.CONTRADICTED] == []
    assert sum(row.verdict is Judgement.MATCHED for row in rows) >= 4


# kind -> the value to change, and by how much.
_CHANGES = {
    "call": ("start", 0x1000),
    "dump_row": ("size", 0x1000),
    "dump_totals": ("total", 0x1000),
    "dump_count": ("index", 1),
    "zone": ("last", 0x100000),
    "nodes": ("last", 0x100000),
    "initmem": ("start", 0x100000),
    "total": ("pages", 1),
    "memmap": ("pages", 1),
    "zone_pages": ("pages", 1),
    "all_pages": ("pages", 1),
    "memory": ("present", 4),
    "cma": ("base", 0x400000),
    "pool": ("mib", 4),
    "ignoring": ("last", 0x1000),
}


@pytest.mark.parametrize("kind", [*_CHANGES, "policy"])
def test_changed_value_is_contradicted(kind: str) -> None:
    """Each kind of line that is matched in some recording is contradicted once its value is another."""
    seen = 0
    for name in _LOGGED:
        log = read_log("\n".join(recorded(name).log))
        if not log.all(kind):
            continue
        first = checker(name, log)
        for said in log.all(kind):
            if first.judge(said).verdict is not Judgement.MATCHED:
                continue
            values = dict(said.values)
            if kind == "policy":
                values["name"] = "buffered"
            else:
                key, step = _CHANGES[kind]
                if key not in values:
                    continue
                values[key] = said.number(key) + step
            verdict = checker(name, log).judge(replace(said, values=values))
            if kind == "call" and verdict.verdict is Judgement.UNMODELLED:
                continue
            assert verdict.verdict is Judgement.CONTRADICTED, (name, said.text, values)
            assert verdict.log
            assert verdict.ours
            seen += 1
            break
        if seen >= 3:
            break
    assert seen, f"no recording has a line of the kind {kind}"


@pytest.mark.parametrize("key", ["start", "last", "to"])
def test_number_of_ram_given_up_is_compared(key: str) -> None:
    """A Versatile with 2.6.38: "Truncating RAM at 00000000-05ffffff to -053fffff (vmalloc region overlap)."."""
    name = "own-vers2638-506"
    log = read_log("\n".join(recorded(name).log))
    (said,) = log.all("truncating")
    assert checker(name, log).judge(said).verdict is Judgement.MATCHED
    other = replace(said, values={**said.values, key: said.number(key) + 1})
    assert checker(name, log).judge(other).verdict is Judgement.CONTRADICTED


@pytest.mark.parametrize("step", [-4, 4])
def test_free_highmem_is_compared(step: int) -> None:
    """Highmem that nothing has reserved, to the page; until then anything less than all of it was accepted."""
    seen = 0
    for name in _LOGGED[::4]:
        log = read_log("\n".join(recorded(name).log))
        rows = [said for said in log.all("memory") if "highmem" in said and said.number("highmem")]
        for said in rows:
            assert checker(name, log).judge(said).verdict is Judgement.MATCHED
            other = replace(said, values={**said.values, "highmem": said.number("highmem") + step})
            assert checker(name, log).judge(other).verdict is Judgement.CONTRADICTED
            seen += 1
    assert seen


@pytest.mark.parametrize(
    ("stage", "goes_on"), [("paging_init", True), ("memblock_free_all", False), ("populate_rootfs", False)]
)
def test_log_that_ends_before_the_memory_is_counted(stage: str, goes_on: bool) -> None:
    """As 6.1.176 that died in memblock_free_all: zones, then "Built 1 zonelists", no "Memory:"."""
    prediction = replace(recorded("virt-1024m-6.1").prediction, outcome=Outcome(Verdict.DIES, stage, "why"))
    text = "Built 1 zonelists, mobility grouping on.  Total pages: 260608\n"
    rows = check_log(prediction, areas_of(prediction), read_log(text))
    assert ("outcome" in [row.kind for row in rows]) is goes_on


def test_zone_in_the_words_of_old_kernels() -> None:
    """Up to 3.5 a zone was a range of page frame numbers with an open end."""
    name = next(name for name in _LOGGED if any("  Normal   [mem" in line for line in recorded(name).log))
    zone = next(said for said in read_log("\n".join(recorded(name).log)).all("zone") if said.word("name") == "Normal")
    first, last = zone.number("start") >> 12, (zone.number("last") + 1) >> 12
    for end, verdict in ((last, Judgement.MATCHED), (last + 1, Judgement.CONTRADICTED)):
        log = read_log(f"  Normal   {first:#010x} -> {end:#010x}\n")
        assert checker(name, log).judge(log.said[0]).verdict is verdict


def test_log_without_its_lost_ram_is_contradicted() -> None:
    name = next(name for name in _LOGGED if any("Ignoring RAM at" in line for line in recorded(name).log))
    lines = [line for line in recorded(name).log if "Ignoring RAM" not in line and "HIGHMEM enabled" not in line]
    banner = "Linux version 6.1.0 (builder) (gcc) #1 SMP"
    rows = check(name, "\n".join([banner, *lines]))
    (missing,) = [row for row in rows if row.verdict is Judgement.CONTRADICTED]
    assert missing.line == 0
    assert missing.text.startswith("Ignoring RAM at")


@pytest.mark.parametrize("head", ["Ignoring memory", "BUG: ", "Reserved memory: created", "cma: "])
def test_log_without_its_line_of_a_kind_is_contradicted(head: str) -> None:
    """A line that is predicted and that a log which goes on has not."""
    name = next(name for name in _LOGGED if any(head in line for line in recorded(name).log))
    banner = "Linux version 6.1.0 (builder) (gcc) #1 SMP"
    later = "Memory: 64K/64K available (1K kernel code, 1K rwdata, 1K rodata)"  # the log goes on for long enough
    lines = [banner, *recorded(name).log, later]
    whole = [row.text for row in check(name, "\n".join(lines)) if row.line == 0]
    without = check(name, "\n".join(line for line in lines if head not in line))
    missing = [row.text for row in without if row.line == 0 and row.verdict is Judgement.CONTRADICTED]
    assert not whole
    assert missing
    assert all(head in text for text in missing)


def test_allocation_elsewhere_in_paging_init_is_contradicted() -> None:
    """What paging_init allocates is predicted to the byte: a memblock_alloc_range_nid at another place is wrong."""
    name = next(name for name in _LOGGED if any("memblock_alloc_range_nid" in line for line in recorded(name).log))
    lines = list(recorded(name).log)
    at = next(i for i, line in enumerate(lines) if line.startswith("memblock_reserve") and "alloc_range_nid" in line)
    first = lines[at].split("[")[1].split("-")[0]
    lines[at] = lines[at].replace(first, f"{int(first, 16) - 0x2000:#010x}", 1)
    rows = check(name, "\n".join(lines))
    assert [row.line for row in rows if row.verdict is Judgement.CONTRADICTED] == [at + 1]


# Not what the tree and the log alone let one know: the snoop control unit of a Cortex-A9 in a UP machine, and the
# alignment of CMA areas by an option.
_NEEDS_CONFIGURATION = {"vexpress-a9-1g-6.12": 1, "virt-4096m-lpae-6.1": 1}
_PLAIN = [name for name in _LOGGED if not name.startswith(("fuzz", "own", "rand"))]


@pytest.mark.parametrize("name", _PLAIN)
def test_device_tree_and_log_are_enough(name: str, tmp_path: Path) -> None:
    """Without the kernel's configuration and System.map: both are made of what the log says."""
    case = recorded(name)
    board, log = tmp_path / "board.dtb", tmp_path / "dmesg.txt"
    board.write_bytes(case.board)
    log.write_text("\n".join(case.log))
    options = dict.fromkeys(("config", "system_map", "image", "cmdline", "cpus", "initrd", "phys_offset"))
    options |= dict.fromkeys(("load_addr", "machine_id"))
    report = check_logs(
        str(board),
        (str(log),),
        cpu=case.doc["qemu"]["cpu"],
        dtb_addr=case.doc["entry"]["r2"],
        version=case.prediction.state.kernel.version_text,
        features=(),
        static_maps=(),
        **options,
    )
    assert len(report.all(Judgement.CONTRADICTED)) == _NEEDS_CONFIGURATION.get(name, 0)
    assert report.count(Judgement.MATCHED) >= 3
    assert any("what the log tells" in text for text in report.assumptions)


# The same, a node of no memory, and areas that are placed where a configuration says.
_NEEDS_MORE = {"virt-1g-nomem-6.1": 4, "virt-4096m-lpae-6.1": 3, "vexpress-a9-1g-6.12": 1, "raspi2b-init-6.12": 1}


@pytest.mark.parametrize("name", _PLAIN)
def test_log_is_nearly_enough(name: str, tmp_path: Path) -> None:
    """Without the device tree too: banks, the blob's place and what is reserved are made of memblock's own lines."""
    case = recorded(name)
    log = tmp_path / "dmesg.txt"
    log.write_text("\n".join(case.log))
    version = case.prediction.state.kernel.version_text
    report = check_logs(None, (str(log),), cpu=case.doc["qemu"]["cpu"], version=version)
    assert len(report.all(Judgement.CONTRADICTED)) == _NEEDS_MORE.get(name, 0)
    assert report.count(Judgement.MATCHED) >= 3
