"""adjust_lowmem_bounds and its forerunners: where lowmem ends, and up to where tables may be allocated.

    PHYS_OFFSET                     memblock_limit   arm_lowmem_limit       end of RAM
    | lowmem, mapped by sections ...       | ... by pages   | highmem (or, without HIGHMEM, lost) |

arm_lowmem_limit leaves the vmalloc area its size; memblock_limit keeps early page tables in memory that is mapped
before they are needed: below the first bank that does not begin or end on a section (later: 2 MiB) boundary.

Source: arch/arm/mm/mmu.c ``adjust_lowmem_bounds`` (4.11), ``sanity_check_meminfo`` (before), ``vmalloc_min``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.kernel import VMALLOC_OFFSET
from bootmap.boot.records import LostRam
from bootmap.boot.setup.meminfo import sanity_check_banks
from bootmap.boot.trace import Origin
from bootmap.facts.linux.memblock import Flags
from bootmap.units import MIB, Span, align_down, align_up, hex_address, size_text

if TYPE_CHECKING:
    from bootmap.boot.state import BootState

_U32 = 0xFFFFFFFF


def vmalloc_limit(state: BootState, *, given: bool | None = None) -> int:
    """The physical address from which on RAM cannot be lowmem, in bytes: it exceeds phys_addr_t, or it wraps.

    Args:
        state: the boot.
        given: take the size that vmalloc= gives; False for what it would be without, None for what holds.
    """
    kernel, size = state.kernel, state.vars.vmalloc_size
    given = state.vars.vmalloc_given if given is None else given
    if kernel.has("vmalloc_size_symmetric"):
        reserve = (size if given else 240 * MIB) + VMALLOC_OFFSET
    elif given:
        reserve = size
    else:
        reserve = 240 * MIB + VMALLOC_OFFSET if kernel.has("vmalloc_min_240m") else 128 * MIB
    limit = kernel.vmalloc_end - reserve - kernel.page_offset + state.handover.phys_offset
    wide = state.phys_mask if kernel.has("pa_is_wide") else _U32
    return limit if kernel.has("vmalloc_limit_u64") else limit & wide


def adjust_lowmem_bounds(state: BootState) -> None:
    """Set arm_lowmem_limit, high_memory and memblock's current limit from the RAM that memblock knows."""
    kernel = state.kernel
    if not kernel.has("memblock_holds_banks"):
        sanity_check_banks(state, vmalloc_limit(state))
        return
    state.vars.vmalloc_limit = vmalloc_limit(state)
    if not kernel.has("adjust_lowmem_bounds"):
        _sanity_check_regions(state)
        return
    skips_nomap = kernel.has("first_region_nomap")
    if skips_nomap:
        _first_region_nomap(state)

    else:
        _first_region_unaligned(state)

    pmd, lowmem, limit = kernel.format.pmd_size, 0, 0
    regions = (
        state.memblock.mem_ranges() if skips_nomap else ((b, b + s) for b, s, _ in list(state.memblock.memory.regions))
    )
    for start, end in regions:
        if start >= state.vars.vmalloc_limit:
            continue
        if end > lowmem:
            lowmem = min(state.vars.vmalloc_limit, end)
        if not limit:
            limit = _unaligned(start, end, lowmem, pmd)
    _publish(state, lowmem)
    if kernel.has("memblock_limit_always_rounded"):
        limit = align_down(limit or lowmem, pmd)
    else:
        limit = align_down(limit, pmd) or lowmem
    _without_highmem(state, limit)
    state.memblock.current_limit = state.vars.memblock_limit = limit


def _unaligned(start: int, end: int, lowmem: int, granule: int) -> int:
    """Where the first unaligned bank begins, or lowmem so far where it ends unaligned; 0 for neither."""
    if start % granule:
        return start
    return lowmem if end % granule else 0


def _publish(state: BootState, lowmem: int) -> None:
    state.vars.arm_lowmem_limit = lowmem
    state.vars.high_memory = (state.va((lowmem - 1) & state.phys_mask) + 1) & _U32


def _first_region_nomap(state: BootState) -> None:
    """Give up the start of the first usable region where it is not on a 2 MiB boundary."""
    pmd = state.kernel.format.pmd_size
    for start, _ in state.memblock.mem_ranges():
        length = align_up(start, pmd) - start
        if length:
            origin = Origin(
                "adjust_lowmem_bounds", f"the first bank begins at {start:#010x}, not on a {size_text(pmd)} boundary"
            )
            state.memblock.mark_nomap(start, length, origin=origin)
            state.lost.append(
                LostRam(start, start + length, f"the first bank must begin on a {size_text(pmd)} boundary", origin)
            )
            state.hazard(
                "first-bank-unaligned",
                f"RAM begins at {start:#010x}, not on a {size_text(pmd)} boundary: {size_text(length)} are given up "
                f"(no-map), and prepare_page_table then takes that sliver for the first bank",
                address=start,
                origin=origin,
            )
        break


def _first_region_unaligned(state: BootState) -> None:
    """Say that early allocations must come from below the first bank: none can be made (commit 00d2ec1e6bd8)."""
    pmd, id = state.kernel.format.pmd_size, "first-bank-unaligned"
    regions = state.memblock.memory.regions
    if not regions or not regions[0][0] % pmd or any(hazard.id == id for hazard in state.hazards):
        return
    start = regions[0][0]
    taken = next((row for row in state.lost if row.end == start and row.reason == "no-map"), None)
    first, after, size = align_down(start, pmd), align_up(start, pmd), size_text(pmd)
    cause, advice = "", f"let it begin on a {size} boundary"
    if taken is not None:
        cause = f", because {taken.origin.text if taken.origin else 'an area'} before it is no-map"
        advice = f"make that area {size}, up to {hex_address(after - 1)}, or leave its no-map out"
    state.hazard(
        id,
        f"RAM begins at {hex_address(start)}, not on a {size} boundary{cause}: early allocations must come from below "
        f"{hex_address(first)}, where there is none; {advice}; Linux 5.4, 5.3.5, 4.19.78 and 4.14.148 give up the "
        f"sliver instead",
        address=start,
        origin=taken.origin if taken else None,
    )


def _without_highmem(state: BootState, limit: int) -> None:
    kernel = state.kernel
    if kernel.has("highmem") and not state.handover.cpu.aliasing:
        return
    if not len(state.memblock.memory):
        return
    end = state.memblock.end_of_dram()
    if end <= state.vars.arm_lowmem_limit:
        return
    _lowmem_rounded(state, limit)
    why = "no CONFIG_HIGHMEM" if not kernel.has("highmem") else "HIGHMEM needs a cache that does not alias"
    origin = Origin("adjust_lowmem_bounds", f"{why}, vmalloc area of {size_text(state.vars.vmalloc_size)}")
    state.print(f"Ignoring RAM at 0x{limit:08x}-0x{end:08x}")
    state.print("Consider using a HIGHMEM enabled kernel.")
    for base, size, flags in list(state.memblock.memory.regions):
        start = max(base, limit, state.vars.arm_lowmem_limit)
        if base + size > start and not flags & Flags.NOMAP:
            state.lost.append(LostRam(start, base + size, why, origin))
    state.memblock.remove(limit, end - limit, origin=origin)


def _lowmem_rounded(state: BootState, limit: int) -> None:
    """Say what is cut off because lowmem must end on a 2 MiB boundary where there is no highmem."""
    end, pmd = state.vars.arm_lowmem_limit, size_text(state.kernel.format.pmd_size)
    regions = [(base, base + size) for base, size, flags in state.memblock.memory.regions if not flags & Flags.NOMAP]
    cut = [Span(max(start, limit), min(stop, end)) for start, stop in regions if start < end and stop > limit]
    cut = [row for row in cut if row.size > 0]
    if not cut:
        return
    last = max(row.end for row in cut)
    area = next((row for row in state.lost if row.start == last and row.reason == "no-map"), None)
    cause = f"RAM ends at {hex_address(last)}"
    advice = "nothing is to be done about it"
    if area is not None:
        cause = f"{area.origin.text if area.origin else 'a no-map area'} begins at {hex_address(last)}"
        after = align_up(last, state.kernel.format.pmd_size)
        moved = Span(after, after + area.end - area.start)
        room = after < area.end or any(row.start <= moved.start and moved.end <= row.end for row in state.banks)
        advice = f"let that area begin at {hex_address(limit)}" + (f" or {hex_address(after)}" if room else "")
    reason = f"lowmem must end on a multiple of {pmd}, and {cause}"
    origin = Origin("adjust_lowmem_bounds", reason, None, area.origin if area else None)
    for row in cut:
        state.lost.append(LostRam(row.start, row.end, reason, origin))
    if any(hazard.id == "lowmem-rounded" for hazard in state.hazards):
        return
    state.hazard(
        "lowmem-rounded",
        f"{size_text(sum(row.size for row in cut))} of RAM at {hex_address(cut[0].start)} are lost to rounding: "
        f"{reason}; the rest is removed, as there is no usable highmem. Neither HIGHMEM nor vmalloc= is the "
        f"reason; {advice}",
        address=cut[0].start,
        origin=origin,
    )


def _sanity_check_regions(state: BootState) -> None:
    """3.16 to 4.10: the same on memblock regions, removing highmem region by region.

    Removing a region moves the next one into its place, which the kernel's loop then steps over.
    """
    kernel, memblock = state.kernel, state.memblock
    granule = kernel.format.pmd_size if kernel.has("memblock_limit_pmd") else kernel.format.section_size
    no_highmem = not kernel.has("highmem") or state.handover.cpu.aliasing
    bound = state.vars.vmalloc_limit
    highmem, lowmem, limit, i = False, 0, 0, 0
    origin = Origin("sanity_check_meminfo", "no CONFIG_HIGHMEM")
    removed = False
    while i < len(memblock.memory.regions):
        base, size, _ = memblock.memory.regions[i]
        i += 1
        end, room = base + size, size
        if base >= bound:
            highmem = True
        else:
            room = bound - base
        if no_highmem and highmem:
            state.print(f"Ignoring RAM at {state.phys_text(base)}-{state.phys_text(end)} (!CONFIG_HIGHMEM)")
            state.lost.append(LostRam(base, end, "no CONFIG_HIGHMEM", origin))
            memblock.remove(base, size, origin=origin)
            removed = True
            continue
        if no_highmem and size > room:
            state.print(
                f"Truncating RAM at {state.phys_text(base)}-{state.phys_text(end)} to -{state.phys_text(bound)}"
            )
            state.lost.append(LostRam(bound, end, "no CONFIG_HIGHMEM", origin))
            memblock.remove(bound, size - room, origin=origin)
            removed = True
        if highmem:
            continue
        if end > lowmem:
            lowmem = bound if size > room else end
        if not limit:
            limit = _unaligned(base, end, lowmem, granule)
    if removed:
        state.print("Consider using a HIGHMEM enabled kernel.")
    _publish(state, lowmem)
    limit = align_down(limit, granule) or lowmem
    memblock.current_limit = state.vars.memblock_limit = limit
