"""What kernels do differently in the bounds of lowmem: rows as `table` explains."""

from __future__ import annotations

from bootmap.facts.features.feature import Feature, also

_MMU = "arch/arm/mm/mmu.c"
_SETUP = "arch/arm/kernel/setup.c"

LOWMEM_FEATURES = (
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
    Feature("crashkernel_anywhere", "crashkernel= without a place is put as high as RAM goes, lowmem or not",
            "arch/arm/kernel/setup.c reserve_crashkernel, commits 61603016e212 and 67556d7a851c", (4, 7), (4, 12),
            kconfig=("KEXEC",)),
    Feature("early_alloc_panics", "early_alloc panics itself; before, memblock_alloc_base does",
            f"{_MMU} early_alloc, commit 8a7f97b902f4 (5.0 and 5.2 differ)", (5, 1)),
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
)
