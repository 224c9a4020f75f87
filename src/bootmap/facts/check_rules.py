"""What a check of a board before its first boot looks for: one row a rule.  How each is looked for is in ``checks``.

Ids never change.  A finding may be graded otherwise than its rule where the case is worse or better; it then says so.
"""

from __future__ import annotations

from msgspec import Struct

from bootmap.facts.audit_rules import Severity

_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.NOTE


class CheckRule(Struct, frozen=True):
    """One thing that a check looks for.

    Attributes:
        id: short name that never changes.
        severity: ERROR where the boot fails, or RAM or the initrd is lost; WARNING where something is worse than it
            needs to be, or likely to fail; NOTE for what only looks bad.
        title: what is found, in a few words.
        help: why it matters, how it comes about, and since which version.
        reference: where in the kernel that is.
        example: a board or a report in which it was seen; "" for none.
        hazards: ids of the boot's hazards that this rule reports.
    """

    id: str
    severity: Severity
    title: str
    help: str
    reference: str
    example: str = ""
    hazards: tuple[str, ...] = ()


RULES: tuple[CheckRule, ...] = (
    # -- where things are loaded -----------------------------------------------------------------------------------
    CheckRule(
        "ram-below-phys-offset", _E, "RAM below PHYS_OFFSET is lost",
        "A zImage with CONFIG_AUTO_ZRELADDR takes the address where it runs, rounded down to 128 MiB, for the start of "
        "RAM. Whatever lies below is never used. From 5.11 on it looks into the device tree first, and keeps the "
        "rounded address only where a memory node holds it.",
        "arch/arm/boot/compressed/head.S, fdt_check_mem_start.c; drivers/of/fdt.c early_init_dt_add_memory_arch()",
        "Tegra20 with the zImage at 0x17000000: 256 of 512 MiB", ("ram-below-phys-offset",),
    ),
    CheckRule(
        "dtb-unmapped", _E, "the device tree is not mapped when the kernel reads it",
        "Before 5.11 (and 5.10.38, 5.4.120) the kernel reads the device tree through the linear map: it must lie at or "
        "above PHYS_OFFSET, below the end of lowmem and outside no-map areas. Later kernels map it apart at "
        "0xff800000. "
        "The fault is at a virtual address, in fdt_check_header, usually without a word on the console.",
        "arch/arm/kernel/setup.c setup_arch(); drivers/of/fdt.c; commit 7a1be318f579",
        "U-Boot puts the tree at the end of 1 GiB of RAM (fdt_high unset)", ("dtb-unmapped", "params-unmapped"),
    ),
    CheckRule(
        "dtb-overwritten", _E, "the device tree is overwritten before it is read",
        "The zImage unpacks the kernel to PHYS_OFFSET + TEXT_OFFSET, puts its page tables 16 KiB below, and "
        "first moves "
        "itself out of the way; then the kernel clears its bss. Nobody looks whether the device tree is there.",
        "arch/arm/boot/compressed/head.S; arch/arm/kernel/head-common.S __mmap_switched",
        "Raspberry Pi: a tree of more than 0x3f00 bytes at 0x100",
        ("decompressor-overwrites-dtb", "kernel-overwrites-dtb", "head-overwrites-dtb", "zimage-overlaps-dtb",
         "kernel-overlaps-dtb"),
    ),
    CheckRule(
        "initrd-overwritten", _E, "the initrd is overwritten before it is read",
        "As for the device tree. The kernel boots, and finds a damaged initrd: \"Initramfs unpacking failed\", or no "
        "root file system.",
        "arch/arm/boot/compressed/head.S; arch/arm/kernel/head-common.S __mmap_switched",
        "QNAP TS-219: initrd at 0xa00000, a zImage of 2 MiB moves itself to 0x864800-0xa5f73f",
        ("decompressor-overwrites-initrd", "kernel-overwrites-initrd", "head-overwrites-initrd",
         "zimage-overlaps-initrd"),
    ),
    CheckRule(
        "initrd-disabled", _E, "the kernel gives up its initrd",
        "The initrd must be all in memory that the kernel keeps (without HIGHMEM: below the end of lowmem) and clear "
        "of everything reserved before it. Else the kernel prints \"is not a memory region\" or \"overlaps in-use "
        "memory region\" and goes on without.",
        "arch/arm/mm/init.c arm_memblock_init(), arm_initrd_init(); drivers/of/fdt.c",
        "Raspberry Pi 2 without HIGHMEM: the firmware puts the initrd at the top of RAM",
        ("initrd-disabled", "initrd-unmapped"),
    ),
    CheckRule(
        "initrd-ignored", _E, "the kernel has no CONFIG_BLK_DEV_INITRD",
        "It never looks at the initrd and uses its memory for something else.",
        "init/Kconfig BLK_DEV_INITRD", hazards=("initrd-ignored",),
    ),
    CheckRule(
        "payloads-overlap", _E, "the device tree and the initrd lie in one place",
        "The one that was loaded first is damaged by the other.",
        "Documentation/arch/arm/booting.rst", hazards=("dtb-overlaps-initrd",),
    ),
    CheckRule(
        "reserved-overwritten", _W, "a reserved area is overwritten before the kernel can keep it",
        "The decompressor and head.S write to their places whatever the tree reserves there: firmware, logs or frame "
        "buffers in it are gone.",
        "arch/arm/boot/compressed/head.S",
        hazards=("decompressor-overwrites-reserved", "kernel-overwrites-reserved", "head-overwrites-reserved"),
    ),
    CheckRule(
        "zimage-overwrites-itself", _E, "the zImage destroys itself",
        "The decompressor puts its page tables, or an appended tree's room, over code that it still needs.",
        "arch/arm/boot/compressed/head.S", hazards=("decompressor-overwrites-itself",),
    ),
    CheckRule(
        "decompressor-outside-ram", _E, "the decompressor writes to where there is no RAM",
        "It moves itself and unpacks without a look at the memory nodes.",
        "arch/arm/boot/compressed/head.S", hazards=("decompressor-outside-ram",),
    ),
    CheckRule(
        "little-headroom", _W, "the next kernel may not fit",
        "What lies behind the kernel, its zImage and its heap is free for less than 1 MiB (a section, to "
        "which an image "
        "with STRICT_KERNEL_RWX is rounded) or a tenth of the kernel: an update of the kernel overwrites it.",
        "arch/arm/boot/compressed/head.S; Documentation/arch/arm/booting.rst",
        "WD MyCloud: 31 KiB more of zImage and the ramdisk was gone",
    ),
    CheckRule(
        "params-rejected", _E, "the kernel finds no device tree or ATAG list at r2",
        "__vet_atags takes what is at r2 only where it begins with the magic of one of them and is aligned. Else the "
        "kernel stops, or takes the 16 MiB of the default tags.",
        "arch/arm/kernel/head-common.S __vet_atags; arch/arm/kernel/atags_parse.c",
        hazards=("params-rejected",),
    ),
    CheckRule(
        "phys-offset-mismatch", _E, "the kernel cannot run where it was loaded",
        "Without ARM_PATCH_PHYS_VIRT the start of RAM is built in; with it, it must be a multiple of 16 MiB "
        "(2 MiB from "
        "5.11 on).",
        "arch/arm/kernel/head.S __fixup_pv_table, phys2virt.S",
        hazards=("phys-offset-mismatch", "phys-offset-unaligned"),
    ),
    CheckRule(
        "uboot-environment", _E, "U-Boot's variables do not say what was meant",
        "U-Boot reads addresses and sizes as hexadecimal, with or without 0x, up to the first other character: 256M is "
        "0x256. It does not start a kernel that lies in memory which is reserved or where fdt_high leaves no room.",
        "lib/strto.c simple_strtoul(); boot/image-fdt.c boot_relocate_fdt(); boot/bootm.c of U-Boot",
        "bootm_size=256M",
    ),
    CheckRule(
        "guess-decides", _W, "it hangs on a value that nobody gave",
        "What was not given was guessed, and with another value that may well be the boot dies, or RAM is lost: "
        "PHYS_OFFSET where RAM does not begin on a multiple of 128 MiB, which is where a zImage up to 5.11 looks; the "
        "device tree, which U-Boot moves to the end of RAM where neither fdt_high nor bootm_size says otherwise; "
        "the data cache of an ARM11, which aliases where it is larger than 16 KiB.",
        "arch/arm/boot/compressed/head.S; arch/arm/kernel/setup.c cacheid_init(); boot/image-fdt.c boot_relocate_fdt() "
        "of U-Boot",
        "Netgear R7800: RAM from 0x42000000 on; boards with 1 GiB and Linux 5.4.50",
    ),
    # -- RAM -------------------------------------------------------------------------------------------------------
    CheckRule(
        "no-memory", _E, "no RAM reaches the kernel",
        "No memory node, none with a size, or all of it was refused: the first allocation panics with \"Failed to "
        "allocate\" and a limit of 0.",
        "drivers/of/fdt.c early_init_dt_scan_memory(); arch/arm/mm/mmu.c early_alloc()",
        "USB armory behind OP-TEE: the memory node was gone", ("no-lowmem",),
    ),
    CheckRule(
        "memory-size-unknown", _I, "a memory node has no size",
        "reg = <0 0>, or a node without reg: the boot loader fills it in. Without that the kernel has no RAM.",
        "drivers/of/fdt.c early_init_dt_scan_memory()", "most trees of phones, a third of Linux's own",
    ),
    CheckRule(
        "mem-parameter", _E, "mem= says something else than was meant",
        "mem=SIZE@START counts bytes: mem=256 is 256 bytes. It replaces what the boot loader declared. Without LPAE an "
        "address or size beyond 32 bits is cut to its low half.",
        "arch/arm/kernel/setup.c early_mem(); lib/cmdline.c memparse()", "vexpress with mem=256",
        ("mem-beyond-4g",),
    ),
    CheckRule(
        "memory-not-there", _E, "RAM is promised that the board may not have",
        "The memory nodes and mem= are believed. What they promise beyond the board's RAM is handed out all the same; "
        "with --ram it is known that nothing is there.",
        "arch/arm/kernel/setup.c early_mem()", hazards=("memory-not-there", "ram-missing"),
    ),
    CheckRule(
        "memory-disagrees", _W, "the device tree, mem= and the board's RAM disagree",
        "The tree, the command line and what is known of the board (--ram) tell of different RAM. It is an error where "
        "the kernel takes it for RAM and will hand it out.",
        "arch/arm/kernel/setup.c early_mem(); drivers/of/fdt.c",
    ),
    CheckRule(
        "memory-over-devices", _E, "a memory node covers the registers of devices",
        "The kernel takes the node's word: registers are mapped as cached RAM and handed out as memory. Usually the "
        "memory node is larger than the board's RAM window.",
        "drivers/of/fdt.c early_init_dt_scan_memory()", "versatilepb with 1 GiB: registers at 0x10000000",
    ),
    CheckRule(
        "first-bank-unaligned", _E, "RAM begins between two 2 MiB boundaries",
        "Up to 5.3 early allocations must then come from below RAM, where there is none, and the first one "
        "fails. Linux "
        "5.4, 5.3.5, 4.19.78 and 4.14.148 give up the sliver instead.",
        "arch/arm/mm/mmu.c adjust_lowmem_bounds(); commit 00d2ec1e6bd8",
        "Raspberry Pi 2 with its first 4 KiB no-map", ("first-bank-unaligned",),
    ),
    CheckRule(
        "carveout-odd-mib", _W, "RAM is lost to rounding",
        "Lowmem must end on a multiple of 2 MiB. Without usable highmem everything behind is removed, so that an area "
        "which begins on an odd MiB costs a MiB of RAM.",
        "arch/arm/mm/mmu.c adjust_lowmem_bounds()", "Romulus BMC: 1 MiB at 0x9ee00000", ("lowmem-rounded",),
    ),
    CheckRule(
        "ram-beyond-lowmem", _W, "RAM does not fit into lowmem and is not used",
        "Lowmem ends where the vmalloc area begins. Without CONFIG_HIGHMEM, or where the data cache is VIPT "
        "and aliases, "
        "RAM beyond is removed.",
        "arch/arm/mm/mmu.c adjust_lowmem_bounds(), sanity_check_meminfo(); arch/arm/Kconfig VMSPLIT",
        "Raspberry Pi 2: 176 MiB; LS1021A: 256 MiB",
    ),
    CheckRule(
        "ram-beyond-4g", _W, "RAM above 4 GiB is not used",
        "Only a kernel with CONFIG_ARM_LPAE has addresses of more than 32 bits, and only Cortex-A7, A12, A15, A17 and "
        "ARMv8 cores run it.",
        "drivers/of/fdt.c early_init_dt_add_memory_arch()", "Tegra K1 with 4 GiB: 2 GiB",
    ),
    CheckRule(
        "vmalloc-cost", _W, "vmalloc= costs lowmem",
        "Every MiB of vmalloc= above the default is taken from lowmem; without HIGHMEM that RAM is lost.",
        "arch/arm/mm/mmu.c early_vmalloc()", "RIoTboard with vmalloc=400M",
    ),
    CheckRule(
        "little-lowmem", _W, "little lowmem is left for the kernel",
        "mem_map (of all RAM, highmem too), the kernel, CMA, reserved areas and swiotlb all come from lowmem. CMA can "
        "hold only movable pages, so what is left of lowmem without it is all that drivers and file systems get.",
        "mm/mm_init.c alloc_node_mem_map(); kernel/dma/contiguous.c; kernel/dma/swiotlb.c",
        "Raspberry Pi 4 with 8 GiB and cma-512",
    ),
    CheckRule(
        "bank-twice", _W, "RAM is declared twice",
        "Two memory nodes or banks overlap: memblock merges them; before 2.6.39 free_bootmem stops with a BUG.",
        "mm/memblock.c memblock_add_range()", hazards=("bank-twice",),
    ),
    CheckRule(
        "uefi-map", _W, "memory comes from a UEFI map that is not known",
        "The kernel drops the tree's memory nodes and takes the firmware's map.",
        "drivers/firmware/efi/efi-init.c efi_init()", hazards=("uefi-map",),
    ),
    CheckRule(
        "dma-window", _W, "devices do not reach all RAM",
        "dma-ranges of a bus tells which addresses its devices reach. With neither a DMA zone as small as that nor "
        "LPAE's swiotlb, the kernel hands them memory beyond.",
        "arch/arm/mm/init.c setup_dma_zone(), zone_sizes_init(); drivers/of/address.c of_dma_get_max_cpu_address()",
        "Raspberry Pi 4: PCIe and the old peripherals reach the first GiB",
    ),
    # -- reserved memory -------------------------------------------------------------------------------------------
    CheckRule(
        "reserved-memory-ignored", _E, "/reserved-memory is ignored as a whole",
        "Its #address-cells and #size-cells must be those of the root, and it must have an empty ranges: "
        "else \"unsupported "
        "node format, ignoring\", and all its areas are plain RAM.",
        "drivers/of/of_reserved_mem.c __reserved_mem_check_root()", "OP-TEE's own /reserved-memory",
        ("reserved-memory-ignored",),
    ),
    CheckRule(
        "reserved-memory-full", _W, "more reserved areas than the kernel holds",
        "16 areas before 4.15, 32 before 5.5, 64 before 6.12: those beyond are taken out of memory, but no "
        "driver finds them.",
        "drivers/of/of_reserved_mem.c MAX_RESERVED_REGIONS", "IPQ5018 with 18 areas on 4.4",
        ("reserved-memory-full",),
    ),
    CheckRule(
        "reserved-memory-overlap", _W, "two reserved areas overlap",
        "\"OVERLAP DETECTED!\": both are kept, and both drivers use the same bytes.",
        "drivers/of/of_reserved_mem.c __rmem_check_for_overlap()", "IPQ5018: q6_code_data and q6_mem_regions",
        ("reserved-memory-overlap",),
    ),
    CheckRule(
        "reserved-area-refused", _W, "a reserved area is not made",
        "It overlaps what is reserved already, cannot be kept, or its driver refuses it (alignment, no-map against "
        "reusable).",
        "drivers/of/of_reserved_mem.c; kernel/dma/contiguous.c rmem_cma_setup()",
        hazards=("reservation-failed", "reserved-area-refused", "dynamic-area-failed"),
    ),
    CheckRule(
        "reserved-area-outside-ram", _W, "a reserved area is not in RAM",
        "It keeps nothing. Where RAM was meant, that is not kept.",
        "drivers/of/of_reserved_mem.c __reserved_mem_reserve_reg()", "flash_memory at 0x5c000000, RAM from 0x80000000",
        ("reserved-area-outside-ram", "reserved-below-ram", "reserved-area-beyond-ram"),
    ),
    CheckRule(
        "reserved-area-empty", _I, "a reserved area has size 0",
        "The kernel says that it failed to reserve it. Nothing is lost: the boot loader fills such a node in where it "
        "has something to pass on.",
        "drivers/of/of_reserved_mem.c", "drm-logo@0 of Rockchip trees", ("reserved-area-empty",),
    ),
    CheckRule(
        "area-not-reserved", _E, "memory that a device uses is still plain RAM",
        "A ramoops, OP-TEE or remote processor node, or a parameter, names memory that nothing reserves: the kernel "
        "hands it out, and ioremap() of RAM is refused with a warning.",
        "fs/pstore/ram_core.c; arch/arm/mm/ioremap.c __arm_ioremap_pfn_caller()",
        "ramoops@42100000 outside /reserved-memory, in the middle of the kernel",
    ),
    CheckRule(
        "reserved-node-misplaced", _W, "a reservation is outside /reserved-memory",
        "no-map, reusable or a shared-dma-pool mean something only in a child of /reserved-memory of the root.",
        "drivers/of/of_reserved_mem.c fdt_scan_reserved_mem()", "areas under /memory or /soc of vendor trees",
    ),
    CheckRule(
        "downstream-property", _I, "a vendor's property that this kernel ignores",
        "Vendor kernels know memory properties that mainline kernels do not; what they ask for does not happen.",
        "drivers/of/of_reserved_mem.c", "linux,reserve-contiguous-region of Qualcomm's 3.4 and 3.10",
    ),
    # -- contiguous memory -----------------------------------------------------------------------------------------
    CheckRule(
        "cma-failed", _W, "the CMA area is not made",
        "No free range as large below its limit, in units of the largest block of free pages; or the place that cma= "
        "gives is taken or misaligned. Drivers then fail to get buffers.",
        "mm/cma.c cma_declare_contiguous(); kernel/dma/contiguous.c", "SAMA5D27 with FORCE_MAX_ZONEORDER=15",
        ("cma-failed",),
    ),
    CheckRule(
        "cma-straddles-lowmem", _W, "a CMA area lies across the end of lowmem",
        "All pages of an area must be in one zone. cma_init_reserved_mem() takes it, cma_activate_area() refuses it "
        "much later: the memory is given back, or lost before 5.10, and no driver gets any of it.",
        "mm/cma.c cma_activate_area()", "Raspberry Pi 4: 192 MiB at 0x2f400000",
    ),
    CheckRule(
        "cma-area-bounds", _W, "a fixed CMA area does not fit its units or its RAM",
        "A fixed area must begin and end on a multiple of the unit (usually 4 MiB, or 2 MiB) and lie all in one bank.",
        "kernel/dma/contiguous.c rmem_cma_setup()", "Goke: 4 MiB at 0x41f00000 of 32 MiB",
    ),
    CheckRule(
        "lowmem-unmapped", _E, "lowmem beside a CMA area loses its mapping",
        "dma_contiguous_remap() clears whole 2 MiB and maps only the area again.",
        "arch/arm/mm/dma-mapping.c dma_contiguous_remap()", hazards=("lowmem-unmapped",),
    ),
    CheckRule(
        "crashkernel-above-lowmem", _E, "the crash kernel lies above lowmem, or has no room",
        "From 4.7 to 4.11 crashkernel=SIZE takes the highest free memory, which may be highmem, where kexec cannot "
        "copy to; later kernels stay in lowmem. The place is a multiple of 128 MiB, as the second kernel's zImage "
        "takes that for the start of RAM.",
        "arch/arm/kernel/setup.c reserve_crashkernel()", "DRA74x with 1.5 GiB and crashkernel=64M",
        ("crashkernel-above-lowmem", "crashkernel-failed"),
    ),
    # -- kernel and CPU --------------------------------------------------------------------------------------------
    CheckRule(
        "cpu-mismatch", _E, "the kernel does not run on this CPU",
        "Its configuration has no support for the core, needs long descriptors, or is compiled to newer instructions.",
        "arch/arm/kernel/head.S __lookup_processor_type; arch/arm/Makefile",
        "Allwinner A13 (Cortex-A8) with an LPAE kernel",
        ("cpu-not-supported", "cpu-without-lpae", "cpu-without-armv7"),
    ),
    CheckRule(
        "machine-not-found", _E, "the kernel has no machine for this board",
        "No machine description matches, and the kernel stops with a list of those that it has.",
        "arch/arm/kernel/devtree.c setup_machine_fdt(); atags_parse.c", hazards=("machine-not-found",),
    ),
    CheckRule(
        "debug-uart-virt", _E, "CONFIG_DEBUG_UART_VIRT does not fit",
        "It must lie in the vmalloc area and have the same offset within its MiB as CONFIG_DEBUG_UART_PHYS: "
        "head.S maps "
        "whole sections. Otherwise the early console writes to other registers, or the mapping is refused.",
        "arch/arm/kernel/head.S; arch/arm/mm/mmu.c debug_ll_io_init(); arch/arm/Kconfig.debug",
        "RK3229 with VIRT = PHYS = 0x11030000",
    ),
    CheckRule(
        "static-mapping", _W, "a static mapping is refused or in the way",
        "map_io of the machine, or a user's --static-map, maps what is outside the vmalloc area or what is taken.",
        "arch/arm/mm/mmu.c create_mapping(), iotable_init()",
        hazards=("mapping-refused", "map-io-unmapped", "mapping-in-vmalloc", "mapping-outside-vmalloc",
                 "static-vm-lost", "static-vm-overlap", "mapping-needs-pages", "mem-type-missing"),
    ),
    CheckRule(
        "earlycon", _E, "earlycon stops the boot, or shows nothing",
        "It maps its registers before there is an allocator: it needs CONFIG_FIX_EARLYCON_MEM, and head.S "
        "may unmap it.",
        "drivers/tty/serial/earlycon.c", hazards=("earlycon-too-early", "earlycon-unmapped"),
    ),
    CheckRule(
        "early-allocation", _E, "an early allocation fails",
        "memblock finds nothing below its limit, or hands out memory that no table maps yet.",
        "arch/arm/mm/mmu.c early_alloc(); mm/memblock.c",
        hazards=("allocation-failed", "allocation-unmapped", "memblock-stops"),
    ),
    CheckRule(
        "kernel-unmapped", _E, "the kernel loses its own mapping",
        "A bank or an area ends within the kernel's sections: paging_init() clears what it stands on.",
        "arch/arm/mm/mmu.c prepare_page_table(), map_lowmem(), map_kernel()",
        hazards=("text-unmapped", "kernel-unmapped", "bss-unmapped", "identity-map-lost", "negative-length", "pmd-bad",
                 "section-behind-directory", "vectors-covered"),
    ),
    CheckRule(
        "mem-map", _E, "the table of struct pages does not fit, or is filled in beside itself",
        "mem_map stands for all pages from the first to the last of RAM, holes included, in one piece of lowmem; and "
        "for PHYS_OFFSET, wherever RAM begins.",
        "mm/mm_init.c alloc_node_mem_map(), memmap_init()", hazards=("memmap-failed", "memmap-displaced"),
    ),
    CheckRule(
        "last-page", _E, "the last bytes below 4 GiB make the kernel free all pages",
        "Free memory that begins inside the last page below 4 GiB is rounded up to page 0, without ARM_LPAE: "
        "memblock_free_all() hands over pages that are in use.",
        "mm/memblock.c __free_memory_core(); include/linux/pfn.h PFN_UP()", hazards=("page-0-freed",),
    ),
    CheckRule(
        "tcm", _W, "tightly coupled memory is refused", "It is too small for what is linked to it, or may not be used.",
        "arch/arm/kernel/tcm.c tcm_init()", hazards=("tcm-refused", "tcm-too-small"),
    ),
    CheckRule(
        "module-window", _I, "modules have a window of their own",
        "Modules are loaded into the 14 or 16 MiB below PAGE_OFFSET. \"vmalloc: allocation failure\" for a module is "
        "about that window: vmalloc= does not help, CONFIG_ARM_MODULE_PLTS does.",
        "arch/arm/kernel/module.c module_alloc(); arch/arm/include/asm/memory.h MODULES_VADDR",
        "Armada 38x: 430080 bytes for a module",
    ),
    CheckRule(
        "message-explained", _I, "a line of the boot log that frightens without cause",
        "\"Ignoring RAM\", \"Truncating RAM\" and \"failed to reserve\" are often about memory that the tree keeps on "
        "purpose.",
        "arch/arm/mm/mmu.c adjust_lowmem_bounds()", "Romulus BMC: 17 MiB of its own no-map areas",
    ),
)

RULES_BY_ID = {rule.id: rule for rule in RULES}
RULE_OF_HAZARD = {hazard: rule for rule in RULES for hazard in rule.hazards}
"""Hazard's id -> the rule that reports it."""
