"""VMALLOC_END before 3.3: a constant of each platform, in a header that the kernel was built with.

A kernel of that time was built for one platform, which its configuration names.  at91's and davinci's are computed from
addresses that differ by SoC and are not here; nor are platforms of which no tree was read.

Sources: arch/arm/mach-*/include/mach/vmalloc.h and arch/arm/plat-*/include/.../vmalloc.h of 2.6.38, 3.0 and 3.2.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

VMALLOC_END_BY_PLATFORM: Mapping[str, int] = MappingProxyType(
    {
        "ARCH_AAEC2000": 0xD0000000,
        "ARCH_BCMRING": 0xF0000000,
        "ARCH_CLPS711X": 0xD0000000,
        "ARCH_CNS3XXX": 0xD8000000,
        "ARCH_DOVE": 0xFD800000,
        "ARCH_EBSA110": 0xDF000000,
        "ARCH_EP93XX": 0xFE800000,
        "ARCH_EXYNOS": 0xF6000000,
        "ARCH_EXYNOS4": 0xF6000000,
        "ARCH_FOOTBRIDGE": 0xF0000000,
        "ARCH_GEMINI": 0xF0000000,
        "ARCH_H720X": 0xD0000000,
        "ARCH_HIGHBANK": 0xFEE00000,
        "ARCH_INTEGRATOR": 0xD0000000,
        "ARCH_IOP13XX": 0xFA000000,
        "ARCH_IOP32X": 0xFE000000,
        "ARCH_IOP33X": 0xFE000000,
        "ARCH_IXP2000": 0xFB000000,
        "ARCH_IXP23XX": 0xEC000000,
        "ARCH_IXP4XX": 0xFF000000,
        "ARCH_KIRKWOOD": 0xFE800000,
        "ARCH_LH7A40X": 0xE8000000,
        "ARCH_LOKI": 0xFE800000,
        "ARCH_LPC32XX": 0xF0000000,
        "ARCH_MMP": 0xFE000000,
        "ARCH_MSM": 0xD0000000,
        "ARCH_MV78XX0": 0xFE000000,
        "ARCH_MXC": 0xF4000000,
        "ARCH_MXS": 0xF4000000,
        "ARCH_NETX": 0xD0000000,
        "ARCH_NOMADIK": 0xE8000000,
        "ARCH_NS9XXX": 0xF0000000,
        "ARCH_NUC93X": 0xE0000000,
        "ARCH_OMAP1": 0xD8000000,
        "ARCH_OMAP2PLUS": 0xF8000000,
        "ARCH_ORION5X": 0xFD800000,
        "ARCH_PICOXCELL": 0xFE000000,
        "ARCH_PNX4008": 0xD0000000,
        "ARCH_PRIMA2": 0xFEC00000,
        "ARCH_PXA": 0xE8000000,
        "ARCH_REALVIEW": 0xF8000000,
        "ARCH_RPC": 0xDC000000,
        "ARCH_S3C2410": 0xF6000000,
        "ARCH_S3C64XX": 0xF6000000,
        "ARCH_S5P64X0": 0xF6000000,
        "ARCH_S5PC100": 0xF6000000,
        "ARCH_S5PV210": 0xF6000000,
        "ARCH_S5PV310": 0xF6000000,
        "ARCH_SA1100": 0xE8000000,
        "ARCH_SHARK": 0xD0000000,
        "ARCH_SHMOBILE": 0xE6000000,
        "ARCH_STMP3XXX": 0xF0000000,
        "ARCH_TCC_926": 0xF0000000,
        "ARCH_TEGRA": 0xFE000000,
        "ARCH_U300": 0xFE800000,
        "ARCH_U8500": 0xF0000000,
        "ARCH_VERSATILE": 0xD8000000,
        "ARCH_VEXPRESS": 0xF8000000,
        "ARCH_VT8500": 0xD0000000,
        "ARCH_W90X900": 0xE0000000,
        "ARCH_ZYNQ": 0xE0000000,
        "PLAT_SPEAR": 0xF0000000,
    }
)
"""The option that picks the platform, without CONFIG_ -> its VMALLOC_END."""
