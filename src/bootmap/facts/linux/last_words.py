"""Known last words: lines with which boots end, or lose something, and what each is a sign of.

Causes and changes are those that public threads and the sources give.  A pattern is sought anywhere in a line; the
``{name}`` of a headline stands for a group of it.
"""

from __future__ import annotations

import re

from msgspec import Struct


class LastWord(Struct, frozen=True):
    """One kind of line.

    Attributes:
        id: name of the finding; several texts may share one.
        pattern: what the line looks like.
        fatal: whether the boot ends with it.
        headline: what happened; ``{name}`` stands for a group of the pattern.
        cause: why, in words.
        changes: what to change.
        source: who prints it.
    """

    id: str
    pattern: re.Pattern[str]
    fatal: bool
    headline: str
    cause: str
    changes: tuple[str, ...]
    source: str


def _word(
    id: str, pattern: str, headline: str, cause: str, changes: str, source: str, *, fatal: bool = True
) -> LastWord:
    """A row; changes are separated by " | "."""
    return LastWord(id, re.compile(pattern), fatal, headline, cause, tuple(filter(None, changes.split(" | "))), source)


_HEAD = "arch/arm/kernel/head-common.S"
_MISC = "arch/arm/boot/compressed/misc.c"
_MMU = "arch/arm/mm/mmu.c"
_RMEM = "drivers/of/of_reserved_mem.c"
_UBOOT = "U-Boot boot/bootm.c"

LAST_WORDS = (
    # -- the boot loader ---------------------------------------------------------------------------------------
    _word("wrong-format", r"Wrong Image Format for (?P<what>\w+)|Bad Linux ARM zImage magic",
          "the boot loader does not take the file for a kernel",
          "bootm starts a uImage or FIT, bootz a zImage, booti an arm64 Image: the file is another, or was not loaded "
          "to the address that is started",
          "start a zImage with bootz, a uImage or FIT with bootm | look at the address with `md ADDRESS`: a zImage has "
          "0x016f2818 at offset 0x24", _UBOOT),
    _word("no-fdt", r"Could not find a valid device tree|ERROR: Did not find a cmdline Flattened Device Tree|"
                    r"image is not a fdt - must RESET",
          "the boot loader finds no device tree where it is told to look",
          "the address holds none: it was not loaded, was overwritten by a later load, or the address is wrong",
          "load the tree last, and look at it with `fdt addr ADDRESS; fdt print /memory`", "U-Boot boot/image-fdt.c"),
    _word("fdt-high", r"Failed using fdt_high value|ERROR: fdt (?:move|relocat)\w* failed|"
                      r"FDT creation failed|FDT_ERR_NOSPACE",
          "the boot loader cannot move or enlarge the device tree",
          "there is no room for it where fdt_high or bootm_size allow, or in the blob for what is added",
          "setenv fdt_high to the end of lowmem, not to 0xffffffff | setenv bootm_size to the size of lowmem",
          "U-Boot boot/image-fdt.c"),
    _word("load-overwrites", r"Reading file would overwrite reserved memory|trying to overwrite reserved memory",
          "the boot loader refuses to load over memory that is in use",
          "the file would lie over U-Boot itself, its stack, or memory that the tree reserves",
          "load it lower: U-Boot lies at the end of RAM", "U-Boot fs/fs.c, net/tftp.c"),
    _word("bad-crc", r"Bad Data CRC|Bad Header Checksum|Bad hash value|Verifying Hash Integrity \.\.\. .{0,80}error",
          "the image is damaged", "the boot loader's checksum does not fit what lies at the address",
          "load it again, and clear of everything else", _UBOOT),
    _word("no-fdt-support", r"FDT and ATAGS support not compiled in",
          "the boot loader was built without device trees and tags", "bootm has nothing to hand over",
          "build U-Boot with CONFIG_OF_LIBFDT", "U-Boot arch/arm/lib/bootm.c"),
    # -- the decompressor --------------------------------------------------------------------------------------
    _word("zimage-damaged", r"^(?!.*[Ii]nitramfs)(?:.*(?:uncompression error|crc error|invalid compressed format|"
                            r"XZ-compressed data is corrupt|LZMA data is corrupt|junk in compressed archive|"
                            r"incomplete literal tree|incomplete distance tree|invalid distance|"
                            r"Decoding failed).*|.*out of memory\s*$)",
          "the decompressor finds its data damaged",
          "something was written over the zImage before or while it was unpacked: a load over it (an initrd or "
          "a device "
          "tree put too near), the unpacked kernel itself, or it was not loaded whole",
          "load the zImage at RAM + 32 MiB or higher, so that it need not move, and tree and initrd behind it | "
          "compare its checksum in RAM with the file's (`crc32 ADDRESS SIZE`)", _MISC),
    # -- head.S ------------------------------------------------------------------------------------------------
    _word("machine-unknown", r"unrecognized/unsupported machine ID",
          "the kernel knows no such machine",
          "r1 names no machine that the kernel was built for, and r2 points to no device tree that it accepts: "
          "the boot "
          "loader passed none, or the tree was overwritten or lies where the kernel cannot read it",
          "give the boot loader a device tree (bootz KERNEL INITRD DTB), or append one to the zImage "
          "(CONFIG_ARM_APPENDED_DTB) | build the kernel with the board's own support", _HEAD),
    _word("no-tags-no-dtb", r"Neither atags nor dtb found|Invalid atags/device tree pointer|"
                            r"invalid dtb and unrecognized/unsupported machine ID",
          "the kernel finds neither a device tree nor tags",
          "r2 is 0 or points to something else: no tree was handed over, or it was overwritten before the "
          "kernel read it",
          "give the boot loader a device tree, clear of the kernel and of what the decompressor writes",
          "arch/arm/kernel/setup.c setup_arch"),
    _word("cpu-unknown", r"unrecognized/unsupported processor variant(?: \((?P<midr>0x[0-9a-f]{8})\))?",
          "the kernel does not support this CPU",
          "no proc_info row fits MIDR: the kernel was built for other CPUs (CONFIG_CPU_V7 and its like)",
          "use a kernel that is configured for the CPU", _HEAD),
    # -- RAM ---------------------------------------------------------------------------------------------------
    _word("no-ram", r"ERROR: Failed to allocate (?P<size>0x[0-9a-f]+) bytes below 0x0+\.?(?:\s|$)|"
                    r"early_alloc: Failed to allocate (?P<bytes>\d+) bytes align",
          "paging_init has no RAM to build its tables in",
          "memblock is empty below the limit: no bank came from the boot loader, or none is left. mem= without "
          "its M, an "
          "ATAG list without ATAG_MEM, a /memory node that is empty or outside of what the kernel can use",
          "mem=512M, with the unit: mem=512 is 512 bytes, which no page holds | fill reg of /memory (U-Boot "
          "does so for "
          "the node named /memory; `fdt print /memory`), which needs device_type = memory too | "
          "load the kernel into the first 128 MiB of RAM",
          "mm/memblock.c memblock_alloc_base, arch/arm/mm/mmu.c early_alloc"),
    _word("no-lowmem", r"ERROR: Failed to allocate (?P<size>0x[0-9a-f]+) bytes below (?P<limit>0x0*[1-9a-f][0-9a-f]*)",
          "memblock has no room below {limit}",
          "everything below the limit is reserved, or begins on no section boundary: the limit is where the first bank "
          "that is not aligned to 2 MiB begins or ends",
          "align banks and no-map areas to 2 MiB | make reserved areas smaller", "mm/memblock.c memblock_alloc_base"),
    _word("no-lowmem-at-all", r"cma: Size \((?P<size>0x[0-9a-f]+)\) of region at (?P<base>0x[0-9a-f]+) exceeds limit "
                             r"\((?P<limit>0x0+)\)",
          "the contiguous area of {size} exceeds limit ({limit}), the end of lowmem: there is no lowmem",
          "the limit is arm_lowmem_limit, which adjust_lowmem_bounds sets: it found no bank below its bound. Either no "
          "RAM is known, or the bound itself came out wrong (a regression of the kernel's, where other versions boot)",
          "look at reg of /memory and at mem= | try the version before", "mm/cma.c cma_declare_contiguous_nid"),
    _word("cma-limit", r"cma: Size \((?P<size>0x[0-9a-f]+)\) of region at (?P<base>0x[0-9a-f]+) exceeds limit "
                       r"\((?P<limit>0x0*[1-9a-f][0-9a-f]*)\)",
          "the contiguous area of {size} at {base} exceeds limit ({limit}), the end of lowmem",
          "the limit is arm_lowmem_limit: the area would lie, in whole or in part, in highmem",
          "", "mm/cma.c cma_declare_contiguous_nid", fatal=False),
    _word("cma-failed", r"cma: (?:CMA: )?[Ff]ailed to reserve (?P<mib>\d+) MiB",
          "there is no contiguous area of {mib} MiB",
          "no free range of this size, aligned to the largest block of the buddy allocator, is left in lowmem: "
          "reserved "
          "areas, device tree and initrd cut it up, or it is larger than lowmem. Drivers that allocate from it "
          "fail later",
          "cma=16M on the command line, or CONFIG_CMA_SIZE_MBYTES", "kernel/dma/contiguous.c", fatal=False),
    _word("below-phys-offset", r"Ignoring memory (?:below PHYS_OFFSET: (?P<range>0x[0-9a-f]+-0x[0-9a-f]+)|"
                               r"range (?P<low>0x[0-9a-f]{1,8}) - (?P<high>0x[0-9a-e][0-9a-f]{0,7})$)",
          "RAM below PHYS_OFFSET is not used",
          "the kernel takes the 128 MiB in which the zImage runs for the start of RAM; what lies below is dropped",
          "load the zImage into the first 128 MiB of RAM", "arch/arm/kernel/setup.c, drivers/of/fdt.c", fatal=False),
    _word("bank-dropped", r"Ignoring memory (?:at|block) (?P<range>0x[0-9a-f]+(?: - 0x[0-9a-f]+)?)|"
                          r"NR_BANKS too low, ignoring memory at|Truncating memory at 0x[0-9a-f]+ to fit",
          "a bank is not used, or not all of it",
          "it lies below PHYS_OFFSET, above 4 GiB without CONFIG_ARM_LPAE, is smaller than a page, or is one "
          "bank too many",
          "CONFIG_ARM_LPAE for RAM above 4 GiB, on a CPU that has it", "drivers/of/fdt.c, arch/arm/kernel/setup.c",
          fatal=False),
    # -- mappings ----------------------------------------------------------------------------------------------
    _word("out-of-vmalloc", r"BUG: mapping for (?P<phys>0x[0-9a-f]+) at (?P<virt>0x[0-9a-f]+) (?:out of vmalloc space|"
                            r"overlaps vmalloc space)",
          "the machine's mapping of {phys} at {virt} is not in the vmalloc area",
          "map_io maps at a fixed address that this kernel's layout has for something else: the vmalloc area "
          "begins and "
          "ends elsewhere with another VMSPLIT, another version or vmalloc=",
          "use the VMSPLIT that the machine's code was written for | move the mapping", f"{_MMU} create_mapping",
          fatal=False),
    _word("in-user-region", r"BUG: not creating mapping for (?P<phys>0x[0-9a-f]+) at (?P<virt>0x[0-9a-f]+) in "
                            r"user region",
          "the mapping of {phys} at {virt} is in user space, and is not made",
          "the address is below TASK_SIZE: a bank so large or so far that its place in the linear map wraps, or "
          "a map_io "
          "for another VMSPLIT (DEBUG_LL's address too)",
          "", f"{_MMU} create_mapping", fatal=False),
    _word("modules-full", r"(?:insmod|modprobe|kmod\w{0,16}|systemd-(?:udevd|modules\S{0,8})|udevd|\(udev-worker\)): "
                          r"vmalloc(?:: allocation failure:| error: size) (?P<size>\d+)|"
                          r"vmalloc_node_range\+?\S*\) from \[<\w+>\] \(module_alloc",
          "the modules' area is full: a module of {size} bytes does not fit",
          "module_alloc() takes memory from the modules' area between MODULES_VADDR and PAGE_OFFSET only: 16 "
          "MiB, 14 MiB "
          "with CONFIG_HIGHMEM (8 or 6 MiB with Thumb-2), whatever vmalloc= says. The kernel's own words blame "
          "vmalloc=, "
          "which does not enlarge it",
          "CONFIG_ARM_MODULE_PLTS=y: modules then go to the vmalloc area when theirs is full | build large "
          "modules in, or "
          "leave out what is not needed | vmalloc= does not help",
          "arch/arm/kernel/module.c module_alloc", fatal=False),
    _word("vmalloc-full", r"vmap allocation for size (?P<size>\d+) failed: use vmalloc=<size>|"
                          r"vmalloc: allocation failure|vmalloc error: size",
          "the vmalloc area is full",
          "it holds ioremap, vmalloc and large mappings of drivers, and is what lowmem leaves",
          "vmalloc=512M on the command line: lowmem becomes smaller by as much | where a module was loaded: "
          "modules have "
          "an area of their own of 14 or 16 MiB, which vmalloc= does not enlarge; build large ones in",
          "mm/vmalloc.c", fatal=False),
    _word("ioremap-ram", r"WARNING: .* at arch/arm/mm/ioremap\.c:\d+ __arm_ioremap",
          "a driver maps RAM as a device",
          "ioremap refuses memory that is RAM to the kernel: the area that the driver wants was not taken out of it",
          "reserve it in the device tree with no-map | use memremap in the driver",
          "arch/arm/mm/ioremap.c __arm_ioremap_pfn_caller", fatal=False),
    # -- initrd ------------------------------------------------------------------------------------------------
    _word("initrd-no-memory", r"INITRD: (?P<start>0x[0-9a-f]+)\+(?P<size>0x[0-9a-f]+) is not a memory region",
          "the initrd at {start} is not in RAM that the kernel uses, and is dropped",
          "it lies above the end of lowmem on a kernel without HIGHMEM, in a no-map area, or outside of RAM",
          "setenv initrd_high to the end of lowmem, or load it lower", "arch/arm/mm/init.c arm_initrd_init",
          fatal=False),
    _word("initrd-in-use", r"INITRD: (?P<start>0x[0-9a-f]+)\+(?P<size>0x[0-9a-f]+) overlaps in-use memory region",
          "the initrd at {start} overlaps memory that is in use, and is dropped",
          "the kernel's image, the device tree or a reserved area lies in the same place: one was loaded over "
          "the other",
          "load the initrd clear of the kernel, the device tree and reserved areas", "arch/arm/mm/init.c "
                                                                                     "arm_initrd_init",
          fatal=False),
    _word("initrd-damaged", r"(?:[Ii]nitramfs unpacking failed: |rootfs image is not initramfs \()(?P<why>[^;)]{1,80})",
          "the initrd cannot be unpacked: {why}",
          "it was overwritten (by the zImage that moves itself, the unpacked kernel, or its bss), its size was given "
          "wrong, or the kernel lacks its compression",
          "load it clear of what the decompressor writes | give its size (`bootz KERNEL ADDRESS:SIZE DTB`) | "
          "CONFIG_RD_GZIP, CONFIG_RD_XZ and the like", "init/initramfs.c populate_rootfs", fatal=False),
    # -- reserved memory ---------------------------------------------------------------------------------------
    _word("rmem-full", r"[Rr]eserved mem(?:ory)?: not enough space",
          "there are more reserved areas than the kernel's table holds",
          "16 rows up to 5.2, 32 up to 5.11, 64 up to 6.11: what comes after is not reserved, and is used as RAM",
          "put areas together in the device tree", f"{_RMEM} fdt_reserved_mem_save_node", fatal=False),
    _word("rmem-overlap", r"OVERLAP DETECTED!", "two reserved areas overlap",
          "both are reserved; which driver has the memory is not settled", "correct reg of one of them",
          f"{_RMEM} __rmem_check_for_overlap", fatal=False),
    _word("rmem-failed", r"[Rr]eserved mem(?:ory)?: (?:failed to (?:allocate|reserve) memory for node "
                         r"'?(?P<node>[^':]+)|"
                         r"failed to reserve memory for node '(?P<which>[^']+))",
          "a node of /reserved-memory gets no memory",
          "its range is outside of RAM, is reserved already, or no free range fits size, alignment and alloc-ranges",
          "correct reg, or size and alloc-ranges, of the node", f"{_RMEM} __reserved_mem_alloc_size", fatal=False),
    _word("rmem-format", r"[Rr]eserved mem(?:ory)?: unsupported node format",
          "/reserved-memory is ignored", "its #address-cells and #size-cells are not those of the root, or it "
                                         "has no ranges",
          "give it the root's cell counts and an empty ranges", f"{_RMEM} __reserved_mem_check_root", fatal=False),
    # -- the end -----------------------------------------------------------------------------------------------
    _word("no-root", r"VFS: Unable to mount root fs on (?P<device>\S+)",
          "there is no root file system at {device}",
          "root= names a device that no driver made, the file system's driver is missing, or the initrd that "
          "was to hold "
          "it was dropped",
          "look for INITRD and initramfs above | root=, rootwait, and the drivers in the kernel", "init/do_mounts.c"),
    _word("no-init", r"No working init found|Attempted to kill init",
          "the first process cannot run or has ended", "memory is set up: what is wrong is in the root file system",
          "init=/bin/sh, and look there", "init/main.c kernel_init"),
    _word("out-of-memory", r"Out of memory and no killable processes|System is deadlocked on memory",
          "RAM is exhausted", "too little of it is left after reserved areas and contiguous memory",
          "cma= smaller, fewer or smaller reserved areas", "mm/oom_kill.c"),
)
"""Every row, in the order of a boot."""

OF_LOADER = frozenset({
    "wrong-format", "no-fdt", "fdt-high", "load-overwrites", "bad-crc", "no-fdt-support", "wrong-ramdisk",
})
"""Findings of the boot loader's: where it starts a kernel after all, no boot ends with them."""
ENDS_ATTEMPT = re.compile(
    r"can't get kernel image|Wrong (?:Ramdisk )?Image Format|Bad Linux ARM zImage magic|Bad Data CRC|"
    r"Bad Header Checksum|Bad hash value|Ramdisk image is corrupt or invalid|FDT and ATAGS support not compiled in|"
    r"must RESET the board|ERROR: Did not find a cmdline Flattened|ERROR: fdt (?:move|relocat)\w* failed"
)
"""Lines with which bootm and bootz give up and go back to the prompt, or to the next thing to try (boot/bootm.c)."""

# No row is looked for in a line without one of these words.
WORTH = re.compile(
    r"[Ww]rong|[Bb]ad |valid|ERROR|[Ff]ail|ail|FDT|fdt|overwrite|error|corrupt|incomplete|out of|unrecognized|atags|"
    r"unpacking|exceeds|Ignoring|ignoring|Truncating|BUG|vm|WARNING|INITRD|rootfs|eserved|OVERLAP|VFS|init|Verifying"
)
