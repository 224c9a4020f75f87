"""/memreserve/ and /reserved-memory: what the device tree asks to be kept, and what the kernel makes of it.

Static areas (``reg``) come first, in file order; then dynamic ones (``size``) are placed, in an order that differs by
version, one of them decided by an unstable sort; then a driver may refuse an area, which is then given back.

Source: drivers/of/fdt.c ``early_init_fdt_scan_reserved_mem``, drivers/of/of_reserved_mem.c, lib/sort.c,
kernel/dma/contiguous.c ``rmem_cma_setup``, kernel/dma/coherent.c ``rmem_dma_setup``, kernel/dma/swiotlb.c.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from bootmap.boot.records import LostRam, ReservedArea
from bootmap.boot.reserve.cma import cma_alignment
from bootmap.boot.reserve.drivers import RmemArea, compatible, early_fixup, set_up_by_driver, vetoed
from bootmap.boot.reserve.heapsort import kernel_sort
from bootmap.boot.setup.fdt_scan import (
    RootCells,
    dt_origin,
    fdt_prefix,
    is_available,
    reserved_memory_agrees,
    root_cells,
)
from bootmap.boot.trace import Origin
from bootmap.inputs.cells import pairs, read_cells
from bootmap.units import MIB, Span, hex_address, size_text

if TYPE_CHECKING:
    from bootmap.boot.state import BootState
    from bootmap.inputs.fdt import Fdt, Node

_CELL = 4
_MOST_AREAS = 1024  # nodes and their areas; real trees have some dozens, memblock room for 128


def reserve_self(state: BootState, fdt: Fdt) -> None:
    """Reserve the blob where it lies, to the byte."""
    params = state.handover.params
    origin = Origin(
        "early_init_fdt_reserve_self", "the device tree blob", None, Origin("handover", f"r2 = {params:#010x}")
    )
    base = params if state.kernel.has("fdt_fixed_base") else state.through_virtual(params)
    _reserve(state, base, fdt.totalsize, False, origin)


def early_init_fdt_scan_reserved_mem(state: BootState, fdt: Fdt) -> None:
    """Reserve what the blob asks for; who comes first differs by version."""
    kernel = state.kernel
    blocks_last, at_once = kernel.has("memreserve_last"), kernel.has("rmem_late_init")
    if not kernel.has("fdt_reserve_self"):
        reserve_self(state, fdt)
    if not blocks_last:
        _memreserve(state, fdt)
    if header_first := kernel.has("elfcorehdr_first"):
        _elfcorehdr(state)
    table = _scan(state, fdt) if kernel.has("reserved_memory") else []
    if at_once:
        _init(state, table, root_cells(fdt))
    if header_early := not header_first and kernel.has("elfcorehdr_before_dynamic"):
        _elfcorehdr(state)
    if blocks_last:
        _memreserve(state, fdt)
    if not at_once:
        _init(state, table, root_cells(fdt))
    if not header_first and not header_early:
        _elfcorehdr(state)


def _memreserve(state: BootState, fdt: Fdt) -> None:
    """The blob's memory reservation block; an entry of no bytes ends it."""
    for entry in fdt.reservations:
        if not entry.size:
            break
        entered = Origin("device tree", f"/memreserve/ {entry.address:#x} {entry.size:#x}", entry.offset)
        origin = Origin("early_init_fdt_scan_reserved_mem", "/memreserve/", None, entered)
        _reserve(state, entry.address, entry.size, False, origin)


def _elfcorehdr(state: BootState) -> None:
    if state.elfcorehdr is None or not state.elfcorehdr[1]:
        return
    base, size = state.elfcorehdr
    if state.memblock.is_region_reserved(base, size):
        state.print("OF: fdt: elfcorehdr is overlapped")
        return
    state.memblock.reserve(base, size, origin=Origin("fdt_reserve_elfcorehdr", "crash dump header"))
    state.print(f"OF: fdt: Reserving {size >> 10} KiB of memory at 0x{base:x} for elfcorehdr")


def _scan(state: BootState, fdt: Fdt) -> list[RmemArea]:
    """Reserve the areas that have a place; the table of all areas, in the order of the blob."""
    parent, cells = fdt.node("/reserved-memory"), root_cells(fdt)
    table: list[RmemArea] = []
    if parent is None:
        return table
    if not reserved_memory_agrees(parent, cells):
        state.print(f"{_scan_prefix(state)}Reserved memory: unsupported node format, ignoring")
        state.hazard(
            "reserved-memory-ignored",
            f"/reserved-memory is ignored as a whole: it needs ranges, #address-cells = <{cells.address}> and "
            f"#size-cells = <{cells.size}> like the root",
            origin=Origin("device tree", "/reserved-memory", parent.offset),
        )
        return table
    areas = 0
    for node in parent.children:
        if not is_available(node):
            continue
        reg = node.get("reg")
        if reg is not None:
            areas += 1 + len(reg.value) // (_CELL * max(cells.address + cells.size, 1))
            if areas > _MOST_AREAS:
                reg.fail(f"is more than bootmap reads: {_MOST_AREAS} nodes and areas of /reserved-memory")
            _reserve_reg(state, node, cells, table)
        elif (size := node.get("size")) is not None:
            _save(state, table, RmemArea(node, 0, 0, dt_origin(size)))
    return table


def _table_size(state: BootState) -> int:
    kernel = state.kernel
    return 64 if kernel.has("rmem_table_64") else 32 if kernel.has("rmem_table_32") else 16


def _save(state: BootState, table: list[RmemArea], area: RmemArea) -> None:
    if len(table) >= _table_size(state) and not state.kernel.has("rmem_late_init"):
        wanted = "for all" if state.kernel.has("log_rmem_for_all") else "all"
        state.print(f"{_prefix(state)}not enough space {wanted} defined regions.")
        state.hazard(
            "reserved-memory-full",
            f"/reserved-memory has more than {_table_size(state)} areas, which is all that Linux "
            f"{state.kernel.version_text} holds: {area.node.name} is not set up for its driver",
            origin=area.origin,
        )
        return
    table.append(area)


def _reserve_reg(state: BootState, node: Node, cells: RootCells, table: list[RmemArea]) -> None:
    kernel, prop = state.kernel, node.properties["reg"]
    width = _CELL * (cells.address + cells.size)
    if not width or (prop.value and len(prop.value) % width):
        state.print(f"{_scan_prefix(state)}Reserved memory: invalid reg property in '{node.name}', skipping node.")
        return
    nomap = node.get("no-map") is not None
    entries = pairs(prop, cells.address, cells.size)
    if kernel.has("rmem_first_reg_only"):
        entries = entries[:1]
        if vetoed(state, node):
            return
    for i, entry in enumerate(entries):
        entered = Origin("device tree", f"{node.path}/reg = <{entry.base:#x} {entry.size:#x}>", entry.offset)
        origin = Origin("early_init_fdt_scan_reserved_mem", node.path, None, entered)
        _outside_ram(state, node, Span(entry.base, entry.base + entry.size), origin)
        wanted = entry.size and (entry.base or not kernel.has("reserve_refuses_overlap"))
        if wanted and _reserve(state, entry.base, entry.size, nomap, origin):
            early_fixup(state, node, entry.base, entry.size, origin)
        else:
            state.print(
                f"{_scan_prefix(state)}Reserved memory: failed to reserve memory for node '{node.name}': base "
                f"{state.phys_text(entry.base)}, size {entry.size // MIB} MiB"
            )
            if entry.size:
                why = _why_refused(state, entry.base, entry.size)
                state.hazard(
                    "reservation-failed",
                    f"{node.path}: {entry.base:#010x} {size_text(entry.size)} {why} and stays mapped",
                    address=entry.base,
                    origin=origin,
                )
            else:
                state.hazard(
                    "reserved-area-empty",
                    f"{node.path} has size 0: the kernel says that it failed to reserve it, which is harmless: nothing "
                    f"is reserved and nothing is lost",
                    address=entry.base,
                    origin=origin,
                )
        if i == 0:
            _save(state, table, RmemArea(node, entry.base & state.phys_mask, entry.size & state.phys_mask, origin))


def _outside_ram(state: BootState, node: Node, area: Span, origin: Origin) -> None:
    """Note an area that is not in RAM at all: it keeps nothing, and what was meant is not kept."""
    ram = state.told_banks
    if not ram or not area.size:
        return
    if any(area.overlaps(bank) for bank in ram):
        _reaches_beyond_ram(state, node, area, origin)
        return
    where = " and ".join(str(bank) for bank in ram[:2])
    state.hazard(
        "reserved-area-outside-ram",
        f"{node.path}, {area}, lies outside RAM, which is at {where}: nothing is lost, but if RAM was meant, it is not "
        f"reserved",
        address=area.start,
        origin=origin,
    )


def _reaches_beyond_ram(state: BootState, node: Node, area: Span, origin: Origin) -> None:
    """Note an area that begins in RAM and ends behind it."""
    bank = next((bank for bank in _banks(state) if area.start in bank), None)
    if bank is not None and area.end > bank.end and not any(area.end - 1 in other for other in _banks(state)):
        state.hazard(
            "reserved-area-beyond-ram",
            f"{node.path}, {area}, reaches beyond the end of RAM: there is none from {hex_address(bank.end)} on",
            address=bank.end,
            origin=origin,
        )


def _banks(state: BootState) -> list[Span]:
    """RAM as the kernel was told: by mem=, else by the board."""
    return state.promised if state.mem_param else state.told_banks


def _why_refused(state: BootState, base: int, size: int) -> str:
    """Why an area cannot be reserved, as a clause."""
    memblock = state.memblock
    full = next((row for row in (memblock.memory, memblock.reserved) if len(row) + 2 > row.capacity), None)
    if memblock.is_region_reserved(base, size) or full is None or memblock.can_resize:
        return "overlaps something reserved already"
    return f"cannot be kept, as memblock's list of {full.name} is full ({len(full)} regions) and may not grow yet,"


def _prefix(state: BootState) -> str:
    """What drivers/of/of_reserved_mem.c puts in front of its lines."""
    return "OF: reserved mem: " if state.kernel.has("log_rmem_prefix") else "Reserved memory: "


def _scan_prefix(state: BootState) -> str:
    """The same where /reserved-memory is scanned: in drivers/of/fdt.c up to 6.3, then in of_reserved_mem.c."""
    return "OF: reserved mem: " if state.kernel.has("memreserve_last") else fdt_prefix(state)


def _reserve(state: BootState, base: int, size: int, nomap: bool, origin: Origin) -> bool:
    """``early_init_dt_reserve_memory``: reserve, flag or remove; False where the kernel refuses."""
    kernel, memblock = state.kernel, state.memblock
    if kernel.has("reserve_refuses_overlap") and memblock.is_region_reserved(base & state.phys_mask, size):
        return False
    if not nomap:
        return memblock.reserve(base, size, origin=origin) == 0
    if kernel.has("nomap_flag"):
        refusable = kernel.has("nomap_checks_reserved") and (
            memblock.overlaps_region(memblock.memory, base, size) or not kernel.has("nomap_checks_memory")
        )
        if refusable and memblock.is_region_reserved(base, size):
            return False
        done = memblock.mark_nomap(base, size, origin=origin) == 0
    else:
        done = memblock.remove(base, size, origin=origin) == 0
    if done:
        state.lost.append(LostRam(base, base + size, "no-map", origin))
    return done


def _init(state: BootState, table: list[RmemArea], cells: RootCells) -> None:
    """Place dynamic areas and let drivers look at each area."""
    kernel = state.kernel
    if kernel.has("rmem_late_init"):
        # Drivers look at static areas only when the tree is unflattened, long after paging_init: until then such an
        # area is not even the default one for contiguous memory, and the configured default is reserved beside it.
        for area in table:
            if area.node.get("reg") is not None:
                state.reserved_areas.append(
                    ReservedArea(area.node.name, area.base, area.size, area.nomap, "reserved", area.origin)
                )
        table = [area for area in table if area.node.get("reg") is None]
    elif kernel.has("rmem_sorted"):
        table = _sorted(state, table)
    neighbours = [] if kernel.has("rmem_late_init") else table
    for area in table:
        if not (area.size or _allocate(state, area, cells, neighbours)):
            continue
        accepted = set_up_by_driver(state, area)
        if kernel.has("rmem_late_init") and (accepted or not kernel.has("rmem_first_reg_only")):
            neighbours.append(area)


def _sorted(state: BootState, table: list[RmemArea]) -> list[RmemArea]:
    kernel = state.kernel
    by_size, by_node = kernel.has("rmem_sort_size"), kernel.has("rmem_sort_node")

    def compare(a: RmemArea, b: RmemArea) -> int:
        keys = [(a.base, b.base)]
        if by_size:
            keys.append((a.size, b.size))
        if by_node:
            keys.append((a.node.offset, b.node.offset))
        return next(((x > y) - (x < y) for x, y in keys if x != y), 0)

    if len(table) < 2:
        return table
    result = kernel_sort(table, compare, bottom_up=kernel.has("rmem_bottom_up_heapsort"))
    for this, following in pairwise(result):
        if this.base + this.size > following.base and following.size:
            ends = [state.phys_text(area.base + area.size) for area in (this, following)]
            state.print(f"{_prefix(state)}OVERLAP DETECTED!")
            state.print(
                f"{this.node.name} ({state.phys_text(this.base)}--{ends[0]}) overlaps with {following.node.name} "
                f"({state.phys_text(following.base)}--{ends[1]})"
            )
            state.hazard(
                "reserved-memory-overlap",
                f"{this.node.path} and {following.node.path} overlap: {Span(this.base, this.base + this.size)} and "
                f"{Span(following.base, following.base + following.size)}",
                address=following.base,
                origin=following.origin,
            )
    return result


def _allocate(state: BootState, area: RmemArea, cells: RootCells, neighbours: list[RmemArea]) -> bool:
    """Place a dynamic area; False where the kernel cannot."""
    node = area.node
    if state.kernel.has("rmem_first_reg_only") and vetoed(state, node):
        return False
    size_prop = node.get("size")
    if size_prop is None:  # an area whose reg has no bytes
        return False
    if len(size_prop.value) != _CELL * cells.size:
        state.print(f"OF: reserved mem: invalid size property in '{node.name}' node.")
        return False
    size = read_cells(size_prop.value, 0, cells.size)
    align = 0
    alignment = node.get("alignment")
    if alignment is not None:
        if len(alignment.value) != _CELL * cells.address:
            state.print(f"OF: reserved mem: invalid alignment property in '{node.name}' node.")
            return False
        align = read_cells(alignment.value, 0, cells.address)
    align = max(align, _pool_alignment(state, node))
    origin = Origin("__reserved_mem_alloc_size", f"dynamic area {node.path}", None, area.origin)
    base = 0
    ranges = node.get("alloc-ranges")
    if ranges is not None:
        width = _CELL * (cells.address + cells.size)
        # Without any cells the kernel divides by 0, and on ARM the remainder of that is the dividend.
        if len(ranges.value) % width if width else ranges.value:
            state.print(f"OF: reserved mem: invalid alloc-ranges property in '{node.name}', skipping node.")
            return False
        for entry in pairs(ranges, cells.address, cells.size) if width else ():
            start, end = (address & state.phys_mask for address in (entry.base, entry.base + entry.size))
            base = _allocate_in(state, size, align, start, end, area, neighbours, origin)
            if base:
                break
    else:
        base = _allocate_in(state, size, align, 0, 0, area, [], origin)
    if not base:
        prefix = "OF: reserved mem" if state.kernel.has("log_rmem_prefix") else "Reserved memory"
        size_said = f": size {size // MIB} MiB" if state.kernel.has("log_rmem_size") else ""
        state.print(f"{prefix}: failed to allocate memory for node '{node.name}'{size_said}")
        state.hazard(
            "dynamic-area-failed",
            f"{node.path}: no free {size_text(size)} for it in its ranges",
            origin=origin,
        )
        return False
    area.base, area.size, area.origin = base, size, origin
    early_fixup(state, node, base, size, origin)
    return True


def _pool_alignment(state: BootState, node: Node) -> int:
    kernel = state.kernel
    if not kernel.config.enabled("CMA") or not kernel.has("dynamic_cma_align"):
        return 0
    if not compatible(node, "shared-dma-pool"):
        return 0
    if kernel.has("dynamic_cma_align_reusable") and (node.get("reusable") is None or node.get("no-map") is not None):
        return 0
    return cma_alignment(kernel)


def _allocate_in(
    state: BootState,
    size: int,
    align: int,
    start: int,
    end: int,
    area: RmemArea,
    neighbours: list[RmemArea],
    origin: Origin,
) -> int:
    """One try of ``early_init_dt_alloc_reserved_memory_arch``; the address or 0."""
    kernel, memblock = state.kernel, state.memblock
    if not end:
        end = state.phys_mask if kernel.has("dynamic_anywhere") else 0
    if kernel.has("dynamic_range_search"):
        memblock.bottom_up = kernel.has("dynamic_bottom_up") and _only_start_touched(neighbours, start, end)
        if area.nomap and not kernel.has("dynamic_nomap_flag"):
            base = memblock.find_range(size, align, start, end)  # to be removed, so it is never reserved
        else:
            base = memblock.alloc_range(size, align, start, end, origin=origin)
        memblock.bottom_up = False
    else:
        base = memblock.alloc_range(size, align, 0, end, origin=origin)
        if base and base < start:
            memblock.free(base, size, origin=origin)
            return 0
    if base and area.nomap:
        state.lost.append(LostRam(base, base + size, "no-map", origin))
        if kernel.has("dynamic_nomap_flag"):
            memblock.mark_nomap(base, size, origin=origin)
        else:
            memblock.remove(base, size, origin=origin)
    return base


def _only_start_touched(neighbours: list[RmemArea], start: int, end: int) -> bool:
    """Whether an area that has its place holds or ends at ``start``, while none does so at ``end``."""
    spans = [(area.base, area.base + area.size) for area in neighbours if area.size]
    at_start = any(first <= start <= last for first, last in spans)
    at_end = any(first <= end <= last for first, last in spans)
    return at_start and not at_end
