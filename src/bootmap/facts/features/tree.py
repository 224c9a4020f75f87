"""What kernels do differently in the scan of the device tree and of ATAGs: rows as `table` explains."""

from __future__ import annotations

from bootmap.facts.features.feature import Feature, also

_SETUP = "arch/arm/kernel/setup.c"
_FDT = "drivers/of/fdt.c"

TREE_FEATURES = (
    Feature("memory_nodes_all_depths", "memory nodes count at any depth", f"{_FDT} early_init_dt_scan_memory",
            None, (5, 17)),
    Feature("memory_status", "a memory node that is disabled does not count", f"{_FDT} early_init_dt_scan_memory "
            "(5.15 and 5.18 differ)", (5, 18)),
    Feature("generic_add_memory", "memory nodes go through the generic early_init_dt_add_memory_arch",
            f"{_FDT} early_init_dt_add_memory_arch", (3, 16)),
    Feature("dt_memory_rounds_up", "an unaligned base is rounded up and the size shrinks, instead of masking both",
            f"{_FDT} early_init_dt_add_memory_arch", (3, 17)),
    Feature("dt_memory_last_byte", "RAM may end with the last byte of the address space; before, that byte is left out",
            f"{_FDT} early_init_dt_add_memory_arch (3.16 and 3.18 differ)", (3, 17)),
    Feature("dt_memory_needs_page", "a block of less than one page is ignored",
            f"{_FDT} early_init_dt_add_memory_arch", (3, 19)),
    Feature("hotpluggable", "hotpluggable memory nodes are flagged", f"{_FDT} early_init_dt_scan_memory", (4, 10)),
    Feature("rng_seed_taken", "/chosen/rng-seed is taken, and struck out of the tree",
            f"{_FDT} early_init_dt_scan_chosen, commit 428826f5358c", (5, 4)),
    Feature("usable_memory_range", "/chosen linux,usable-memory-range caps RAM",
            f"{_FDT} early_init_dt_check_for_usable_mem_range", (5, 15)),
    Feature("usable_memory_ranges", "several usable-memory ranges (5.18.12 and 5.19 differ)",
            f"{_FDT} early_init_dt_check_for_usable_mem_range", (5, 19)),
    Feature("usable_memory_length_fixed", "the length of usable-memory-range is compared in bytes",
            f"{_FDT} early_init_dt_check_for_usable_mem_range (6.18 and 6.19 differ)", (6, 19)),
    Feature("arm_add_memory_fixed", "a bank with an unaligned start loses the right number of bytes",
            f"{_SETUP} arm_add_memory", (3, 19)),
    Feature("truncate_at_4g", "a bank that wraps 32 bits is truncated, not lost",
            f"{_SETUP} arm_add_memory (3.3.8 and 3.4 differ)", (3, 4)),
    Feature("trim_below_phys_offset", "RAM below PHYS_OFFSET is ignored by arm_add_memory",
            f"{_SETUP} arm_add_memory", (3, 14), also=also(v3_12=0, v3_10=105)),
    Feature("mem_param_64", "mem= takes 64 bits of size and start, whatever phys_addr_t is (3.10.105 and 3.14 differ)",
            f"{_SETUP} early_mem, commit 6d7d5da7d75c", (3, 13)),
    Feature("memblock_holds_banks", "banks go straight into memblock; before, into struct meminfo",
            f"{_SETUP} arm_add_memory, commit 1c2f87c22566", (3, 16)),
)
