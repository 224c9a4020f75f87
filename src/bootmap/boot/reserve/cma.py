"""Contiguous memory: the default area, areas of the device tree, and their mapping by pages.

Source: kernel/dma/contiguous.c ``dma_contiguous_reserve``, ``rmem_cma_setup``; mm/cma.c
``cma_declare_contiguous_nid``; arch/arm/mm/dma-mapping.c ``dma_contiguous_early_fixup``, ``dma_contiguous_remap``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.paging.mapping import iotable_init, pmd_clear
from bootmap.boot.records import CmaArea, MapDesc
from bootmap.boot.trace import Origin
from bootmap.facts.linux.memblock import Flags
from bootmap.units import (
    GIB,
    MIB,
    PAGE_SHIFT,
    PAGE_SIZE,
    PMD_SIZE,
    Span,
    align_down,
    align_up,
    hex_address,
    size_text,
)

if TYPE_CHECKING:
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.state import BootState

_DEFAULT_MAX_ORDER = 11
MAX_CMA_AREAS = 7
"""Default of CONFIG_CMA_AREAS (mm/Kconfig); one more is the default area."""


def pageblock_bytes(kernel: KernelModel) -> int:
    """Bytes of one pageblock: the largest block of the buddy allocator, or one huge page.

    Source: include/linux/pageblock-flags.h, include/linux/mmzone.h; arch/arm/Kconfig ARCH_FORCE_MAX_ORDER (its
    meaning changed from "order + 1" to "order" in 6.4), mm/Kconfig PAGE_BLOCK_MAX_ORDER (seen in 6.18).
    """
    most = max_order_bytes(kernel)
    if "PAGE_BLOCK_MAX_ORDER" in kernel.config:
        most = min(most, PAGE_SIZE << kernel.config.integer("PAGE_BLOCK_MAX_ORDER"))
    return min(most, 2 * MIB) if kernel.config.enabled("HUGETLB_PAGE") and kernel.has("lpae") else most


def max_order_bytes(kernel: KernelModel) -> int:
    """Bytes of the largest block of the buddy allocator."""
    order = _DEFAULT_MAX_ORDER - 1
    for name in ("ARCH_FORCE_MAX_ORDER", "FORCE_MAX_ZONEORDER"):
        if name in kernel.config:
            order = kernel.config.integer(name) - (0 if kernel.has("max_order_inclusive") else 1)
            break
    return PAGE_SIZE << order


def cma_alignment(kernel: KernelModel) -> int:
    """Alignment of every area in bytes."""
    if kernel.has("cma_min_alignment"):
        return pageblock_bytes(kernel)
    block = max_order_bytes(kernel)
    return max(2 * block if kernel.has("cma_align_max_order") else block, pageblock_bytes(kernel))


def _unit_text(kernel: KernelModel, align: int) -> str:
    """The unit of an area, and the option that it comes from where that is set."""
    for name in ("ARCH_FORCE_MAX_ORDER", "FORCE_MAX_ZONEORDER"):
        if name in kernel.config:
            return f"{size_text(align)} (the largest block of free pages by CONFIG_{name}={kernel.config.text(name)})"
    return size_text(align)


def dma_contiguous_reserve(state: BootState) -> None:
    """Reserve the default area, unless the device tree made one or the size is 0."""
    kernel = state.kernel
    if not kernel.has("cma"):
        return
    limit = state.vars.arm_dma_limit
    if not kernel.has("cma_limit_dma_only"):
        limit = min(limit, state.vars.arm_lowmem_limit)
    base, fixed = 0, False
    if state.cma_cmdline is not None:
        size, base, given = state.cma_cmdline
        limits = [value for value in (given, limit) if value]
        limit = (given or limit) if kernel.has("cma_cmdline_limit_wins") else min(limits, default=0)
        fixed = base + size == given
        origin = Origin("dma_contiguous_reserve", "default CMA area", None, state.cma_origin)
    else:
        size, option = _configured_size(state)
        origin = Origin("dma_contiguous_reserve", "default CMA area", None, Origin("config", option))
    if not size or state.default_cma is not None:
        return
    area = _declare(state, size, base, limit, fixed, origin)
    if area is not None:
        state.default_cma = area
        state.cma_areas.append(area)
        state.cma_fixups.append(area)


def reserve_machine_area(state: BootState, size: int, base: int, origin: Origin) -> None:
    """``dma_contiguous_reserve_area`` as a machine's reserve callback calls it: at a fixed place, without a limit."""
    if not state.kernel.has("cma"):
        return
    area = _declare(state, size, base, 0, True, origin)
    if area is not None:
        state.cma_areas.append(area)
        state.cma_fixups.append(area)


def _configured_size(state: BootState) -> tuple[int, str]:
    """Bytes of the default area by configuration, and the option that says so."""
    config = state.kernel.config
    megabytes = config.integer("CMA_SIZE_MBYTES", 0) * MIB
    pages = sum(size >> PAGE_SHIFT for _, size, _ in state.memblock.memory.regions)
    percentage = (pages * config.integer("CMA_SIZE_PERCENTAGE", 0) // 100) << PAGE_SHIFT
    for option, size in (
        ("CMA_SIZE_SEL_MBYTES", megabytes),
        ("CMA_SIZE_SEL_PERCENTAGE", percentage),
        ("CMA_SIZE_SEL_MIN", min(megabytes, percentage)),
        ("CMA_SIZE_SEL_MAX", max(megabytes, percentage)),
    ):
        if config.enabled(option):
            return size, f"CONFIG_{option}"
    return 0, "no CMA size selected"


def _declare(state: BootState, size: int, base: int, limit: int, fixed: bool, origin: Origin) -> CmaArea | None:
    """``cma_declare_contiguous``: find and reserve the area; None where the kernel gives up."""
    if not state.kernel.has("cma_generic"):
        return _reserve_area(state, size, base, limit, fixed, origin)
    memblock, align = state.memblock, cma_alignment(state.kernel)
    mask = state.phys_mask
    end_of_dram = memblock.end_of_dram() if len(memblock.memory) else 0
    high = (state.pa(state.vars.high_memory - 1) + 1) & mask

    def failed(line: str, why: str = "") -> None:
        """What the kernel prints, if anything, and why the area is not made."""
        if line:
            state.print(f"cma: {line}")
        state.print(f"cma: Failed to reserve {size >> 20} MiB")
        state.hazard(
            "cma-failed", f"the default CMA area of {size_text(size)} is not made: {why or line}", origin=origin
        )

    checks = state.kernel.has("cma_checks_place")
    if checks and fixed and base % align:
        failed(
            f"Region at {state.phys_text(base)} must be aligned to {state.phys_text(align)} bytes",
            f"it begins at {hex_address(base)}, which is no multiple of {_unit_text(state.kernel, align)}",
        )
        return None
    base, size, limit = align_up(base, align) & mask, align_up(size, align) & mask, align_down(limit, align)
    fixed = fixed and bool(base)
    if fixed and base < high < base + size:
        failed(
            f"Region at {state.phys_text(base)} defined on low/high memory boundary ({state.phys_text(high)})",
            f"it would lie across the end of lowmem, {hex_address(high)}",
        )
        return None
    if not limit or limit > end_of_dram:
        limit = end_of_dram
    if checks and base + size > limit:
        failed(
            f"Size ({state.phys_text(size)}) of region at {state.phys_text(base)} exceeds limit "
            f"({state.phys_text(limit)})",
            f"{size_text(size)} from {hex_address(base)} on reach beyond the end of RAM for it, {hex_address(limit)}",
        )
        return None
    if fixed:
        if memblock.is_region_reserved(base, size) or memblock.reserve(base, size, origin=origin) < 0:
            failed("", f"{Span(base, base + size)} is reserved already")
            return None
    else:
        found = _place(state, size, align, base, limit, high, origin)
        if not found:
            failed(
                "",
                f"no {size_text(size)} aligned to {_unit_text(state.kernel, align)} are free below "
                f"{hex_address(limit)}",
            )
            return None
        base = found
    node = " on node -1" if state.kernel.has("log_cma_node") else ""
    state.print(f"cma: Reserved {size >> 20} MiB at {state.phys_text(base)}{node}")
    return CmaArea(base, size, "reserved", origin)


def _reserve_area(state: BootState, size: int, base: int, limit: int, fixed: bool, origin: Origin) -> CmaArea | None:
    """``dma_contiguous_reserve_area`` before 3.17: nothing is checked but whether there is room."""
    memblock, align, mask = state.memblock, cma_alignment(state.kernel), state.phys_mask
    base, size, limit = align_up(base, align) & mask, align_up(size, align) & mask, align_down(limit, align)
    if fixed and base:
        taken = memblock.is_region_reserved(base, size) or memblock.reserve(base, size, origin=origin) < 0
        found, why = 0 if taken else base, "the region is reserved already"
    else:
        found, why = memblock.alloc_range(size, align, base, limit, origin=origin), f"no free room below 0x{limit:08x}"
    if not found:
        state.print(f"cma: CMA: failed to reserve {size >> 20} MiB")
        state.hazard("cma-failed", f"the default CMA area of {size >> 20} MiB is not made: {why}", origin=origin)
        return None
    state.print(f"cma: CMA: reserved {size >> 20} MiB at {found:08x}")
    return CmaArea(found, size, "reserved", origin)


def _place(state: BootState, size: int, align: int, base: int, limit: int, high: int, origin: Origin) -> int:
    """Where an area without a fixed place goes: above 4 GiB, in highmem, in lowmem, as far as there is room; or 0."""
    kernel, memblock = state.kernel, state.memblock
    end = limit if kernel.has("cma_4g_by_limit") else memblock.end_of_dram()
    above_4g = kernel.has("lpae") and kernel.has("cma_bottom_up_4g") and end >= 4 * GIB + size

    def from_4g() -> int:
        memblock.bottom_up = True
        found = memblock.alloc_range(size, align, 4 * GIB, limit, origin=origin)
        memblock.bottom_up = False
        return found

    found = from_4g() if above_4g and kernel.has("cma_4g_first") else 0
    if not found and kernel.has("cma_high_first") and base < high < limit:
        found = memblock.alloc_range(size, align, high, limit, origin=origin)
        limit = high
    if above_4g and not kernel.has("cma_4g_first"):
        # What was found in highmem is forgotten here, though it stays reserved.
        found = from_4g()
    return found or memblock.alloc_range(size, align, base, limit, origin=origin)


def dma_contiguous_remap(state: BootState) -> None:
    """Map every area that lies in lowmem by pages, so that its attributes can change page by page.

    Raises:
        KernelDied: no memory for the page tables, or the area holds the running kernel.
    """
    limit = state.vars.arm_lowmem_limit
    for area in state.cma_fixups:
        start, end = area.base, min((area.base + area.size) & state.phys_mask, limit)
        if start >= end:
            continue
        md = MapDesc(
            state.va(start),
            start >> PAGE_SHIFT,
            end - start,
            "MEMORY_DMA_READY",
            f"CMA area {area.name}",
            "dma_contiguous_remap",
            area.origin,
        )
        pmd_clear(state, md.virtual, md.virtual + md.length, f"CMA area {area.name} is mapped by pages instead")
        _check_neighbours(state, md, area)
        iotable_init(state, [md])


def _check_neighbours(state: BootState, md: MapDesc, area: CmaArea) -> None:
    """What else the 2 MiB that were cleared had mapped: nobody maps it again, unless it is another area's.

    Raises:
        KernelDied: the kernel is in what was cleared; the TLB is flushed before anything is mapped again.
    """
    kernel = state.kernel
    first, cleared = align_down(md.virtual, PMD_SIZE), align_up(md.length, PMD_SIZE)
    if first < kernel.image_end and kernel.swapper_pg_dir < first + cleared:
        if first < kernel.symbols.get("__bss_start", kernel.image_end):
            raise state.die(
                "kernel-unmapped",
                f"the CMA area {area.name} at {area.base:#010x} covers the running kernel: dma_contiguous_remap clears "
                f"the kernel's own mapping and flushes the TLB before it maps the area by pages",
                address=max(first, kernel.swapper_pg_dir),
                origin=area.origin,
            )
        # Booted: 6.1.176 with long descriptors comes back when only the last 53 KiB of bss were unmapped for the while.
        state.hazard(
            "bss-unmapped",
            f"the CMA area {area.name} at {area.base:#010x} covers the end of the kernel's bss: dma_contiguous_remap "
            f"unmaps it for a while, and the kernel goes on only if it uses no variable there meanwhile",
            address=first,
            luck=True,
            origin=area.origin,
        )
    physical = md.physical - (md.virtual - first)
    for low, high in ((physical, md.physical), (md.physical + md.length, physical + cleared)):
        for base, size, flags in state.memblock.memory.regions:
            start, end = max(base, low), min(base + size, high, state.vars.arm_lowmem_limit)
            if start < end and not flags & Flags.NOMAP:
                state.hazard(
                    "lowmem-unmapped",
                    f"lowmem at {start:#010x}-{end - 1:#010x} loses its mapping: the CMA area {area.name} beside it is "
                    f"not aligned to 2 MiB, and dma_contiguous_remap clears whole 2 MiB; the first use of that memory "
                    f"is a data abort",
                    address=start,
                    origin=area.origin,
                )
