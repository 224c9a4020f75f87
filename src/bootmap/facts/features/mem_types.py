"""What kernels do differently in the memory types: rows as `table` explains."""

from __future__ import annotations

from bootmap.facts.features.feature import Feature, also

_MMU = "arch/arm/mm/mmu.c"
_INIT = "arch/arm/mm/init.c"

MEM_TYPE_FEATURES = (
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
)
