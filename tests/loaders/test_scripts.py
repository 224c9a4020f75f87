"""Boot scripts that a real U-Boot has run (tools/record-script), and what `bootmap plan --script` makes of the same."""

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
from bootmap.verify.loader.scripts import INITRD, ZIMAGE, files

if TYPE_CHECKING:
    from pathlib import Path

    from bootmap.plan.setup import LoaderSetup

SCRIPTS = DATA.parent / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.cmd"))
MODERN = "modern-2025.01.json.gz"
RECORDINGS = sorted(path.name for path in DATA.glob("scripts-*.json.gz"))
LOADS_NO_TREE, LOADS_OVER = "unset", "over"


@cache
def recording(name: str) -> dict[str, Any]:
    doc: dict[str, Any] = json.loads(gzip.decompress((DATA / name).read_bytes()))
    return doc


def setup(
    doc: dict[str, Any], name: str, folder: Path, *, as_text: bool = False, hush: str | None = None
) -> LoaderSetup:
    """What bootmap makes of the script: of boot.scr, as mkimage made it, or of its text."""
    row, disk = doc["scripts"][name], files()
    for file, data in disk.items():
        (folder / file).write_bytes(data)
    (folder / "printenv").write_text(row["printenv"])
    (folder / "bdinfo").write_text(f"{doc['uboot']}\n{doc['bdinfo']}")
    script = SCRIPTS / f"{name}.cmd" if as_text else folder / "boot.scr"
    (folder / "boot.scr").write_bytes(base64.b64decode(row["script"]))
    ramdisk = folder / ("uInitrd" if name == "armbian" else "initrd.img")
    (made,) = uboot_setups(
        [str(folder / "board.dtb")],
        printenv=str(folder / "printenv"),
        bdinfo=str(folder / "bdinfo"),
        changes=row["given"],
        script=str(script),
        hush=hush,
        extlinux=str(folder / "extlinux.conf") if name == "menu" and as_text else None,
        files=[f"/extlinux.conf={folder / 'extlinux.conf'}"] if name == "menu" and not as_text else (),
        ramdisk=str(ramdisk),
        zimage=str(ZIMAGE),
    )
    return made


def has_the_commands(recorded: str, name: str) -> bool:
    """Whether that build of U-Boot knows all commands of the script: sysboot went out of Debian's after 2023.01."""
    return not any(line.startswith("Unknown command") for line in recording(recorded)["scripts"][name]["console"])


BOOTING = [
    (recorded, name)
    for recorded in RECORDINGS
    for name in NAMES
    if name not in (LOADS_NO_TREE, LOADS_OVER) and has_the_commands(recorded, name)
]


@pytest.mark.parametrize("as_text", [False, True], ids=["image", "text"])
@pytest.mark.parametrize(("recorded", "name"), BOOTING)
def test_script_as_u_boot_ran_it(recorded: str, name: str, as_text: bool, tmp_path: Path) -> None:
    """Every message from the boot command on, the kernel's entry, and every byte of the tree that it got."""
    doc = recording(recorded)
    row = doc["scripts"][name]
    as_recorded(setup(doc, name, tmp_path, as_text=as_text), row)


@pytest.mark.parametrize("recorded", RECORDINGS)
def test_recorded_scripts_are_those_of_the_folder(recorded: str) -> None:
    """And they tell apart what they should: the command lines differ, the sizes are the disk's."""
    doc = recording(recorded)
    assert sorted(doc["scripts"]) == NAMES
    started = [name for name in NAMES if doc["scripts"][name]["handed"] is not None]
    assert len(started) + ("menu" not in started) >= 9
    lines = {name: bootargs(blob(doc["scripts"][name])) for name in started}
    assert lines["armbian"] == "root=/dev/vda1 rootwait console=ttyAMA0  loglevel=1 panic=10"
    console = "\n".join(doc["scripts"]["plain"]["console"])
    assert f"{ZIMAGE} bytes read" in console
    assert f"{INITRD} bytes read" in console


@pytest.mark.parametrize("recorded", RECORDINGS)
def test_script_whose_load_has_no_address_is_refused(recorded: str, tmp_path: Path) -> None:
    """U-Boot prints load's usage there, and bootz then has no tree."""
    doc = recording(recorded)
    console = doc["scripts"][LOADS_NO_TREE]["console"]
    assert "load - load binary file from a filesystem" in console
    assert doc["scripts"][LOADS_NO_TREE]["handed"] is None
    with pytest.raises(InputError, match=r"boot\.scr: line 3: 'board\.dtb' stands where the address"):
        setup(doc, LOADS_NO_TREE, tmp_path)


@pytest.mark.parametrize("recorded", RECORDINGS)
def test_file_that_would_lie_on_u_boot_is_not_loaded(recorded: str, tmp_path: Path) -> None:
    doc = recording(recorded)
    row = doc["scripts"][LOADS_OVER]
    made = setup(doc, LOADS_OVER, tmp_path)
    assert made.uboot is not None
    placed = run(made.uboot, made.board, made.command)
    assert row["handed"] is None
    assert placed.failed
    assert placed.said == [line for line in row["console"] if line.startswith("**")]


def test_what_is_loaded_stays_reserved_since_2025_01() -> None:
    """The script loads the ramdisk where U-Boot would move it to."""
    moved = {}
    for recorded in RECORDINGS:
        row = recording(recorded)["scripts"]["high"]
        (line,) = (line for line in row["console"] if "Loading Ramdisk to" in line)
        moved[recorded.split("-")[1][:4]] = int(line.split("to ")[1].split(",")[0], 16) + INITRD
    assert moved["2023"] > 0x5D000000
    assert max(moved["2025"], moved["2026"]) <= 0x5D000000


OTHERWISE = {
    "branches": r"line 19: syntax error at 'fi': the newer parser resets the board",
    "debian": r"'virtio 0:-0}' names no device and partition",
}
"""What comes to no boot in the newer parser, and what bootmap says of it."""


@pytest.mark.parametrize("name", [name for name in NAMES if name not in (LOADS_NO_TREE, LOADS_OVER)])
def test_scripts_in_the_newer_parser(name: str, tmp_path: Path) -> None:
    """Equal to the byte; where it is not said which parser it is, a note says what differs."""
    doc = recording(MODERN)
    row = doc["scripts"][name]
    noted = any("CONFIG_HUSH_MODERN_PARSER" in each for each in setup(doc, name, tmp_path).script)
    assert noted == (name in OTHERWISE)
    if name not in OTHERWISE:
        as_recorded(setup(doc, name, tmp_path, hush="modern"), row)
        return
    assert row["handed"] is None
    with pytest.raises(InputError, match=OTHERWISE[name]):
        setup(doc, name, tmp_path, hush="modern")
