"""The command ``bootmap audit`` as users call it: exit codes, the three formats, what it refuses."""

from __future__ import annotations

import gzip
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from support.pages import ROOT, rerun
from support.recordings import Case, kernel_files
from support.sabrelite import BOARD, DATA, KERNEL

from bootmap import __version__
from bootmap.facts.audit_rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int | str | None, str, str]]

LEFT_OPEN = "virt-1g-nomap-start-5.10"  # the sections of head.S stay where RAM begins with no-map memory


@pytest.fixture
def run(command_line: Run) -> Run:
    return partial(command_line, "audit")


def given(name: str) -> list[str]:
    """A recording with its kernel's configuration."""
    return [str(DATA / "cases" / f"{name}.json.gz"), f"--config={kernel_files(Case(name).key)[0]}"]


def test_audit_of_a_board_is_explained(run: Run) -> None:
    code, out, err = run(BOARD, *KERNEL)
    assert (code, err) == (0, "")
    assert "\n0 errors, 0 warnings, 2 notes\n" in out
    assert "0xc0000000-0xc13fffff -> 0x10000000, 20 MiB: rwx ---" in out
    assert "by: map_kernel, section: the kernel's text and init (MT_MEMORY_RWX)" in out


def test_audit_of_a_board_whose_rights_are_final(run: Run) -> None:
    code, out, _ = run(BOARD, *KERNEL, "--state", "mark_rodata_ro")
    assert code == 0
    assert "kernel-write-execute" not in out


def test_audit_of_a_board_before_paging_init(run: Run) -> None:
    """What head.S maps is open to everybody, and that is no finding to fail on: no process runs."""
    code, out, _ = run(BOARD, *KERNEL, "--state", "create_page_tables", "--format", "json")
    assert code == 0
    found = json.loads(out)["findings"]
    assert {"user-kernel-half", "kernel-write-execute"} <= {one["rule"] for one in found}
    assert {one["severity"] for one in found} == {"note"}


@pytest.mark.parametrize(("level", "code"), [("error", 1), ("warning", 1), ("note", 1)])
def test_audit_fails_on_errors(run: Run, level: str, code: int) -> None:
    assert run(*given(LEFT_OPEN), "--fail-on", level)[0] == code


@pytest.mark.parametrize(("level", "code"), [("error", 0), ("warning", 1), ("note", 1)])
def test_audit_fails_on_warnings(run: Run, level: str, code: int) -> None:
    """own-v7-debugll has no CONFIG_STRICT_KERNEL_RWX: a warning, and no error."""
    assert run(*given("own-v7-debugll-plain"), "--fail-on", level)[0] == code


@pytest.mark.parametrize(("level", "code"), [("error", 0), ("warning", 0), ("note", 1)])
def test_audit_fails_on_notes(run: Run, level: str, code: int) -> None:
    assert run(*given("virt-1024m-6.1"), "--fail-on", level)[0] == code


def test_audit_json(run: Run) -> None:
    code, out, _ = run(*given(LEFT_OPEN), "--format", "json")
    document = json.loads(out)
    assert (code, document["schema"]) == (1, "bootmap.audit/1")
    found = {(one["rule"], one["severity"]): one for one in document["findings"]}
    left = found["user-write-execute", "error"]
    assert [(one["va"], one["size"], one["pa"]) for one in left["places"]] == [(0xC0000000, 0x200000, 0x40000000)]
    assert left["count"] == 1
    assert document["source"]["kind"] == "recording"


def sarif(run: Run, *words: object) -> dict[str, Any]:
    code, out, err = run(*words, "--format", "sarif")
    assert (code, err) == (1, "")
    document: dict[str, Any] = json.loads(out)
    return document


def test_audit_sarif_has_the_structure_of_2_1_0(run: Run) -> None:
    """Section numbers are those of SARIF 2.1.0, OASIS Standard, 27 March 2020."""
    document = sarif(run, *given(LEFT_OPEN))
    assert document["version"] == "2.1.0"  # 3.13.2
    assert document["$schema"].endswith("sarif-2.1.0.json")  # 3.13.3
    (one,) = document["runs"]  # 3.13.4
    driver = one["tool"]["driver"]  # 3.14.6, 3.18.2
    assert (driver["name"], driver["version"]) == ("bootmap", __version__)  # 3.19.8, 3.19.13
    described = driver["rules"]  # 3.19.23: unique
    assert [row["id"] for row in described] == [rule.id for rule in RULES]
    assert len({row["id"] for row in described}) == len(described)
    for row in described:  # 3.49
        assert row["shortDescription"]["text"]  # 3.49.9
        assert row["help"]["text"]  # 3.49.13
        assert row["defaultConfiguration"]["level"] in ("error", "warning", "note")  # 3.49.14, 3.50.3
    (called,) = one["invocations"]
    assert called["executionSuccessful"] is True  # 3.20.14: required
    for note in called["toolExecutionNotifications"]:  # 3.20.21, 3.58.5: a message is required
        assert note["message"]["text"]
        assert note["level"] in ("error", "warning", "note", "none")
    results = one["results"]  # 3.14.23
    assert results
    for result in results:
        assert described[result["ruleIndex"]]["id"] == result["ruleId"]  # 3.27.5, 3.27.6
        assert result["kind"] == "fail"  # 3.27.9: with any other kind the level would have to be none
        assert result["level"] in ("error", "warning", "note")  # 3.27.10
        assert result["message"]["text"]  # 3.27.11: required
        for place in result["locations"]:  # 3.27.12
            physical = place["physicalLocation"]  # 3.28.3
            uri = physical["artifactLocation"]["uri"]  # 3.29.3, 3.4.3
            assert one["artifacts"][physical["artifactLocation"]["index"]]["location"]["uri"] == uri  # 3.4.5
            assert not set(uri) & set(" @:,\\")  # 3.10.1: a valid reference, and no scheme by accident
            address = physical["address"]  # 3.29.6
            assert isinstance(address["absoluteAddress"], int)  # 3.32.6
            assert address["length"] > 0  # 3.32.9


def test_audit_sarif_grades_by_the_result(run: Run) -> None:
    """The vectors page is a note of a rule whose default level is error."""
    results = sarif(run, *given(LEFT_OPEN))["runs"][0]["results"]
    levels = [(one["ruleId"], one["level"]) for one in results]
    assert ("user-kernel-half", "error") in levels
    assert ("user-kernel-half", "note") in levels


def test_audit_of_raw_memory_says_what_is_not_known(run: Run, tmp_path: Path) -> None:
    """One section of 1 MiB for everybody, at an address of which nobody knows whose half it is."""
    directory = bytearray(0x4000)
    directory[0x2000:0x2004] = (0x50000C0E).to_bytes(4, "little")
    (tmp_path / "pgd").write_bytes(directory)
    code, out, _ = run(f"{tmp_path}/pgd@0x40004000", "--ttbr0", "0x40004000")
    assert code == 1
    assert "warning: user mode may write and execute [user-write-execute]\n  0x80000000-0x800fffff -> 0x50000000" in out
    assert "Not looked for\n  PAGE_OFFSET is not known: user-kernel-half looks at the vectors alone" in out
    _, out, _ = run(f"{tmp_path}/pgd@0x40004000", "--ttbr0", "0x40004000", "--format", "sarif", "--fail-on", "note")
    notes = json.loads(out)["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert any("PAGE_OFFSET is not known" in one["message"]["text"] for one in notes)


@pytest.mark.parametrize(("name", "cpu"), [("v7", "cortex-a15"), ("v512", "cortex-a15"), ("v5-versatile", "arm926")])
def test_audit_of_a_running_kernel_finds_nothing_to_fail_on(run: Run, tmp_path: Path, name: str, cpu: str) -> None:
    """Kernels that booted to init, ioremap and vmalloc in use: both halves of every pte are to the bit as due.

    The pool for atomic DMA, 256 KiB in lowmem and again non-cacheable, is the one alias (kernel/dma/pool.c).
    """
    doc = json.loads(gzip.decompress((DATA / "ptdump" / f"{name}.json.gz").read_bytes()))
    for pa, digits in doc["pages"].items():
        (tmp_path / pa).write_bytes(bytes.fromhex(digits))
    words: list[object] = [",".join(f"{tmp_path / pa}@{pa}" for pa in doc["pages"])]
    (tmp_path / "System.map").write_text("\n".join(doc["system_map"]) + "\n")
    words += ["--ttbr0", hex(doc["root"]), "--cpu", cpu, "--phys-offset", hex(doc["phys_offset"])]
    words += ["--config", kernel_files(name)[0], "--kernel-version", doc["banner"].split()[-1]]
    words += ["--system-map", tmp_path / "System.map"]
    for register in ("SCTLR", "DACR", "PRRR", "NMRR"):
        if register in doc["registers"]:
            words += [f"--{register.lower()}", hex(doc["registers"][register])]
    code, out, _ = run(*words, "--format", "json")
    assert code == 0
    document = json.loads(out)
    assert document["skipped"] == ["what is RAM is not known: ram-not-normal was not looked for"]
    (pool,) = [one for one in document["findings"] if one["rule"] == "alias-attributes"]
    assert [one["size"] for one in pool["places"]] == [256 << 10, 256 << 10]


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--fail-on", "fatal"], 2), (["--format", "xml"], 2), (["--state", "yesterday"], 2)],
)
def test_audit_refuses(run: Run, words: list[str], code: int) -> None:
    answer = run(BOARD, *KERNEL, *words)
    assert answer[:2] == (code, "")


def test_audit_of_no_file(run: Run, tmp_path: Path) -> None:
    code, out, err = run(tmp_path / "nothing")
    assert (code, out) == (3, "")
    assert err.startswith("bootmap: ")
    assert err.count("\n") == 1


def test_the_page_is_what_the_command_prints(tmp_path: Path) -> None:
    """Written again by ``python tests/support/pages.py docs/audit.md``; and every rule has its row."""
    page = (ROOT / "docs" / "audit.md").read_text()
    assert page.count("\n$ bootmap ") >= 2
    assert rerun(page, tmp_path) == page
    for rule in RULES:
        assert f"\n| `{rule.id}` | {rule.severity.name.lower()} |" in page
