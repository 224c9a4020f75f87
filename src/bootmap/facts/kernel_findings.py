"""Memory maps that kill real kernels: what each does, why, and what would cure it.  One row a board.

The boards, and what came of them when they were booted, are files: boards/findings of the project, which a wheel has
beside this module.  A row says what is to be told of one; how it is told is in ``report``.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

_INSTALLED = Path(__file__).parent / "findings"
FOLDER = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[3] / "boards" / "findings"

BOOTED_KERNELS = {
    "deb-5.10": "5.10.223 (Debian armmp)",
    "deb-6.1": "6.1.176 (Debian armmp)",
    "deb-6.1-lpae": "6.1.176 (Debian armmp-lpae)",
    "deb-6.12": "6.12.107 (Debian armmp)",
    "deb-7.2": "7.2.12 (Debian armmp)",
    "v7": "6.1 (Debian's source, a small configuration)",
}
"""Kernel of booted.json -> its version and where it is from."""


class KernelFinding(Struct, frozen=True):
    """One map, and the fault of the kernel that it shows.

    Attributes:
        name: name of the board's files.
        title: the fault in one line, with the kernel's function as subject.
        board: what is special about the board.
        cause: how the kernel comes to its end.
        concerns: versions and configurations.
        avoid: what a board's maintainer does today.
        change: what the kernel could do instead, in words; "" where the board, not the kernel, is to be changed.
        source: files and functions.
        tried: the change as it was built and booted (tools/prove-change), and what came of it; "" where it was not.
        alive: what a kernel logs only if it outlives the fault; "" where its command line is late enough.
        unpacked: a zImage does not show it: its decompressor puts the kernel elsewhere.
    """

    name: str
    title: str
    board: str
    cause: str
    concerns: str
    avoid: str
    change: str
    source: str
    tried: str = ""
    alive: str = ""
    unpacked: bool = False


_BOOTED = "Linux 6.12.107 from Debian's source, a small configuration, dies on this board; it comes up with "
_BOOTED_61 = _BOOTED.replace("6.12.107", "6.1.176")
_BOTH_BOOTED = (
    "Linux 6.1.176 and 6.12.107 from Debian's source, a small configuration, die on this board; they come up with "
)
_LIKE_LPAE = "; it has long descriptors, and ARCH_MESON, with which it begins 2 MiB into RAM"
_PADDED = "(An archive of 19 MiB of zeros in its image makes it end where Debian's do{}.)"
_UNIT_CHECKED = (
    _BOOTED + "one condition more at the start of dma_contiguous_early_fixup(): return where base or size is no "
    "multiple of CMA_MIN_ALIGNMENT_BYTES."
)

KERNEL_FINDINGS: tuple[KernelFinding, ...] = (
    KernelFinding(
        name="pool-refused",
        title="a CMA pool that was refused is remapped all the same, and iotable_init() hits a BUG",
        board="A reusable shared-dma-pool of 4 MiB without an address. CONFIG_ARCH_FORCE_MAX_ORDER makes CMA's unit "
        "8 MiB, so the pool cannot be used.",
        cause="dma_contiguous_early_fixup() now notes a pool when its memory is allocated, before rmem_cma_setup() "
        "looks at its alignment. rmem_cma_setup() then refuses the pool (\"Reserved memory: incorrect alignment of CMA "
        "region\") and the memory is given back, but the note stays. The default CMA area is allocated over the same "
        "memory and noted too. dma_contiguous_remap() passes both to iotable_init(), the two static areas overlap, and "
        "vm_area_add_early() takes that for a BUG: an undefined instruction before there is a handler for it.",
        concerns="6.17 and later, and 6.12 from 6.12.45 on; kernels before these note a pool only when it is accepted.",
        avoid="Make the pool's size a multiple of CMA's unit, or give it an address away from the top of lowmem.",
        change="Note a pool for remapping only if CMA will take it: check that its base and size are multiples of "
        "CMA_MIN_ALIGNMENT_BYTES in dma_contiguous_early_fixup() or where it is called, with the same condition as in "
        "rmem_cma_setup(); or forget the note when the pool is refused and its memory is freed.",
        source="arch/arm/mm/dma-mapping.c dma_contiguous_early_fixup, dma_contiguous_remap; kernel/dma/contiguous.c "
        "rmem_cma_setup; mm/vmalloc.c vm_area_add_early; drivers/of/of_reserved_mem.c",
        tried=_UNIT_CHECKED,
    ),
    KernelFinding(
        name="pool-at-odd-mib",
        title="dma_contiguous_remap() hits BUG_ON(pmd_bad) for a refused pool at an odd MiB",
        board="A reusable shared-dma-pool of 8 MiB at 0x42100000: 1 MiB off a 2 MiB boundary, and off CMA's 8 MiB.",
        cause="The pool is refused for its alignment, but it was noted for remapping before that. "
        "dma_contiguous_remap() clears the old mapping in steps of PMD_SIZE (2 MiB, a pair of descriptors) from the "
        "pool's first address on. From an odd MiB these are four pairs, while the pool touches five: the last MiB "
        "keeps its section. iotable_init() then wants pages there, finds a section, and stops at BUG_ON(pmd_bad). "
        "The first pair also holds the MiB in front of the pool, which loses its mapping.",
        concerns="6.17 and later, and 6.12 from 6.12.45 on; kernels before these note a pool only when it is accepted.",
        avoid="Align the base and the size of a pool to CMA's unit; bootmap predict prints the unit with the refusal.",
        change="The check that keeps refused pools out of dma_contiguous_remap() cures this one too, since CMA accepts "
        "no pool that is not a multiple of 2 MiB here. Beside it, dma_contiguous_remap() could skip, with a warning, "
        "an area that does not begin and end on PMD_SIZE.",
        source="arch/arm/mm/dma-mapping.c dma_contiguous_early_fixup, dma_contiguous_remap; arch/arm/mm/mmu.c "
        "arm_pte_alloc; kernel/dma/contiguous.c rmem_cma_setup",
        tried=_UNIT_CHECKED,
    ),
    KernelFinding(
        name="pool-over-kernel",
        title="a CMA pool over the kernel image is accepted, and dma_contiguous_remap() unmaps the running kernel",
        board="A reusable shared-dma-pool of 8 MiB at 0x41600000: behind the image of older kernels, inside that of "
        "newer ones.",
        cause="The kernel's image is reserved in memblock long before reserved-memory is read. Memory that is reserved "
        "already is a reason to refuse an area with no-map, but not one without: the pool is accepted. "
        "dma_contiguous_remap() clears its descriptors and flushes the TLB before it maps the pool by pages; the next "
        "access of the kernel to its own data in between is a data abort.",
        concerns="Every kernel whose image reaches into the pool: a device tree that boots today dies when the kernel "
        "grows.",
        avoid="Keep pools clear of PHYS_OFFSET + the size of the kernel's image, with room to grow: 32 MiB.",
        change="Refuse a reusable area that overlaps memory reserved before (memblock_is_region_reserved), as is done "
        "for no-map, with an error that names both; or let dma_contiguous_remap() skip an area that overlaps "
        "KERNEL_START to KERNEL_END.",
        source="drivers/of/of_reserved_mem.c early_init_dt_reserve_memory; arch/arm/mm/dma-mapping.c "
        "dma_contiguous_remap; arch/arm/mm/init.c arm_memblock_init",
        tried=_BOTH_BOOTED + "two conditions: dma_contiguous_early_fixup() notes no area that overlaps _text to _end, "
        "and rmem_cma_setup() refuses it with -EBUSY. (Their images were made 40 MiB large by LOG_BUF_SHIFT=23, to "
        "reach the pool, and 6.1's unit of CMA 2 MiB by ARCH_FORCE_MAX_ORDER=10.)",
    ),
    KernelFinding(
        name="earlycon-memblock-debug",
        title="early_fixmap_shutdown() prints through a console whose mapping it has just cleared",
        board="earlycon= and memblock=debug on one command line: the two parameters that one sets on a silent board.",
        cause="early_fixmap_shutdown() clears the early fixmap's page table, then maps the permanent entries again. "
        "That allocates a page table; with memblock=debug the allocation is printed, by a console whose registers "
        "are not mapped at that moment: a data abort at the console's flag register.",
        concerns="Every kernel with an early fixmap; found on 5.10, 6.1, 6.12 and 7.2.",
        avoid="Give one of the two. memblock=debug with the ordinary console prints the same lines later.",
        change="Allocate the page table for the permanent entries before the early one is taken away, and exchange "
        "the two without calling anything in between that can print.",
        source="arch/arm/mm/mmu.c early_fixmap_shutdown; mm/memblock.c memblock_reserve",
        tried=_BOTH_BOOTED + "two statements in early_fixmap_shutdown(): early_alloc() of a page table before the "
        "early one is cleared, and __pmd_populate() with it behind the TLB flush, so that create_mapping() has none to "
        "allocate.",
    ),
    KernelFinding(
        name="first-bank-off-2m",
        title="prepare_page_table() unmaps the running kernel if the first bank begins off a 2 MiB boundary",
        board="Memory from 0x40100000 on: the first MiB belongs to a secure world and was cut off.",
        cause="prepare_page_table() keeps the first region that adjust_lowmem_bounds() counts, and clears the rest. "
        "Memory before the first 2 MiB boundary is a region that does not count, so the kernel's own mapping is "
        "cleared. Until map_lowmem() puts it back the CPU runs on what its TLB still holds.",
        concerns="Every kernel since 2.6.38 that bootmap knows, but not a zImage since 5.12: its decompressor puts the "
        "kernel at the first multiple of 2 MiB in RAM. Whether a CPU survives is up to its TLB.",
        avoid="Begin the first bank on a multiple of 2 MiB.",
        change="Keep the region that holds the kernel's image in prepare_page_table(), whichever it is.",
        source="arch/arm/mm/mmu.c prepare_page_table, adjust_lowmem_bounds",
        unpacked=True,
    ),
    KernelFinding(
        name="nomap-at-start",
        title="prepare_page_table() unmaps the running kernel if a no-map area lies at the start of RAM",
        board="A no-map area over the first 2 MiB: the usual place of a secure monitor.",
        cause="No-map memory is a region of its own, the first one. prepare_page_table() keeps that and clears the "
        "kernel behind it; the CPU runs on what its TLB still holds until map_lowmem().",
        concerns="Kernels that keep no-map memory as a region of its own (5.10 on); whether a CPU survives is up to "
        "its TLB.",
        avoid="Reserve the area without no-map, or leave it out of the bank and begin the bank on a 2 MiB boundary.",
        change="Keep the region that holds the kernel's image in prepare_page_table(), whichever it is.",
        source="arch/arm/mm/mmu.c prepare_page_table",
        tried=_BOOTED_61 + "one condition in prepare_page_table(): end is at least the end of the kernel's image. "
        + _PADDED.format(_LIKE_LPAE),
    ),
    KernelFinding(
        name="nomap-on-both-sides",
        title="map_lowmem() maps nothing behind a region that lies inside the kernel's sections",
        board="A no-map area over the first 2 MiB and another just behind the kernel, in its last section.",
        cause="map_lowmem() goes round the sections that hold the kernel. A region that lies inside them is left with "
        "nothing to map, and its loop ends there: RAM behind it stays unmapped. The vectors come from it, and the "
        "first write to them is a data abort.",
        concerns="Kernels since 5.14; with sections of 2 MiB (LPAE) more boards than without.",
        avoid="Leave the memory up to the end of the kernel's last section in one region.",
        change="Go on with the next region in map_lowmem() where one lies wholly in the kernel's sections.",
        source="arch/arm/mm/mmu.c map_lowmem",
        tried=_BOOTED_61 + "two conditions: prepare_page_table() keeps what is mapped up to the end of the kernel's "
        "image, and map_lowmem() goes on with the next region where one lies between kernel_sec_start and "
        "kernel_sec_end. With the first alone it takes a data abort at 0xeeffffd0. " + _PADDED.format(_LIKE_LPAE),
    ),
    *(
        KernelFinding(
            name=f"nomap-in-last-section-{version}",
            title="map_lowmem() maps a negative length if RAM has a hole in the kernel's last section",
            board=f"A no-map area of 512 KiB at {where}, between the image of {version} and the end of its section.",
            cause="map_lowmem() starts the region that begins with the kernel at the end of the kernel's last section. "
            "The region ends before that: its length is negative, and create_mapping() writes descriptors upwards "
            "until something breaks.",
            concerns="Kernels since 5.14 whose image ends just before the hole.",
            avoid="No hole between the kernel's last byte and the end of its last section.",
            change="Map nothing in map_lowmem() where a region ends before the kernel's last section does.",
            source="arch/arm/mm/mmu.c map_lowmem",
            tried=_BOOTED_61 + "one condition in map_lowmem(): go on with the next region where one lies between "
            "kernel_sec_start and kernel_sec_end. " + _PADDED.format(like),
        )
        for version, where, like in (("6.1", "0x41680000", ""), ("6.12", "0x41880000", _LIKE_LPAE))
    ),
    KernelFinding(
        name="page-0-freed",
        title="memblock_free_all() frees the pages in use if free memory begins in the last page below 4 GiB",
        board="RAM up to 4 GiB, and an area of 256 MiB that has a size and no address. It is placed from the top down, "
        "64 bytes below the end: they stay free, at 0xffffffc0.",
        cause="__free_memory_core() rounds the start of free memory up to a page with PFN_UP(). With a phys_addr_t of "
        "32 bits, 0xffffffc0 plus a page less one wraps, and the first page is 0: all pages from 0 to the end of "
        "lowmem are handed to the page allocator, those of the kernel, its page tables and its struct pages among "
        "them. It reports \"Bad page state in process swapper  pfn:00001\" and dies of a data abort in reading on.",
        concerns="Kernels without CONFIG_ARM_LPAE from 3.14 on, when memblock came to hand the pages over; found on "
        "5.10, 6.1, 6.12 and 7.2.",
        avoid="Let RAM end at 0xfffff000 or below, or give the area alignment = <0x1000>.",
        change="Free nothing in __free_memory_core() where the start lies above the last whole page: compare "
        "addresses, or look whether PFN_UP() has wrapped; or have memory end with a whole page where "
        "memblock_cap_size() leaves out the last byte below 4 GiB.",
        source="mm/memblock.c __free_memory_core, memblock_free_all, memblock_cap_size; include/linux/pfn.h PFN_UP",
        alive="SLUB: HWalign=64",
        tried=_BOOTED_61 + "one condition in __free_memory_core(): return 0 where PFN_PHYS(start_pfn) lies below "
        "start. (With HIGHMEM.)",
    ),
    KernelFinding(
        name="ram-14m",
        title="devicemaps_init() unmaps the end of a kernel that is larger than RAM",
        board="A bank of 14 MiB, and a distribution's kernel of 17 to 27 MiB.",
        cause="Lowmem ends with RAM; the vmalloc area begins 8 MiB behind, inside the kernel's image, and "
        "devicemaps_init() clears everything from there on.",
        concerns="Every kernel that is larger than the RAM that it is told of.",
        avoid="Give the whole RAM, or a smaller kernel.",
        change="",
        source="arch/arm/mm/mmu.c adjust_lowmem_bounds, devicemaps_init",
    ),
    KernelFinding(
        name="mem-far-above",
        title="mem= far above PHYS_OFFSET makes the kernel fill in mem_map behind its end",
        board="mem=64M@0x50000000 where RAM and kernel are at 0x40000000: meant to add, it replaces.",
        cause="mem_map is made for the memory that there is, and flat: the kernel computes a page's place from "
        "PHYS_OFFSET. With RAM 256 MiB above, the entries lie behind the table.",
        concerns="Every kernel with a flat mem_map.",
        avoid="Name the RAM that the kernel lies in too.",
        change="",
        source="mm/page_alloc.c alloc_node_mem_map (since 6.5 mm/mm_init.c)",
    ),
    KernelFinding(
        name="vmalloc-all",
        title="vmalloc= leaves too little lowmem for mem_map",
        board="vmalloc=3000M with 1 GiB of RAM.",
        cause="The kernel trims vmalloc= so that 32 MiB of lowmem remain; kernel and mem_map (8 to 9 MiB) do not fit. "
        "It panics before there is a console.",
        concerns="Every kernel of 24 MiB and more.",
        avoid="Leave lowmem for the kernel and for mem_map: 9 bytes of every KiB of RAM.",
        change="",
        source="arch/arm/mm/mmu.c early_vmalloc; mm/page_alloc.c alloc_node_mem_map",
    ),
    KernelFinding(
        name="phys-offset-8m",
        title="__fixup_pv_table stops in a loop if PHYS_OFFSET is no multiple of 16 MiB",
        board="The bank begins at 0x40800000.",
        cause="__fixup_pv_table patches the difference of virtual and physical addresses into eight bits of an "
        "instruction, and stops in a loop where they do not hold it.",
        concerns="Up to 5.10; 5.11 needs 2 MiB only.",
        avoid="Begin RAM on a multiple of 16 MiB, or take 5.11.",
        change="",
        source="arch/arm/kernel/head.S __fixup_pv_table",
    ),
)
