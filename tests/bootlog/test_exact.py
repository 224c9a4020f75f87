"""Known last words: each is told with its cause, and with a change whose values are those of the very board."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import bootmap
from bootmap.report.diagnose_text import diagnoses_text

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """Linux version 5.4.0 (builder) (gcc) #1 SMP
CPU: ARMv7 Processor [410fc090] revision 0 (ARMv7), cr=10c5387d
OF: fdt: Machine model: X
"""
RAM = "On node 0 totalpages: 131072\n"


def diagnosed(text: str, tmp_path: Path) -> tuple[bootmap.Diagnosis, str]:
    log = tmp_path / "log"
    log.write_text(text)
    found = bootmap.diagnose(str(log))
    return found[-1], " ".join(diagnoses_text("log", found).split())


@pytest.mark.parametrize(
    ("text", "id", "says"),
    [
        # The device tree and the initrd in linear-map terms: PHYS_OFFSET 0x10000000, fault 0xbfff6000.
        (
            f"   Load Address: 0x17000000\n   Loading Device Tree to 0fff6000, end 0ffff02f ... OK\n{HEAD}"
            "OF: fdt: Ignoring memory range 0x0 - 0x10000000\ncma: Reserved 64 MiB at 0x1c000000\n"
            "Unable to handle kernel paging request at virtual address bfff6000\npgd = (ptrval)\n"
            "[bfff6000] *pgd=00000000\nInternal error: Oops: 5 [#1] SMP ARM\nPC is at fdt_check_header+0x0/0x74\n",
            "dtb-unmapped",
            ["line 2 the boot loader put the device tree at 0x0fff6000", "0xbfff6000 is 0x0fff6000", "boots, 512 MiB"],
        ),
        # No RAM: the size without its M.
        (
            f"{HEAD}Kernel panic - not syncing: ERROR: Failed to allocate 0x1000 bytes below 0x0.\n",
            "no-ram",
            ["paging_init has no RAM", "mem=512M, with the unit"],
        ),
        # The initrd in the kernel, and outside of RAM.
        (
            f"{HEAD}INITRD: 0x00800000+0x00900000 overlaps in-use memory region - disabling initrd\n{RAM}"
            "Kernel command line: console=ttyS0 initrd=0x800000,9M\n",
            "initrd-in-use",
            ["the kernel, bss included, is at [mem 0x00008000-", "initrd=0x8000000,9M on the command line"],
        ),
        (
            f"{HEAD}INITRD: 0x30000000+0x00900000 is not a memory region - disabling initrd\n{RAM}"
            "Kernel command line: console=ttyS0 initrd=0x30000000,9M\n",
            "initrd-no-memory",
            ["0x30000000", "initrd=0x8000000,9M on the command line", "(predicted again)"],
        ),
        # Contiguous memory.
        (
            f"{HEAD}cma: Failed to reserve 512 MiB\n{RAM}Kernel command line: console=ttyS0 cma=512M\n",
            "cma-failed",
            ["cma=256M on the command line: reserved at 0x10000000"],
        ),
        (
            f"{HEAD}cma: Size (0x04000000) of region at 0x5f000000 exceeds limit (0x2f800000)\n{RAM}",
            "cma-limit",
            ["cma=64M@0-0x2f800000 on the command line", "alloc-ranges below 0x2f800000"],
        ),
        # RAM that is not used.
        (
            f"{HEAD}Memory policy: Data cache writealloc\nIgnoring RAM at 0x2f800000-0x40000000 (!CONFIG_HIGHMEM)\n"
            "On node 0 totalpages: 194560\n",
            "ram-lost",
            [
                "264 MiB of RAM are not used",
                "CONFIG_HIGHMEM=y: boots, 1 GiB",
                "CONFIG_VMSPLIT_3G_OPT=y: boots, 1016 MiB",
            ],
        ),
        (
            "Linux version 3.10.0 (builder) (gcc) #1 SMP\n"
            "CPU: ARMv7 Processor [410fc090] revision 0 (ARMv7), cr=10c5387d\nMachine: X, model: Y\n"
            "Truncating RAM at 80000000-bfffffff to -af7fffff (vmalloc region overlap).\nMemory: 760MB = 760MB total\n",
            "ram-lost",
            ["264 MiB of RAM are not used, 760 MiB are", "CONFIG_HIGHMEM=y: boots, 1 GiB of RAM"],
        ),
        (
            f"   Load Address: 0x18000000\n{HEAD}OF: fdt: Ignoring memory range 0x0 - 0x18000000\n"
            "On node 0 totalpages: 32768\n",
            "below-phys-offset",
            ["setenv kernel_addr_r 0x02000000", "boots, 512 MiB of RAM"],
        ),
        (
            "Linux version 4.4.60 (builder) (gcc) #5 SMP PREEMPT\n"
            "CPU: ARMv7 Processor [51af8014] revision 4 (ARMv7), cr=10c0383d\nMachine model: IPQ5018\n"
            "Ignoring memory range 0x40000000 - 0x41000000\nMemory policy: Data cache writealloc\n",
            "below-phys-offset",
            ["PHYS_OFFSET is 0x41000000, no multiple of 128 MiB", "leaves what is below to firmware"],
        ),
        # Mappings.
        (
            f"{HEAD}BUG: mapping for 0x40000000 at 0xe0000000 out of vmalloc space\n{RAM}"
            "Kernel command line: console=ttyS0 vmalloc=128M\n",
            "out-of-vmalloc",
            ["the vmalloc area is 0xe0800000-0xff7fffff here", "vmalloc=512M", "begins at 0xe0000000"],
        ),
        (
            f"{HEAD}BUG: not creating mapping for 0x11030000 at 0x11030000 in user region\n",
            "in-user-region",
            ["CONFIG_DEBUG_UART_VIRT was given the physical one", "CONFIG_DEBUG_UART_VIRT=0xf1030000"],
        ),
        (
            f"{HEAD}BUG: not creating mapping for 0x80000000 at 0x00000000 in user region\n",
            "in-user-region",
            ["1 GiB behind PHYS_OFFSET, 0x40000000", "wraps past 4 GiB", "CONFIG_HIGHMEM=y"],
        ),
        # Virtual space that is full.
        (
            f"{HEAD}{RAM}Freeing unused kernel memory: 1024K\n"
            "vmap allocation for size 8392704 failed: use vmalloc=<size> to increase size.\n",
            "vmalloc-full",
            ["vmalloc=512M on the command line"],
        ),
        (
            f"{HEAD}{RAM}insmod: vmalloc: allocation failure: 425984 bytes\n",
            "modules-full",
            ["a module of 425984 bytes does not fit", "CONFIG_ARM_MODULE_PLTS=y", "vmalloc= does not help"],
        ),
        # The decompressor over the initrd.
        (
            f"{HEAD}{RAM}Kernel command line: console=ttyS0 initrd=0xa00000,0x900000\n"
            "Initramfs unpacking failed: junk in compressed archive\n"
            "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n",
            "initrd-damaged",
            ["junk in compressed archive", "initrd=0x8000000,0x900000 on the command line"],
        ),
        # head.S.
        (
            "Uncompressing Linux... done, booting the kernel.\n\n"
            "Error: unrecognized/unsupported processor variant (0x412fc0f1).\n",
            "cpu-unknown",
            ["MIDR 0x412fc0f1 is cortex-a15, ARMv7", "CONFIG_ARCH_MULTI_V7=y"],
        ),
        (
            "Uncompressing Linux... done, booting the kernel.\n\n"
            "Error: unrecognized/unsupported machine ID (r1 = 0x00000ca7).\n\nAvailable machine support:\n\n"
            "ID (hex)\tNAME\n00000bbc\tti8148evm\n",
            "machine-unknown",
            ["r1 is 0xca7", "setenv machid bbc"],
        ),
        (
            f"{HEAD}Error: invalid dtb and unrecognized/unsupported machine ID\n  r1=0x00000e05, r2=0x88000000\n"
            "  r2[]=41 00 00 00 00 00 00 00\n",
            "no-tags-no-dtb",
            ["r2 is 0x88000000, and what lies there begins with 41 00 00 00", "d0 0d fe ed"],
        ),
        (
            f"{HEAD}Error: invalid dtb and unrecognized/unsupported machine ID\n  r1=0x00000e05, r2=0x88000000\n"
            "  r2[]=d0 0d fe ed 00 00 10 00\n",
            "no-tags-no-dtb",
            ["its compatible is of no machine in this kernel"],
        ),
        (
            f"{HEAD}Error: invalid dtb and unrecognized/unsupported machine ID\n  r1=0x00000e05, r2=0x00000000\n",
            "no-tags-no-dtb",
            ["hands over neither a device tree nor tags"],
        ),
        # Reserved memory, in the words of 4.4 and of later versions.
        (
            f"{HEAD}Reserved memory: OVERLAP DETECTED!\n"
            "q6_code@4B000000 (0x4b000000--0x4b060000) overlaps with q6_mem@4B000000 (0x4b000000--0x50400000)\n",
            "rmem-overlap",
            ["q6_code@4B000000 and q6_mem@4B000000 overlap", "384 KiB in common: it lies in q6_mem@4B000000"],
        ),
        (
            f"{HEAD}OF: reserved mem: OVERLAP DETECTED!\n"
            "a@1000000 (0x01000000--0x01200000) overlaps with b@1100000 (0x01100000--0x01400000)\n",
            "rmem-overlap",
            ["begin b@1100000 at 0x1200000, or end a@1000000 at 0x1100000"],
        ),
        (f"{HEAD}Reserved memory: not enough space all defined regions.\n", "rmem-full", ["16 rows up to 5.2"]),
        (
            f"{HEAD}Reserved memory: failed to reserve memory for node 'tz@4a600000': base 0x4a600000, size 4 MiB\n",
            "rmem-failed",
            ["tz@4a600000", "correct reg"],
        ),
    ],
)
def test_last_words_have_a_cause_and_exact_values(text: str, id: str, says: list[str], tmp_path: Path) -> None:
    found, told = diagnosed(text, tmp_path)
    assert id in [finding.id for finding in found.findings]
    for words in says:
        assert words in told


@pytest.mark.parametrize("last", ["Starting kernel ...\n", "Uncompressing Linux... done, booting the kernel.\n"])
@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ("8d000000", "predicted for this board: it boots, with 1 GiB of RAM"),
        ("bfff3000", "the device tree lies above lowmem, where the kernel cannot read it"),
    ],
)
def test_silence_has_what_the_prediction_says_of_the_board(last: str, tree: str, says: str, tmp_path: Path) -> None:
    text = (
        "U-Boot 2019.01\nDRAM:  1 GiB\n   Image Name:   Linux-4.4.0\n   Image Type:   ARM Linux Kernel Image\n"
        f"   Load Address: 80008000\n   Loading Device Tree to {tree}, end {tree[:-3]}fff ... OK\nStarting kernel ...\n"
    )
    assert says in diagnosed(text + last, tmp_path)[1]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        # A WD My Cloud: 3564848 bytes boot and 3596432 do not, with the initrd at 0xf00000.
        (
            "## Loading init Ramdisk from Legacy Image at 00f00000 ...",
            [
                "the initrd lies where the decompressor may write",
                "the zImage moves itself behind it first",
                "setenv ramdisk_addr_r 0x01200000",
            ],
        ),
        (
            "   Booting using the fdt blob at 0x00700000",
            ["the device tree lies where the decompressor may write", "setenv fdt_addr_r 0x01200000, or higher"],
        ),
        ("## Loading init Ramdisk from Legacy Image at 02000000 ...", ["nothing was heard of the kernel"]),
    ],
)
def test_silence_with_a_payload_in_the_decompressors_way(place: str, says: list[str], tmp_path: Path) -> None:
    text = (
        "## Booting kernel from Legacy Image at 00a00000 ...\n   Image Type:   ARM Linux Kernel Image (uncompressed)\n"
        f"   Data Size:    3596432 Bytes = 3.4 MiB\n   Load Address: 00008000\n{place}\nStarting kernel ...\n"
    )
    found, told = diagnosed(text, tmp_path)
    for words in says:
        assert words in told
    assert (found.findings[0].id == "in-decompressors-way") == ("may write" in says[0])


def test_blocks_that_are_enough_are_not_blamed(tmp_path: Path) -> None:
    text = (
        "MMC read: dev # 0, block # 2048, count {} ... {} blocks read: OK\n   Data Size:    3218068 Bytes =  3.1 MB\n"
        "   Verifying Checksum ... Bad Data CRC\n"
    )
    assert "0x188e (6286) blocks" in diagnosed(text.format(6285, 6285), tmp_path)[1]
    found, told = diagnosed(text.format(6286, 6286), tmp_path)
    assert "blocks or more" not in told
    assert found.findings[0].headline == "the image is damaged"


def test_vmalloc_that_the_log_does_not_show_is_told_by_lowmem(tmp_path: Path) -> None:
    """624 MiB of lowmem with VMALLOC_END 0xff000000: 0xff000000 - 0xc0000000 - 624 MiB is vmalloc=384M."""
    log = tmp_path / "log"
    log.write_text(
        "Linux version 3.4.39 (builder) (gcc) #1 SMP\nCPU: ARMv7 Processor [410fc075] revision 5 (ARMv7), cr=10c5387d\n"
        "Machine: sun8i\nMemory policy: ECC disabled, Data cache writealloc\nOn node 0 totalpages: 524288\n"
        "  Normal zone: 1404 pages used for memmap\n  Normal zone: 0 pages reserved\n"
        "  Normal zone: 158340 pages, LIFO batch:31\n  HighMem zone: 3204 pages used for memmap\n"
    )
    (found,) = bootmap.diagnose(str(log))
    assert found.report is not None
    assert "vmalloc=384M" in found.report.neighbours[0]
    (again,) = bootmap.diagnose(str(log), cmdline="vmalloc=384M")
    assert again.report is not None
    assert again.report.contradicted == 0
