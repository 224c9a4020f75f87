"""What kernels do differently in reservations before paging_init: rows as `table` explains."""

from __future__ import annotations

from bootmap.facts.features.feature import Feature, also

_INIT = "arch/arm/mm/init.c"
_FDT = "drivers/of/fdt.c"
_RMEM = "drivers/of/of_reserved_mem.c"
_CONTIG = "kernel/dma/contiguous.c (drivers/base/dma-contiguous.c before 4.20)"

RESERVE_FEATURES = (
    Feature("initrd_page_rounding", "the initrd's reservation is rounded to pages", f"{_INIT} arm_initrd_init",
            (4, 11)),
    Feature("initrd_must_be_memory", "an initrd outside RAM is disabled", f"{_INIT} arm_memblock_init", (3, 0)),
    Feature("crashkernel_finds_place", "crashkernel= without @OFFSET looks for a place itself",
            "arch/arm/kernel/setup.c reserve_crashkernel", (4, 7)),
    Feature("crashkernel_in_lowmem", "that place is in lowmem; before, it may be in highmem",
            "arch/arm/kernel/setup.c reserve_crashkernel", (4, 12)),
    Feature("crashkernel_rounds_ram", "RAM is rounded up to 128 MiB before crashkernel= looks for its range",
            "kernel/crash_core.c parse_crashkernel_mem (5.10 and 6.1 differ)", (6, 1)),
    Feature("iomem_skips_nomap", "/proc/iomem has no System RAM where memory is no-map; before, all of it",
            "arch/arm/kernel/setup.c request_standard_resources, commit b10d6bca8720", (5, 10)),
    Feature("fdt_reserve_self", "the blob is reserved apart from /memreserve/ and before it",
            f"{_FDT} early_init_fdt_reserve_self (4.1.5 and 4.2 differ)", (4, 2)),
    Feature("reserved_memory", "/reserved-memory is honoured", _RMEM, (3, 15)),
    Feature("rmem_pools", "a shared-dma-pool has drivers, for contiguous and coherent memory (3.16 and 3.18 differ)",
            f"{_CONTIG} rmem_cma_setup, drivers/base/dma-coherent.c rmem_dma_setup", (3, 18)),
    Feature("reserve_before_fdt", "the machine's reserve callback runs before the device tree's reservations",
            f"{_INIT} arm_memblock_init", (3, 15)),
    Feature("nomap_flag", "static no-map areas are flagged NOMAP; before, removed from memory",
            f"{_FDT} early_init_dt_reserve_memory, commit 86588296acbf", (5, 12), also=also(v5_10=20, v5_11=3)),
    Feature("nomap_checks_reserved", "a no-map area that is reserved already is refused",
            f"{_FDT} early_init_dt_reserve_memory_arch", (5, 12), also=also(v5_10=20, v5_11=3)),
    Feature("nomap_checks_memory", "that holds only for areas that are RAM",
            f"{_FDT} early_init_dt_reserve_memory, commit da17d6905d29", (5, 17), also=also(v5_16=3, v5_15=17)),
    Feature("dynamic_nomap_flag", "dynamic no-map areas are flagged NOMAP; before, removed from memory",
            f"{_RMEM} early_init_dt_alloc_reserved_memory_arch (5.12 and 5.14 differ)", (5, 13)),
    Feature("dynamic_anywhere", "a dynamic area may lie in highmem", f"{_RMEM} (4.4.1 lacks it, 4.4.155, 4.1.52 and "
            "3.18.140 have it)", (4, 5), also=also(v4_4=155, v4_1=52, v3_18=140)),
    Feature("dynamic_range_search", "alloc-ranges are searched; before, an area below the start was rejected",
            f"{_RMEM} (4.20 and 5.2 differ)", (5, 1)),
    Feature("dynamic_cma_align", "a shared-dma-pool is aligned for CMA", f"{_RMEM} (4.3 and 4.4.70 differ)", (4, 4)),
    Feature("dynamic_cma_align_reusable", "only reusable pools that are mapped are aligned for CMA", _RMEM, (4, 7)),
    Feature("dynamic_bottom_up", "bottom-up inside an alloc-range whose start touches a reserved entry",
            f"{_RMEM} __reserved_mem_alloc_in_range (6.4 and 6.6 differ)", (6, 6)),
    Feature("rmem_sorted", "reserved-memory nodes are handled sorted by base", f"{_RMEM} __rmem_check_for_overlap",
            (4, 4), (6, 12)),
    Feature("rmem_sort_size", "equal bases are ordered by size", f"{_RMEM} __rmem_cmp, commit ca05f3331655", (5, 10),
            (6, 12), also=also(v5_9=7, v5_4=76, v4_19=156)),
    Feature("rmem_sort_node", "equal areas are ordered by the node's place", f"{_RMEM} __rmem_cmp "
            "(6.4 and 6.6.9 differ)", (6, 6), (6, 12)),
    Feature("rmem_bottom_up_heapsort", "lib/sort uses bottom-up heapsort", "lib/sort.c, commit 22a241ccb2c1", (5, 2)),
    Feature("rmem_late_init", "drivers of reserved areas are set up after paging_init; dynamic areas at once",
            f"{_RMEM} fdt_scan_reserved_mem, commit 00c9a452a235", (6, 12)),
    Feature("rmem_table_32", "32 reserved areas", f"{_RMEM} MAX_RESERVED_REGIONS", (4, 15), also=also(v4_14=177)),
    Feature("rmem_table_64", "64 reserved areas (5.4 and 5.8 differ)", f"{_RMEM} MAX_RESERVED_REGIONS", (5, 5)),
    Feature("rmem_init_error_frees", "an area whose driver fails is given back (5.0 and 5.2 differ)", _RMEM, (5, 1)),
    Feature("rmem_first_reg_only", "only the first reg entry of an area counts; drivers may veto it",
            f"{_RMEM} (7.0 and 7.1 differ)", (7, 1)),
    Feature("elfcorehdr_first", "elfcorehdr is reserved before the nodes", f"{_FDT}", (6, 12)),
    Feature("elfcorehdr_before_dynamic", "elfcorehdr is reserved before dynamic areas are placed",
            f"{_FDT} early_init_fdt_scan_reserved_mem (5.15 and 5.18 differ)", (5, 18)),
    Feature("memreserve_last", "/memreserve/ comes after the areas that have a place; before, it came first",
            f"{_FDT} early_init_fdt_scan_reserved_mem, commit b41328187629 (6.1 and 6.11 differ)", (6, 4)),
)
