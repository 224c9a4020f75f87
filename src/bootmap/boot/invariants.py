"""What must hold after every step, or the kernel cannot go on: it, its data and its tables are mapped where they are.

Source: none in the kernel, which checks none of this; the recordings of kernels that died are the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.units import align_down

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.boot.state import BootState

_LAST_CHANCES = ("map_kernel", "devicemaps_init")
"""Steps after which what is lost stays lost: nobody maps the kernel after the first, the second flushes the TLB."""


def check_invariants(state: BootState) -> None:
    """Note what the step that just ran has broken.

    Booted: with data or text lost, 6.1 and 6.12 die in paging_init; with only the last MiB of bss lost they come back.

    Raises:
        KernelDied: the kernel's text or data are unmapped after a step that ends all hope for them.
    """
    if state.image_in_sections and state.mapped(state.kernel.swapper_pg_dir) == state.tables.root:
        return
    lost = list(_unmapped_image(state))
    if not lost:
        return
    first, name = lost[0]
    size = len(lost) * state.kernel.format.section_size >> 20
    if state.stage in _LAST_CHANCES:
        why = "no region of memory that map_lowmem maps holds it"
        if first >= state.vmalloc_start:
            why = f"it lies above lowmem, where devicemaps_init clears all from {state.vmalloc_start:#010x} on"
        if name == "bss" and any(hazard.id == "text-unmapped" for hazard in state.hazards):
            state.hazard(
                "bss-unmapped",
                f"the end of the kernel's bss, from {first:#010x} on, is no longer mapped: {why}; the kernel "
                f"runs until it uses a variable there",
                address=first,
                luck=True,
            )
            return
        raise state.die(
            "kernel-unmapped",
            f"the kernel's {name} at {first:#010x} is no longer mapped: {why}",
            address=first,
        )
    if any(hazard.id == "text-unmapped" for hazard in state.hazards):
        return
    regions = state.memblock.memory.regions
    where = f"{regions[0][0]:#010x}-{regions[0][0] + regions[0][1] - 1:#010x}" if regions else "(there is none)"
    state.hazard(
        "text-unmapped",
        f"{state.stage}() unmaps {size} MiB of the running kernel, starting with its {name} at {first:#010x}: it keeps "
        f"only the first region of memory, {where}. Until map_kernel() or map_lowmem() maps the kernel again, it runs "
        f"only on stale TLB entries of this CPU",
        address=first,
        luck=True,
    )


def _unmapped_image(state: BootState) -> Iterator[tuple[int, str]]:
    """The sections of the image that are not mapped to their own place: (virtual address, part of the kernel)."""
    kernel = state.kernel
    size = kernel.format.section_size
    data = kernel.symbols.get("_sdata", kernel.image_end)
    bss = kernel.symbols.get("__bss_start", kernel.image_end)
    for va in range(align_down(kernel.image_start, size), kernel.image_end, size):
        if state.mapped(va) != state.pa(va):
            yield va, "text" if va < data else "data" if va < bss else "bss"
    if state.mapped(kernel.swapper_pg_dir) != state.tables.root:
        yield kernel.swapper_pg_dir, "page directory"
