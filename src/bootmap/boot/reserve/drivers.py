"""The drivers that reserved areas have at boot: pools for contiguous and for coherent DMA memory.

A driver may refuse an area, which is then given back; the one for contiguous memory also tells
dma_contiguous_remap which areas it must map by pages.

Source: kernel/dma/contiguous.c ``rmem_cma_setup``, kernel/dma/coherent.c ``rmem_dma_setup``, kernel/dma/swiotlb.c,
drivers/of/of_reserved_mem.c ``fdt_init_reserved_mem_node``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.boot.records import CmaArea, ReservedArea
from bootmap.boot.reserve.cma import cma_alignment
from bootmap.boot.trace import Origin
from bootmap.units import MIB, hex_address, size_text

if TYPE_CHECKING:
    from bootmap.boot.state import BootState
    from bootmap.inputs.fdt import Node


class RmemArea(Struct):
    """One row of the kernel's table of reserved areas; a dynamic one has size 0 until it is placed."""

    node: Node
    base: int
    size: int
    origin: Origin

    @property
    def nomap(self) -> bool:
        """Whether the node says no-map."""
        return self.node.get("no-map") is not None


def compatible(node: Node, name: str) -> bool:
    """Whether ``name`` is one of the node's compatible strings."""
    prop = node.get("compatible")
    return prop is not None and name.encode() in prop.value.split(b"\0")


def vetoed(state: BootState, node: Node) -> bool:
    """7.1: whether the driver refuses the node before anything is reserved: cma= replaces the default pool."""
    default = node.get("linux,cma-default") is not None
    return is_cma_pool(node) and default and state.cma_cmdline is not None


def is_cma_pool(node: Node) -> bool:
    """Whether the node asks for a pool that movable pages may use meanwhile."""
    reusable = node.get("reusable") is not None and node.get("no-map") is None
    return reusable and compatible(node, "shared-dma-pool")


def early_fixup(state: BootState, node: Node, base: int, size: int, origin: Origin) -> None:
    """Tell dma_contiguous_remap of a pool as soon as it is reserved, whatever its driver will say of it."""
    kernel = state.kernel
    if not kernel.has("cma") or not kernel.has("cma_fixup_at_reserve"):
        return
    if kernel.has("rmem_first_reg_only"):
        wanted = is_cma_pool(node)
    else:
        wanted = compatible(node, "shared-dma-pool") and node.get("reusable") is not None
    if wanted:
        state.cma_fixups.append(CmaArea(base, size, node.name, origin))


def set_up_by_driver(state: BootState, area: RmemArea) -> bool:
    """Let the driver of the area's compatible string set it up; where it fails the area is given back: False."""
    kernel, node, memblock = state.kernel, area.node, state.memblock
    kind, failure = "reserved", ""
    if compatible(node, "shared-dma-pool") and kernel.has("rmem_pools"):
        kind, failure = _shared_dma_pool(state, area)
    elif compatible(node, "restricted-dma-pool") and kernel.config.enabled("DMA_RESTRICTED_POOL"):
        kind = "restricted DMA pool"
        if node.get("reusable") is not None or node.get("no-map") is not None:
            failure = "a restricted-dma-pool must be neither reusable nor no-map"
    if failure and not kernel.has("rmem_init_error_frees"):
        text = f"{node.path}: {failure}; the area stays reserved, and no driver gets it"
        state.hazard("reserved-area-refused", text, address=area.base, origin=area.origin)
    elif failure:
        state.print(f"OF: reserved mem: node {node.name} compatible matching fail")
        state.hazard(
            "reserved-area-refused",
            f"{node.path}: {failure}; the area is given back",
            address=area.base,
            origin=area.origin,
        )
        origin = Origin("fdt_init_reserved_mem", failure, None, area.origin)
        if area.nomap:
            memblock.clear_nomap(area.base, area.size, origin=origin)
        else:
            memblock.free(area.base, area.size, origin=origin)
        return False
    state.reserved_areas.append(ReservedArea(node.name, area.base, area.size, area.nomap, kind, area.origin))
    return True


def _shared_dma_pool(state: BootState, area: RmemArea) -> tuple[str, str]:
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
            wrong = [
                name
                for name, value in (
                    (f"its start {hex_address(area.base)}", area.base),
                    (f"its size {size_text(area.size)}", area.size),
                )
                if value % align
            ]
            failure = f"a pool for contiguous memory must be aligned to {size_text(align)}: {' and '.join(wrong)} "
            failure += "is no multiple" if len(wrong) == 1 else "are no multiples"
        else:
            cma = CmaArea(area.base, area.size, node.name, area.origin)
            state.cma_areas.append(cma)
            if not kernel.has("cma_fixup_at_reserve"):
                state.cma_fixups.append(cma)
            if default and (state.default_cma is None or state.cma_cmdline is None):
                state.default_cma = cma
            state.print(
                f"Reserved memory: created CMA memory pool at {state.phys_text(area.base)}, size {area.size // MIB} MiB"
            )
            return "CMA pool", ""
    if kernel.config.enabled("DMA_DECLARE_COHERENT") or not kernel.has("rmem_dma_declare_option"):
        if nomap and not reusable:
            state.print(
                f"Reserved memory: created DMA memory pool at {state.phys_text(area.base)}, size {area.size // MIB} MiB"
            )
            return "DMA pool", ""
        if reusable:
            failure = failure or "the kernel has no CONFIG_DMA_CMA, and a reusable pool is of no use without"
        failure = failure or "a DMA pool must be no-map on ARM"
        if not reusable:
            state.print("Reserved memory: regions without no-map are not yet supported")
    return "pool", failure
