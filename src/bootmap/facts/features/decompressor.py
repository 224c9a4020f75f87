"""What kernels do differently in the decompressor: rows as `table` explains."""

from __future__ import annotations

from bootmap.facts.features.feature import Feature

_ZHEAD = "arch/arm/boot/compressed/head.S"

ZIMAGE_FEATURES = (
    Feature("zimage_auto_phys_offset", "zImage takes PHYS_OFFSET from where it runs (128 MiB granules)",
            f"{_ZHEAD} (2.6.35 and 2.6.38 differ)", (2, 6, 37), kconfig=("AUTO_ZRELADDR",)),
    Feature("zimage_checks_dt", "and checks it against the device tree's memory",
            "arch/arm/boot/compressed/fdt_check_mem_start.c, commit 0673cb38951215", (5, 12),
            kconfig=("USE_OF", "AUTO_ZRELADDR")),
    Feature("zimage_usable_range", "and against linux,usable-memory-range",
            "arch/arm/boot/compressed/fdt_check_mem_start.c, commit 48342ae751c7 (5.15 and 5.18 differ)", (5, 16)),
    Feature("zimage_moves_itself", "zImage copies itself out of the way; before, it unpacks behind itself and copies "
            "the kernel", f"{_ZHEAD}, commit 6d7d0ae51574", (2, 6, 39)),
    Feature("zimage_knows_size", "it knows the size of the unpacked kernel; before, it takes four times its own",
            f"{_ZHEAD} (2.6.39 and 3.0 differ)", (3, 0)),
    Feature("zimage_appended_dtb", "a device tree appended to zImage replaces r2", f"{_ZHEAD} (3.0 and 3.2 differ)",
            (3, 2), kconfig=("ARM_APPENDED_DTB",)),
    Feature("zimage_size_table", "a zImage tells how large the kernel in it is, and its bss",
            "arch/arm/boot/compressed/vmlinux.lds.S .table", (4, 15)),
    Feature("zimage_spares_itself", "zImage does not write its page tables over itself",
            f"{_ZHEAD}, commit 2874865c1271 (3.10 and 3.12 differ)", (3, 11)),
    Feature("zimage_atags_room_by_size", "the room to merge ATAGs follows the appended tree's size; before, 64 KiB",
            f"{_ZHEAD} (3.18 and 4.1 differ)", (4, 0)),
)
