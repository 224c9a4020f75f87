"""What a real U-Boot does with a case: its own words, and what the kernel would have got.

A recording is a dictionary: ``uboot`` (the version line), ``bdinfo`` (RAM -> what bdinfo says), ``printenv``, ``build``
(what the build decides and no command shows, where it is not that of the board's name), and ``cases``, each with
``case`` (a row of :class:`LoaderCase`), ``console`` (lines up to the kernel's start) and ``handed``: entry,
r1, r2 and the blob, or None where no kernel was started.
"""

from __future__ import annotations

import base64
import re
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootmap.inputs.fs import read_file
from bootmap.output import write_file
from bootmap.units import MIB
from bootmap.verify.loader.banks import SECURE_RAM, with_banks
from bootmap.verify.loader.cases import RAM
from bootmap.verify.loader.console import RESETS, LoaderConsole, SilentError, UBootConsole
from bootmap.verify.loader.payload import handed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bootmap.verify.loader.cases import LoaderCase

_STARTED = re.compile(r"^@[0-9a-f]{8} .*|^Starting kernel \.\.\.\n", re.MULTILINE)
"""The payload's first word; U-Boot's last line is left out as it tells nothing."""
_SECURE = ("-machine", "secure=on")
"""The CPU starts in the secure state and QEMU provides no PSCI: neither U-Boot nor the payload can end the machine."""
_RESERVED = re.compile(r"reserved(?:\[\d+\]\s+\[0x|\.reg\[0x\w+\]\.base = 0x)(\w+)")


def room(binary: Path, *, has_tree: bool = True) -> int:
    """Bytes that U-Boot keeps for itself at the end of RAM, as its bdinfo shows them.

    Args:
        binary: u-boot.bin for QEMU's virt machine.
        has_tree: False for a u-boot-nodtb.bin that takes its banks from a tree behind it.

    Raises:
        BootmapError: QEMU is missing, or U-Boot does not come to its prompt.
    """
    memory = 512 * MIB
    with tempfile.TemporaryDirectory(prefix="bootmap-") as folder:
        used = binary if has_tree else _with_banks(binary, ((RAM, memory),), Path(folder, "u-boot"))
        with UBootConsole(used, memory, {}) as uboot:
            starts = [int(start, 16) for start in _RESERVED.findall(uboot.command("bdinfo"))]
    return RAM + memory - min(starts)


def _with_banks(binary: Path, banks: Sequence[tuple[int, int]], file: Path) -> Path:
    write_file(file, with_banks(read_file(str(binary)), banks))
    return file


def record(binary: Path, cases: Iterable[LoaderCase], note: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Boot every case.

    Args:
        binary: u-boot.bin for QEMU's virt machine; u-boot-nodtb.bin where the cases have banks.
        cases: the boots.
        note: told of each boot that was done.

    Raises:
        BootmapError: QEMU is missing, or U-Boot does not come to its prompt.
    """
    doc: dict[str, Any] = {"uboot": "", "bdinfo": {}, "printenv": "", "cases": []}
    with tempfile.TemporaryDirectory(prefix="bootmap-") as folder:
        for case in cases:
            files = {case.kernel[0]: Path(folder, "image")}
            write_file(files[case.kernel[0]], case.image())
            if case.fit is None:
                files[case.dtb] = Path(folder, "dtb")
                write_file(files[case.dtb], case.tree())
            if case.ramdisk is not None and case.legacy:
                files[case.ramdisk[0]] = Path(folder, "ramdisk")
                write_file(files[case.ramdisk[0]], case.disk())
            used = _with_banks(binary, case.banks, Path(folder, "u-boot")) if case.banks else binary
            more, stops = (_SECURE, (RESETS,)) if SECURE_RAM in dict(case.banks) else ((), ())
            with UBootConsole(used, case.memory * MIB, files, more, stops) as uboot:
                doc["uboot"] = next(line for line in uboot.banner.splitlines() if line.startswith("U-Boot 2")).strip()
                if case.ram not in doc["bdinfo"]:
                    doc["bdinfo"][case.ram] = uboot.command("bdinfo")
                doc["printenv"] = doc["printenv"] or uboot.command("printenv")
                for name, value in case.env.items():
                    uboot.command(f"setenv {name} {value or ''}".strip())
                doc["cases"].append({"case": case.row(), **answer(uboot, case.words)})
            note(case.words)
    return doc


def answer(loader: LoaderConsole, words: str) -> dict[str, Any]:
    """What comes of a boot command; ``console`` ends with "hangs" where neither kernel nor prompt comes."""
    try:
        said = loader.command(words)
    except SilentError as silent:
        said = silent.said.replace("\r", "").partition("\n")[2] + "\nhangs"
    found = handed(said)
    lines = (_STARTED.split(said)[0] if found else said).split("\n")
    result: dict[str, Any] = {"console": [line.rstrip() for line in lines if line.strip()], "handed": None}
    if found is not None:
        blob = base64.b64encode(zlib.compress(found.blob, 9)).decode()
        result["handed"] = {"entry": found.entry, "r1": found.r1, "r2": found.r2, "blob": blob}
    return result
