"""The lines of a kernel's log that bear on memory: what each looks like, in every version's wording, and who prints it.

A pattern is sought anywhere in a line, since noise may stand before it; so none may look far for its end, or a long
line of nothing but beginnings takes for ever.  Groups named in ``HEX`` are hexadecimal
numbers, those in ``DECIMAL`` decimal ones, the rest text.  Not here: what a line means, or whether it is right.
"""

from __future__ import annotations

import re

from msgspec import Struct

HEX = frozenset({"start", "last", "end", "base", "to", "midr", "cr", "size", "flags", "total", "total2", "index"})
DECIMAL = frozenset({
    "free", "present", "reserved", "highmem", "code", "init", "bss", "cma", "mib", "kib", "pages", "sum", "cpus",
    "align", "rwdata", "rodata", "count",
})


class LogLine(Struct, frozen=True):
    """One kind of line.

    Attributes:
        kind: what it is called here.
        pattern: what it looks like; several kinds of wording may share a kind.
        source: who prints it.
        head: how it begins, for lines that mail programs and narrow terminals wrap; "" where none does.
        unmodelled: why its numbers are not predicted; "" where they are, or where the line only tells of the board.
        image: "kernel" for a row of an image's header that counts where the image is a kernel, "payload" where it is
            another (a ramdisk, a device tree); "" for lines of no header.
    """

    kind: str
    pattern: re.Pattern[str]
    source: str
    head: str = ""
    unmodelled: str = ""
    image: str = ""


def _line(kind: str, pattern: str, source: str, head: str = "", unmodelled: str = "", image: str = "") -> LogLine:
    """A row; ``<name>`` stands for a number of the group ``name``, hexadecimal or decimal as the group is."""

    def group(match: re.Match[str]) -> str:
        name = match[1]
        return f"(?:0x)?(?P<{name}>[0-9a-f]{{1,16}})" if name in HEX else rf"(?P<{name}>\d{{1,18}})"

    return LogLine(kind, re.compile(re.sub(r"(?<!\?P)<(\w+)>", group, pattern)), source, head, unmodelled, image)


_INIT = "arch/arm/mm/init.c"
_MMU = "arch/arm/mm/mmu.c"
_SETUP = "arch/arm/kernel/setup.c"
_FDT = "drivers/of/fdt.c"
_PAGE = "mm/page_alloc.c (mm/mm_init.c from 6.4)"
_KASAN = "arch/arm/mm/kasan_init.c kasan_init"
_LATER = "made after paging_init"

LINES = (
    # -- what the board and the kernel are ---------------------------------------------------------------------
    _line("banner", r"Linux version (?P<release>\d{1,4}+\.\d{1,4}+\S{0,100}+) (?P<rest>.*)",
          "init/version.c", "Linux version "),
    _line("cpu", r"CPU: (?P<name>[^\[]{1,60}?) \[<midr>\] revision \d{1,3} "
                 r"\((?P<arch>\w{1,20})\)(?:, {1,4}cr=<cr>)?",
          f"{_SETUP} setup_processor", "CPU: "),
    _line("cache", r"CPU: (?:PIPT / )?(?P<name>V[IP][PV]T(?: (?:non)?aliasing)?|PIPT) data cache", f"{_SETUP} "
                                                                                                   f"cacheid_init"),
    _line("cache", r"CPU\d?: D (?P<name>VIVT) [\w -]{1,40}(?: cache)?$", f"{_SETUP} dump_cpu_info, up to 2.6.27"),
    _line("machine", r"\bMachine: (?P<name>.{1,160}?)(?:, model: (?P<model>.*))?$", f"{_SETUP} setup_machine"),
    _line("model", r"Machine model: (?P<name>.+)", "arch/arm/kernel/devtree.c (drivers/of/fdt.c)"),
    _line("cmdline", r"Kernel command line: ?(?P<text>.*)", "init/main.c"),
    _line("image_name", r"Image Name: +Linux-(?P<release>[2-9]\.\d{1,3}\S{0,60})", "U-Boot image_print_contents",
          image="kernel"),
    _line("release", r"\bCPU: \d+ (?:PID: \d+ |UID: \d+ )+Comm: .{1,40} (?P<release>[2-9]\.\d{1,3}\.\d{1,3}\S{0,80}) #",
          "lib/dump_stack.c dump_stack_print_info"),
    _line("pgd", r"\bpgd = <base>", "arch/arm/mm/fault.c show_pte"),
    _line("dtb", r"Loading Device Tree to <start>, end <last>", "U-Boot boot_relocate_fdt"),
    _line("ramdisk", r"Loading Ramdisk to <start>, end <last>", "U-Boot boot_ramdisk_high"),
    _line("ramdisk_at", r"Loading init Ramdisk from Legacy Image at <start>", "U-Boot boot_get_ramdisk"),
    _line("load", r"\bLoad Address: +<start>", "U-Boot image_print_contents, fit_image_print", image="kernel"),
    _line("payload_load", r"\bLoad Address: +<start>", "U-Boot image_print_contents, fit_image_print", image="payload"),
    _line("load", r"Starting kernel at <start>", "Samsung's loader"),
    _line("kernel_at", r"\b[Kk]ernel image @ <start>", "U-Boot do_bootz"),
    _line("blob", r"Flattened Device Tree blob at <start>", "U-Boot boot_get_fdt"),
    _line("blob", r"Booting using the fdt blob at <start>", "U-Boot boot_get_fdt"),
    _line("blob", r"Using Device Tree in place at <start>(?:, end <last>)?", "U-Boot boot_relocate_fdt"),
    _line("started", r"\bboot[mz] <base>(?: +(?:-|<start>(?::<size>)?)(?: +<to>)?)?\s*$", "typed at U-Boot's prompt"),
    _line("bootargs", r"^(?:append: |bootargs=|.{0,40}?\bsetenv bootargs )['\"]?(?P<text>[^$;'\"]{3,2000}+)['\"]?$",
          "U-Boot printenv, setenv, pxe_utils"),
    _line("arm_image", r"Image Type: +ARM Linux Kernel|Architecture: +ARM\s*$", "U-Boot image_print_contents"),
    _line("image_size", r"Data [Ss]ize: +<count> [Bb]ytes", "U-Boot image_print_contents, fit_image_print",
          image="kernel"),
    _line("payload_size", r"Data [Ss]ize: +<count> [Bb]ytes", "U-Boot image_print_contents, fit_image_print",
          image="payload"),
    _line("cpu_unknown", r"unrecognized/unsupported processor variant \(<midr>\)", "arch/arm/kernel/head-common.S"),
    _line("dram", r"^D?RAM: +(?P<amount>\d{1,5}(?:\.\d{1,3})?) (?P<unit>[KMG]i?B)", "U-Boot show_dram_config"),
    _line("dram_bank", r"Bank #\d: <start> <count> (?P<unit>[KMG]i?B)", "U-Boot show_dram_config"),
    _line("bd_start", r"-> start +=? *<start>", "U-Boot bdinfo, print_bi_dram"),
    _line("bd_size", r"-> size +=? *<size>", "U-Boot bdinfo, print_bi_dram"),
    _line("fixup", r"^\s+Start: +<start>\s*$", "Allwinner's sun8i_fixup, from boot0's header"),
    _line("ion", r"ion_reserve_common: ion reserve: \[<start>, <end>\]", "Allwinner's ion_reserve_common"),
    _line("cut_off", r"Memory cut off:|Memory Reserved:", "Allwinner's arch/arm/mach-sun4i/core.c"),
    _line("taken", r"^\s*(?P<name>SYS|VE|G2D|LCD|FB|MALI) *: 0x<start> - 0x<last> +\( *\d+ ?[kM]B\)",
          "Allwinner's arch/arm/mach-sun4i/core.c"),
    _line("vendor_reserve", r"memblock_reserve memory <start>-<last>", "Qualcomm's dt_scan_for_memory_reserve"),
    _line("vendor_remove", r"memblock_remove memory <start>-<last>", "Qualcomm's dt_scan_for_memory_reserve"),
    _line("persistent", r"Initialized persistent memory from <start>-<last>", "Android's persistent_ram"),
    _line("cma_found", r"cma: Found (?P<name>[^,]{1,80}), memory base <base>, size <mib> MiB",
          "Qualcomm's drivers/base/dma-contiguous.c"),
    _line("fault", r"Unable to handle kernel [\w ]{1,60} at virtual\s+address <base>", "arch/arm/mm/fault.c",
          "Unable to handle kernel"),
    _line("control", r"Control: <cr> +Table: <base> ", "arch/arm/kernel/process.c __show_regs"),
    _line("pc_at", r"PC is at (?P<name>[\w.]{1,80})", "arch/arm/kernel/process.c __show_regs"),
    _line("vendor_area", r"memory reserve: Memory\(base:<base> size:<mib>M\) reserved for <(?P<name>[^>]+)>",
          "Rockchip's board_mem_reserved", unmodelled="an area that the vendor's kernel takes for itself"),
    _line("tcm_found", r"CPU: found (?P<name>[DI]TCM)(?P<bank>\d) <kib>k @ <base>", "arch/arm/kernel/tcm.c "
                                                                                    "setup_tcm_bank",
          unmodelled="what the CPU has; where it is moved to is compared"),
    _line("tcm_moved", r"CPU: moved (?P<name>[DI]TCM)(?P<bank>\d) <kib>k to <base>", "arch/arm/kernel/tcm.c "
                                                                                     "setup_tcm_bank"),
    _line("idmap", r"Setting up static identity map for 0x<start> - 0x<end>", "arch/arm/mm/idmap.c init_static_idmap"),
    _line("slub", r"SLUB: .{0,20}?HWalign=<align>,.{0,60}? CPUs=<cpus>,", "mm/slub.c kmem_cache_init"),
    _line("nosmp", r"CPU: All CPU\(s\) started in SVC mode|SMP: Total of <cpus> processors? activated",
          "arch/arm/kernel/setup.c hyp_mode_check, arch/arm/kernel/smp.c smp_cpus_done"),
    _line("efi_row", r"\befi:?\s{1,8}0x[0-9a-f]{8,16}-0x[0-9a-f]{8,16} \[[\w =]{1,40}\|[^\]]{0,120}\]",
          "drivers/firmware/efi/efi-init.c reserve_regions, with efi=debug"),
    _line("efi_map", r"\befi:\s{1,8}MemMap (?P<name>Address|Size|Desc\. Size)\s{1,16}: <size>",
          "drivers/firmware/efi/fdtparams.c efi_get_fdt_params, with efi=debug"),
    _line("efi_table", r"\befi:.{0,200}\b(?:MEMATTR|MEMRESERVE)=0x[0-9a-f]{1,16}.{0,200}",
          "drivers/firmware/efi/efi.c efi_config_parse_tables"),
    # -- memblock=debug ------------------------------------------------------------------------------------------
    _line("call", r"(?:__)?memblock_(?P<name>add|remove|reserve|free|phys_free|mark_nomap|clear_nomap): "
                  r"\[<start>-<last>\](?P<inside> \(|)(?P<rest>.*)", "mm/memblock.c"),
    _line("announced", r"memblock_\w{0,24}?alloc\w{0,24}+: <pages> bytes align=(?:0x[0-9a-f]+)?", "mm/memblock.c",
          unmodelled="announces an allocation; the reservation that follows it is compared"),
    _line("dump_totals", r"memory size = <total> reserved size = <total2>", "mm/memblock.c __memblock_dump_all"),
    _line("dump_count", r"\b(?P<name>memory|reserved)\.cnt ++=?+ *+<index>", "mm/memblock.c memblock_dump"),
    _line("dump_row", r"\b(?P<name>memory|reserved)\[<index>\]\s*\[<start>-<last>\], <size> bytes(?: on node \d+)?"
                      r"(?: flags: <flags>)?", "mm/memblock.c memblock_dump"),
    # -- the command line's and the device tree's RAM ------------------------------------------------------------
    _line("ignoring", r"Ignoring RAM at <start>-<last>(?P<rest>.*)",
          f"{_MMU} adjust_lowmem_bounds, sanity_check_meminfo"),
    _line("truncating", r"Truncating RAM at <start>-<last> to -<to>", f"{_MMU} sanity_check_meminfo"),
    _line("said", r"(?P<text>Consider using a HIGHMEM enabled kernel\.)", _MMU),
    _line("said", r"(?P<text>vmalloc area (?:is )?too (?:small|big), limiting to \d+Mi?B)", f"{_MMU} early_vmalloc"),
    _line("said", r"(?P<text>NR_BANKS too low, ignoring memory at 0x[0-9a-f]+)", f"{_SETUP} arm_add_memory"),
    _line("said", r"(?P<text>Truncating memory at 0x[0-9a-f]+ to fit in 32-bit physical address space)", _SETUP),
    _line("said", r"(?P<text>BUG: (?:not creating mapping|mapping|map) for .*)", f"{_MMU} create_mapping"),
    _line("said", r"(?P<text>MM: cannot create supersection mapping for .*)", f"{_MMU} create_36bit_mapping"),
    _line("said", r"(?P<text>Forcing write-allocate cache policy for SMP)", f"{_MMU} build_mem_type_table"),
    _line("said", r"(?P<text>Only cachepolicy=\w+ supported on ARMv6 and later)", f"{_MMU} early_cachepolicy"),
    _line("said", r"(?P<text>ERROR: unknown or unsupported cache policy)", f"{_MMU} early_cachepolicy"),
    _line("said", r"(?P<text>INITRD: 0x[0-9a-f]+\+0x[0-9a-f]+ (?:overlaps in-use|is not a) memory region.*)",
          f"{_INIT} arm_initrd_init"),
    _line("said", r"(?P<text>Ignoring memory (?:at|below) \S*:? ?0x[0-9a-f]+.*)", f"{_SETUP} arm_add_memory"),
    _line("dt_range", r"Ignoring memory range <start> - <end>", f"{_FDT} early_init_dt_add_memory_arch"),
    _line("dt_block", r"Ignoring memory block <start> - <end>", f"{_FDT} early_init_dt_add_memory_arch"),
    # -- reserved memory and CMA ---------------------------------------------------------------------------------
    _line("pool", r"Reserved memory: created (?P<name>CMA|DMA) memory pool at\s+<base>, size <mib> MiB",
          "kernel/dma/contiguous.c rmem_cma_setup, kernel/dma/coherent.c rmem_dma_setup", "Reserved memory: created"),
    _line("node", r"OF: reserved mem: <start>\.\.<last> \(<kib> KiB\) (?P<map>nomap|map) (?P<reuse>\S+) (?P<name>\S+)",
          "drivers/of/of_reserved_mem.c", "OF: reserved mem: 0x"),
    _line("region", r"Reserved memory: (?:reserved region for node|allocated memory for) '(?P<name>[^']{1,80})'"
                    r"(?: node)?: base <base>, size <mib> MiB",
          "drivers/of/of_reserved_mem.c __reserved_mem_reserve_reg, __reserved_mem_alloc_size"),
    _line("removed", r"Removed memory: created DMA memory pool at <base>, size <mib> MiB",
          "Qualcomm's kernel/dma/removed.c"),
    _line("pool_name", r"(?:OF: reserved mem|Reserved memory): initialized node", "drivers/of/of_reserved_mem.c",
          unmodelled="names a node whose area other lines give"),
    _line("rmem", r"(?:OF: reserved mem|Reserved memory): (?P<text>(?:not enough space|unsupported node|"
                  r"failed to allocate|invalid (?:size|align|alloc|reg)|bypass|incorrect alignment|regions without"
                  r").*)",
          "drivers/of/of_reserved_mem.c, kernel/dma/contiguous.c"),
    _line("elfcorehdr", r"OF: fdt: (?P<text>elfcorehdr is overlapped|Reserving \d{1,9} KiB of memory at 0x\w{1,16} for "
                        r"elfcorehdr)", "drivers/of/fdt.c fdt_reserve_elfcorehdr"),
    _line("cma_limit", r"cma: Size \(<size>\) of region at <base> exceeds\s+limit \(<to>\)",
          "mm/cma.c cma_declare_contiguous_nid", "cma: Size ("),
    _line("cma", r"cma: (?:CMA: )?[Rr]eserved <mib> MiB at <base>", "mm/cma.c cma_declare_contiguous"),
    _line("cma_failed", r"cma: (?:CMA: )?[Ff]ailed to reserve <mib> MiB", "mm/cma.c cma_declare_contiguous"),
    # -- paging_init ---------------------------------------------------------------------------------------------
    _line("policy", r"Memory policy: (?:ECC (?P<ecc>\w+), )?Data cache (?P<name>\w+)", f"{_MMU} build_mem_type_table"),
    # -- the zones -----------------------------------------------------------------------------------------------
    _line("zone", r"\b(?P<name>DMA|Normal|HighMem) +(?:\[mem\s+<start>-<last>\]|(?P<empty>empty))", _PAGE, "  [mem"),
    _line("zone_pfn", r"\b(?P<name>DMA|Normal|HighMem) +0x<base> -> 0x<to>", f"{_PAGE}, up to 3.5"),
    _line("nodes", r"\bnode +0: +\[mem\s+<start>-<last>\]", _PAGE, "node   0:"),
    _line("initmem", r"Initmem setup node 0 \[mem\s+<start>-<last>\]", _PAGE, "Initmem setup node 0"),
    _line("total", r"On node 0 totalpages: <pages>", _PAGE),
    _line("memmap", r"\b(?P<name>DMA|Normal|HighMem) zone: <pages> pages used for memmap", _PAGE),
    _line("dma_reserve", r"\b(?P<name>DMA|Normal|HighMem) zone: <pages> pages reserved", _PAGE),
    _line("zone_pages", r"\b(?P<name>DMA|Normal|HighMem) zone: <pages> pages, LIFO", _PAGE),
    _line("mem_map", r"free_area_init_node: node 0, pgdat <start>, node_mem_map <base>", _PAGE,
          "free_area_init_node: node 0",
          unmodelled="where mem_map lies depends on bootmem, or on what was allocated before it for resources"),
    _line("unavailable", r"zone (?P<name>\w+): <pages> pages in unavailable ranges", _PAGE),
    _line("all_pages", r"Built <cpus> zonelists.{0,80}?Total\s+pages: <pages>", _PAGE, "Built 1 zonelists"),
    # -- mem_init ------------------------------------------------------------------------------------------------
    _line("memory_mb", r"Memory: (?P<banks>(?:\d+MB )+)= <sum>MB total", f"{_INIT} mem_init"),
    _line("memory_k", r"Memory: <free>k/<present>k available, <reserved>k reserved, <highmem>K highmem",
          f"{_INIT} mem_init"),
    _line("memory", r"Memory: <free>K/<present>K available \(<code>K kernel\s+code, <rwdata>K rwdata, <rodata>K\s+"
                    r"rodata(?:, <init>K init, <bss>K\s+bss, <reserved>K\s+reserved(?:, <cma>K\s+cma-reserved)?"
                    r"(?:, <highmem>K\s+highmem)?)?", "mm/page_alloc.c mem_init_print_info", "Memory: "),
    _line("layout", r"(?P<name>vector|fixmap|fdt|vmalloc|lowmem|pkmap|modules|\.text|\.init|\.data|\.bss) +: "
                    r"0x<start> - 0x<end> ", f"{_INIT} mem_init"),
    _line("layout_other", r"\b(?P<name>DMA|[DI]TCM|timers|cpu_ent|PCI I/O) +: 0x<start> - 0x<end> ",
          f"{_INIT} mem_init"),
    _line("kasan", r"kasan: Mapping kernel virtual memory block: <start>-<last> at shadow: <base>-<to>", _KASAN,
          "kasan: Mapping kernel virtual"),
    _line("kasan_skip", r"kasan: Skip highmem block at <start>-<last>", _KASAN, "kasan: Skip highmem block"),
    _line("kasan_skip", r"kasan: Truncating shadow for memory block at <start>-<last> to lowmem region at <to>", _KASAN,
          "kasan: Truncating shadow"),
    # -- later ---------------------------------------------------------------------------------------------------
    _line("percpu", r"(?:percpu|PERCPU): Embedded \d+ pages/cpu(?: @<base>)?", "mm/percpu.c", unmodelled=_LATER),
    _line("atomic_pool", r"DMA: preallocated \d{1,9} KiB .{0,40}?pool for atomic", "kernel/dma/pool.c",
          unmodelled=_LATER),
    _line("freed_initrd", r"Freeing initrd memory: <kib>K", "init/initramfs.c free_initrd_mem"),
    _line("freed", r"Freeing (?:init|unused kernel)\b.{0,40}? memory: \d", "mm/page_alloc.c",
          unmodelled="given back when the boot is over"),
)
"""Every kind of line, in the order of a boot."""

KINDS = {line.kind: line for line in LINES}
