"""Before head.S: where the decompressor takes the start of RAM to be.

A zImage with AUTO_ZRELADDR looks where it runs and rounds down to 128 MiB; later kernels check the answer against the
device tree's memory nodes and else take the lowest one.  What it then writes where is in ``decompress_kernel.py``.

Source: arch/arm/boot/compressed/head.S, arch/arm/boot/compressed/fdt_check_mem_start.c.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from bootmap.boot.setup.fdt_scan import root_cells
from bootmap.facts.linux import atags
from bootmap.inputs.cells import pairs
from bootmap.inputs.fdt import Fdt
from bootmap.units import MIB, Span, align_down, align_up

if TYPE_CHECKING:
    from bootmap.boot.kernel import KernelModel
    from bootmap.inputs.atags import AtagList

AUTO_GRANULE = 128 * MIB
"""A zImage with AUTO_ZRELADDR rounds the address where it runs down to this (head.S, ``and r4, pc, #0xf8000000``)."""
_ROUND = 2 * MIB
_OLD_ROUND = 16 * MIB
"""PHYS_OFFSET is a multiple of this where it is patched into the kernel, before 5.11."""
_MAX_CELLS = 2


def phys_offset(
    kernel: KernelModel, board: Fdt | AtagList | None, load_addr: int | None, *, appended: bool = False
) -> tuple[int | None, str]:
    """PHYS_OFFSET, and in words how it was found; None where nothing says it.

    Args:
        kernel: tells whether the address is fixed at build time.
        board: its memory nodes or tags.
        load_addr: where the zImage runs, None where not known.
        appended: whether the device tree is appended to the zImage, which keeps it from being asked.
    """
    config = kernel.config
    fixed = not config.enabled("ARM_PATCH_PHYS_VIRT") or not kernel.has("zimage_auto_phys_offset")
    if fixed and "PHYS_OFFSET" in config:
        return config.integer("PHYS_OFFSET"), "CONFIG_PHYS_OFFSET"
    banks = memory_ranges(board)
    if load_addr is None and not banks:
        return None, ""
    granule = _ROUND if kernel.has("phys_virt_2m") else _OLD_ROUND
    auto = kernel.has("zimage_auto_phys_offset")
    if load_addr is not None and not auto and (load_addr - kernel.text_offset) % granule == 0:
        return load_addr - kernel.text_offset, (
            f"the zImage runs at {load_addr:#010x}, where it unpacks to, as the kernel has no CONFIG_AUTO_ZRELADDR"
        )
    if load_addr is None:
        load_addr = min(start for start, _ in banks)
        if not auto:
            return align_up(load_addr, granule), "where RAM begins"
        asks = isinstance(board, Fdt) and not appended and kernel.has("zimage_checks_dt")
        if not asks and load_addr % AUTO_GRANULE and load_addr % _OLD_ROUND == 0:
            return load_addr, "where RAM begins, at an address that a zImage with AUTO_ZRELADDR would not find"
        how = "the zImage runs in the first 128 MiB of RAM"
    else:
        how = f"the zImage runs at {load_addr:#010x}"
    start = align_down(load_addr, AUTO_GRANULE)
    if not isinstance(board, Fdt) or appended or not kernel.has("zimage_checks_dt"):
        return start, how
    if kernel.has("zimage_usable_range") and (usable := _usable_range(board)) is not None:
        if not usable.size:
            return start, how
        clipped = [max(first, usable.start) for first, end in banks if max(first, usable.start) < min(end, usable.end)]
        if not clipped:
            return start, how
        return align_up(min(clipped), _ROUND), "the lowest usable memory (linux,usable-memory-range), rounded to 2 MiB"
    if not banks or any(first <= start < end for first, end in banks):
        return start, how
    return align_up(min(first for first, _ in banks), _ROUND), "the lowest memory node, rounded up to 2 MiB"


def _usable_range(board: Fdt) -> Span | None:
    """/chosen linux,usable-memory-range as the decompressor reads it; None without it, empty where it gives up."""
    cells = root_cells(board)
    width = cells.address + cells.size
    chosen = board.node("/chosen")
    prop = chosen.get("linux,usable-memory-range") if chosen is not None else None
    if prop is None or not width or len(prop.value) < 4 * width:
        return None
    entry = pairs(prop, cells.address, cells.size)[0]
    if not entry.size or entry.base >> 32:
        return Span(0, 0)
    return Span(entry.base, entry.base + entry.size)


def memory_ranges(board: Fdt | AtagList | None) -> list[tuple[int, int]]:
    """Ranges ``[start, end)`` of RAM as the decompressor sees them: memory nodes at any depth, below 4 GiB."""
    if board is None:
        return []
    if not isinstance(board, Fdt):
        return [(tag["start"], tag["start"] + tag["size"]) for tag in board.tags if tag.number == atags.MEM]
    return list(_ranges_of_tree(board))


@lru_cache(maxsize=4)  # many ask, of one tree after the other
def _ranges_of_tree(board: Fdt) -> list[tuple[int, int]]:
    cells = root_cells(board)
    found: list[tuple[int, int]] = []
    if cells.address > _MAX_CELLS or cells.size > _MAX_CELLS:
        return found
    for node in board.walk("device_type"):
        prop = node.get("linux,usable-memory") or node.get("reg")
        if prop is None or not node.is_memory or not cells.address + cells.size:
            continue
        found += [
            (e.base, e.base + e.size) for e in pairs(prop, cells.address, cells.size) if e.size and e.base < 1 << 32
        ]
    return found
