"""Where things are in a zImage's own code: what decides how far it moves itself and what it clears.

The zImage records none of it, so the code is searched for the instructions that refer to it (``spec/zimage.py``).
Where they are not found, which is so up to 2.6.38, usual values stand in for them and the result says so.

Source: arch/arm/boot/compressed/head.S ``restart``, ``wont_overwrite``, ``LC0``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.linux.zimage import BSS_ALIGN, LANDMARKS, USUAL_BSS, USUAL_LABELS
from bootmap.units import align_up

if TYPE_CHECKING:
    from bootmap.facts.linux.zimage import Landmark, Landmarks

_SEARCHED = 0x8000  # head.o is linked first; the EFI header puts 4 KiB in front of it
_NEAR = 24  # instructions between looking for an overlap and acting on it, at most
_MAX_BSS = 1 << 20


class DecompressorCode(Struct, frozen=True):
    """Places in the decompressor: in bytes from the start of the zImage, but for its bss.

    Attributes:
        bss_start: address where its bss begins, as linked.
        bss_end: address where that ends, as linked.
        restart: what it copies begins here, rounded down to 32 bytes.
        wont_overwrite: the unpacked kernel may end here without being in the way.
        gap: bytes from the end of the unpacked kernel to the copy, before rounding.
        exact: whether all of this was found; else some are usual values.
    """

    bss_start: int
    bss_end: int
    restart: int
    wont_overwrite: int
    gap: int
    exact: bool = True


def find_code(data: bytes, start: int, size: int) -> DecompressorCode:
    """Search the code of a zImage.

    Args:
        data: the zImage.
        start: the address that it was linked for.
        size: its bytes up to _edata.
    """
    head = data[: min(len(data), size, _SEARCHED) & ~3]
    usual = usual_code(start, size)
    lc0 = _find_bss(head, start, size)
    bss = lc0 or (usual.bss_start, usual.bss_end)
    for landmarks in LANDMARKS:
        found = _Search(head, landmarks).copy_labels()
        if found is not None:
            return DecompressorCode(*bss, *found, exact=lc0 is not None)
    return DecompressorCode(*bss, usual.restart, usual.wont_overwrite, usual.gap, exact=False)


def usual_code(start: int, size: int) -> DecompressorCode:
    """What stands in for places that are not known; see :func:`find_code` for the arguments."""
    bss = align_up(start + size, BSS_ALIGN)
    return DecompressorCode(bss, bss + USUAL_BSS, *USUAL_LABELS, exact=False)


def _find_bss(head: bytes, start: int, size: int) -> tuple[int, int] | None:
    """``LC0``: a word that is its own address, then the bounds of bss."""
    words = struct.unpack(f"<{len(head) // 4}I", head)
    for index, word in enumerate(words[:-2]):
        first, last = words[index + 1 : index + 3]
        if word == start + 4 * index and 0 < first <= last <= first + _MAX_BSS and not start <= first < start + size:
            return first, last
    return None


class _Search:
    """The first bytes of a zImage, read as one instruction set."""

    def __init__(self, head: bytes, landmarks: Landmarks) -> None:
        self.head = head
        self.landmarks = landmarks

    def copy_labels(self) -> tuple[int, int, int] | None:
        """``restart``, ``wont_overwrite`` and the gap."""
        marks = self.landmarks
        for at in range(0, len(self.head), marks.step):
            if self.operand(at, marks.kernel_end) is None:
                continue
            near = range(at + 4, at + 4 * _NEAR, marks.step)
            overwrite = self.first(near, (marks.pc_overwrite,)) or self.first(near, marks.adr_overwrite)
            bump, restart = self.first(near, marks.bump), self.first(near, marks.adr_restart)
            if overwrite and bump and restart and self.first(near, (marks.align,)):
                target = self.pc(overwrite[0]) if overwrite[1] is marks.pc_overwrite else self.label(*overwrite)
                return self.label(*restart), target, self.operand(*bump) or 0
        return None

    def first(self, places: range, marks: tuple[Landmark, ...]) -> tuple[int, Landmark] | None:
        """The first of ``places`` where one of ``marks`` stands, and which."""
        return next(((at, m) for at in places for m in marks if self.operand(at, m) is not None), None)

    def pc(self, at: int) -> int:
        """What the instruction at ``at`` reads as pc."""
        return at + (4 if self.landmarks.thumb else 8)

    def label(self, at: int, mark: Landmark) -> int:
        """Where the ADR at ``at`` points."""
        offset = self.operand(at, mark) or 0
        return (self.pc(at) & ~3) + (-offset if mark.negative else offset)

    def operand(self, at: int, mark: Landmark) -> int | None:
        """The immediate operand of ``mark`` at ``at``, 0 where it has none; None where another instruction is there."""
        word = int.from_bytes(self.head[at : at + mark.bytes], "little")
        if self.landmarks.thumb and mark.bytes == 4:
            word = (word & 0xFFFF) << 16 | word >> 16
        if at + mark.bytes > len(self.head) or word & mark.mask != mark.value:
            return None
        if mark.immediate == "arm":
            return _rotate(word & 0xFF, 2 * (word >> 8 & 0xF))
        number = (word >> 26 & 1) << 11 | (word >> 12 & 7) << 8 | word & 0xFF
        if mark.immediate == "thumb":
            return _thumb_expand(number)
        return number if mark.immediate else 0


def _rotate(value: int, count: int) -> int:
    """``value`` of 32 bits turned right."""
    return value >> count | value << (32 - count) & 0xFFFFFFFF


def _thumb_expand(number: int) -> int:
    """A modified immediate constant of Thumb (DDI 0406C A6.3.2)."""
    low = number & 0xFF
    if number < 0x400:
        return (low, low * 0x00010001, low * 0x01000100, low * 0x01010101)[number >> 8]
    return _rotate(0x80 | number & 0x7F, number >> 7)
