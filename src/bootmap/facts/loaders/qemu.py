"""QEMU's own loader (``-kernel``): the addresses it is made of.

Source: QEMU hw/arm/boot.c ``arm_setup_direct_kernel_boot`` (7.2).
"""

from __future__ import annotations

from bootmap.units import KIB, MIB

QEMU_KERNEL = 0x10000
"""Into RAM: where QEMU loads a zImage or Image."""
QEMU_INITRD_MOST = 128 * MIB
"""Into RAM: where QEMU puts the initrd, or half way where RAM is smaller than twice that."""
QEMU_ALIGN = 4 * KIB
"""The initrd, and the tree behind it, begin on a multiple of this."""
