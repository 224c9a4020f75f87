"""Boot scripts that run others, as real U-Boots ran them from a disk, and what bootmap makes of the same files."""

from __future__ import annotations

import base64
import gzip
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from support.scripts import as_recorded, bootargs
from support.uboot import DATA, blob

from bootmap.errors import InputError
from bootmap.loaders.uboot.bootm import run
from bootmap.plan.load import uboot_setups
from bootmap.verify.loader.scripts import ZIMAGE, files

if TYPE_CHECKING:
    from pathlib import Path

    from bootmap.plan.setup import LoaderSetup

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


@cache
def recording(name: str) -> dict[str, Any]:
    doc: dict[str, Any] = json.loads(gzip.decompress((DATA / name).read_bytes()))
    return doc


def setup(doc: dict[str, Any], name: str, folder: Path, *, each: bool = False) -> LoaderSetup:
    """What bootmap makes of it; the disk is a folder, or ``each`` of its scripts is given by its name."""
    row, disk = doc["scripts"][name], folder / "disk"
    more = {file: base64.b64decode(data) for file, data in row["disk"].items()}
    for file, data in {**files(), **more}.items():
        (disk / file).parent.mkdir(parents=True, exist_ok=True)
        (disk / file).write_bytes(data)
    (folder / "printenv").write_text(row["printenv"])
    (folder / "bdinfo").write_text(f"{doc['uboot']}\n{row.get('bdinfo', doc['bdinfo'])}")
    (folder / "boot.scr").write_bytes(base64.b64decode(row["script"]))
    given = [f"{file}={disk / file}" for file in more] if each else [f"/={disk}"]
    (made,) = uboot_setups(
        [str(disk / "board.dtb")],
        printenv=str(folder / "printenv"),
        bdinfo=str(folder / "bdinfo"),
        script=str(folder / "boot.scr") if row["script"] else None,
        boot="" if row["script"] else "run bootcmd",
        changes=() if row["script"] else ("devplist=1",),
        files=given,
        ramdisk=str(disk / "initrd.img"),
        zimage=str(ZIMAGE),
    )
    return made


@pytest.mark.parametrize("name", [name for name in NAMES if name not in REFUSED])
@pytest.mark.parametrize("recorded", RECORDINGS)
def test_sourced_scripts_as_u_boot_ran_them(recorded: str, name: str, tmp_path: Path) -> None:
    """The command line holds what every step returned; it, the messages, the entry and the tree are equal."""
    doc = recording(recorded)
    row, made = doc["scripts"][name], setup(doc, name, tmp_path)
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
        setup(recording(recorded), name, tmp_path)


@pytest.mark.parametrize("recorded", RECORDINGS)
def test_recordings_are_those_of_the_folder(recorded: str) -> None:
    """And what bootmap does not follow, U-Boot follows to where no script should: it reads on from address 0, or hangs."""
    rows = recording(recorded)["scripts"]
    assert sorted(rows) == NAMES
    assert rows["divide"]["console"][-1] == "### ERROR ### Please RESET the board ###"
    assert "syntax error" in rows["error-fi"]["console"]
    assert any(line.startswith("Unknown command") for line in rows["error-fi"]["console"])


@pytest.mark.parametrize("name", ["nested", "status"])
def test_scripts_alone_are_enough(name: str, tmp_path: Path) -> None:
    """Kernel, ramdisk and tree are not given by their names: they are taken to be there, and their sizes are known."""
    doc = recording(RECORDINGS[0])
    as_recorded(setup(doc, name, tmp_path, each=True), doc["scripts"][name])
