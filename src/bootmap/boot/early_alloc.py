"""Early allocations, and why one fails: in the kernel's own words and in the user's.

The kernel panics before its console works: with earlycon or CONFIG_DEBUG_LL one sees the line, else nothing.

Source: mm/memblock.c ``memblock_alloc``, ``memblock_alloc_base`` (to 5.0); arch/arm/mm/mmu.c ``early_alloc`` (panics
itself from 5.1 on).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.setup.unread_memory import EMPTY, unread_memory
from bootmap.boot.trace import Origin
from bootmap.inputs.cmdline import parameq, parse
from bootmap.inputs.fdt import Fdt
from bootmap.units import PAGE_SIZE, hex_address, memparse

if TYPE_CHECKING:
    from bootmap.boot.state import BootState


def early_alloc(state: BootState, size: int, what: str, origin: Origin | None = None) -> int:
    """Allocate and zero ``size`` bytes aligned to their size; return the physical address.

    Source: arch/arm/mm/mmu.c ``early_alloc``.

    Raises:
        KernelDied: memblock has nothing left, or hands out memory that is not mapped or not there.
    """
    return memblock_alloc(state, size, size, what, origin)


def memblock_alloc(state: BootState, size: int, align: int, what: str, origin: Origin | None = None) -> int:
    """Allocate and zero ``size`` bytes aligned to ``align``; return the physical address.

    Source: mm/memblock.c ``memblock_alloc``.

    Raises:
        KernelDied: as for `early_alloc`.
    """
    base = state.memblock.alloc_range(size, align, exact=False, origin=Origin(state.stage, what, parent=origin))
    if not base:
        raise state.die(
            "allocation-failed",
            f"no memory for {what}: {_why(state, size, align)}; the kernel panics, mostly before it has a "
            f"console: {_panic_line(state, size, align)}",
        )
    state.require_mapped(base, size, what)
    state.require_there(base, size, what)
    state.require_told(base, size, what)
    return base


def _panic_line(state: BootState, size: int, align: int) -> str:
    """What the kernel prints when it dies of it."""
    kernel = state.kernel
    if kernel.has("early_alloc_panics"):
        return f"early_alloc: Failed to allocate {size} bytes align={align:#x}"
    if kernel.has("memblock_log_wide"):
        return f"ERROR: Failed to allocate {size:#x} bytes below 0x0."
    return f"ERROR: Failed to allocate {state.phys_text(size)} bytes below {state.phys_text(0)}."


def _why(state: BootState, size: int, align: int) -> str:
    """The cause: there is no RAM at all, none below the limit, or no piece that is large enough."""
    memblock = state.memblock
    rows = [(base, length) for base, length, _ in memblock.memory.regions if length]
    if not rows:
        return f"no RAM reached the kernel: {_no_bank(state)}"
    limit = hex_address(memblock.current_limit)
    if all(base >= memblock.current_limit for base, _ in rows):
        told = f": {_mem_parameters(state)}" if state.mem_param else ""
        return f"no RAM lies below {limit}, where early allocations must come from{told}"
    full = not memblock.can_resize and len(memblock.reserved) >= memblock.reserved.capacity
    if full and memblock.find_range(size, align):
        return f"memblock's list of reserved memory is full ({len(memblock.reserved)} regions) and may not grow yet"
    return f"memblock has no free {size} bytes aligned to {align:#x} below {limit}"


def _no_bank(state: BootState) -> str:
    board = state.handover.board
    if state.mem_param:
        return _mem_parameters(state)
    if state.told_banks:
        lost = {row.reason for row in state.lost}
        return f"every bank of the board was refused ({'; '.join(sorted(lost))})"
    if not isinstance(board, Fdt):
        return "no ATAG_MEM is in the list" if board is not None else "nothing at r2 describes any"
    unread = unread_memory(state.kernel, board)
    if unread and all(why == EMPTY for _, why in unread):
        return f"no memory node has a size: {', '.join(node.path for node, _ in unread[:3])} {EMPTY}"
    if unread:
        return "the kernel takes no memory node: " + ", ".join(f"{node.path} {why}" for node, why in unread[:3])
    return "no memory node is in the device tree; add one, or have the boot loader add it (U-Boot: fdt memory)"


def _mem_parameters(state: BootState) -> str:
    """What mem= of the command line left: nothing, where it has no unit."""
    given = [param for param in parse(state.cmdline) if parameq(param.name, "mem")]
    text = ", ".join(param.text for param in given)
    for param in given:
        size, rest = memparse(param.value or "")
        if size < PAGE_SIZE and (rest == "" or rest.startswith("@")):
            return (
                f"{param.text} of the command line is {size} bytes, less than a page, and replaces what the board "
                f"says; mem={size}M{rest} was meant?"
            )
    left = "none of it is lowmem" if len(state.memblock.memory) else "none of it is left"
    return f"{text} of the command line replaces what the board says, and {left}"
