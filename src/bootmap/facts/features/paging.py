"""What kernels do differently in paging_init: rows as `table` explains."""

from __future__ import annotations

from bootmap.facts.features.feature import Feature, also

_MMU = "arch/arm/mm/mmu.c"
_INIT = "arch/arm/mm/init.c"

PAGING_FEATURES = (
    Feature("lowmem_split_3_14", "a region below or above the kernel's window is RWX", f"{_MMU} map_lowmem",
            (3, 14), (3, 19)),
    Feature("lowmem_split_3_19", "a region below the kernel's window is RWX, one above RW", f"{_MMU} map_lowmem",
            (3, 19), (5, 14)),
    Feature("map_kernel", "map_lowmem leaves the kernel's sections to map_kernel",
            f"{_MMU} map_kernel, commit 6e121df14ccd", (5, 14)),
    Feature("xip_map_kernel", "XIP text is mapped by map_kernel", f"{_MMU} map_kernel, commit ed6cbe6e5563", (6, 12),
            also=also(v6_11=11, v6_1=120, v5_15=174)),
    Feature("xip_exiprom", "an XIP image ends at _exiprom (4.5 and 4.7 differ)", f"{_MMU} prepare_page_table", (4, 6)),
    Feature("vectors_two_pages", "two pages of vectors", f"{_MMU} devicemaps_init, commit 19accfd373847", (3, 11),
            also=also(v3_10=6)),
    Feature("trap_init_in_devicemaps", "the vectors page is filled by devicemaps_init; before, at the end of "
            "setup_arch", f"{_MMU} devicemaps_init (3.3 and 3.4 differ)", (3, 4)),
    Feature("clear_from_vmalloc_start", "devicemaps_init clears from VMALLOC_START; before, from VMALLOC_END",
            f"{_MMU} devicemaps_init, prepare_page_table (3.2.71 and 3.3 differ)", (3, 3)),
    Feature("clear_keeps_fixmap", "devicemaps_init leaves the last 2 MiB alone", f"{_MMU} devicemaps_init", (4, 3)),
    Feature("early_fixmap", "early fixmap with a page table in the image", f"{_MMU} early_fixmap_init", (4, 3)),
    Feature("early_fixmap_always", "the early fixmap does not need FIX_EARLYCON_MEM", f"{_MMU}", (4, 5)),
    Feature("fixmap_ffc8", "the fixmap starts at 0xffc80000", "arch/arm/include/asm/fixmap.h", (5, 11),
            also=also(v5_10=38, v5_4=120)),
    Feature("fixmap_ffc0", "the fixmap starts at 0xffc00000; before, 0xfff00000", "arch/arm/include/asm/fixmap.h",
            (3, 16)),
    Feature("fixmap_table_always", "the fixmap has its own page table without HIGHMEM too", f"{_MMU} kmap_init",
            (3, 19)),
    Feature("fixmap_table_highmem", "the fixmap has its own page table with HIGHMEM", f"{_MMU} kmap_init", (3, 16)),
    Feature("devices_in_vmalloc", "device mappings belong into the vmalloc area; before, behind its end",
            f"{_MMU} create_mapping (3.2.71 and 3.3 differ)", (3, 3)),
    Feature("iotable_allocates", "iotable_init allocates vm structures", f"{_MMU} iotable_init (3.2.71 and 3.3 differ)",
            (3, 3)),
    Feature("static_vm", "these are struct static_vm; before, vm_struct", f"{_MMU} iotable_init", (3, 9)),
    Feature("vm_requested_size", "vm_struct has requested_size", "include/linux/vmalloc.h, commit a0309faf1cb0",
            (6, 15), also=also(v6_12=29)),
    Feature("pmd_gaps", "half-used pairs of descriptors are filled with placeholders", f"{_MMU} fill_pmd_gaps",
            (3, 5), also=also(v3_4=111)),
    Feature("pci_reserve_io", "PCI I/O space is reserved at 0xfee00000", f"{_MMU} pci_reserve_io", (3, 7),
            kconfig=("PCI", "!NEED_MACH_IO_H")),
    Feature("debug_ll_by_default", "a machine without map_io maps the debug UART", f"{_MMU} devicemaps_init", (3, 11)),
    Feature("debug_ll_iotable", "that goes through iotable_init", f"{_MMU} debug_ll_io_init", (3, 11)),
    Feature("tcm_in_paging_init", "tcm_init runs inside paging_init; before, after it", f"{_MMU} paging_init", (3, 9)),
    Feature("tcm_checks_code", "tightly coupled memory too small for what is linked to it is not mapped; before, a BUG",
            "arch/arm/kernel/tcm.c tcm_init (3.0 and 3.2 differ)", (3, 2)),
    Feature("zero_page_alloc", "the zero page is allocated by paging_init", f"{_MMU} paging_init", None, (7, 0)),
    Feature("free_area_in_paging_init", "paging_init sets up the page allocator's zones and mem_map; later "
            "mm_core_init_early does, behind setup_arch (6.18 and 7.2 differ)", f"{_INIT} zone_sizes_init", None,
            (7, 0)),
    Feature("memmap_memblock", "mem_map comes from memblock, not from bootmem (3.12 and 3.14 differ)",
            f"{_INIT} bootmem_init, arch/arm/Kconfig NO_BOOTMEM", (3, 14)),
    Feature("page_memcg", "struct page has a word for its memory cgroup (3.18 and 4.1 differ)",
            "include/linux/mm_types.h struct page", (3, 19), kconfig=("MEMCG",)),
    Feature("pageblock_skip_always", "a pageblock has 4 bits also without COMPACTION (3.14.1 and 3.16 differ)",
            "include/linux/pageblock-flags.h", (3, 15)),
    Feature("pageblock_isolate_bit", "it has 8 with MEMORY_ISOLATION (6.12 and 6.18 differ)",
            "include/linux/pageblock-flags.h", (6, 17)),
    Feature("zone_wait_table", "each zone has a table of those who wait for its pages (4.4.155 and 4.9 differ)",
            "mm/page_alloc.c zone_wait_table_init", None, (4, 9)),
    Feature("sparse_in_one_piece", "SPARSEMEM's struct pages are one allocation, aligned to those of a section",
            "mm/sparse.c sparse_buffer_init (5.4 and 5.10 differ)", (5, 8)),
    Feature("sparse_by_buffer", "SPARSEMEM's struct pages are one allocation of pages, of which each section takes an "
            "aligned piece; what is left over goes back (5.4 and 5.10 differ)",
            "mm/sparse.c sparse_buffer_init, sparse_buffer_alloc", (5, 4), (5, 8)),
    Feature("section_usage_rcu", "struct mem_section_usage begins with an rcu_head (5.15.100 lacks it; seen in "
            "5.10.262 and 6.1.192)", "include/linux/mmzone.h, commit 5ec8e8ea8b77", (6, 8),
            also=also(v6_1=192, v5_10=262)),
    Feature("memmap_offset_block", "mem_map is moved back by its first page's place in a buddy block, which is too "
            "little where RAM begins further above PHYS_OFFSET (4.1 and 4.4 differ)",
            "mm/page_alloc.c alloc_node_mem_map", (4, 2)),
)
