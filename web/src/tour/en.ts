// The tour in English. {name} is a number of the board, `name` is code.

import type { Text } from "./steps";

export const EN: Record<string, Text> = {
  dark: {
    title: "The MMU is on, and almost everything is dark",
    text: [
      "The kernel has just switched the MMU on. It does not know yet how much RAM there is, or where: it has not read the device tree. So `__create_page_tables` maps only what it needs to go on: the few instructions that switch the MMU on (one to one, below the kernel's half), its own image, and the device tree.",
      "On this board that is {mapped} in {sections} sections. The image lies at physical {image}, the device tree at {dtb}. An access to any other address is an abort, and the vectors that would report it are not there either.",
    ],
    versions: "Before 5.11 the device tree was mapped where lowmem would have it; a tree beyond lowmem was a wild address. Since then it has its own place at 0xff800000.",
    question: "Why is the identity map needed at all, if the kernel is linked for addresses above PAGE_OFFSET?",
    answer: "The instruction that sets the M bit runs at a physical address. The next fetch is translated, and must find the same code at the same address.",
  },
  root: {
    title: "The page directory: 16 KiB, and the kernel's quarter of it",
    text: [
      "The MMU wants the physical address of a first-level table. Linux puts `swapper_pg_dir` just below its own text: here at {root}, PHYS_OFFSET + {offset} (with the usual text offset of 0x8000 that is +0x4000). It takes {bytes}: {words} words for 4 GiB.",
      "The kernel has only the top of these addresses. Its words begin {part} into the table, at {kernelPart}; with the usual text offset and PAGE_OFFSET 0xc0000000 that is PHYS_OFFSET + 0x7000. TTBR0 holds the start of the whole table all the same.",
    ],
    versions: "With long descriptors (LPAE) the table takes 20 KiB: one page with four entries, then four pages of 512 pmds. TEXT_OFFSET differs between platforms, and the table moves with it.",
    question: "What is in the words for user space now, and who will put something there?",
    answer: "Nothing but the identity map of this stage. Each process gets a table of its own later; only the kernel's part is copied into it.",
  },
  memblock: {
    title: "memblock: two lists, and RAM comes into sight",
    text: [
      "memblock is a static allocator of two lists: `memory` says what RAM there is, `reserved` what of it is taken. `setup_machine_fdt` walks the memory nodes of the device tree and calls `memblock_add` for each bank. Then `arm_memblock_init` reserves what must not be given away: the image, the initrd, the page directory, the device tree, /reserved-memory, CMA.",
      "Here memory has {memory} regions with {ram}, and reserved {reserved}. What is in the first list and not in the second is free. Click a region to see which byte of the device tree it comes from.",
    ],
    versions: "Up to 3.15 banks went into `meminfo` first. no-map areas were removed from memory before 5.12 (5.10.20), and are kept and marked since.",
    question: "The order of the reservations decides something. What?",
    answer: "Who wins where two want the same place: the later one is refused, or moved where it may be.",
  },
  touch: {
    title: "Seen, but not to be touched",
    text: [
      "Look at {free}: memblock knows this RAM and it is free, yet no word of the tables leads to it. The kernel can hand it out and cannot write one byte of it. Mapping it is the most urgent thing now.",
      "To map it, memblock must give pages for tables, and these pages are written at once. So memblock may only give what is mapped, or will be before it is written: its limit (`current_limit`) is {limit}.",
    ],
    versions: "Where memblock hands out a page that is not mapped, the kernel dies without a word: see the findings of boards whose first bank is small.",
    question: "Which RAM is certain to be writable at this stage?",
    answer: "What the sections of head.S map: the image and the rest of its last section, and the device tree.",
  },
  lowmem: {
    title: "Lowmem and highmem",
    text: [
      "The kernel has at most the addresses from PAGE_OFFSET to the end, and must leave room for vmalloc, ioremap and the fixed areas. RAM that fits is lowmem and is mapped once and for all; RAM that does not fit is highmem and has no fixed address.",
      "`adjust_lowmem_bounds` drew the line at {limit}: {lowmem} of lowmem, {highmem} of highmem; {lost} are lost. With 1.5 GiB and a 1 GiB kernel half, some of it cannot be mapped directly, whatever one does.",
    ],
    versions: "The function was `sanity_check_meminfo` up to 4.10. VMALLOC_END moved from 0xff000000 to 0xff800000 in 4.4, and lowmem grew by 8 MiB. Without CONFIG_HIGHMEM the rest is dropped.",
    question: "How could this board have more lowmem?",
    answer: "Another split (VMSPLIT_2G, VMSPLIT_3G_OPT) moves PAGE_OFFSET down; a smaller vmalloc= moves the line up.",
  },
  linear: {
    title: "The linear map is a view, not an allocation",
    text: [
      "In the linear map a virtual address is the physical one plus {delta}: {pageOffset} is {physOffset}, and so on. `__va` and `__pa` are one addition each.",
      "That a page is mapped here does not mean that it is in use. The map only lets the kernel reach all lowmem, to manage it. Who uses a page is decided by the page allocator, in units of 4 KiB, by pfn and `struct page`. User space gets its own mapping of a page, of 4 KiB, when it is given one; the linear map may be as coarse as it likes.",
    ],
    versions: "PHYS_OFFSET is patched into the instructions of __va and __pa at boot (ARM_PATCH_PHYS_VIRT). It had to be a multiple of 16 MiB until 5.10, of 2 MiB since.",
    question: "A page of user space lies in lowmem. How many virtual addresses lead to it?",
    answer: "At least two: its address in the process, and its place in the linear map.",
  },
  sections: {
    title: "A section or 256 pages: what each costs",
    text: [
      "The first level can map {section} by itself: a section. Or its word points to a second-level table, and that maps small pages of 4 KiB. A section needs no table: memory is saved. And the walk is one read instead of two: time is saved on every TLB miss, and one TLB entry covers {section}.",
      "Here {sections} sections and {pages} small pages take {bytes} of tables. The same made of small pages alone would take {pageOnly}. Pages are used where an end is not aligned, and where rights must differ by 4 KiB.",
    ],
    versions: "With LPAE a section (block) is 2 MiB. DEBUG_PAGEALLOC and rodata options make the kernel use pages.",
    question: "Would sections be wise for user space?",
    answer: "No. Memory is given to processes in pages of 4 KiB, each with its own rights and its own life.",
  },
  types: {
    title: "paging_init begins: build_mem_type_table",
    text: [
      "`paging_init` builds the real tables. First, what can be said about memory at all: `mem_types` is a static table of kinds (lowmem, device, vectors, ...), each with bits for a Linux pte, for a table descriptor and for a section. `build_mem_type_table` adjusts it to this CPU.",
      "On {cpu} the cache policy came out as {policy}, after {adjustments} adjustments. What the bits mean to the CPU is decoded by {by}; the last column shows it.",
    ],
    versions: "From 4.12 on it runs before the reservations, in `early_mm_init`. 3.14 split MT_MEMORY into MT_MEMORY_RWX and MT_MEMORY_RW.",
    question: "Why is XN set for devices?",
    answer: "So that the CPU never fetches instructions speculatively from a device, whose reads can have effects.",
  },
  prepare: {
    title: "prepare_page_table: clear three ranges",
    text: [
      "Before new words are written, what head.S left is cleared, but for what is still needed. Three ranges go: from 0 to the start of the modules ({modules}); from there to PAGE_OFFSET ({pageOffset}); and from the end of the first region of memory ({firstVirtual}, physical {first}) to the vmalloc area. {words} words changed.",
      "The first two are user space's: the identity map goes. The third spares the first region, since the kernel itself is taken to be in it. Where it is not, the kernel clears its own map under its feet.",
    ],
    versions: "With an XIP kernel the text in the module area is spared. Since 5.12 a no-map area at the start of RAM makes the first region short, and real boards have died of it.",
    question: "The kernel runs on even where its own map is cleared. How long?",
    answer: "As long as the TLB still holds the old entries: until the next flush, or until they are evicted.",
  },
  "map-lowmem": {
    title: "map_lowmem: RW, RWX, RW",
    text: [
      "Every region below the lowmem limit is mapped at its fixed place. Free memory needs to be readable and writable. The kernel's code must also be executable, so the image is mapped anew: head.S mapped it before the RAM was known, open to everybody. So there are three parts: RAM before the image RW, the image RWX, RAM behind it RW. The device tree lies in one of the RW parts.",
      "Here: {parts}. `map_lowmem` changed {words} words.",
    ],
    versions: "Up to 3.13 all of lowmem was RWX. 3.14 introduced the two types; 5.14 gave the image a function of its own, `map_kernel`. The last permissions (R-X text, R-- constants) come at the end of boot.",
    question: "Why may the part before the image be missing?",
    answer: "If the image's first section is the first of RAM, as with a text offset below one section, nothing lies before it.",
  },
  "map-desc": {
    title: "map_desc and create_mapping",
    text: [
      "Each mapping is asked for by a `struct map_desc`: virtual address, page frame number, length, type. `create_mapping` takes it and walks down the levels, writing a section wherever both ends are aligned to one.",
      "The word for the kernel's text was written for this one: virtual {virtual}, pfn {pfn} (physical {physical}), length {length}, type {type}. The panel shows it with every writer before.",
    ],
    versions: "The structure has had these four fields since 2.6. The pfn instead of an address lets it name memory above 4 GiB.",
    question: "What does create_mapping refuse?",
    answer: "User addresses other than the vectors. About a device outside the vmalloc area it only warns.",
  },
  folded: {
    title: "pgd, p4d, pud, pmd, pte on two levels",
    text: [
      "Generic code knows levels for the largest machines: pgd, p4d, pud, pmd, pte. This hardware has fewer: {levels}. The missing ones are folded: a pud is the pgd entry itself, and the functions between return what they were given. It costs a few calls that the compiler removes.",
      "On short descriptors Linux also takes two hardware words for one pgd entry, 2 MiB: that is why the picture shows words in pairs.",
    ],
    versions: "p4d came in 4.11 for x86 and reached ARM in 5.8. With LPAE there are three real levels, and only pud and p4d are folded.",
    question: "Where does the loop over the pud run more than once?",
    answer: "Nowhere on ARM: a folded level always has exactly one entry.",
  },
  halves: {
    title: "Two hardware tables and two Linux tables in one page",
    text: [
      "A hardware second-level table has 256 words of 4 bytes: 1 KiB. A page of 4 KiB could hold four. Linux puts two there, for the two words of a pair, in the rear half. The front half holds Linux's own 512 ptes for the same pages.",
      "The hardware's pte has no bits for young and dirty. Linux keeps them in its own copy; `set_pte_ext` writes both, the hardware's derived from Linux's. For {va}: Linux's pte is at {linux}, the hardware's 2 KiB behind it at {hardware}, both in the page {page}. A page that is not young is simply left out of the hardware's table, so that the next access faults and tells.",
    ],
    versions: "Long descriptors have 64-bit words with room for software bits: one table serves both. Before 2.6.38 the hardware's tables stood in front.",
    question: "Who reads Linux's half?",
    answer: "Only the kernel: the MMU is given the address of the rear half and never sees the front.",
  },
  devicemaps: {
    title: "devicemaps_init: vectors and devices",
    text: [
      "Two pages are allocated for the exception vectors and their stubs; `early_trap_init` copies the code there, and they are mapped at 0xffff0000: here to physical {vectors}. From now on an abort is reported instead of a silence.",
      "Everything from the vmalloc area up is cleared and mapped anew: the device tree read-only, the vectors, and what the machine's `map_io` asks for. {areas} stretches are mapped up there now. At the end caches and TLB are flushed: only the tables count.",
    ],
    versions: "One page of vectors until 3.10.6, two since, so that users cannot read the stubs. Machines described by the device tree alone mostly have no map_io.",
    question: "Why must all this come after map_lowmem?",
    answer: "The pages for vectors and tables come from memblock, out of lowmem, and are written at once.",
  },
  kmap: {
    title: "kmap_init: a window for highmem",
    text: [
      "Highmem has no address, so the kernel needs a window to look at a page of it. `kmap_init` allocates a page table for pkmap, the 2 MiB below PAGE_OFFSET: {pkmap}. It is empty; `kmap()` writes a pte there when it is called. {tables} table pages are new.",
      "The fixmap at the top has a table in the same way, for slots whose addresses are known at build time.",
    ],
    versions: "pkmap only with CONFIG_HIGHMEM. The fixmap's own table came in 3.16 with HIGHMEM, and always since 3.19.",
    question: "How many highmem pages can be mapped there at once?",
    answer: "512: 2 MiB of 4 KiB pages. kmap() sleeps when they are used up.",
  },
  bootmem: {
    title: "bootmem_init: zones",
    text: [
      "The tables stand. `bootmem_init` asks memblock where RAM begins, where lowmem ends and where RAM ends, and makes zones of it for the page allocator: {zones}. DMA where a device cannot reach further, Normal for the rest of lowmem, HighMem above.",
      "Then `mem_map` is allocated, a `struct page` for every page frame, holes included. Once init is near, memblock hands every free page to the page allocator, and is done.",
    ],
    versions: "Up to 3.13 a bootmem bitmap was made here. From 7.0 on mem_map is made later, outside paging_init.",
    question: "A board has one bank at 0x10000000 and one at 0xf0000000. What does that cost?",
    answer: "With a flat mem_map, a struct page for each page frame of the hole between them, from lowmem.",
  },
  rodata: {
    title: "The last permissions",
    text: [
      "Shortly before init runs, the kernel takes from its own image what it no longer needs: `mark_rodata_ro` makes text and constants read-only and takes execution from the rest. {words} words changed; the text is now {rights}.",
      "That is the end of the story of these tables: from here on they change only as modules, ioremap and vmalloc ask.",
    ],
    versions: "CONFIG_ARM_KERNMEM_PERMS in 3.19, CONFIG_DEBUG_RODATA 4.7 to 4.10, CONFIG_STRICT_KERNEL_RWX since. Older kernels stay writable and executable.",
    question: "Is anything still writable and executable? Look for it in the picture.",
    answer: "On a kernel with STRICT_KERNEL_RWX nothing should be. On older ones all of lowmem is.",
  },
};
