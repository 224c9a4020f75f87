"""Freescale's machines: i.MX1, 25, 27, 31, 35, 50, 51, 53 and i.MX6.

IMX_IO_P2V(x) = 0xf4000000 + ((x & 0x50000000) >> 6) + ((x & 0x0b000000) >> 4) + (x & 0x000fffff), and from a release
between 3.6 and 3.10 on + ((x & 0x80000000) >> 7) (arch/arm/mach-imx/hardware.h, plat-mxc before).

Not here: i.MX21, 23 and 28, i.MX51 before 3.2, boards by number with callbacks of their own, i.MX6 before 3.10.

Sources: arch/arm/mach-imx/mm-imx*.c, mach-imx27.c, platsmp.c, mach-mx5/mm.c of 3.2, read in 3.0 to 7.3;
arch/arm/tools/mach-types of 3.10.
"""

from __future__ import annotations

from bootmap.facts.machines.machine import Callback, CpuRegister, Machine, StaticMap, io_desc
from bootmap.units import KIB, MIB

_DIR = "arch/arm/mach-imx"
_MX1 = (io_desc(f"{_DIR}/mm-imx1.c imx_io_desc", (0xF4000000, 0x00200000, MIB)),)
_MX25 = (
    io_desc(f"{_DIR}/mm-imx25.c mx25_io_desc", (0xF5800000, 0x68000000, MIB), (0xF5300000, 0x43F00000, MIB),
            (0xF5700000, 0x53F00000, MIB), kind="DEVICE_NONSHARED"),
)
_MX27 = (
    io_desc(f"{_DIR}/mm-imx27.c imx27_io_desc", (0xF4400000, 0x10000000, MIB))
    + io_desc(f"{_DIR}/mm-imx27.c imx27_io_desc", (0xF4000000, 0x80000000, MIB), until=(3, 6))
    + io_desc(f"{_DIR}/mm-imx27.c imx27_io_desc", (0xF5000000, 0x80000000, MIB), since=(3, 10))
    + io_desc(f"{_DIR}/mm-imx27.c imx27_io_desc", (0xF5C00000, 0xD8000000, MIB)),
)


def _mx3(array: str) -> tuple[tuple[StaticMap, ...], ...]:
    """i.MX31's array, which i.MX35 has too."""
    source = f"{_DIR}/mm-imx3.c {array}"
    return (
        io_desc(source, (0xF4C00000, 0xB8000000, 64 * KIB), until=(3, 6))
        + io_desc(source, (0xF5C00000, 0xB8000000, 64 * KIB), since=(3, 10))
        + io_desc(source, (0xF5800000, 0x68000000, MIB), (0xF5300000, 0x43F00000, MIB), (0xF5700000, 0x53F00000, MIB),
                  (0xF5400000, 0x50000000, MIB), kind="DEVICE_NONSHARED"),
    )


_MX51_FILE = f"{_DIR}/mm-imx5.c mx51_io_desc"
_MX51 = (
    io_desc(_MX51_FILE, (0xF5000000, 0xE0000000, 16 * KIB), (0xF4FE0000, 0x1FFE0000, 128 * KIB),
            (0xF5700000, 0x73F00000, MIB), (0xF5400000, 0x70000000, MIB))
    + io_desc(_MX51_FILE, (0xF4300000, 0x83F00000, MIB), until=(3, 6))
    + io_desc(_MX51_FILE, (0xF5300000, 0x83F00000, MIB), since=(3, 10)),
)
_MX53 = (
    io_desc(f"{_DIR}/mm-imx5.c mx53_io_desc", (0xF4BFC000, 0x0FFFC000, 16 * KIB), (0xF5700000, 0x53F00000, MIB),
            (0xF5400000, 0x50000000, MIB), (0xF5300000, 0x63F00000, MIB)),
)
_SCU = io_desc(f"{_DIR}/platsmp.c scu_io_desc", (0xF4000000, CpuRegister.CBAR, 4 * KIB), options=("SMP",))

# By number, only boards whose description has no other callback in any release read:
# MX27_3DS, PCM038, IMX27LITE, IMX27IPCAM, PCA100, MXT_TD60
_MX27_IDS = (1430, 1551, 1701, 1871, 2149, 2550)
_MX31_IDS = (1179, 1260, 1524, 2239)  # BUG, ARMADILLO5X0, QONG, LILLY1131
_MX35_IDS = (2072, 2821, 3087)  # PCM043, EUKREA_CPUIMX35SD, VPR200
# MX51_3DS, MX51_BABBAGE, MX51_EFIKAMX, MX51_EFIKASB, EUKREA_CPUIMX51SD, EUKREA_CPUIMX51
_MX51_IDS = (1696, 2125, 2336, 2370, 2822, 2823)
_MX53_IDS = (2716, 3010, 3011, 3273)  # MX53_EVK, MX53_ARD, MX53_SMD, MX53_LOCO
_MX51_TREE = ("fsl,imx51", "fsl,imx51-babbage")
_MX53_TREE = ("fsl,imx53", "fsl,imx53-ard", "fsl,imx53-evk", "fsl,imx53-qsb", "fsl,imx53-smd")

IMX_MACHINES = (
    Machine("i.MX1", ("fsl,imx1",), (160, 508, 906, 1851), ("SOC_IMX1",), "arm920t", _MX1, until=(4, 10)),
    Machine("i.MX25", ("fsl,imx25",), (1771, 2820), ("SOC_IMX25",), "arm926ej-s", _MX25, until=(3, 19)),
    *(
        Machine(name, compatible, ids, (option,), cpu, maps, since=since, until=until)
        for name, compatible, ids, option, cpu, maps in (
            ("i.MX27", ("fsl,imx27",), _MX27_IDS, "SOC_IMX27", "arm926ej-s", _MX27),
            ("i.MX31", ("fsl,imx31",), _MX31_IDS, "SOC_IMX31", "arm1136", _mx3("mx31_io_desc")),
            ("i.MX35", ("fsl,imx35",), _MX35_IDS, "SOC_IMX35", "arm1136", _mx3("mx35_io_desc")),
        )
        for since, until in (((3, 0), (3, 6)), ((3, 10), None))
    ),
    Machine("i.MX51", _MX51_TREE, _MX51_IDS, ("SOC_IMX51",), "cortex-a8", _MX51, since=(3, 2), until=(3, 6)),
    Machine("i.MX51", _MX51_TREE, _MX51_IDS, ("SOC_IMX51",), "cortex-a8", _MX51, since=(3, 10), until=(3, 17)),
    Machine("i.MX53", _MX53_TREE, _MX53_IDS, ("SOC_IMX53",), "cortex-a8", _MX53, since=(3, 2), until=(3, 17)),
    Machine("i.MX50", ("fsl,imx50",), options=("SOC_IMX50",), cpu="cortex-a8", maps=_MX53, since=(3, 14),
            until=(3, 17)),
    Machine("i.MX6 Quad/DualLite", ("fsl,imx6q", "fsl,imx6dl", "fsl,imx6qp"), options=("SOC_IMX6Q",), maps=(_SCU,),
            map_io_debug_ll=True, since=(3, 10)),
)

IMX_CALLBACKS = {
    "fsl,imx1": Callback("SOC_IMX1", "map_io", until=(4, 14)),
    "fsl,imx23": Callback("SOC_IMX23", "map_io", until=(3, 12)),
    "fsl,imx28": Callback("SOC_IMX28", "map_io", until=(3, 12)),
    "fsl,imx25": Callback("SOC_IMX25", "map_io", until=(4, 1)),
    "fsl,imx27": Callback("SOC_IMX27", "map_io"),
    "fsl,imx31": Callback("SOC_IMX31", "map_io"),
    "fsl,imx35": Callback("SOC_IMX35", "map_io"),
    "fsl,imx50": Callback("SOC_IMX50", "map_io", until=(3, 18)),
    **dict.fromkeys(_MX51_TREE, Callback("SOC_IMX51", "map_io", until=(3, 18))),
    **dict.fromkeys(_MX53_TREE, Callback("SOC_IMX53", "map_io", until=(3, 18))),
    **dict.fromkeys(("fsl,imx6q", "fsl,imx6dl", "fsl,imx6q-sabreauto", "fsl,imx6q-arm2", "fsl,imx6q-sabrelite",
                     "fsl,imx6q-sabresd"), Callback("SOC_IMX6Q", "map_io", until=(3, 10))),
}
