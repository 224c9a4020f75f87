"""What lies at the address of a fault in terms of the linear map: the device tree, the initrd, an area that is no-map.

    virtual = physical - PHYS_OFFSET + PAGE_OFFSET        phys_to_virt(), whether or not anything is mapped there

Device tree and initrd are read through these addresses (before 5.11 the tree, to this day the initrd), and nobody looks
whether lowmem has them.  Not here: what the page tables hold at the address.

Source: arch/arm/include/asm/memory.h ``__phys_to_virt``; drivers/of/fdt.c ``unflatten_device_tree``; init/initramfs.c.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from bootmap.boot.payload import board_payload, initrd_span
from bootmap.facts.linux.memblock import Flags
from bootmap.units import Span, hex_address, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.boot.sequence import Replay

READS_TREE = re.compile(
    r"^_*(?:fdt_|unflatten_d|populate_node|early_init_(?:fdt|dt)|of_scan_flat_dt|of_flat_dt|of_fdt_|setup_machine_fdt|"
    r"fdt_scan|of_get_flat_dt|arm_dt_memblock)"
)
"""Functions that read the device tree as the boot loader left it."""
READS_INITRD = re.compile(
    r"^_*(?:unpack_to_rootfs|do_?populate_rootfs|populate_rootfs|flush_buffer|write_buffer|do_(?:start|header|copy|skip|"
    r"name|collect|symlink|reset)$|gunzip|inflate|unxz|unlz|unlzma|unlzo|unlz4|unzstd|bunzip2|dec_vli|huft|"
    r"decompress_method)"
)
"""Functions that read the initrd as the boot loader left it."""
_LEAST = 0x40000000


class LinearPlace(NamedTuple):
    """What lies at an address of the linear map.

    Attributes:
        physical: the physical address that it stands for.
        kind: "dtb", "initrd", "no-map", "reserved", "below", "above", "hole" or "lowmem".
        what: in words.
    """

    physical: int
    kind: str
    what: str


def reader_of(*functions: str | None) -> str:
    """Either "dtb" or "initrd", where one of ``functions`` (names, with or without offsets) reads it; "" otherwise."""
    for text in functions:
        name = (text or "").split("+")[0]
        if READS_TREE.match(name):
            return "dtb"
        if READS_INITRD.match(name):
            return "initrd"
    return ""


def physical_of(address: int, page_offset: int, phys_offset: int) -> int:
    """The physical address that ``address`` stands for in the linear map, which wraps as pointers do."""
    return address - page_offset + phys_offset & 0xFFFFFFFF


def places_at(prediction: Replay, address: int) -> list[LinearPlace]:
    """What the board has at the physical address behind ``address``, the most telling first; [] for user space."""
    state = prediction.state
    if address < min(state.kernel.page_offset, _LEAST):
        return []
    physical = physical_of(address, state.kernel.page_offset, state.handover.phys_offset)
    return [LinearPlace(physical, kind, what) for kind, what in _places(prediction, physical)]


def _places(prediction: Replay, physical: int) -> Iterator[tuple[str, str]]:
    state = prediction.state
    tree, initrd = board_payload(state), initrd_span(state)
    if tree is not None and physical in tree.span:
        yield "dtb", f"{tree.what} at {hex_address(tree.span.start)}"
    if initrd is not None and physical in initrd:
        yield "initrd", f"the initrd, {initrd}"
    for area in state.reserved_areas:
        if area.base <= physical < area.base + area.size:
            span = Span(area.base, area.base + area.size)
            name = "no-map area" if area.nomap else "reserved area"
            yield "no-map" if area.nomap else "reserved", f"the {name} {area.name}, {span}, {size_text(area.size)}"
    phys_offset, limit = state.handover.phys_offset, state.vars.arm_lowmem_limit
    rows = state.memblock.memory.regions
    inside = [flags for base, size, flags in rows if base <= physical < base + size]
    if physical < phys_offset:
        yield "below", f"below PHYS_OFFSET, {hex_address(phys_offset)}, where lowmem begins"
    elif limit and physical >= limit:
        yield "above", f"above lowmem, which ends at {hex_address(limit)}"
    elif not inside:
        yield "hole", "not in RAM that the kernel knows of"
    elif not inside[0] & Flags.NOMAP:
        yield "lowmem", "in lowmem, which is mapped"
