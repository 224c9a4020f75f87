"""/memreserve/ and /reserved-memory: what the device tree asks to be kept, and what the kernel makes of it.

Static areas (``reg``) come first, in file order; then dynamic ones (``size``) are placed, in an order that differs by
version, one of them decided by an unstable sort; then a driver may refuse an area, which is then given back.

Source: drivers/of/fdt.c ``early_init_fdt_scan_reserved_mem``, drivers/of/of_reserved_mem.c, lib/sort.c,
kernel/dma/contiguous.c ``rmem_cma_setup``, kernel/dma/coherent.c ``rmem_dma_setup``, kernel/dma/swiotlb.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from bootmap.boot.cma import cma_alignment
from bootmap.boot.fdt_scan import RootCells, dt_origin, is_available, root_cells
from bootmap.boot.heapsort import kernel_sort
from bootmap.boot.records import CmaArea, LostRam, ReservedArea
from bootmap.boot.trace import Origin
from bootmap.inputs.cells import pairs, read_cells
from bootmap.units import MIB, size_text

if TYPE_CHECKING:
    from bootmap.boot.state import BootState
    from bootmap.inputs.fdt import Fdt, Node

_CELL = 4


@dataclass(slots=True)
class _Area:
    """One row of the kernel's table of reserved areas."""

    node: Node
    base: int
    size: int
    origin: Origin

    @property
    def nomap(self) -> bool:
        return self.node.get("no-map") is not None


def reserve_self(state: BootState, fdt: Fdt) -> None:
    """Reserve the blob where it lies, to the byte."""
    params = state.handover.params
    origin = Origin(
        "early_init_fdt_reserve_self", "the device tree blob", None, Origin("handover", f"r2 = {params:#010x}")
    )
    state.memblock.reserve(params, fdt.totalsize, origin=origin)


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
        state.memblock.reserve(entry.address, entry.size, origin=origin)


def _elfcorehdr(state: BootState) -> None:
    if state.elfcorehdr is None or not state.elfcorehdr[1]:
        return
    base, size = state.elfcorehdr
    if state.memblock.is_region_reserved(base, size):
        state.print("elfcorehdr is overlapped")
        return
    state.memblock.reserve(base, size, origin=Origin("fdt_reserve_elfcorehdr", "crash dump header"))


def _scan(state: BootState, fdt: Fdt) -> list[_Area]:
    """Reserve the areas that have a place; the table of all areas, in the order of the blob."""
    parent, cells = fdt.node("/reserved-memory"), root_cells(fdt)
    table: list[_Area] = []
    if parent is None:
        return table
    if not _root_agrees(parent, cells):
        state.print("OF: reserved mem: Reserved memory: unsupported node format, ignoring")
        state.hazard(
            "reserved-memory-ignored",
            f"/reserved-memory is ignored as a whole: it needs ranges, #address-cells = <{cells.address}> and "
            f"#size-cells = <{cells.size}> like the root",
            origin=Origin("device tree", "/reserved-memory", parent.offset),
        )
        return table
    for node in parent.children:
        if not is_available(node):
            continue
        reg = node.get("reg")
        if reg is not None:
            _reserve_reg(state, node, cells, table)
        elif (size := node.get("size")) is not None:
            _save(state, table, _Area(node, 0, 0, dt_origin(size)))
    return table


def _root_agrees(parent: Node, cells: RootCells) -> bool:
    for name, expected in (("#size-cells", cells.size), ("#address-cells", cells.address)):
        prop = parent.get(name)
        if prop is None or int.from_bytes(prop.value[:_CELL], "big") != expected:
            return False
    return parent.get("ranges") is not None


def _table_size(state: BootState) -> int:
    kernel = state.kernel
    return 64 if kernel.has("rmem_table_64") else 32 if kernel.has("rmem_table_32") else 16


def _save(state: BootState, table: list[_Area], area: _Area) -> None:
    if len(table) >= _table_size(state) and not state.kernel.has("rmem_late_init"):
        state.print("OF: reserved mem: not enough space for all defined regions.")
        state.hazard(
            "reserved-memory-full",
            f"/reserved-memory has more than {_table_size(state)} areas; {area.node.name} is not set up",
            origin=area.origin,
        )
        return
    table.append(area)


def _reserve_reg(state: BootState, node: Node, cells: RootCells, table: list[_Area]) -> None:
    kernel, prop = state.kernel, node.properties["reg"]
    width = _CELL * (cells.address + cells.size)
    if not width or (prop.value and len(prop.value) % width):
        state.print(f"OF: reserved mem: Reserved memory: invalid reg property in '{node.name}', skipping node.")
        return
    nomap = node.get("no-map") is not None
    entries = pairs(prop, cells.address, cells.size)
    if kernel.has("rmem_first_reg_only"):
        entries = entries[:1]
        if entries and not _driver_accepts_early(state, node):
            return
    for i, entry in enumerate(entries):
        entered = Origin("device tree", f"{node.path}/reg = <{entry.base:#x} {entry.size:#x}>", entry.offset)
        origin = Origin("early_init_fdt_scan_reserved_mem", node.path, None, entered)
        if not (entry.size and _reserve(state, entry.base, entry.size, nomap, origin)):
            state.print(
                f"OF: reserved mem: Reserved memory: failed to reserve memory for node '{node.name}': "
                f"base 0x{entry.base:08x}, size {entry.size // MIB} MiB"
            )
            if entry.size:
                state.hazard(
                    "reservation-failed",
                    f"{node.path}: {entry.base:#010x} {size_text(entry.size)} overlaps something reserved already and "
                    f"stays mapped",
                    address=entry.base,
                    origin=origin,
                )
        if i == 0:
            _save(state, table, _Area(node, entry.base & state.phys_mask, entry.size & state.phys_mask, origin))


def _reserve(state: BootState, base: int, size: int, nomap: bool, origin: Origin) -> bool:
    """``early_init_dt_reserve_memory``: reserve, flag or remove; False where the kernel refuses."""
    kernel, memblock = state.kernel, state.memblock
    if not nomap:
        return memblock.reserve(base, size, origin=origin) == 0
    if kernel.has("nomap_flag"):
        if (
            kernel.has("nomap_checks_reserved")
            and memblock.overlaps_region(memblock.memory, base, size)
            and memblock.is_region_reserved(base, size)
        ):
            return False
        state.lost.append(LostRam(base, base + size, "no-map", origin))
        return memblock.mark_nomap(base, size, origin=origin) == 0
    state.lost.append(LostRam(base, base + size, "no-map", origin))
    return memblock.remove(base, size, origin=origin) == 0


def _init(state: BootState, table: list[_Area], cells: RootCells) -> None:
    """Place dynamic areas and let drivers look at each area."""
    kernel = state.kernel
    if kernel.has("rmem_late_init"):
        # Static areas are looked at after the tree is unflattened, long after paging_init.
        for area in table:
            if area.size == 0 and area.node.get("reg") is None:
                if _allocate(state, area, cells):
                    _driver(state, area, early_fixup=True)
            else:
                _driver(state, area, early_fixup=kernel.has("cma_fixup_at_reserve"))
        return
    if kernel.has("rmem_sorted"):
        table = _sorted(state, table)
    for area in table:
        if area.size or _allocate(state, area, cells):
            _driver(state, area, early_fixup=True)


def _sorted(state: BootState, table: list[_Area]) -> list[_Area]:
    kernel = state.kernel
    by_size, by_node = kernel.has("rmem_sort_size"), kernel.has("rmem_sort_node")

    def compare(a: _Area, b: _Area) -> int:
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
            state.hazard(
                "reserved-memory-overlap",
                f"{this.node.path} and {following.node.path} overlap",
                address=following.base,
                origin=following.origin,
            )
    return result


def _allocate(state: BootState, area: _Area, cells: RootCells) -> bool:
    """Place a dynamic area; False where the kernel cannot."""
    node = area.node
    size_prop = node.properties["size"]
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
        if len(ranges.value) % width:
            state.print(f"OF: reserved mem: invalid alloc-ranges property in '{node.name}', skipping node.")
            return False
        for entry in pairs(ranges, cells.address, cells.size):
            base = _allocate_in(state, size, align, entry.base, entry.base + entry.size, area, origin)
            if base:
                break
    else:
        base = _allocate_in(state, size, align, 0, 0, area, origin)
    if not base:
        state.print(f"OF: reserved mem: failed to allocate memory for node '{node.name}': size {size // MIB} MiB")
        state.hazard(
            "dynamic-area-failed",
            f"{node.path}: no free {size_text(size)} for it in its ranges",
            origin=origin,
        )
        return False
    area.base, area.size, area.origin = base, size, origin
    return True


def _pool_alignment(state: BootState, node: Node) -> int:
    kernel = state.kernel
    if not kernel.config.enabled("CMA") or not kernel.has("dynamic_cma_align"):
        return 0
    if not _compatible(node, "shared-dma-pool"):
        return 0
    if kernel.has("dynamic_cma_align_reusable") and (node.get("reusable") is None or node.get("no-map") is not None):
        return 0
    return cma_alignment(kernel)


def _allocate_in(state: BootState, size: int, align: int, start: int, end: int, area: _Area, origin: Origin) -> int:
    """One try of ``early_init_dt_alloc_reserved_memory_arch``; the address or 0."""
    kernel, memblock = state.kernel, state.memblock
    if not end:
        end = state.phys_mask if kernel.has("dynamic_anywhere") else 0
    if kernel.has("dynamic_range_search"):
        bottom_up = kernel.has("dynamic_bottom_up") and start and _start_touched(state, start, end)
        previous, memblock.bottom_up = memblock.bottom_up, memblock.bottom_up or bool(bottom_up)
        base = memblock.alloc_range(size, align, start, end, origin=origin)
        memblock.bottom_up = previous
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


def _start_touched(state: BootState, start: int, end: int) -> bool:
    """Whether an area placed already ends at or holds ``start``, while ``end`` is free."""
    spans = [(area.base, area.base + area.size) for area in state.reserved_areas if area.size]
    at_start = any(first <= start <= last for first, last in spans)
    at_end = any(first <= end <= last for first, last in spans)
    return at_start and not at_end


def _compatible(node: Node, name: str) -> bool:
    prop = node.get("compatible")
    return prop is not None and name.encode() in prop.value.split(b"\0")


def _driver_accepts_early(state: BootState, node: Node) -> bool:
    """7.1: a driver may refuse a static area before it is reserved."""
    default_pool = _compatible(node, "shared-dma-pool") and node.get("linux,cma-default") is not None
    return not (default_pool and state.cma_cmdline is not None)


def _driver(state: BootState, area: _Area, *, early_fixup: bool) -> None:
    """The set-up by a driver that knows the area's compatible string, and giving the area back where it fails."""
    kernel, node, memblock = state.kernel, area.node, state.memblock
    kind, failure = "reserved", ""
    if _compatible(node, "shared-dma-pool"):
        kind, failure = _shared_dma_pool(state, area, early_fixup=early_fixup)
    elif _compatible(node, "restricted-dma-pool") and kernel.config.enabled("DMA_RESTRICTED_POOL"):
        kind = "restricted DMA pool"
        if node.get("reusable") is not None or node.get("no-map") is not None:
            failure = "a restricted-dma-pool must be neither reusable nor no-map"
    if failure and kernel.has("rmem_init_error_frees"):
        state.print(f"OF: reserved mem: node {node.name} compatible matching fail")
        late = kernel.has("rmem_late_init") and area.node.get("reg") is not None
        state.hazard("reserved-area-refused", f"{node.path}: {failure}; the area is given back", origin=area.origin)
        if not late:
            origin = Origin("fdt_init_reserved_mem", failure, None, area.origin)
            if area.nomap:
                memblock.clear_nomap(area.base, area.size, origin=origin)
            else:
                memblock.free(area.base, area.size, origin=origin)
        return
    state.reserved_areas.append(ReservedArea(node.name, area.base, area.size, area.nomap, kind, area.origin))


def _shared_dma_pool(state: BootState, area: _Area, *, early_fixup: bool) -> tuple[str, str]:
    """What the pool becomes, and why it fails ("" where it does not)."""
    kernel, node = state.kernel, area.node
    reusable, nomap = node.get("reusable") is not None, area.nomap
    default = node.get("linux,cma-default") is not None
    failure = ""
    if kernel.has("cma"):
        align = cma_alignment(kernel)
        if state.cma_cmdline is not None and default and kernel.has("cma_cmdline_beats_dt"):
            state.print(f"Reserved memory: bypass {node.name} node, using cmdline CMA params instead")
            failure = "cma= on the command line replaces the device tree's default area"
        elif not reusable or nomap:
            failure = "a pool for contiguous memory must be reusable and not no-map"
        elif (area.base | area.size) % align:
            state.print("Reserved memory: incorrect alignment of CMA region")
            failure = f"a pool for contiguous memory must be aligned to {size_text(align)}"
        else:
            cma = CmaArea(area.base, area.size, node.name, early_fixup, area.origin)
            state.cma_areas.append(cma)
            if default and (state.default_cma is None or state.cma_cmdline is None):
                state.default_cma = cma
            state.print(f"Reserved memory: created CMA memory pool at 0x{area.base:08x}, size {area.size // MIB} MiB")
            return "CMA pool", ""
    if kernel.config.enabled("DMA_DECLARE_COHERENT") or not kernel.has("rmem_dma_declare_option"):
        if nomap and not reusable:
            state.print(f"Reserved memory: created DMA memory pool at 0x{area.base:08x}, size {area.size // MIB} MiB")
            return "DMA pool", ""
        failure = failure or "a DMA pool must be no-map on ARM"
        if not reusable:
            state.print("Reserved memory: regions without no-map are not yet supported")
    return "pool", failure
