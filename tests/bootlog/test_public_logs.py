"""Sixty boot logs of real boards, from StrongARM to Cortex-A73: what they say is what is predicted.

Without their device trees: the banks, the CPU and the command line are what the log itself tells.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.public_logs import DOCS, INDEX, PAGES, block, explained, path, report, version

from bootmap.api.logs import verify_log as check_logs
from bootmap.bootlog.judgement import Judgement
from bootmap.bootlog.log import read_log
from bootmap.facts.arm.cpus import cpu_by_midr

_EXPLAINED = [name for name in INDEX if INDEX[name].get("contradicted")]


@pytest.mark.parametrize("name", INDEX)
def test_log_is_what_is_predicted(name: str) -> None:
    entry, found = INDEX[name], report(name)
    unexplained = [row for row in found.all(Judgement.CONTRADICTED) if explained(name, row.text) is None]
    assert not unexplained
    assert found.count(Judgement.MATCHED) >= entry["matched"]
    assert found.count(Judgement.UNMODELLED) <= entry["unmodelled"]
    assert found.outcome.startswith(entry.get("ends", "")), "the boot ends where the log shows that it does"
    assert bool(found.outcome) == ("ends" in entry)


@pytest.mark.parametrize("name", _EXPLAINED)
def test_cause_of_contradiction_is_the_cause(name: str) -> None:
    """What an entry names as the cause makes each of its contradictions vanish, and each is still there without."""
    for entry in INDEX[name]["contradicted"]:
        wrong = [row.text for row in report(name).all(Judgement.CONTRADICTED)]
        assert all(any(text.startswith(start) for text in wrong) for start in entry["lines"])
        found = check_logs(None, (path(name),), **INDEX[name].get("options", {}), **entry["with"])
        left = [row.text for row in found.all(Judgement.CONTRADICTED)]
        assert not [text for text in left if explained(name, text) is entry]
        assert found.count(Judgement.MATCHED) > report(name).count(Judgement.MATCHED)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("dove-3.14.4-cubox", "to -2f7fffff", "to -2fffffff"),
        ("dove-3.14.4-cubox", "0xc0000000 - 0xef800000", "0xc0000000 - 0xf0000000"),
        ("fp5280g2-ast2500-5.15.50", "Ignoring RAM at 0x98000000", "Ignoring RAM at 0x97000000"),
        ("hi3518-3.0.8", "0xc3000000 - 0xfe000000", "0xc3800000 - 0xfe000000"),
        ("hi3518-3.0.8", "modules : 0xbf000000", "modules : 0xbf100000"),
        ("imx6q-4.1.15-smarc", "pkmap   : 0x", "pkmap   : 0x1"),
        ("bcm2835-3.6.11", "reserved 16 MiB at 1b000000", "reserved 16 MiB at 1ac00000"),
        ("bcm2835-3.6.11", "Total pages: 113792", "Total pages: 113791"),
        ("cubox-i-imx6q-3.14-rc6-a", "[0x0000003b7fd000-0x0000003b7fdfff]", "[0x0000003a7fd000-0x0000003a7fdfff]"),
    ],
)
def test_changed_log_is_not_matched_there(name: str, old: str, new: str, tmp_path: Path) -> None:
    """What the logs match, they match for a reason: with another number the line is matched no longer."""
    text = Path(path(name)).read_text()
    assert text.count(old) >= 1
    changed = tmp_path / "changed.log"
    changed.write_text(text.replace(old, new))
    found = check_logs(None, (str(changed),), **INDEX[name].get("options", {}))
    assert found.count(Judgement.MATCHED) < report(name).count(Judgement.MATCHED)


def test_logs_are_many_and_different() -> None:
    assert len(INDEX) >= 60
    assert sum(report(name).count(Judgement.MATCHED) for name in INDEX) >= 450
    versions = {version(entry["kernel"]) for entry in INDEX.values()}
    assert {major for major, _ in versions} == {2, 3, 4, 5, 6}
    assert len(versions) >= 25
    lines = [read_log(Path(path(name)).read_text()).first("cpu") for name in INDEX]
    cpus = [said for said in lines if said is not None]
    assert all(cpu_by_midr(said.number("midr")) for said in cpus)
    kinds = {said.word("name").split(" ")[0] if "v6" in said.word("name") else said.word("arch")[:5] for said in cpus}
    assert kinds >= {"ARMv4", "ARMv5", "ARMv6-compatible", "ARMv7"}
    families = {re.split(r"[ /]", entry["soc"])[0] for entry in INDEX.values()}
    assert len(families) >= 15


def test_logs_name_their_source() -> None:
    for name, entry in INDEX.items():
        assert entry["source"].startswith("https://"), name
        assert entry["soc"], name


@pytest.mark.parametrize(("page", "name"), [(page, name) for page, parts in PAGES.items() for name in parts])
def test_page_is_what_the_logs_come_to(page: str, name: str) -> None:
    """``PYTHONPATH=tests python -m support.public_logs`` writes the tables of these pages."""
    start, end = block(page, name)
    assert (DOCS / page).read_text()[start:end] == f"\n{PAGES[page][name]()}\n"


@pytest.mark.parametrize(
    ("name", "options", "matched"),
    [
        # About 3.6: open ends, no flags, two banks given by the command line.
        ("vexpress-a9-3.x", {"version": "3.6", "cmdline": "mem=64M@0x60000000 mem=32M@0x66000000"}, 10),
        # About 4.14, VMSPLIT_2G: closed ends, the blob reserved by early_init_dt_reserve_memory_arch.
        ("vexpress-a9-4.x", {"version": "4.14"}, 11),
    ],
)
def test_notes_on_memblock(name: str, options: dict[str, str], matched: int) -> None:
    """What people noted of memblock=debug without saying where: QEMU's vexpress-a9, two ages of the allocator."""
    found = check_logs(None, (path(f"notes/{name}"),), cpu="cortex-a9", **options)
    assert found.contradicted == 0
    assert found.count(Judgement.MATCHED) >= matched
