"""Recorded boots of scripts, and what bootmap made of them."""

from __future__ import annotations

import base64
import gzip
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from bootmap.inputs import fdt
from bootmap.loaders.uboot.bootm import run
from bootmap.loaders.uboot.fixups import complete
from bootmap.plan.load import uboot_setups
from bootmap.verify.loader.scripts import ZIMAGE, files
from support.uboot import DATA, blob, said

if TYPE_CHECKING:
    from pathlib import Path

    from bootmap.plan.setup import LoaderSetup


@cache
def recording(name: str) -> dict[str, Any]:
    doc: dict[str, Any] = json.loads(gzip.decompress((DATA / name).read_bytes()))
    return doc


def recorded_setup(
    doc: dict[str, Any], name: str, folder: Path, *, each: bool = False, hush: str | None = None
) -> LoaderSetup:
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
        hush=hush,
        ramdisk=str(disk / "initrd.img"),
        zimage=str(ZIMAGE),
    )
    return made


def of_the_boot(row: dict[str, Any]) -> list[str]:
    """What U-Boot says from the boot command on."""
    lines = said({**row, "case": {}})
    begins = next(i for i, line in enumerate(lines) if line.startswith(("Kernel image @", "## Booting kernel")))
    return lines[begins:]


def bootargs(tree: bytes) -> str:
    node = fdt.parse(tree).node("/chosen")
    assert node is not None
    value: bytes = node.properties["bootargs"].value
    return value.rstrip(b"\0").decode()


def as_recorded(made: LoaderSetup, row: dict[str, Any]) -> None:
    """Every message of the boot, the kernel's entry, and every byte of the tree that it got."""
    assert made.uboot is not None
    placed = run(made.uboot, made.board, made.command)
    assert placed.said == of_the_boot(row)
    if row["handed"] is None:
        assert placed.failed
        return
    assert placed.dtb is not None
    assert made.command.tree is not None
    assert (placed.entry, placed.dtb.start) == (row["handed"]["entry"], row["handed"]["r2"])
    tree = complete(made.uboot, made.command.tree, placed.dtb.start, made.board.banks, placed.ramdisk, made.command.env)
    assert bootargs(tree) == bootargs(blob(row))
    assert tree == blob(row)
