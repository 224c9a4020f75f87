"""devicemaps_init: the device tree, the vectors, static device mappings, and what must be kept free.

    0xff800000   the device tree blob, read-only         0xffff0000  vectors (and user helpers)
    VMALLOC ..   static mappings of map_io or DEBUG_LL    0xffff1000  stubs, for the kernel only
    0xfee00000   PCI I/O space, noted but not mapped

Source: arch/arm/mm/mmu.c ``devicemaps_init``, ``debug_ll_io_init``, ``fill_pmd_gaps``, ``pci_reserve_io``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.early_alloc import early_alloc
from bootmap.boot.kernel import FDT_FIXED_BASE, PCI_IO_VIRT_BASE, VECTORS_HIGH
from bootmap.boot.paging.map_lowmem import map_xip_text
from bootmap.boot.paging.mapping import create_mapping, iotable_init, pmd_clear, vm_reserve_area_early
from bootmap.boot.paging.traps import early_trap_init
from bootmap.boot.records import MapDesc
from bootmap.boot.setup.machine import node_reg, scu_base
from bootmap.boot.trace import Origin
from bootmap.facts.machines.machine import AreaTaken, CpuRegister, NodeReg
from bootmap.units import MIB, PAGE_SHIFT, PAGE_SIZE, PMD_SIZE, align_down, align_up, hex_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.boot.state import BootState
    from bootmap.facts.machines.machine import StaticMap


def devicemaps_init(state: BootState) -> None:
    """Map vectors and devices.

    Raises:
        KernelDied: no memory, or a mapping that cannot be made.
    """
    kernel = state.kernel
    pages = 2 if kernel.has("vectors_two_pages") else 1
    vectors = early_alloc(state, pages * PAGE_SIZE, "the vectors")
    state.vars.vectors = vectors
    origin = Origin("devicemaps_init", "the vectors, allocated from memblock")
    if kernel.has("trap_init_in_devicemaps"):
        early_trap_init(state)

    first = state.vmalloc_start if kernel.has("clear_from_vmalloc_start") else kernel.vmalloc_end
    last = align_down(kernel.fixaddr_top, PMD_SIZE) if kernel.has("clear_keeps_fixmap") else 1 << 32
    pmd_clear(state, first, last, "vmalloc area and above, before devices are mapped")

    _device_tree(state)
    if kernel.has("xip") and not kernel.has("xip_map_kernel"):
        map_xip_text(state)
    _flush_areas(state)

    user = kernel.has("kuser_helpers") or not kernel.has("kuser_option")
    kind = "HIGH_VECTORS" if user else "LOW_VECTORS"
    _page(state, VECTORS_HIGH, vectors, PAGE_SIZE, kind, "the vectors page", origin)
    if kernel.config.get("VECTORS_BASE", "0xffff0000").lower() == "0x00000000":
        _page(state, 0, vectors, pages * PAGE_SIZE, "LOW_VECTORS", "the low vectors", origin)
    if pages == 2:
        stubs = vectors + PAGE_SIZE
        _page(state, VECTORS_HIGH + PAGE_SIZE, stubs, PAGE_SIZE, "LOW_VECTORS", "the vector stubs", origin)

    _machine_maps(state)
    if kernel.has("pmd_gaps") and kernel.format.name == "short":
        _fill_pmd_gaps(state)
    if kernel.has("pci_reserve_io"):
        _pci_reserve_io(state)


def _page(state: BootState, virtual: int, physical: int, length: int, kind: str, what: str, origin: Origin) -> None:
    create_mapping(state, MapDesc(virtual, physical >> PAGE_SHIFT, length, kind, what, "devicemaps_init", origin))


def _device_tree(state: BootState) -> None:
    kernel, params = state.kernel, state.handover.params
    if not kernel.has("fdt_fixed_base") or not params:
        return
    size = kernel.format.section_size
    kind = "MEMORY_RO" if kernel.has("mt_memory_ro") else "ROM"
    origin = Origin("devicemaps_init", "the device tree blob", None, Origin("handover", f"r2 = {params:#010x}"))
    _page(state, FDT_FIXED_BASE, align_down(params, size), 2 * size, kind, "the device tree blob", origin)


def _flush_areas(state: BootState) -> None:
    """FLUSH_BASE: memory that a few old machines read to clean their caches."""
    for area in state.machine.flush_areas:
        origin = Origin("devicemaps_init", area.source)
        _page(state, area.virtual, area.physical, area.length, area.type, "cache flush area", origin)


def _machine_maps(state: BootState) -> None:
    """What the machine maps: as the user says, as is known, or the debug UART alone."""
    kernel, machine = state.kernel, state.machine
    given = state.handover.static_maps
    groups = (given,) if given is not None else machine.maps
    if groups is None:
        if kernel.has("debug_ll_by_default") and kernel.has("debug_ll"):
            debug_ll_io_init(state)
        return
    if given is None and machine.machine and machine.machine.map_io_debug_ll and kernel.has("debug_ll"):
        debug_ll_io_init(state)
    for group in groups:
        iotable_init(state, [md for row in group if (md := _static_map(state, row)) is not None])
    if machine.machine is not None and machine.machine.map_io_reads is not None:
        _check_register(state, machine.machine.name, machine.machine.map_io_reads, groups)


def _check_register(state: BootState, name: str, address: int, groups: Sequence[Sequence[StaticMap]]) -> None:
    """See that the register which ``map_io`` reads is mapped: where the tree lacks its node, it is not."""
    if state.mapped(address) is not None:
        return
    places = [row.physical for group in groups for row in group if row.virtual == address]
    nodes = [node for place in places if isinstance(place, NodeReg) for node in place.compatible]
    why = f"the device tree has no node {' or '.join(nodes)} that gives it" if nodes else "no --static-map gives it"
    raise state.die(
        "map-io-unmapped",
        f"map_io of {name} reads a register at {hex_address(address)}, which nothing maps: {why}",
        address=address,
    )


def _static_map(state: BootState, row: StaticMap) -> MapDesc | None:
    """What the kernel asks for by ``row``; None where it finds that there is nothing to map."""
    handover, physical, length = state.handover, row.physical, row.length
    if row.cpu and row.cpu != handover.cpu.name:
        return None
    if isinstance(physical, NodeReg):
        reg = node_reg(handover.board, physical)
        if reg is None:
            return None
        physical, size = reg
        length = size - 1 if length is None else length
    elif isinstance(physical, AreaTaken):
        physical = state.vars.areas_taken.get(physical.what, 0)
    elif isinstance(physical, CpuRegister):
        physical = scu_base(handover)
    origin = Origin("map_io", row.source)
    what = "a static device mapping"
    return MapDesc(row.virtual, physical >> PAGE_SHIFT, length or 0, row.type, what, "devicemaps_init", origin)


def debug_ll_io_init(state: BootState) -> None:
    """One page for the debug UART.

    Raises:
        KernelDied: no memory.
    """
    config = state.kernel.config
    if "DEBUG_UART_PHYS" not in config or "DEBUG_UART_VIRT" not in config:
        return
    physical, virtual = config.integer("DEBUG_UART_PHYS"), config.integer("DEBUG_UART_VIRT")
    if not physical or not virtual:
        return
    origin = Origin("debug_ll_io_init", "debug UART", None, Origin("config", "CONFIG_DEBUG_UART_PHYS"))
    md = MapDesc(
        align_down(virtual, PAGE_SIZE),
        physical >> PAGE_SHIFT,
        PAGE_SIZE,
        "DEVICE",
        "the debug UART",
        "devicemaps_init",
        origin,
    )
    if state.kernel.has("debug_ll_iotable"):
        iotable_init(state, [md])
    else:
        create_mapping(state, md)


def _fill_pmd_gaps(state: BootState) -> None:
    """Note the unused half of every pair that a static area uses by sections, so that vmalloc keeps off."""
    section, following = 1 << 20, 0
    i = 0
    while i < len(state.static_vms):
        vm = state.static_vms[i]
        i += 1
        start = vm.start
        if start < following:
            continue
        if start % PMD_SIZE == section and not state.tables.word(state.pmd_address(start)):
            vm_reserve_area_early(state, start - section, section, "the unused half of a pair")
            i += 1  # the placeholder took a place in front of this one
        end = start + vm.size
        if end % PMD_SIZE == section and not state.tables.word(state.pmd_address(end) + 4):
            vm_reserve_area_early(state, end, section, "the unused half of a pair")
        following = align_up(end, PMD_SIZE)


def _pci_reserve_io(state: BootState) -> None:
    """Two MiB of virtual space for PCI I/O, unless a static area is there."""
    if any(vm.start <= PCI_IO_VIRT_BASE < vm.start + vm.size for vm in state.static_vms):
        return
    vm_reserve_area_early(state, PCI_IO_VIRT_BASE, 2 * MIB, "PCI I/O space")
