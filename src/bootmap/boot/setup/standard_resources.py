"""request_standard_resources: what /proc/iomem calls System RAM, by which kexec finds out what memory there is.

Source: arch/arm/kernel/setup.c ``request_standard_resources``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.facts.linux.memblock import Flags
from bootmap.units import Span

if TYPE_CHECKING:
    from bootmap.boot.state import BootState


def system_ram(state: BootState) -> tuple[Span, ...]:
    """The regions of memory at the end of the boot; areas that are not mapped are left out since 5.10."""
    skips = state.kernel.has("iomem_skips_nomap")
    return tuple(
        Span(base, base + size)
        for base, size, flags in state.memblock.memory.regions
        if not (skips and flags & Flags.NOMAP)
    )
