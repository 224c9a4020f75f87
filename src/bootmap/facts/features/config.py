"""What kernels do differently in what the configuration alone decides: rows as `table` explains."""

from __future__ import annotations

from bootmap.facts.features.feature import Feature, also

_HEAD = "arch/arm/kernel/head.S"
_MMU = "arch/arm/mm/mmu.c"
_INIT = "arch/arm/mm/init.c"
_FDT = "drivers/of/fdt.c"
_CONTIG = "kernel/dma/contiguous.c (drivers/base/dma-contiguous.c before 4.20)"
_CMA = "mm/cma.c"

CONFIG_FEATURES = (
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
    Feature("be8", "data in memory are big-endian, page tables among them", "arch/arm/mm/Kconfig CPU_ENDIAN_BE8",
            kconfig=("CPU_BIG_ENDIAN", "CPU_ENDIAN_BE8")),
    Feature("be32", "words have their bytes in the other order, as the CPU sees them (up to ARMv5)",
            "arch/arm/mm/Kconfig CPU_ENDIAN_BE32", kconfig=("CPU_BIG_ENDIAN", "CPU_ENDIAN_BE32")),
    Feature("efi_memory", "memory is what the UEFI map says where /chosen has one; the tree's nodes are dropped",
            "drivers/firmware/efi/efi-init.c reserve_regions, commit da58fb6571bf", (4, 5), kconfig=("EFI",)),
    Feature("efi_stub_in_place", "the zImage unpacks from where UEFI has loaded it; before, the stub moved it",
            "drivers/firmware/efi/libstub/arm32-stub.c, commit d0f9ca9be11f", (5, 9), kconfig=("EFI_STUB",)),
    Feature("efi_tree_limited", "the stub puts the tree below 512 MiB from the kernel; later, anywhere",
            "arch/arm/include/asm/efi.h efi_get_max_fdt_addr (5.10 and 6.1 differ)", None, (5, 12),
            kconfig=("EFI_STUB",)),
    Feature("efi_initrd_table", "the stub tells of an initrd in a table of its own, not in /chosen",
            "drivers/firmware/efi/efi.c efi_config_parse_tables, commit f4dc7fffa987", (6, 1), kconfig=("EFI",)),
    Feature("io_36", "36-bit device addresses: supersections in domain 0", "arch/arm/include/asm/domain.h",
            kconfig=("IO_36",)),
    Feature("sa1111", "RAM below the page directory is kept for DMA", f"{_MMU} arm_mm_memblock_reserve",
            kconfig=("SA1111",)),
    Feature("tcm", "tightly coupled memory is mapped", "arch/arm/kernel/tcm.c", kconfig=("HAVE_TCM",)),
    Feature("crash_dump", "elfcorehdr of a crash kernel", _FDT, (5, 15), kconfig=("CRASH_DUMP",)),
)
