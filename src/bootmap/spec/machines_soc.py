"""Machines of the SoC makers with few rows each: i.MX6, Tegra, Zynq, PXA, and those with a ZONE_DMA alone.

Sources: the files that the rows name, read in the releases between their bounds; arch/arm/tools/mach-types.
"""

from __future__ import annotations

from bootmap.spec.machine import CpuRegister, Machine, MachineArea, io_desc
from bootmap.units import GIB, KIB, MIB

_PXA = io_desc("arch/arm/mach-pxa/generic.c common_io_desc", (0xF2000000, 0x40000000, 32 * MIB))
_PXA2XX = io_desc(
    "arch/arm/mach-pxa/pxa27x.c pxa27x_io_desc", (0xF6000000, 0x48000000, MIB), (0xFE000000, 0x00000000, MIB)
)
_TEGRA = "arch/arm/mach-tegra/io.c tegra_io_desc, iomap.h"
_SCU = "arch/arm/mach-imx/platsmp.c scu_io_desc"

SOC_MACHINES = (
    Machine("i.MX6 Quad/DualLite", ("fsl,imx6q", "fsl,imx6dl", "fsl,imx6qp"), options=("SOC_IMX6Q",),
            maps=(io_desc(_SCU, (0xF4000000, CpuRegister.CBAR, 4 * KIB), options=("SMP",)),), map_io_debug_ll=True),
    Machine("PXA25x (Sharp Zaurus and others)", ("marvell,pxa250",), (89, 373, 423, 424, 520, 543, 545),
            ("PXA25x",), "pxa25x", (_PXA, _PXA2XX), map_io_debug_ll=True, since=(3, 8)),
    Machine("PXA27x (Sharp Zaurus and others)", ("marvell,pxa270",), (406, 713, 729, 744, 831, 1757), ("PXA27x",),
            "pxa27x", (_PXA, _PXA2XX), map_io_debug_ll=True, since=(3, 8)),
    Machine("NVIDIA Tegra", ("nvidia,tegra20", "nvidia,tegra30", "nvidia,tegra114", "nvidia,tegra124"),
            options=("ARCH_TEGRA",),
            maps=(io_desc(_TEGRA, (0xFE200000, 0x60000000, MIB), (0xFE000000, 0x70000000, MIB),
                          (0xFE440000, 0x50040000, 16 * KIB), (0xFE400000, 0x40000000, 256 * KIB)),),
            map_io_debug_ll=True, since=(3, 14)),
    Machine("NVIDIA Tegra", ("nvidia,tegra20", "nvidia,tegra30", "nvidia,tegra114"), options=("ARCH_TEGRA",),
            maps=(io_desc(_TEGRA, (0xFE200000, 0x60000000, MIB), (0xFE300000, 0x70000000, MIB),
                          (0xFE000000, 0x50040000, 16 * KIB), (0xFE400000, 0x40000000, 256 * KIB)),),
            map_io_debug_ll=True, since=(3, 10), until=(3, 13)),
    Machine("Xilinx Zynq", ("xlnx,zynq-7000",), options=("ARCH_ZYNQ",), cpu="cortex-a9",
            maps=(io_desc("arch/arm/mach-zynq/common.c zynq_scu_map_io", (0xF8F00000, 0xF8F00000, 256)),),
            map_io_debug_ll=True,
            reserve=(MachineArea("the first 512 KiB, where DMA cannot work", "arch/arm/mach-zynq/common.c "
                                 "zynq_memory_init", 512 * KIB, 0, only_at=0),), since=(3, 12)),
    Machine("BCM2711", ("brcm,bcm2711",), options=("ARCH_BCM2835",), dma_zone_size=GIB),
    Machine("Highbank", ("calxeda,highbank", "calxeda,ecx-2000"), options=("ARCH_HIGHBANK", "ARM_LPAE"),
            dma_zone_size=4 * GIB),
    Machine("Keystone", ("ti,k2hk", "ti,k2e", "ti,k2l", "ti,k2g", "ti,keystone"), options=("ARCH_KEYSTONE", "ARM_LPAE"),
            dma_zone_size=2 * GIB),
)  # fmt: skip
