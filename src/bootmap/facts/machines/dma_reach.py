"""How far into RAM the devices of a machine reach: (compatible of the root, bytes from address 0, source)."""

from __future__ import annotations

from bootmap.units import GIB

DMA_REACH: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("brcm,bcm2711", "raspberrypi,4-model-b"), GIB, "arch/arm/mach-bcm/bcm2711.c dma_zone_size (5.5 and later)"),
)
