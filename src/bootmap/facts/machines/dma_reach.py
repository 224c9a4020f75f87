"""How far into RAM the devices of a machine reach: (compatible of the root, bytes from address 0, source)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.units import GIB

if TYPE_CHECKING:
    from bootmap.inputs.fdt import Fdt

DMA_REACH: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("brcm,bcm2711", "raspberrypi,4-model-b"), GIB, "arch/arm/mach-bcm/bcm2711.c dma_zone_size (5.5 and later)"),
)


def reach_of(tree: Fdt) -> tuple[int, str] | None:
    """Where the reach of the machine's devices ends, and the machine's name; None where none is known."""
    prop = tree.root.get("compatible")
    names = prop.value.rstrip(b"\0").decode("latin-1").split("\0") if prop is not None else []
    return next(((reach, f"a device of {name}") for known, reach, _ in DMA_REACH for name in names if name in known), None)
