"""What kernels do differently in areas for contiguous memory: rows as `table` explains."""

from __future__ import annotations

from bootmap.facts.features.feature import Feature, also

_INIT = "arch/arm/mm/init.c"
_RMEM = "drivers/of/of_reserved_mem.c"
_CONTIG = "kernel/dma/contiguous.c (drivers/base/dma-contiguous.c before 4.20)"
_CMA = "mm/cma.c"

CMA_FEATURES = (
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
)
