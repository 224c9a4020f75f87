"""Machines: what their callbacks do to memory at boot, where it is small and known, and which have callbacks at all.

A kernel for many machines picks one by the root's ``compatible`` (or, with ATAGs, by number); its ``map_io`` maps
registers, its ``reserve`` takes memory, its ``dma_zone_size`` bounds ZONE_DMA.

Sources: arch/arm/mach-*/ (v6.1 unless a row says otherwise), arch/arm/tools/mach-types.
"""

from __future__ import annotations

from dataclasses import dataclass

from bootmap.units import GIB, KIB, MIB


@dataclass(frozen=True, slots=True)
class StaticMap:
    """A mapping that ``map_io`` (or a user) asks for.

    Attributes:
        virtual: virtual address in bytes.
        physical: physical address in bytes; None: where the CPU's private registers are (CBAR), as it says itself.
        length: bytes.
        type: memory type without ``MT_``.
        source: where it is known from.
    """

    virtual: int
    physical: int | None
    length: int
    type: str
    source: str


@dataclass(frozen=True, slots=True)
class MachineArea:
    """Memory that the ``reserve`` callback takes.

    Attributes:
        what: what for.
        source: where it is known from.
        size: bytes; 0 for "up to the page directory".
        base: offset in bytes from PHYS_OFFSET, None where memblock chooses.
        align: alignment in bytes where memblock chooses.
        steal: taken out of memory altogether (``arm_memblock_steal``).
        only_at: the callback acts only where PHYS_OFFSET is this.
    """

    what: str
    source: str
    size: int
    base: int | None = None
    align: int = 4096
    steal: bool = False
    only_at: int | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine description of the kernel.

    Attributes:
        name: the kernel's name for it.
        compatible: root compatible strings it claims.
        machine_ids: numbers in r1, for ATAGs.
        options: configuration options that must be set for the kernel to have it.
        cpu: its CPU, for boards whose description does not say.
        maps: what ``map_io`` maps, one tuple for each call of iotable_init; None without ``map_io``.
        map_io_debug_ll: ``map_io`` maps the debug UART first.
        maps_need: an option without which ``maps`` stay out.
        reserve: what ``reserve`` takes.
        dma_zone_size: bytes, 0 for none.
        since, until: kernels that have it so, None for no bound.
    """

    name: str
    compatible: tuple[str, ...] = ()
    machine_ids: tuple[int, ...] = ()
    options: tuple[str, ...] = ()
    cpu: str | None = None
    maps: tuple[tuple[StaticMap, ...], ...] | None = None
    map_io_debug_ll: bool = False
    maps_need: str = ""
    reserve: tuple[MachineArea, ...] = ()
    dma_zone_size: int = 0
    since: tuple[int, ...] | None = None
    until: tuple[int, ...] | None = None


def _map(virtual: int, physical: int | None, length: int, source: str) -> StaticMap:
    return StaticMap(virtual, physical, length, "DEVICE", source)


_PXA_FILE = "arch/arm/mach-pxa/generic.c common_io_desc"
_PXA = (_map(0xF2000000, 0x40000000, 32 * MIB, _PXA_FILE),)
_PXA2XX = (
    _map(0xF6000000, 0x48000000, MIB, "arch/arm/mach-pxa/pxa27x.c pxa27x_io_desc"),
    _map(0xFE000000, 0x00000000, MIB, "arch/arm/mach-pxa/pxa27x.c UNCACHED_PHYS_0"),
)
_BELOW_PGD = (
    MachineArea("RAM below the page directory", "arch/arm/mach-versatile/integrator.c integrator_reserve", 0, 0),
)
_INTEGRATOR_AP = "arch/arm/mach-versatile/integrator_ap.c ap_io_desc"
_INTEGRATOR_CP = "arch/arm/mach-versatile/integrator_cp.c intcp_io_desc"
_TEGRA = "arch/arm/mach-tegra/io.c tegra_io_desc"
_CA9X4 = "arch/arm/mach-vexpress/ct-ca9x4.c ct_ca9x4_io_desc"
_V2M = (_map(0xF8000000, 0x10000000, 128 * KIB, "arch/arm/mach-vexpress/v2m.c v2m_io_desc"),)

MACHINES = (
    Machine("i.MX6 Quad/DualLite", ("fsl,imx6q", "fsl,imx6dl", "fsl,imx6qp"), options=("SOC_IMX6Q",),
            maps=((_map(0xF4000000, None, 4 * KIB, "arch/arm/mach-imx/platsmp.c scu_io_desc"),),),
            map_io_debug_ll=True, maps_need="SMP"),
    Machine("ARM-Versatile Express", machine_ids=(2272,), options=("ARCH_VEXPRESS",), cpu="cortex-a9",
            maps=(_V2M, (_map(0xF8E00000, 0x1E000000, 16 * KIB, _CA9X4), _map(0xF80E4000, 0x100E4000, 4 * KIB, _CA9X4),
                         _map(0xF8E0A000, 0x1E00A000, 4 * KIB, _CA9X4))), until=(3, 4)),
    Machine("ARM-Versatile Express", machine_ids=(2272,), options=("ARCH_VEXPRESS",), cpu="cortex-a9",
            maps=(_V2M, (_map(0xF8200000, 0x1E000000, 8 * KIB, _CA9X4),)), since=(3, 4), until=(3, 19)),
    Machine("ARM-Versatile", ("arm,versatile-ab", "arm,versatile-pb"), options=("ARCH_VERSATILE",), cpu="arm926ej-s",
            maps=((_map(0xF11E0000, 0x101E0000, 36 * KIB, "arch/arm/mach-versatile/versatile.c versatile_io_desc"),),),
            map_io_debug_ll=True, since=(4, 5)),
    Machine("ARM-IntegratorCP", ("arm,integrator-cp",), options=("ARCH_INTEGRATOR_CP",), cpu="arm926ej-s",
            maps=((_map(0xF1400000, 0x14000000, 4 * KIB, _INTEGRATOR_CP),
                   _map(0xF1600000, 0x16000000, 4 * KIB, _INTEGRATOR_CP),
                   _map(0xFCA00000, 0xCA000000, 4 * KIB, _INTEGRATOR_CP)),),
            reserve=_BELOW_PGD, since=(4, 16)),
    Machine("ARM-IntegratorAP", ("arm,integrator-ap",), options=("ARCH_INTEGRATOR_AP",), cpu="arm926ej-s",
            maps=((_map(0xF1400000, 0x14000000, 4 * KIB, _INTEGRATOR_AP),
                   _map(0xF1600000, 0x16000000, 4 * KIB, _INTEGRATOR_AP)),),
            reserve=_BELOW_PGD, since=(4, 16)),
    Machine("ARM RealView", ("arm,realview-eb", "arm,realview-pb1176", "arm,realview-pb11mp", "arm,realview-pba8",
                             "arm,realview-pbx"),
            options=("ARCH_REALVIEW",), dma_zone_size=256 * MIB),
    Machine("PXA25x (Sharp Zaurus and others)", ("marvell,pxa250",), (89, 373, 423, 424, 520, 543, 545),
            ("PXA25x",), "pxa25x", (_PXA, _PXA2XX), map_io_debug_ll=True, since=(3, 8)),
    Machine("PXA27x (Sharp Zaurus and others)", ("marvell,pxa270",), (406, 713, 729, 744, 831, 1757), ("PXA27x",),
            "pxa27x", (_PXA, _PXA2XX), map_io_debug_ll=True, since=(3, 8)),
    Machine("NVIDIA Tegra", ("nvidia,tegra20", "nvidia,tegra30", "nvidia,tegra114", "nvidia,tegra124"),
            options=("ARCH_TEGRA",),
            maps=((_map(0xFE200000, 0x60000000, MIB, _TEGRA), _map(0xFE000000, 0x70000000, MIB, _TEGRA),
                   _map(0xFE440000, 0x50040000, 16 * KIB, _TEGRA), _map(0xFE400000, 0x40000000, 256 * KIB, _TEGRA)),),
            map_io_debug_ll=True, since=(3, 10)),
    Machine("Xilinx Zynq", ("xlnx,zynq-7000",), options=("ARCH_ZYNQ",), cpu="cortex-a9",
            maps=((_map(0xF8F00000, 0xF8F00000, 256, "arch/arm/mach-zynq/common.c zynq_scu_map_io"),),),
            map_io_debug_ll=True,
            reserve=(MachineArea("the first 512 KiB, where DMA cannot work", "arch/arm/mach-zynq/common.c "
                                 "zynq_memory_init", 512 * KIB, 0, only_at=0),), since=(3, 12)),
    Machine("BCM2711", ("brcm,bcm2711",), options=("ARCH_BCM2835",), dma_zone_size=GIB),
    Machine("Highbank", ("calxeda,highbank", "calxeda,ecx-2000"), options=("ARCH_HIGHBANK", "ARM_LPAE"),
            dma_zone_size=4 * GIB),
    Machine("Keystone", ("ti,k2hk", "ti,k2e", "ti,k2l", "ti,k2g", "ti,keystone"), options=("ARCH_KEYSTONE", "ARM_LPAE"),
            dma_zone_size=2 * GIB),
)  # fmt: skip
"""Machines whose callbacks are known in full."""

CALLBACKS: dict[str, tuple[str, str]] = {
    "cirrus,ep7209": ("ARCH_CLPS711X", "map_io"),
    "cavium,cns3410": ("ARCH_CNS3XXX", "map_io"),
    "cavium,cns3420": ("ARCH_CNS3XXX", "map_io"),
    "ti,da850": ("ARCH_DAVINCI_DA850", "map_io"),
    "samsung,exynos3": ("ARCH_EXYNOS", "map_io"),
    "samsung,exynos4": ("ARCH_EXYNOS", "map_io"),
    "samsung,exynos5": ("ARCH_EXYNOS", "map_io"),
    "cortina,gemini": ("ARCH_GEMINI", "map_io"),
    "hisilicon,hi3620-hi4511": ("ARCH_HI3xxx", "map_io"),
    "fsl,imx27": ("SOC_IMX27", "map_io"),
    "fsl,imx31": ("SOC_IMX31", "map_io"),
    "fsl,imx35": ("SOC_IMX35", "map_io"),
    "intel,ixp42x": ("ARCH_IXP4XX", "map_io"),
    "intel,ixp43x": ("ARCH_IXP4XX", "map_io"),
    "intel,ixp45x": ("ARCH_IXP4XX", "map_io"),
    "intel,ixp46x": ("ARCH_IXP4XX", "map_io"),
    "nxp,lpc3220": ("ARCH_LPC32XX", "map_io"),
    "nxp,lpc3230": ("ARCH_LPC32XX", "map_io"),
    "nxp,lpc3240": ("ARCH_LPC32XX", "map_io"),
    "nxp,lpc3250": ("ARCH_LPC32XX", "map_io"),
    "mrvl,pxa168-aspenite": ("MACH_MMP_DT", "map_io"),
    "mrvl,pxa910-dkb": ("MACH_MMP_DT", "map_io"),
    "mrvl,mmp2": ("MACH_MMP2_DT", "map_io"),
    "marvell,mmp3": ("MACH_MMP3_DT", "map_io"),
    "marvell,armada-370-xp": ("ARCH_MVEBU", "reserve"),
    "st,nomadik-nhk-15": ("ARCH_NOMADIK", "map_io"),
    "calaosystems,usb-s8815": ("ARCH_NOMADIK", "map_io"),
    "ti,omap2420": ("ARCH_OMAP2", "map_io and reserve"),
    "ti,omap2430": ("ARCH_OMAP2", "map_io and reserve"),
    "ti,omap3": ("ARCH_OMAP3", "map_io and reserve"),
    "ti,omap3430": ("ARCH_OMAP3", "map_io and reserve"),
    "ti,omap3630": ("ARCH_OMAP3", "map_io and reserve"),
    "ti,omap36xx": ("ARCH_OMAP3", "map_io and reserve"),
    "ti,am3517": ("ARCH_OMAP3", "map_io and reserve"),
    "ti,dm814": ("SOC_TI81XX", "map_io and reserve"),
    "ti,dm816": ("SOC_TI81XX", "map_io and reserve"),
    "ti,am33xx": ("SOC_AM33XX", "map_io and reserve"),
    "ti,am43": ("SOC_AM43XX", "map_io"),
    "ti,omap4": ("ARCH_OMAP4", "map_io and reserve"),
    "ti,omap4430": ("ARCH_OMAP4", "map_io and reserve"),
    "ti,omap4460": ("ARCH_OMAP4", "map_io and reserve"),
    "ti,omap5": ("SOC_OMAP5", "map_io and reserve"),
    "ti,dra7": ("SOC_DRA7XX", "map_io and reserve"),
    "ti,dra72": ("SOC_DRA7XX", "map_io and reserve"),
    "marvell,orion5x": ("ARCH_ORION5X", "map_io"),
    "marvell,pxa300": ("PXA3xx", "map_io"),
    "marvell,pxa310": ("PXA3xx", "map_io"),
    "marvell,pxa320": ("PXA3xx", "map_io"),
    "realtek,rtd1195": ("ARCH_REALTEK", "reserve"),
    "samsung,s3c2416": ("ARCH_S3C24XX", "map_io"),
    "samsung,s3c6410": ("ARCH_S3C64XX", "map_io"),
    "samsung,s5pv210": ("ARCH_S5PV210", "map_io"),
    "renesas,r8a7790": ("ARCH_RCAR_GEN2", "reserve"),
    "renesas,r8a7791": ("ARCH_RCAR_GEN2", "reserve"),
    "renesas,r8a7792": ("ARCH_RCAR_GEN2", "reserve"),
    "renesas,r8a7793": ("ARCH_RCAR_GEN2", "reserve"),
    "renesas,r8a7794": ("ARCH_RCAR_GEN2", "reserve"),
    "st,spear1310": ("MACH_SPEAR1310", "map_io"),
    "st,spear1340": ("MACH_SPEAR1340", "map_io"),
    "st,spear300": ("MACH_SPEAR300", "map_io"),
    "st,spear310": ("MACH_SPEAR310", "map_io"),
    "st,spear320": ("MACH_SPEAR320", "map_io"),
    "st,spear600": ("ARCH_SPEAR6XX", "map_io"),
    "via,vt8500": ("ARCH_VT8500", "map_io"),
    "wm,wm8505": ("ARCH_VT8500", "map_io"),
    "wm,wm8650": ("ARCH_VT8500", "map_io"),
    "wm,wm8750": ("ARCH_VT8500", "map_io"),
    "wm,wm8850": ("ARCH_VT8500", "map_io"),
}
"""Root compatible string -> (option, callbacks) of machines whose callbacks exist but are not modelled."""

FLUSH_AREAS: dict[str, tuple[StaticMap, ...]] = {
    "ARCH_FOOTBRIDGE": (StaticMap(0xF9000000, 0x50000000, MIB, "CACHECLEAN", "mach-footbridge/include/mach/memory.h"),),
    "ARCH_RPC": (StaticMap(0xDF000000, 0x00000000, MIB, "CACHECLEAN", "mach-rpc/include/mach/memory.h"),),
    "ARCH_SA1100": (
        StaticMap(0xF5000000, 0xE0000000, MIB, "CACHECLEAN", "mach-sa1100/include/mach/memory.h"),
        StaticMap(0xF5100000, 0xE0100000, MIB, "MINICLEAN", "mach-sa1100/include/mach/memory.h"),
    ),
}
"""FLUSH_BASE and FLUSH_BASE_MINICACHE by the option of the machine family."""
