"""How large ZONE_DMA is before 3.1: a constant of the platform that the kernel was built for.

From 3.1 on each machine description has its own, which is in `machines`.

Sources: arch/arm/mach-*/include/mach/memory.h of 3.0 (``ARM_DMA_ZONE_SIZE``) and of 2.6.38 (``arch_adjust_zones``,
``ISA_DMA_THRESHOLD``), which agree but for h720x: 2.6.38 did not cut its zones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.units import MIB

if TYPE_CHECKING:
    from collections.abc import Mapping

DMA_ZONE_BY_PLATFORM: Mapping[tuple[str, ...], int] = {
    ("ARCH_DAVINCI",): 128 * MIB,
    ("ARCH_H720X",): 256 * MIB,
    ("ARCH_IXP4XX", "PCI"): 64 * MIB,
    ("ARCH_PXA", "MACH_ARMCORE", "PCI"): 64 * MIB,
    ("ARCH_REALVIEW",): 256 * MIB,
    ("ARCH_SA1100", "SA1111"): MIB,
    ("ARCH_SHARK",): 4 * MIB,
}
"""The options that must all be set, without CONFIG_ -> bytes."""
