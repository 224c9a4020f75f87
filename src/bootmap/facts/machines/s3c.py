"""Samsung's machines before Exynos: S3C24xx, S3C64xx, S5PV210, by number and with a device tree.

s3c24xx_init_io maps the board's array, the family's, and then the one of the chip that it finds; a board has one chip.

Not here: boards with an array of their own (but GTA02), S3C2410, 2412 and 2443, everything before 3.2 (S5PV210 before
3.3), SMDKC110 and SMDKV210 before 3.5.

Sources: arch/arm/mach-s3c24xx/common.c, s3c244x.c, s3c2416.c, mach-s3c64xx/common.c, mach-s5pv210/common.c, s5pv210.c
(mach-s3c/ since 5.10), plat-samsung/include/plat/map-base.h, map-s5p.h, plat-samsung/s5p-dev-mfc.c, read in 3.2 to
7.3; arch/arm/tools/mach-types of 3.10.
"""

from __future__ import annotations

from bootmap.facts.machines.machine import Callback, Machine, MachineArea, NodeReg, io_desc
from bootmap.units import KIB, MIB

PAGE = 4 * KIB

_S3C24XX = io_desc("arch/arm/mach-s3c24xx/common.c s3c_iodesc", (0xFD000000, 0x56000000, MIB),
                   (0xF6000000, 0x4A000000, MIB), (0xF6200000, 0x48000000, MIB),
                   (0xF7000000, 0x50000000, MIB))
_S3C244X = io_desc("arch/arm/mach-s3c24xx/s3c244x.c s3c244x_iodesc", (0xF6100000, 0x4C000000, MIB),
                   (0xF6300000, 0x51000000, MIB), (0xF6400000, 0x53000000, MIB))
_S3C2416 = io_desc("arch/arm/mach-s3c24xx/s3c2416.c s3c2416_iodesc", (0xF6400000, 0x53000000, MIB),
                   (0xF6100000, 0x4C000000, MIB), (0xF6300000, 0x51000000, MIB))
_GTA02 = io_desc("arch/arm/mach-s3c24xx/mach-gta02.c gta02_iodesc", (0xE0000000, 0x19000000, MIB))

_S3C64XX = io_desc("arch/arm/mach-s3c64xx/common.c s3c_iodesc", (0xF6100000, 0x7E00F000, PAGE),
                   (0xF6200000, 0x70000000, PAGE), (0xF7005000, 0x7F005000, PAGE), (0xF6000000, 0x71200000, 16 * KIB),
                   (0xF6010000, 0x71300000, 16 * KIB), (0xF6300000, 0x7F006000, 16 * KIB),
                   (0xF6500000, 0x7F008000, PAGE), (0xF6600000, 0x74108000, PAGE), (0xF6400000, 0x7E004000, PAGE),
                   (0xF6700000, 0x7C100000, KIB))
_S3C64XX_TREE = io_desc("arch/arm/mach-s3c/mach-s3c64xx-dt.c s3c64xx_dt_iodesc", (0xF6100000, 0x7E00F000, PAGE))
# SMDK6400, SMDK6410, NCP, HMT, SMARTQ7, MINI6410, SMARTQ5, REAL6410
_S3C64XX_IDS = (1270, 1626, 1933, 2254, 2479, 2520, 2534, 2990)

_S5PV210 = io_desc("arch/arm/mach-s5pv210/common.c s5pv210_iodesc", (0xF8000000, 0xE0000000, PAGE),
                   (0xF6100000, 0xE0100000, 64 * KIB), (0xF6300000, 0xE2500000, 16 * KIB),
                   (0xF6400000, 0xE2700000, PAGE), (0xF84C0000, 0xE8000000, PAGE), (0xF8500000, 0xE2600000, PAGE),
                   (0xF8200000, 0xE0200000, PAGE), (0xF6000000, 0xF2000000, 16 * KIB),
                   (0xF6010000, 0xF2100000, 16 * KIB), (0xF6020000, 0xF2200000, 16 * KIB),
                   (0xF6030000, 0xF2300000, 16 * KIB), (0xF7000000, 0xE2900000, 512 * KIB),
                   (0xF8440000, 0xF0000000, PAGE), (0xF8480000, 0xF1400000, PAGE),
                   (0xF6700000, 0xEC100000, PAGE))
_S5PV210_TREE = io_desc("arch/arm/mach-s5pv210/s5pv210.c s5pv210_fdt_map_sys",
                        (0xF6100000, NodeReg(("samsung,s5pv210-clock",), 2), None))
# s5p_mfc_reserve_mem(0x43000000, 8 << 20, 0x51000000, 8 << 20), where RAM starts at 0x20000000
_CODEC = tuple(
    MachineArea("the video codec's buffers", "arch/arm/mach-s5pv210/mach-goni.c goni_reserve", 8 * MIB,
                base - 0x20000000, remove=True, only_at=0x20000000)
    for base in (0x43000000, 0x51000000)
)

S3C_MACHINES = (
    Machine("S3C2416/2450 device tree", ("samsung,s3c2416", "samsung,s3c2450"), options=("ARCH_S3C24XX",),
            cpu="arm926ej-s", maps=(_S3C24XX, _S3C2416), since=(3, 12), until=(6, 2)),
    Machine("MINI2440", machine_ids=(1999,), options=("MACH_MINI2440",), cpu="arm920t", maps=(_S3C24XX, _S3C244X),
            since=(3, 2), until=(6, 2)),
    Machine("GTA02", machine_ids=(1304,), options=("MACH_NEO1973_GTA02",), cpu="arm920t",
            maps=(_GTA02, _S3C24XX, _S3C244X), since=(3, 2), until=(6, 2)),
    Machine("S3C64xx", machine_ids=_S3C64XX_IDS, options=("ARCH_S3C64XX",), cpu="arm1176", maps=(_S3C64XX,),
            since=(3, 2), until=(6, 2)),
    Machine("Wolfson Cragganmore", machine_ids=(3207,), options=("ARCH_S3C64XX",), cpu="arm1176", maps=(_S3C64XX,),
            since=(3, 2)),
    Machine("S3C64xx device tree", ("samsung,s3c6400", "samsung,s3c6410"), options=("ARCH_S3C64XX",), cpu="arm1176",
            maps=(_S3C64XX_TREE,), map_io_debug_ll=True, since=(3, 14)),
    Machine("S5PV210 (Aquila, Torbreck)", machine_ids=(2676, 3090), options=("ARCH_S5PV210",), cpu="cortex-a8",
            maps=(_S5PV210,), since=(3, 3), until=(3, 17)),
    Machine("S5PV210 (Goni)", machine_ids=(2862,), options=("ARCH_S5PV210",), cpu="cortex-a8", maps=(_S5PV210,),
            reserve=_CODEC, since=(3, 3), until=(3, 17)),
    Machine("S5PV210 (SMDKC110, SMDKV210)", machine_ids=(2193, 2456), options=("ARCH_S5PV210",), cpu="cortex-a8",
            maps=(_S5PV210,), reserve=_CODEC, since=(3, 5), until=(3, 17)),
    Machine("S5PV210 device tree", ("samsung,s5pv210", "samsung,s5pc110"), options=("ARCH_S5PV210",), cpu="cortex-a8",
            maps=(_S5PV210_TREE,), map_io_debug_ll=True, since=(3, 18)),
)

S3C_CALLBACKS = {
    **dict.fromkeys(("samsung,s3c2416", "samsung,s3c2450"), Callback("ARCH_S3C24XX", "map_io", until=(6, 11))),
    **dict.fromkeys(("samsung,s3c6400", "samsung,s3c6410"), Callback("ARCH_S3C64XX", "map_io")),
    **dict.fromkeys(("samsung,s5pv210", "samsung,s5pc110"), Callback("ARCH_S5PV210", "map_io")),
}
