"""Boots for barebox to place, made up from a seed, and what a real barebox does with each.

A recording is a dictionary: ``barebox`` (the version line) and ``boots``, each with ``case`` (a row of
:class:`BareboxCase`), ``iomem`` (what barebox's iomem says before), ``console`` (lines up to the kernel's start) and
``handed``: entry, r1, r2 and the blob, or None where no kernel was started.
"""

from __future__ import annotations

import random
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

from bootmap.errors import ToolMissingError
from bootmap.inputs import fdt
from bootmap.inputs.fdt_writer import cells, editable, flatten, text
from bootmap.inputs.fs import read_file
from bootmap.output import write_file
from bootmap.units import KIB, MIB, align_down
from bootmap.verify.loader.cases import RAM, made_tree, with_header
from bootmap.verify.loader.console import QEMU, BareboxConsole
from bootmap.verify.loader.payload import zimage
from bootmap.verify.loader.record import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_MEMORY = (64, 96, 128, 192, 256, 384, 512, 640, 768, 1024, 1536, 2048)
_KERNEL_TYPE, _RAMDISK_TYPE = 2, 3
_FOLDER = "/mnt"
_MZ = b"MZ\x25\xe2"
"""A zImage's first instruction where it has the EFI stub: it changes r5, and is a DOS program's magic."""
_VERSION = "barebox 20"
_TELLS = re.compile(r"no OS load address|no initrd load address|initrd is at 0x|Starting kernel at ")


def telling(lines: Iterable[str]) -> list[str]:
    """Those of barebox's lines that tell addresses, which are those that the model has."""
    return [line.rstrip() for line in lines if _TELLS.match(line)]


class BareboxCase(Struct, frozen=True):
    """One boot.

    Attributes:
        memory: MiB of RAM.
        kernel: bytes of the zImage, as its header says; with ``load`` of what is in the uImage.
        uimage: the kernel has U-Boot's header in front.
        load: the uImage's load address.
        loadaddr: where the kernel is wanted (``-a``); None where barebox decides.
        ramdisk: bytes of the ramdisk; None for none.
        ramdisk_at: where it is wanted (``-L``); None where barebox decides.
        legacy: the ramdisk has U-Boot's header in front.
        variables: the wishes are in ``global.bootm``'s variables, not in options.
        reserved: nodes of /reserved-memory in the kernel's tree: base, size, whether they are no-map.
        memreserve: /memreserve/ entries of it: base, size.
        own: nodes of /reserved-memory in barebox's own tree: base, size.
        padding: bytes of a property that makes the tree larger.
        wide: two cells for addresses and sizes, else one.
        chosen: whether the tree has a /chosen, with bootargs of its own.
        bootargs: ``global.linux.bootargs.base``; "" where it is not set.
        appended: the tree stands behind the zImage in its file.
        efi: the zImage begins as one with the EFI stub does.
        psci: "cpus" where the tree has CPUs; "older" where it has a PSCI of an older version too.
    """

    memory: int
    kernel: int
    uimage: bool = False
    load: int = 0
    loadaddr: int | None = None
    ramdisk: int | None = None
    ramdisk_at: int | None = None
    legacy: bool = False
    variables: bool = False
    reserved: tuple[tuple[int, int, bool], ...] = ()
    memreserve: tuple[tuple[int, int], ...] = ()
    own: tuple[tuple[int, int], ...] = ()
    padding: int = 0
    wide: bool = True
    chosen: bool = True
    bootargs: str = ""
    appended: bool = False
    psci: str = ""
    efi: bool = False

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> BareboxCase:
        """The case of :meth:`row`."""
        values = dict(row)
        for name in ("reserved", "memreserve", "own"):
            values[name] = tuple(tuple(each) for each in values.get(name, ()))
        return cls(**values)

    def row(self) -> dict[str, Any]:
        """The case as JSON has it, without what is as usual."""
        usual = asdict(BareboxCase(0, 0))
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @property
    def settings(self) -> dict[str, str]:
        """The variables that are set before."""
        values = {}
        if self.bootargs:
            values["linux.bootargs.base"] = self.bootargs
        if self.variables and self.loadaddr is not None:
            values["bootm.image.loadaddr"] = f"{self.loadaddr:#x}"
        if self.variables and self.ramdisk_at is not None:
            values["bootm.initrd.loadaddr"] = f"{self.ramdisk_at:#x}"
        return values

    @property
    def words(self) -> str:
        """The command that boots it."""
        words = ["bootm -v"]
        if not self.variables and self.loadaddr is not None:
            words.append(f"-a {self.loadaddr:#x}")
        if self.ramdisk is not None:
            words.append(f"-r {_FOLDER}/initrd")
        if not self.variables and self.ramdisk_at is not None:
            words.append(f"-L {self.ramdisk_at:#x}")
        if not self.appended:
            words.append(f"-o {_FOLDER}/dtb")
        return " ".join([*words, f"{_FOLDER}/kernel"])

    def tree(self) -> bytes:
        """The kernel's blob."""
        root = made_tree([RAM], wide=self.wide, padding=self.padding, chosen=self.chosen, reserved=self.reserved)
        root.add("soc", {"compatible": text("simple-bus")})
        if self.psci:
            root.add("cpus").add("cpu@0", {"device_type": text("cpu"), "compatible": text("arm,cortex-a15")})
        if self.psci == "older":
            root.add("firmware").add("smc", {"compatible": text("arm,psci-0.2"), "method": text("smc")})
        return flatten(root, self.memreserve)

    def files(self) -> dict[str, bytes]:
        """What is on the disk."""
        kernel = zimage(self.kernel).ljust(self.kernel, b"\0")
        kernel = _MZ + kernel[len(_MZ) :] if self.efi else kernel
        if self.uimage:
            kernel = with_header(kernel, self.load, _KERNEL_TYPE)
        found = {"kernel": kernel + (self.tree() if self.appended else b""), "dtb": self.tree()}
        if self.ramdisk is not None:
            data = bytes(self.ramdisk)
            found["initrd"] = with_header(data, 0, _RAMDISK_TYPE) if self.legacy else data
        return found


def barebox_cases(seed: int, number: int) -> list[BareboxCase]:
    """``number`` cases."""
    rng = random.Random(seed)
    return [_case(rng) for _ in range(number)]


def efi_cases(seed: int, number: int) -> list[BareboxCase]:
    """``number`` cases whose kernels have the EFI stub."""
    return [BareboxCase.of(asdict(case) | {"efi": True}) for case in barebox_cases(seed, number)]


def _case(rng: random.Random) -> BareboxCase:
    memory = rng.choice(_MEMORY)
    half = memory * MIB // 2
    size = rng.choice((rng.randrange(64 * KIB, 4 * MIB), rng.randrange(4 * MIB, 16 * MIB))) & ~3
    size = min(size, max(MIB, half // 3)) & ~3
    uimage = rng.random() < 0.2
    values: dict[str, Any] = {"memory": memory, "kernel": size, "uimage": uimage, "variables": rng.random() < 0.4}
    places = (RAM + 0x8000, RAM + 2 * MIB, RAM + 16 * MIB, RAM + 40 * MIB, RAM + half - size - 3 * MIB)
    if uimage:
        values["load"] = align_down(rng.choice(places), 4 * KIB)
    if rng.random() < 0.3:
        wished = (*places, RAM + 64 * MIB + 0x123, RAM - 16 * MIB, RAM + half - size // 2, RAM + memory * MIB - MIB)
        values["loadaddr"] = rng.choice(wished)
    if rng.random() < 0.75:
        sizes = (rng.randrange(1, MIB), rng.randrange(MIB, 24 * MIB), 128 * KIB, 3 * MIB, half // 2, half - 6 * MIB)
        values["ramdisk"] = max(1, min(rng.choice(sizes), 200 * MIB))
        values["legacy"] = values["ramdisk"] < 4 * MIB and rng.random() < 0.3
    if rng.random() < 0.3:
        disk_places = (RAM + 48 * MIB, RAM + 128 * MIB, RAM + 32 * MIB, RAM + half - 2 * MIB, RAM + 33 * MIB + 0x777)
        values["ramdisk_at"] = rng.choice((*disk_places, RAM + memory * MIB - 8 * MIB, RAM + memory * MIB))
    if rng.random() < 0.4:
        areas = []
        for _ in range(rng.choice((1, 1, 2, 4))):
            at = rng.choice((RAM, RAM + 8 * MIB, RAM + 24 * MIB, RAM + 32 * MIB, RAM + 65 * MIB, RAM + 130 * MIB))
            areas.append((align_down(at + rng.choice((0, 0, 0x3000)), 4 * KIB), rng.choice((64 * KIB, MIB, 8 * MIB))))
        values["own"] = [area for area in areas if area[0] + area[1] <= RAM + half - 4 * MIB]
    if rng.random() < 0.4:
        values["reserved"] = [
            (RAM + rng.randrange(1, 120) * MIB, rng.choice((4 * KIB, MIB, 0x1234)), rng.random() < 0.5)
            for _ in range(rng.choice((1, 2)))
        ]
    if rng.random() < 0.2:
        values["memreserve"] = [(RAM + 3 * MIB, 0x2000)]
    values["padding"] = rng.choice((0, 0, rng.randrange(1, 9000), rng.randrange(9000, 60000)))
    values["wide"], values["chosen"] = rng.random() < 0.7, rng.random() < 0.8
    values["bootargs"] = rng.choice(("", "", "console=ttyAMA0 quiet"))
    values["psci"] = rng.choice(("", "cpus", "older"))
    values["appended"] = not uimage and rng.random() < 0.15
    return BareboxCase.of(values)


def record_barebox(
    binary: Path, cases: Iterable[BareboxCase], note: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Boot every case.

    Args:
        binary: barebox-dt-2nd.img, for QEMU's virt machine.
        cases: the boots.
        note: told of each boot that was done.

    Raises:
        BootmapError: QEMU or mke2fs is missing, or barebox does not come to its prompt.
    """
    doc: dict[str, Any] = {"barebox": "", "boots": []}
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="bootmap-") as folder:
            disk, dtb = disk_of(case.files(), Path(folder)), _own_tree(case, Path(folder))
            with BareboxConsole(binary, case.memory * MIB, disk, dtb) as barebox:
                lines = barebox.banner.splitlines()
                doc["barebox"] = next(line for line in lines if line.startswith(_VERSION)).strip()
                iomem = barebox.command("iomem")
                barebox.command(f"mount /dev/virtioblk0 {_FOLDER}")
                for name, value in case.settings.items():
                    barebox.command(f'global.{name}="{value}"')
                doc["boots"].append({"case": case.row(), "iomem": iomem, **answer(barebox, case.words)})
        note(f"{case.memory} MiB: {case.words}")
    return doc


def disk_of(files: Mapping[str, bytes], folder: Path) -> Path:
    """The image of a disk with those files, made in ``folder``.

    Raises:
        ToolMissingError: mke2fs is missing.
    """
    (folder / "disk").mkdir()
    total = 0
    for name, data in files.items():
        total += len(data)
        write_file(folder / "disk" / name, data)
    image = folder / "disk.img"
    size = f"{total // MIB + 16}M"
    _tool("mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum", "-d", str(folder / "disk"), str(image), size)
    return image


def _own_tree(case: BareboxCase, folder: Path) -> Path | None:
    """QEMU's tree with barebox's own reserved memory; None where that is QEMU's as it is."""
    if not case.own:
        return None
    path = folder / "own.dtb"
    _tool(
        QEMU,
        "-display",
        "none",
        "-M",
        f"virt,dumpdtb={path}",
        "-cpu",
        "cortex-a15",
        "-m",
        f"{case.memory}M",
        "-nic",
        "none",
    )
    root = editable(fdt.parse(read_file(str(path))))
    parent = root.add("reserved-memory", {"#address-cells": cells(2), "#size-cells": cells(2), "ranges": b""})
    for i, (base, size) in enumerate(case.own):
        parent.add(f"own{i}@{base:x}", {"reg": cells(base, size, width=2)})
    write_file(path, flatten(root))
    return path


def _tool(*words: str) -> None:
    try:
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        raise ToolMissingError(f"{words[0]} is not installed; Debian has mke2fs in e2fsprogs") from None
