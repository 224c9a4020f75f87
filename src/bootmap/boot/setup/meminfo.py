"""struct meminfo: how kernels up to 3.15 held RAM before memblock did, and judged what is lowmem.

Banks are judged first and copied to memblock afterwards.

Source: arch/arm/mm/mmu.c ``sanity_check_meminfo`` (2.6.38 to 3.15; read in 2.6.38, 2.6.39, 3.0.101, 3.2.71, 3.4.112,
3.10.105, 3.12, 3.14.1), arch/arm/mm/init.c ``arm_memblock_init``, arch/arm/include/asm/setup.h NR_BANKS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.boot.records import LostRam, MemBank
from bootmap.boot.reserve.heapsort import kernel_sort
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
    state.vars.vmalloc_limit = bound
    if state.kernel.has("banks_judged_by_physical"):
        _judge_by_physical(state, bound)
    else:
        _judge_by_virtual(state, bound)
    _set_limits(state, bound)


def _sorted(banks: list[MemBank]) -> list[MemBank]:
    """By start; the kernel's heapsort may turn the order of equals around."""
    return kernel_sort(banks, lambda a, b: (a.start > b.start) - (a.start < b.start), bottom_up=False)


def _judge_by_physical(state: BootState, bound: int) -> None:
    kernel = state.kernel
    has_highmem = kernel.has("highmem") and not state.handover.cpu.aliasing
    highmem = False
    banks: list[MemBank] = []
    for bank in _sorted(state.meminfo):
        highmem = highmem or bank.start >= bound or state.va(bank.start) < kernel.page_offset
        if highmem and not has_highmem:
            _ignore(state, bank, "!CONFIG_HIGHMEM", "no CONFIG_HIGHMEM")
            continue
        rest = None
        if not highmem and bank.end > bound:
            if has_highmem:
                rest = MemBank(bound, bank.end - bound, True, bank.origin)
            else:
                _truncate(state, bank, bound)
            bank = replace(bank, size=bound - bank.start)
        banks.append(replace(bank, highmem=highmem))
        if rest:
            banks.append(rest)
            highmem = True
    state.meminfo = banks


def _judge_by_virtual(state: BootState, bound: int) -> None:
    """As kernels up to 3.10 do it: by the virtual addresses that banks would have, which wrap at 32 bits."""
    kernel = state.kernel
    given = _sorted(state.meminfo) if kernel.has("meminfo_sorted_first") else state.meminfo
    vmin = state.va(bound - 1) + 1
    if kernel.has("highmem"):
        state.meminfo = _split_by_virtual(state, given, bound, vmin)
        _drop_highmem(state)
    else:
        state.meminfo = _cut_by_virtual(state, given, vmin)


def _cut_by_virtual(state: BootState, given: list[MemBank], vmin: int) -> list[MemBank]:
    """Without HIGHMEM: what lies above ``vmin``, or below PAGE_OFFSET after it wrapped, is not used."""
    kernel, banks, high = state.kernel, list[MemBank](), False
    for bank in given:
        va = state.va(bank.start)
        high = high or (kernel.has("banks_beyond_4g_apart") and bank.start > _U32)
        if high:
            _ignore(state, bank, "!CONFIG_HIGHMEM", "no CONFIG_HIGHMEM")
        elif va >= vmin or va < kernel.page_offset:
            _ignore(state, bank, "vmalloc region overlap", "vmalloc region overlap")
        elif va + bank.size > vmin:
            _truncate(state, bank, bank.start + vmin - va)
            banks.append(replace(bank, size=vmin - va))
        else:
            banks.append(bank)
    return banks


def _split_by_virtual(state: BootState, given: list[MemBank], bound: int, vmin: int) -> list[MemBank]:
    """With HIGHMEM: a bank across ``vmin`` becomes two, as long as the array has room."""
    kernel = state.kernel
    past, apart = kernel.has("bank_at_limit_is_highmem"), kernel.has("banks_beyond_4g_apart")
    total, most = len(given), kernel.config.integer("ARM_NR_BANKS", _NR_BANKS)
    highmem, banks = False, list[MemBank]()
    for bank in given:
        va = state.va(bank.start)
        highmem = highmem or (apart and bank.start > _U32) or va + past > vmin or va < kernel.page_offset
        bank = replace(bank, highmem=highmem)
        if va >= vmin or bank.size <= vmin - va or (highmem and apart):
            banks.append(bank)
            continue
        banks.append(replace(bank, size=vmin - va))
        if total >= most:
            state.print("NR_BANKS too low, ignoring high memory")
            reason = f"more than NR_BANKS = {most} banks"
            state.lost.append(LostRam(bank.start + vmin - va, bank.end, reason, bank.origin))
            continue
        total += 1
        highmem = True
        banks.append(MemBank(bound & _U32, bank.size - (vmin - va), True, bank.origin))
    return banks


def _drop_highmem(state: BootState) -> None:
    """Take the banks of highmem away again where the CPU rules it out."""
    banks = state.meminfo
    reason = _no_highmem(state) if any(bank.highmem for bank in banks) else ""
    if reason:
        state.print(f"HIGHMEM is not supported {reason}, ignoring high memory")
        while banks and banks[-1].highmem:
            bank = banks.pop()
            state.lost.append(LostRam(bank.start, bank.end, f"no highmem {reason}", bank.origin))


def _no_highmem(state: BootState) -> str:
    """Why the CPU rules highmem out, in the kernel's words; "" where it does not."""
    if state.handover.cpu.aliasing:
        return "with VIPT aliasing cache"
    if state.kernel.has("highmem_needs_tlb_broadcast") and state.kernel.has("smp") and state.handover.cpu.arch < 7:
        return "without hardware TLB ops broadcasting"  # ID_MMFR3 of 11MPCore; those of ARMv7 say that they do
    return ""


def _ignore(state: BootState, bank: MemBank, why: str, reason: str) -> None:
    state.print(f"Ignoring RAM at {bank.start:08x}-{bank.end - 1:08x} ({why}).")
    state.lost.append(LostRam(bank.start, bank.end, reason, bank.origin))


def _truncate(state: BootState, bank: MemBank, end: int) -> None:
    state.print(f"Truncating RAM at {bank.start:08x}-{bank.end - 1:08x} to -{end - 1:08x} (vmalloc region overlap).")
    state.lost.append(LostRam(end, bank.end, "vmalloc region overlap", bank.origin))


def _set_limits(state: BootState, bound: int) -> None:
    """arm_lowmem_limit, high_memory and memblock's limit, from the banks that are left."""
    kernel, granule = state.kernel, state.kernel.format.section_size
    lowmem = limit = 0
    for bank in state.meminfo:
        if not bank.highmem:
            lowmem = max(lowmem, bank.end & state.phys_mask)
            if not limit:
                limit = bank.start if bank.start % granule else bank.end if bank.end % granule else 0
    # high_memory is the end of the last low bank also where lowmem_limit is the bound itself (init.c bootmem_init).
    state.vars.high_memory = (state.va((lowmem - 1) & state.phys_mask) + 1) & _U32
    if not kernel.has("lowmem_limit_from_banks"):
        lowmem = bound
    state.vars.arm_lowmem_limit = lowmem
    limit = align_down(limit, granule) if kernel.has("memblock_limit") else 0
    state.memblock.current_limit = state.vars.memblock_limit = limit or lowmem


def banks_to_memblock(state: BootState) -> None:
    """Hand every bank to memblock."""
    if not state.kernel.has("meminfo_sorted_first"):
        state.meminfo = _sorted(state.meminfo)
    for bank in state.meminfo:
        state.memblock.add(bank.start, bank.size, origin=Origin("arm_memblock_init", "RAM", None, bank.origin))
