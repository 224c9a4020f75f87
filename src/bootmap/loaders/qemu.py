"""QEMU's own loader: where ``-kernel``, ``-initrd`` and the device tree go on a 32-bit ARM machine.

    start of RAM + 64 KiB    the kernel file
    ... + 128 MiB            the initrd, or at half of RAM where that is less; behind the kernel where that is more
    behind it                the tree, on the next page

Source: QEMU hw/arm/boot.c ``arm_setup_direct_kernel_boot`` (7.2).
"""

from __future__ import annotations

from msgspec import Struct

from bootmap.facts.loaders.qemu import QEMU_ALIGN, QEMU_INITRD_MOST, QEMU_KERNEL
from bootmap.units import Span, align_up


class QemuPlaced(Struct, frozen=True):
    """Where things are when the kernel is started.

    Attributes:
        kernel: the kernel file.
        initrd: the initrd; None for none.
        dtb: physical address of the tree.
    """

    kernel: Span
    initrd: Span | None
    dtb: int


def place(ram: Span, kernel: int, initrd: int = 0) -> QemuPlaced:
    """Place files of so many bytes in ``ram``."""
    start = ram.start + QEMU_KERNEL
    at = ram.start + min(ram.size // 2, QEMU_INITRD_MOST)
    at = align_up(max(at, start + kernel), QEMU_ALIGN)
    disk = Span(at, at + initrd) if initrd else None
    return QemuPlaced(Span(start, start + kernel), disk, align_up(at + initrd, QEMU_ALIGN))


def fits(ram: Span, placed: QemuPlaced) -> bool:
    """Whether the tree begins within RAM; else QEMU refuses to start."""
    return placed.dtb < ram.end
