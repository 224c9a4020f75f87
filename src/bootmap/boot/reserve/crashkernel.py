"""reserve_crashkernel: room for the kernel that takes over after a panic.

    crashkernel=SIZE           the highest multiple of 128 MiB from 128 MiB on with SIZE free, below the end of lowmem;
                               4.7 to 4.11: of all RAM, also highmem, where kexec cannot copy to
    crashkernel=SIZE@OFFSET    there and nowhere else

It runs behind paging_init, so it changes no page table; the second kernel has this memory and no other.

Source: arch/arm/kernel/setup.c ``reserve_crashkernel``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.reserve.parse_crashkernel import has_suffix, parse
from bootmap.boot.trace import Origin
from bootmap.inputs import cmdline
from bootmap.units import MIB, PAGE_SHIFT, Span, align_up, hex_address, size_text

if TYPE_CHECKING:
    from bootmap.boot.state import BootState

_ALIGN = 128 * MIB
_FIXED_ALIGN = MIB
"""SECTION_SIZE of short descriptors; 2 MiB with long ones."""
_U32 = 0xFFFFFFFF


def reserve_crashkernel(state: BootState) -> None:
    """The stage: reserve what ``crashkernel=`` asks for, or say why not."""
    kernel = state.kernel
    if not (kernel.config.enabled("KEXEC") or kernel.config.enabled("CRASH_RESERVE")):
        return
    found = [p for p in cmdline.parse(state.cmdline) if p.name == "crashkernel" and p.value is not None]
    given = [param for param in found if not has_suffix(param.value or "")]
    if not given:
        return
    param = given[-1]
    ram = state.vars.max_low_pfn - (state.handover.phys_offset >> PAGE_SHIFT) << PAGE_SHIFT
    counted = align_up(ram, _ALIGN) if kernel.has("crashkernel_rounds_ram") else ram
    asked = parse(param.value or "", counted)
    if asked.complaint:
        state.print(asked.complaint)
    if not asked.size:
        return
    origin = Origin("reserve_crashkernel", "crashkernel=", None, Origin("command line", param.text, param.offset))
    if asked.base:
        _fixed(state, Span(asked.base, asked.base + asked.size), ram, origin)
    elif not kernel.has("crashkernel_finds_place"):
        state.assume(f"{param.text} names no place: what Linux {kernel.version_text} makes of that is not modelled")
    else:
        _anywhere(state, asked.size, ram, origin)


def _anywhere(state: BootState, size: int, ram: int, origin: Origin) -> None:
    lowmem = state.vars.arm_lowmem_limit
    highest = min(_U32, lowmem) if state.kernel.has("crashkernel_in_lowmem") else _U32
    start = state.memblock.find_range(size, _ALIGN, _ALIGN, highest)
    if not start:
        _failed(state, "No suitable area found", origin, f"{size_text(size)} on a multiple of 128 MiB", None)
        return
    _reserved(state, Span(start, start + size), ram, origin)
    if start + size > lowmem:
        state.hazard(
            "crashkernel-above-lowmem",
            f"reserve_crashkernel puts the area at {hex_address(start)}, above lowmem, which ends at "
            f"{hex_address(lowmem)}: kexec cannot copy a kernel there and oopses in memcpy; give a place in lowmem, "
            f"crashkernel={size // MIB}M@{hex_address(_in_lowmem(state, size))}, or use Linux 4.12",
            address=start,
            origin=origin,
        )


def _in_lowmem(state: BootState, size: int) -> int:
    return state.memblock.find_range(size, _ALIGN, _ALIGN, state.vars.arm_lowmem_limit)


def _fixed(state: BootState, wanted: Span, ram: int, origin: Origin) -> None:
    align = state.kernel.format.section_size if state.kernel.has("lpae") else _FIXED_ALIGN
    start = state.memblock.find_range(wanted.size, align, wanted.start, wanted.end)
    if start != wanted.start:
        _failed(
            state, "memory is in use", origin, f"{size_text(wanted.size)} at {hex_address(wanted.start)}", wanted.start
        )
        return
    _reserved(state, wanted, ram, origin)


def _reserved(state: BootState, area: Span, ram: int, origin: Origin) -> None:
    state.memblock.reserve(area.start, area.size, origin=origin)
    state.crashk_res = area
    state.print(
        f"Reserving {area.size // MIB}MB of memory at {area.start // MIB}MB for crashkernel "
        f"(System RAM: {ram // MIB}MB)"
    )


def _failed(state: BootState, why: str, origin: Origin, what: str, address: int | None) -> None:
    state.print(f"crashkernel reservation failed - {why}.")
    state.hazard(
        "crashkernel-failed",
        f"reserve_crashkernel finds no room for {what}: there will be no kernel to take over after a panic",
        address=address,
        origin=origin,
    )
