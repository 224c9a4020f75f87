"""Where a payload could lie instead: RAM that the kernel maps as lowmem, clear of everything else that has a place.

Nothing in the kernel works this out; a boot loader's author has to, from the same facts that the boot has come upon.

Source: Documentation/arch/arm/booting.rst ("The dtb must be placed in a region of memory where the kernel decompressor
will not overwrite it"); arch/arm/mm/mmu.c ``map_lowmem`` for what is mapped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.decompressor.phys_offset import memory_ranges
from bootmap.boot.payload import payloads
from bootmap.facts.linux.memblock import Flags
from bootmap.units import MIB, PAGE_SIZE, Span, align_down, align_up, hex_address, merged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootmap.boot.state import BootState
    from bootmap.boot.trace import Origin

_SHOWN = 2
"""Places named in a sentence; the rest is in the hazard."""


def lowmem_ranges(state: BootState) -> list[Span]:
    """What map_lowmem maps, in bytes: the regions of memory below arm_lowmem_limit that are not no-map."""
    limit, found = state.vars.arm_lowmem_limit, list[Span]()
    for base, size, flags in state.memblock.memory.regions:
        start, end = max(base, state.handover.phys_offset), min(base + size, limit)
        if start >= end or flags & Flags.NOMAP:
            continue
        if found and found[-1].end >= start:
            found[-1] = Span(found[-1].start, max(found[-1].end, end))
        else:
            found.append(Span(start, end))
    return found


def initrd_ranges(state: BootState) -> list[Span]:
    """Where the initrd may lie: lowmem; before its end is settled, any RAM from PHYS_OFFSET on."""
    if state.vars.arm_lowmem_limit:
        return lowmem_ranges(state)
    spans = [(base, base + size) for base, size, flags in state.memblock.memory.regions if not flags & Flags.NOMAP]
    spans = spans or memory_ranges(state.handover.board)
    return [Span(max(start, state.handover.phys_offset), end) for start, end in sorted(spans)]


def initrd_advice(state: BootState, found: tuple[Span, ...]) -> str:
    """What to do with the initrd, in words with addresses."""
    if not found:
        return "there is no room for it in RAM that the kernel uses; make it smaller"
    image_end, limit = align_up(state.pa(state.kernel.image_end), MIB), state.vars.arm_lowmem_limit
    below = f"below {hex_address(limit)}, " if limit and not any(row.end > limit for row in found) else ""
    from_end = f"from {hex_address(image_end)} on, " if found[0].start == image_end else ""
    high = f"setenv initrd_high {hex_address(found[0].end)}"
    return f"put the initrd {below}{from_end}in {places_text(found)} (U-Boot: {high})"


def places(state: BootState, subject: str, size: int, within: Iterable[Span] | None = None) -> tuple[Span, ...]:
    """Ranges in which ``size`` bytes can lie, whole pages, largest first.

    Clear of the kernel and what is below it, of what the decompressor writes to, of the other payloads and of memory
    that the tree reserves; areas without a fixed place give way to payloads by themselves.

    Args:
        state: the boot.
        subject: kind of the payload that is to be moved, which is not in its own way.
        size: bytes.
        within: ranges to look in; by default what map_lowmem maps.
    """
    kernel, phys_offset = state.kernel, state.handover.phys_offset
    taken = [Span(phys_offset, align_up(state.pa(kernel.image_end), MIB)), *state.decompressor_writes]
    taken += [payload.span for payload in payloads(state) if payload.kind != subject]
    free: list[Span] = []
    taken.sort()
    for row in _in_real_ram(state, lowmem_ranges(state) if within is None else within):
        at = row.start
        for span in taken:  # once through all of them: a tree may reserve thousands
            if span.start >= row.end:
                break
            if at < span.start:
                free.append(Span(at, span.start))
            at = max(at, span.end)
        if at < row.end:
            free.append(Span(at, row.end))
    pages = (Span(align_up(row.start, PAGE_SIZE), align_down(row.end, PAGE_SIZE)) for row in free)
    return tuple(sorted((row for row in pages if row.size >= max(size, 1)), key=lambda row: (-row.size, row.start)))


def _in_real_ram(state: BootState, rows: Iterable[Span]) -> Iterable[Span]:
    """What of ``rows`` is RAM of the board, where its owner says what that is."""
    if state.handover.ram is None:
        return rows
    both = (Span(max(a.start, b.start), min(a.end, b.end)) for a in rows for b in merged(state.handover.ram))
    return [row for row in both if row.start < row.end]


def places_text(found: tuple[Span, ...]) -> str:
    """``0x44000000-0x4fffffff or 0x50100000-0x5fffffff``; "" for none."""
    shown = sorted(found[:_SHOWN])
    return " or ".join(f"{hex_address(row.start)}-{hex_address(row.end - 1)}" for row in shown)


def why_not_mapped(state: BootState, address: int) -> tuple[str, Origin | None]:
    """Why ``address`` is not in what map_lowmem maps, in words, and what led to it."""
    phys_offset, limit = state.handover.phys_offset, state.vars.arm_lowmem_limit
    if address < phys_offset:
        return f"it lies below PHYS_OFFSET, {hex_address(phys_offset)}, where lowmem begins", None
    for row in state.lost:
        if row.start <= address < row.end and row.reason == "no-map":
            node = row.origin.text if row.origin else "an area"
            return f"it lies in {node}, {Span(row.start, row.end)}, which is no-map", row.origin
    if address >= limit:
        return f"it lies above lowmem, which ends at {hex_address(limit)}", None
    return "the kernel knows of no RAM there", None
