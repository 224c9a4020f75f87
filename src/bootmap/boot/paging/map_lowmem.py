"""paging_init up to the devices: prepare_page_table, map_lowmem, map_kernel.

    0            MODULES_VADDR  PAGE_OFFSET    va(E)           VMALLOC_START
    | cleared    | cleared      | kept so far  | cleared       | kept (cleared later)
                                  the kernel runs here; E is the end of the *first* region of memory

What runs is what is kept: where E lies below the end of the kernel, the kernel clears the map under its own feet and
goes on from stale TLB entries, or not.

Source: arch/arm/mm/mmu.c ``prepare_page_table``, ``map_lowmem`` (three generations), ``map_kernel``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.paging.mapping import create_mapping, pmd_clear
from bootmap.boot.records import MapDesc
from bootmap.boot.trace import Origin
from bootmap.facts.linux.memblock import Flags
from bootmap.units import PAGE_SHIFT, PMD_SIZE, align_down, align_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.boot.state import BootState


def prepare_page_table(state: BootState) -> None:
    """Clear user space, the modules' area, and lowmem from the end of the first region on."""
    kernel = state.kernel
    if kernel.has("xip") and kernel.has("kernel_sec"):  # head.S cannot: its variables are still in flash
        state.vars.kernel_sec_start = align_down(state.handover.phys_offset, kernel.format.section_size)
        state.vars.kernel_sec_end = kernel.section_up(state.pa(kernel.image_end))
    if kernel.has("memblock_init_late"):
        state.memblock.current_limit = state.vars.arm_lowmem_limit
    start = 0
    if kernel.has("kasan"):
        shadow = kernel.kasan_shadow
        pmd_clear(state, 0, shadow.start, "user space, below the KASAN shadow")
        start = shadow.end
    if kernel.has("xip"):
        pmd_clear(state, start, kernel.modules_vaddr, "user space")
        start = align_up(kernel.xip_end, PMD_SIZE)
    else:
        pmd_clear(state, start, kernel.modules_vaddr, "user space")
        start = kernel.modules_vaddr
    pmd_clear(state, start, kernel.page_offset, "the modules' area")

    rows = state.memblock.memory.regions
    first = rows[0] if rows else (0, 0, 0)
    end = min(first[0] + first[1], state.vars.arm_lowmem_limit)
    # Before 3.3, devicemaps_init clears from VMALLOC_END only, and this loop does the vmalloc area (3.2.71 mm/mmu.c).
    last = state.vmalloc_start if kernel.has("clear_from_vmalloc_start") else kernel.vmalloc_end
    pmd_clear(state, state.va(end), last, f"all above the first region of memory, which ends at {end:#x}")


def map_lowmem(state: BootState) -> None:
    """Map RAM below arm_lowmem_limit, region by region.

    Raises:
        KernelDied: as for :func:`~bootmap.boot.paging.mapping.create_mapping`.
    """
    if state.kernel.has("map_kernel"):
        _around_kernel(state)
    elif state.kernel.has("lowmem_split_3_14") or state.kernel.has("lowmem_split_3_19"):
        _with_window(state)
    else:
        for start, end, origin in _lowmem_regions(state):
            _map(state, start, end, "MEMORY", "lowmem", origin)
    if state.kernel.has("lowmem_limit_early"):
        state.memblock.current_limit = state.vars.arm_lowmem_limit


def _lowmem_regions(state: BootState) -> Iterator[tuple[int, int, Origin | None]]:
    """Each region of memory that is to be mapped, cut to lowmem; ends at the first one beyond."""
    limit = state.vars.arm_lowmem_limit
    for base, size, flags in list(state.memblock.memory.regions):
        if flags & Flags.NOMAP:
            continue
        end = min(base + size, limit)
        if base >= end:
            break
        yield base, end, region_origin(state, base)


def region_origin(state: BootState, address: int) -> Origin | None:
    """The chain of the memory that ``address`` belongs to: what added it last."""
    for op in reversed(state.memblock.owners(address)):
        if op.name == "add" and isinstance(op.origin, Origin):
            return op.origin
    return None


def _map(state: BootState, start: int, end: int, kind: str, what: str, origin: Origin | None) -> None:
    md = MapDesc(state.va(start), start >> PAGE_SHIFT, end - start, kind, what, state.stage, origin)
    create_mapping(state, md)


def _around_kernel(state: BootState) -> None:
    """5.14 and later: everything but the kernel's own sections.

    The tests below are the kernel's, with their oddities: one of them ends the whole walk where a region lies inside
    the kernel's sections, another after a region that surrounds them, and a region that ends inside them is not cut.
    """
    k_start, k_end = state.vars.kernel_sec_start, state.vars.kernel_sec_end
    for start, end, origin in _lowmem_regions(state):
        if start > k_start and end < k_end:
            _never_reached(state, start, f"the region at {start:#010x} lies inside the kernel's own sections")
            break
        if start <= k_start <= end:
            if start < k_start and end > k_end:
                _map(state, start, k_start, "MEMORY_RW", "lowmem below the kernel", origin)
                _map(state, k_end, end, "MEMORY_RW", "lowmem above the kernel", origin)
                _never_reached(state, end, f"the region at {start:#010x} surrounds the kernel's own sections")
                break
            low, high = start, end
            if k_start == start:
                low = k_end
            if k_end == end:
                high = k_start
            _map(state, low, high, "MEMORY_RW", "lowmem", origin)
        elif k_start < start < k_end < end:
            _map(state, k_end, end, "MEMORY_RW", "lowmem", origin)
        else:
            _map(state, start, end, "MEMORY_RW", "lowmem", origin)


def _never_reached(state: BootState, first: int, why: str) -> None:
    """Note the lowmem from ``first`` on, which the kernel's walk never reaches."""
    for start, end, origin in _lowmem_regions(state):
        if start >= first:
            state.hazard(
                "lowmem-unmapped",
                f"lowmem at {start:#010x}-{end - 1:#010x} is never mapped: {why}, and map_lowmem stops there; the "
                f"first use of that memory is a data abort",
                address=start,
                origin=origin,
            )


def _with_window(state: BootState) -> None:
    """3.14 to 5.13: an executable window around the kernel's text; the rest RW (or, below it, RWX)."""
    kernel, size = state.kernel, state.kernel.format.section_size
    first = "_sdata" if kernel.has("xip") and kernel.has("xip_exiprom") else "_stext"
    x_start = align_down(state.pa(kernel.symbols.require(first)[0]), size)
    x_end = align_up(state.pa(kernel.symbols.require("__init_end")[0]), size)
    above = "MEMORY_RW" if kernel.has("lowmem_split_3_19") else "MEMORY_RWX"
    for start, end, origin in _lowmem_regions(state):
        if end < x_start:
            _map(state, start, end, "MEMORY_RWX", "lowmem below the kernel", origin)
        elif start >= x_end:
            _map(state, start, end, above, "lowmem above the kernel", origin)
        else:
            if start < x_start:
                _map(state, start, x_start, "MEMORY_RW", "lowmem below the kernel's text", origin)
            _map(state, x_start, x_end, "MEMORY_RWX", "the kernel's text and init", origin)
            if x_end < end:
                _map(state, x_end, end, "MEMORY_RW", "lowmem above the kernel's text and init", origin)


def map_kernel(state: BootState) -> None:
    """5.14 and later: the kernel's own sections, executable up to the end of init.

    Raises:
        KernelDied: as for :func:`~bootmap.boot.paging.mapping.create_mapping`.
    """
    kernel = state.kernel
    if not kernel.has("map_kernel"):
        return
    start, end = state.vars.kernel_sec_start, state.vars.kernel_sec_end
    if kernel.has("xip"):
        if kernel.has("xip_map_kernel"):
            map_xip_text(state)
        _map(state, start, end, "MEMORY_RW", "the kernel's data", Origin("map_kernel", "kernel_sec_start to _end"))
        return
    x_end = kernel.section_up(state.pa(kernel.symbols.require("__init_end")[0]))
    origin = Origin("map_kernel", "PHYS_OFFSET to __init_end", None, Origin("symbol", "__init_end"))
    _map(state, start, x_end, "MEMORY_RWX", "the kernel's text and init", origin)
    if x_end != end:
        origin = Origin("map_kernel", "__init_end to _end", None, Origin("symbol", "_end"))
        _map(state, x_end, end, "MEMORY_RW", "the kernel's data and bss", origin)


def map_xip_text(state: BootState) -> None:
    """The text of an XIP kernel, in flash, at the start of the modules' area."""
    kernel, size = state.kernel, state.kernel.format.section_size
    physical = align_down(kernel.xip_flash, size)
    length = align_up(kernel.xip_end - kernel.modules_vaddr, size)
    origin = Origin("map_kernel", "XIP text", None, Origin("config", "CONFIG_XIP_PHYS_ADDR"))
    md = MapDesc(kernel.modules_vaddr, physical >> PAGE_SHIFT, length, "ROM", "XIP text", state.stage, origin)
    create_mapping(state, md)
