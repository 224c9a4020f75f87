"""UEFI's memory map in a log: the banks are its rows, so that what the kernel lists afterwards is predicted."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from bootmap.bootlog.check import checker_of
from bootmap.bootlog.firmware import efi_map
from bootmap.bootlog.given import Given
from bootmap.bootlog.judgement import Judged, Judgement
from bootmap.bootlog.log import read_log
from bootmap.bootlog.predict import areas_of, predict_from_log
from bootmap.inputs.efi_map import EfiMap

if TYPE_CHECKING:
    from bootmap.boot.sequence import Replay

DATA = Path(__file__).parent.parent / "data" / "efi" / "uboot-2026.10.json.gz"


def boots() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = msgspec.json.decode(gzip.decompress(DATA.read_bytes()))["boots"]
    return [row for row in rows if any("efi:   0x" in line for line in row["recording"]["log"])]


BOOTS = boots()


def judged(text: str, cmdline: str) -> tuple[Replay, list[Judged]]:
    log = read_log(text)
    found = predict_from_log(log, Given(cmdline=cmdline))
    checker = checker_of(found.replay, areas_of(found.replay), log, found.basis)
    return found.replay, [checker.judge(said) for said in log.said]


def test_logs_are_enough() -> None:
    assert len(BOOTS) >= 2
    assert any("vmalloc=" in row["recording"]["qemu"]["append"] for row in BOOTS)


@pytest.mark.parametrize("row", BOOTS, ids=lambda row: row["key"])
def test_firmware_rows_are_the_banks(row: dict[str, Any]) -> None:
    text = "\n".join(row["recording"]["log"])
    found = efi_map(read_log(text))
    assert found is not None
    raw = msgspec.convert(row["map"], EfiMap)
    assert [(each.start, each.size, each.kind) for each in found.rows] == [
        (each.start, each.size, each.kind) for each in raw.rows
    ]
    replay, lines = judged(text, row["recording"]["qemu"]["append"])
    assert [each for each in lines if each.verdict is Judgement.CONTRADICTED] == []
    nodes = [each for each in lines if each.kind == "nodes"]
    assert len(nodes) >= 9
    assert {each.verdict for each in nodes} == {Judgement.MATCHED}
    # memblock as the machine had it when paging_init began
    stage = replay.stage("adjust_lowmem_bounds")
    assert stage is not None
    memory = row["recording"]["before"]["memblock"]["memory"]["regions"]
    assert [list(region) for region in stage.memblock.memory.regions] == memory


def test_firmware_map_that_lost_a_row_is_not_used() -> None:
    lines = BOOTS[0]["recording"]["log"]
    rows = [at for at, line in enumerate(lines) if "efi:   0x" in line]
    cut = "\n".join(lines[: rows[3]] + lines[rows[3] + 1 :])
    assert efi_map(read_log(cut)) is None
    damaged = "\n".join(lines).replace("[Loader Data |", "[Loader Dxta |", 1)
    assert efi_map(read_log(damaged)) is None
