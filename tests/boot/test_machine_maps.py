"""Static mappings of machines by version, as their io_desc arrays have them.

What is expected was evaluated with the kernels' own headers (tests/data/machines/io_desc.txt), not taken from the
table; which arrays a machine's map_io uses is written here, as its source has it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.machines import number
from support.recordings import DATA, fresh_kernel
from support.trees import Node, blob, cells, text

from bootmap.boot.kernel import KernelModel
from bootmap.boot.setup.machine import node_reg, pick_machine
from bootmap.facts.machines.machine import NodeReg
from bootmap.facts.machines.table import CALLBACKS, MACHINES
from bootmap.inputs.atags import parse as parse_atags
from bootmap.inputs.fdt import parse as parse_fdt
from bootmap.inputs.kconfig import parse

if TYPE_CHECKING:
    from bootmap.boot.setup.machine import PickedMachine
    from bootmap.facts.machines.machine import StaticMap

TAGS = parse_atags((Path(DATA) / "atags" / "spitz.bin").read_bytes())
# What 3.14 renamed is in the table by its new name.
RENAMED = {"MEMORY_NONCACHED": "MEMORY_RWX_NONCACHED"}
Version = tuple[int, ...]
Rows = list[tuple[int, int, int, str]]


@cache
def arrays() -> dict[str, list[tuple[Version, Version, Rows]]]:
    """File :: array -> its values from a release to a release."""
    found: dict[str, list[tuple[Version, Version, Rows]]] = {}
    rows: Rows = []
    for line in (Path(DATA) / "machines" / "io_desc.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        if line.startswith("  "):
            virtual, physical, length, kind = line.split()
            kind = RENAMED.get(kind, kind)
            rows.append((int(virtual, 16), int(physical, 16), int(length, 16), kind))
        else:
            name, first, last = line.rsplit(" ", 2)
            rows = []
            found.setdefault(name, []).append((number(first), number(last), rows))
    return found


def expected(array: str, version: Version) -> Rows:
    """The array in that release, which must lie between two that were read and agree."""
    values = [rows for first, last, rows in arrays()[array] if first <= version <= last]
    assert len(values) == 1, f"{array} was not read in {version}"
    return values[0]


def kernel(version: Version, *options: str) -> KernelModel:
    config = "".join(f"CONFIG_{option}=y\n" for option in options)
    return KernelModel(version, None, parse(config.encode()), fresh_kernel("v7").symbols)


def picked(version: Version, options: str, machine: str | int, *nodes: Node) -> PickedMachine:
    subject = kernel(version, *options.split())
    if isinstance(machine, int):
        return pick_machine(subject, TAGS, machine)
    root = Node("", {"compatible": text("some,board", machine)}, list(nodes))
    return pick_machine(subject, parse_fdt(blob(root)), None)


def groups(found: PickedMachine) -> list[Rows]:
    """What is mapped, a list for each call of iotable_init that maps anything; without what the tree or CPU tells."""
    assert found.unknown == ""
    groups = ([row for row in group if isinstance(row.physical, int) and not row.cpu] for group in found.maps or ())
    return [list(map(numbers, group)) for group in groups if group]


def numbers(row: StaticMap) -> tuple[int, int, int, str]:
    assert isinstance(row.physical, int)
    assert row.length is not None
    return row.virtual, row.physical, row.length, row.type


V2M, CA9X4 = "mach-vexpress/v2m.c :: v2m_io_desc", "mach-vexpress/ct-ca9x4.c :: ct_ca9x4_io_desc"
CORE = "mach-versatile/core.c :: versatile_io_desc"
AP, CP = "mach-integrator/integrator_ap.c :: ", "mach-integrator/integrator_cp.c :: "
V3 = "mach-integrator/pci_v3.c :: pci_v3_io_desc"
OMAP1 = "mach-omap1/io.c :: "
OMAP, RV = "mach-omap2/io.c :: ", "mach-realview/realview_"
EXYNOS, EXYNOS3 = "mach-exynos/exynos.c :: ", "mach-exynos/common.c :: "
SA1100 = "mach-sa1100/"
PXA, U8500 = "mach-pxa/generic.c :: common_io_desc", "mach-ux500/cpu-db8500.c :: "
TEGRA = "mach-tegra/io.c :: tegra_io_desc"

# version; options; compatible string or machine number; the arrays that map_io hands to iotable_init, one a call
SAME = [
    # mach-vexpress/v2m.c v2m_map_io, ct-ca9x4.c ct_ca9x4_map_io
    *(((version), "ARCH_VEXPRESS", 2272, [V2M, CA9X4])
      for version in ((2, 6, 38), (3, 0), (3, 2), (3, 3), (3, 4), (3, 5), (3, 10), (3, 14), (3, 18))),
    *((version, "ARCH_VEXPRESS", "arm,vexpress", [V2M]) for version in ((3, 4), (3, 5), (3, 10), (3, 14))),
    # mach-versatile/core.c versatile_map_io
    *((version, "ARCH_VERSATILE MACH_VERSATILE_AB PCI", 387, [CORE])
      for version in ((2, 6, 38), (3, 2), (3, 3), (3, 5), (3, 10), (4, 4))),
    ((3, 10), "ARCH_VERSATILE MACH_VERSATILE_AB PCI", "arm,versatile-pb", [CORE]),
    ((4, 9), "ARCH_VERSATILE", "arm,versatile-ab", ["mach-versatile/versatile_dt.c :: versatile_io_desc"]),
    ((6, 1), "ARCH_VERSATILE", "arm,versatile-ab", ["mach-versatile/versatile.c :: versatile_io_desc"]),
    # mach-integrator/integrator_ap.c ap_map_io, integrator_cp.c intcp_map_io, and the _atag ones
    *((version, "ARCH_INTEGRATOR_AP", 21, [f"{AP}ap_io_desc"]) for version in ((2, 6, 38), (3, 2), (3, 5))),
    ((3, 12), "ARCH_INTEGRATOR_AP", 21, [f"{AP}ap_io_desc_atag", f"{AP}ap_io_desc"]),
    *((version, "ARCH_INTEGRATOR_AP", "arm,integrator-ap", [f"{AP}ap_io_desc"])
      for version in ((3, 12), (3, 14), (3, 18), (4, 1), (4, 4), (4, 9), (4, 14), (4, 17), (5, 4))),
    ((6, 12), "ARCH_INTEGRATOR_AP", "arm,integrator-ap", ["mach-versatile/integrator_ap.c :: ap_io_desc"]),
    *((version, "ARCH_INTEGRATOR_CP", 275, [f"{CP}intcp_io_desc"]) for version in ((2, 6, 38), (3, 2), (3, 5))),
    *((version, "ARCH_INTEGRATOR_CP", 275, [f"{CP}intcp_io_desc_atag", f"{CP}intcp_io_desc"])
      for version in ((3, 10), (3, 12))),
    *((version, "ARCH_INTEGRATOR_CP", "arm,integrator-cp", [f"{CP}intcp_io_desc"])
      for version in ((3, 10), (3, 12), (3, 14), (4, 4), (4, 9), (4, 14), (5, 4))),
    # mach-realview/realview_*.c; the core tiles' arrays need the CPU and are looked at below
    *((version, f"MACH_REALVIEW_{name.upper()}", machine_id, [f"{RV}{name}.c :: realview_{name}_io_desc"])
      for name, machine_id in (("pb1176", 1504), ("pb11mp", 1407), ("pba8", 1897))
      for version in ((2, 6, 38), (3, 2), (3, 3), (3, 10), (4, 4))),
    # mach-omap1/io.c omap15xx_map_io, omap16xx_map_io, omap1_map_io; mach-omap2/io.c omap242x_map_io, omap243x_map_io
    *((version, f"ARCH_OMAP{n}XX", machine, [f"{OMAP1}omap_io_desc", f"{OMAP1}{array}_io_desc"])
      for version in ((3, 2), (3, 10), (5, 18)) for n, machine, array in (
          (15, 613, "omap1510"), (16, 755, "omap16xx"))),
    ((6, 1), "ARCH_OMAP15XX", 613, [f"{OMAP1}omap1510_io_desc"]),
    ((7, 2), "ARCH_OMAP16XX", 755, [f"{OMAP1}omap1_io_desc"]),
    *((version, "SOC_OMAP2420", machine, [f"{OMAP}omap24xx_io_desc", f"{OMAP}omap242x_io_desc"])
      for version in ((3, 2), (3, 12)) for machine in ("ti,omap2420", 1548)),
    ((7, 2), "SOC_OMAP2430 ARCH_OMAP3", "ti,omap2430", [f"{OMAP}omap24xx_io_desc", f"{OMAP}omap243x_io_desc"]),
    # mach-omap2/io.c omap3_map_io, omap4_map_io, ...
    *((version, "ARCH_OMAP3", machine, [f"{OMAP}omap34xx_io_desc"])
      for version in ((3, 2), (3, 5), (3, 10), (3, 14), (4, 1)) for machine in ("ti,omap3", 1546)),
    *((version, "ARCH_OMAP3", "ti,omap36xx", [f"{OMAP}omap34xx_io_desc"]) for version in ((4, 4), (5, 10), (7, 2))),
    *((version, "ARCH_OMAP4", machine, [f"{OMAP}omap44xx_io_desc"])
      for version in ((3, 2), (3, 3), (3, 4), (3, 5), (3, 10)) for machine in ("ti,omap4", 2791)),
    *((version, "SOC_AM33XX", "ti,am33xx", [f"{OMAP}omapam33xx_io_desc"])
      for version in ((3, 10), (3, 14), (4, 4), (5, 10), (6, 12))),
    *((version, "SOC_AM43XX", "ti,am43", [f"{OMAP}omapam33xx_io_desc"]) for version in ((3, 12), (4, 9), (6, 1))),
    *((version, "SOC_TI81XX", "ti,dm8168", [f"{OMAP}omapti81xx_io_desc"]) for version in ((4, 1), (6, 1))),
    *((version, "SOC_OMAP5", "ti,omap5", [f"{OMAP}omap54xx_io_desc"]) for version in ((3, 10), (4, 2))),
    *((version, "SOC_DRA7XX", "ti,dra7", [f"{OMAP}omap54xx_io_desc"]) for version in ((3, 12), (3, 14), (4, 1))),
    ((4, 4), "SOC_DRA7XX OMAP_INTERCONNECT_BARRIER", "ti,dra742", [f"{OMAP}dra7xx_io_desc"]),
    # mach-exynos/exynos.c exynos_map_io, common.c exynos4_map_io and exynos5_map_io; the chip's id is looked at below
    *((version, f"ARCH_EXYNOS SOC_EXYNOS{chip}", f"samsung,exynos{chip}", [f"{EXYNOS}exynos{chip[0]}_iodesc"])
      for version in ((3, 16), (3, 18), (4, 1), (4, 4)) for chip in ("4412", "4212", "5250", "5420", "5800")),
    *((version, "ARCH_EXYNOS SOC_EXYNOS4412", "samsung,exynos4412", [f"{EXYNOS}exynos4_iodesc"])
      for version in ((4, 9), (4, 14), (4, 17))),
    *((version, "ARCH_EXYNOS4 SOC_EXYNOS4412", "samsung,exynos4412",
       [f"{EXYNOS3}exynos4_iodesc", f"{EXYNOS3}exynos4_iodesc1", f"{EXYNOS3}exynos4x12_iodesc"])
      for version in ((3, 10), (3, 12), (3, 14))),
    *((version, "ARCH_EXYNOS5 SOC_EXYNOS5250", "samsung,exynos5250",
       [f"{EXYNOS3}exynos5_iodesc", f"{EXYNOS3}exynos5250_iodesc"]) for version in ((3, 10), (3, 12), (3, 14))),
    ((3, 14), "ARCH_EXYNOS5 SOC_EXYNOS5420", "samsung,exynos5420", [f"{EXYNOS3}exynos5_iodesc"]),
    *((version, "ARCH_EXYNOS", f"samsung,exynos{chip}", [])
      for version in ((4, 19), (5, 10), (7, 2)) for chip in ("4210", "3250", "5")),
    # mach-imx/mm-imx*.c: one call each
    *((version, "SOC_IMX27", machine, ["mach-imx/mm-imx27.c :: imx27_io_desc"])
      for version in ((3, 0), (3, 5), (3, 10), (4, 4)) for machine in ("fsl,imx27", 1430)),
    ((6, 1), "SOC_IMX27", "fsl,imx27", ["mach-imx/mach-imx27.c :: imx27_io_desc"]),
    *((version, f"SOC_IMX{n}", f"fsl,imx{n}", [f"mach-imx/mm-imx3.c :: mx{n}_io_desc"])
      for version in ((3, 2), (3, 5), (3, 10), (7, 2)) for n in (31, 35)),
    *((version, f"SOC_IMX{n}", f"fsl,imx{n}", [f"mach-imx/mm-imx5.c :: mx{n}_io_desc"])
      for version in ((3, 3), (3, 5), (3, 10), (3, 16)) for n in (51, 53)),
    ((3, 2), "SOC_IMX51", 2125, ["mach-mx5/mm.c :: mx51_io_desc"]),
    ((3, 2), "SOC_IMX53", 3273, ["mach-mx5/mm.c :: mx53_io_desc"]),
    ((3, 10), "SOC_IMX25", "fsl,imx25", ["mach-imx/mm-imx25.c :: mx25_io_desc"]),
    ((3, 18), "SOC_IMX1", "fsl,imx1", ["mach-imx/mm-imx1.c :: imx_io_desc"]),
    # mach-kirkwood/common.c kirkwood_map_io, mach-orion5x, mach-dove, mach-mvebu
    *((version, "ARCH_KIRKWOOD", machine, ["mach-kirkwood/common.c :: kirkwood_io_desc"])
      for version in ((2, 6, 38), (3, 5), (3, 10), (3, 14)) for machine in ("marvell,kirkwood", 2325)),
    ((3, 16), "ARCH_KIRKWOOD", 2325, ["mach-kirkwood/board-dt.c :: kirkwood_io_desc"]),
    *((version, "ARCH_ORION5X", machine, ["mach-orion5x/common.c :: orion5x_io_desc"])
      for version in ((2, 6, 38), (3, 5), (3, 10), (4, 19), (5, 4), (7, 2)) for machine in ("marvell,orion5x", 1542)),
    *((version, "ARCH_DOVE", 3020, ["mach-dove/common.c :: dove_io_desc"])
      for version in ((2, 6, 38), (3, 5), (3, 10), (4, 19))),
    ((3, 10), "ARCH_MVEBU", "marvell,armada-370-xp", ["mach-mvebu/armada-370-xp.c :: armada_370_xp_io_desc"]),
    ((3, 14), "ARCH_MVEBU", "marvell,armada-370-xp", []),
    # mach-pxa/pxa*.c: pxa_map_io's array, then the family's, then the board's
    *((version, f"PXA{n}x", machine, [PXA, f"mach-pxa/pxa{n}x.c :: pxa{n}x_io_desc", *board])
      for version in ((2, 6, 38), (3, 10), (3, 16), (3, 18), (4, 4), (6, 1))
      for n, machine, board in (("25", 423, []), ("25", "marvell,pxa250", []), ("27", 713, []), ("3x", 2000, []),
                                ("25", 89, ["mach-pxa/lubbock.c :: lubbock_io_desc"]),
                                ("27", 406, ["mach-pxa/mainstone.c :: mainstone_io_desc"]))),
    *((version, "ARCH_MMP CPU_PXA168", machine, ["mach-mmp/common.c :: standard_io_desc"])
      for version in ((2, 6, 38), (3, 10), (6, 1)) for machine in ("mrvl,pxa168-aspenite", 2043)),
    ((5, 10), "MACH_MMP2_DT", "mrvl,mmp2",
     ["mach-mmp/common.c :: standard_io_desc", "mach-mmp/common.c :: mmp2_io_desc"]),
    # the rest
    ((3, 12), "ARCH_BCM2835", "brcm,bcm2835", ["mach-bcm2835/bcm2835.c :: io_map"]),
    *((version, "ARCH_BCM2835", "brcm,bcm2835", ["mach-bcm/board_bcm2835.c :: io_map"])
      for version in ((3, 16), (4, 1))),
    ((3, 10), "ARCH_SUNXI", "allwinner,sun4i-a10", ["mach-sunxi/sunxi.c :: sunxi_io_desc"]),
    *((version, "ARCH_U8500", "st-ericsson,u8500", [f"{U8500}u8500_uart_io_desc", f"{U8500}u8500_common_io_desc",
                                                    f"{U8500}u8500_io_desc"]) for version in ((3, 5), (3, 10), (4, 1))),
    ((4, 4), "ARCH_U8500", "st-ericsson,u8500", []),
    ((3, 5), "ARCH_SPEAR3XX", "st,spear300", ["mach-spear3xx/spear3xx.c :: spear3xx_io_desc"]),
    ((3, 5), "ARCH_SPEAR3XX", "st,spear320", ["mach-spear3xx/spear320.c :: spear320_io_desc",
                                              "mach-spear3xx/spear3xx.c :: spear3xx_io_desc"]),
    ((3, 5), "ARCH_SPEAR6XX", "st,spear600", ["mach-spear6xx/spear6xx.c :: spear6xx_io_desc"]),
    *((version, "ARCH_LPC32XX", "nxp,lpc3250", ["mach-lpc32xx/common.c :: lpc32xx_io_desc"])
      for version in ((3, 5), (4, 4), (7, 2))),
    *((version, "ARCH_EP93XX", 451, ["mach-ep93xx/core.c :: ep93xx_io_desc"]) for version in ((2, 6, 38), (6, 11))),
    *((version, "ARCH_DAVINCI_DA850", "ti,da850", ["mach-davinci/da850.c :: da850_io_desc"])
      for version in ((3, 10), (7, 2))),
    *((version, f"ARCH_DAVINCI_{option}", machine, [f"mach-davinci/{chip}.c :: {chip}_io_desc"])
      for version in ((2, 6, 38), (3, 5), (3, 10), (5, 18)) for option, machine, chip in (
          ("DM355", 1381, "dm355"), ("DM365", 1939, "dm365"), ("DM644x", 901, "dm644x"), ("DM646x", 1380, "dm646x"),
          ("DA830", 1781, "da830"), ("DA850", 2157, "da850"))),
    *((version, "ARCH_CNS3XXX PCI", "cavium,cns3420", ["mach-cns3xxx/core.c :: cns3xxx_io_desc"])
      for version in ((3, 10), (3, 14), (3, 16), (6, 1))),
    *((version, "ARCH_NOMADIK", "st,nomadik-nhk-15", ["mach-nomadik/cpu-8815.c :: cpu8815_io_desc"])
      for version in ((3, 10), (7, 2))),
    *((version, "ARCH_VT8500", "wm,wm8650", ["mach-vt8500/vt8500.c :: vt8500_io_desc"])
      for version in ((3, 10), (7, 2))),
    ((4, 9), "ARCH_CLPS711X", "cirrus,ep7209", ["mach-clps711x/board-dt.c :: clps711x_io_desc"]),
    *((version, "ARCH_PICOXCELL", "picochip,pc3x2", ["mach-picoxcell/common.c :: io_map"])
      for version in ((3, 3), (5, 10))),
    ((3, 12), "ARCH_U300", "stericsson,u300", ["mach-u300/core.c :: u300_io_desc"]),
    ((4, 4), "ARCH_HI3xxx", "hisilicon,hi3620-hi4511", ["mach-hisi/hisilicon.c :: hi3620_io_desc"]),
    ((4, 4), "ARCH_R8A7779", "renesas,r8a7779", ["mach-shmobile/setup-r8a7779.c :: r8a7779_io_desc"]),
    ((4, 4), "ARCH_SH73A0", "renesas,sh73a0", ["mach-shmobile/setup-sh73a0.c :: sh73a0_io_desc"]),
    ((4, 4), "ARCH_R8A7740", "renesas,r8a7740", ["mach-shmobile/setup-r8a7740.c :: r8a7740_io_desc"]),
    *((version, "ARCH_IXP4XX", "intel,ixp42x", ["mach-ixp4xx/ixp4xx-of.c :: ixp4xx_of_io_desc"])
      for version in ((5, 4), (5, 12), (5, 15), (6, 1))),
    *((version, f"ARCH_IXP4XX{pci}", 597, ["mach-ixp4xx/common.c :: ixp4xx_io_desc"])
      for version in ((2, 6, 38), (3, 5), (3, 10), (4, 19), (5, 4), (5, 12)) for pci in ("", " PCI")),
    ((6, 1), "ARCH_S3C64XX", "samsung,s3c6410", ["mach-s3c/mach-s3c64xx-dt.c :: s3c64xx_dt_iodesc"]),
    # mach-sa1100/generic.c sa1100_map_io, then the board's
    *((version, f"SA1100_{option}", machine, [f"{SA1100}generic.c :: standard_io_desc",
                                              *[f"{SA1100}{name}.c :: {array}_io_desc" for name, array in boards]])
      for version in ((2, 6, 38), (3, 3), (3, 4), (6, 1))
      for option, machine, boards in (
          ("COLLIE", 146, [("collie", "collie")]), ("H3600", 22, [("h3xxx", "h3600")]),
          ("H3100", 136, [("h3xxx", "h3600")]), ("SIMPAD", 87, [("simpad", "simpad")]),
          ("LART", 27, [("lart", "lart")]), ("CERF", 31, [("cerf", "cerf")]), ("PLEB", 20, []), ("SHANNON", 97, []),
          ("NANOENGINE", 32, [("nanoengine", "nanoengine")]), ("JORNADA720", 48, [("jornada720", "jornada720")]))),
    # mach-s3c24xx/common.c s3c24xx_init_io: the board's, the family's, the chip's; the others' *_init_io
    *((version, "MACH_MINI2440", 1999, [f"{folder}{common} :: s3c_iodesc", f"{chip}s3c244x.c :: s3c244x_iodesc"])
      for version, folder, common, chip in (
          ((3, 2), "plat-s3c24xx/", "cpu.c", "mach-s3c2440/"), ((3, 4), "plat-s3c24xx/", "cpu.c", "mach-s3c24xx/"),
          ((3, 10), "mach-s3c24xx/", "common.c", "mach-s3c24xx/"), ((5, 4), "mach-s3c24xx/", "common.c",
                                                                   "mach-s3c24xx/"),
          ((6, 1), "mach-s3c/", "s3c24xx.c", "mach-s3c/"))),
    ((3, 10), "MACH_NEO1973_GTA02", 1304, ["mach-s3c24xx/mach-gta02.c :: gta02_iodesc",
                                           "mach-s3c24xx/common.c :: s3c_iodesc",
                                           "mach-s3c24xx/s3c244x.c :: s3c244x_iodesc"]),
    *((version, "ARCH_S3C24XX", "samsung,s3c2416", ["mach-s3c24xx/common.c :: s3c_iodesc",
                                                    "mach-s3c24xx/s3c2416.c :: s3c2416_iodesc"])
      for version in ((3, 12), (5, 4))),
    ((3, 2), "ARCH_S3C64XX", 1626, ["mach-s3c64xx/cpu.c :: s3c_iodesc"]),
    *((version, "ARCH_S3C64XX", 2520, ["mach-s3c64xx/common.c :: s3c_iodesc"]) for version in ((3, 3), (5, 4))),
    ((7, 2), "ARCH_S3C64XX", 3207, ["mach-s3c/s3c64xx.c :: s3c_iodesc"]),
    *((version, "ARCH_S5PV210", machine, ["mach-s5pv210/common.c :: s5pv210_iodesc"])
      for version in ((3, 5), (3, 16)) for machine in (2456, 2676, 2862)),
    *((version, "ARCH_TEGRA", machine, [TEGRA]) for version in ((2, 6, 38), (3, 2), (3, 5))
      for machine in ("nvidia,tegra20", 2731)),
    # mach-tegra/io.c tegra_map_common_io
    *((version, "ARCH_TEGRA", "nvidia,tegra30", [TEGRA]) for version in ((3, 10), (3, 12), (3, 14), (4, 4), (6, 1))),
]


def _name(value: object) -> str:
    return ".".join(map(str, value)) if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize(("version", "options", "machine", "names"), SAME, ids=_name)
def test_maps_as_the_arrays(version: Version, options: str, machine: str | int, names: list[str]) -> None:
    assert groups(picked(version, options, machine)) == [expected(name, version) for name in names]


@pytest.mark.parametrize(("version", "options", "machine"), [
    ((4, 1), "ARCH_VEXPRESS", 2272),  # known by its device tree only
    ((3, 15), "ARCH_VEXPRESS", "arm,vexpress"),  # the last release with map_io is 3.14 or 3.15
    ((3, 8), "ARCH_INTEGRATOR_CP", "arm,integrator-cp"),  # 3.5 and 3.10 differ
    ((4, 6), "ARCH_INTEGRATOR_AP", "arm,integrator-ap"),  # 4.4 and 4.9 differ
    ((3, 13), "ARCH_INTEGRATOR_AP", "arm,integrator-ap"),
    ((3, 4), "ARCH_OMAP3 OMAP2_VRAM", "ti,omap3"),  # takes what vram= says
    ((3, 1), "ARCH_OMAP4", "ti,omap4"),  # maps SRAM as it finds it
    ((4, 6), "SOC_DRA7XX", "ti,dra7"),  # 4.9 maps the barrier, 4.4 does not
    ((5, 7), "SOC_AM33XX", "ti,am33xx"),  # 5.10 links omap-secure.o for it, 5.4 does not
])
def test_maps_between_releases_that_differ(version: Version, options: str, machine: str | int) -> None:
    """A machine of which that release's callbacks are not known is an assumption, never a guess."""
    found = picked(version, options, machine)
    assert str(machine) in found.unknown
    assert found.maps is None


def test_compatible_without_case() -> None:
    """of_compat_cmp is strcasecmp."""
    assert groups(picked((6, 1), "ARCH_TEGRA", "NVIDIA,Tegra30")) == [expected(TEGRA, (6, 1))]


def test_versatile_express_without_callbacks() -> None:
    """3.16's VEXPRESS_DT has no map_io: nothing is unknown."""
    found = picked((3, 16), "ARCH_VEXPRESS", "arm,vexpress")
    assert found.unknown == ""
    assert found.maps is None


@pytest.mark.parametrize(("value", "physical"), [("rs1", 0x1C000000), ("legacy", 0x10000000)])
def test_versatile_express_asks_the_motherboard(value: str, physical: int) -> None:
    """v2m_dt_map_io: V2M_PERIPH 0xf8000000 leads to CS3 of the RS1 map, or to CS7."""
    motherboard = Node("motherboard", {"arm,v2m-memory-map": text(value)})
    found = picked((3, 10), "ARCH_VEXPRESS", "arm,vexpress", motherboard)
    assert [(row.virtual, row.physical) for group in found.maps or () for row in group] == [(0xF8000000, physical)]


@pytest.mark.parametrize("version", [(3, 3), (3, 5), (3, 9)])
def test_omap4_erratum_i688(version: Version) -> None:
    """OMAP4_SRAM_VA 0xfe404000 -> 0x40304000 at the end of the array; OMAP4_DRAM_BARRIER_VA 0xfe600000, 1 MiB."""
    found = picked(version, "ARCH_OMAP4 OMAP4_ERRATA_I688", "ti,omap4")
    array, barrier = found.maps or ((), ())
    assert numbers(array[-1]) == (0xFE404000, 0x40304000, 0x1000, "MEMORY_RW_SO")
    assert [(row.virtual, row.length, row.type) for row in barrier] == [(0xFE600000, 0x100000, "MEMORY_RW_SO")]


@pytest.mark.parametrize(("options", "want"), [
    ("ARCH_OMAP3 DEBUG_LL MACH_OMAP_ZOOM2", 1), ("ARCH_OMAP3 DEBUG_LL MACH_OMAP_ZOOM2 MACH_OMAP_ZOOM3", 1),
    ("ARCH_OMAP3 DEBUG_LL MACH_OMAP_ZOOM3", 1), ("ARCH_OMAP3 MACH_OMAP_ZOOM3", 0), ("ARCH_OMAP3 DEBUG_LL", 0),
])
def test_omap3_zoom_uart(options: str, want: int) -> None:
    """ZOOM_UART_VIRT 0xfa400000 -> ZOOM_UART_BASE 0x10000000, once."""
    (array,) = groups(picked((3, 4), options, "ti,omap3"))
    assert array[7:] == [(0xFA400000, 0x10000000, 0x100000, "DEVICE")] * want


@pytest.mark.parametrize(("name", "machine", "physical"), [
    ("EB", 827, 0x10009000), ("PB1176", 1504, 0x1010C000), ("PB11MP", 1407, 0x10009000), ("PBA8", 1897, 0x10009000),
    ("PBX", 1901, 0x10009000),
])
def test_realview_debug_ll(name: str, machine: int, physical: int) -> None:
    """IO_ADDRESS of REALVIEW_*_UART0_BASE, last in the array with CONFIG_DEBUG_LL."""
    for options, extra in (("", []), (" DEBUG_LL", [((physical & 0x3FFFFFF) + 0xFB000000, physical)])):
        found = picked((3, 10), f"MACH_REALVIEW_{name}{options}", machine)
        assert found.maps is not None
        array = [(row.virtual, row.physical) for row in found.maps[0]]
        assert array[-1:] == extra or not extra
        assert len(array) == len(expected(f"{RV}{name.lower()}.c :: realview_{name.lower()}_io_desc", (3, 10))) + len(
            extra
        )


@pytest.mark.parametrize("version", [(2, 6, 38), (3, 2), (3, 3), (4, 4)])
@pytest.mark.parametrize(("machine", "option", "array"), [
    (827, "MACH_REALVIEW_EB REALVIEW_EB_A9MP", f"{RV}eb.c :: realview_eb11mp_io_desc"),
    (1901, "MACH_REALVIEW_PBX", f"{RV}pbx.c :: realview_local_io_desc"),
])
def test_realview_core_tile(version: Version, machine: int, option: str, array: str) -> None:
    """The second array is for a core tile with a Cortex-A9 MPCore."""
    found = picked(version, option, machine)
    calls = [tuple(row for row in group if row.cpu == "cortex-a9") for group in found.maps or ()]
    assert [list(map(numbers, call)) for call in calls if call] == [expected(array, version)]


@pytest.mark.parametrize("version", [(3, 12), (3, 14), (4, 4), (4, 14)])
def test_integrator_ap_pci(version: Version) -> None:
    """pci_v3_early_init: its own array, then pci_map_io_early: PCI_IO_VIRT_BASE 0xfee00000, 64 KiB of 0x60000000."""
    found = groups(picked(version, "ARCH_INTEGRATOR_AP PCI", "arm,integrator-ap"))
    assert found[1:] == [expected(V3, version), [(0xFEE00000, 0x60000000, 0x10000, "DEVICE")]]


@pytest.mark.parametrize(("version", "options"), [((3, 12), "ARCH_EXYNOS4 SOC_EXYNOS4412"), ((4, 4),
                         "ARCH_EXYNOS SOC_EXYNOS4412"), ((6, 1), "ARCH_EXYNOS")])
def test_exynos_maps_the_chip_id_first(version: Version, options: str) -> None:
    """S5P_VA_CHIPID = S3C_ADDR_BASE 0xf6000000 + 0x02000000, where the node's reg says."""
    found = picked(version, options, "samsung,exynos4412")
    assert found.maps is not None
    (row,) = found.maps[0]
    assert (row.virtual, row.length, row.type) == (0xF8000000, None, "DEVICE")
    assert isinstance(row.physical, NodeReg)
    for reg, want in ((cells(0x10000000, 0x100), (0x10000000, 0x100)), (cells(0x10000000, 0x100, 0), None)):
        chip = Node("chipid@10000000", {"compatible": text("samsung,exynos4210-chipid"), "reg": reg})
        assert node_reg(parse_fdt(blob(Node("", {}, [chip]))), row.physical) == want


@pytest.mark.parametrize(("chip", "banks"), [
    # AT91*_SRAM*_BASE and _SIZE of include/mach/at91*.h, sama5d3.h; KiB
    ("at91rm9200", [(0x200000, 16)]), ("at91sam9260", [(0x2FF000, 8)]), ("at91sam9g20", [(0x2FC000, 32)]),
    ("at91sam9261", [(0x300000, 160)]), ("at91sam9263", [(0x300000, 80), (0x500000, 16)]),
    ("at91sam9g45", [(0x300000, 64)]), ("at91sam9n12", [(0x300000, 32)]), ("at91sam9x5", [(0x300000, 32)]),
    ("sama5d3", [(0x300000, 128)]),
])
def test_at91_stacks_sram_below_its_registers(chip: str, banks: list[tuple[int, int]]) -> None:
    """at91_init_sram: each bank ends where the one before begins, the first at AT91_IO_VIRT_BASE.

    A public log of a Calao USB A9G20 has "AT91: sram at 0x200000 of 0x4000 mapped at 0xfef74000", and at 0x300000
    likewise at 0xfef70000: of a kernel of 3.1's time, when this SoC still had two banks.
    """
    option = "SOC_AT91SAM9260" if chip == "at91sam9g20" else f"SOC_{chip.upper()}"
    for version, kind in (((3, 5), "DEVICE"), ((3, 10), "DEVICE"), ((3, 12), "MEMORY_RWX_NONCACHED"),
                          ((3, 18), "MEMORY_RWX_NONCACHED")):
        want: Rows = []
        top = 0xFF000000 - (0xFFFFFFFF - 0xFFF78000 + 1)
        for base, size in banks:
            top -= size << 10
            want.append((top, base, size << 10, kind))
        found = groups(picked(version, f"ARCH_AT91 {option}", f"atmel,{chip}"))
        assert found == [expected("mach-at91/setup.c :: at91_io_desc", version), *([row] for row in want)]


def test_machines_are_in_one_table_only() -> None:
    """A release and configuration finds at most one machine of a name, whatever the order of the rows, where both
    bound the same compatible string or number and neither asks the tree or more options than the other."""
    for at, one in enumerate(MACHINES):
        for other in MACHINES[at + 1 :]:
            shared = set(one.compatible) & set(other.compatible) or set(one.machine_ids) & set(other.machine_ids)
            if shared and set(one.options) == set(other.options) and one.tree == other.tree:
                apart = (one.until and other.since and one.until <= other.since) or (
                    other.until and one.since and other.until <= one.since
                )
                assert apart, f"{one.name}: {sorted(map(str, shared))} twice"


def test_callbacks_name_no_machine_of_all_releases() -> None:
    """What is known of every release and configuration needs no assumption."""
    for machine in MACHINES:
        if machine.since is None and machine.until is None and len(machine.options) <= 1:
            assert not set(machine.compatible) & CALLBACKS.keys(), machine.name


@pytest.mark.parametrize(("options", "section"), [("", 0x100000), ("CONFIG_ARM_LPAE=y\n", 0x200000)])
def test_map_tegra_by_sections(options: str, section: int) -> None:
    """mach-tegra/iomap.h: IO_PPSB_SIZE and IO_APB_SIZE are SECTION_SIZE; the two others are not."""
    config = f"CONFIG_ARCH_TEGRA=y\n{options}".encode()
    subject = KernelModel((6, 1), None, parse(config), fresh_kernel("deb-6.1").symbols)
    root = Node("", {"compatible": text("nvidia,tegra124")})
    maps = pick_machine(subject, parse_fdt(blob(root)), None).maps
    assert maps is not None
    assert [row.length for group in maps for row in group] == [section, section, 0x4000, 0x40000]
