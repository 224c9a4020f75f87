"""Machines: what their callbacks do to memory at boot, where it is small and known, and which have callbacks at all.

The table gathers the families' tables; here is what belongs to none of them, and the machines whose callbacks exist
but are not modelled.  A release of which the callbacks are not known in full is left to those.

Sources: arch/arm/mach-*/ (v6.1 unless a row says otherwise), arch/arm/tools/mach-types.
"""

from __future__ import annotations

from bootmap.spec.machine import Callback, FlushArea, Machine
from bootmap.spec.machines_arm import ARM_CALLBACKS, ARM_MACHINES
from bootmap.spec.machines_omap import OMAP_CALLBACKS, OMAP_MACHINES
from bootmap.spec.machines_samsung import SAMSUNG_CALLBACKS, SAMSUNG_MACHINES
from bootmap.spec.machines_soc import SOC_MACHINES
from bootmap.units import MIB

MACHINES: tuple[Machine, ...] = (*ARM_MACHINES, *OMAP_MACHINES, *SAMSUNG_MACHINES, *SOC_MACHINES)
"""Machines whose callbacks are known in full; of several that fit, the first holds."""

CALLBACKS: dict[str, Callback] = {
    **ARM_CALLBACKS,
    **OMAP_CALLBACKS,
    **SAMSUNG_CALLBACKS,
    "cirrus,ep7209": Callback("ARCH_CLPS711X", "map_io"),
    "cavium,cns3410": Callback("ARCH_CNS3XXX", "map_io"),
    "cavium,cns3420": Callback("ARCH_CNS3XXX", "map_io"),
    "ti,da850": Callback("ARCH_DAVINCI_DA850", "map_io"),
    "cortina,gemini": Callback("ARCH_GEMINI", "map_io"),
    "hisilicon,hi3620-hi4511": Callback("ARCH_HI3xxx", "map_io"),
    "fsl,imx27": Callback("SOC_IMX27", "map_io"),
    "fsl,imx31": Callback("SOC_IMX31", "map_io"),
    "fsl,imx35": Callback("SOC_IMX35", "map_io"),
    "intel,ixp42x": Callback("ARCH_IXP4XX", "map_io"),
    "intel,ixp43x": Callback("ARCH_IXP4XX", "map_io"),
    "intel,ixp45x": Callback("ARCH_IXP4XX", "map_io"),
    "intel,ixp46x": Callback("ARCH_IXP4XX", "map_io"),
    "nxp,lpc3220": Callback("ARCH_LPC32XX", "map_io"),
    "nxp,lpc3230": Callback("ARCH_LPC32XX", "map_io"),
    "nxp,lpc3240": Callback("ARCH_LPC32XX", "map_io"),
    "nxp,lpc3250": Callback("ARCH_LPC32XX", "map_io"),
    "mrvl,pxa168-aspenite": Callback("MACH_MMP_DT", "map_io"),
    "mrvl,pxa910-dkb": Callback("MACH_MMP_DT", "map_io"),
    "mrvl,mmp2": Callback("MACH_MMP2_DT", "map_io"),
    "marvell,mmp3": Callback("MACH_MMP3_DT", "map_io"),
    "marvell,armada-370-xp": Callback("ARCH_MVEBU", "reserve"),
    "st,nomadik-nhk-15": Callback("ARCH_NOMADIK", "map_io"),
    "calaosystems,usb-s8815": Callback("ARCH_NOMADIK", "map_io"),
    "marvell,orion5x": Callback("ARCH_ORION5X", "map_io"),
    "marvell,pxa300": Callback("PXA3xx", "map_io"),
    "marvell,pxa310": Callback("PXA3xx", "map_io"),
    "marvell,pxa320": Callback("PXA3xx", "map_io"),
    "realtek,rtd1195": Callback("ARCH_REALTEK", "reserve"),
    "renesas,r8a7790": Callback("ARCH_RCAR_GEN2", "reserve"),
    "renesas,r8a7791": Callback("ARCH_RCAR_GEN2", "reserve"),
    "renesas,r8a7792": Callback("ARCH_RCAR_GEN2", "reserve"),
    "renesas,r8a7793": Callback("ARCH_RCAR_GEN2", "reserve"),
    "renesas,r8a7794": Callback("ARCH_RCAR_GEN2", "reserve"),
    "st,spear1310": Callback("MACH_SPEAR1310", "map_io"),
    "st,spear1340": Callback("MACH_SPEAR1340", "map_io"),
    "st,spear300": Callback("MACH_SPEAR300", "map_io"),
    "st,spear310": Callback("MACH_SPEAR310", "map_io"),
    "st,spear320": Callback("MACH_SPEAR320", "map_io"),
    "st,spear600": Callback("ARCH_SPEAR6XX", "map_io"),
    "via,vt8500": Callback("ARCH_VT8500", "map_io"),
    "wm,wm8505": Callback("ARCH_VT8500", "map_io"),
    "wm,wm8650": Callback("ARCH_VT8500", "map_io"),
    "wm,wm8750": Callback("ARCH_VT8500", "map_io"),
    "wm,wm8850": Callback("ARCH_VT8500", "map_io"),
}
"""Root compatible string -> what is not modelled of its machine, for the releases that have no row in MACHINES."""

FLUSH_AREAS: dict[str, tuple[FlushArea, ...]] = {
    "ARCH_FOOTBRIDGE": (FlushArea(0xF9000000, 0x50000000, MIB, "CACHECLEAN", "mach-footbridge/include/mach/memory.h"),),
    "ARCH_RPC": (FlushArea(0xDF000000, 0x00000000, MIB, "CACHECLEAN", "mach-rpc/include/mach/memory.h"),),
    "ARCH_SA1100": (
        FlushArea(0xF5000000, 0xE0000000, MIB, "CACHECLEAN", "mach-sa1100/include/mach/memory.h"),
        FlushArea(0xF5100000, 0xE0100000, MIB, "MINICLEAN", "mach-sa1100/include/mach/memory.h"),
    ),
}
"""FLUSH_BASE and FLUSH_BASE_MINICACHE by the option of the machine family."""
