"""Recorded boots of real U-Boots (tools/record-uboot), and bootmap's answer to the same input."""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootmap.inputs import bdinfo, fdt, uboot_env
from bootmap.loaders.uboot.board import Board
from bootmap.loaders.uboot.bootm import Command, KernelImage
from bootmap.loaders.uboot.release import UBoot
from bootmap.units import Span

if TYPE_CHECKING:
    from bootmap.verify.loader.cases import Case

DATA = Path(__file__).parent.parent / "data" / "loaders"
NAMES = sorted(path.name.removesuffix(".json.gz") for path in DATA.glob("uboot-*.json.gz"))
_HEADER_LINES = ("Image Name", "Created", "Image Type", "Data Size", "Load Address", "Entry Point", "Verifying")
_USAGE = re.compile(r"boot[zm] - boot")


@cache
def document(name: str) -> dict[str, Any]:
    """A recording, as it stands in the file."""
    doc: dict[str, Any] = json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))
    return doc


def variables(doc: dict[str, Any], case: Case) -> dict[str, str]:
    """The environment of a case."""
    env: dict[str, str | None] = {**uboot_env.parse_text(doc["printenv"]), **case.env}
    return {name: value for name, value in env.items() if value is not None}


def inputs(doc: dict[str, Any], case: Case) -> tuple[UBoot, Board, Command]:
    """What the model is given."""
    env = variables(doc, case)
    uboot = UBoot.named(doc["uboot"], env["board"])
    assert uboot is not None
    at, size = case.kernel
    kernel = KernelImage(at, size) if case.command == "bootz" else KernelImage(at, size, 64, case.load, case.load or 0)
    header = 64 if case.legacy else 0
    ramdisk = Span(case.ramdisk[0] + header, sum(case.ramdisk) + header) if case.ramdisk else None
    command = Command(case.command, kernel, ramdisk, case.dtb, fdt.parse(case.tree()), env, header)
    return uboot, Board.of(bdinfo.parse(doc["bdinfo"][str(case.memory)])), command


def said(row: dict[str, Any]) -> list[str]:
    """The lines that matter: without what a uImage's header says, the usage after a refusal, and registers."""
    lines = []
    for line in row["console"]:
        if _USAGE.match(line):
            break
        if line != "hangs" and not line.strip().startswith(_HEADER_LINES):
            lines.append(line)
        if line.endswith("data abort"):
            break
    return lines


def blob(row: dict[str, Any]) -> bytes:
    """The tree that the kernel would have got."""
    return zlib.decompress(base64.b64decode(row["handed"]["blob"]))
