"""Marvell's machines: Kirkwood, Orion5x, Dove, Armada 370 and XP, PXA, MMP.

Not here: MV78xx0, whose mapping depends on the core that boots; boards of PXA with callbacks of their own (but Lubbock
and Mainstone), Dove and Orion5x between 4.19 and 5.4.

Sources: arch/arm/mach-kirkwood/common.c (board-dt.c in 3.16), mach-orion5x/common.c, mach-dove/common.c,
mach-mvebu/armada-370-xp.c, board-v7.c, mach-pxa/generic.c, pxa25x.c, pxa27x.c, pxa3xx.c, mach-mmp/common.c and their
headers, read in 2.6.38 to 7.3; arch/arm/tools/mach-types of 3.10.
"""

from __future__ import annotations

from bootmap.facts.machines.machine import Callback, Machine, MachineArea, StaticMap, io_desc
from bootmap.units import KIB, MIB

_KIRKWOOD_FILE = "arch/arm/mach-kirkwood/common.c kirkwood_io_desc"
_KIRKWOOD = (
    io_desc(_KIRKWOOD_FILE, (0xFEE00000, 0xF2000000, MIB), (0xFEF00000, 0xF3000000, MIB), until=(3, 6))
    + io_desc(_KIRKWOOD_FILE, (0xFED00000, 0xF1000000, MIB)),
)
_ORION5X_FILE = "arch/arm/mach-orion5x/common.c orion5x_io_desc"
_ORION5X = (
    io_desc(_ORION5X_FILE, (0xFDD00000, 0xF1000000, MIB), (0xFDE00000, 0xF2000000, MIB), (0xFDF00000, 0xF2100000, MIB),
            (0xFE000000, 0xF0000000, 16 * MIB), until=(3, 6))
    + io_desc(_ORION5X_FILE, (0xFE000000, 0xF1000000, MIB), since=(3, 10), until=(4, 20))
    + io_desc(_ORION5X_FILE, (0xFEC00000, 0xF1000000, MIB), since=(5, 4))
    + io_desc(_ORION5X_FILE, (0xFD000000, 0xF0000000, 16 * MIB), since=(3, 10)),
)
_DOVE_FILE = "arch/arm/mach-dove/common.c dove_io_desc"
_DOVE = (
    io_desc(_DOVE_FILE, (0xFDE00000, 0xF1000000, 8 * MIB), (0xFE600000, 0xF1800000, 8 * MIB))
    + io_desc(_DOVE_FILE, (0xFEE00000, 0xF2000000, MIB), (0xFEF00000, 0xF2100000, MIB), until=(3, 6)),
)
_ARMADA = (io_desc("arch/arm/mach-mvebu/armada-370-xp.c armada_370_xp_io_desc", (0xFEC00000, 0xD0000000, MIB)),)
_TRAINING = MachineArea("where DDR training writes", "arch/arm/mach-mvebu/board-v7.c mvebu_memblock_reserve",
                        10 * KIB, 0, each_bank=True, options=("SMP",))

# -- PXA -----------------------------------------------------------------------------------------------------------

_PXA_COMMON = io_desc("arch/arm/mach-pxa/generic.c common_io_desc", (0xF2000000, 0x40000000, 32 * MIB)) + io_desc(
    "arch/arm/mach-pxa/generic.c common_io_desc", (0xFF000000, 0x00000000, MIB), until=(3, 17)
)
_PXA25X_FILE, _PXA27X_FILE = "arch/arm/mach-pxa/pxa25x.c pxa25x_io_desc", "arch/arm/mach-pxa/pxa27x.c pxa27x_io_desc"
_PXA3XX_FILE = "arch/arm/mach-pxa/pxa3xx.c pxa3xx_io_desc"
_CPLD = io_desc("arch/arm/mach-pxa/lubbock.c lubbock_io_desc, mainstone.c mainstone_io_desc",
                (0xF0000000, 0x08000000, MIB))
_UNCACHED = (0xFE000000, 0x00000000, MIB)
_PXA25X = (
    _PXA_COMMON,
    io_desc(_PXA25X_FILE, (0xF6000000, 0x48000000, 2 * MIB), until=(3, 17))
    + io_desc(_PXA25X_FILE, (0xF6000000, 0x48000000, MIB), _UNCACHED, since=(3, 18)),
)
_PXA27X = (
    _PXA_COMMON,
    io_desc(_PXA27X_FILE, (0xF6000000, 0x48000000, 2 * MIB), (0xFE000000, 0x58000000, MIB), until=(3, 17))
    + io_desc(_PXA27X_FILE, (0xF6000000, 0x48000000, MIB), _UNCACHED, since=(3, 18)),
)
_PXA3XX = (
    _PXA_COMMON,
    io_desc(_PXA3XX_FILE, (0xF6000000, 0x4A000000, 2 * MIB), until=(3, 17))
    + io_desc(_PXA3XX_FILE, (0xF6000000, 0x4A000000, MIB), since=(3, 18))
    + io_desc(_PXA3XX_FILE, (0xF6300000, 0x43100000, MIB), since=(4, 4)),
)

# Boards by number whose description has no other callback in any release read.
# H5400, GUMSTIX, E740, XCEP, CORGI, POODLE, HIMALAYA, E800, E750, TOSA, HUSKY, SHEPHERD, E400, NEC_MP900, E330,
# PALMTE2, PALMTC, E350
_PXA25X_IDS = (220, 373, 384, 413, 423, 424, 448, 496, 497, 520, 543, 545, 598, 659, 753, 844, 918, 1596)
# H4700, SPITZ, COLIBRI, AKITA, STARGATE2, INTELMOTE2, BORZOI, MAGICIAN, PALMZ72, VPAC270, EM_X270, CSB726,
# EZX_A780, E680, A1200, E6, E2, A910, ZIPIT2, EXEDA, INCOME
_PXA27X_IDS = (562, 713, 729, 744, 774, 775, 831, 875, 904, 1227, 1297, 1359, 1740, 1741, 1742, 1743, 1744, 1745, 1757,
               1994, 2849)
# ZYLONITE, COLIBRI320, LITTLETON, CM_X300, TAVOREVB, SAAR, COLIBRI300, TAVOREVB3, RAUMFELD_RC, CONNECTOR, SPEAKER,
# CAPC7117, ICONTROL
_PXA3XX_IDS = (1233, 1340, 1388, 1616, 1827, 1828, 2000, 2384, 2413, 2414, 2415, 2612, 2624)


def _pxa(
    name: str, compatible: tuple[str, ...], ids: tuple[int, ...], option: str, cpu: str,
    maps: tuple[tuple[StaticMap, ...], ...], not_read: tuple[int, ...] | None = None,
) -> tuple[Machine, ...]:
    """The rows of one family: 3.18's pxa_map_io is the first that was read to map the debug UART."""
    later = ((3, 18), None) if not_read is None else ((3, 18), not_read)
    return (
        Machine(name, compatible, ids, (option,), cpu, maps, until=(3, 17)),
        Machine(name, compatible, ids, (option,), cpu, maps, map_io_debug_ll=True, since=later[0], until=later[1]),
    )


# -- MMP -----------------------------------------------------------------------------------------------------------

_MMP = io_desc("arch/arm/mach-mmp/common.c standard_io_desc", (0xFE000000, 0xD4000000, 2 * MIB),
               (0xFE200000, 0xD4200000, 2 * MIB))
_MMP2 = io_desc("arch/arm/mach-mmp/common.c mmp2_io_desc", (0xFE400000, 0xE0000000, MIB))
_MMP_TREE, _MMP2_TREE = ("mrvl,pxa168-aspenite", "mrvl,pxa910-dkb"), ("mrvl,mmp2", "mrvl,mmp2-brownstone")
# ZYLONITE2, ASPENITE, AVENGERS_LITE, GPLUGD, TETON_BGA; TTC_DKB
_PXA168_IDS, _PXA910_IDS = (2042, 2043, 2104, 2625, 2816), (2045,)
_MMP2_IDS = (2382, 2383, 2957)  # MARVELL_JASPER, FLINT, BROWNSTONE

# RD88F6192_NAS, RD88F6281, DB88F6281_BP, MV88F6281GTW_GE, SHEEVAPLUG, TS219, NETSPACE_V2, NETSPACE_MAX_V2, D2NET_V2,
# NET2BIG_V2, NET5BIG_V2, INETSPACE_V2, OPENRD_BASE, OPENRD_CLIENT, TS41X, GURUPLUG, ESATA_SHEEVAPLUG, T5325,
# OPENRD_ULTIMATE, DOCKSTAR
_KIRKWOOD_IDS = (1681, 1682, 1680, 1932, 2097, 2139, 2201, 2202, 2203, 2204, 2206, 2208, 2325, 2361, 2502, 2659, 2678,
                 2846, 2884, 2998)
# DB88F5281, RD88F5182, KUROBOX_PRO, DNS323, TS209, TERASTATION_PRO2, LINKSTATION_PRO, TS409, WRT350N_V2, MV2120,
# EDMINI_V2, MSS2, WNR854T, RD88F5181L_GE, RD88F5181L_FXO, LINKSTATION_MINI, RD88F6183AP_GE, LINKSTATION_LS_HGL,
# D2NET, BIGDISK, NET2BIG, LINKSTATION_LSCHL
_ORION5X_IDS = (1358, 1508, 1509, 1542, 1565, 1584, 1585, 1601, 1633, 1693, 1756, 1766, 1801, 1812, 1818, 1858, 1894,
                2005, 2282, 2283, 2342, 2913)
_DOVE_IDS = (1788, 3020)  # DOVE_DB, CM_A510

MARVELL_MACHINES = (
    *(
        Machine("Kirkwood", ("marvell,kirkwood",), _KIRKWOOD_IDS, ("ARCH_KIRKWOOD",), "feroceon", _KIRKWOOD,
                since=since, until=until)
        for since, until in ((None, (3, 6)), ((3, 10), (3, 17)))
    ),
    *(
        Machine("Orion5x", ("marvell,orion5x",), _ORION5X_IDS, ("ARCH_ORION5X",), "feroceon", _ORION5X, since=since,
                until=until)
        for since, until in ((None, (3, 6)), ((3, 10), (4, 20)), ((5, 4), None))
    ),
    *(
        Machine("Dove", machine_ids=_DOVE_IDS, options=("ARCH_DOVE",), maps=_DOVE, since=since, until=until)
        for since, until in ((None, (3, 6)), ((3, 10), (4, 20)))
    ),
    Machine("Dove device tree", ("marvell,dove",), options=("ARCH_DOVE",), maps=_DOVE, since=(3, 10), until=(3, 15)),
    Machine("Armada 370/XP", ("marvell,armada-370-xp",), options=("ARCH_MVEBU",), maps=_ARMADA, since=(3, 10),
            until=(3, 11)),
    Machine("Armada 370/XP", ("marvell,armada-370-xp",), options=("ARCH_MVEBU",), maps=(), map_io_debug_ll=True,
            since=(3, 12), until=(3, 15)),
    Machine("Armada 370/XP", ("marvell,armada-370-xp",), options=("ARCH_MVEBU",), since=(3, 16), until=(3, 19)),
    Machine("Armada 370/XP", ("marvell,armada-370-xp",), options=("ARCH_MVEBU",), reserve=(_TRAINING,), since=(4, 1)),
    *_pxa("PXA25x", ("marvell,pxa250",), _PXA25X_IDS, "PXA25x", "pxa25x", _PXA25X),
    *_pxa("Lubbock", (), (89,), "PXA25x", "pxa25x", (*_PXA25X, _CPLD)),
    *_pxa("PXA27x", ("marvell,pxa270",), _PXA27X_IDS, "PXA27x", "pxa27x", _PXA27X),
    *_pxa("Mainstone", (), (406,), "PXA27x", "pxa27x", (*_PXA27X, _CPLD)),
    *_pxa("PXA3xx", ("marvell,pxa300", "marvell,pxa310", "marvell,pxa320"), _PXA3XX_IDS, "PXA3xx", "pxa3xx", _PXA3XX,
          (4, 3)),
    Machine("PXA3xx", ("marvell,pxa300", "marvell,pxa310", "marvell,pxa320"), _PXA3XX_IDS, ("PXA3xx",), "pxa3xx",
            _PXA3XX, map_io_debug_ll=True, since=(4, 4)),
    Machine("PXA168", _MMP_TREE[:1], _PXA168_IDS, ("ARCH_MMP", "CPU_PXA168"), "mohawk", (_MMP,)),
    Machine("PXA910", _MMP_TREE[1:], _PXA910_IDS, ("ARCH_MMP", "CPU_PXA910"), "mohawk", (_MMP,)),
    Machine("MMP2", machine_ids=_MMP2_IDS, options=("ARCH_MMP",), maps=(_MMP,)),
    Machine("MMP2 device tree", _MMP2_TREE, options=("MACH_MMP2_DT",), maps=(_MMP,), until=(5, 5)),
    Machine("MMP2 device tree", _MMP2_TREE, options=("MACH_MMP2_DT",), maps=(_MMP, _MMP2), since=(5, 10)),
    Machine("MMP3 device tree", ("marvell,mmp3",), options=("MACH_MMP3_DT",), maps=(_MMP, _MMP2), since=(5, 10)),
)

MARVELL_CALLBACKS = {
    "marvell,kirkwood": Callback("ARCH_KIRKWOOD", "map_io", until=(3, 18)),
    "marvell,orion5x": Callback("ARCH_ORION5X", "map_io"),
    "marvell,dove": Callback("ARCH_DOVE", "map_io", until=(3, 16)),
    "marvell,armada-370-xp": Callback("ARCH_MVEBU", "map_io or reserve"),
    "marvell,pxa250": Callback("PXA25x", "map_io"),
    "marvell,pxa270": Callback("PXA27x", "map_io"),
    **dict.fromkeys(("marvell,pxa300", "marvell,pxa310", "marvell,pxa320"), Callback("PXA3xx", "map_io")),
    **dict.fromkeys(_MMP_TREE, Callback("MACH_MMP_DT", "map_io")),
    **dict.fromkeys(_MMP2_TREE, Callback("MACH_MMP2_DT", "map_io")),
    "marvell,mmp3": Callback("MACH_MMP3_DT", "map_io"),
}
