"""Machines of makers with few rows each, and those that have a ZONE_DMA alone.

Not here, because the map depends on the chip that is found: U8500 before 3.5; because it depends on what is plugged in:
Assabet, Footbridge; because only part of it was read: Gemini, IXP4xx with a debug UART, Highbank before 3.12.

Sources: the files that the rows name, read in the releases between their bounds; arch/arm/tools/mach-types of 3.10.
"""

from __future__ import annotations

from bootmap.facts.machines.machine import Callback, Machine, MachineArea, io_desc
from bootmap.units import GIB, KIB, MIB

PAGE = 4 * KIB

_TEGRA_FILE = "arch/arm/mach-tegra/io.c tegra_io_desc"
_TEGRA_TREE = ("nvidia,tegra20", "nvidia,tegra30", "nvidia,tegra114", "nvidia,tegra124")
_TEGRA_OLD = (
    io_desc(_TEGRA_FILE, (0xFE200000, 0x60000000, MIB), (0xFE300000, 0x70000000, MIB),
            (0xFE000000, 0x50040000, 16 * KIB), (0xFE400000, 0x40000000, 256 * KIB)),
)
_TEGRA_BY_SECTION = [  # the first two are SECTION_SIZE long
    io_desc(_TEGRA_FILE, (0xFE200000, 0x60000000, section), (0xFE000000, 0x70000000, section),
            (0xFE440000, 0x50040000, 16 * KIB), (0xFE400000, 0x40000000, 256 * KIB), options=(option,))
    for option, section in (("!ARM_LPAE", MIB), ("ARM_LPAE", 2 * MIB))
]
_TEGRA = (_TEGRA_BY_SECTION[0] + _TEGRA_BY_SECTION[1],)
_TEGRA_BOARDS = ("nvidia,harmony", "nvidia,seaboard", "nvidia,ventana", "nvidia,cardhu", "compulab,trimslice",
                 "compal,paz00")
_TEGRA_IDS = (2731, 3005, 3128, 3209, 3217, 3288)  # HARMONY, SEABOARD, PAZ00, TRIMSLICE, KAEN, WARIO

_ZYNQ = (io_desc("arch/arm/mach-zynq/common.c zynq_scu_map_io", (0xF8F00000, 0xF8F00000, 256)),)
_ZYNQ_RESERVE = (
    MachineArea("the first 512 KiB, where DMA cannot work", "arch/arm/mach-zynq/common.c zynq_memory_init",
                512 * KIB, 0, only_at=0),
)

_SOCFPGA = "arch/arm/mach-socfpga/socfpga.c"
_SOCFPGA_UART = io_desc(f"{_SOCFPGA} uart_io_desc", (0xFEC02000, 0xFFC02000, 8 * KIB))

_U8500_FILE = "arch/arm/mach-ux500/cpu-db8500.c"
_U8500 = (
    io_desc(f"{_U8500_FILE} u8500_uart_io_desc", (0xF8120000, 0x80120000, PAGE), (0xF8007000, 0x80007000, PAGE)),
    io_desc(f"{_U8500_FILE} u8500_common_io_desc", (0xFA410000, 0xA0410000, PAGE), (0xFA411000, 0xA0411000, PAGE),
            (0xFA412000, 0xA0412000, PAGE), (0xFA3C6000, 0xA03C6000, PAGE), (0xF8150000, 0x80150000, 8 * KIB),
            (0xF812F000, 0x8012F000, PAGE), (0xF811F000, 0x8011F000, PAGE), (0xF800F000, 0x8000F000, PAGE),
            (0xFA3FF000, 0xA03FF000, PAGE), (0xFA3CF000, 0xA03CF000, PAGE), (0xF812E000, 0x8012E000, PAGE),
            (0xF800E000, 0x8000E000, PAGE), (0xF811E000, 0x8011E000, PAGE), (0xFA3FE000, 0xA03FE000, PAGE)),
    io_desc(f"{_U8500_FILE} u8500_io_desc", (0xF8157000, 0x80157000, PAGE), (0xF81B8000, 0x801B8000, PAGE)),
)

_SPEAR = "arch/arm/mach-spear"
_SPEAR3XX = io_desc(f"{_SPEAR}/spear3xx.c spear3xx_io_desc", (0xFD000000, 0xD0000000, 16 * MIB),
                    (0xFC000000, 0xFC000000, 16 * MIB))
_SPEAR320 = io_desc(f"{_SPEAR}/spear320.c spear320_io_desc", (0xFE000000, 0xB3000000, 16 * MIB))
_SPEAR6XX = io_desc(f"{_SPEAR}/spear6xx.c spear6xx_io_desc", (0xF0000000, 0xF0000000, 32 * MIB),
                    (0xFD000000, 0xD0000000, 16 * MIB), (0xFC000000, 0xFC000000, 16 * MIB))

# -- SA1100: the family's array, then the board's

_SA1100 = io_desc("arch/arm/mach-sa1100/generic.c standard_io_desc", (0xF8000000, 0x80000000, MIB),
                  (0xFA000000, 0x90000000, MIB), (0xFC000000, 0xA0000000, MIB),
                  (0xFE000000, 0xB0000000, 2 * MIB))
_COLLIE = io_desc("arch/arm/mach-sa1100/collie.c collie_io_desc", (0xE8000000, 0x00000000, 32 * MIB),
                  (0xEA000000, 0x08000000, 32 * MIB))
_JORNADA = io_desc("arch/arm/mach-sa1100/jornada720.c jornada720_io_desc", (0xF0000000, 0x48000000, MIB),
                   (0xF1000000, 0x48200000, 512 * KIB)) + io_desc(
    "arch/arm/mach-sa1100/jornada720.c jornada720_io_desc", (0xF4000000, 0x40000000, 0x1FFF), until=(3, 4)
)
_H3XXX = io_desc("arch/arm/mach-sa1100/h3xxx.c h3600_io_desc", (0xF1000000, 0x10000000, 40 * MIB),
                 (0xF3800000, 0x40000000, 8 * MIB), (0xF0000000, 0x49000000, 16 * MIB))
_SIMPAD = io_desc("arch/arm/mach-sa1100/simpad.c simpad_io_desc", (0xF2800000, 0x4B800000, 8 * MIB),
                  (0xF1000000, 0x18000000, MIB))
_LART = io_desc("arch/arm/mach-sa1100/lart.c lart_io_desc", (0xE8000000, 0x00000000, 4 * MIB),
                (0xEC000000, 0x08000000, 4 * MIB))
_CERF = io_desc("arch/arm/mach-sa1100/cerf.c cerf_io_desc", (0xF0000000, 0x08000000, MIB))
_NANOENGINE = io_desc("arch/arm/mach-sa1100/nanoengine.c nanoengine_io_desc", (0xF0000000, 0x10000000, MIB),
                      (0xF1000000, 0x18600000, MIB), (0xF2000000, 0x18A10000, 64 * KIB))
SA1100_MACHINES = (
    *(
        Machine(name, machine_ids=ids, options=(option,), cpu=cpu, maps=(_SA1100, *board), until=until)
        for name, ids, option, cpu, board, until in (
            ("Sharp Collie", (146,), "SA1100_COLLIE", "sa1110", (_COLLIE,), None),
            ("Compaq iPAQ H3600", (22,), "SA1100_H3600", "sa1110", (_H3XXX,), None),
            ("Compaq iPAQ H3100", (136,), "SA1100_H3100", "sa1110", (_H3XXX,), (6, 2)),
            ("Simpad", (87,), "SA1100_SIMPAD", None, (_SIMPAD,), (6, 2)),
            ("LART", (27,), "SA1100_LART", None, (_LART,), (6, 2)),
            ("CerfBoard", (31,), "SA1100_CERF", None, (_CERF,), (6, 2)),
            ("nanoEngine", (32,), "SA1100_NANOENGINE", None, (_NANOENGINE,), (6, 2)),
            ("PLEB", (20,), "SA1100_PLEB", None, (), (6, 2)),
            ("Shannon", (97,), "SA1100_SHANNON", None, (), (6, 2)),
        )
    ),
    Machine("HP Jornada 720", machine_ids=(48,), options=("SA1100_JORNADA720", "SA1111"), cpu="sa1110",
            maps=(_SA1100, _JORNADA), dma_zone_size=MIB),
    Machine("HP Jornada 720", machine_ids=(48,), options=("SA1100_JORNADA720", "!SA1111"), cpu="sa1110",
            maps=(_SA1100, _JORNADA)),
)

_LPC32XX = io_desc("arch/arm/mach-lpc32xx/common.c lpc32xx_io_desc", (0xF2020000, 0x20020000, 0x89000),
                   (0xF3100000, 0x31000000, 0xE1000), (0xF4004000, 0x40004000, 0xA5000),
                   (0xF0800000, 0x08000000, 256 * KIB))
_EP93XX = io_desc("arch/arm/mach-ep93xx/core.c ep93xx_io_desc", (0xFEF00000, 0x80000000, MIB),
                  (0xFED00000, 0x80800000, 2 * MIB))
# EDB9312, EDB9301, EDB9315, EDB9302, EDB9307, ADSSPHERE, EDB9315A, MICRO9, MICRO9L, GESBC9312, SNAPPER_CL15, EDB9302A,
# EDB9307A, MICRO9M, SIM_ONE, MICRO9S: descriptions without other callbacks in any release read
_EP93XX_IDS = (451, 462, 463, 538, 607, 723, 772, 811, 812, 958, 986, 1127, 1128, 1169, 1476, 1902)
_CNS3XXX = io_desc("arch/arm/mach-cns3xxx/core.c cns3xxx_io_desc", (0xFB004000, 0x90000000, 8 * KIB),
                   (0xFB003000, 0x7C800000, PAGE), (0xFB000000, 0x76000000, PAGE),
                   (0xFB001000, 0x77000000, PAGE))
_CNS3XXX_PCI = io_desc("arch/arm/mach-cns3xxx/core.c cns3xxx_io_desc", (0xE1000000, 0xAB000000, PAGE),
                       (0xE3000000, 0xAD000000, 64 * KIB), (0xE4000000, 0xAE000000, 16 * MIB),
                       (0xE9000000, 0xBB000000, PAGE), (0xEB000000, 0xBD000000, 64 * KIB),
                       (0xEC000000, 0xBE000000, 16 * MIB), options=("PCI",))
_R8A7779 = io_desc("arch/arm/mach-shmobile/setup-r8a7779.c r8a7779_io_desc", (0xF0000000, 0xF0000000, 2 * MIB),
                   (0xFE000000, 0xFE000000, 16 * MIB), kind="DEVICE_NONSHARED")
_SH73A0 = io_desc("arch/arm/mach-shmobile/setup-sh73a0.c sh73a0_io_desc", (0xE6000000, 0xE6000000, 256 * MIB),
                  kind="DEVICE_NONSHARED")
_R8A7740 = io_desc("arch/arm/mach-shmobile/setup-r8a7740.c r8a7740_io_desc", (0xE6000000, 0xE6000000, 160 * MIB),
                   kind="DEVICE_NONSHARED")
_IXP4XX_FILE = "arch/arm/mach-ixp4xx/common.c ixp4xx_io_desc"
_IXP4XX = (
    io_desc(_IXP4XX_FILE, (0xFFBEB000, 0xC8000000, 0x13000), (0xFFBFE000, 0xC4000000, PAGE),
            (0xFFBFF000, 0xC0000000, PAGE), until=(3, 6))
    + io_desc(_IXP4XX_FILE, (0xFEF00000, 0xC8000000, 0x13000), (0xFEF14000, 0xC4000000, PAGE),
              (0xFEF13000, 0xC0000000, PAGE), since=(3, 10))
    + io_desc(_IXP4XX_FILE, (0xFEF15000, 0x60000000, 16 * KIB), since=(3, 10), until=(4, 20)),
)
# IXDP425, IXCDP1100, ADI_COYOTE, ARCOM_VULCAN, AVILA, NSLU2, IXDP465, GTWX5715, GATEWAY7001, LOFT, NAS100D, WG302V2,
# DSMG600, FSG, KIXRP435
_IXP4XX_IDS = (245, 260, 290, 414, 526, 597, 618, 641, 731, 849, 865, 890, 964, 1091, 1109)
_IXP4XX_TREE = ("intel,ixp42x", "intel,ixp43x", "intel,ixp45x", "intel,ixp46x")
_LPC32XX_TREE = ("nxp,lpc3220", "nxp,lpc3230", "nxp,lpc3240", "nxp,lpc3250")
_U8500_TREE = ("st-ericsson,u8500", "st-ericsson,u9500")
_CNS_TREE = ("cavium,cns3410", "cavium,cns3420")
_RTD1195 = tuple(
    MachineArea(what, "arch/arm/mach-realtek/rtd1195.c rtd1195_reserve", size, base, remove=True, only_at=0)
    for what, base, size in (("the boot ROM", 0, 0xA800), ("registers", 0x18000000, 0x70000),
                             ("registers", 0x18100000, 16 * MIB))
)

_RCAR_GEN2 = MachineArea("contiguous memory below 4 GiB", "arch/arm/mach-shmobile/setup-rcar-gen2.c rcar_gen2_reserve",
                         256 * MIB, legacy_cma=True, options=("DMA_CMA",))
_RCAR_GEN2_TREE = ("renesas,r8a7790", "renesas,r8a7791", "renesas,r8a7792", "renesas,r8a7793", "renesas,r8a7794",
                   "renesas,r8a7742", "renesas,r8a7743", "renesas,r8a7744", "renesas,r8a7745",
                   "renesas,r8a77470")

SOC_MACHINES = (
    Machine("NVIDIA Tegra", (*_TEGRA_TREE[:2], *_TEGRA_BOARDS), _TEGRA_IDS, ("ARCH_TEGRA",), "cortex-a9", _TEGRA_OLD,
            until=(3, 6)),
    Machine("NVIDIA Tegra", _TEGRA_TREE[:3], options=("ARCH_TEGRA",), maps=_TEGRA_OLD, map_io_debug_ll=True,
            since=(3, 10), until=(3, 13)),
    Machine("NVIDIA Tegra", _TEGRA_TREE, options=("ARCH_TEGRA",), maps=_TEGRA, map_io_debug_ll=True, since=(3, 14)),
    Machine("Xilinx Zynq", ("xlnx,zynq-7000", "xlnx,zynq-zc702"), options=("ARCH_ZYNQ",), cpu="cortex-a9", maps=_ZYNQ,
            map_io_debug_ll=True, since=(3, 10), until=(3, 13)),
    Machine("Xilinx Zynq", ("xlnx,zynq-7000",), options=("ARCH_ZYNQ",), cpu="cortex-a9", maps=_ZYNQ,
            map_io_debug_ll=True, reserve=_ZYNQ_RESERVE, since=(3, 14)),
    Machine("BCM2835", ("brcm,bcm2835",), options=("ARCH_BCM2835",), cpu="arm1176",
            maps=(io_desc("arch/arm/mach-bcm/board_bcm2835.c io_map", (0xF0000000, 0x20000000, 16 * MIB)),),
            since=(3, 10), until=(4, 2)),
    Machine("BCM2711", ("brcm,bcm2711",), options=("ARCH_BCM2835",), dma_zone_size=GIB),
    Machine("Altera SoCFPGA", ("altr,socfpga",), options=("ARCH_SOCFPGA",), cpu="cortex-a9",
            maps=(io_desc(f"{_SOCFPGA} scu_io_desc", (0xFFFEC000, 0xFFFEC000, 8 * KIB)), _SOCFPGA_UART),
            since=(3, 10), until=(3, 19)),
    Machine("Altera SoCFPGA", ("altr,socfpga",), options=("ARCH_SOCFPGA",), cpu="cortex-a9",
            maps=(io_desc(f"{_SOCFPGA} scu_io_desc", (0xFEE00000, 0xFFFEC000, 8 * KIB)), _SOCFPGA_UART),
            since=(4, 1), until=(4, 2)),
    Machine("Allwinner A10/A13", ("allwinner,sun4i-a10", "allwinner,sun5i-a13"), options=("ARCH_SUNXI",),
            cpu="cortex-a8", maps=(io_desc("arch/arm/mach-sunxi/sunxi.c sunxi_io_desc",
                                           (0xF1C00000, 0x01C00000, 3 * MIB)),), since=(3, 10), until=(3, 11)),
    Machine("U8500", _U8500_TREE, (2368, 3293, 3363), ("ARCH_U8500",), "cortex-a9", _U8500, since=(3, 5),
            until=(4, 2)),
    Machine("U8500", (*_U8500_TREE, "st-ericsson,u8540", "st-ericsson,u9540"), options=("ARCH_U8500",),
            cpu="cortex-a9", maps=(), map_io_debug_ll=True, since=(4, 2), until=(4, 5)),
    Machine("SPEAr300/310", ("st,spear300", "st,spear310"), options=("ARCH_SPEAR3XX",), cpu="arm926ej-s",
            maps=(_SPEAR3XX,), since=(3, 5)),
    Machine("SPEAr320", ("st,spear320",), options=("ARCH_SPEAR3XX",), cpu="arm926ej-s", maps=(_SPEAR320, _SPEAR3XX),
            since=(3, 5)),
    Machine("SPEAr600", ("st,spear600",), options=("ARCH_SPEAR6XX",), cpu="arm926ej-s", maps=(_SPEAR6XX,),
            since=(3, 5)),
    Machine("LPC32xx", _LPC32XX_TREE, options=("ARCH_LPC32XX",), cpu="arm926ej-s", maps=(_LPC32XX,), since=(3, 5)),
    Machine("EP93xx", machine_ids=_EP93XX_IDS, options=("ARCH_EP93XX",), cpu="arm920t", maps=(_EP93XX,),
            until=(6, 12)),
    Machine("CNS3xxx", _CNS_TREE, options=("ARCH_CNS3XXX",), cpu="arm11mpcore", maps=(_CNS3XXX,), since=(3, 10),
            until=(3, 15)),
    Machine("CNS3xxx", _CNS_TREE, options=("ARCH_CNS3XXX",), cpu="arm11mpcore", maps=(_CNS3XXX + _CNS3XXX_PCI,),
            since=(3, 16), until=(6, 2)),
    *(
        Machine("IXP4xx", machine_ids=_IXP4XX_IDS, options=("ARCH_IXP4XX", pci, *more), cpu="ixp4xx", maps=_IXP4XX,
                dma_zone_size=size, since=since, until=until)
        for since, until, more in ((None, (3, 6), ("!DEBUG_LL",)), ((3, 10), (4, 20), ()), ((5, 4), (5, 13), ()))
        for pci, size in (("PCI", 64 * MIB), ("!PCI", 0))
    ),
    Machine("IXP4xx device tree", _IXP4XX_TREE, options=("ARCH_IXP4XX", "!DEBUG_UART_8250"), cpu="ixp4xx",
            maps=(io_desc("arch/arm/mach-ixp4xx/ixp4xx-of.c ixp4xx_of_io_desc", (0xFEF14000, 0xC4000000, PAGE)),),
            since=(5, 4), until=(5, 13)),
    Machine("IXP4xx device tree", _IXP4XX_TREE, options=("ARCH_IXP4XX", "!DEBUG_UART_8250"), cpu="ixp4xx",
            maps=(io_desc("arch/arm/mach-ixp4xx/ixp4xx-of.c ixp4xx_of_io_desc", (0xFEC14000, 0xC4000000, PAGE)),),
            since=(5, 15), until=(6, 2)),
    Machine("Nomadik", ("calaosystems,usb-s8815", "st,nomadik-nhk-15"), options=("ARCH_NOMADIK",), cpu="arm926ej-s",
            maps=(io_desc("arch/arm/mach-nomadik/cpu-8815.c cpu8815_io_desc", (0xF01FB000, 0x101FB000, PAGE)),),
            since=(3, 10)),
    Machine("VIA/WonderMedia", ("via,vt8500", "wm,wm8505", "wm,wm8650", "wm,wm8750", "wm,wm8850"),
            options=("ARCH_VT8500",),
            maps=(io_desc("arch/arm/mach-vt8500/vt8500.c vt8500_io_desc", (0xF8000000, 0xD8000000, 0x390000)),),
            since=(3, 10)),
    Machine("CLPS711x device tree", ("cirrus,ep7209",), options=("ARCH_CLPS711X",), cpu="arm720t",
            maps=(io_desc("arch/arm/mach-clps711x/board-dt.c clps711x_io_desc", (0xFEFF4000, 0x80000000, 0xC000)),),
            since=(4, 9)),
    Machine("picoXcell", ("picochip,pc3x2", "picochip,pc3x3"), options=("ARCH_PICOXCELL",), cpu="arm1176",
            maps=(io_desc("arch/arm/mach-picoxcell/common.c io_map", (0xFE000000, 0x80000000, 4 * MIB)),),
            since=(3, 2), until=(5, 11)),
    Machine("U300 device tree", ("stericsson,u300",), options=("ARCH_U300",), cpu="arm926ej-s",
            maps=(io_desc("arch/arm/mach-u300/core.c u300_io_desc", (0xFF000000, 0xC0010000, 64 * KIB),
                          (0xFF010000, 0xA0000000, 32 * KIB), (0xFF020000, 0xC0000000, 32 * KIB)),),
            since=(3, 12), until=(5, 11)),
    Machine("Hi3620", ("hisilicon,hi3620-hi4511",), options=("ARCH_HI3xxx",), cpu="cortex-a9",
            maps=(io_desc("arch/arm/mach-hisi/hisilicon.c hi3620_io_desc", (0xFE802000, 0xFC802000, PAGE)),),
            map_io_debug_ll=True, since=(3, 14)),
    Machine("TI-NSPIRE", ("ti,nspire", "ti,nspire-cx", "ti,nspire-tp", "ti,nspire-clp"), options=("ARCH_NSPIRE",),
            maps=(), map_io_debug_ll=True, since=(3, 12), until=(4, 15)),
    Machine("i.MX6 SoloLite/SoloX", ("fsl,imx6sl", "fsl,imx6sx"), options=("ARCH_MXC",), maps=(), map_io_debug_ll=True,
            since=(3, 12), until=(3, 19)),
    Machine("R-Car H1", ("renesas,r8a7779",), options=("ARCH_R8A7779",), cpu="cortex-a9", maps=(_R8A7779,),
            map_io_debug_ll=True, since=(4, 4), until=(5, 11)),
    Machine("SH-Mobile AG5", ("renesas,sh73a0",), options=("ARCH_SH73A0",), cpu="cortex-a9", maps=(_SH73A0,),
            map_io_debug_ll=True, since=(4, 4), until=(5, 11)),
    Machine("R-Mobile A1", ("renesas,r8a7740",), options=("ARCH_R8A7740",), cpu="cortex-a9", maps=(_R8A7740,),
            map_io_debug_ll=True, since=(4, 4), until=(4, 5)),
    Machine("R-Car Gen2, RZ/G1", _RCAR_GEN2_TREE, options=("ARCH_RCAR_GEN2",), reserve=(_RCAR_GEN2,), since=(4, 4),
            until=(6, 13)),
    Machine("RTD1195", ("realtek,rtd1195",), options=("ARCH_REALTEK",), cpu="cortex-a7", reserve=_RTD1195,
            since=(5, 10)),
    Machine("Highbank", ("calxeda,highbank", "calxeda,ecx-2000"), options=("ARCH_HIGHBANK", "ARM_LPAE"),
            dma_zone_size=4 * GIB, since=(3, 12)),
    Machine("Prima2", ("sirf,prima2",), options=("ARCH_SIRF",), cpu="cortex-a9", dma_zone_size=256 * MIB, since=(4, 1),
            until=(5, 12)),
    Machine("Keystone", ("ti,k2hk", "ti,k2e", "ti,k2l", "ti,k2g", "ti,keystone", "ti,keystone-evm"),
            options=("ARCH_KEYSTONE", "ARM_LPAE"), dma_zone_size=2 * GIB),
)

_BOTH = "map_io and reserve"
SOC_CALLBACKS = {
    "nvidia,tegra20": Callback("ARCH_TEGRA", "map_io"),
    "nvidia,tegra30": Callback("ARCH_TEGRA", "map_io"),
    "nvidia,tegra114": Callback("ARCH_TEGRA", "map_io"),
    "nvidia,tegra124": Callback("ARCH_TEGRA", "map_io"),
    "xlnx,zynq-7000": Callback("ARCH_ZYNQ", _BOTH),
    "xlnx,zynq-zc702": Callback("ARCH_ZYNQ", _BOTH, until=(3, 12)),
    "xlnx,zynq-ep107": Callback("ARCH_ZYNQ", "map_io", until=(3, 10)),
    "brcm,bcm2835": Callback("ARCH_BCM2835", "map_io", until=(3, 10)),
    "brcm,bcm6846": Callback("ARCH_BCMBCA", "map_io"),
    "altr,socfpga": Callback("ARCH_SOCFPGA", "map_io", until=(4, 2)),
    "allwinner,sun4i-a10": Callback("ARCH_SUNXI", "map_io", until=(3, 12)),
    "allwinner,sun5i-a13": Callback("ARCH_SUNXI", "map_io", until=(3, 12)),
    **dict.fromkeys(
        (*_U8500_TREE, "st-ericsson,u8540", "st-ericsson,u9540", "st-ericsson,mop500", "st-ericsson,hrefv60+",
         "calaosystems,snowball-a9500"),
        Callback("ARCH_U8500", "map_io", until=(4, 9)),
    ),
    **dict.fromkeys(("st,spear300", "st,spear310", "st,spear320"), Callback("ARCH_SPEAR3XX", "map_io")),
    "st,spear600": Callback("ARCH_SPEAR6XX", "map_io"),
    "st,spear1310": Callback("MACH_SPEAR1310", "map_io"),
    "st,spear1340": Callback("MACH_SPEAR1340", "map_io"),
    **dict.fromkeys(_LPC32XX_TREE, Callback("ARCH_LPC32XX", "map_io")),
    **dict.fromkeys(_IXP4XX_TREE, Callback("ARCH_IXP4XX", "map_io", until=(6, 11))),
    **dict.fromkeys(_CNS_TREE, Callback("ARCH_CNS3XXX", "map_io", until=(6, 11))),
    "cortina,gemini": Callback("ARCH_GEMINI", "map_io"),
    "cirrus,ep7209": Callback("ARCH_CLPS711X", "map_io"),
    **dict.fromkeys(("calxeda,highbank", "calxeda,ecx-2000"), Callback("ARCH_HIGHBANK", "map_io", until=(3, 12))),
    **dict.fromkeys(("sirf,prima2", "sirf,atlas6", "sirf,marco"),
                    Callback("ARCH_SIRF", "map_io", until=(4, 1))),
    "sirf,prima2-cb": Callback("ARCH_PRIMA2", "map_io", until=(3, 10)),
    **dict.fromkeys(("qcom,msm8660-fluid", "qcom,msm8660-surf", "qcom,msm8960-cdp"),
                    Callback("ARCH_MSM", _BOTH, until=(3, 12))),
    **dict.fromkeys(("renesas,r8a7779", "renesas,sh73a0", "renesas,r8a7740", "renesas,sh7372", "renesas,emev2"),
                    Callback("ARCH_SHMOBILE", "map_io", until=(4, 9))),
    **dict.fromkeys(_RCAR_GEN2_TREE, Callback("ARCH_RCAR_GEN2", "reserve", until=(6, 18))),
}
