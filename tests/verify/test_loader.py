"""A real U-Boot under QEMU, now: made-up cases, and the whole chain to the kernel's page tables."""

from __future__ import annotations

import gzip
import random
import shutil
import struct
import zlib
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.uboot import said

from bootmap.errors import FdtError
from bootmap.facts.machines.qemu import MACHINES_BY_NAME
from bootmap.inputs import bdinfo, fdt, uboot_env
from bootmap.inputs.fdt_writer import MadeNode, cells, flatten, text
from bootmap.loaders.uboot.board import UBootBoard
from bootmap.loaders.uboot.bootm import run
from bootmap.loaders.uboot.command import Command, KernelImage
from bootmap.loaders.uboot.release import UBoot
from bootmap.plan.setup import LoadedImage, Told, command_of, fit_command_of
from bootmap.units import MIB, Span
from bootmap.verify.guest import Setup
from bootmap.verify.load import load_kernel
from bootmap.verify.loader.cases import made_up
from bootmap.verify.loader.chain import boot_chain
from bootmap.verify.loader.console import UBootConsole
from bootmap.verify.loader.outcome import ChainRequest
from bootmap.verify.loader.payload import zimage
from bootmap.verify.loader.record import answer, record, room

BINARY = Path("/usr/lib/u-boot/qemu_arm/u-boot.bin")
KERNEL = Path(__file__).parent.parent.parent / ".kernels" / "deb-6.1"

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(not BINARY.exists(), reason="Debian's u-boot-qemu is not installed"),
    pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="QEMU is not installed"),
]


def test_run_equals_the_installed_u_boot() -> None:
    """Six cases of a seed that is in no recording."""
    seed = 31337
    cases = [case for case in made_up(seed, 40, room(BINARY)) if not case.ramdisk or case.ramdisk[1] < 64 * MIB][:6]
    doc = record(BINARY, cases)
    for case, row in zip(cases, doc["cases"], strict=True):
        env: dict[str, str | None] = {**uboot_env.parse_text(doc["printenv"]), **case.env}
        given = {name: value for name, value in env.items() if value is not None}
        uboot = UBoot.named(doc["uboot"], given["board"])
        assert uboot is not None
        at, size = case.kernel
        bootz = case.command == "bootz"
        image = KernelImage(at, size) if bootz else KernelImage(at, size, 64, case.load, case.load or 0)
        header = 64 if case.legacy else 0
        ramdisk = Span(case.ramdisk[0] + header, sum(case.ramdisk) + header) if case.ramdisk else None
        command = Command(case.command, image, ramdisk, case.dtb, fdt.parse(case.tree()), given, header)
        placed = run(uboot, UBootBoard.of(bdinfo.parse(doc["bdinfo"][str(case.memory)])), command)
        assert placed.said == said(row), (seed, case.words)
        assert bool(placed.failed) == (row["handed"] is None), (seed, case.words)


def test_run_a_fit_with_another_configuration(tmp_path: Path) -> None:
    """bootm ADDR#b: the second of two, with a tree and a load address of its own; and one that is not there."""
    memory, at = 512, 0x44000000
    root = MadeNode(properties={"description": text("x"), "timestamp": cells(1), "#address-cells": cells(1)})
    images, configurations = root.add("images"), root.add("configurations", {"default": text("a")})
    words = {"arch": text("arm"), "compression": text("none")}
    for name, load in (("a", 0x40208000), ("b", 0x42000000)):
        own = replace(made_up(1, 1)[0], reserved=(), memreserve=(), padding=len(name) + load % 97)
        linux = {"type": text("kernel"), "os": text("linux"), "load": cells(load), "entry": cells(load)}
        images.add(f"kernel-{name}", {"data": zimage(0x1000).ljust(0x4000, b"\0"), **words, **linux})
        images.add(
            f"fdt-{name}", {"data": own.tree(), "type": text("flat_dt"), **words, "load": cells(load + 64 * MIB)}
        )
        configurations.add(name, {"kernel": text(f"kernel-{name}"), "fdt": text(f"fdt-{name}")})
    path = tmp_path / "fit.itb"
    path.write_bytes(flatten(root))
    with UBootConsole(BINARY, memory * MIB, {at: path}) as uboot:
        info, variables = uboot.command("bdinfo"), uboot.command("printenv")
        banner = next(line for line in uboot.banner.splitlines() if line.startswith("U-Boot 2")).strip()
        row = {"case": {"fit": [None, None]}, **answer(uboot, f"bootm {at:x}#b")}
    told = Told(uboot_env.parse_text(variables), bdinfo.parse(info), banner, (), f"bootm {at:x}#b")
    tree = fdt.parse(own.tree())  # that of the last, "b"
    command = fit_command_of(told, path.read_bytes(), tree)
    release = UBoot.named(banner, "qemu-arm")
    assert release is not None
    assert command.fit is not None
    assert command.fit.name == "b"
    placed = run(release, UBootBoard.of(bdinfo.parse(info)), command)
    assert placed.said == said(row)
    assert row["handed"] is not None
    assert row["handed"]["entry"] == placed.entry == 0x42000000
    assert placed.dtb is not None
    assert row["handed"]["r2"] == placed.dtb.start
    with pytest.raises(FdtError, match="no configuration 'c'; it has a, b"):
        fit_command_of(replace(told, command=f"bootm {at:x}#c"), path.read_bytes(), tree)


@pytest.mark.parametrize("load", [0x40208000, 0x44000800])
def test_run_a_compressed_kernel(tmp_path: Path, load: int) -> None:
    """bootm unpacks a uImage that gzip has packed; the second to where it lies itself: no reservation then."""
    at, tree_at = 0x44000000, 0x48000000
    own = replace(made_up(1, 1)[0], reserved=(), memreserve=())
    whole = zimage(0x4000).ljust(0x4000, b"\0")
    packed = gzip.compress(whole, mtime=0)
    rest = (0, len(packed), load, load, zlib.crc32(packed), 5, 2, 2, 1, b"payload")
    header = struct.pack(">7I4B32s", 0x27051956, 0, *rest)
    header = header[:4] + struct.pack(">I", zlib.crc32(header)) + header[8:]
    kernel, tree = tmp_path / "uImage", tmp_path / "dtb"
    kernel.write_bytes(header + packed)
    tree.write_bytes(own.tree())
    with UBootConsole(BINARY, 512 * MIB, {at: kernel, tree_at: tree}) as uboot:
        info, variables = uboot.command("bdinfo"), uboot.command("printenv")
        banner = next(line for line in uboot.banner.splitlines() if line.startswith("U-Boot 2")).strip()
        row = {"case": {}, **answer(uboot, f"bootm {at:x} - {tree_at:x}")}
    told = Told(uboot_env.parse_text(variables), bdinfo.parse(info), banner, (), f"bootm {at:x} - {tree_at:x}")
    command = command_of(
        told, LoadedImage(len(whole), 64, load, load, len(packed), "gzip"), None, fdt.parse(own.tree())
    )
    release = UBoot.named(banner, "qemu-arm")
    assert release is not None
    placed = run(release, UBootBoard.of(bdinfo.parse(info)), command)
    assert placed.said == said(row)
    assert any("Uncompressing Kernel Image" in line for line in placed.said)
    assert row["handed"] is not None
    assert row["handed"]["entry"] == placed.entry
    assert placed.dtb is not None
    assert row["handed"]["r2"] == placed.dtb.start


@pytest.mark.skipif(not KERNEL.exists(), reason="no kernel to boot; `make kernels` fetches Debian's")
def test_boot_chain_u_boot_decompressor_and_kernel_are_equal() -> None:
    setup = Setup(MACHINES_BY_NAME["virt"], 512 * MIB)
    request = ChainRequest(
        BINARY,
        ramdisk=bytes(random.Random(1).randrange(256) for _ in range(5000)),
        changes={"fdt_high": "", "initrd_high": "", "bootm_size": "10000000", "bootargs": "console=ttyAMA0"},
    )
    done = boot_chain(load_kernel(str(KERNEL)), setup, request)
    assert done.loader_differences == ()
    assert done.placed.ramdisk is not None
    assert done.placed.ramdisk.end <= 0x50000000
    assert done.comparison is not None
    assert not done.comparison.finding.is_wrong
    assert sum(done.comparison.words.values()) > 10000
    assert sum(done.comparison.wrong_words.values()) == 0


@pytest.mark.skipif(not KERNEL.exists(), reason="no kernel to boot; `make kernels` fetches Debian's")
def test_boot_chain_a_refusal_is_compared_too() -> None:
    setup = Setup(MACHINES_BY_NAME["virt"], 512 * MIB)
    done = boot_chain(load_kernel(str(KERNEL)), setup, ChainRequest(BINARY, changes={"fdt_high": "40000000"}))
    assert done.placed.failed
    assert done.loader_differences == ()
    assert done.recording is None
