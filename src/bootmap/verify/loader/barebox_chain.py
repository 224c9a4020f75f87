"""The whole chain under QEMU with barebox: bootm, the decompressor, the kernel; each compared with what was predicted.

As ``chain`` does it with U-Boot: barebox is typed to while QEMU's gdb stub waits for the kernel's first instruction.
Its files are on a disk; what barebox has of RAM its iomem tells.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bootmap.boot.decompressor.phys_offset import phys_offset
from bootmap.errors import MachineError, UsageError
from bootmap.image.recording import RecordedEntry
from bootmap.inputs import fdt, iomem
from bootmap.inputs.fs import read_file
from bootmap.loaders.barebox.bootm import BareboxBoard, BareboxCommand, bootm
from bootmap.loaders.barebox.fixups import without_heap
from bootmap.loaders.barebox.release import Barebox
from bootmap.units import Span, whole_number
from bootmap.verify.compare import compare
from bootmap.verify.guest import machine_with_ram
from bootmap.verify.loader.barebox import disk_of
from bootmap.verify.loader.outcome import (
    ChainRequest,
    LoaderBoot,
    handed_otherwise,
    observe_kernel,
    said_otherwise,
    serial_socket,
)
from bootmap.verify.loader.talk import BareboxTalk
from bootmap.verify.session import machine_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap.loaders.barebox.bootm import BareboxPlaced
    from bootmap.verify.guest import Setup
    from bootmap.verify.kernels import BootKernel

_START = 120.0
_PSCI = re.compile(r"psci\S* psci\S*: detected version (\d+\.\d+)")
_TREES = ("0.2", "1.0")
"""Versions of PSCI that a tree can name: another one is corrected."""
_LOADADDR, _RAMDISK_AT, _BOOTARGS = "bootm.image.loadaddr", "bootm.initrd.loadaddr", "linux.bootargs.base"


class BareboxBoot(LoaderBoot, frozen=True):
    """What came of it.

    Attributes:
        barebox: the barebox that ran.
        placed: what was predicted of it.
    """

    barebox: Barebox
    placed: BareboxPlaced


def boot_barebox(
    kernel: BootKernel, setup: Setup, request: ChainRequest, progress: Callable[[str], None] = lambda _: None
) -> BareboxBoot:
    """Boot all of it, read it and compare.

    Raises:
        ToolMissingError: QEMU or mke2fs is not installed.
        UsageError: the machine is not virt, the kernel no zImage, or a variable is not modelled.
        MachineError: QEMU or barebox ended, or something makes no sense.
    """
    if setup.machine.name != "virt" or kernel.file.kind != "zImage":
        raise UsageError("--loader barebox boots a zImage on QEMU's virt machine")
    for name in request.changes:
        if name not in (_LOADADDR, _RAMDISK_AT, _BOOTARGS):
            raise UsageError(f"--set {name}: with barebox {_LOADADDR}, {_RAMDISK_AT} and {_BOOTARGS} can be set")
    board, model = request.board if request.board is not None else machine_tree(setup), kernel.model()
    with tempfile.TemporaryDirectory(prefix="bootmap-") as folder, contextlib.ExitStack() as stack:
        files = {"kernel": read_file(str(kernel.file.path)), "dtb": board}
        files |= {"initrd": request.ramdisk} if request.ramdisk else {}
        path, disk = os.path.join(folder, "serial"), disk_of(files, Path(folder))
        more = ["-kernel", str(request.binary), "-nic", "none", *serial_socket(path)]
        more += ["-drive", f"if=none,file={disk},format=raw,id=disk", "-device", "virtio-blk-device,drive=disk"]
        progress("QEMU")
        machine, _ = stack.enter_context(machine_with_ram(setup, tuple(more), 30.0, serials=0))
        talk = stack.enter_context(BareboxTalk(path, request.changes))
        talk.start(" bootm -v" + (" -r /mnt/initrd" if request.ramdisk else "") + " -o /mnt/dtb /mnt/kernel")
        progress("barebox")
        machine.gdb.resume()
        talk.until_typed(_START)
        machine.gdb.interrupt(30.0)
        barebox, own = _board(talk, request)
        placed = bootm(barebox, own, _command(kernel, board, request))
        if placed.failed or placed.dtb is None:
            machine.gdb.resume()
            otherwise = said_otherwise("barebox", placed.said, talk.answer(_START))
            return BareboxBoot(barebox, placed, loader_differences=tuple(otherwise))
        offset, _ = phys_offset(model, fdt.parse(placed.blob), placed.entry)
        assert offset is not None
        talk.go()
        machine.run_until(offset + model.text_offset, timeout=_START)
        entry = RecordedEntry.of(machine.gdb.core_registers())
        found = bytes(machine.memory.read(entry.r2, len(placed.blob)))
        differences = said_otherwise("barebox", placed.said, talk.said())
        differences += handed_otherwise(placed.dtb.start, placed.blob, entry.r2, without_heap(barebox, found)[0])
        recording = observe_kernel(
            machine,
            kernel,
            setup,
            entry=entry,
            phys_offset=offset,
            board=found,
            command_line=request.changes.get(_BOOTARGS, ""),
            name="barebox",
            timeout=request.timeout,
            progress=progress,
        )
    ours = found if without_heap(barebox, found)[0] == placed.blob else placed.blob
    prediction = kernel.predict(ours, placed.dtb.start, offset, setup.core)
    return BareboxBoot(
        barebox,
        placed,
        loader_differences=tuple(differences),
        recording=recording,
        comparison=compare(recording, prediction),
    )


def _board(talk: BareboxTalk, request: ChainRequest) -> tuple[Barebox, BareboxBoard]:
    barebox = Barebox.named(talk.version)
    if barebox is None:
        raise MachineError(f"{talk.version!r} names no release of barebox", file=str(request.binary))
    found, version = iomem.parse(talk.iomem), _PSCI.search(talk.banner)
    psci = "hvc" if version is not None and version[1] not in _TREES else ""
    names = {name: span for span, name in found.regions}
    monitor = None
    if talk.secure_state and "barebox" in names and "bss" in names:
        monitor = Span(names["barebox"].start, names["bss"].end + 1)
    return barebox, BareboxBoard(found.banks, found.regions, psci, bool(talk.reset_source), monitor)


def _command(kernel: BootKernel, board: bytes, request: ChainRequest) -> BareboxCommand:
    header = kernel.file.zimage
    assert header is not None
    values = {name: whole_number(value) for name, value in request.changes.items() if name != _BOOTARGS}
    return BareboxCommand(
        header.size,
        fdt.parse(board),
        loadaddr=values.get(_LOADADDR),
        ramdisk=len(request.ramdisk) if request.ramdisk else None,
        ramdisk_at=values.get(_RAMDISK_AT),
        bootargs=request.changes.get(_BOOTARGS, ""),
        efi_stub=kernel.model().config.enabled("EFI_STUB"),
    )
