"""Atmel's AT91 and SAMA5D3 with a device tree, 3.5 to 3.18; later kernels map nothing.

map_io maps the system controllers and then the SoC's SRAM, downwards from AT91_IO_VIRT_BASE = 0xfef78000.  The kernel
asks the chip which SoC it is; the device tree names it in its root.

Not here: AT91SAM9RL and AT91SAM9XE, whose chip says how much SRAM there is, SAMA5D4, boards by number, 3.11 and 3.13.

Sources: arch/arm/mach-at91/setup.c, at91*.c, sama5d3.c, include/mach/hardware.h and the SoCs' headers, read in 3.2 to
3.18.
"""

from __future__ import annotations

from bootmap.facts.machines.machine import Callback, Machine, io_desc
from bootmap.units import KIB

_SYSTEM = io_desc("arch/arm/mach-at91/setup.c at91_io_desc", (0xFEFFC000, 0xFFFFC000, 16 * KIB))

# root compatible, option, CPU, (virtual, physical, length) of each bank of SRAM
_SOCS = (
    ("atmel,at91rm9200", "SOC_AT91RM9200", "arm920t", ((0xFEF74000, 0x00200000, 16 * KIB),)),
    ("atmel,at91sam9260", "SOC_AT91SAM9260", "arm926ej-s", ((0xFEF76000, 0x002FF000, 8 * KIB),)),
    ("atmel,at91sam9g20", "SOC_AT91SAM9260", "arm926ej-s", ((0xFEF70000, 0x002FC000, 32 * KIB),)),
    ("atmel,at91sam9261", "SOC_AT91SAM9261", "arm926ej-s", ((0xFEF50000, 0x00300000, 160 * KIB),)),
    ("atmel,at91sam9263", "SOC_AT91SAM9263", "arm926ej-s",
     ((0xFEF64000, 0x00300000, 80 * KIB), (0xFEF60000, 0x00500000, 16 * KIB))),
    ("atmel,at91sam9g45", "SOC_AT91SAM9G45", "arm926ej-s", ((0xFEF68000, 0x00300000, 64 * KIB),)),
    ("atmel,at91sam9n12", "SOC_AT91SAM9N12", "arm926ej-s", ((0xFEF70000, 0x00300000, 32 * KIB),)),
    ("atmel,at91sam9x5", "SOC_AT91SAM9X5", "arm926ej-s", ((0xFEF70000, 0x00300000, 32 * KIB),)),
    ("atmel,sama5d3", "SOC_SAMA5D3", "cortex-a5", ((0xFEF58000, 0x00300000, 128 * KIB),)),
)

AT91_MACHINES = tuple(
    Machine(compatible.removeprefix("atmel,").upper(), (compatible,), options=("ARCH_AT91", option), cpu=cpu,
            maps=(_SYSTEM, *(io_desc("arch/arm/mach-at91/setup.c at91_init_sram", bank, kind=kind) for bank in banks)),
            since=since, until=until)
    for compatible, option, cpu, banks in _SOCS
    for kind, since, until in (("DEVICE", (3, 5), (3, 11)), ("MEMORY_RWX_NONCACHED", (3, 12), (3, 13)),
                               ("MEMORY_RWX_NONCACHED", (3, 14), (3, 19)))
)

AT91_CALLBACKS = dict.fromkeys(
    ("atmel,at91sam9", "atmel,at91sam9m10g45ek", "atmel,at91sam9x5ek", "calao,usb-a9g20", "atmel,sama5",
     "atmel,sama5d4", *(compatible for compatible, _, _, _ in _SOCS)),
    Callback("ARCH_AT91", "map_io", until=(4, 1)),
)
