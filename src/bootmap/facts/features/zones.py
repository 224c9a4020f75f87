"""What kernels do differently in the zones: rows as `table` explains."""

from __future__ import annotations

from bootmap.facts.features.feature import Feature

_INIT = "arch/arm/mm/init.c"

ZONE_FEATURES = (
    Feature("max_low_pfn_from_limit", "max_low_pfn is memblock's current limit", f"{_INIT} find_limits", (3, 16)),
    Feature("pfn_absolute", "max_low_pfn and max_pfn count from 0; before, from PHYS_OFFSET, and min_low_pfn stays 0",
            f"{_INIT} bootmem_init (3.12 and 3.14 differ)", (3, 13)),
    Feature("bootmem_bitmap", "bootmem_init allocates a bitmap for bootmem", f"{_INIT} arm_bootmem_init", None,
            (3, 14)),
    Feature("arm_dma_zone_size", "ZONE_DMA's size is the machine's dma_zone_size; before, a constant of the platform",
            f"{_INIT} setup_dma_zone, arch/arm/mach-*/include/mach/memory.h ARM_DMA_ZONE_SIZE (3.0 and 3.2 differ)",
            (3, 1)),
    Feature("zones_by_max_pfn", "ZONE_DMA ends where its limit says, one page early; before, it has that many pages",
            f"{_INIT} zone_sizes_init, arm_adjust_dma_zone (5.4 and 5.10 differ)", (5, 8)),
)
