"""Where RAM begins on a SoC, by how its compatible string begins, for trees that leave memory to the boot loader.

Sources: the memory nodes of Linux 6.1's other trees for the same SoC; where there are none, 3.10's
arch/arm/mach-*/Makefile.boot (vt8500, mmp) and U-Boot's CFG_SYS_SDRAM_BASE (include/configs/sunxi-common.h, rpi.h).
The first match counts.
"""

from __future__ import annotations

RAM_BASE: tuple[tuple[str, int], ...] = (
    ("allwinner,sun9i", 0x20000000),
    ("allwinner,", 0x40000000),
    ("nextthing,", 0x40000000),
    ("st,stm32mp", 0xC0000000),
    ("fsl,imx51", 0x90000000),
    ("fsl,imx53", 0x70000000),
    ("fsl,imx6dl", 0x10000000),
    ("fsl,imx6q", 0x10000000),
    ("fsl,imx6", 0x80000000),
    ("fsl,imx7", 0x80000000),
    ("ti,", 0x80000000),
    ("aspeed,ast2400", 0x40000000),
    ("aspeed,", 0x80000000),
    ("brcm,bcm2", 0x00000000),
    ("rockchip,rk3288", 0x00000000),
    ("rockchip,", 0x60000000),
    ("samsung,exynos", 0x40000000),
    ("amlogic,", 0x40000000),
    ("xlnx,zynq", 0x00000000),
    ("altr,socfpga", 0x00000000),
    ("marvell,armada", 0x00000000),
    ("marvell,kirkwood", 0x00000000),
    ("mrvl,", 0x00000000),
    ("via,", 0x00000000),
    ("wm,", 0x00000000),
)
