"""What machines take from memory before anybody else does, against logs of boards that did so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from support.machines import OMAP_PLAIN, Version, booted, cpu, kernel
from support.public_logs import path
from support.trees import Node, blob, board, cells, text

from bootmap.boot.handover import Handover
from bootmap.boot.sequence import boot
from bootmap.boot.trace import Verdict
from bootmap.inputs.fdt import parse as parse_fdt
from bootmap.units import GIB, MIB, align_down, align_up

if TYPE_CHECKING:
    from bootmap.boot.sequence import Replay

NODE = re.compile(r"node +0: \[mem 0x0*([0-9a-f]+)-0x0*([0-9a-f]+)\]")
BARRIER = re.compile(r"Map 0x([0-9a-f]+) to \S+ for dram barrier")


def memory(prediction: Replay) -> list[tuple[int, int]]:
    """Memory as the page allocator gets it, whole pages, first and last byte."""
    stage = prediction.stage("bootmem_init")
    assert stage is not None, prediction.outcome
    return [(base, align_down(base + size, 4096) - 1) for base, size, _ in stage.memblock.memory.regions]


def log(name: str) -> str:
    with open(path(name), encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize(
    ("name", "version", "options", "compatible", "size", "core"),
    [
        ("gta04-omap3-5.10-rc6", (5, 10), OMAP_PLAIN, "ti,omap3", GIB, "cortex-a8"),
        ("am335x-5.15-rc1", (5, 15), f"SOC_AM33XX {OMAP_PLAIN}", "ti,am33xx", 512 * MIB, "cortex-a8"),
        ("am5728-5.13-rc2", (5, 13), "SOC_DRA7XX OMAP_INTERCONNECT_BARRIER", "ti,am5728", 2 * GIB, "cortex-a15"),
        ("am5728-5.18-next", (5, 18), "SOC_DRA7XX OMAP_INTERCONNECT_BARRIER", "ti,am5728", 2 * GIB, "cortex-a15"),
        ("dra762-6.0-rc3", (6, 0), "SOC_DRA7XX OMAP_INTERCONNECT_BARRIER", "ti,dra762", 0x7F000000, "cortex-a15"),
    ],
)
def test_reserve_omap_as_the_log(
    name: str, version: Version, options: str, compatible: str, size: int, core: str
) -> None:
    """omap_reserve steals two sections at the end of lowmem: secure RAM, and the barrier's below it."""
    told = log(name)
    prediction = booted(kernel("deb-6.1", version, options), compatible, (0x80000000, size), core=core)
    assert memory(prediction) == [(int(a, 16), int(b, 16)) for a, b in NODE.findall(told)]
    barrier = BARRIER.search(told)
    if barrier is not None:
        assert int(barrier[1], 16) in prediction.state.vars.areas_taken.values()


@pytest.mark.parametrize(
    ("name", "version", "options", "compatible", "size"),
    [
        ("n900-5.4.18", (5, 4), OMAP_PLAIN, "nokia,omap3-n900", 256 * MIB),
        ("am335x-3.8.13-bone", (3, 8), "SOC_AM33XX ARCH_OMAP3", "ti,am33xx", 512 * MIB),
    ],
)
def test_reserve_omap_as_many_pages_as_the_log(
    name: str, version: Version, options: str, compatible: str, size: int
) -> None:
    pages = re.search(r"totalpages: (\d+)", log(name))
    assert pages is not None
    prediction = booted(kernel("old54", version, options), compatible, (0x80000000, size), core="cortex-a8")
    assert sum(last + 1 - first for first, last in memory(prediction)) == int(pages[1]) * 4096


@pytest.mark.parametrize(("version", "end"), [((3, 5), 0xAF800000), ((4, 9), 0xC0000000), ((5, 4), 0xB0000000)])
def test_steal_from_lowmem_or_all_of_ram(version: Version, end: int) -> None:
    """memblock_alloc (3.5), memblock_alloc_base(MEMBLOCK_ALLOC_ANYWHERE) (4.9), memblock_phys_alloc (5.4)."""
    subject = kernel("old49", version, "ARCH_OMAP3")
    prediction = booted(subject, "ti,omap3", (0x80000000, GIB), core="cortex-a8")
    assert list(prediction.state.vars.areas_taken.values()) == [end - MIB]


def test_steal_a_section_of_long_descriptors() -> None:
    """ALIGN(size, SECTION_SIZE) for the secure RAM, ALIGN(PAGE_SIZE, SZ_1M) for the barrier: 2 MiB and 1 MiB.

    So did Debian's 6.1 with am335x-boneblack.dtb on 1 GiB (QEMU's vexpress-a15): memory ends at 0xafd00000.
    """
    subject = kernel("deb-6.1-lpae", (6, 1), "")
    prediction = booted(subject, "ti,am33xx", (0x80000000, GIB))
    assert list(prediction.state.vars.areas_taken.values()) == [0xAFE00000, 0xAFD00000]


def test_steal_without_room() -> None:
    """An initrd from the kernel's end to the end of RAM leaves no two sections: the boot ends there."""
    root = board([(0x80000000, 64 * MIB)])
    root.properties["compatible"] = text("ti,omap3")
    subject = kernel("deb-6.1", (6, 1), "ARCH_OMAP3")
    start = align_up(subject.image_end - subject.page_offset + 0x80000000, 4096)
    initrd = (start, 0x84000000 - start)
    tree = parse_fdt(blob(root))
    prediction = boot(subject, Handover(tree, 0x80001000, 0x80000000, cpu("cortex-a8"), initrd=initrd))
    assert prediction.outcome.verdict is Verdict.DIES
    assert prediction.outcome.stage == "arm_memblock_init"
    assert prediction.hazards[-1].id == "allocation-failed"


@pytest.mark.parametrize(("version", "want"), [((4, 4), True), ((3, 16), True), ((4, 9), False)])
def test_reserve_exynos_mfc(version: Version, want: bool) -> None:
    """exynos_reserve: samsung,mfc-r and samsung,mfc-l of the codec's node are removed from memory; 4.9 has no such."""
    left, right = (0x51000000, 8 * MIB), (0x43000000, 8 * MIB)
    codec = Node(
        "codec@13400000",
        {"compatible": text("samsung,mfc-v5"), "samsung,mfc-r": cells(*right), "samsung,mfc-l": cells(*left)},
    )
    subject = kernel("old49", version, "ARCH_EXYNOS ARCH_EXYNOS4 SOC_EXYNOS4412 S5P_DEV_MFC")
    chip = Node("chipid@10000000", {"compatible": text("samsung,exynos4210-chipid"), "reg": cells(0x10000000, 0x100)})
    prediction = booted(subject, "samsung,exynos4412", (0x40000000, 512 * MIB), codec, chip, core="cortex-a9")
    parts = [(0x40000000, 0x42FFFFFF), (0x43800000, 0x50FFFFFF), (0x51800000, 0x5FFFFFFF)]
    assert memory(prediction) == (parts if want else [(0x40000000, 0x5FFFFFFF)])


def test_reserve_integrator_below_the_page_directory() -> None:
    """integrator_reserve: from PHYS_OFFSET to swapper_pg_dir."""
    subject = kernel("v5-integrator", (3, 5), "ARCH_INTEGRATOR_CP")
    root = board([(0, 128 * MIB)])
    root.properties["compatible"] = text("arm,integrator-cp")
    prediction = boot(subject, Handover(parse_fdt(blob(root)), 0x2000000, 0, cpu("arm926")))
    stage = prediction.stage("arm_memblock_init")
    assert stage is not None
    assert stage.memblock.reserved.regions[0][0] == 0


def test_reserve_rcar_gen2_as_the_log() -> None:
    """rcar_gen2_reserve: 256 MiB at the end of the last bank below 4 GiB, before the default area finds its place.

    iwg20m (RZ/G1M, 512 MiB at 1 GiB and 512 MiB at 8 GiB) with 4.4.69-cip4 logs "cma: Reserved 256 MiB at
    0x0000000050000000", then "cma: Reserved 128 MiB at 0x0000000048000000".
    """
    subject = kernel("deb-6.1-lpae", (4, 4), "ARCH_RCAR_GEN2")
    root = board([(0x40000000, 512 * MIB), (0x200000000, 512 * MIB)], width=2, bootargs="cma=128M")
    root.properties["compatible"] = text("iwave,g20m", "renesas,r8a7743")
    handover = Handover(parse_fdt(blob(root)), 0x40F00000, 0x40000000, cpu("cortex-a15"))
    areas = [(area.base, area.size) for area in boot(subject, handover).state.cma_areas]
    assert areas == [(0x50000000, 256 * MIB), (0x48000000, 128 * MIB)]
