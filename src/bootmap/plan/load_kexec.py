"""From files and words to two boots by kexec: the options of ``bootmap plan --loader kexec`` and ``kdump``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bootmap.assemble.board import Board
from bootmap.assemble.handover import assemble
from bootmap.assemble.kernel import Kernel
from bootmap.errors import UnsupportedError, UsageError
from bootmap.facts.loaders.kexec import OLDEST_KEXEC
from bootmap.plan.kexec import KexecSetup
from bootmap.plan.load import needed_zimage, parse_bank, read_ramdisk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.facts.loaders.kexec import KexecVersion

_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\b")


def kexec_setup(
    board: str,
    *,
    loader: str = "kdump",
    cmdline: str | None = None,
    append: str | None = None,
    ramdisk: str | None = None,
    image_size: int = 0,
    kexec_tools: str = "",
    dram: Iterable[str] = (),
    cpu: str | None = None,
    zimage: str | None = None,
    image: str | None = None,
    **kernel: Any,
) -> KexecSetup:
    """A board that boots a kernel, which then boots itself again.

    Args:
        board: file of its device tree.
        loader: "kdump" for ``kexec -p`` and a panic, "kexec" for ``kexec -l`` and ``kexec -e``.
        cmdline: the first kernel's command line; None for the tree's.
        append: ``--append`` of kexec; None where it is not given.
        ramdisk: ``--initrd`` of kexec: its file, or its size.
        image_size: ``--image-size`` of kexec; 0 where it is not given.
        kexec_tools: its version, such as 2.0.25; "" to take the newest that is known.
        dram: banks of RAM as ``BASE,SIZE``, in place of the tree's.
        cpu: the CPU's name.
        zimage: the zImage's file, or its size.
        image: the kernel file.
        kernel: further arguments of `Kernel.load`.

    Raises:
        BootmapError: something cannot be read, is missing, or is not modelled.
    """
    packed = needed_zimage(zimage, image)
    model = Kernel.load(image=image, **kernel)
    read = Board.load(board, cpu=cpu, zimage=packed, cmdline=cmdline)
    if banks := tuple(map(parse_bank, dram)):
        read = read.with_memory(banks)
    disk = read_ramdisk(ramdisk)
    size = disk.header + disk.size if disk is not None else 0
    version = _version(kexec_tools) if kexec_tools else None
    return KexecSetup(board, *assemble(model, read), loader == "kdump", append, size, image_size, version)


def _version(text: str) -> KexecVersion:
    found = _VERSION.search(text)
    if found is None:
        raise UsageError(f"--kexec-tools {text}: is no version (2.0.25 is)")
    version = (int(found[1]), int(found[2]), int(found[3]))
    if version < OLDEST_KEXEC:
        oldest = ".".join(map(str, OLDEST_KEXEC))
        raise UnsupportedError(f"kexec-tools {found[0]} is not modelled; {oldest} and later are")
    return version
