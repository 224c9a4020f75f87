"""memblock_free_all: the page allocator gets what memblock has left; here only whether it gets what it must not.

    [0xffffffc0, 0xffffffff) is free    PFN_UP(0xffffffc0) = (0xffffffc0 + 0xfff) >> 12 = 0 in 32 bits
                                        pages 0 to max_low_pfn are handed over, the kernel's own among them

Source: mm/memblock.c ``__free_memory_core``, before 4.20 mm/nobootmem.c; include/linux/pfn.h ``PFN_UP``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.trace import Hazard, KernelDied
from bootmap.units import PAGE_SIZE, Span, hex_address, size_text

if TYPE_CHECKING:
    from bootmap.boot.state import BootState


def check_pages_freed(state: BootState) -> None:
    """Look for free memory that begins inside the last page of the address space.

    Booted: 5.4.286, and Debian's 5.10.223, 6.1.176, 6.12.107 and 7.2.12, report "Bad page state in process swapper
    pfn:00001" and die of what they read to say so.  Not here: 3.13 and before, whose bootmem counts otherwise.

    Raises:
        KernelDied: there is some, and nothing that the kernel allocates before can take it.
    """
    last = state.phys_mask - PAGE_SIZE + 1
    rest = next((row for row in state.memblock.free_ranges() if row[0] > last), None)
    if rest is None or not state.kernel.has("memmap_memblock"):
        return
    message = (
        f"{size_text(rest[1] - rest[0])} of RAM are free at {Span(*rest)}, in the last page below 4 GiB: "
        f"memblock_free_all rounds {hex_address(rest[0])} up to a whole page, which is 0 in 32 bits, and hands all "
        f"pages from 0 to the end of lowmem over, those in use too; the kernel dies of it. Let RAM end at "
        f"{hex_address(last)} or below, or what is reserved before it end with a page"
    )
    if rest[0] >= state.memblock.current_limit:
        died = Hazard("page-0-freed", "memblock_free_all", True, message, rest[0])
        state.hazards.append(died)
        raise KernelDied(died)
    message += ". Something small may still be allocated there before"
    state.hazard("page-0-freed", message, address=rest[0], luck=True)
