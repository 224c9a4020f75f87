"""``bootmap verify --loader``: boot loader, decompressor and kernel under QEMU, against the prediction."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from bootmap.errors import MissingInputError, ToolMissingError, UsageError

_DEBIAN = "/usr/lib/u-boot/qemu_arm/u-boot.bin"


def verify_loader(
    boards: tuple[str, ...],
    loader_file: str | None,
    ramdisk: str | None,
    changes: tuple[str, ...],
    *,
    as_json: bool,
    machine: str | None,
    memory: int | None,
    timeout: float,
    **options: Any,
) -> int:
    """Boot each board (none: the one that QEMU makes) and print what was compared.

    Raises:
        BootmapError: a file cannot be read, a tool is missing, or the machine does not fit.
    """
    from bootmap.cli.kernels import load_kernel
    from bootmap.cli.machines import qemu_machine
    from bootmap.cli.progress import Progress
    from bootmap.inputs.fs import read_file
    from bootmap.report.chain_text import chain_json, chain_text
    from bootmap.verify.guest import Setup
    from bootmap.verify.loader.chain import ChainRequest, boot_chain

    if options["kernel_file"] is None:
        raise MissingInputError("nothing to boot: give the zImage with --kernel")
    binary = Path(loader_file or _DEBIAN)
    if loader_file is None and not os.path.exists(binary):
        raise ToolMissingError(f"{_DEBIAN} is not there; Debian's package is u-boot-qemu, or give --loader-file")
    kernel = load_kernel(
        options["kernel_file"], options["config"], options["system_map"], options["kernel_version"], options["features"]
    )
    spec = qemu_machine(machine or "virt")
    setup = Setup(spec, memory or spec.default, options["cpu"])
    variables = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {change}: expected NAME=VALUE, or NAME= to delete it")
        variables[name] = value
    if options["cmdline"] is not None:
        variables["bootargs"] = options["cmdline"]
    rows = []
    with Progress(4 * max(len(boards), 1), sys.stderr) as bar:
        for board in boards or (None,):
            request = ChainRequest(
                binary, read_file(board) if board else None, read_file(ramdisk) if ramdisk else None, variables, timeout
            )
            name = board or "QEMU's own tree"
            rows.append((name, boot_chain(kernel, setup, request, lambda note: bar.step(note))))
    click.echo(chain_json(rows) if as_json else "\n".join(chain_text(*row) for row in rows))
    return 0 if all(row.equal for _, row in rows) else 1
