"""Scripts that U-Boot's two parsers read otherwise, as builds with both ran them, and what bootmap makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.scripts import as_recorded, recorded_setup, recording
from support.uboot import DATA

from bootmap.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = sorted(path.stem for path in (DATA.parent / "hush").glob("*.cmd"))
RECORDINGS = sorted(path.name for path in DATA.glob("hush-*.json.gz"))
ROWS = [(recorded, name) for recorded in RECORDINGS for name in NAMES]
OPEN = "unclosed"
"""In the older parser the rest of the text belongs to what is not closed; bootmap takes that for a mistake."""


def parser(recorded: str) -> str:
    return recorded.removesuffix(".json.gz").rpartition("-")[2]


BOOTED = [
    (recorded, name)
    for recorded, name in ROWS
    if recording(recorded)["scripts"][name]["handed"] is not None and (parser(recorded), name) != ("old", OPEN)
]


@pytest.mark.parametrize(("recorded", "name"), BOOTED)
def test_script_as_its_parser_read_it(recorded: str, name: str, tmp_path: Path) -> None:
    """The command line holds what became of each line; it, the messages, the entry and the tree are equal."""
    doc = recording(recorded)
    as_recorded(recorded_setup(doc, name, tmp_path, hush=parser(recorded)), doc["scripts"][name])


@pytest.mark.parametrize(("recorded", "name"), [row for row in ROWS if row not in BOOTED])
def test_script_that_a_parser_does_not_take(recorded: str, name: str, tmp_path: Path) -> None:
    """All of them are such as the older parser does not know; U-Boot reads on from address 0 then."""
    assert parser(recorded) == "old"
    with pytest.raises(InputError):
        recorded_setup(recording(recorded), name, tmp_path, hush="old")


@pytest.mark.parametrize("recorded", RECORDINGS)
def test_recordings_are_those_of_the_folder(recorded: str) -> None:
    assert sorted(recording(recorded)["scripts"]) == NAMES
