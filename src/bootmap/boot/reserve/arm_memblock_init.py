"""arm_memblock_init: every reservation, in the kernel's order.

    kernel image, initrd, page directory, machine, device tree's own and the areas it asks for, contiguous memory

What comes first gets its place; what comes later gives way or overlaps, which is why the order is part of the
answer.  Source: arch/arm/mm/init.c ``arm_memblock_init``, ``arm_initrd_init``; init/initramfs.c
``reserve_initrd_mem``; arch/arm/mm/mmu.c ``arm_mm_memblock_reserve``; ``arm_memblock_steal``; the
machines' files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.payload import board_payload, initrd_span
from bootmap.boot.places import initrd_advice, initrd_ranges, places
from bootmap.boot.reserve.cma import dma_contiguous_reserve, reserve_machine_area
from bootmap.boot.reserve.reserved_mem import early_init_fdt_scan_reserved_mem, reserve_self
from bootmap.boot.setup.machine import applies, node_areas
from bootmap.boot.setup.meminfo import banks_to_memblock
from bootmap.boot.trace import Origin
from bootmap.facts.machines.machine import SECTION
from bootmap.inputs.fdt import Fdt
from bootmap.units import GIB, PAGE_SIZE, Span, align_down, align_up, hex_address

if TYPE_CHECKING:
    from bootmap.boot.state import BootState
    from bootmap.facts.machines.machine import MachineArea


def arm_memblock_init(state: BootState) -> None:
    """Reserve everything that is in use or asked for."""
    kernel, memblock = state.kernel, state.memblock
    if kernel.has("memblock_init_late"):
        memblock.current_limit = state.phys_mask
    if not kernel.has("memblock_holds_banks"):
        banks_to_memblock(state)
    image = state.kernel_image
    origin = Origin("arm_memblock_init", "the kernel image", None, Origin("symbol", "_stext to _end"))
    memblock.reserve(image.start, image.size, origin=origin)
    _initrd(state)
    _page_directory(state)
    if kernel.has("reserve_before_fdt"):
        _machine(state)
    board = state.handover.board
    if isinstance(board, Fdt):
        if not kernel.has("fdt_fixed_base") and kernel.has("fdt_reserve_self"):
            reserve_self(state, board)
        early_init_fdt_scan_reserved_mem(state, board)
    if not kernel.has("reserve_before_fdt"):
        _machine(state)
    dma_contiguous_reserve(state)
    if not kernel.has("memblock_resize_late"):
        memblock.allow_resize()
    _dump(state)


def _initrd(state: BootState) -> None:
    """Reserve the initrd, or disable it where it is outside RAM or overlaps something."""
    kernel, memblock, values = state.kernel, state.memblock, state.vars
    if kernel.config.disabled("BLK_DEV_INITRD"):
        _initrd_ignored(state)
    start, size = values.phys_initrd_start, values.phys_initrd_size
    if not size or not kernel.config.enabled("BLK_DEV_INITRD"):
        return
    first, last = start, start + size
    if kernel.has("initrd_page_rounding"):
        first, last = align_down(start, PAGE_SIZE), align_up(start + size, PAGE_SIZE)
    what = f"INITRD: 0x{start:08x}+0x{size:08x}"
    trouble = why = ""
    origin = state.initrd_origin
    if kernel.has("initrd_must_be_memory") and not memblock.is_region_memory(first, last - first):
        trouble = f"{what} is not a memory region - disabling initrd"
        why, origin = _not_memory(state, Span(first, last))
    elif memblock.is_region_reserved(first, last - first):
        trouble = f"{what} overlaps in-use memory region - disabling initrd"
        why = _in_use(state, Span(first, last))
    if trouble:
        state.print(trouble)
        found = places(state, "initrd", size, initrd_ranges(state))
        state.hazard(
            "initrd-disabled",
            f"{trouble}: {why}; {initrd_advice(state, found)}",
            address=start,
            origin=origin or state.initrd_origin,
            subject="initrd",
            places=found,
            loses_initrd=True,
        )
        values.phys_initrd_size = 0
        return
    memblock.reserve(first, last - first, origin=Origin("reserve_initrd_mem", "the initrd", None, state.initrd_origin))


def _initrd_ignored(state: BootState) -> None:
    told = initrd_span(state)
    if told is not None and told.size:
        state.hazard(
            "initrd-ignored",
            f"the kernel has no CONFIG_BLK_DEV_INITRD: it never looks at the initrd, {told}, and uses its memory",
            address=told.start,
            loses_initrd=True,
        )


def _not_memory(state: BootState, initrd: Span) -> tuple[str, Origin | None]:
    """Where the initrd leaves the RAM that is left, and why there is none."""
    at = initrd.start
    for base, size, _ in state.memblock.memory.regions:
        if base <= at < base + size:
            at = base + size
    if at >= initrd.end:  # every byte is RAM, but in regions that the kernel does not see as one
        return "it lies across two regions of memory", None
    for row in state.lost:
        if row.start <= at < row.end and row.reason:
            return f"{hex_address(at)} is RAM that the kernel does not use ({row.reason})", row.origin
    return f"the kernel knows of no RAM at {hex_address(at)}", None


def _in_use(state: BootState, initrd: Span) -> str:
    start, params = state.pa(state.kernel.page_offset + state.kernel.text_offset), board_payload(state)
    image = Span(start, state.kernel_image.end)
    if initrd.overlaps(image):
        return f"the kernel, bss included, is at {image}"
    if params is not None and initrd.overlaps(params.span):
        return f"{params.what} is at {params.span}"
    return "something else was reserved there first"


def _page_directory(state: BootState) -> None:
    kernel, memblock, root = state.kernel, state.memblock, state.tables.root
    origin = Origin("arm_mm_memblock_reserve", "the page directory", None, Origin("symbol", "swapper_pg_dir"))
    memblock.reserve(root, kernel.format.pgd_bytes, origin=origin)
    if kernel.has("sa1111"):
        start = state.handover.phys_offset
        origin = Origin("arm_mm_memblock_reserve", "RAM below the page directory", None, Origin("config", "SA1111"))
        memblock.reserve(start, root - start, origin=origin)


def _machine(state: BootState) -> None:
    """The machine's own reserve callback, where it is known."""
    kernel, machine, phys_offset = state.kernel, state.machine.machine, state.handover.phys_offset
    for area in machine.reserve if machine else ():
        if area.only_at not in (None, phys_offset) or not applies(kernel, area):
            continue
        if area.any_option and not any(map(kernel.config.enabled, area.any_option)):
            continue
        origin = Origin("mdesc->reserve", area.what, None, Origin("machine", area.source))
        if area.node is not None:
            for base, size in node_areas(state.handover.board, area.node):
                state.memblock.remove(base, size, origin=origin)
        elif area.legacy_cma:
            _legacy_cma(state, area, origin)
        elif area.base is not None:
            take = state.memblock.remove if area.remove else state.memblock.reserve
            for start in [bank.start for bank in state.banks] if area.each_bank else [phys_offset]:
                base = start + area.base
                take(base, area.size or state.tables.root - base, origin=origin)
        elif area.steal:
            _steal(state, area, origin)
        else:
            state.memblock.alloc_range(area.size, area.align, origin=origin)


def _legacy_cma(state: BootState, area: MachineArea, origin: Origin) -> None:
    """An area for contiguous memory at the end of the last bank below 4 GiB (``rcar_gen2_scan_mem``)."""
    top = 0
    for bank in state.banks:
        end = min(bank.end, 4 * GIB)
        if bank.start >= top and end - bank.start >= area.size:
            top = end - area.size
    if top and state.memblock.is_region_memory(top, area.size):
        reserve_machine_area(state, area.size, top, origin)


def _steal(state: BootState, area: MachineArea, origin: Origin) -> None:
    """``arm_memblock_steal``: allocate, then take out of memory what was allocated.

    Raises:
        KernelDied: there is no room.
    """
    kernel, memblock = state.kernel, state.memblock
    align = kernel.format.section_size if area.align == SECTION else area.align
    size = align_up(area.size, align)
    end = state.phys_mask if kernel.has("steal_anywhere") else 0
    base = memblock.alloc_range(size, align, 0, end, origin=origin)
    if not base:
        message = f"no memory for {area.what}: memblock has no free {size:#x} bytes aligned to {align:#x}"
        raise state.die("allocation-failed", message, origin=origin)
    memblock.free(base, size, origin=origin)
    memblock.remove(base, size, origin=origin)
    state.vars.areas_taken = {**state.vars.areas_taken, area.what: base}


def _dump(state: BootState) -> None:
    """The block that memblock=debug prints (mm/memblock.c ``__memblock_dump_all``)."""
    if not state.memblock_debug:
        return
    kernel = state.kernel
    wide = kernel.has("memblock_log_wide")
    width = 18 if kernel.has("lpae") else 10
    size_width, span_width = (0, 16) if wide else (width, width)
    memory, reserved = state.memblock.memory, state.memblock.reserved
    totals = [sum(size for _, size, _ in regions.regions) for regions in (memory, reserved)]
    state.print("MEMBLOCK configuration:")
    reserved_size = f" reserved size = {totals[1]:#0{size_width}x}" if kernel.has("memblock_log_calls") else ""
    state.print(f" memory size = {totals[0]:#0{size_width}x}{reserved_size}")
    for regions in (memory, reserved):
        rows = regions.regions
        state.print(f" {regions.name}.cnt  = {max(len(rows), 1):#x}")
        for i, (base, size, flags) in enumerate(rows):
            span = f"[{base:#0{span_width}x}-{base + size - 1:#0{span_width}x}]"
            flags_said = f" flags: {flags:#x}" if kernel.has("memblock_flags") else ""
            state.print(f" {regions.name}[{i:#x}]\t{span}, {size:#0{size_width}x} bytes{flags_said}")
