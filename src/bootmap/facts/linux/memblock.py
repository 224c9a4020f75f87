"""Facts about memblock: region flags, sizes, and which rules of mm/memblock.c each kernel follows.

Why it is apart: one allocator serves every kernel from 2.6.36 on by reading these rules; it never asks
for a version.  Since when, until when and where a rule is seen is in ``bootmap.facts.features.table``; what the
rules do is in ``bootmap.boot.memblock``.  Nothing here computes on regions.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from msgspec import Struct

INIT_REGIONS = 128
"""Entries of the static arrays ``memory`` and ``reserved`` (mm/memblock.c INIT_MEMBLOCK_REGIONS)."""

ENOMEM = 12
"""errno of a region array that is full and may not grow."""


class Flags(IntFlag):
    """Region flags, with the kernel's values (include/linux/memblock.h ``enum memblock_flags``)."""

    NONE = 0
    HOTPLUG = 0x1
    MIRROR = 0x2
    NOMAP = 0x4
    DRIVER_MANAGED = 0x8
    RSRV_NOINIT = 0x10
    RSRV_KERN = 0x20
    KHO_SCRATCH = 0x40


class Overlap(IntEnum):
    """What adding a range does where regions touch it, and what a full array then means."""

    COALESCE = 0
    """Joined with a region that is exactly adjacent, else a second entry, overlapping or not."""
    EXTEND = 1
    """Regions that touch it grow; an array counts as full when its last entry is taken."""
    PIECES = 2
    """The bytes not covered yet are inserted, then neighbours merge; room is made beforehand."""


class MemblockRules(Struct, frozen=True):
    """What differs between the memblocks of the kernels.  The defaults are Linux 6.12's.

    Attributes:
        width: bits of phys_addr_t, 32 or 64.
        overlap: how a new range meets existing ones.  All but PIECES also mean what came with it later:
            sizes are not capped at the end of the address space, a search steps from reservation to
            reservation, allocating or reserving nothing is a BUG, failures return -1.
        as_lmb: as it was renamed from lmb: arrays never grow, addresses are 64 bits wide, ``add`` cuts to
            whole pages, a search refuses address 0 only.
        rsrv_kern: allocations carry RSRV_KERN and so do not merge with plain reservations.
        round_size_to_align: an allocation's size is rounded up to its alignment.
        region_flags: struct memblock_region has flags.
        merge_whole_array: every merge looks at all regions, not only at those around the change.
        room_off_by_one: room for one piece too few is taken for enough when an array is half full.
        array_whole_pages: a doubled array takes whole pages, and never lies in the range being reserved.
        cap_ignores_empty: memblock_cap_memory_range with size 0, or before any memory is known, does nothing.
        bottom_up_above_kernel: a bottom-up search starts above the kernel, and falls back to top-down.
        resize_panics: a full array that may not grow is a panic, not -ENOMEM.
        region_memory_asks_reserved: memblock_is_region_memory looks into ``reserved`` by mistake.
        zero_align: the alignment taken for an alignment of 0 (SMP_CACHE_BYTES); 0: none, the size becomes 0.
    """

    width: int = 32
    overlap: Overlap = Overlap.PIECES
    as_lmb: bool = False
    rsrv_kern: bool = False
    round_size_to_align: bool = False
    region_flags: bool = True
    merge_whole_array: bool = False
    room_off_by_one: bool = False
    array_whole_pages: bool = True
    cap_ignores_empty: bool = True
    bottom_up_above_kernel: bool = False
    resize_panics: bool = True
    region_memory_asks_reserved: bool = False
    zero_align: int = 64

    @property
    def region_size(self) -> int:
        """Bytes of struct memblock_region without NUMA: base, size and, in one aligned word, flags."""
        return self.width // 8 * (3 if self.region_flags else 2)
