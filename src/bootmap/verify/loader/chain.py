"""The whole chain under QEMU: U-Boot, the decompressor, the kernel; each compared with what was predicted.

U-Boot is typed to over its console while QEMU's gdb stub waits for the kernel's first instruction.  What U-Boot said,
where it put the tree and every byte of it are compared first; then the kernel is read at the entry of paging_init and
at its return, as for any other boot, and held against the prediction for the tree that the model made.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bootmap.boot.decompressor.phys_offset import phys_offset
from bootmap.errors import MachineError, UsageError
from bootmap.image.recording import RecordedEntry
from bootmap.inputs import bdinfo, fdt, uboot_env
from bootmap.loaders.uboot.board import UBootBoard
from bootmap.loaders.uboot.bootm import run
from bootmap.loaders.uboot.command import Command, KernelImage
from bootmap.loaders.uboot.fixups import complete
from bootmap.loaders.uboot.release import UBoot
from bootmap.output import write_file
from bootmap.units import MIB, Span
from bootmap.verify.compare import compare
from bootmap.verify.guest import machine_with_ram
from bootmap.verify.loader.outcome import (
    ChainRequest,
    LoaderBoot,
    handed_otherwise,
    observe_kernel,
    said_otherwise,
    serial_socket,
)
from bootmap.verify.loader.talk import UBootTalk
from bootmap.verify.session import machine_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap.loaders.uboot.bootm import UBootPlaced
    from bootmap.verify.guest import Setup
    from bootmap.verify.kernels import BootKernel

_KERNEL_AT, _RAMDISK_AT, _TREE_AT = 32 * MIB, 96 * MIB, 80 * MIB
"""Into RAM: where the files are before the command."""
_START = 120.0


class ChainBoot(LoaderBoot, frozen=True):
    """What came of it.

    Attributes:
        uboot: the U-Boot that ran.
        placed: what was predicted of it.
    """

    uboot: UBoot
    placed: UBootPlaced


def boot_chain(
    kernel: BootKernel, setup: Setup, request: ChainRequest, progress: Callable[[str], None] = lambda _: None
) -> ChainBoot:
    """Boot all of it, read it and compare.

    Raises:
        ToolMissingError: QEMU is not installed.
        UsageError: the machine is not virt, or the kernel no zImage.
        MachineError: QEMU or U-Boot ended, or something makes no sense.
    """
    if setup.machine.name != "virt" or kernel.file.kind != "zImage":
        raise UsageError("--loader boots a zImage with U-Boot on QEMU's virt machine")
    board = request.board if request.board is not None else machine_tree(setup)
    base, model = setup.ram.start, kernel.model()
    with tempfile.TemporaryDirectory(prefix="bootmap-") as folder, contextlib.ExitStack() as stack:
        files = {base + _KERNEL_AT: Path(kernel.file.path), base + _TREE_AT: _file(folder, "dtb", board)}
        if request.ramdisk:
            files[base + _RAMDISK_AT] = _file(folder, "ramdisk", request.ramdisk)
        path = os.path.join(folder, "serial")
        more = ["-bios", str(request.binary), "-nic", "none", *serial_socket(path)]
        for address, file in files.items():
            more += ["-device", f"loader,file={file},addr={address:#x},force-raw=on"]
        progress("QEMU")
        machine, _ = stack.enter_context(machine_with_ram(setup, tuple(more), 30.0, serials=0))
        talk = stack.enter_context(UBootTalk(path, request.changes))
        ramdisk = f"{base + _RAMDISK_AT:x}:{len(request.ramdisk):x}" if request.ramdisk else "-"
        talk.start(f"bootz {base + _KERNEL_AT:x} {ramdisk} {base + _TREE_AT:x}")
        progress("U-Boot")
        # What the model says comes before the kernel runs: it tells where the kernel's entry will be.
        machine.gdb.resume()
        talk.until_typed(_START)
        machine.gdb.interrupt(30.0)
        uboot, own, command = _inputs(kernel, talk, board, request, base)
        placed = run(uboot, own, command)
        assert command.tree is not None
        if placed.failed or placed.dtb is None:
            machine.gdb.resume()
            otherwise = said_otherwise("U-Boot", placed.said, talk.answer(_START))
            return ChainBoot(uboot, placed, loader_differences=tuple(otherwise))
        blob = complete(uboot, command.tree, placed.dtb.start, own.banks, placed.ramdisk, command.env)
        offset, _ = phys_offset(model, fdt.parse(blob), placed.entry)
        assert offset is not None
        talk.go()
        machine.run_until(offset + model.text_offset, timeout=_START)
        entry = RecordedEntry.of(machine.gdb.core_registers())
        found = bytes(machine.memory.read(entry.r2, len(blob)))
        differences = said_otherwise("U-Boot", placed.said, talk.said())
        differences += handed_otherwise(placed.dtb.start, _known(blob, found), entry.r2, found)
        recording = observe_kernel(
            machine,
            kernel,
            setup,
            entry=entry,
            phys_offset=offset,
            board=found,
            command_line=command.env.get("bootargs", ""),
            name="chain",
            timeout=request.timeout,
            progress=progress,
        )
    prediction = kernel.predict(_known(blob, found), placed.dtb.start, offset, setup.core)
    return ChainBoot(
        uboot,
        placed,
        loader_differences=tuple(differences),
        recording=recording,
        comparison=compare(recording, prediction),
    )


def _file(folder: str, name: str, data: bytes) -> Path:
    path = Path(folder, name)
    write_file(path, data)
    return path


def _inputs(
    kernel: BootKernel, talk: UBootTalk, board: bytes, request: ChainRequest, base: int
) -> tuple[UBoot, UBootBoard, Command]:
    env = {**uboot_env.parse_text(talk.printenv), **request.changes}
    env = {name: value for name, value in env.items() if value}
    uboot = UBoot.named(talk.version, env.get("board"))
    if uboot is None:
        raise MachineError(f"{talk.version!r} names no release of U-Boot", file=str(request.binary))
    header = kernel.file.zimage
    assert header is not None
    ramdisk = Span(base + _RAMDISK_AT, base + _RAMDISK_AT + len(request.ramdisk)) if request.ramdisk else None
    image = KernelImage(base + _KERNEL_AT, header.size)
    command = Command("bootz", image, ramdisk, base + _TREE_AT, fdt.parse(board), env)
    return uboot, UBootBoard.of(bdinfo.parse(talk.bdinfo)), command


def _known(blob: bytes, found: bytes) -> bytes:
    """The predicted blob with the values that are not known before: where SMBIOS tables are."""
    chosen = fdt.parse(blob).node("/chosen")
    prop = chosen.get("smbios3-entrypoint") if chosen is not None else None
    if prop is None:
        return blob
    end = prop.offset + len(prop.value)
    return blob[: prop.offset] + found[prop.offset : end] + blob[end:]
