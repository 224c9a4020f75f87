"""Facts about memblock: region flags, sizes, and which rules of mm/memblock.c each kernel follows.

Why it is apart: one allocator serves every kernel from 2.6.36 on by reading these rules; it never asks
for a version.  The rows below say since when, until when, and where that is written.  What the rules do
is in ``bootmap.boot.memblock``; nothing here computes on regions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

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
    """What adding a range that touches what is there already does to the list of regions."""

    COALESCE = 0
    """Regions that are exactly adjacent are joined; an overlapping one is kept as a second entry."""
    UNION = 1
    """Only the bytes not covered yet are inserted, then neighbours are joined."""


@dataclass(frozen=True, slots=True)
class MemblockRules:
    """What differs between the memblocks of the kernels.  The defaults are Linux 6.12's.

    Attributes:
        width: bits of phys_addr_t, 32 or 64.
        rsrv_kern: allocations carry RSRV_KERN and so do not merge with plain reservations.
        round_size_to_align: an allocation's size is rounded up to its alignment.
        overlap: how a new range meets existing ones.
        region_flags: regions have flags; without them all neighbours merge.
        merge_whole_array: every merge looks at all regions, not only at those around the change.
        remove_within_one_region: a range can be removed only where one region holds all of it.
        cap_ignores_empty: memblock_cap_memory_range with size 0, or before any memory is known, does nothing.
        find_skips_page_zero: a search never returns an address in page 0.
        bottom_up_above_kernel: a bottom-up search starts above the kernel, and falls back to top-down.
        resize_panics: a full array that may not grow is a panic, not -ENOMEM.
        region_size: bytes of struct memblock_region without NUMA; 0: derived from ``width``.
        cache_line: SMP_CACHE_BYTES, the alignment taken for an alignment of 0.
    """

    width: int = 32
    rsrv_kern: bool = False
    round_size_to_align: bool = False
    overlap: Overlap = Overlap.UNION
    region_flags: bool = True
    merge_whole_array: bool = False
    remove_within_one_region: bool = False
    cap_ignores_empty: bool = True
    find_skips_page_zero: bool = True
    bottom_up_above_kernel: bool = False
    resize_panics: bool = True
    cache_line: int = 64
    region_size: int = 0
