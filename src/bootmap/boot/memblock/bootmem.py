"""bootmem, the allocator between memblock and the page allocator: what a kernel dies of in setting it up.

    first page of RAM                                          end of lowmem
    | one bit for each page, holes included, in whole pages    |
      set, cleared for RAM (free_bootmem), set again for what memblock has reserved (reserve_bootmem)

Gone with 3.14.  Source: arch/arm/mm/init.c ``arm_bootmem_init``, mm/bootmem.c ``bootmem_bootmap_pages``,
``mark_bootmem``, ``__free``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.trace import Origin
from bootmap.units import PAGE_SHIFT, PAGE_SIZE, align_up, hex_address

if TYPE_CHECKING:
    from bootmap.boot.state import BootState

_BITS, _LONG = 8, 4


def arm_bootmem_init(state: BootState, first: int, low: int) -> None:
    """Allocate the map, and give it what memblock knows.

    Args:
        state: the boot.
        first: pfn of the first page of RAM.
        low: pfn behind lowmem.

    Raises:
        KernelDied: there is no room for the map, nothing that it could stand for, or memblock knows of pages that it
            has no place for, or twice.
    """
    if low <= first:
        raise state.die(
            "no-lowmem",
            f"no bank is lowmem (the first one, at {hex_address(first << PAGE_SHIFT)}, makes the later ones highmem "
            f"too): bootmem's map would stand for a negative number of pages; the kernel panics, or hits a BUG soon",
        )
    pages = low - first
    size = align_up(align_up(-(-pages // _BITS), _LONG), PAGE_SIZE)
    origin = Origin("arm_bootmem_init", "the bitmap of bootmem")
    limit = low << PAGE_SHIFT
    base = state.memblock.alloc_range(size, state.cache_line, end=limit, origin=origin)
    if not base:
        raise state.die(
            "allocation-failed",
            f"no memory for the bitmap of bootmem: memblock has no free {size} bytes below {limit:#010x}; the kernel "
            f"panics before it can say so",
        )
    state.require_mapped(base, size, "the bitmap of bootmem")
    state.require_there(base, size, "the bitmap of bootmem")
    freed = 0
    for start, length, _ in state.memblock.memory.regions:  # before 2.6.39 they may overlap
        if start < min(freed, limit):
            raise state.die(
                "bank-twice",
                f"RAM at {hex_address(start)} is there twice: free_bootmem finds its pages free already, a BUG",
                address=start,
            )
        freed = start + length
    for base, length, _ in state.memblock.reserved.regions:
        if base >> PAGE_SHIFT >= min(low, -(-(base + length) // PAGE_SIZE)):
            break
        if base >> PAGE_SHIFT < first:
            raise state.die(
                "reserved-below-ram",
                f"memory at {hex_address(base)} is reserved, below the first bank, which begins at "
                f"{hex_address(first << PAGE_SHIFT)}: mark_bootmem finds no place for it in bootmem's map, a BUG",
                address=base,
            )
