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
from unittest import mock

from msgspec.structs import replace

from bootmap.inputs import bdinfo, fdt, fit, uboot_env
from bootmap.loaders.uboot.board import UBootBoard
from bootmap.loaders.uboot.command import Command, KernelImage
from bootmap.loaders.uboot.fit import UNKNOWN, in_ram
from bootmap.loaders.uboot.release import UBoot
from bootmap.units import Span
from bootmap.verify.loader import cases

if TYPE_CHECKING:
    from bootmap.verify.loader.cases import LoaderCase

DATA = Path(__file__).parent.parent / "data" / "loaders"
NAMES = sorted(path.name.removesuffix(".json.gz") for path in DATA.glob("uboot-*.json.gz"))
_HEADER_LINES = ("Image Name", "Created", "Image Type", "Data Size", "Load Address", "Entry Point", "Verifying")
_FIT_LINES = ("     ", "   Using '", "   Trying '")
_BLOB = "   Booting using the fdt blob at "
_USAGE = re.compile(r"boot[zm] - boot")


@cache
def document(name: str) -> dict[str, Any]:
    """A recording, as it stands in the file."""
    doc: dict[str, Any] = json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))
    return doc


def given(folder: Path, name: str = "uboot-2023.01-a") -> tuple[object, ...]:
    """What the command ``plan`` is told of a recorded U-Boot with 512 MiB; its files are written to ``folder``."""
    doc = document(name)
    (folder / "printenv").write_text(doc["printenv"])
    (folder / "bdinfo").write_text(f"{doc['uboot']}\n{doc['bdinfo']['512']}")
    return "--printenv", folder / "printenv", "--bdinfo", folder / "bdinfo", "--zimage", "5M"


def variables(doc: dict[str, Any], case: LoaderCase) -> dict[str, str]:
    """The environment of a case."""
    env: dict[str, str | None] = {**uboot_env.parse_text(doc["printenv"]), **case.env}
    return {name: value for name, value in env.items() if value is not None}


def uboot_of(doc: dict[str, Any], env: dict[str, str]) -> UBoot:
    """Which U-Boot was recorded."""
    uboot = UBoot.named(doc["uboot"], env["board"])
    assert uboot is not None
    return replace(uboot, build=replace(uboot.build, **doc.get("build", {})))


def inputs(doc: dict[str, Any], case: LoaderCase) -> tuple[UBoot, UBootBoard, Command]:
    """What the model is given."""
    env = variables(doc, case)
    if case.fit is not None:
        return _with_fit(doc, case, env)
    uboot = uboot_of(doc, env)
    at, size = case.kernel
    kernel = (
        KernelImage(at, size)
        if case.command == "bootz"
        else KernelImage(at, size, 64, case.load, case.load or 0, case.packed, case.packing or "none")
    )
    header = 64 if case.legacy else 0
    ramdisk = Span(case.ramdisk[0] + header, sum(case.ramdisk) + header) if case.ramdisk else None
    command = Command(case.command, kernel, ramdisk, case.dtb, fdt.parse(case.tree()), env, header)
    return uboot, UBootBoard.of(bdinfo.parse(doc["bdinfo"][case.ram])), command


@cache
def _packed() -> dict[str, str]:
    """The kernels of the recordings as they were packed: other releases of lz4, lzop and zstd make other bytes."""
    rows: dict[str, str] = json.loads(gzip.decompress((DATA / "kernels-packed.json.gz").read_bytes()))
    return rows


def packed_as_recorded(data: bytes, packing: str) -> bytes:
    return base64.b64decode(_packed()[f"{packing}-{len(data)}"])


def _with_fit(doc: dict[str, Any], case: LoaderCase, env: dict[str, str]) -> tuple[UBoot, UBootBoard, Command]:
    uboot = uboot_of(doc, env)
    with mock.patch.object(cases, "pack", packed_as_recorded):
        data = case.image()
    blob = fdt.parse(data, fit.LARGEST)
    kernel, found = in_ram(fit.parts(blob, data), case.kernel[0], blob.totalsize)
    command = Command("bootm", kernel, None, None, fdt.parse(case.tree()), env, fit=found)
    return uboot, UBootBoard.of(bdinfo.parse(doc["bdinfo"][case.ram])), command


def said(row: dict[str, Any]) -> list[str]:
    """The lines that matter: without what a uImage's header says, the usage after a refusal, and registers."""
    lines = []
    for line in row["console"]:
        if _USAGE.match(line) or line == "Starting kernel ...":
            break
        if lines[-1:] == ["Error: fdt overwritten"] and line.startswith(_BLOB):
            line = f"{_BLOB}{UNKNOWN}"
        fit_says = row["case"].get("fit") is not None and line.startswith(_FIT_LINES)
        if line != "hangs" and not line.strip().startswith(_HEADER_LINES) and not fit_says:
            lines.append(line)
        if line.endswith("data abort"):
            break
    return lines


def blob(row: dict[str, Any]) -> bytes:
    """The tree that the kernel would have got; where SMBIOS tables are is not known before, and stands as 0."""
    got = zlib.decompress(base64.b64decode(row["handed"]["blob"]))
    chosen = fdt.parse(got).node("/chosen")
    entry = chosen.get("smbios3-entrypoint") if chosen is not None else None
    return got if entry is None else got[: entry.offset] + bytes(8) + got[entry.offset + 8 :]
