"""What head.S stops at, or ought to.

What is said of real kernels was seen with Debian's 6.1.0-50-armmp in QEMU 7.2, started by a stub of a few instructions
and looked at with gdb some seconds later.
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.recordings import DATA, NAMES, case, fresh_kernel

from bootmap.boot.handover import Handover, ZImage
from bootmap.boot.kernel import KernelModel
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.trace import Verdict
from bootmap.facts.arm.cpus import CPUS, GENERIC_V7, SUPPORT, cpu_by_name
from bootmap.inputs import fdt, kconfig
from bootmap.inputs.atags import AtagList
from bootmap.inputs.atags import parse as parse_atags
from bootmap.inputs.decompressor_code import usual_code
from bootmap.inputs.kernel_file import KernelFile
from bootmap.inputs.symbols import Symbols

TREE = fdt.parse((Path(DATA) / "dtb" / "virt.dtb").read_bytes())  # RAM at 0x40000000 (256 MiB) and 0x60000000
SPITZ = parse_atags((Path(DATA) / "atags" / "spitz.bin").read_bytes())


def padded(size: int) -> fdt.Fdt:
    return fdt.parse((TREE.data[:4] + size.to_bytes(4, "big") + TREE.data[8:]).ljust(size, b"\0"))


def kernel(key: str, options: bytes = b"", version: tuple[int, ...] | None = None, **symbols: int) -> KernelModel:
    parsed = fresh_kernel(key)
    text = gzip.decompress((Path(DATA) / "kernels" / key / "config.gz").read_bytes()) + options
    names = {name: parsed.symbols[name] for name in parsed.symbols} | symbols
    table = Symbols(list(names), list(names.values()), ["T"] * len(names))
    return KernelModel(version or parsed.version, parsed.sublevel, kconfig.parse(text), table)


def booted(
    kernel: KernelModel,
    params: int = 0x48000000,
    *,
    phys_offset: int = 0x40000000,
    cpu: str = "cortex-a15",
    board: fdt.Fdt | AtagList = TREE,
    machine_id: int | None = None,
    zimage: ZImage | None = None,
) -> Replay:
    core = cpu_by_name(cpu)
    assert core is not None
    return boot(kernel, Handover(board, params, phys_offset, core, machine_id=machine_id, zimage=zimage))


def dies(prediction: Replay) -> str:
    """The id of the hazard that ends the boot."""
    assert prediction.outcome.verdict is Verdict.DIES
    (hazard,) = [hazard for hazard in prediction.hazards if hazard.fatal]
    assert hazard.stage == prediction.outcome.stage
    return hazard.id


@pytest.mark.parametrize("name", NAMES)
def test_check_head_lets_recorded_kernels_pass(name: str) -> None:
    prediction = case(name).prediction
    assert prediction.stage("create_page_tables") is not None
    at_head = [hazard for hazard in prediction.hazards if hazard.stage in ("create_page_tables", "setup_machine_fdt")]
    assert not [hazard.id for hazard in at_head if hazard.fatal or hazard.luck]


# -- the CPU -----------------------------------------------------------------------------------------------------


def test_support_covers_every_cpu() -> None:
    assert SUPPORT.keys() == {cpu.name for cpu in (*CPUS, GENERIC_V7)}


@pytest.mark.parametrize(
    ("key", "cpu", "runs"),
    [
        ("deb-6.1", "cortex-a9", True),
        ("deb-6.1", "arm926ej-s", False),
        ("deb-6.1", "arm1136", False),
        ("deb-6.1", "arm11mpcore", True),  # MIDR 0x410fb020: __v7_proc_info matches bits 19:16, which are 0xf
        ("deb-6.1-rpi", "arm1176", True),
        ("deb-6.1-rpi", "cortex-a9", False),
        ("v5-versatile", "arm926ej-s", True),
        ("v5-versatile", "cortex-a9", False),
        ("v5-pxa", "pxa27x", True),
        ("v5-pxa", "pxa3xx", False),
        ("deb-6.1-marvell", "feroceon", True),
        ("deb-6.1-marvell", "88fr531", True),
        ("deb-6.1-marvell", "88fr571", True),
        ("deb-6.1-marvell", "arm926ej-s", True),  # by feroceon_old_id: booted
        ("deb-6.1-marvell", "arm1026ej-s", False),
        ("v5-versatile", "feroceon", False),
    ],
)
def test_check_head_cpu_by_configuration(key: str, cpu: str, runs: bool) -> None:
    prediction = booted(fresh_kernel(key), cpu=cpu, phys_offset=0x40000000)
    ids = [hazard.id for hazard in prediction.hazards]
    assert ("cpu-not-supported" not in ids) is runs


def test_check_head_cpu_of_an_excerpt() -> None:
    """A configuration that names no CPU at all says nothing."""
    subject = kernel("old419", b"# CONFIG_CPU_V7 is not set\n")
    assert "cpu-not-supported" not in [hazard.id for hazard in booted(subject, cpu="arm926ej-s").hazards]


def test_check_head_cpu_by_the_kernels_own_table() -> None:
    """Values and masks as in proc-arm926.S and proc-v7.S: the image has the last word."""
    table = struct.pack("<2I", 0x41069260, 0xFF0FFFF0).ljust(52, b"\1") + struct.pack(
        "<2I", 0x000F0000, 0x000F0000
    ).ljust(52, b"\1")
    start = 0xC0208000
    for rows, cpu, runs in (
        (2, "arm926ej-s", True),
        (1, "cortex-a7", False),
        (2, "cortex-a7", True),
        (2, "arm1136", False),
    ):
        subject = kernel("deb-6.1", __proc_info_begin=start, __proc_info_end=start + 52 * rows)
        subject.file = KernelFile(kind="Image", path="Image", image=table)
        ids = [hazard.id for hazard in booted(subject, cpu=cpu).hazards]
        assert ("cpu-not-supported" not in ids) is runs, (rows, cpu)


def test_check_head_lpae() -> None:
    """Debian's armmp-lpae on vexpress-a9: r3, VMSA of ID_MMFR0, is 3, less than 5, and pc stays at "nop; b ." """
    assert dies(booted(fresh_kernel("deb-6.1-lpae"), cpu="cortex-a9")) == "cpu-without-lpae"
    assert booted(fresh_kernel("deb-6.1-lpae"), cpu="cortex-a7").outcome.verdict is Verdict.BOOTS


# -- where the code runs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("flash", "lives"), [(0x00080000, True), (0xC0080000, False), (0x40080000, True)])
def test_create_page_tables_xip_turns_the_mmu_on_in_flash(flash: int, lives: bool) -> None:
    """head.S has the address from its PC: flash that lies where the kernel's data are mapped loses its own map.

    The first row was booted (xip-2g); the others are what the rule says.
    """
    subject = kernel("xip", f"CONFIG_XIP_PHYS_ADDR={flash:#010x}\n".encode())
    prediction = booted(subject)
    if lives:
        assert prediction.outcome.verdict.boots is True
        return
    assert dies(prediction) == "identity-map-lost"
    (hazard,) = [hazard for hazard in prediction.hazards if hazard.fatal]
    assert hazard.address == flash & ~0xFFFFF
    assert "CONFIG_XIP_PHYS_ADDR 0xc0080000" in hazard.message


# -- PHYS_OFFSET -------------------------------------------------------------------------------------------------


def test_check_head_phys_offset_2_mib() -> None:
    """The unpacked Image at 0x40308000: pc stays at 0x40308278, "nop; b ." in __fixup_pv_table, r0 = 0x400."""
    assert dies(booted(fresh_kernel("deb-6.1"), phys_offset=0x40100000)) == "phys-offset-unaligned"
    assert booted(fresh_kernel("deb-6.1"), phys_offset=0x40200000).outcome.verdict is Verdict.BOOTS


def test_check_head_phys_offset_16_mib_before_5_11() -> None:
    assert dies(booted(fresh_kernel("deb-5.10"), phys_offset=0x40200000)) == "phys-offset-unaligned"
    assert dies(booted(kernel("deb-5.10", version=(3, 10)), phys_offset=0x40200000)) == "phys-offset-unaligned"
    assert booted(fresh_kernel("deb-5.10"), phys_offset=0x41000000).outcome.verdict is Verdict.BOOTS


def test_check_head_phys_offset_of_the_configuration() -> None:
    options = b"# CONFIG_ARM_PATCH_PHYS_VIRT is not set\nCONFIG_PHYS_OFFSET=0x80000000\n"
    assert dies(booted(kernel("deb-6.1", options))) == "phys-offset-mismatch"


# -- r2 ----------------------------------------------------------------------------------------------------------


def test_check_head_r2_unaligned() -> None:
    """The tree at 0x48000002, r1 = 0: pc stays in dump_machine_table, called from setup_arch."""
    assert dies(booted(fresh_kernel("deb-6.1"), 0x48000002)) == "params-rejected"


def test_check_head_tree_before_3_0() -> None:
    subject = kernel("deb-5.10", version=(2, 6, 38), __enable_mmu=0xC0300000, __enable_mmu_end=0xC0300020)
    assert dies(booted(subject)) == "params-rejected"


def test_check_head_atags_left_out() -> None:
    options = b"# CONFIG_ATAGS is not set\nCONFIG_MMU=y\n"
    prediction = booted(kernel("deb-6.1", options), 0x40000100, board=SPITZ)
    assert dies(prediction) == "params-rejected"
    assert "no ATAGS support" in (prediction.outcome.reason or "")
    other = booted(kernel("deb-6.1", b"CONFIG_ATAGS=y\n"), 0x40000100, board=SPITZ)
    assert "params-rejected" not in [hazard.id for hazard in other.hazards]


def test_check_head_no_params() -> None:
    """A device tree at physical address 0: r2 = 0 says that there is none, and the kernel takes its own tags."""
    prediction = booted(fresh_kernel("deb-6.1"), 0)
    assert [hazard.id for hazard in prediction.hazards if hazard.stage == "create_page_tables"] == ["params-rejected"]
    assert prediction.outcome.verdict is Verdict.UNCERTAIN
    start = prediction.state.handover.phys_offset
    assert [(bank.start, bank.end) for bank in prediction.state.banks] == [(start, start + 0x1000000)]  # MEM_SIZE


@pytest.mark.parametrize("params", [0x40205000, 0x41600000], ids=["page directory", "bss"])
def test_check_head_zeroes_the_tree(params: int) -> None:
    """Both were started with r1 = 0: pc stays in dump_machine_table."""
    bss = {"__bss_start": 0xC15A90B4}
    assert dies(booted(kernel("deb-6.1", **bss), params)) == "head-overwrites-dtb"


def test_check_head_zeroes_the_initrd() -> None:
    core = cpu_by_name("cortex-a15")
    assert core is not None
    handover = Handover(TREE, 0x48000000, 0x40000000, core, initrd=(0x41580000, 0x100000))
    prediction = boot(kernel("deb-6.1", __bss_start=0xC15A90B4), handover)
    assert "head-overwrites-initrd" in [hazard.id for hazard in prediction.hazards]
    assert prediction.outcome.verdict is Verdict.BOOTS


def test_check_head_tree_in_the_image() -> None:
    """Without a zImage it is not known which was there first; with one the decompressor's stage tells."""
    prediction = booted(fresh_kernel("deb-6.1"), 0x40400000)
    assert prediction.outcome.verdict is Verdict.UNCERTAIN
    assert "kernel-overlaps-dtb" in [hazard.id for hazard in prediction.hazards]
    zimage = ZImage(0x532200, 0x13A10B4, usual_code(0, 0x532200), 0x44000000)
    assert dies(booted(fresh_kernel("deb-6.1"), 0x40400000, zimage=zimage)) == "kernel-overwrites-dtb"


# -- the map of it -----------------------------------------------------------------------------------------------


def test_check_params_mapped_two_sections() -> None:
    """1.5 MiB at 0x480f0000: an abort while the checksum is taken, pc at 0xffff000c; at 0x48000000 it boots."""
    big = padded(0x180000)
    prediction = booted(fresh_kernel("deb-6.1"), 0x480F0000, board=big)
    assert dies(prediction) == "params-unmapped"
    assert [hazard.address for hazard in prediction.hazards if hazard.fatal] == [0x48200000]
    assert booted(fresh_kernel("deb-6.1"), 0x48000000, board=big).outcome.verdict is Verdict.BOOTS
    assert booted(fresh_kernel("deb-6.1"), 0x480F0000).outcome.verdict is Verdict.BOOTS


def test_check_params_mapped_long_sections_are_twice_as_large() -> None:
    """No blob that is read at all, 2 MiB at most, reaches beyond two of them."""
    assert booted(fresh_kernel("deb-6.1-lpae"), 0x481FFFFC, board=padded(0x200000)).outcome.verdict is Verdict.BOOTS


def test_check_params_mapped_without_a_checksum() -> None:
    """Before 3.19 nobody reads the room behind the last block."""
    subject = kernel("deb-5.10", version=(3, 18), __bss_start=0xC1600000)
    subject.overrides["fdt_fixed_base"] = False
    ids = [hazard.id for hazard in booted(subject, 0x480F0000, board=padded(0x180000)).hazards]
    assert "params-unmapped" not in ids


def test_check_params_mapped_one_section() -> None:
    """3.6 and 3.7 map one section: even a small tree must not cross its end."""
    subject = kernel("deb-5.10", version=(3, 7))
    assert dies(booted(subject, 0x480FF000)) == "params-unmapped"
    assert "params-unmapped" not in [
        hazard.id for hazard in booted(kernel("deb-5.10", version=(3, 7)), 0x48000000).hazards
    ]


@pytest.mark.parametrize(
    ("params", "virtual", "why"),
    [
        (0x7F000000, 0xFF000000, "it lies above lowmem, which ends at 0x70000000"),
        (0x3FF00000, 0xBFF00000, "it lies below PHYS_OFFSET, 0x40000000"),
    ],
    ids=["highmem", "below PHYS_OFFSET"],
)
def test_unflatten_device_tree_before_the_fixed_map(params: int, virtual: int, why: str) -> None:
    """unflatten_device_tree reads the blob through the linear map, behind paging_init; since 5.11 it has a map."""
    prediction = booted(fresh_kernel("old49"), params)
    assert (prediction.outcome.verdict, prediction.outcome.stage) == (Verdict.DIES, "unflatten_device_tree")
    assert prediction.stage("paging_init") is not None
    (hazard,) = prediction.hazards
    assert (hazard.id, hazard.address, hazard.subject) == ("dtb-unmapped", params, "dtb")
    assert f"a data abort at virtual {virtual:#010x}" in hazard.message
    assert why in hazard.message
    for subject, at in (("old49", 0x48000000), ("deb-6.1", params)):
        assert "dtb-unmapped" not in [each.id for each in booted(fresh_kernel(subject), at).hazards]
    for place in hazard.places:  # the advice holds, at either end of every window
        for at in (place.start, place.end - 0x10000):
            assert booted(fresh_kernel("old49"), at).outcome.all_well


def test_check_head_appended_tree_is_looked_at_in_its_place() -> None:
    zimage = replace(ZImage(0x532200, 0x13A10B4, usual_code(0, 0x532200), 0x44000000), appended=TREE.totalsize)
    prediction = booted(kernel("deb-6.1", __bss_start=0xC15A90B4), 0x44532200, zimage=zimage)
    assert prediction.outcome.verdict is Verdict.BOOTS
    assert not prediction.hazards


def test_create_page_tables_blob_in_the_last_section() -> None:
    """Its second section would be at 4 GiB: head.S (v3.18) stores that descriptor over stext's first instruction."""
    prediction = booted(fresh_kernel("v318"), 0x7FF00000, cpu="cortex-a9")
    found = [hazard for hazard in prediction.hazards if hazard.id == "section-behind-directory"]
    assert [(hazard.fatal, hazard.address) for hazard in found] == [(False, 0x40008000)]
    tables = prediction.state.tables
    written = {cause.kind: word for cause, word in tables.writers(tables.root + 0x3FFC)}
    assert written["early section"] >> 20 == 0x7FF
    assert tables.word(tables.root + 0x4000) is None
