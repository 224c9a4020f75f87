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
from bootmap.verify.run import qemu_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bootmap.verify.loader.chain import ChainBoot

_DEBIAN = "/usr/lib/u-boot/qemu_arm/u-boot.bin"


def boot_with_loader(
    boards: Sequence[str],
    *,
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
) -> list[tuple[str, ChainBoot]]:
    """Boot each board (none: the one that QEMU makes) with U-Boot; its name, and what was compared.

    Args:
        boards: files of device trees.
        loader_file: u-boot.bin; None for Debian's.
        ramdisk: file of a ramdisk.
        changes: ``NAME=VALUE``, variables to set; ``NAME=`` deletes one.
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
    binary = Path(loader_file or _DEBIAN)
    if loader_file is None and not os.path.exists(binary):
        raise ToolMissingError(f"{_DEBIAN} is not there; Debian's package is u-boot-qemu, or give --loader-file")
    read_file(binary)  # one clear line where it cannot be read
    kernel = load_kernel(
        options["image"], options["config"], options["system_map"], options["version"], options["features"]
    )
    spec = qemu_machine(machine or "virt")
    setup = Setup(spec, memory or spec.default, cpu)
    variables = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {change}: expected NAME=VALUE, or NAME= to delete it")
        variables[name] = value
    if cmdline is not None:
        variables["bootargs"] = cmdline
    rows = []
    for board in boards or (None,):
        request = ChainRequest(
            binary, read_file(board) if board else None, read_file(ramdisk) if ramdisk else None, variables, timeout
        )
        rows.append((board or "QEMU's own tree", boot_chain(kernel, setup, request, progress)))
    return rows
