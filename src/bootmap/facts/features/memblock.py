"""What kernels do differently in memblock, and in what they log of memory: rows as in `features`.

Sources as there.
"""

from __future__ import annotations

from bootmap.facts.features.feature import Feature, also

_INIT = "arch/arm/mm/init.c"
_SETUP = "arch/arm/kernel/setup.c"
_FDT = "drivers/of/fdt.c"
_CMA = "mm/cma.c"
_MEMBLOCK = "mm/memblock.c"

MEMBLOCK_FEATURES = (
    Feature("memblock_as_lmb", "arrays never grow, addresses are 64 bits, added memory is cut to pages",
            f"{_MEMBLOCK} memblock_add_region, memblock_add", None, (2, 6, 37)),
    Feature("memblock_joins_overlaps", "a range that overlaps regions is joined with them, not listed beside them",
            f"{_MEMBLOCK} memblock_add_region, \"Properly handle overlaps and fix error path\"", (2, 6, 39)),
    Feature("memblock_pieces", "a range is added as the pieces not covered yet, and its size is capped",
            f"{_MEMBLOCK} memblock_add_region, memblock_cap_size", (3, 3)),
    Feature("memblock_size_rounded", "an allocation's size is rounded up to its alignment",
            f"{_MEMBLOCK} memblock_alloc_base_nid", None, (3, 14)),
    Feature("memblock_region_memory_reserved", "memblock_is_region_memory looks into the reserved regions",
            f"{_MEMBLOCK} memblock_is_region_memory", None, (2, 6, 38)),
    Feature("memblock_init_late", "arm_memblock_init begins with memblock_init, which lifts the limit on allocations "
            "until paging_init sets it again", f"{_INIT} arm_memblock_init (3.2.71 and 3.3 differ)", None, (3, 3)),
    Feature("memblock_trim", "regions can be trimmed to an alignment",
            f"{_MEMBLOCK} memblock_trim_memory, commit 6ede1fd3cb40 (3.4.4 lacks it, 3.4.111 has it)", (3, 7),
            also=also(v3_5=7, v3_4=111)),
    Feature("memblock_cap", "memory can be capped to a range",
            f"{_MEMBLOCK} memblock_cap_memory_range (posted until March 2017, in 4.11's time)", (4, 12)),
    Feature("memblock_flags", "regions have flags, and merge only where these are equal",
            f"{_MEMBLOCK} memblock_merge_regions", (3, 14)),
    Feature("memblock_nomap", "regions can be marked NOMAP", f"{_MEMBLOCK} memblock_mark_nomap", (4, 5)),
    Feature("memblock_bottom_up", "a search can start at the lowest address",
            f"{_MEMBLOCK} memblock_find_in_range_node", (3, 13)),
    Feature("memblock_bottom_up_above_kernel", "such a search starts above the kernel",
            f"{_MEMBLOCK} memblock_find_in_range_node, commit 2dcb39645441", (3, 13), (5, 11),
            except_from=also(v5_10=15, v5_4=97, v4_4=258)),
    Feature("memblock_zero_align", "an alignment of 0 means SMP_CACHE_BYTES",
            f"{_MEMBLOCK} memblock_alloc_range_nid, memblock_virt_alloc_internal", (3, 14)),
    Feature("memblock_array_pages", "a doubled region array takes whole pages, outside the range being reserved",
            f"{_MEMBLOCK} memblock_double_array (posted in June 2012 for 3.5; 3.4 lacks it)", (3, 5)),
    Feature("memblock_cap_ignores_empty", "capping to an empty range, or before there is memory, does nothing",
            f"{_MEMBLOCK} memblock_cap_memory_range, commits e888fa7bb882 and 5173ed72bcfc", (5, 15)),
    Feature("memblock_room_off_by_one", "64 regions take a range that needs 65 entries, a BUG",
            f"{_MEMBLOCK} memblock_add_range, commits 28e1a8f4b0ff to ad500fb2d11b", (6, 0), (6, 3)),
    Feature("memblock_merge_near", "merging looks only at the regions around a change",
            f"{_MEMBLOCK} memblock_merge_regions, commit 2fe03412e2e1", (6, 3)),
    Feature("memblock_rsrv_kern", "allocations are marked RSRV_KERN (6.15 and 6.17 differ)",
            f"{_MEMBLOCK} memblock_alloc_range_nid", (6, 16)),
    Feature("memblock_dummy_region", "an empty list counts one region of size 0", f"{_MEMBLOCK}", None, (6, 10)),
    Feature("memblock_resize_late", "the region arrays may grow from bootmem_init on; before, from the end of "
            "arm_memblock_init", f"{_INIT}", (3, 14)),
    Feature("steal_anywhere", "arm_memblock_steal takes from all of RAM, highmem too; else below the limit of lowmem",
            f"{_INIT} arm_memblock_steal (3.5 and 3.10 differ, 4.19 and 5.4 again)", (3, 10), (5, 1)),
    Feature("memblock_resize_panics", "a full array that cannot grow is a panic",
            f"{_MEMBLOCK} memblock_double_array, commit e96c6b8f212a (6.6 lacks it, reported against 6.7-rc)", (6, 7)),
)

LOG_FEATURES = (
    Feature("memblock_log_wide", "memblock=debug prints ranges with 14 digits, and flags", _MEMBLOCK, None, (4, 12)),
    Feature("memblock_log_calls", "memblock=debug names what is reserved and freed, and how much is reserved in all; "
            "before, the lists alone (3.2.71 and 3.3 differ)", _MEMBLOCK, (3, 3)),
    Feature("memblock_log_open", "it prints the address behind a range", _MEMBLOCK, None, (3, 14)),
    Feature("memblock_log_adds", "it names what is added (3.18 and 4.1 differ)", _MEMBLOCK, (4, 1)),
    Feature("memblock_log_removes", "it names what is removed (4.17 and 4.19 differ)", _MEMBLOCK, (4, 19)),
    Feature("memblock_log_free_indented", "memblock=debug sets memblock_free in by three blanks (5.4 and 5.10 differ)",
            f"{_MEMBLOCK} memblock_free", (4, 12), (5, 10)),
    Feature("memblock_phys_free", "memblock=debug says memblock_phys_free; before, memblock_free", _MEMBLOCK, (5, 16)),
    Feature("memblock_log_flags", "memblock=debug names __memblock_reserve, with node and flags (6.12 and 7.2 differ)",
            f"{_MEMBLOCK} __memblock_reserve", (6, 16)),
    Feature("log_fdt_prefix", "lines of the device tree's begin with \"OF: fdt: \" (4.9, 4.19 differ)", _FDT, (4, 11)),
    Feature("log_fdt_prefix_tight", "they begin with \"OF: fdt:\"", _FDT, (4, 6)),
    Feature("log_machine_model", "the log names the model apart from the machine", _FDT, (3, 14)),
    Feature("log_rmem_prefix", "lines of reserved memory begin with \"OF: reserved mem: \" (4.4.155 and 4.9 differ)",
            "drivers/of/of_reserved_mem.c pr_fmt", (4, 7)),
    Feature("log_rmem_for_all", "\"not enough space for all defined regions\"; before, without the \"for\"",
            "drivers/of/of_reserved_mem.c fdt_reserved_mem_save_node (patch of June 2020)", (5, 9)),
    Feature("log_rmem_size", "an area that is not allocated is logged with its size (5.18 and 6.1 differ)",
            "drivers/of/of_reserved_mem.c __reserved_mem_alloc_size", (6, 0)),
    Feature("log_cma_node", "the line about the default CMA area names the node (6.1, 6.12 and 7.2 differ)", _CMA,
            (6, 6), (6, 17)),
    Feature("log_zone_ranges", "the log has the zone ranges", f"{_INIT} zone_sizes_init", (5, 8)),
    Feature("log_zone_less_memmap", "zones are logged without the pages of their mem_map (3.6.11 so, 3.8.0 not)",
            "mm/page_alloc.c free_area_init_core, commit 9feedc9d831e", None, (3, 8)),
    Feature("log_all_pages_less_memmap", "\"Total pages\" leaves out those of lowmem's mem_map (6.6.30 so, 6.11 not)",
            "mm/mm_init.c free_area_init_core, calc_nr_kernel_pages", None, (6, 10)),
    Feature("iomem_code_to_init", "\"Kernel code\" in /proc/iomem ends at __init_begin, not _etext (4.4.155, 4.9)",
            f"{_SETUP} request_standard_resources, \"ARM: 8583/1\"", (4, 8)),
    Feature("layout_message", "the log has the virtual kernel memory layout (5.0 has it, 5.2 not)",
            f"{_INIT} mem_init, commit 1c31d4e96b8c", None, (5, 1)),
)
