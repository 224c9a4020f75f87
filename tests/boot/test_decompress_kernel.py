"""The decompressor, against what a real one did.

Debian's 6.1.0-50-armmp (xz, EFI stub, ATAG_DTB_COMPAT) was started by a stub of a few instructions in QEMU 7.2's virt
machine (cortex-a15, RAM from 0x40000000), after RAM had been filled with 0xa5a5a5a5.  At the kernel's first instruction
RAM was saved and compared; what had changed is given here as it was seen.  The tests give bootmap that kernel's sizes.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from support.recordings import fresh_kernel

from bootmap.boot.decompressor.decompress_kernel import plan
from bootmap.boot.handover import Handover, ZImage
from bootmap.boot.kernel import KernelModel
from bootmap.boot.sequence import Replay, boot
from bootmap.boot.trace import Verdict
from bootmap.facts.arm.cpus import cpu_by_name
from bootmap.inputs import fdt, kconfig
from bootmap.inputs.atags import AtagList
from bootmap.inputs.atags import parse as parse_atags
from bootmap.inputs.decompressor_code import DecompressorCode, usual_code
from bootmap.units import Span

DATA = Path(__file__).parent.parent / "data"
VIRT = fdt.parse((DATA / "dtb" / "virt.dtb").read_bytes())
RAM = 0x40000000

# As readelf and nm have them for the build's arch/arm/boot/compressed/vmlinux: sizes, _edata, bss, the labels.
DEBIAN = ZImage(
    size=0x532200,
    image_size=0x13A10B4,
    code=DecompressorCode(0x532200, 0x532618, 0x10B4, 0x1228, 0x900),
    bss_size=0x5E4D4,
)
APPENDED = 0x100000  # of QEMU's own tree


def written(
    load_addr: int, appended: int = 0, kernel: KernelModel | None = None
) -> tuple[list[Span], list[Span], int | None]:
    """Certain areas (neighbours together), uncertain ones, and where an appended tree ends up."""
    done = plan(kernel or fresh_kernel("deb-6.1"), replace(DEBIAN, load_addr=load_addr, appended=appended), RAM)
    certain: list[Span] = []
    for area in sorted((area for area in done.areas if area.certain), key=lambda area: area.span):
        if certain and certain[-1].end >= area.span.start:
            certain[-1] = Span(certain[-1].start, max(certain[-1].end, area.span.end))
        else:
            certain.append(area.span)
    return certain, [area.span for area in done.areas if not area.certain], done.dtb


# load address -> (ranges that were written whole; parts of RAM behind them that were touched)
SEEN = {
    # Clear of the kernel: it stays.  (It also patched its own table of addresses, 0x532000-0x532027 of the zImage.)
    0x42000000: (
        [Span(0x40204000, 0x415A90B4), Span(0x42532200, 0x42532620)],
        [Span(0x425334E8, 0x425336CC), Span(0x42533AC0, 0x4253A9F0)],
    ),
    # The kernel ends below the label wont_overwrite: it stays too.
    0x41600000: (
        [Span(0x40204000, 0x415A90B4), Span(0x41B32200, 0x41B32620)],
        [Span(0x41B334E8, 0x41B336CC), Span(0x41B33AC0, 0x41B3A9F0)],
    ),
    # In the way: it moves behind the kernel.
    0x41000000: (
        [Span(0x40204000, 0x415A90B4), Span(0x415A9900, 0x41ADAE80)],
        [Span(0x41ADBD84, 0x41ADBF2C), Span(0x41ADC320, 0x41AE3250)],
    ),
    # In the way, and where its page tables will be: it moves first and turns the cache on later.
    0x40110000: (
        [Span(0x40204000, 0x415A90B4), Span(0x415A9900, 0x41ADAE80)],
        [Span(0x41ADBD84, 0x41ADBF2C), Span(0x41ADC320, 0x41AE3250)],
    ),
}


@pytest.mark.parametrize("load_addr", SEEN)
def test_plan_writes_what_was_seen(load_addr: int) -> None:
    whole, touched = SEEN[load_addr]
    certain, uncertain, dtb = written(load_addr)
    assert certain == whole
    assert dtb is None
    for part in touched:
        edges = sorted(span for span in uncertain if span.overlaps(part))
        assert edges[0].start <= part.start
        assert edges[-1].end >= part.end


@pytest.mark.parametrize(
    ("load_addr", "dtb", "last"),
    [
        (0x42000000, 0x42532200, Span(0x42632200, 0x42632620)),  # r2 at the kernel's entry, and the bss cleared
        (0x40110000, 0x41ADAA60, Span(0x415A9900, 0x41BDAE80)),
    ],
)
def test_plan_takes_an_appended_tree_along(load_addr: int, dtb: int, last: Span) -> None:
    certain, _, at = written(load_addr, APPENDED)
    assert at == dtb
    assert certain == [Span(0x40204000, 0x415A90B4), last]


def test_plan_page_tables_in_the_zimage() -> None:
    """Before 3.11 the cache is turned on first: a zImage over PHYS_OFFSET + 0x4000 destroys itself."""
    old = fresh_kernel("old49")
    old.overrides["zimage_spares_itself"] = False
    kernel = old.text_offset + RAM
    zimage = ZImage(0x300000, 0x900000, DecompressorCode(0x300000, 0x300020, 0x60, 0x1A8, 0x900), RAM + 0x1000)
    assert plan(old, zimage, RAM).clobbered
    assert not plan(old, replace(zimage, load_addr=kernel), RAM).clobbered
    now = plan(fresh_kernel("old49"), zimage, RAM)
    assert now.clobbered == ""
    assert [area.what for area in now.areas].index("its page tables") > [area.what for area in now.areas].index(
        "its copy of itself"
    )


def test_plan_linux_2_6_38_unpacks_behind_itself() -> None:
    """Nothing moves; the kernel is unpacked behind the heap and brought down."""
    old = fresh_kernel("old49")
    for name in ("zimage_moves_itself", "zimage_knows_size", "zimage_spares_itself"):
        old.overrides[name] = False
    zimage = ZImage(0x300000, 0x900000, DecompressorCode(0x300000, 0x301000, 0, 0, 0x100, exact=False), RAM + 0x100000)
    done = plan(old, zimage, RAM)
    heap_end = RAM + 0x100000 + 0x301000 + 0x1000 + 0x10000
    spans = {area.what: area.span for area in done.areas}
    assert done.moved is None
    assert spans["the kernel, unpacked behind it"].start == heap_end
    assert spans["the kernel, unpacked behind it"].size >= 0x900000
    high = plan(old, replace(zimage, load_addr=RAM + 0x2000000), RAM)
    assert "the kernel, unpacked behind it" not in {area.what for area in high.areas}


def test_plan_2_6_39_takes_four_times_its_size() -> None:
    old = fresh_kernel("old49")
    zimage = ZImage(0x300000, 0x900000, DecompressorCode(0x300000, 0x301000, 0x60, 0x150, 0x900), RAM + 0xA00000)
    assert plan(old, zimage, RAM).moved is None
    old = fresh_kernel("old49")
    old.overrides["zimage_knows_size"] = False
    moved = plan(old, zimage, RAM).moved
    assert moved is not None
    assert moved.start >= RAM + old.text_offset + 4 * 0x300000


def test_plan_in_flash() -> None:
    """ZBOOT_ROM: bss, stack and heap are where the configuration puts them."""
    parsed = fresh_kernel("old49")
    text = (DATA / "kernels" / "old49" / "config.gz").read_bytes()
    config = kconfig.parse(__import__("gzip").decompress(text) + b"CONFIG_ZBOOT_ROM=y\n")
    kernel = KernelModel(parsed.version, parsed.sublevel, config, parsed.symbols)
    code = DecompressorCode(0x40100000, 0x40100400, 0x60, 0x1A8, 0x900)
    done = plan(kernel, ZImage(0x300000, 0x900000, code, load_addr=0x100000, start=0x100000), RAM)
    spans = {area.what: area.span for area in done.areas}
    assert spans["its bss"] == Span(0x40100000, 0x40100400)
    assert spans["its heap"] == Span(0x40101400, 0x40111400)
    assert done.moved is None


def boots(
    load_addr: int | None, params: int, zimage: ZImage = DEBIAN, board: fdt.Fdt | AtagList = VIRT, **more: object
) -> Replay:
    cpu = cpu_by_name("cortex-a15")
    assert cpu is not None
    handover = Handover(board, params, RAM, cpu, zimage=replace(zimage, load_addr=load_addr), **more)  # type: ignore[arg-type]
    return boot(fresh_kernel("deb-6.1"), handover)


def hazards(prediction: Replay) -> list[tuple[str, bool]]:
    return [(hazard.id, hazard.fatal) for hazard in prediction.hazards if hazard.stage == "decompress_kernel"]


@pytest.mark.parametrize(
    ("load_addr", "params"),
    [
        (0x41000000, 0x41700000),  # in the copy of the zImage
        (0x41000000, 0x41533000),  # in the kernel
        (0x41000000, 0x40500000),  # likewise
        (0x42000000, 0x40204000),  # in the page tables
    ],
)
def test_decompress_kernel_dtb_in_the_way(load_addr: int, params: int) -> None:
    """The first three were started with r1 = ~0: not a word on the console, and 14 s later calibrate_delay still waits.

    head.S had found no tree; ~0 is the number of every machine that is known by its compatible only, the first one is
    taken, with 16 MiB of RAM by default and no device, so no timer.  With any other r1 there is no machine at all.
    """
    prediction = boots(load_addr, params)
    assert prediction.outcome.verdict is Verdict.DIES
    assert prediction.outcome.stage == "decompress_kernel"
    assert [fatal for id, fatal in hazards(prediction) if id.endswith("-dtb")] == [True]


def test_decompress_kernel_dtb_clear_of_it() -> None:
    """Started with the tree at 0x48000000, the same zImage came to "VFS: Unable to mount root fs"."""
    prediction = boots(0x41000000, 0x48000000)
    assert prediction.outcome.verdict is Verdict.BOOTS
    assert not hazards(prediction)
    assert prediction.stages[0].name == "decompress_kernel"


def test_decompress_kernel_end_of_the_dtb_in_the_page_tables() -> None:
    """Seen with the tree at 0x40203f00: its head survives, the memory nodes do not; a panic in paging_init."""
    prediction = boots(0x41000000, 0x40203F00)
    assert prediction.outcome.verdict is Verdict.UNCERTAIN
    assert hazards(prediction) == [("decompressor-overwrites-dtb", False)]


def test_decompress_kernel_leaves_the_room_behind_the_tree() -> None:
    """QEMU makes its blob 1 MiB, of which 8 KiB are in use: only those matter."""
    data = VIRT.data[:4] + APPENDED.to_bytes(4, "big") + VIRT.data[8:]
    padded = fdt.parse(data.ljust(APPENDED, b"\0"))
    assert padded.totalsize == 0x100000
    assert not hazards(boots(0x41000000, 0x40200000, board=padded))


def test_decompress_kernel_heap_may_reach_the_tree() -> None:
    assert boots(0x41600000, 0x41B3F000).outcome.verdict is Verdict.UNCERTAIN
    assert boots(0x41600000, 0x41B43618).outcome.verdict is Verdict.BOOTS


def test_decompress_kernel_two_things_in_one_place() -> None:
    assert hazards(boots(0x48000000, 0x48100000)) == [("zimage-overlaps-dtb", False)]


def test_decompress_kernel_initrd_and_reserved_memory() -> None:
    prediction = boots(0x41000000, 0x48000000, initrd=(0x41A00000, 0x400000))
    assert prediction.outcome.verdict is Verdict.BOOTS
    assert hazards(prediction) == [("decompressor-overwrites-initrd", False)]
    prediction = boots(0x42000000, 0x48000000, initrd=(0x41000000, 0x400000))
    assert hazards(prediction) == [("kernel-overwrites-initrd", False)]


def test_decompress_kernel_without_a_load_address() -> None:
    prediction = boots(None, 0x41700000)
    assert prediction.outcome.verdict is Verdict.BOOTS
    assert any("--load-addr" in text for text in map(str, prediction.state.assumptions))
    assert boots(None, 0x40500000).outcome.verdict is Verdict.DIES


def test_decompress_kernel_outside_ram() -> None:
    """The first bank ends at 0x50000000."""
    prediction = boots(0x4FFF0000, 0x44000000)
    assert ("decompressor-outside-ram", False) in hazards(prediction)
    assert prediction.outcome.verdict is Verdict.UNCERTAIN


def test_decompress_kernel_usual_sizes_say_so() -> None:
    zimage = replace(DEBIAN, code=usual_code(0, DEBIAN.size))
    prediction = boots(0x41000000, 0x46000000, zimage)
    assert any("about 4 KiB" in text for text in map(str, prediction.state.assumptions))


def test_decompress_kernel_atags_in_the_way() -> None:
    """The kernel can go on with the tags that the machine has by default."""
    tags = parse_atags((DATA / "atags" / "spitz.bin").read_bytes())
    prediction = boots(0x41000000, 0x40500000, board=tags, machine_id=0x2E7)
    assert ("kernel-overwrites-dtb", False) in hazards(prediction)
