"""What each kernel does differently: one row a rule, with the versions that have it and where that is seen.

Code asks ``kernel.has(name)`` and never compares versions.  A row holds for mainline versions
``since <= version < until``, for the stable series in ``also`` from the sublevel given there, and not for the
series in ``except_from``, which dropped it at that sublevel.  A row with ``kconfig`` holds only where the
options do (``!`` negates); its version range may be unbounded.

Sources are files and functions of the Linux tree in the versions on both sides of the boundary; a commit
is named where it is known.  Where a boundary falls between two trees that were read, the row says so.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from bootmap.spec.feature import Feature, also
from bootmap.spec.features_memblock import LOG_FEATURES, MEMBLOCK_FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD = "arch/arm/kernel/head.S"
_MMU = "arch/arm/mm/mmu.c"
_INIT = "arch/arm/mm/init.c"
_SETUP = "arch/arm/kernel/setup.c"
_FDT = "drivers/of/fdt.c"
_RMEM = "drivers/of/of_reserved_mem.c"
_CONTIG = "kernel/dma/contiguous.c (drivers/base/dma-contiguous.c before 4.20)"
_CMA = "mm/cma.c"
_ZHEAD = "arch/arm/boot/compressed/head.S"

FEATURES = (
    # -- what the configuration alone decides --------------------------------------------------------------
    Feature("lpae", "long descriptors", "arch/arm/mm/Kconfig ARM_LPAE", (3, 3), kconfig=("ARM_LPAE",)),
    Feature("highmem", "RAM above the lowmem limit is kept as highmem", "arch/arm/Kconfig HIGHMEM",
            kconfig=("HIGHMEM",)),
    Feature("smp", "the kernel can run on several CPUs", "arch/arm/Kconfig SMP", kconfig=("SMP",)),
    Feature("smp_on_up", "an SMP kernel patches itself for one CPU", f"{_HEAD} __fixup_smp",
            kconfig=("SMP", "SMP_ON_UP")),
    Feature("xip", "the kernel's text stays in flash", "arch/arm/Kconfig XIP_KERNEL", kconfig=("XIP_KERNEL",)),
    Feature("cma", "areas for contiguous DMA memory", _CONTIG, (3, 12), kconfig=("DMA_CMA",)),
    Feature("cma", "areas for contiguous DMA memory (the option was called CMA)", "drivers/base/Kconfig",
            (3, 5), (3, 12), kconfig=("CMA",)),
    Feature("debug_ll", "low-level debug UART", "arch/arm/Kconfig.debug DEBUG_LL", kconfig=("DEBUG_LL",)),
    Feature("kuser_helpers", "user helpers in the vectors page", "arch/arm/mm/Kconfig KUSER_HELPERS",
            (3, 11), also=also(v3_10=6), kconfig=("KUSER_HELPERS",)),
    Feature("kuser_option", "user helpers can be left out", "arch/arm/mm/Kconfig KUSER_HELPERS", (3, 11),
            also=also(v3_10=6)),
    Feature("kasan", "shadow memory of the address sanitizer", "arch/arm/mm/kasan_init.c", (5, 11),
            kconfig=("KASAN",)),
    Feature("final_permissions", "final permissions of the kernel image", f"{_INIT} section_perm (4.11+)",
            (4, 11), kconfig=("STRICT_KERNEL_RWX",)),
    Feature("final_permissions", "final permissions of the kernel image", f"{_INIT} section_perm (4.7-4.10)",
            (4, 7), (4, 11), kconfig=("DEBUG_RODATA",)),
    Feature("final_permissions", "final permissions of the kernel image", f"{_INIT} section_perm (3.19-4.6)",
            (3, 19), (4, 7), kconfig=("ARM_KERNMEM_PERMS",)),
    Feature("io_36", "36-bit device addresses: supersections in domain 0", "arch/arm/include/asm/domain.h",
            kconfig=("IO_36",)),
    Feature("sa1111", "RAM below the page directory is kept for DMA", f"{_MMU} arm_mm_memblock_reserve",
            kconfig=("SA1111",)),
    Feature("tcm", "tightly coupled memory is mapped", "arch/arm/kernel/tcm.c", kconfig=("HAVE_TCM",)),
    Feature("crash_dump", "elfcorehdr of a crash kernel", _FDT, (5, 15), kconfig=("CRASH_DUMP",)),
    # -- head.S ----------------------------------------------------------------------------------------------
    Feature("head_maps_from_page_offset", "the kernel is mapped from PAGE_OFFSET, not from its first section",
            f"{_HEAD} __create_page_tables (3.4 and 3.6 differ; a 3.5 vendor tree has the old form)", (3, 6)),
    Feature("idmap_turn_mmu_on", "the identity map covers __turn_mmu_on only, not __enable_mmu",
            f"{_HEAD} __create_page_tables", (3, 3)),
    Feature("kernel_sec", "head.S records where the kernel's sections begin and end",
            f"{_HEAD} kernel_sec_start, commit 6e121df14ccd", (5, 14)),
    Feature("params_first_section", "the first section of RAM is mapped for boot parameters",
            f"{_HEAD} __create_page_tables", None, (2, 6, 39)),
    Feature("params_one_section_or_first", "one section for r2, the first of RAM when r2 is 0",
            f"{_HEAD} __create_page_tables", (2, 6, 39), (3, 6)),
    Feature("params_one_section", "one section for r2", f"{_HEAD} __create_page_tables", (3, 6), (3, 8)),
    Feature("params_two_sections", "two sections for r2 in the linear map", f"{_HEAD} __create_page_tables",
            (3, 8), (5, 11), except_from=also(v5_10=38, v5_4=120)),
    Feature("params_two_sections_or_first", "two sections for r2 in the linear map, the first two of RAM when r2 is 0",
            f"{_HEAD} __create_page_tables (3.2.71, 3.4.111, 3.5.7; not 3.0.101)", (3, 5), (3, 6),
            also=also(v3_4=111, v3_2=71)),
    Feature("fdt_fixed_base", "two sections for r2 at 0xff800000; the blob is reserved first of all",
            f"{_HEAD}, arch/arm/include/asm/memory.h FDT_FIXED_BASE, commit 7a1be318f579 "
            "(Linux 5.4.120's announcement names it)", (5, 11),
            also=also(v5_10=38, v5_4=120)),
    Feature("debug_ll_one_section", "head.S maps one section for the debug UART", f"{_HEAD} (3.4 and 3.7 differ)",
            (3, 5)),
    Feature("phys_virt_2m", "PHYS_OFFSET is a multiple of 2 MiB where it is patched in; before, of 16 MiB",
            f"{_HEAD} __fixup_pv_table, arch/arm/kernel/phys2virt.S (5.10 and 5.12 differ), commit 9443076e4330",
            (5, 11)),
    Feature("vet_dtb", "head.S lets a device tree pass at r2", "arch/arm/kernel/head-common.S __vet_atags (2.6.38 and "
            "3.0 differ)", (3, 0)),
    Feature("fdt_checksum", "a checksum is taken over the whole blob as soon as it is found",
            f"{_FDT} early_init_dt_verify, commit 08d53aa58cb1 (3.18 and 4.1 differ)", (3, 19)),
    Feature("machine_dt_compat", "a machine description names the device trees it is for",
            "arch/arm/include/asm/mach/arch.h struct machine_desc (2.6.38 and 3.0 differ)", (3, 0)),
    Feature("patch_phys_virt", "the kernel adapts itself to where RAM begins", "arch/arm/Kconfig ARM_PATCH_PHYS_VIRT",
            (2, 6, 39), kconfig=("ARM_PATCH_PHYS_VIRT",)),
    Feature("atags_option", "ATAGs can be left out", "arch/arm/Kconfig ATAGS (3.5 and 3.10 differ)", (3, 7)),
    # -- the scan of the device tree and of ATAGs -----------------------------------------------------------
    Feature("memory_nodes_all_depths", "memory nodes count at any depth", f"{_FDT} early_init_dt_scan_memory",
            None, (5, 17)),
    Feature("memory_status", "a memory node that is disabled does not count", f"{_FDT} early_init_dt_scan_memory "
            "(5.15 and 5.18 differ)", (5, 18)),
    Feature("generic_add_memory", "memory nodes go through the generic early_init_dt_add_memory_arch",
            f"{_FDT} early_init_dt_add_memory_arch", (3, 16)),
    Feature("dt_memory_rounds_up", "an unaligned base is rounded up and the size shrinks, instead of masking both",
            f"{_FDT} early_init_dt_add_memory_arch", (3, 17)),
    Feature("dt_memory_needs_page", "a block of less than one page is ignored",
            f"{_FDT} early_init_dt_add_memory_arch", (3, 19)),
    Feature("hotpluggable", "hotpluggable memory nodes are flagged", f"{_FDT} early_init_dt_scan_memory", (4, 10)),
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
    Feature("memblock_holds_banks", "banks go straight into memblock; before, into struct meminfo",
            f"{_SETUP} arm_add_memory, commit 1c2f87c22566", (3, 16)),
    # -- reservations ---------------------------------------------------------------------------------------
    Feature("initrd_page_rounding", "the initrd's reservation is rounded to pages", f"{_INIT} arm_initrd_init",
            (4, 11)),
    Feature("initrd_must_be_memory", "an initrd outside RAM is disabled", f"{_INIT} arm_memblock_init", (3, 0)),
    Feature("fdt_reserve_self", "the blob is reserved apart from /memreserve/ and before it",
            f"{_FDT} early_init_fdt_reserve_self (4.1.5 and 4.2 differ)", (4, 2)),
    Feature("reserved_memory", "/reserved-memory is honoured", _RMEM, (3, 15)),
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
    # -- CMA ------------------------------------------------------------------------------------------------
    Feature("cma_generic", "areas are declared by mm/cma.c, which refuses one across the end of lowmem; before, any "
            "base and size are tried", f"{_CMA} cma_declare_contiguous, drivers/base/dma-contiguous.c "
            "dma_contiguous_reserve_area (3.16 and 3.18 differ)", (3, 17)),
    Feature("cma_checks_place", "an area whose place is not aligned or ends behind the limit is refused; before, its "
            "base is rounded up, and it may lie where no RAM is",
            f"{_CMA} cma_declare_contiguous (4.19.48 and 5.4 differ; seen in 4.14.177)", (4, 20), also=also(v4_14=177)),
    Feature("cma_align_max_order", "areas are aligned to twice the largest block of the buddy allocator",
            "drivers/base/dma-contiguous.c dma_declare_contiguous (3.5 and 3.10 differ)", (3, 5), (3, 6)),
    Feature("cma_high_first", "the default area tries highmem first", f"{_CMA} cma_declare_contiguous", (3, 18)),
    Feature("cma_limit_dma_only", "the limit is arm_dma_limit alone; before, lowmem too", f"{_INIT} "
            "arm_memblock_init", (3, 18)),
    Feature("cma_cmdline_beats_dt", "cma= makes a linux,cma-default node void (5.4 and 5.6 differ)",
            f"{_CONTIG} rmem_cma_setup", (5, 5)),
    Feature("cma_cmdline_base", "cma=size@base-limit", f"{_CONTIG} early_cma", (3, 16)),
    Feature("cma_cmdline_limit_wins", "a limit in cma= replaces the architecture's (6.14 and 6.17 differ)",
            _CONTIG, (6, 16)),
    Feature("cma_bottom_up_4g", "with RAM above 4 GiB an area is sought upwards from there first", _CMA, (5, 12)),
    Feature("cma_min_alignment", "areas are aligned to one pageblock (5.17 and 5.19 differ)",
            "include/linux/cma.h CMA_MIN_ALIGNMENT_BYTES", (5, 18)),
    Feature("cma_4g_first", "above 4 GiB is tried before highmem (6.1 and 6.11 differ)", f"{_CMA} "
            "cma_declare_contiguous_nid", (6, 6)),
    Feature("cma_4g_by_limit", "above 4 GiB is tried only where the limit allows it (6.12 and 6.18 differ)",
            f"{_CMA} cma_alloc_mem", (6, 17)),
    Feature("cma_fixup_at_reserve", "dma_contiguous_remap learns of a pool when it is reserved; before, from its "
            "driver, which 6.12 to 6.16 ask too late for static areas", f"{_RMEM} __reserved_mem_reserve_reg",
            (6, 17), also=also(v6_16=5, v6_12=45)),
    Feature("max_order_inclusive", "ARCH_FORCE_MAX_ORDER is the largest order itself, not one more",
            "include/linux/mmzone.h, commit 23baf831a32c", (6, 4)),
    Feature("rmem_dma_declare_option", "DMA pools need DMA_DECLARE_COHERENT", "kernel/dma/Kconfig", (5, 1)),
    # -- lowmem ---------------------------------------------------------------------------------------------
    Feature("sanity_in_setup_arch", "sanity_check_meminfo runs before the reservations", f"{_SETUP} setup_arch",
            (3, 0)),
    Feature("adjust_lowmem_bounds", "adjust_lowmem_bounds runs before and after the reservations",
            f"{_MMU} adjust_lowmem_bounds, commit 98562656b2cf (4.9.0 lacks it, 4.9.58 has it)", (4, 11),
            also=also(v4_9=58)),
    Feature("memblock_limit", "tables come only from memory up to the first unaligned bank",
            f"{_MMU} sanity_check_meminfo", (3, 11)),
    Feature("memblock_limit_pmd", "that limit is a multiple of 2 MiB; before, of a section", _MMU, (4, 1),
            also=also(v3_18=14)),
    Feature("memblock_limit_always_rounded", "the limit is rounded down also where no bank is unaligned",
            f"{_MMU} (seen in 4.9.58, 4.4.155, 4.1.52 and 3.18.140, not in 4.9.0)", (4, 12),
            also=also(v4_9=58, v4_4=155, v4_1=52, v3_18=140)),
    Feature("first_region_nomap", "an unaligned start of the first usable region becomes NOMAP",
            f"{_MMU} adjust_lowmem_bounds, commit 00d2ec1e6bd8", (5, 4), also=also(v5_3=5, v4_19=78, v4_14=148)),
    Feature("vmalloc_limit_u64", "the lowmem limit does not wrap 32 bits", _MMU, (4, 8)),
    Feature("vmalloc_size_symmetric", "vmalloc= and the default leave the same 8 MiB gap",
            f"{_MMU} early_vmalloc (5.12 and 5.14 differ)", (5, 13)),
    Feature("vmalloc_min_240m", "vmalloc gets 240 MiB by default; before, 128 MiB",
            f"{_MMU} vmalloc_min (3.2.71 and 3.3 differ)", (3, 3)),
    Feature("vmalloc_end_ff8", "vmalloc ends at 0xff800000", "arch/arm/include/asm/pgtable.h VMALLOC_END", (4, 4)),
    Feature("vmalloc_end_ff0", "vmalloc ends at 0xff000000; before, each machine had its own end",
            "arch/arm/include/asm/pgtable.h VMALLOC_END (3.2.71 and 3.3 differ)", (3, 3)),
    Feature("lowmem_limit_early", "memblock's limit is raised to the whole of lowmem after map_lowmem",
            f"{_MMU} paging_init", (4, 2)),
    Feature("mem_types_early", "the memory types are adjusted before the reservations; before, in paging_init",
            f"{_MMU} early_mm_init", (4, 12)),
    # -- memory types ---------------------------------------------------------------------------------------
    Feature("mt_memory_so", "MT_MEMORY_SO / MT_MEMORY_RW_SO exists", f"{_MMU} mem_types", (3, 2)),
    Feature("mt_memory_so_xn", "its section is execute-never", f"{_MMU} mem_types", (3, 8)),
    Feature("mt_memory_dma_ready", "MT_MEMORY_DMA_READY exists", f"{_MMU} mem_types", (3, 5)),
    Feature("mt_memory_dma_ready_xn", "its pages are execute-never", f"{_MMU} mem_types", (3, 14)),
    Feature("mt_memory_rwx_rw", "MT_MEMORY is split into RWX and RW", f"{_MMU} mem_types", (3, 14)),
    Feature("mt_memory_ro", "MT_MEMORY_RO exists and maps the device tree", f"{_MMU} mem_types, commit 598f0a99fa8a",
            (5, 19), also=also(v5_18=13, v5_15=56, v5_10=132, v5_4=207)),
    Feature("mt_memory_ro_long_rdonly", "its long sections are read-only", f"{_MMU} mem_types, commit 14ca1a469075",
            (6, 1), also=also(v5_15=75, v5_10=150, v5_4=220)),
    Feature("policy_from_procinfo", "cache policy and S bit follow the early tables",
            f"{_MMU} init_default_cache_policy", (3, 16)),
    Feature("policy_mask", "the whole memory type of the early long sections is looked at; before, all are writeback",
            f"{_MMU} init_default_cache_policy PMD_SECT_CACHE_MASK (4.4.155 and 4.9.0 differ)", (4, 9)),
    Feature("policy_message_3_13", "the policy line names ECC only where enabled", f"{_MMU} build_mem_type_table",
            (3, 13)),
    Feature("v6_vectors_mt", "ARMv6 vectors have a memory type of their own", f"{_MMU} build_mem_type_table, "
            "commit b6ccb9803e90 (seen in 3.12.24, 3.10.105, 3.2.71)", (3, 15),
            also=also(v3_12=24, v3_10=105, v3_2=71)),
    Feature("domain_vectors", "the vectors have domain 3; before, USER", "arch/arm/include/asm/domain.h", (4, 3)),
    Feature("vectors_wt_up", "vectors of v5+ on one CPU are write-through", f"{_MMU} build_mem_type_table "
            "(3.5 has it, 3.10 not)", None, (3, 6)),
    Feature("af_on_empty_sect", "the access flag is or-ed into empty section types too", f"{_MMU} "
            "build_mem_type_table", (3, 3), (3, 4)),
    Feature("lpae_rdonly_58", "L_PTE_RDONLY is a software bit in the long format; before, AP[2] itself",
            "pgtable-3level.h (3.16 and 3.18 differ; seen in 3.10.105 and 3.14.79)", (3, 17),
            also=also(v3_10=105, v3_14=79)),
    Feature("section_needs_prot_sect", "a type without prot_sect is never mapped by sections (3.4.4 and 3.5 differ)",
            f"{_MMU} alloc_init_section", (3, 5)),
    Feature("l_pte_none", "L_PTE_NONE hides a pte from the hardware", "pgtable-2level.h (seen in 3.2.71)", (3, 8),
            also=also(v3_2=71)),
    Feature("user_ro_clears_ap", "user read-only with CPU_USE_DOMAINS clears APX and AP0", "proc-macros.S "
            "armv6_set_pte_ext (3.14.1 has it, 3.16 not)", None, (3, 15),
            except_from=also(v3_12=24, v3_10=105, v3_2=71), kconfig=("CPU_USE_DOMAINS",)),
    Feature("ro_perms_ap2", "read-only sections of the long format carry AP2 too", f"{_INIT} ro_perms, \"ARM: 8722/1\" "
            "(seen in 4.14.177, 4.9.115, 4.4.155, 4.1.52)", (4, 15),
            also=also(v4_14=177, v4_9=115, v4_4=155, v4_1=52)),
    # -- paging_init ----------------------------------------------------------------------------------------
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
    Feature("memmap_offset_block", "mem_map is moved back by its first page's place in a buddy block, which is too "
            "little where RAM begins further above PHYS_OFFSET (4.1 and 4.4 differ)",
            "mm/page_alloc.c alloc_node_mem_map", (4, 2)),
    # -- zones ----------------------------------------------------------------------------------------------
    Feature("max_low_pfn_from_limit", "max_low_pfn is memblock's current limit", f"{_INIT} find_limits", (3, 16)),
    Feature("pfn_absolute", "max_low_pfn and max_pfn count from 0; before, from PHYS_OFFSET, and min_low_pfn stays 0",
            f"{_INIT} bootmem_init (3.12 and 3.14 differ)", (3, 13)),
    Feature("bootmem_bitmap", "bootmem_init allocates a bitmap for bootmem", f"{_INIT} arm_bootmem_init", None,
            (3, 14)),
    Feature("memmap_in_paging_init", "bootmem_init allocates the mem_map", f"{_INIT} bootmem_init", None, (7, 0)),
    Feature("arm_dma_zone_size", "ZONE_DMA's size is the machine's dma_zone_size; before, a constant of the platform",
            f"{_INIT} setup_dma_zone, arch/arm/mach-*/include/mach/memory.h ARM_DMA_ZONE_SIZE (3.0 and 3.2 differ)",
            (3, 1)),
    Feature("zones_by_max_pfn", "ZONE_DMA ends where its limit says, one page early; before, it has that many pages",
            f"{_INIT} zone_sizes_init, arm_adjust_dma_zone (5.4 and 5.10 differ)", (5, 8)),
    *MEMBLOCK_FEATURES,
    *LOG_FEATURES,
    # -- the decompressor -----------------------------------------------------------------------------------
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
    Feature("zimage_spares_itself", "zImage does not write its page tables over itself",
            f"{_ZHEAD}, commit 2874865c1271 (3.10 and 3.12 differ)", (3, 11)),
    Feature("zimage_atags_room_by_size", "the room to merge ATAGs follows the appended tree's size; before, 64 KiB",
            f"{_ZHEAD} (3.18 and 4.1 differ)", (4, 0)),
)  # fmt: skip

ROWS_BY_NAME: Mapping[str, tuple[Feature, ...]] = MappingProxyType(
    {name: tuple(row for row in FEATURES if row.name == name) for name in dict.fromkeys(row.name for row in FEATURES)}
)
"""A feature holds where any of its rows does: some rules came, went and came again."""

SECTIONS = (
    ("what the configuration decides", "lpae"),
    ("head.S", "head_maps_from_page_offset"),
    ("the device tree and ATAGs", "memory_nodes_all_depths"),
    ("reservations", "initrd_page_rounding"),
    ("contiguous memory", "cma_generic"),
    ("lowmem", "sanity_in_setup_arch"),
    ("memory types", "mt_memory_so"),
    ("paging_init", "lowmem_split_3_14"),
    ("zones", "max_low_pfn_from_limit"),
    ("memblock", "memblock_as_lmb"),
    ("the log", "memblock_log_wide"),
    ("the decompressor", "zimage_auto_phys_offset"),
)
"""Title of each part of the table, and the feature that it begins with."""
