"""The EFI stub: where it keeps room for the kernel, and how high initrd and tree can come to lie.

    lowest free memory      32 MiB for the unpacked kernel, behind a multiple of 4 MiB (2 MiB with a small TEXT_OFFSET)
    highest free memory     the initrd (LoadFile2), ending below 512 MiB from the kernel
    highest free memory     2 MiB for the tree; before 5.12 below the same limit

The zImage unpacks itself from where the firmware has loaded it, and does not move.  Free memory is the firmware's: it
allocates and frees until the kernel starts, so initrd and tree lie where they are found here, or below.

Source: see ``facts/loaders/efi_stub.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.linux import efi
from bootmap.facts.loaders.efi_stub import BELOW_TEXT, KERNEL_MOST, LEAST_ALIGN, LIMIT, LIMIT_FROM, TREE
from bootmap.units import PAGE_SIZE, Span, align_down, align_up

if TYPE_CHECKING:
    from bootmap.inputs.efi_map import EfiMap

_FREE = 7
_4G = 1 << 32


class StubPlaced(Struct, frozen=True):
    """What the stub takes.

    Attributes:
        phys_offset: where the kernel takes RAM to begin.
        kernel: what is kept for it.
        initrd: the highest place of the initrd; None for none.
        tree: the highest place of the tree's 2 MiB.
        failed: why it gives up; "" where it does not.
    """

    phys_offset: int
    kernel: Span
    initrd: Span | None
    tree: Span | None
    failed: str = ""


def stub_places(found: EfiMap, text_offset: int, initrd: int, *, tree_limited: bool) -> StubPlaced:
    """Replay the stub's allocations.

    Args:
        found: the firmware's map when the kernel is started.
        text_offset: TEXT_OFFSET.
        initrd: bytes of the initrd; 0 for none.
        tree_limited: the tree has the initrd's limit (before 5.12).
    """
    free = [Span(row.start, min(row.end, _4G)) for row in found.rows if row.kind == _FREE and row.attributes & efi.WB]
    free = [span for span in sorted(free) if span.start < span.end]
    align = max(LEAST_ALIGN, 1 << (text_offset - 1).bit_length())
    slack = text_offset - BELOW_TEXT
    lowest = next((span.start for span in free if span.size >= KERNEL_MOST + align), None)
    if lowest is None:
        return StubPlaced(0, Span(0, 0), None, None, "the EFI stub finds no 32 MiB for the kernel")
    base = align_up(lowest, align) if lowest % align > slack else align_down(lowest, align)
    kernel = Span(base + slack, base + slack + KERNEL_MOST)
    free = [part for span in free for part in span.without(kernel)]
    limit = align_down(base + text_offset, LIMIT_FROM) + LIMIT
    disk = _highest(free, align_up(initrd, PAGE_SIZE), limit) if initrd else None
    if initrd and disk is None:
        return StubPlaced(base, kernel, None, None, f"the EFI stub finds no room for the initrd below {limit:#x}")
    free = free if disk is None else [part for span in free for part in span.without(disk)]
    tree = _highest(free, TREE, limit if tree_limited else _4G)
    if tree is None:
        return StubPlaced(base, kernel, None, None, "the EFI stub finds no room for the tree")
    placed = Span(disk.start, disk.start + initrd) if disk is not None else None
    return StubPlaced(base, kernel, placed, tree)


def _highest(free: list[Span], size: int, limit: int) -> Span | None:
    for span in reversed(free):
        end = align_down(min(span.end, limit), PAGE_SIZE)
        if end - size >= span.start:
            return Span(end - size, end)
    return None
