"""QEMU as a boot loader (``-kernel``): where it puts things, and by what its device trees are known.

Source: QEMU 7.2 hw/arm/boot.c ``arm_setup_direct_kernel_boot``, ``arm_load_dtb``; softmmu/device_tree.c
``load_device_tree``.
"""

from __future__ import annotations

from bootmap.units import MIB

DTB_AT = 128 * MIB
"""Into RAM, or half way where there is less; behind the initrd where there is one."""
DTB_ALIGN = 4096
TREE_ROOM = 10000
"""A tree from a file gets so many bytes more, and then twice as many in all, as its totalsize says ever after."""
MOST_ADDED = 8192
"""More than it adds to such a tree: /chosen, the memory node, /psci."""
MACHINES = ("linux,dummy-virt",)
"""Compatible strings of trees that it makes itself."""
