"""From the options of ``bootmap verify --loader`` to the boots that were read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootmap.errors import MissingInputError, ToolMissingError, UsageError
from bootmap.inputs.fs import read_file
from bootmap.units import whole_number
from bootmap.verify.guest import Setup
from bootmap.verify.load import load_kernel
from bootmap.verify.loader.barebox_chain import boot_barebox
from bootmap.verify.loader.chain import boot_chain
from bootmap.verify.loader.efi import EDK2, UBOOT, EfiRequest, boot_efi
from bootmap.verify.loader.kexec import KexecRequest, boot_kexec
from bootmap.verify.loader.outcome import ChainRequest
from bootmap.verify.run import qemu_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bootmap.verify.loader.barebox_chain import BareboxBoot
    from bootmap.verify.loader.chain import ChainBoot
    from bootmap.verify.loader.efi import EfiBoot
    from bootmap.verify.loader.kexec import KexecBoot

_UBOOT = "/usr/lib/u-boot/qemu_arm/u-boot.bin"
_EDK2 = "/usr/share/AAVMF/AAVMF32_CODE.fd"
_PACKAGES = {_UBOOT: "u-boot-qemu", _EDK2: "qemu-efi-arm"}
_KEXEC = ".kernels"
_KEXEC_OPTIONS = ("append", "image-size")


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
) -> list[tuple[str, ChainBoot | BareboxBoot | EfiBoot | KexecBoot]]:
    """Boot each board (none: the one that QEMU makes) with a boot loader; its name, and what was compared.

    Args:
        boards: files of device trees; by UEFI the firmware's own tree is taken, and none may be given.
        loader: "u-boot" (bootz), "barebox" (bootm), "efi" (EDK2), "bootefi" (U-Boot's), "kexec" (``kexec -l`` and
            ``-e``), or "kdump" (``kexec -p`` and a panic).
        loader_file: its image, None for Debian's, which has none for barebox; for kexec and kdump the folder with
            busybox and kexec for ARM.
        ramdisk: file of a ramdisk.
        changes: ``NAME=VALUE``, variables of U-Boot's to set, ``NAME=`` deletes one; for kexec and kdump kexec's own
            options ``append`` and ``image-size``.
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
    if loader not in ("u-boot", "barebox") and boards:
        raise UsageError(f"--loader {loader} boots QEMU's own tree: give no BOARD")
    kernel = load_kernel(
        options["image"], options["config"], options["system_map"], options["version"], options["features"]
    )
    spec = qemu_machine(machine or "virt")
    setup = Setup(spec, memory or spec.default, cpu)
    variables = _variables(changes)
    disk = read_file(ramdisk) if ramdisk else None
    if loader in ("kexec", "kdump"):
        twice = _kexec(Path(loader_file or _KEXEC), loader == "kdump", cmdline, disk, variables, timeout)
        return [("QEMU's own tree", boot_kexec(kernel, setup, twice, progress))]
    binary = _binary(loader, loader_file)
    if loader not in ("u-boot", "barebox"):
        firmware = EDK2 if loader == "efi" else UBOOT
        request = EfiRequest(firmware, binary, cmdline or "", disk, variables, timeout)
        return [("QEMU's own tree", boot_efi(kernel, setup, request, progress))]
    if cmdline is not None:
        variables["bootargs" if loader == "u-boot" else "linux.bootargs.base"] = cmdline
    rows: list[tuple[str, ChainBoot | BareboxBoot | EfiBoot | KexecBoot]] = []
    for board in boards or (None,):
        call = ChainRequest(binary, read_file(board) if board else None, disk, variables, timeout)
        run = boot_barebox if loader == "barebox" else boot_chain
        rows.append((board or "QEMU's own tree", run(kernel, setup, call, progress)))
    return rows


def _binary(loader: str, given: str | None) -> Path:
    if loader == "barebox" and given is None:
        raise MissingInputError("Debian has no barebox for QEMU: give barebox-dt-2nd.img with --loader-file")
    usual = _EDK2 if loader == "efi" else _UBOOT
    binary = Path(given or usual)
    if given is None and not os.path.exists(binary):
        raise ToolMissingError(f"{usual} is not there; Debian's package is {_PACKAGES[usual]}, or give --loader-file")
    read_file(binary)  # one clear line where it cannot be read
    return binary


def _kexec(
    folder: Path, on_crash: bool, cmdline: str | None, disk: bytes | None, options: dict[str, str], timeout: float
) -> KexecRequest:
    for name in options:
        if name not in _KEXEC_OPTIONS:
            raise UsageError(f"--set {name}: with kexec and kdump only {' and '.join(_KEXEC_OPTIONS)} can be set")
    size = whole_number(options.get("image-size") or "0")
    if size is None:
        raise UsageError(f"--set image-size={options['image-size']}: is no size")
    words = cmdline if cmdline is not None else "console=ttyAMA0" + (" crashkernel=128M" if on_crash else "")
    return KexecRequest(folder, on_crash, words, options.get("append"), disk, size, timeout)


def _variables(changes: Iterable[str]) -> dict[str, str]:
    variables = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {change}: expected NAME=VALUE, or NAME= to delete it")
        variables[name] = value
    return variables
