"""Boot scripts, run by a real U-Boot under QEMU from a disk with the files that they load.

A recording is a dictionary: ``uboot``, ``bdinfo``, and ``scripts``: name -> ``script`` (boot.scr, base64; "" where
a variable is run), ``printenv`` (before it ran), ``given`` (variables that a file on the disk brings), ``disk`` (what
else is on the disk: name -> base64), ``bdinfo`` where it is another, ``console`` and ``handed`` as in ``record``.
"""

from __future__ import annotations

import base64
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootmap.errors import ToolMissingError
from bootmap.inputs.fdt_writer import MadeNode, cells, flatten, text
from bootmap.output import write_file
from bootmap.units import MIB
from bootmap.verify.loader.cases import RAM, LoaderCase
from bootmap.verify.loader.console import UBootConsole
from bootmap.verify.loader.record import answer
from bootmap.verify.loader.script_files import file_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MEMORY = 512 * MIB
ZIMAGE, INITRD = 3 * MIB + 0x1238, 5 * MIB + 3
"""Bytes of the kernel and the ramdisk on the disk, without headers."""
_SCRIPT_AT = RAM + 0x6000000
_SECTOR = 512
_SET, _GIVEN, _FIT, _DISK = "#: setenv ", "#: given ", "#: fit", "#: disk "
_RUN, _PARTITION = "#: run ", "#: partition"
_MENU = "default one\nlabel one\n kernel /vmlinuz\n initrd /initrd.img\n fdt /board.dtb\n append from=menu two\n"


def files() -> dict[str, bytes]:
    """What is on the disk, but for the file of variables."""
    case = LoaderCase(512, "bootz", (RAM, ZIMAGE), None, (0, INITRD), 0, reserved=((RAM + 0x5800000, MIB, False),))
    disk = LoaderCase(512, "bootz", (RAM, ZIMAGE), None, (0, INITRD), 0, legacy=True)
    return {
        "vmlinuz": case.image().ljust(ZIMAGE, b"\0"),
        "initrd.img": bytes(INITRD),
        "uInitrd": disk.disk(),
        "board.dtb": case.tree(),
        "extlinux.conf": _MENU.encode(),
    }


def given(text: str) -> list[str]:
    """``NAME=VALUE`` of each variable that the script's file of variables brings."""
    return [line.removeprefix(_GIVEN) for line in text.splitlines() if line.startswith(_GIVEN)]


def record_scripts(binary: Path, scripts: Iterable[Path], first: Sequence[str] = ()) -> dict[str, Any]:
    """Run each script.

    Args:
        binary: u-boot.bin for QEMU's virt machine.
        scripts: files of text; a line ``#: setenv ...`` is typed before, ``#: given NAME=VALUE`` is in /env.txt, with
            ``#: fit`` the script is in a FIT image; ``#: disk NAME KIND FILE...`` is on the disk, made of files beside
            the script; ``#: run NAME`` runs that variable, not the script; with ``#: partition`` the disk has one.
        first: commands that are typed before all others.

    Raises:
        BootmapError: QEMU, mkimage or mke2fs is missing, or U-Boot does not come to its prompt.
    """
    doc: dict[str, Any] = {"uboot": "", "bdinfo": "", "scripts": {}}
    for path in scripts:
        with tempfile.TemporaryDirectory(prefix="bootmap-") as folder:
            doc["scripts"][path.stem] = _run(binary, path, Path(folder), doc, first)
    return doc


def _run(binary: Path, path: Path, folder: Path, doc: dict[str, Any], first: Sequence[str]) -> dict[str, Any]:
    words = path.read_text()
    (folder / "disk").mkdir()
    lines = "".join(f"{line}\n" for line in given(words)).encode()
    more = dict(_more(line.removeprefix(_DISK), path) for line in words.splitlines() if line.startswith(_DISK))
    for name, data in {**files(), "env.txt": lines, **more}.items():
        (folder / "disk" / name).parent.mkdir(exist_ok=True)
        write_file(folder / "disk" / name, data)
    image, script = folder / "disk.img", folder / "boot.scr"
    _disk(folder / "disk", image, has_partition=f"{_PARTITION}\n" in words)
    name = ""
    if f"{_FIT}\n" in words:
        name = ":boot"
        write_file(script, _in_a_fit(path.read_bytes()))
    else:
        _tool("mkimage", "-T", "script", "-A", "arm", "-n", path.stem, "-d", str(path), str(script))
    disk = ("-drive", f"if=none,file={image},format=raw,id=disk", "-device", "virtio-blk-device,drive=disk")
    with UBootConsole(binary, MEMORY, {_SCRIPT_AT: script}, disk) as uboot:
        doc["uboot"] = next(line for line in uboot.banner.splitlines() if line.startswith("U-Boot 2")).strip()
        for line in first:
            uboot.command(line)
        uboot.command("virtio scan")  # U-Boot's EFI part takes some pages when it sees a disk
        bdinfo = uboot.command("bdinfo")
        doc["bdinfo"] = doc["bdinfo"] or bdinfo
        for line in words.splitlines():
            if line.startswith(_SET):
                uboot.command(line.removeprefix("#: "))
        row: dict[str, Any] = {"printenv": uboot.command("printenv"), "given": given(words)}
        if bdinfo != doc["bdinfo"]:  # U-Boot's EFI part keeps more of a disk with a partition
            row["bdinfo"] = bdinfo
        row["disk"] = {file: base64.b64encode(data).decode() for file, data in more.items()}
        run = next((line.removeprefix("#: ") for line in words.splitlines() if line.startswith(_RUN)), "")
        row["script"] = "" if run else base64.b64encode(script.read_bytes()).decode()
        return row | answer(uboot, run or f"source {_SCRIPT_AT:x}{name}")


def _more(row: str, path: Path) -> tuple[str, bytes]:
    name, kind, *sources = row.split()
    return name, file_of(kind, {source.partition(".")[0]: (path.parent / source).read_bytes() for source in sources})


def _disk(folder: Path, image: Path, *, has_partition: bool) -> None:
    """A file system with the folder's files; in the one partition of a disk, or alone."""
    _tool("mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum", "-d", str(folder), str(image), "32M")
    if has_partition:
        system = image.read_bytes()
        first, count = MIB // _SECTOR, len(system) // _SECTOR
        entry = struct.pack("<B3xB3xII", 0x80, 0x83, first, count)
        write_file(image, (bytes(446) + entry + bytes(48) + b"\x55\xaa").ljust(MIB, b"\0") + system)


def _in_a_fit(script: bytes) -> bytes:
    root = MadeNode(properties={"description": text("x"), "timestamp": cells(1), "#address-cells": cells(1)})
    node = root.add("images").add("boot", {"data": script, "type": text("script"), "compression": text("none")})
    node.properties |= {"description": text("boot script"), "arch": text("arm")}
    return flatten(root)


def _tool(*words: str) -> None:
    try:
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    except FileNotFoundError:
        raise ToolMissingError(f"{words[0]} is not installed; Debian has it in u-boot-tools, or e2fsprogs") from None
