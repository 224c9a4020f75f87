"""struct meminfo: how kernels up to 3.15 held RAM before memblock did, and judged what is lowmem.

Banks are judged first and copied to memblock afterwards.  Source: arch/arm/mm/mmu.c ``sanity_check_meminfo``
(2.6.38 to 3.15), arch/arm/mm/init.c ``arm_memblock_init``, arch/arm/include/asm/setup.h NR_BANKS.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bootmap.boot.records import LostRam, MemBank
from bootmap.boot.trace import Origin
from bootmap.units import align_down

if TYPE_CHECKING:
    from bootmap.boot.state import BootState

_NR_BANKS = 8
_U32 = 0xFFFFFFFF


def add_bank(state: BootState, start: int, size: int, origin: Origin) -> None:
    """``arm_add_memory``'s last act: append a bank, or drop it where the array is full."""
    nr_banks = state.kernel.config.integer("ARM_NR_BANKS", _NR_BANKS)
    if len(state.meminfo) >= nr_banks:
        state.print(f"NR_BANKS too low, ignoring memory at 0x{start:08x}")
        state.lost.append(LostRam(start, start + size, f"more than NR_BANKS = {nr_banks} banks", origin))
        return
    state.meminfo.append(MemBank(start, size, False, origin))


def sanity_check_banks(state: BootState, bound: int) -> None:
    """Split or cut banks at ``bound``, the vmalloc limit in bytes; set the limits."""
    kernel = state.kernel
    state.vars.vmalloc_limit = bound
    has_highmem = kernel.has("highmem") and not state.handover.cpu.aliasing
    granule = kernel.format.section_size
    highmem, lowmem, limit = False, 0, 0
    banks: list[MemBank] = []
    for bank in sorted(state.meminfo, key=lambda b: b.start):
        highmem = highmem or bank.start >= bound or state.va(bank.start) < kernel.page_offset
        if highmem and not has_highmem:
            state.print(f"Ignoring RAM at {bank.start:08x}-{bank.end - 1:08x} (!CONFIG_HIGHMEM).")
            state.lost.append(LostRam(bank.start, bank.end, "no CONFIG_HIGHMEM", bank.origin))
            continue
        rest = None
        if not highmem and bank.end > bound:
            if has_highmem:
                rest = MemBank(bound, bank.end - bound, True, bank.origin)
            else:
                state.print(
                    f"Truncating RAM at {bank.start:08x}-{bank.end - 1:08x} to -{bound - 1:08x} "
                    "(vmalloc region overlap)."
                )
                state.lost.append(LostRam(bound, bank.end, "vmalloc region overlap", bank.origin))
            bank = replace(bank, size=bound - bank.start)
        banks.append(replace(bank, highmem=highmem))
        if not highmem:
            lowmem = max(lowmem, bank.end)
            if not limit:
                limit = bank.start if bank.start % granule else bank.end if bank.end % granule else 0
        if rest:
            banks.append(rest)
            highmem = True
    state.meminfo = banks
    # high_memory is the end of the last low bank also where lowmem_limit is the bound itself (init.c bootmem_init).
    state.vars.high_memory = (state.va((lowmem - 1) & state.phys_mask) + 1) & _U32
    if not kernel.has("sanity_in_setup_arch"):
        lowmem = bound
    state.vars.arm_lowmem_limit = lowmem
    limit = align_down(limit, granule) if kernel.has("memblock_limit") else 0
    state.memblock.current_limit = state.vars.memblock_limit = limit or lowmem


def banks_to_memblock(state: BootState) -> None:
    """Hand every bank to memblock."""
    for bank in state.meminfo:
        state.memblock.add(bank.start, bank.size, origin=Origin("arm_memblock_init", "RAM", None, bank.origin))
