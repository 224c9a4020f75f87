"""Where CONFIG_VMSPLIT_* puts the border between user space and the kernel.

Source: arch/arm/Kconfig PAGE_OFFSET.
"""

from __future__ import annotations

VMSPLITS = {"VMSPLIT_3G": 0xC0000000, "VMSPLIT_3G_OPT": 0xB0000000, "VMSPLIT_2G": 0x80000000, "VMSPLIT_1G": 0x40000000}
"""Option -> PAGE_OFFSET, the highest first."""
PAGE_OFFSETS = tuple(VMSPLITS.values())
