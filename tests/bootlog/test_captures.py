"""Captures of boards that did not boot, from public threads: the diagnosis is the cause that the thread established."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import bootmap
from bootmap.bootlog.progress import Ending
from bootmap.report.diagnose_text import diagnoses_json, diagnoses_text

FOLDER = Path(__file__).parents[1] / "data" / "captures"
INDEX: dict[str, dict[str, Any]] = json.loads((FOLDER / "index.json").read_text())


def path(name: str) -> str:
    return str(FOLDER / f"{name}.txt")


@pytest.mark.parametrize("name", INDEX)
def test_cause_is_that_of_the_thread(name: str) -> None:
    entry = INDEX[name]
    found = bootmap.diagnose(path(name))
    assert len(found) == 1
    findings = {finding.id: finding for finding in found[0].findings}
    assert entry["finding"] in findings
    text = " ".join(diagnoses_text(name, found).split())
    for words in entry["says"]:
        assert words in text
    assert not found[0].well
    assert json.loads(diagnoses_json(name, found))["boots"][0]["findings"]


@pytest.mark.parametrize("name", [name for name, entry in INDEX.items() if entry["ends"] != "runs on"])
def test_boot_that_ended_has_a_fatal_cause_first(name: str) -> None:
    """The first finding is what ended the boot; the thread's cause is among those that explain it."""
    (found,) = bootmap.diagnose(path(name))
    assert found.findings[0].fatal
    assert (
        found.progress.ending
        in {
            "panic": (Ending.PANIC,),
            "oops": (Ending.OOPS,),
            "silence": (Ending.SILENT, Ending.PANIC),
            "loader": (Ending.LOADER,),
            "cut": (Ending.SILENT,),
        }[INDEX[name]["ends"]]
    )


def test_captures_are_many_and_name_their_source() -> None:
    assert len(INDEX) >= 26
    assert sum(entry["ends"] in ("panic", "oops", "silence") for entry in INDEX.values()) >= 14
    assert set(INDEX) == {file.stem for file in FOLDER.glob("*.txt")}
    for name, entry in INDEX.items():
        assert entry["source"].startswith("http"), name
        assert entry["cause"], name
