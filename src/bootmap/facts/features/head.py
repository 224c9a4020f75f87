"""What kernels do differently in head.S: the first page tables: rows as `table` explains."""

from __future__ import annotations

from bootmap.facts.features.feature import Feature, also

_HEAD = "arch/arm/kernel/head.S"
_FDT = "drivers/of/fdt.c"

HEAD_FEATURES = (
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
    Feature("unflatten_checks_header", "unflatten_device_tree looks at the blob's header with libfdt",
            f"{_FDT} __unflatten_device_tree, fdt_check_header (3.14 and 3.18 differ)", (3, 16)),
    Feature("fdt_checksum", "a checksum is taken over the whole blob as soon as it is found",
            f"{_FDT} early_init_dt_verify, commit 08d53aa58cb1 (3.18 and 4.1 differ)", (3, 19)),
    Feature("machine_dt_compat", "a machine description names the device trees it is for",
            "arch/arm/include/asm/mach/arch.h struct machine_desc (2.6.38 and 3.0 differ)", (3, 0)),
    Feature("patch_phys_virt", "the kernel adapts itself to where RAM begins", "arch/arm/Kconfig ARM_PATCH_PHYS_VIRT",
            (2, 6, 39), kconfig=("ARM_PATCH_PHYS_VIRT",)),
    Feature("atags_option", "ATAGs can be left out", "arch/arm/Kconfig ATAGS (3.5 and 3.10 differ)", (3, 7)),
)
