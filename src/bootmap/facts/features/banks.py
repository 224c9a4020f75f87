"""What kernels do differently with banks of RAM and with what is told of it beside them: rows as in `features`.

Sources as there.
"""

from __future__ import annotations

from bootmap.facts.features.feature import Feature

_INIT = "arch/arm/mm/init.c"
_MMU = "arch/arm/mm/mmu.c"
_SETUP = "arch/arm/kernel/setup.c"
_FDT = "drivers/of/fdt.c"

BANK_FEATURES = (
    Feature("banks_judged_by_physical", "banks are compared with the limit of lowmem by physical addresses; before, by "
            "virtual ones, which wrap", f"{_MMU} sanity_check_meminfo (3.10.105 and 3.12 differ)", (3, 11)),
    Feature("meminfo_sorted_first", "banks are sorted before they are judged",
            f"{_SETUP} setup_arch; {_INIT} arm_memblock_init before (3.2.71 and 3.4 differ)", (3, 3)),
    Feature("lowmem_limit_from_banks", "lowmem ends with its last bank; before, where it must end",
            f"{_MMU} sanity_check_meminfo (2.6.39 and 3.0.101 differ)", (3, 0)),
    Feature("bank_at_limit_is_highmem", "a bank that begins where lowmem must end is highmem",
            f"{_MMU} sanity_check_meminfo (2.6.39 and 3.0.101 differ)", (3, 0)),
    Feature("banks_beyond_4g_apart", "banks beyond 4 GiB are highmem, and highmem is not split",
            f"{_MMU} sanity_check_meminfo (3.2.71 and 3.4 differ)", (3, 3)),
    Feature("highmem_needs_tlb_broadcast", "an SMP kernel has no highmem on CPUs whose TLB operations stay local",
            f"{_MMU} sanity_check_meminfo (2.6.38 and 2.6.39 differ)", None, (2, 6, 39)),
    Feature("pa_is_wide", "__pa gives 64 bits with long descriptors; before, 32",
            "arch/arm/include/asm/memory.h __virt_to_phys (3.10.105 and 3.14.1 differ; commit f52bb722547f)", (3, 13)),
    Feature("initrd_phys_from_tree", "the tree's initrd is kept by its physical address; before, by its virtual one",
            f"{_FDT} early_init_dt_check_for_initrd, commit c756c592e442 (4.19 and 5.4 differ)", (5, 0)),
    Feature("reserve_refuses_overlap", "what the tree wants reserved is refused where some of it is reserved already, "
            "and at address 0", f"{_FDT} early_init_dt_reserve_memory_arch, __reserved_mem_reserve_reg (3.16.0 and "
            "3.18.140 differ; commit b5f2a8c02697)", (3, 15), (3, 17)),
    Feature("early_kmalloc_fails", "kmalloc long before there are slabs returns NULL; before, it is a data abort",
            "mm/slub.c slab_alloc_node (3.18.140 and 4.1.52 differ; commit 8135be5a8012)", (3, 19)),
)
