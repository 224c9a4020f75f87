"""The Raspberry Pi's firmware: where kernel, initramfs and device tree go, and what of RAM the kernel is told.

    0x8000                      the kernel; kernel_address, or 0 with kernel_old
    initramfs FILE ADDR         there
    initramfs FILE followkernel as high as it can below HIGH, on a page             seen in logs
    below that, or below HIGH   the tree, on a multiple of 0x100                    seen in logs
    device_tree_address         there, where that is set

The ARM's memory is what gpu_mem leaves of RAM, or of its first GiB; the Pi 4 has what lies above that too.

Source: see ``facts/loaders/rpi.py``; what is marked is not documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.loaders.rpi import (
    ARM_END,
    FREE,
    GPU_END,
    GPU_MEM,
    GPU_MEM_LARGE,
    GPU_MEM_LEAST,
    HIGH,
    INITRAMFS_ALIGN,
    KERNEL_64,
    KERNELS_32,
    PI_KERNEL,
    TOTAL_MEM_LEAST,
    TREE_ALIGN,
)
from bootmap.loaders.uboot.bootm import UBootPlaced
from bootmap.units import GIB, MIB, Span, align_down

if TYPE_CHECKING:
    from bootmap.facts.loaders.rpi import PiModel
    from bootmap.inputs.config_txt import ConfigTxt

_4G = 1 << 32
_FOLLOW = ("", "followkernel", "0", "0x0")


class PiSizes(Struct, frozen=True):
    """Bytes of each file: kernel, initramfs (0 for none), and tree as it is handed over."""

    kernel: int
    initramfs: int
    tree: int


def arm_memory(config: ConfigTxt, model: PiModel, megabytes: int) -> tuple[Span, ...]:
    """The banks of RAM that the firmware leaves for the ARM; none where gpu_mem leaves nothing.

    Args:
        config: config.txt.
        model: the board.
        megabytes: MiB of RAM on it.

    Raises:
        InputError: a setting is no number.
    """
    total = megabytes
    limit = config.number("total_mem")
    if limit is not None:
        total = min(max(limit, TOTAL_MEM_LEAST), megabytes)
    name = "gpu_mem_1024" if total >= 1024 else f"gpu_mem_{total}"
    own = config.number(name)
    gpu = own if own is not None else config.number("gpu_mem")
    if gpu is None:
        gpu = GPU_MEM if total < 1024 else GPU_MEM_LARGE
    low = min(total * MIB, GPU_END) - max(gpu, GPU_MEM_LEAST) * MIB
    if low <= 0:
        return ()
    banks = [Span(0, low)]
    if model.starts_64 and total * MIB > GIB:
        banks.append(Span(GIB, min(total * MIB, ARM_END)))
        banks += [Span(at, at + 2 * GIB) for at in range(_4G, total * MIB, 2 * GIB)]  # sizes have one cell
    return tuple(banks)


def starts_64(config: ConfigTxt, model: PiModel) -> bool:
    """Whether a 64-bit kernel is started."""
    kernel = config.settings.get("kernel")
    name = kernel.value.rpartition("/")[2] if kernel is not None else ""
    if name in KERNELS_32 or name == KERNEL_64:
        return name == KERNEL_64
    bits = config.number("arm_64bit")
    control = config.number("arm_control") or 0
    return bool(bits) if bits is not None else model.starts_64 or bool(control & 0x200)


def follows_kernel(config: ConfigTxt) -> bool:
    """Whether the firmware chooses the initramfs's place."""
    address = config.settings.get("ramfsaddr")
    return address is None or address.value.lower() in _FOLLOW


def highest(ram: Span) -> int:
    """Where what the firmware places itself ends at the most."""
    return min(HIGH, ram.end - FREE)


def place(config: ConfigTxt, ram: Span, sizes: PiSizes, tree_at: int | None = None) -> UBootPlaced:
    """Place the files.

    Args:
        config: config.txt.
        ram: the first bank of the ARM's memory.
        sizes: of the files.
        tree_at: where a log says that the tree was loaded; None for nowhere.

    Raises:
        InputError: an address is none.
    """
    at = config.number("kernel_address")
    if at is None:
        at = 0 if config.number("kernel_old") else PI_KERNEL
    result = UBootPlaced(Span(at, at + sizes.kernel), at)
    end = top = highest(ram)
    if sizes.initramfs:
        if follows_kernel(config):
            start = align_down(top - sizes.initramfs, INITRAMFS_ALIGN)
            top = start
        else:
            start = config.number("ramfsaddr") or 0
        result.ramdisk = Span(start, start + sizes.initramfs)
    limit = config.number("device_tree_end") or 0
    wanted = config.number("device_tree_address") or 0
    where = wanted or align_down((min(top, limit) if limit else top) - sizes.tree, TREE_ALIGN)
    if tree_at is not None:
        where = tree_at
    result.dtb = Span(where, where + sizes.tree)
    if tree_at is None and limit and wanted and result.dtb.end > limit:
        result.failed = f"the device tree, {result.dtb}, does not fit below device_tree_end, {limit:#x}"
    elif where < 0 or (result.ramdisk is not None and result.ramdisk.start < result.kernel.end and top != end):
        result.failed = f"kernel, initramfs and tree do not fit below {end:#x}"
    return result
