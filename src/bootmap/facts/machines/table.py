"""Every machine that is known, and every one that is known to have callbacks that are not modelled.

A release of which the callbacks of a machine are not known in full is left to CALLBACKS: an assumption, not a guess.
"""

from __future__ import annotations

from bootmap.facts.machines.arm import ARM_CALLBACKS, ARM_MACHINES
from bootmap.facts.machines.at91 import AT91_CALLBACKS, AT91_MACHINES
from bootmap.facts.machines.davinci import DAVINCI_CALLBACKS, DAVINCI_MACHINES
from bootmap.facts.machines.imx import IMX_CALLBACKS, IMX_MACHINES
from bootmap.facts.machines.machine import Callback, FlushArea, Machine
from bootmap.facts.machines.marvell import MARVELL_CALLBACKS, MARVELL_MACHINES
from bootmap.facts.machines.omap import OMAP_CALLBACKS, OMAP_MACHINES
from bootmap.facts.machines.s3c import S3C_CALLBACKS, S3C_MACHINES
from bootmap.facts.machines.samsung import SAMSUNG_CALLBACKS, SAMSUNG_MACHINES
from bootmap.facts.machines.soc import SA1100_MACHINES, SOC_CALLBACKS, SOC_MACHINES
from bootmap.units import MIB

MACHINES: tuple[Machine, ...] = (
    *ARM_MACHINES,
    *AT91_MACHINES,
    *DAVINCI_MACHINES,
    *IMX_MACHINES,
    *MARVELL_MACHINES,
    *OMAP_MACHINES,
    *S3C_MACHINES,
    *SA1100_MACHINES,
    *SAMSUNG_MACHINES,
    *SOC_MACHINES,
)
"""Machines whose callbacks are known in full; of several that fit, the first holds."""

MACHINES_BY_COMPATIBLE: dict[str, list[Machine]] = {}
"""The same by each string of their compatible."""

for _machine in MACHINES:
    for _name in _machine.compatible:
        MACHINES_BY_COMPATIBLE.setdefault(_name, []).append(_machine)

CALLBACKS: dict[str, Callback] = {
    **ARM_CALLBACKS,
    **AT91_CALLBACKS,
    **DAVINCI_CALLBACKS,
    **IMX_CALLBACKS,
    **MARVELL_CALLBACKS,
    **OMAP_CALLBACKS,
    **S3C_CALLBACKS,
    **SAMSUNG_CALLBACKS,
    **SOC_CALLBACKS,
}
"""Root compatible string -> what is not modelled of its machine, for the releases that have no row in MACHINES."""

FLUSH_AREAS: dict[str, tuple[FlushArea, ...]] = {
    "ARCH_FOOTBRIDGE": (FlushArea(0xF9000000, 0x50000000, MIB, "CACHECLEAN", "mach-footbridge/include/mach/memory.h"),),
    "ARCH_RPC": (FlushArea(0xDF000000, 0x00000000, MIB, "CACHECLEAN", "mach-rpc/include/mach/memory.h"),),
    "ARCH_SA1100": (
        FlushArea(0xF5000000, 0xE0000000, MIB, "CACHECLEAN", "mach-sa1100/include/mach/memory.h"),
        FlushArea(0xF5100000, 0xE0100000, MIB, "MINICLEAN", "mach-sa1100/include/mach/memory.h"),
    ),
}
"""FLUSH_BASE and FLUSH_BASE_MINICACHE by the option of the machine family."""
