"""Random scripts that both parsers of real U-Boots have run (tests/support/random_scripts.py makes them again)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from support.random_scripts import made_up
from support.scripts import as_recorded, recorded_setup, recording
from support.uboot import DATA

from bootmap.inputs import boot_script

if TYPE_CHECKING:
    from pathlib import Path

RECORDINGS = sorted(path.name for path in DATA.glob("random-*.json.gz"))
PARTS = 4  # of a recording, for tests side by side


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("recorded", RECORDINGS)
def test_random_scripts_as_u_boot_ran_them(recorded: str, part: int, tmp_path: Path) -> None:
    """Each command line holds every status and value on the way; it, the messages, the entry and the tree are equal."""
    doc = recording(recorded)
    for name in sorted(doc["scripts"])[part::PARTS]:
        row = doc["scripts"][name]
        made = recorded_setup(doc, name, tmp_path, hush=recorded.removesuffix(".json.gz").split("-")[2])
        if any("CONFIG_SYS_MAXARGS" in each for each in made.script):
            assert "setenv - set environment variables" in row["console"]
        else:
            as_recorded(made, row)


@pytest.mark.parametrize("recorded", RECORDINGS)
def test_recordings_are_what_their_seeds_make(recorded: str) -> None:
    """And few of them ask for more words than a build takes."""
    scripts = recording(recorded)["scripts"]
    assert len(scripts) >= 40
    for name, row in scripts.items():
        assert boot_script.parse(base64.b64decode(row["script"])) == made_up(int(name[1:]))
    assert sum("setenv - set environment variables" in row["console"] for row in scripts.values()) <= 1
