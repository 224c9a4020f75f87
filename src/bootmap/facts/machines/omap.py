"""OMAP machines: OMAP1 and 2 by number, OMAP3, AM3517, AM335x, AM437x, DM81xx, OMAP4, OMAP5, DRA7.

Not here, because what they map or take depends on more than the configuration: kernels before 3.2, which map SRAM as
they find it; OMAP2_VRAM, the frame buffer's memory of ``vram=``; FB_OMAP's of ``omapfb.vram=``; the DSP bridge's pool.

Sources: arch/arm/mach-omap1/io.c; arch/arm/mach-omap2/io.c, iomap.h (plat/io.h up to 3.5), board-generic.c,
omap4-common.c, omap-secure.c, Makefile, arch/arm/plat-omap/common.c ``omap_reserve`` (mach-omap2/common.c since 3.7),
read in 3.2 to 7.3; arch/arm/tools/mach-types of 3.10.
"""

from __future__ import annotations

from msgspec.structs import replace

from bootmap.facts.machines.machine import SECTION, AreaTaken, Callback, Machine, MachineArea, io_desc
from bootmap.units import GIB, KIB, MIB

_IO = "arch/arm/mach-omap2/io.c"
_SECURE_RAM = 88 * KIB
_BARRIER = "the page behind the interconnect that barriers write to"
# Kernels for several platforms cannot have the first one, and from 3.10 at the latest OMAP4 is only in such.
_I688, _INTERCONNECT = ("OMAP4_ERRATA_I688",), ("OMAP_INTERCONNECT_BARRIER",)
_PLAIN = ("!OMAP2_VRAM", "!FB_OMAP", "!TIDSPBRIDGE")

_OMAP3 = (
    io_desc(f"{_IO} omap34xx_io_desc", (0xF8000000, 0x68000000, MIB), (0xFA000000, 0x48000000, 4 * MIB),
            (0xFE000000, 0x6E000000, MIB), (0xFC000000, 0x6C000000, MIB), (0xFD000000, 0x6D000000, MIB),
            (0xFB000000, 0x49000000, MIB), (0xFE800000, 0x54000000, 8 * MIB))
    + io_desc(f"{_IO} omap34xx_io_desc ZOOM_UART_VIRT", (0xFA400000, 0x10000000, MIB),
              options=("DEBUG_LL", "MACH_OMAP_ZOOM2"))
    + io_desc(f"{_IO} omap34xx_io_desc ZOOM_UART_VIRT", (0xFA400000, 0x10000000, MIB),
              options=("DEBUG_LL", "!MACH_OMAP_ZOOM2", "MACH_OMAP_ZOOM3")),
)
_TI81XX = (io_desc(f"{_IO} omapti81xx_io_desc", (0xFA000000, 0x48000000, 4 * MIB)),)
_AM33XX = (io_desc(f"{_IO} omapam33xx_io_desc", (0xFA000000, 0x48000000, 4 * MIB), (0xF9C00000, 0x44C00000, 4 * MIB)),)


_SRAM_PAGE = io_desc(f"{_IO} omap44xx_io_desc OMAP4_SRAM_VA", (0xFE404000, 0x40304000, 4 * KIB),
                     kind="MEMORY_RW_SO", options=_I688)
_BARRIER_MAP = tuple(
    row
    for options in (_I688, _INTERCONNECT)
    for row in io_desc("arch/arm/mach-omap2/omap4-common.c omap_barriers_init",
                       (0xFE600000, AreaTaken(_BARRIER), MIB), kind="MEMORY_RW_SO", options=options)
)
_OMAP4 = (
    io_desc(f"{_IO} omap44xx_io_desc", (0xF8000000, 0x44000000, MIB), (0xFC000000, 0x4A000000, 4 * MIB))
    + io_desc(f"{_IO} omap44xx_io_desc", (0xF9000000, 0x50000000, MIB), (0xFD100000, 0x4C000000, MIB),
              (0xFD200000, 0x4D000000, MIB), (0xFD300000, 0x4E000000, MIB), until=(3, 5))
    + io_desc(f"{_IO} omap44xx_io_desc", (0xFA000000, 0x48000000, 4 * MIB))
    + io_desc(f"{_IO} omap44xx_io_desc", (0xFE800000, 0x54000000, 8 * MIB), until=(3, 5))
    + _SRAM_PAGE,
    _BARRIER_MAP,
)
_OMAP5 = (
    io_desc(f"{_IO} omap54xx_io_desc", (0xF8000000, 0x44000000, MIB), (0xFC000000, 0x4A000000, 4 * MIB),
            (0xFCE00000, 0x4AE00000, 2 * MIB), (0xFA000000, 0x48000000, 4 * MIB)),
    _BARRIER_MAP,
)
_DRA7 = (
    io_desc(f"{_IO} dra7xx_io_desc", (0xFA210000, 0x48210000, MIB), (0xF8000000, 0x44000000, MIB),
            (0xFA000000, 0x48000000, MIB), (0xFA400000, 0x48400000, MIB), (0xFA800000, 0x48800000, 2 * MIB),
            (0xFC000000, 0x4A000000, 3 * MIB), (0xFCE00000, 0x4AE00000, MIB)),
)

_STEAL_SECURE_RAM = MachineArea("secure RAM", "arch/arm/mach-omap2/omap-secure.c omap_secure_ram_reserve_memblock",
                                _SECURE_RAM, align=SECTION, steal=True, since=(3, 3))
_STEAL_BARRIER = tuple(
    MachineArea(_BARRIER, "arch/arm/mach-omap2/omap4-common.c omap_barrier_reserve_memblock", 4 * KIB, align=MIB,
                steal=True, options=options)
    for options in (_I688, _INTERCONNECT)
)
_RESERVE = (_STEAL_SECURE_RAM, *_STEAL_BARRIER)
# omap-secure.o is linked for the other families; a kernel for this one alone has the weak function that does nothing.
_SECURE = ("ARCH_OMAP3", "ARCH_OMAP4", "SOC_OMAP5", "SOC_AM43XX", "SOC_DRA7XX")
_RESERVE_SHARED = (replace(_STEAL_SECURE_RAM, any_option=_SECURE), *_STEAL_BARRIER)
_RESERVE_OMAP2 = (
    replace(_STEAL_SECURE_RAM, options=("SOC_AM33XX", *(f"!{option}" for option in _SECURE)), since=(5, 10)),
    *_RESERVE_SHARED,
)

_OMAP3_TREE = ("ti,omap3", "ti,omap3430", "ti,omap3630", "ti,omap36xx", "ti,omap3-beagle", "timll,omap3-devkit8000",
               "ti,am3517")
_OMAP5_TREE = ("ti,omap5432", "ti,omap5430", "ti,omap5")
_DRA74 = ("ti,dra7", "ti,dra7xx", "ti,dra742", "ti,dra762", "ti,am5726", "ti,am5728")
_DRA72 = ("ti,dra722", "ti,dra718", "ti,am5716", "ti,am5718")

# OMAP_3430SDP, OMAP3EVM, OMAP3_BEAGLE, OMAP_LDP, OMAP3_PANDORA, OVERO, OMAP3517EVM, DEVKIT8000, CM_T35, IGEP0020,
# TOUCHBOOK, OMAP_3630SDP, IGEP0030, CM_T3517, CRANEBOARD, CM_T3730
_OMAP3_IDS = (1138, 1535, 1546, 1639, 1761, 1798, 2200, 2330, 2341, 2344, 2393, 2465, 2717, 2750, 2932, 3290)
_OMAP3_LOGIC_IDS = (2178, 1773)  # OMAP3_TORPEDO, OMAP3530_LV_SOM
_OMAP4_IDS = (2160, 2791)  # OMAP_4430SDP, OMAP4_PANDA

_OMAP2 = io_desc(f"{_IO} omap24xx_io_desc", (0xF8000000, 0x68000000, MIB), (0xFA000000, 0x48000000, MIB))
_OMAP2420 = io_desc(f"{_IO} omap242x_io_desc", (0xFC100000, 0x58000000, 160 * KIB), (0xFC128000, 0x59000000, 4 * KIB),
                    (0xFC129000, 0x5A000000, 4 * KIB))
_OMAP2430 = io_desc(f"{_IO} omap243x_io_desc", (0xFB000000, 0x49000000, MIB), (0xFE000000, 0x6E000000, MIB),
                    (0xFD000000, 0x6D000000, MIB), (0xFC000000, 0x6C000000, MIB))

# -- OMAP1 ---------------------------------------------------------------------------------------------------------

_IO1 = "arch/arm/mach-omap1/io.c"
_OMAP1_BUS = (0xE1000000, 0xE1000000, 128 * KIB)
_OMAP1_DSP = (0xE0000000, 0xE0000000, 160 * KIB)
_OMAP1 = (
    io_desc(f"{_IO1} omap_io_desc", (0xFEFB0000, 0xFFFB0000, 256 * KIB)),
    io_desc(f"{_IO1} omap1510_io_desc, omap16xx_io_desc", _OMAP1_DSP, _OMAP1_BUS),
)
_OMAP1_ONE = (io_desc(f"{_IO1} omap1_io_desc", (0xFF0B0000, 0xFFFB0000, 256 * KIB), _OMAP1_DSP, _OMAP1_BUS),)
# SX1, PALMTE, PALMTT, PALMZ71, VOICEBLUE; GENERIC, H2, H3, NOKIA770, OSK
_OMAP15XX_IDS, _OMAP16XX_IDS = (613, 817, 839, 993, 218), (452, 382, 509, 755, 515)
OMAP1_MACHINES = tuple(
    Machine(name, machine_ids=ids, options=(option, *more), cpu=cpu, maps=maps, since=since, until=until)
    for name, ids, option, cpu in (
        ("OMAP15xx", _OMAP15XX_IDS, "ARCH_OMAP15XX", "arm925t"),
        ("OMAP16xx", _OMAP16XX_IDS, "ARCH_OMAP16XX", "arm926ej-s"),
    )
    for maps, more, since, until in (
        (_OMAP1, ("!FB_OMAP",), (3, 2), (3, 10)),
        (_OMAP1, (), (3, 10), (5, 19)),
        (_OMAP1_ONE, (), (6, 1), None),
    )
)

# -- all -----------------------------------------------------------------------------------------------------------

OMAP_MACHINES = (
    *OMAP1_MACHINES,
    *(
        Machine(name, (compatible,), ids, (soc, *_PLAIN), "arm1136", (_OMAP2, own), reserve=_RESERVE_OMAP2,
                since=(3, 2))
        for name, compatible, ids, soc, own in (
            # NOKIA_N800, NOKIA_N810, NOKIA_N810_WIMAX, OMAP_H4; OMAP_2430SDP
            ("OMAP2420", "ti,omap2420", (1271, 1548, 1727, 510), "SOC_OMAP2420", _OMAP2420),
            ("OMAP2430", "ti,omap2430", (900,), "SOC_OMAP2430", _OMAP2430),
        )
    ),
    Machine("OMAP3", _OMAP3_TREE, _OMAP3_IDS, ("ARCH_OMAP3", *_PLAIN), "cortex-a8", _OMAP3, reserve=_RESERVE,
            since=(3, 2)),
    Machine("OMAP3 (Logic)", machine_ids=_OMAP3_LOGIC_IDS, options=("ARCH_OMAP3", *_PLAIN), cpu="cortex-a8",
            maps=_OMAP3, reserve=_RESERVE, since=(3, 4)),
    Machine("OMAP3 (Logic)", machine_ids=_OMAP3_LOGIC_IDS, options=("ARCH_OMAP3",), cpu="cortex-a8", maps=_OMAP3,
            since=(3, 2), until=(3, 4)),
    Machine("OMAP3 Stalker", machine_ids=(2722,), options=("ARCH_OMAP3",), cpu="cortex-a8", maps=_OMAP3, since=(3, 2)),
    # 4.9's rx51_reserve also reads the ATAGs that the boot loader left, and takes no more memory.
    Machine("Nokia RX-51", ("nokia,omap3-n900",), options=("ARCH_OMAP3",), cpu="cortex-a8", maps=_OMAP3,
            reserve=_RESERVE, since=(4, 1)),
    Machine("TI81xx", ("ti,dm8148", "ti,dm814", "ti,dm8168", "ti,dm816"), options=("SOC_TI81XX",), cpu="cortex-a8",
            maps=_TI81XX, reserve=_RESERVE, since=(4, 1)),
    Machine("TI81xx evaluation modules", machine_ids=(2800, 3004), options=("SOC_TI81XX",), cpu="cortex-a8",
            maps=_TI81XX, since=(3, 10), until=(3, 19)),
    Machine("AM33XX", ("ti,am33xx",), options=("SOC_AM33XX", "ARCH_OMAP3", *_PLAIN), cpu="cortex-a8", maps=_AM33XX,
            reserve=_RESERVE, since=(3, 8), until=(3, 10)),
    Machine("AM33XX", ("ti,am33xx",), options=("SOC_AM33XX", "!TIDSPBRIDGE"), cpu="cortex-a8", maps=_AM33XX,
            reserve=_RESERVE_SHARED, since=(3, 10), until=(5, 5)),
    Machine("AM33XX", ("ti,am33xx",), options=("SOC_AM33XX", "ARCH_OMAP3"), cpu="cortex-a8", maps=_AM33XX,
            reserve=_RESERVE, since=(5, 5), until=(5, 10)),
    Machine("AM33XX", ("ti,am33xx",), options=("SOC_AM33XX",), cpu="cortex-a8", maps=_AM33XX, reserve=_RESERVE,
            since=(5, 10)),
    Machine("AM43", ("ti,am4372", "ti,am43"), options=("SOC_AM43XX",), cpu="cortex-a9", maps=_AM33XX, since=(3, 12)),
    Machine("OMAP4", ("ti,omap4460", "ti,omap4430", "ti,omap4"), _OMAP4_IDS, ("ARCH_OMAP4", *_PLAIN), "cortex-a9",
            _OMAP4, reserve=_RESERVE, since=(3, 2)),
    *(
        Machine(name, compatible, options=options, cpu="cortex-a15", maps=maps, reserve=_RESERVE, dma_zone_size=size,
                since=since, until=until)
        for name, compatible, option, maps, since, until in (
            ("OMAP5", _OMAP5_TREE, "SOC_OMAP5", _OMAP5, (3, 10), (4, 3)),
            ("OMAP5", _OMAP5_TREE, "SOC_OMAP5", _OMAP5, (4, 4), None),
            ("DRA7", (*_DRA74, *_DRA72), "SOC_DRA7XX", _OMAP5, (3, 12), (4, 3)),
            ("DRA7", (*_DRA74, *_DRA72), "SOC_DRA7XX", _DRA7, (4, 4), (4, 5)),
            ("DRA7", (*_DRA74, *_DRA72), "SOC_DRA7XX", (*_DRA7, _BARRIER_MAP), (4, 9), None),
        )
        for options, size in (((option, "ARM_LPAE"), 2 * GIB if since >= (4, 4) else 0), ((option, "!ARM_LPAE"), 0))
    ),
)

_BOTH = "map_io and reserve"
OMAP_CALLBACKS = {
    "ti,omap2420": Callback("ARCH_OMAP2", _BOTH),
    "ti,omap2430": Callback("ARCH_OMAP2", _BOTH),
    **dict.fromkeys((*_OMAP3_TREE, "nokia,omap3-n900"), Callback("ARCH_OMAP3", _BOTH)),
    **dict.fromkeys(("ti,dm8148", "ti,dm814", "ti,dm8168", "ti,dm816"), Callback("SOC_TI81XX", _BOTH)),
    "ti,am33xx": Callback("SOC_AM33XX", _BOTH),
    **dict.fromkeys(("ti,am4372", "ti,am43"), Callback("SOC_AM43XX", "map_io")),
    **dict.fromkeys(("ti,omap4460", "ti,omap4430", "ti,omap4"), Callback("ARCH_OMAP4", _BOTH)),
    **dict.fromkeys(_OMAP5_TREE, Callback("SOC_OMAP5", _BOTH)),
    **dict.fromkeys((*_DRA74, *_DRA72), Callback("SOC_DRA7XX", _BOTH)),
}
