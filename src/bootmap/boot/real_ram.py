"""The RAM that the board really has, where its owner says so (``--ram``): elsewhere nothing keeps what is written.

The kernel believes its memory nodes and ``mem=``; that there is RAM behind an address it never tries out.

Source: Documentation/arch/arm/booting.rst ("Setup and initialise RAM": the boot loader is to find all of it);
drivers/of/fdt.c ``early_init_dt_scan_memory``, arch/arm/kernel/setup.c ``early_mem``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.decompressor.phys_offset import memory_ranges
from bootmap.boot.payload import nothing_found, payloads
from bootmap.boot.places import places
from bootmap.units import Span, hex_address

if TYPE_CHECKING:
    from bootmap.boot.state import BootState


def check_there(state: BootState) -> None:
    """See that the kernel and what the boot loader left for it lie in RAM.

    Raises:
        KernelDied: the kernel, or the device tree without which it cannot go on, does not.
    """
    if state.handover.ram is None:
        return
    kernel, ram = state.kernel, " and ".join(map(str, state.handover.ram))
    image = Span(state.tables.root, state.tables.root + kernel.format.pgd_bytes)
    if not kernel.has("xip"):
        image = Span(image.start, max(image.end, state.kernel_image.end))
    if (lost := state.without_ram(image)) is not None:
        raise state.die(
            "ram-missing",
            f"the kernel with its page directory, {image}, lies at {hex_address(lost)} where the board has no RAM: its "
            f"RAM is {ram}",
            address=lost,
        )
    for payload in payloads(state):
        lost = state.without_ram(payload.span)
        if lost is None or payload.kind not in ("dtb", "initrd"):
            continue
        banks = [Span(start, end) for start, end in memory_ranges(state.handover.board)]
        where = places(state, payload.kind, payload.span.size, banks)
        text = f"{payload.what}, {payload.span}, lies where the board has no RAM: its RAM is {ram}"
        if payload.kind == "dtb":
            raise state.die("ram-missing", f"{text}; {nothing_found(state)}", address=lost, subject="dtb", places=where)
        state.hazard("ram-missing", text, address=lost, subject="initrd", places=where, loses_initrd=True)
