"""The command ``bootmap tables`` as users call it, in every format."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import struct
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from elftools.elf.elffile import ELFFile
from support.sabrelite import BOARD, DATA, KERNEL

from bootmap.image.core_file import core_file
from bootmap.image.facts import KernelFacts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int | str | None, str, str]]

CAPTURES = sorted((DATA / "ptdump").glob("*.json.gz"))


@pytest.fixture
def run(command_line: Run) -> Run:
    return partial(command_line, "tables")


def case(name: str) -> Path:
    return DATA / "cases" / f"{name}.json.gz"


def recorded(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return document


def parts_of(doc: dict[str, Any], tmp_path: Path) -> str:
    """The pages of a capture as raw files at their addresses."""
    words = []
    for pa, digits in doc["pages"].items():
        (tmp_path / pa).write_bytes(bytes.fromhex(digits))
        words.append(f"{tmp_path / pa}@{pa}")
    return ",".join(words)


def listed(run: Run, *words: object) -> list[dict[str, Any]]:
    code, out, _ = run(*words, "--format", "json")
    assert code == 0
    document = json.loads(out)
    assert document["schema"] == "bootmap.tables/1"
    found: list[dict[str, Any]] = document["ranges"]
    return found


def test_tables_text_of_a_board(run: Run) -> None:
    code, out, err = run(BOARD, *KERNEL)
    assert (code, err) == (0, "")
    head, table, assumed = out.split("\n\n")
    assert head.splitlines()[0] == f"{BOARD}: prediction after paging_init"
    assert head.splitlines()[1].startswith("ARMv7, SCTLR 0x10c5387d, TTBR0 0x10204000, ")
    lines = table.splitlines()
    assert lines[0].split() == ["virtual", "physical", "size", "kernel", "user", "granule", "memory", "type"]
    assert lines[1] == (
        "0xc0000000-0xc13fffff  0x10000000   20 MiB  rwx     ---     1 MiB  normal, write-back, non-shareable, domain 0"
    )
    assert assumed.startswith("Assumptions\n")


@pytest.mark.parametrize("name", ["virt-1024m-6.1", "own-v612-be8-plain"])
def test_tables_of_a_recording_cover_what_memblock_has(run: Run, name: str) -> None:
    """Lowmem is RAM that is not no-map, up to the limit: the recording's memblock says which."""
    doc = recorded(case(name))
    ranges = listed(run, case(name))
    lowmem = [row for row in ranges if doc["page_offset"] <= row["va"] < doc["vars"]["high_memory"]]
    assert sum(row["size"] for row in lowmem) == doc["vars"]["high_memory"] - doc["page_offset"]
    assert {row["va"] - row["pa"] for row in lowmem} == {doc["page_offset"] - doc["phys_offset"]}
    assert all(row["memory"]["type"] == "normal" for row in lowmem)


@pytest.mark.parametrize(
    "name", ["virt-1024m-6.1", "virt-1024m-lpae-6.1", "own-integrator-arm926", "own-spitz", "own-v612-be8-plain"]
)
def test_tables_formats_tell_the_same(run: Run, name: str) -> None:
    ranges = listed(run, case(name))
    _, out, err = run(case(name), "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert "taken as Linux sets them" in err
    assert [
        (int(row["start"], 16), int(row["size"], 16), int(row["physical"], 16), row["kernel"], row["user"])
        for row in rows
    ] == [(row["va"], row["size"], row["pa"], row["kernel"], row["user"]) for row in ranges]
    _, out, _ = run(case(name))
    table = out.split("\n\n")[1].splitlines()[1:]
    assert [line.split()[0] for line in table] == [f"{row['start']}-{row['end']}" for row in rows]


def test_tables_filters(run: Run) -> None:
    name = case("virt-1024m-6.1")
    everything = listed(run, name)
    user = listed(run, name, "--user")
    assert [row["va"] for row in user] == [0xFFFF0000]
    assert listed(run, name, "--user", "--writable") == []
    writable = listed(run, name, "--writable")
    assert writable == [row for row in everything if "w" in row["kernel"] + row["user"]]
    both = listed(run, name, "--writable", "--executable")
    assert both == [row for row in writable if "x" in row["kernel"] + row["user"]]
    assert listed(run, name, "--memory-type", "normal", "--memory-type", "device") == everything
    assert all(row["memory"]["type"] != "normal" for row in listed(run, name, "--memory-type", "device"))
    cut = listed(run, name, "--range", "0xc0208000-0xc0300800")
    assert (cut[0]["va"], cut[-1]["va"] + cut[-1]["size"]) == (0xC0208000, 0xC0300800)
    (place,) = listed(run, name, "--physical", "0x40300000-0x40301000")
    assert (place["va"], place["pa"], place["size"]) == (0xC0300000, 0x40300000, 0x1000)
    _, out, _ = run(name, "--range", "0-0x1000")
    assert "nothing of what was asked for is mapped" in out


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name.removesuffix(".json.gz"))
def test_tables_ptdump_of_raw_memory(run: Run, path: Path, tmp_path: Path) -> None:
    """From the pages as raw dumps, the root and the configuration: line for line what the kernel had printed."""
    doc = recorded(path)
    config = DATA / "kernels" / path.name.removesuffix(".json.gz") / "config.gz"
    given = [f"--config={config}", f"--phys-offset={doc['phys_offset']:#x}", f"--ttbr0={doc['root']:#x}"]
    given.append("--arch=lpae" if doc["lpae"] else "--arch=v5" if path.name.startswith("v5") else "--arch=v7")
    code, out, err = run(parts_of(doc, tmp_path), *given, "--format", "ptdump")
    assert code == 0
    assert out.splitlines() == doc["ptdump"]
    assert f"high_memory is {doc['high_memory']:#010x}, where the straight map from PAGE_OFFSET on ends" in err


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name.removesuffix(".json.gz"))
def test_tables_ptdump_of_a_prediction(run: Run, path: Path, tmp_path: Path) -> None:
    """What the kernel will print, before it boots: all of it, but for what drivers put into the vmalloc area."""
    doc = recorded(path)
    board, system_map = tmp_path / "board.dtb", tmp_path / "System.map"
    board.write_bytes(gzip.decompress(base64.b64decode(doc["dtb"])))
    system_map.write_text("\n".join(doc["system_map"]) + "\n")
    config = DATA / "kernels" / path.name.removesuffix(".json.gz") / "config.gz"
    given = [f"--config={config}", f"--system-map={system_map}", f"--phys-offset={doc['phys_offset']:#x}"]
    given += [f"--dtb-addr={doc['r2']:#x}", f"--cpu={doc['qemu']['cpu'] or 'arm926'}", "--state=mark_rodata_ro"]
    code, out, _ = run(board, *given, "--format", "ptdump")
    assert code == 0
    added = [line for line in doc["ptdump"] if line not in out.splitlines()]
    assert [line for line in doc["ptdump"] if line not in added] == out.splitlines()
    assert all(doc["high_memory"] < int(line[:10], 16) < 0xFF800000 for line in added)
    assert len(out.splitlines()) >= 12


def test_tables_ptdump_without_a_configuration(run: Run) -> None:
    """The recording's console names the version; what else was assumed is said."""
    code, out, err = run(case("virt-1024m-6.1"), "--format", "ptdump")
    assert code == 0
    assert out.startswith("---[ Modules ]---\n---[ Kernel Mapping ]---\n0xc0000000-")
    assert "the configuration of Linux 6.1.0 is not known (--config)" in err
    config = DATA / "kernels" / "deb-6.1" / "config.gz"
    assert run(case("virt-1024m-6.1"), "--format", "ptdump", f"--config={config}")[1] == out


def test_tables_ptdump_with_kasan(run: Run, tmp_path: Path) -> None:
    """The shadow of a 3G/1G kernel, 0xb6e00000 to 0xbf000000, has markers; where it ends Modules begin.

    The end of the shadow and Modules are one address, and each entry brings one marker: Modules waits for the next.
    """
    config = tmp_path / "config"
    text = gzip.decompress((DATA / "kernels" / "deb-6.1" / "config.gz").read_bytes()).decode()
    config.write_text(f"{text}\nCONFIG_KASAN=y\nCONFIG_KASAN_SHADOW_OFFSET=0x9f000000\n")
    code, out, _ = run(case("virt-1024m-6.1"), "--format", "ptdump", f"--config={config}")
    assert code == 0
    assert out.splitlines()[:4] == [
        "---[ Kasan shadow start ]---",
        "---[ Kasan shadow end ]---",
        "---[ Modules ]---",
        "---[ Kernel Mapping ]---",
    ]
    lines = run(case("virt-1024m-6.1"), "--format", "ptdump")[1].splitlines()
    assert out.splitlines()[4:] == lines[2:]


def test_tables_crash_of_a_section_and_a_page(run: Run) -> None:
    """The words are the recording's; layout and flags those of crash's arm.c (L_PTE_*: P 1, YOUNG 2, DIRTY 0x40)."""
    doc = recorded(case("virt-1024m-6.1"))
    pgd, root = bytes.fromhex(doc["after"]["tables"]["pgd"]["hex"]), doc["after"]["tables"]["pgd"]["pa"]
    first = int.from_bytes(pgd[0xC00 * 4 : 0xC01 * 4], "little")
    last = int.from_bytes(pgd[0xFFF * 4 :], "little")
    page = bytes.fromhex(doc["after"]["tables"]["pte"][hex(last & ~0xFFF)])
    pte = int.from_bytes(page[496 * 4 : 497 * 4], "little")
    directory = root - doc["phys_offset"] + doc["page_offset"]
    code, out, _ = run(case("virt-1024m-6.1"), "--format", "crash")
    assert code == 0
    section, *_, vectors, _ = out.rstrip("\n").split("\n\n\n")[0:1] + out.split("\n\n\nVIRTUAL")[1:]
    assert section.splitlines() == [
        "VIRTUAL   PHYSICAL",
        f"c0000000  {doc['phys_offset']:x}",
        "",
        f"PAGE DIRECTORY: {directory:x}",
        f"  PGD: {directory + 0x3000:x} => {first:x}",
        f"  PMD: {directory + 0x3000:x} => {first:x}",
        f" PAGE: {doc['phys_offset']:x}  (1MB)",
    ]
    assert vectors.splitlines()[3:] == [
        f"PAGE DIRECTORY: {directory:x}",
        f"  PGD: {directory + 0x3FFC:x} => {last:x}",
        f"  PMD: {directory + 0x3FFC:x} => {last:x}",
        f"  PTE: {(last & ~0xFFF) + 496 * 4:x} => {pte:x}",
        "",
        f" PAGE: {pte & ~0xFFF:x}",
        "",
        "  PTE     PHYSICAL  FLAGS",
        f"{pte:x}  {pte & ~0xFFF:x}  (PRESENT|DIRTY|YOUNG|EXEC)",
    ]
    assert pte & 0xC3 == 0xC3  # and read-only


@pytest.mark.parametrize("name", ["virt-1024m-6.1", "virt-1024m-lpae-6.1", "raspi0-512m-6.1", "own-integrator-arm926"])
def test_tables_raw_is_read_back(run: Run, name: str, tmp_path: Path) -> None:
    core = tmp_path / "tables.core"
    code, out, _ = run(case(name), "--format", "raw", "-o", core)
    assert (code, out) == (0, "")
    doc = recorded(case(name))["after"]["tables"]
    with core.open("rb") as file:
        loads = {seg["p_paddr"]: seg.data() for seg in ELFFile(file).iter_segments() if seg["p_type"] == "PT_LOAD"}
    for pa, digits in {doc["pgd"]["pa"]: doc["pgd"]["hex"]}.items() | doc["pte"].items():
        address = pa if isinstance(pa, int) else int(pa, 16)
        base = max(start for start in loads if start <= address)
        assert loads[base][address - base :].startswith(bytes.fromhex(digits))
    assert sum(map(len, loads.values())) == sum(
        len(digits) // 2 for digits in (doc["pgd"]["hex"], *doc.get("pmd", {}).values(), *doc["pte"].values())
    )
    again = listed(run, core)
    assert again == listed(run, case(name))
    if name == "virt-1024m-6.1":  # the version came along: its console was recorded
        assert run(core, "--format", "ptdump")[1] == run(case(name), "--format", "ptdump")[1]
        assert run(core, "--format", "crash")[1] == run(case(name), "--format", "crash")[1]


def test_tables_says_what_is_not_there(run: Run, tmp_path: Path) -> None:
    """Without the page of ptes at the top, nothing is known of the 2 MiB that its pair of entries leads to."""
    doc = recorded(CAPTURES[-1])
    top = bytes.fromhex(doc["pages"][hex(doc["root"] + 0x3000)])[-4:]
    del doc["pages"][hex(int.from_bytes(top, "little") & ~0xFFF)]
    words = [parts_of(doc, tmp_path), f"--ttbr0={doc['root']:#x}", "--arch=v7"]
    code, out, _ = run(*words, "--format", "json")
    document = json.loads(out)
    assert (code, document["unread"]) == (0, [{"va": 0xFFE00000, "size": 2 << 20}])
    assert "nothing is known of them; the first are 0xffe00000-0xffffffff" in document["assumptions"][-1]
    assert "tables on the way of 2 MiB" in run(*words)[1]
    assert "tables on the way of 2 MiB" in run(*words, "--format", "csv")[2]


def test_tables_bounds_what_it_lists(run: Run, tmp_path: Path) -> None:
    """4096 entries lead to one table of alternating pages: half a million ranges, a vtop each would be no answer."""
    path = tmp_path / "ram"
    root = struct.pack("<I", 0x4401) * 4096
    path.write_bytes(bytes(0x4400) + struct.pack("<II", 0x5000_0032, 0) * 128 + bytes(0x3800) + root)
    words = [f"{path}@0", "--ttbr0=0x8000", "--arch=v7", "--phys-offset=0"]
    code, out, err = run(*words, "--format", "crash")
    assert (code, out) == (2, "")
    assert "524288 ranges" in err
    code, out, _ = run(*words, "--range", "0-0x3000", "--format", "csv")
    assert code == 0
    assert [line.split(",")[0] for line in out.splitlines()[1:]] == ["0x00000000", "0x00002000"]


def test_tables_of_a_core_with_impossible_registers(run: Run, tmp_path: Path) -> None:
    core = tmp_path / "core"
    core.write_bytes(core_file({0: bytes(4096)}, {"SCTLR": 1, "TTBR0": 0, "DACR": 1 << 40}, KernelFacts()))
    code, out, err = run(core)
    assert (code, out) == (3, "")
    assert "its registers cannot be a CPU's: dacr is" in err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--format", "ptdump", "--writable"], "--format ptdump is all or nothing"),
        (["--format", "raw", "--range", "0-0x1000"], "--format raw is all or nothing"),
        (["--range", "0x1000"], "expected START-END"),
        (["--range", "0x2000-0x1000"], "the end is not above the start"),
        (["--physical", "x-y"], "--physical x-y: expected START-END"),
        (["--physical", "0x2000-0x1000"], "the end is not above the start"),
        (
            ["--format", "ptdump", "--config", str(DATA / "kernels/old49/config.gz"), "--kernel-version", "3.10"],
            "3.14 was the first",
        ),
    ],
)
def test_tables_refuses(run: Run, given: list[str], says: str) -> None:
    code, out, err = run(case("virt-1024m-6.1"), *given)
    assert (code, out) == (2, "")
    assert says in err


def test_tables_ptdump_needs_a_version(run: Run) -> None:
    code, _, err = run(case("own-spitz"), "--format", "ptdump")
    assert code == 2
    assert "give --config, --kernel or --kernel-version" in err
