"""Boot scripts that run others, as real U-Boots ran them from a disk, and what bootmap makes of the same files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.scripts import as_recorded, bootargs, recorded_setup, recording
from support.uboot import DATA, blob

from bootmap.errors import InputError
from bootmap.loaders.uboot.bootm import run

if TYPE_CHECKING:
    from pathlib import Path

SOURCED = DATA.parent / "sourced"
NAMES = sorted(path.stem for path in SOURCED.glob("*.cmd"))
RECORDINGS = sorted(path.name for path in DATA.glob("sourced-*.json.gz"))
REFUSED = {
    "error-fi": r"inner\.scr: line 2: syntax error: 'fi'",
    "error-first": r"inner\.scr: line 1: syntax error: 'then'",
    "error-open": r"inner\.scr: line 5: syntax error: the script ends before",
    "error-quote": r"inner\.scr: line 2: a double quote that is never closed",
    "error-run": r"line 4: syntax error: 'fi'",
    "nothing": r"line 3: .source. runs what lies at 0x48000000, which no line loads there",
    "divide": r"line 4: 'setexpr v 5 / 0' divides by zero, and U-Boot hangs",
}
"""What bootmap does not follow, and says instead."""
PAGES = {("sourced-2026.10.json.gz", "fits"): 0x6000}
"""What U-Boot's EFI part keeps of each FIT image that `load` reads, two pages, which no bdinfo before shows."""


@pytest.mark.parametrize("name", [name for name in NAMES if name not in REFUSED])
@pytest.mark.parametrize("recorded", RECORDINGS)
def test_sourced_scripts_as_u_boot_ran_them(recorded: str, name: str, tmp_path: Path) -> None:
    """The command line holds what every step returned; it, the messages, the entry and the tree are equal."""
    doc = recording(recorded)
    row, made = doc["scripts"][name], recorded_setup(doc, name, tmp_path)
    if (recorded, name) not in PAGES:
        as_recorded(made, row)
        return
    assert made.uboot is not None
    placed = run(made.uboot, made.board, made.command)
    assert placed.dtb is not None
    assert placed.dtb.start - PAGES[recorded, name] == row["handed"]["r2"]
    assert (placed.entry, made.command.env["bootargs"]) == (row["handed"]["entry"], bootargs(blob(row)))


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("recorded", RECORDINGS)
def test_mistakes_in_what_is_run_are_refused(recorded: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=REFUSED[name]):
        recorded_setup(recording(recorded), name, tmp_path)


@pytest.mark.parametrize("recorded", RECORDINGS)
def test_recordings_are_those_of_the_folder(recorded: str) -> None:
    """And what bootmap does not follow leads U-Boot where no script should: it reads on from address 0, or hangs."""
    rows = recording(recorded)["scripts"]
    assert sorted(rows) == NAMES
    assert rows["divide"]["console"][-1] == "### ERROR ### Please RESET the board ###"
    assert "syntax error" in rows["error-fi"]["console"]
    assert any(line.startswith("Unknown command") for line in rows["error-fi"]["console"])


@pytest.mark.parametrize("name", ["nested", "status"])
def test_scripts_alone_are_enough(name: str, tmp_path: Path) -> None:
    """Kernel, ramdisk and tree are not given by their names: they are taken to be there, and their sizes are known."""
    doc = recording(RECORDINGS[0])
    as_recorded(recorded_setup(doc, name, tmp_path, each=True), doc["scripts"][name])


MODERN = "modern-sourced-2025.01.json.gz"
WITH_MODERN = {
    "absent": r"line 13: 'for file' comes to 'vmlinuz': with '=' between them that is 12 characters",
    "distro": r"variable scan_dev_for_scripts: 'for script' comes to 'boot\.scr\.uimg': .* 20 characters",
    "divide": REFUSED["divide"],
    "error-fi": r"inner\.scr: line 2: syntax error at 'fi': the newer parser resets the board there",
    "error-first": r"inner\.scr: line 1: syntax error at 'then': the newer parser resets",
    "error-run": r"line 4: syntax error at 'fi': the newer parser resets",
    "exits": r"'exit' in a script that 'source' runs: the newer parser then reads on from the console",
    "nothing": REFUSED["nothing"],
    "status": r"line 16: 'for each' comes to 'comment': .* 12 characters",
}
"""What resets the board there, has it wait at the console, or is not followed."""


@pytest.mark.parametrize("name", NAMES)
def test_sourced_scripts_in_the_newer_parser(name: str, tmp_path: Path) -> None:
    doc = recording(MODERN)
    if name not in WITH_MODERN:
        as_recorded(recorded_setup(doc, name, tmp_path, hush="modern"), doc["scripts"][name])
        return
    assert doc["scripts"][name]["handed"] is None or name == "nothing"
    with pytest.raises(InputError, match=WITH_MODERN[name]):
        recorded_setup(doc, name, tmp_path, hush="modern")
