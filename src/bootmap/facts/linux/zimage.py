"""The decompressor of a zImage: sizes that its head.S fixes, and the instructions by which its labels can be found.

No label is recorded in a zImage, but the instructions that refer to the labels that matter have been the same since
Linux 2.6.39; they are given here as the architecture encodes them.

Source: arch/arm/boot/compressed/head.S, vmlinux.lds.S (vmlinux.lds.in before 4.3), Makefile; the encodings from
DDI 0406C A5.2 (ARM), A6.3 (Thumb), A8.8.12 (ADR).
"""

from __future__ import annotations

from msgspec import Struct

from bootmap.units import KIB, MIB

PAGE_TABLES = 16 * KIB
"""Bytes of its page directory, short descriptors also for an LPAE kernel; it ends where the kernel will begin."""
MALLOC = 64 * KIB
"""Bytes of heap above the stack; how much of it is used depends on the compression."""
STACK = 4 * KIB
"""Bytes of stack behind bss (section .stack)."""
STACK_ALIGN = 8
HEADROOM = MIB
"""Room for an appended device tree when it looks whether page tables would overwrite it (head.S .Lheadroom)."""
BSS_ALIGN = 8
USUAL_BSS = 4 * KIB
"""More than its bss has been seen to have (0x418 bytes in Debian's 6.1)."""
USUAL_LABELS = (0, 0x400, 0x1000)
"""restart, wont_overwrite, and bytes between the unpacked kernel and the copy (0x10b4, 0x1228 and 0x900 there)."""
BSS_CHUNK = 16
"""It clears its bss in chunks of four words, the last one whole."""
COPY_GRANULE = 32
"""It copies itself in chunks of eight registers."""
COPY_ALIGN = 256
"""Where the copy goes is a multiple of this."""
DTB_ALIGN = 8
ATAGS_ROOM = (32 * KIB, MIB)
"""Least and most room to merge an ATAG list into an appended device tree; half as much again as the tree between."""
OLD_ATAGS_ROOM = 64 * KIB
"""The room before 4.0."""
BRANCH_OF_CACHE_ON = 28
"""Bytes from ``mov r0, pc``, where it looks whether page tables would overwrite it, to ``restart``."""
UNPACK_GUESS = 4
"""Up to 2.6.39 it takes the unpacked kernel to be this many times as large as itself."""
OLD_STACK_GAP = 128
"""Up to 2.6.38: alignment of the unpacked kernel's end, and room for registers behind the code that moves it."""


class Landmark(Struct, frozen=True):
    """One instruction to look for: it matches where ``word & mask == value``.

    Attributes:
        bytes: 2 or 4; a Thumb instruction of 4 has its first halfword on top.
        immediate: how its operand is encoded: "" for none, "arm" (A5.2.4), "thumb" (A6.3.2), or "plain" (12 bits of
            Thumb).
        negative: the operand is subtracted.
    """

    value: int
    mask: int = 0xFFFFFFFF
    bytes: int = 4
    immediate: str = ""
    negative: bool = False


class Landmarks(Struct, frozen=True):
    """The instructions of one instruction set, by what they do.

    Attributes:
        thumb: whether it is Thumb.
        step: bytes between places where an instruction can stand.
        kernel_end: ``add r10, r4, r9``: the end of the unpacked kernel.
        adr_overwrite: ``adr r9, wont_overwrite``.
        pc_overwrite: before 3.2, ``cmp r10, pc`` or ``mov lr, pc`` in its place.
        bump: ``add r10, r10, #gap``.
        align: ``bic r10, r10, #255``.
        adr_restart: ``adr r5, restart``.
    """

    thumb: bool
    step: int
    kernel_end: Landmark
    adr_overwrite: tuple[Landmark, ...]
    pc_overwrite: Landmark
    bump: tuple[Landmark, ...]
    align: Landmark
    adr_restart: tuple[Landmark, ...]


_ARM_IMM = 0xFFFFF000
_THUMB_IMM = 0xFBFF8F00

LANDMARKS = (
    Landmarks(
        thumb=False,
        step=4,
        kernel_end=Landmark(0xE084A009),
        adr_overwrite=(Landmark(0xE28F9000, _ARM_IMM, immediate="arm"),
                       Landmark(0xE24F9000, _ARM_IMM, immediate="arm", negative=True)),
        pc_overwrite=Landmark(0xE15A000F),
        bump=(Landmark(0xE28AA000, _ARM_IMM, immediate="arm"),),
        align=Landmark(0xE3CAA0FF),
        adr_restart=(Landmark(0xE24F5000, _ARM_IMM, immediate="arm", negative=True),
                     Landmark(0xE28F5000, _ARM_IMM, immediate="arm")),
    ),
    Landmarks(
        thumb=True,
        step=2,
        kernel_end=Landmark(0xEB040A09),
        adr_overwrite=(Landmark(0xF20F0900, _THUMB_IMM, immediate="plain"),
                       Landmark(0xF2AF0900, _THUMB_IMM, immediate="plain", negative=True)),
        pc_overwrite=Landmark(0x46FE, 0xFFFF, 2),
        bump=(Landmark(0xF10A0A00, _THUMB_IMM, immediate="thumb"),
              Landmark(0xF20A0A00, _THUMB_IMM, immediate="plain")),
        align=Landmark(0xF02A0AFF),
        adr_restart=(Landmark(0xF2AF0500, _THUMB_IMM, immediate="plain", negative=True),
                     Landmark(0xF20F0500, _THUMB_IMM, immediate="plain")),
    ),
)
"""ARM, then Thumb (CONFIG_THUMB2_KERNEL)."""
