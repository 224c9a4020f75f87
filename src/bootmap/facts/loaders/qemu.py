"""QEMU as a boot loader (``-kernel``): where it puts things, and by what its device trees are known.

Source: QEMU 7.2 hw/arm/boot.c ``arm_setup_direct_kernel_boot``, ``arm_load_dtb``; softmmu/device_tree.c
``load_device_tree``.
"""

from __future__ import annotations

from bootmap.units import KIB, MIB

QEMU_KERNEL = 0x10000
"""Into RAM: where QEMU loads a zImage or Image."""
QEMU_INITRD_MOST = 128 * MIB
"""Into RAM: where QEMU puts the initrd, or half way where RAM is smaller than twice that."""
QEMU_ALIGN = 4 * KIB
"""The initrd, and the tree behind it, begin on a multiple of this."""
DTB_AT = QEMU_INITRD_MOST
"""Into RAM, or half way where there is less: the tree, behind the initrd where there is one."""
DTB_ALIGN = QEMU_ALIGN
TREE_ROOM = 10000
"""A tree from a file gets so many bytes more, and then twice as many in all, as its totalsize says ever after."""
MOST_ADDED = 8192
"""More than it adds to such a tree: /chosen, the memory node, /psci."""
MACHINES = ("linux,dummy-virt",)
"""Compatible strings of trees that it makes itself."""
