"""setup_machine_fdt: what the kernel takes from the device tree before anything else.

Root cells, /chosen (command line, initrd, crash header, usable ranges) and the memory nodes; each bank knows the
bytes of the blob it came from.

Source: drivers/of/fdt.c ``early_init_dt_scan_nodes``, ``early_init_dt_scan_memory``,
``early_init_dt_add_memory_arch``, ``early_init_dt_scan_chosen``; arch/arm/kernel/setup.c ``arm_add_memory``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.boot.records import Bank, LostRam
from bootmap.boot.setup.meminfo import add_bank
from bootmap.boot.trace import Origin
from bootmap.inputs.cells import MOST_PAIRS, pairs, read_cells
from bootmap.units import PAGE_SIZE, Span, align_down, align_up, hex_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.boot.state import BootState
    from bootmap.inputs.fdt import Fdt, Node, Property

_U64 = (1 << 64) - 1
COMMAND_LINE_SIZE = 1024
"""Bytes of the kernel's buffer, terminator included (arch/arm/include/uapi/asm/setup.h)."""
_ROOT_CELLS = 1
"""The kernel's default for both cell counts of the root, unlike the specification's 2 and 1."""


class RootCells(Struct, frozen=True):
    """``#address-cells`` and ``#size-cells`` of the root as the kernel reads them."""

    address: int
    size: int


@lru_cache(maxsize=4)  # many ask, of one tree after the other
def root_cells(fdt: Fdt) -> RootCells:
    """The cell counts that the kernel uses for every memory and reserved-memory property."""
    values = []
    for name in ("#address-cells", "#size-cells"):
        prop = fdt.root.get(name)
        values.append(int.from_bytes(prop.value[:4], "big") if prop and len(prop.value) >= 4 else _ROOT_CELLS)
    return RootCells(*values)


def dt_origin(prop: Property, index: int = 0) -> Origin:
    """The end of a chain: a property, from its cell ``index`` on."""
    return Origin("device tree", f"{prop.node.rstrip('/')}/{prop.name}", prop.offset + 4 * index)


def chosen_node(fdt: Fdt) -> Node | None:
    """/chosen, or /chosen@0 as very old trees have it."""
    return fdt.node("/chosen") or fdt.node("/chosen@0")


def is_available(node: Node) -> bool:
    """``status`` is absent, "okay" or "ok"."""
    status = node.get("status")
    return status is None or status.value.rstrip(b"\0") in (b"okay", b"ok") or not status.value


def setup_machine_fdt(state: BootState, fdt: Fdt) -> None:
    """Scan the tree; fill in banks, command line, initrd; reserve the blob where this kernel does so first."""
    cells = root_cells(fdt)
    chosen = chosen_node(fdt)
    if chosen is not None:
        _check_initrd(state, chosen)
        _check_elfcorehdr(state, chosen, cells)
        _check_uefi(state, chosen)
    state.cmdline = command_line(state, chosen)
    _model(state, fdt)
    for node in _memory_nodes(state, fdt):
        _scan_memory(state, node, cells)
    if chosen is not None and state.kernel.has("usable_memory_range"):
        _usable_range(state, chosen, cells)
    if state.kernel.has("fdt_fixed_base") and state.handover.params:
        params = state.handover.params
        origin = Origin("setup_arch", "the device tree blob", parent=Origin("handover", f"r2 = {params:#010x}"))
        state.memblock.reserve(params, fdt.totalsize, origin=origin)


def _check_uefi(state: BootState, chosen: Node) -> None:
    """Whether memory will come from a map that was not given (efi-init.c ``efi_init``, fdtparams.c)."""
    if not state.kernel.has("efi_memory") or chosen.get("linux,uefi-system-table") is None:
        return
    if state.handover.efi is not None:
        return
    start = chosen.get("linux,uefi-mmap-start")
    if start is None:
        return
    at = int.from_bytes(start.value[:8], "big")
    what = f"efi_init() takes memory from the UEFI map at {hex_address(at)} (/chosen/linux,uefi-mmap-start)"
    state.assume(
        f"{what}, which was not given: the tree's memory nodes are taken to say the same. If they do not, edit them "
        f"after the map and delete the linux,uefi-* properties"
    )
    state.hazard(
        "uefi-map",
        f"{what} and drops the device tree's memory nodes, which are all that is known here: what the firmware has "
        f"kept for itself is missing, and everything that is allocated from the top down lies elsewhere",
        address=at,
        luck=True,
        origin=dt_origin(start),
    )


def command_line(state: BootState, chosen: Node | None) -> str:
    """The command line as the kernel puts it together from /chosen and its configuration.

    ``--cmdline`` stands for the boot loader's.  Source: early_init_dt_scan_chosen; 2.6.38-3.7 likewise.
    """
    text = ""
    if state.handover.cmdline is not None:
        text = state.handover.cmdline
    elif chosen is not None and (bootargs := chosen.get("bootargs")) is not None:
        text = bootargs.value.split(b"\0")[0].decode("latin-1")
    text = text[: COMMAND_LINE_SIZE - 1]
    config = state.kernel.config
    own = config.text("CMDLINE")
    if own:
        if config.enabled("CMDLINE_EXTEND"):
            text = f"{text} {own}"[: COMMAND_LINE_SIZE - 1]
        elif config.enabled("CMDLINE_FORCE") or not text:
            text = own[: COMMAND_LINE_SIZE - 1]
    return text


def fdt_prefix(state: BootState) -> str:
    """What drivers/of/fdt.c puts in front of its lines."""
    if state.kernel.has("log_fdt_prefix"):
        return "OF: fdt: "
    return "OF: fdt:" if state.kernel.has("log_fdt_prefix_tight") else ""


def _model(state: BootState, fdt: Fdt) -> None:
    if not state.kernel.has("log_machine_model"):  # a part of the line that begins with the machine description's name
        return
    prop = fdt.root.get("model") or fdt.root.get("compatible")
    name = prop.value.split(b"\0")[0].decode("latin-1") if prop else "<unknown>"
    state.print(f"{fdt_prefix(state)}Machine model: {name}")


def _check_initrd(state: BootState, chosen: Node) -> None:
    if not state.kernel.config.enabled("BLK_DEV_INITRD") or state.handover.initrd is not None:
        return
    start, end = chosen.get("linux,initrd-start"), chosen.get("linux,initrd-end")
    if start is None or end is None:
        return
    first = read_cells(start.value, 0, len(start.value) // 4)
    last = read_cells(end.value, 0, len(end.value) // 4)
    if first > last:
        return
    state.vars.phys_initrd_start = first if state.kernel.has("initrd_phys_from_tree") else state.through_virtual(first)
    state.vars.phys_initrd_size = last - first
    state.initrd_origin = dt_origin(start)


def _check_elfcorehdr(state: BootState, chosen: Node, cells: RootCells) -> None:
    prop = chosen.get("linux,elfcorehdr")
    if prop is None or not state.kernel.has("crash_dump") or len(prop.value) < 4 * (cells.address + cells.size):
        return
    (entry, *_) = pairs(prop, cells.address, cells.size)
    state.elfcorehdr = (entry.base, entry.size)


def reserved_memory_agrees(parent: Node, cells: RootCells) -> bool:
    """Whether the kernel reads /reserved-memory: its cells are the root's, and it has ranges.

    Source: ``__reserved_mem_check_root``.
    """
    for name, expected in (("#size-cells", cells.size), ("#address-cells", cells.address)):
        prop = parent.get(name)
        if prop is None or int.from_bytes(prop.value[:4], "big") != expected:
            return False
    return parent.get("ranges") is not None


def _memory_nodes(state: BootState, fdt: Fdt) -> Iterator[Node]:
    kernel = state.kernel
    deep, by_name = kernel.has("memory_nodes_all_depths"), not kernel.has("generic_add_memory")
    for node in fdt.walk() if by_name else fdt.walk("device_type"):
        if not deep and node.depth != 1:
            continue
        kind = node.value("device_type")
        named = kind is not None and kind.startswith(b"memory\0")
        if kind is None and by_name:
            named = node.depth == 1 and node.name == "memory@0"
        if named and (is_available(node) or not kernel.has("memory_status")):
            yield node


def _scan_memory(state: BootState, node: Node, cells: RootCells) -> None:
    prop = node.get("linux,usable-memory") or node.get("reg")
    if prop is None or cells.address + cells.size == 0:
        return
    hotpluggable = node.get("hotpluggable") is not None and state.kernel.has("hotpluggable")
    for entry in pairs(prop, cells.address, cells.size):
        if not entry.size:
            continue
        if len(state.banks) >= MOST_PAIRS:
            prop.fail(f"is more RAM than bootmap reads: {MOST_PAIRS} banks, of which memblock has room for 128")
        origin = Origin(
            "device tree",
            f"{prop.node.rstrip('/')}/{prop.name} = <{entry.base:#x} {entry.size:#x}>",
            entry.offset,
        )
        state.banks.append(Bank(entry.base, entry.base + entry.size, origin))
        if state.kernel.has("generic_add_memory"):
            add_memory_arch(state, entry.base, entry.size, origin)
        else:
            arm_add_memory(state, entry.base, entry.size, origin)
        if hotpluggable:
            state.memblock.mark_hotplug(entry.base, entry.size, origin=origin)
    state.told_banks = [Span(bank.start, bank.end) for bank in state.banks]


def _lose(state: BootState, start: int, end: int, reason: str, origin: Origin) -> None:
    if start < end:
        state.lost.append(LostRam(start, end, reason, origin))


def _add(state: BootState, base: int, size: int, origin: Origin) -> None:
    """Hand a bank to memblock; nobody looks whether it was taken."""
    if state.memblock.add(base, size, origin=origin) < 0:
        _lose(state, base, base + size, "memblock's list of memory is full and may not grow yet", origin)


def add_memory_arch(state: BootState, base: int, size: int, origin: Origin) -> None:
    """The generic judgement of a bank (drivers/of/fdt.c ``early_init_dt_add_memory_arch``)."""
    kernel = state.kernel
    first_base, end = base, base + size
    limit = state.phys_mask
    phys_offset = state.handover.phys_offset

    def ignored(why: str) -> None:
        state.print(f"{fdt_prefix(state)}Ignoring memory block 0x{base:x} - 0x{base + size:x}")
        _lose(state, first_base, end, why, origin)

    in_page = base % PAGE_SIZE
    if kernel.has("dt_memory_needs_page") and size < PAGE_SIZE - in_page:
        ignored("less than one page")
        return
    if kernel.has("dt_memory_rounds_up"):
        if in_page:
            size = (size - (PAGE_SIZE - in_page)) & _U64
            base = align_up(base, PAGE_SIZE)
    else:
        base = align_down(base, PAGE_SIZE)
    size = align_down(size, PAGE_SIZE)
    _lose(state, first_base, min(base, end), "not page aligned", origin)
    _lose(state, base + size, end, "not page aligned", origin)
    if base > limit:
        ignored("above the end of the physical address space")
        return
    end_of_space = limit + 1 if kernel.has("dt_memory_last_byte") or kernel.has("lpae") else limit
    if base + size > end_of_space:
        state.print(f"{fdt_prefix(state)}Ignoring memory range 0x{end_of_space:x} - 0x{base + size:x}")
        _lose(state, end_of_space, base + size, "above the end of the physical address space", origin)
        size = end_of_space - base
    if base + size < phys_offset:
        ignored("below PHYS_OFFSET, the kernel's own start of RAM")
        return
    if base < phys_offset:
        state.print(f"{fdt_prefix(state)}Ignoring memory range 0x{base:x} - 0x{phys_offset:x}")
        _lose(state, base, phys_offset, "below PHYS_OFFSET, the kernel's own start of RAM", origin)
        size -= phys_offset - base
        base = phys_offset
    _add(state, base, size & state.phys_mask, Origin("early_init_dt_add_memory_arch", "RAM", None, origin))


def arm_add_memory(state: BootState, start: int, size: int, origin: Origin) -> None:
    """ARM's own judgement of a bank, for ATAGs, mem= and the device trees of old kernels."""
    kernel = state.kernel
    end = start + size
    limit = 0xFFFFFFFF
    aligned = align_up(start, PAGE_SIZE)
    if kernel.has("arm_add_memory_fixed"):
        size = 0 if aligned > start + size else size - (aligned - start)
    else:
        # Kernels up to 3.18 subtract the offset in the page instead of what is left of it.
        size = (size - start % PAGE_SIZE) & (limit if not kernel.has("truncate_at_4g") else _U64)
    if not kernel.has("lpae"):
        if kernel.has("trim_below_phys_offset") and aligned > limit:
            state.print(f"Ignoring memory at 0x{start:08x} outside 32-bit physical address space")
            _lose(state, start, end, "outside the 32-bit physical address space", origin)
            return
        if kernel.has("truncate_at_4g") and aligned + size > limit:
            state.print(f"Truncating memory at 0x{start:08x} to fit in 32-bit physical address space")
            size = limit - aligned
    phys_offset = state.handover.phys_offset
    if kernel.has("trim_below_phys_offset") and aligned < phys_offset:
        below = min(aligned + size, phys_offset)
        state.print(f"Ignoring memory below PHYS_OFFSET: 0x{aligned:08x}-0x{below:08x}")
        _lose(state, aligned, below, "below PHYS_OFFSET, the kernel's own start of RAM", origin)
        if aligned + size <= phys_offset:
            return
        size -= phys_offset - aligned
        aligned = phys_offset
    size = align_down(size, PAGE_SIZE)
    _lose(state, start, min(aligned, end), "not page aligned", origin)
    _lose(state, max(aligned + size, start), end, "not page aligned, or beyond the address space", origin)
    if size and not kernel.has("memblock_holds_banks"):
        add_bank(state, aligned, size, origin)
    elif size:
        _add(state, aligned, size, Origin("arm_add_memory", "RAM", None, origin))


def _usable_range(state: BootState, chosen: Node, cells: RootCells) -> None:
    prop = chosen.get("linux,usable-memory-range")
    width = cells.address + cells.size
    if prop is None or not width:
        return
    length = len(prop.value)
    # Before 6.19 the length in bytes was checked against the number of cells.
    if length % (4 * width if state.kernel.has("usable_memory_length_fixed") else width):
        return
    count = 2 if state.kernel.has("usable_memory_ranges") else 1
    found = pairs(prop, cells.address, cells.size)[:count]
    if not found:
        return
    state.memblock.cap_memory_range(found[0].base, found[0].size, origin=dt_origin(prop))
    state.usable_ram = Span(found[0].base, found[0].base + found[0].size)
    for entry in found[1:]:
        if not entry.size:
            break
        state.memblock.add(entry.base, entry.size, origin=dt_origin(prop))
