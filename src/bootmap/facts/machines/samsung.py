"""Samsung's machines with a device tree: Exynos3, 4 and 5, from 3.10 on.

Which arrays ``map_io`` takes depends on the chip's id.  The device tree tells the chip where its root has the SoC's
string; boards that name only the family ("samsung,exynos5") are left out where the id matters, and so are Exynos4210
before 3.15, whose array depends on the revision, and Exynos5440.

Sources: arch/arm/mach-exynos/exynos.c (common.c up to 3.14), exynos.c ``exynos_reserve``, s5p-dev-mfc.c,
arch/arm/plat-samsung/include/plat/map-s5p.h, map-base.h, arch/arm/mach-exynos/include/mach/map.h, read in 3.10 to 7.3.
"""

from __future__ import annotations

from bootmap.facts.machines.machine import Callback, Machine, MachineArea, NodeAreas, NodeReg, io_desc
from bootmap.units import KIB

PAGE = 4 * KIB

_FILE = "arch/arm/mach-exynos/exynos.c"
# The kernel wants exactly two cells, and maps one byte less than they say.
_CHIPID_AT = 0xF8000000
_CHIPID = io_desc(f"{_FILE} exynos_fdt_map_chipid",
                  (_CHIPID_AT, NodeReg(("samsung,exynos4210-chipid",), 2), None))

# Bounds are the first release read that lacks a row; 3.11, 3.15, 3.17, 3.19 and 4.0, 4.5 to 4.8 and 4.18 were not
# read where their neighbours differ, and have no machine.
_EXYNOS4 = (
    io_desc(f"{_FILE} exynos4_iodesc", (0xF6100000, 0x10010000, 64 * KIB), (0xF6300000, 0x139D0000, 16 * KIB),
            (0xF6400000, 0x10060000, PAGE), until=(4, 1))
    + io_desc(f"{_FILE} exynos4_iodesc", (0xF84C0000, 0x12570000, PAGE), until=(4, 9))
    + io_desc(f"{_FILE} exynos4_iodesc", (0xF8500000, 0x10050000, PAGE), until=(4, 1))
    + io_desc(f"{_FILE} exynos4_iodesc", (0xF8180000, 0x10020000, 64 * KIB), until=(3, 18))
    + io_desc(f"{_FILE} exynos4_iodesc", (0xF8700000, 0x10440000, PAGE), (0xF8810000, 0x10480000, 64 * KIB),
              (0xF8820000, 0x10490000, 64 * KIB), until=(4, 1))
    + io_desc(f"{_FILE} exynos4_iodesc", (0xF7000000, 0x13800000, 512 * KIB), until=(3, 12))
    + io_desc(f"{_FILE} exynos4_iodesc", (0xF8100000, 0x10030000, 128 * KIB), until=(4, 9))
    + io_desc(f"{_FILE} exynos4_iodesc", (0xF8800000, 0x10500000, 8 * KIB))
    + io_desc(f"{_FILE} exynos4_iodesc", (0xF8600000, 0x10502000, PAGE), until=(4, 1))
    + io_desc(f"{_FILE} exynos4_iodesc", (0xF8440000, 0x10400000, 64 * KIB), (0xF8480000, 0x10410000, 64 * KIB),
              until=(4, 9))
    + io_desc(f"{_FILE} exynos4_iodesc", (0xF6700000, 0x125B0000, PAGE), until=(4, 1)),
)
_EXYNOS4_SYSRAM = (
    io_desc("arch/arm/mach-exynos/common.c exynos4_iodesc1", (0xF8400000, 0x02020000, PAGE)),
    io_desc("arch/arm/mach-exynos/common.c exynos4x12_iodesc", (0xF8410000, 0x0204F000, PAGE)),
)
_EXYNOS5 = (
    io_desc(f"{_FILE} exynos5_iodesc", (0xF6100000, 0x10050100, 64 * KIB), (0xF6300000, 0x12DD0000, 16 * KIB),
            (0xF6400000, 0x101D0000, PAGE), until=(4, 1))
    + io_desc(f"{_FILE} exynos5_iodesc", (0xF84C0000, 0x12250000, PAGE))
    + io_desc(f"{_FILE} exynos5_iodesc", (0xF8400000, 0x02020000, PAGE), until=(3, 15))
    + io_desc(f"{_FILE} exynos5_iodesc", (0xF8100000, 0x10010000, 144 * KIB))
    + io_desc(f"{_FILE} exynos5_iodesc", (0xF8180000, 0x10040000, 64 * KIB), until=(3, 18))
    + io_desc(f"{_FILE} exynos5_iodesc", (0xF7000000, 0x12C00000, 512 * KIB), until=(3, 12)),
)
_EXYNOS5250_SYSRAM = (
    io_desc("arch/arm/mach-exynos/common.c exynos5250_iodesc", (0xF8410000, 0x0204F000, PAGE)),
)


def _codec(*versions: int) -> tuple[MachineArea, ...]:
    """The video codec's buffers, of the first MFC version that has them."""
    node = NodeAreas(tuple(f"samsung,mfc-v{n}" for n in versions), ("samsung,mfc-r", "samsung,mfc-l"))
    return (MachineArea("the video codec's buffers", "arch/arm/mach-exynos/s5p-dev-mfc.c s5p_mfc_reserve_mem", 0,
                        node=node, options=("S5P_DEV_MFC",)),)


# root compatible, option of the SoC, whether soc_is_exynos4() or soc_is_exynos5() holds for it
_CHIPS = (
    ("samsung,exynos3250", "SOC_EXYNOS3250", None),
    ("samsung,exynos4210", "CPU_EXYNOS4210", 4),
    ("samsung,exynos4212", "SOC_EXYNOS4212", 4),
    ("samsung,exynos4412", "SOC_EXYNOS4412", 4),
    ("samsung,exynos5250", "SOC_EXYNOS5250", 5),
    ("samsung,exynos5260", "SOC_EXYNOS5260", None),
    ("samsung,exynos5410", "SOC_EXYNOS5410", 5),
    ("samsung,exynos5420", "SOC_EXYNOS5420", 5),
    ("samsung,exynos5800", "SOC_EXYNOS5800", 5),
)
_BY_FAMILY = ("samsung,exynos5410", "samsung,exynos5800")
"""Not in exynos_dt_compat: their trees name the family too, and a tree that does not is nobody's."""
_ARRAYS = {None: (), 4: _EXYNOS4, 5: _EXYNOS5}

SAMSUNG_MACHINES = (
    Machine("Exynos", ("samsung,exynos3", "samsung,exynos4", "samsung,exynos5",
                       *(chip for chip, _, _ in _CHIPS if chip not in _BY_FAMILY)),
            options=("ARCH_EXYNOS",), maps=(_CHIPID,), map_io_debug_ll=True,
            map_io_reads=_CHIPID_AT, since=(4, 19)),
    *(
        Machine("Exynos", (chip,), options=("ARCH_EXYNOS", option),
                maps=(_CHIPID, *(_ARRAYS[family] if family == 4 or until <= (4, 5) else ())), map_io_debug_ll=True,
                map_io_reads=_CHIPID_AT, reserve=_codec(*mfc) if mfc else (), since=since, until=until)
        for chip, option, family in _CHIPS
        for since, until, mfc in (
            ((3, 16), (3, 17), (5, 6, 7)), ((3, 18), (3, 19), (5, 6, 7)), ((4, 1), (4, 5), (5, 6, 7, 8)),
            ((4, 9), (4, 18), ()),
        )
    ),
    *(
        Machine("Exynos4 device tree", (chip,), options=("ARCH_EXYNOS4", option),
                maps=(_CHIPID, *_EXYNOS4, *_EXYNOS4_SYSRAM), map_io_debug_ll=True,
                map_io_reads=_CHIPID_AT, reserve=_codec(5), since=since, until=until)
        for chip, option, family in _CHIPS[2:4]
        for since, until in (((3, 10), (3, 11)), ((3, 12), (3, 15)))
    ),
    *(
        Machine("Exynos5 device tree", (chip,), options=("ARCH_EXYNOS5", option), maps=(_CHIPID, *_EXYNOS5, *sysram),
                map_io_debug_ll=True, map_io_reads=_CHIPID_AT, reserve=_codec(6), since=since, until=until)
        for chip, option, sysram, since, until in (
            ("samsung,exynos5250", "SOC_EXYNOS5250", _EXYNOS5250_SYSRAM, (3, 10), (3, 11)),
            ("samsung,exynos5250", "SOC_EXYNOS5250", _EXYNOS5250_SYSRAM, (3, 12), (3, 15)),
            ("samsung,exynos5420", "SOC_EXYNOS5420", (), (3, 12), (3, 15)),
        )
    ),
)

SAMSUNG_CALLBACKS = {
    **dict.fromkeys(
        ("samsung,exynos3", "samsung,exynos4", "samsung,exynos5", "samsung,exynos4415", "samsung,exynos5440",
         *(chip for chip, _, _ in _CHIPS)),
        Callback("ARCH_EXYNOS", "map_io and reserve"),
    ),
}
