"""The numbers of ATAGs, the records that boot loaders passed before device trees.

Source: arch/arm/include/uapi/asm/setup.h.
"""

from __future__ import annotations

CORE = 0x54410001
MEM = 0x54410002
VIDEOTEXT = 0x54410003
RAMDISK = 0x54410004
INITRD = 0x54410005
SERIAL = 0x54410006
REVISION = 0x54410007
VIDEOLFB = 0x54410008
CMDLINE = 0x54410009
ACORN = 0x41000101
INITRD2 = 0x54420005
MEMCLK = 0x41000402
