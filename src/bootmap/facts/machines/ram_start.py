"""Where RAM begins, by SoC: for device trees whose memory node the boot loader fills in or adds.

Most rows are what the memory nodes of other boards with that SoC say, in the trees of Linux 6.1 (arch/arm/boot/dts; of
each SoC all agree).  Allwinner's trees have no memory node: their rows are U-Boot's (include/configs/sunxi-common.h
CFG_SYS_SDRAM_BASE: 0x20000000 with MACH_SUN9I, 0x80000000 with MACH_SUNIV, which is none of these, else 0x40000000).
Marvell's PXA: the trees of aspenite and dkb have a node "memory" at 0, but without the device_type that the kernel
asks for (pxa168-aspenite.dts, pxa910-dkb.dts); arch/arm/mach-mmp/Makefile.boot has zreladdr 0x8000: 0 + TEXT_OFFSET.
"""

from __future__ import annotations

RAM_START: dict[str, int] = {
    "allwinner,sun4i-a10": 0x40000000,
    "allwinner,sun5i-a10s": 0x40000000,
    "allwinner,sun5i-a13": 0x40000000,
    "allwinner,sun6i-a31": 0x40000000,
    "allwinner,sun6i-a31s": 0x40000000,
    "allwinner,sun7i-a20": 0x40000000,
    "allwinner,sun8i-a23": 0x40000000,
    "allwinner,sun8i-a33": 0x40000000,
    "allwinner,sun8i-a83t": 0x40000000,
    "allwinner,sun8i-h2-plus": 0x40000000,
    "allwinner,sun8i-h3": 0x40000000,
    "allwinner,sun8i-r40": 0x40000000,
    "allwinner,sun8i-t113s": 0x40000000,
    "allwinner,sun8i-v3": 0x40000000,
    "allwinner,sun8i-v3s": 0x40000000,
    "allwinner,sun9i-a80": 0x20000000,
    "mrvl,pxa168": 0x0,
    "mrvl,pxa910": 0x0,
    "nextthing,gr8": 0x40000000,
    "aspeed,ast2400": 0x40000000,
    "aspeed,ast2500": 0x80000000,
    "aspeed,ast2600": 0x80000000,
    "fsl,imx51": 0x90000000,
    "fsl,imx53": 0x70000000,
    "fsl,imx6dl": 0x10000000,
    "fsl,imx6q": 0x10000000,
    "fsl,imx6qp": 0x10000000,
    "fsl,imx6sx": 0x80000000,
    "fsl,imx6ul": 0x80000000,
    "fsl,imx6ull": 0x80000000,
    "fsl,imx6ulz": 0x80000000,
    "fsl,imx7d": 0x80000000,
    "rockchip,rk3288": 0x0,
    "st,stm32mp151": 0xC0000000,
    "st,stm32mp153": 0xC0000000,
    "st,stm32mp157": 0xC0000000,
    "ti,am33xx": 0x80000000,
    "ti,omap3": 0x80000000,
}
"""A string of the root's compatible -> physical address of the first byte of RAM."""
