"""The command ``bootmap walk`` as users call it."""

from __future__ import annotations

import gzip
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from support.sabrelite import BOARD, DATA, KERNEL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int | str | None, str, str]]

HALF = {
    "type": "object",
    "required": ["address", "word", "text"],
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["schema", "source", "registers", "assumptions", "walks"],
    "properties": {
        "schema": {"const": "bootmap.walk/1"},
        "registers": {"type": "object", "required": ["arch", "SCTLR", "TTBR0", "TTBCR"]},
        "walks": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["va", "symbol", "areas", "root", "entries", "unread", "outcome", "checks"],
                "properties": {
                    "entries": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["level", "table", "index", "address", "word", "kind", "fields", "linux"],
                            "properties": {"linux": {"anyOf": [{"type": "null"}, HALF]}},
                        },
                    },
                    "outcome": {
                        "oneOf": [
                            {"required": ["pa", "size", "kernel", "user", "memory", "domain"]},
                            {"required": ["fault", "level", "status", "fsr"]},
                        ]
                    },
                },
            },
        },
    },
}


@pytest.fixture
def run(command_line: Run) -> Run:
    return partial(command_line, "walk")


def case(name: str) -> Path:
    return DATA / "cases" / f"{name}.json.gz"


def recorded(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gzip.decompress(case(name).read_bytes()))
    return document


def words(page: str) -> list[int]:
    raw = bytes.fromhex(page)
    return [int.from_bytes(raw[at : at + 4], "little") for at in range(0, len(raw), 4)]


def test_walk_of_a_board_names_the_writers(run: Run) -> None:
    code, out, _ = run(BOARD, *KERNEL, "_stext", "0xffff0000")
    assert code == 0
    first, second, assumed = out.split("\n\n")
    assert first.startswith("virtual 0xc0300000 (_stext, lowmem, .text) -> physical 0x10300000, 1 MiB\n")
    assert "    now 0x1030040e: map_kernel, section\n" in first
    assert "      <- symbol: __init_end" in first
    assert second.startswith("virtual 0xffff0000 (vector) -> physical 0x3fffe000, 4 KiB\n")
    assert "  pte[496] (Linux) at 0x3fffd7c0: 0x3fffe1cf\n    PRESENT YOUNG DIRTY RDONLY USER MT_WRITEBACK\n" in second
    assert assumed.startswith("Assumptions\n")
    assert max(map(len, out.splitlines())) <= 110


def test_walk_of_a_recording_has_both_halves(run: Run) -> None:
    """The words are those that the kernel wrote, at the places where the kernel looks for them."""
    doc = recorded("virt-1024m-6.1")
    code, out, _ = run(case("virt-1024m-6.1"), "0xffff1000", "--json")
    assert code == 0
    answer = json.loads(out)
    jsonschema.validate(answer, SCHEMA)
    (walk,) = answer["walks"]
    tables = doc["after"]["tables"]
    pmd = words(tables["pgd"]["hex"])[0xFFF]
    page = words(tables["pte"][hex(pmd & ~0xFFF)])
    index = 0xFFFF1 % 512
    first, second = walk["entries"]
    assert (first["word"], first["address"]) == (pmd, tables["pgd"]["pa"] + 0xFFF * 4)
    assert (second["word"], second["linux"]["word"]) == (page[512 + index], page[index])
    assert second["linux"]["address"] == (pmd & ~0xFFF) + 4 * index
    # L_PTE_PRESENT, YOUNG, DIRTY, RDONLY: the stubs page, which user mode may not even read
    assert page[index] & 0x1FF == 0xDF
    assert second["linux"]["text"].startswith("PRESENT YOUNG DIRTY RDONLY ")
    assert (walk["outcome"]["kernel"], walk["outcome"]["user"]) == ("r-x", "---")
    assert answer["registers"]["arch"] == "v7lpae"
    assert "taken as Linux sets them" in answer["assumptions"][0]


def test_walk_checks_accesses(run: Run) -> None:
    """Status codes of DDI 0406C table B3-23: page permission fault 01111, section translation fault 00101."""
    code, out, _ = run(case("virt-1024m-6.1"), "0xffff1000", "0", "--user", "--write", "--exec", "--json")
    assert code == 1
    vectors, nothing = json.loads(out)["walks"]
    write, fetch = vectors["checks"]
    assert (write["access"], write["fault"], write["status"]) == ("user write", "permission fault", 0b01111)
    assert write["fsr"] == 1 << 11 | 3 << 4 | 0b01111  # WnR, the domain of vectors, FS
    assert (fetch["access"], fetch["fsr"]) == ("user execution", 3 << 4 | 0b01111)
    assert (nothing["outcome"]["fault"], nothing["outcome"]["fsr"]) == ("translation fault", 0b00101)
    code, out, _ = run(case("virt-1024m-6.1"), "0xffff0000", "--user")
    assert code == 0
    assert "  user read: allowed, physical " in out


def test_walk_long_faults(run: Run) -> None:
    """Long format: DFSR.STATUS is 0001LL for a translation fault, bit 9 says that the format is long."""
    doc = recorded("virt-1024m-lpae-6.1")
    root = bytes.fromhex(doc["after"]["tables"]["pgd"]["hex"])
    assert all(entry & 3 == 3 for entry in root[::8])  # every first-level entry is a table
    code, out, _ = run(case("virt-1024m-lpae-6.1"), "0x80001000", "--json")
    assert code == 1
    outcome = json.loads(out)["walks"][0]["outcome"]
    assert (outcome["fault"], outcome["level"], outcome["fsr"]) == ("translation fault", 2, 1 << 9 | 0b000110)


def test_walk_of_a_range_meets_every_descriptor_once(run: Run) -> None:
    """The pair of first-level entries at the end holds tables, those of lowmem sections."""
    root = words(recorded("virt-1024m-6.1")["after"]["tables"]["pgd"]["hex"])
    assert [root[0xFFE] & 3, root[0xFFF] & 3, root[0xC08] & 3, root[0xC09] & 3] == [1, 1, 2, 2]
    code, out, _ = run(case("virt-1024m-6.1"), "0xffe00000-0x100000000", "--json")
    assert code == 1
    walks = json.loads(out)["walks"]
    assert [walk["va"] for walk in walks] == list(range(0xFFE00000, 0x100000000, 0x1000))
    assert len({walk["entries"][-1]["address"] for walk in walks}) == 512
    code, out, _ = run(case("virt-1024m-6.1"), "0xc0801000-0xc0a00000", "--json")
    assert code == 0
    assert [walk["va"] for walk in json.loads(out)["walks"]] == [0xC0801000, 0xC0900000]


def test_walk_of_a_symbol_and_offset(run: Run) -> None:
    doc = recorded("virt-1024m-6.1")
    code, out, _ = run(case("virt-1024m-6.1"), "_text+0x123456", "--json")
    assert code == 0
    (walk,) = json.loads(out)["walks"]
    assert walk["va"] == doc["symbols"]["_text"] + 0x123456
    assert walk["outcome"]["pa"] == walk["va"] - doc["page_offset"] + doc["phys_offset"]


def test_walk_with_registers_by_hand(run: Run) -> None:
    """With the MMU off addresses are physical; with another DACR the same table faults differently."""
    _, out, _ = run(case("virt-1024m-6.1"), "0xc0208000", "--sctlr", "0")
    assert "the MMU is off" in out
    code, out, _ = run(case("virt-1024m-6.1"), "0xc0208000", "--dacr", "0", "--write", "--json")
    assert code == 1
    (check,) = json.loads(out)["walks"][0]["checks"]
    assert (check["fault"], check["status"]) == ("domain fault", 0b01001)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["nowhere"], "no address, and the symbol table has no such name"),
        (["_text+x"], "'x' is no offset"),
        (["0x100000000"], "32 bits"),
        (["0x2000-0x1000"], "the end above the start"),
        (["0-0x100000000", "--sctlr", "0"], "more than 65536"),
    ],
)
def test_walk_refuses(run: Run, given: list[str], says: str) -> None:
    code, out, err = run(case("virt-1024m-6.1"), *given)
    assert (code, out) == (2, "")
    assert says in err
