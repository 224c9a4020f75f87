"""Whether the data cache of an ARM11 aliases: it does where one way is larger than a page, which its builder chooses.

The core's own register says it (CTR bit 23, "P"); arch/arm/kernel/setup.c ``cacheid_init`` prints it.  Sources: boot
logs that were made public, of the kernels named.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ALIASING_SOCS: Mapping[str, bool] = MappingProxyType(
    {
        # "PIPT / VIPT nonaliasing data cache": Raspberry Pi 1 and Zero, 3.18 to 6.18
        "brcm,bcm2835": False,
        # the same: AST2500 EVB, 4.6, 4.10 and 6.1
        "aspeed,ast2500": False,
        # "VIPT aliasing data cache": Nokia N810, 5.2-rc1
        "ti,omap2420": True,
    }
)
"""Compatible string of a SoC -> whether its ARM11's data cache aliases."""
QEMU_ALIASES = True
"""QEMU's ARM11s all have CTR 0x1dd20d2, whose bit 23 is set (target/arm; logs of raspi0 and romulus-bmc in QEMU)."""
