"""From the options of ``bootmap verify --loader`` to the boots that were read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootmap.errors import MissingInputError, ToolMissingError, UsageError
from bootmap.inputs.fs import read_file
from bootmap.verify.guest import Setup
from bootmap.verify.load import load_kernel
from bootmap.verify.loader.chain import ChainRequest, boot_chain
from bootmap.verify.loader.efi import EDK2, UBOOT, EfiRequest, boot_efi
from bootmap.verify.run import qemu_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bootmap.verify.loader.chain import ChainBoot
    from bootmap.verify.loader.efi import EfiBoot

_UBOOT = "/usr/lib/u-boot/qemu_arm/u-boot.bin"
_EDK2 = "/usr/share/AAVMF/AAVMF32_CODE.fd"
_PACKAGES = {_UBOOT: "u-boot-qemu", _EDK2: "qemu-efi-arm"}
LOADERS = ("u-boot", "efi", "bootefi")
"""U-Boot's bootz; EDK2; U-Boot's bootefi."""


def boot_with_loader(
    boards: Sequence[str],
    *,
    loader: str = "u-boot",
    loader_file: str | None = None,
    ramdisk: str | None = None,
    changes: Iterable[str] = (),
    machine: str | None = None,
    memory: int | None = None,
    cpu: str | None = None,
    cmdline: str | None = None,
    timeout: float = 60.0,
    progress: Callable[[str], None] = lambda _note: None,
    **options: Any,
) -> list[tuple[str, ChainBoot | EfiBoot]]:
    """Boot each board (none: the one that QEMU makes) with a boot loader; its name, and what was compared.

    Args:
        boards: files of device trees; by UEFI the firmware's own tree is taken, and none may be given.
        loader: one of `LOADERS`.
        loader_file: its image; None for Debian's.
        ramdisk: file of a ramdisk.
        changes: ``NAME=VALUE``, variables of U-Boot's to set; ``NAME=`` deletes one.
        machine: QEMU's machine.
        memory: bytes of RAM.
        cpu: the CPU.
        cmdline: bootargs.
        timeout: seconds for each stretch of the kernel's way.
        progress: told what happens.
        options: ``image``, ``config``, ``system_map``, ``version`` and ``features`` of the kernel.

    Raises:
        BootmapError: a file cannot be read, a tool is missing, or the machine does not fit.
    """
    if options["image"] is None:
        raise MissingInputError("nothing to boot: give the zImage with --kernel")
    usual = _EDK2 if loader == "efi" else _UBOOT
    binary = Path(loader_file or usual)
    if loader_file is None and not os.path.exists(binary):
        raise ToolMissingError(f"{usual} is not there; Debian's package is {_PACKAGES[usual]}, or give --loader-file")
    read_file(binary)  # one clear line where it cannot be read
    kernel = load_kernel(
        options["image"], options["config"], options["system_map"], options["version"], options["features"]
    )
    spec = qemu_machine(machine or "virt")
    setup = Setup(spec, memory or spec.default, cpu)
    variables = _variables(changes)
    disk = read_file(ramdisk) if ramdisk else None
    if loader != "u-boot":
        if boards:
            raise UsageError("--loader efi and bootefi boot the firmware's own tree: give no BOARD")
        firmware = EDK2 if loader == "efi" else UBOOT
        request = EfiRequest(firmware, binary, cmdline or "", disk, variables, timeout)
        return [("QEMU's own tree", boot_efi(kernel, setup, request, progress))]
    if cmdline is not None:
        variables["bootargs"] = cmdline
    rows: list[tuple[str, ChainBoot | EfiBoot]] = []
    for board in boards or (None,):
        chain = ChainRequest(binary, read_file(board) if board else None, disk, variables, timeout)
        rows.append((board or "QEMU's own tree", boot_chain(kernel, setup, chain, progress)))
    return rows


def _variables(changes: Iterable[str]) -> dict[str, str]:
    variables = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {change}: expected NAME=VALUE, or NAME= to delete it")
        variables[name] = value
    return variables
