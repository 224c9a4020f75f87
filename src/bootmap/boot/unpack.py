"""After paging_init the kernel reads what the boot loader left: it unflattens the device tree and unpacks the initrd.

Both are read through the linear map.  What paging_init has not mapped there is a data abort, this time with vectors,
but mostly still without a console.

Source: drivers/of/fdt.c ``unflatten_device_tree``, ``fdt_check_header``; init/initramfs.c ``populate_rootfs``,
``unpack_to_rootfs``; arch/arm/kernel/setup.c ``setup_arch`` for the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.head.checks import first_unmapped
from bootmap.boot.payload import board_payload
from bootmap.boot.places import lowmem_ranges, places, places_text, why_not_mapped
from bootmap.boot.trace import KernelDied, Origin
from bootmap.inputs.cmdline import parameq, parse
from bootmap.inputs.fdt import Fdt
from bootmap.units import MIB, Span, align_down, hex_address, memparse

if TYPE_CHECKING:
    from bootmap.boot.state import BootState

_CRASH_ALIGN = 128 * MIB
"""CRASH_ALIGN of arch/arm/kernel/setup.c."""


def unflatten_device_tree(state: BootState) -> None:
    """Look whether the device tree can still be read; then do what else ends the boot behind paging_init.

    Raises:
        KernelDied: the tree is not mapped any more, or the memory map cannot be made.
    """
    if isinstance(state.handover.board, Fdt) and not state.kernel.has("fdt_fixed_base"):
        _tree_mapped(state)
    if state.later is not None:
        state.hazards.append(state.later)
        raise KernelDied(state.later)
    note_crashkernel(state)


def _tree_mapped(state: BootState) -> None:
    missing, tree = first_unmapped(state), board_payload(state)
    if missing is None or tree is None:
        return
    why, origin = why_not_mapped(state, missing)
    found = places(state, "dtb", tree.span.size)
    reader = " (fdt_check_header)" if missing == tree.span.start and state.kernel.has("unflatten_checks_header") else ""
    virtual = hex_address(state.va(missing))
    below = state.vars.arm_lowmem_limit
    if found:
        direction = f"below {hex_address(below)}, in " if missing >= below else "in "
        advice = f"put the device tree {direction}{places_text(found)}, clear of all else"
        if missing >= below:
            advice += f" (U-Boot: setenv fdt_high {hex_address(below)})"
    else:
        advice = "there is no room for the device tree in lowmem"
    raise state.die(
        "dtb-unmapped",
        f"unflatten_device_tree{reader} takes a data abort at virtual {virtual}, the device tree at "
        f"{hex_address(missing)}: {why}, and paging_init has taken its map away; {advice}. Linux 5.11, 5.10.38 and "
        f"5.4.120 map the device tree apart, wherever it lies",
        address=missing,
        origin=origin,
        subject="dtb",
        places=found,
    )


def note_crashkernel(state: BootState) -> None:
    """Say where crashkernel= without a place ends up outside lowmem, where kexec cannot load into it.

    Nothing is reserved here: no page table depends on it.  Source: arch/arm/kernel/setup.c ``reserve_crashkernel``.
    """
    kernel = state.kernel
    if not kernel.has("crashkernel_anywhere"):
        return
    for param in parse(state.cmdline):
        size, rest = memparse(param.value or "") if parameq(param.name, "crashkernel") else (0, "")
        if not size or rest:
            continue
        base, limit = state.memblock.find_range(size, _CRASH_ALIGN, _CRASH_ALIGN, 1 << 32), state.vars.arm_lowmem_limit
        if base + size > limit:
            state.hazard(
                "crashkernel-above-lowmem",
                f"{param.text} is put at {hex_address(base)}, above lowmem, which ends at {hex_address(limit)}: kexec "
                f"oopses when it loads a kernel there. Give a place below, such as {param.text}@"
                f"{hex_address(align_down(limit - size, _CRASH_ALIGN))}; Linux 4.12 looks in lowmem only",
                address=base,
                origin=Origin("command line", param.text, param.offset),
            )


def populate_rootfs(state: BootState) -> None:
    """Look whether the initrd that was accepted can be read where it lies.

    Raises:
        KernelDied: some of it is not in the linear map.
    """
    start, size = state.vars.phys_initrd_start, state.vars.phys_initrd_size
    config = state.kernel.config
    if not size or not config.enabled("BLK_DEV_INITRD") or config.enabled("INITRAMFS_FORCE"):
        return
    missing = start
    for row in lowmem_ranges(state):
        if missing in row:
            missing = row.end
    if missing >= start + size:
        return
    why, origin = why_not_mapped(state, missing)
    found = places(state, "initrd", size)
    below = hex_address(state.vars.arm_lowmem_limit)
    advice = f"put the initrd in {places_text(found)}" if found else "there is no room for it in lowmem"
    raise state.die(
        "initrd-unmapped",
        f"populate_rootfs takes a data abort at virtual {hex_address(state.va(missing))}, where it reads the initrd, "
        f"{Span(start, start + size)}, at {hex_address(missing)}: {why}; {advice} (U-Boot: setenv initrd_high {below})",
        address=missing,
        origin=origin or state.initrd_origin,
        subject="initrd",
        places=found,
    )
