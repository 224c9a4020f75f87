"""Machines booted: what their callbacks leave in the page tables and in memblock."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from support.machines import OMAP_PLAIN, Version, booted, cpu, kernel
from support.trees import Node, cells, text

from bootmap.boot.handover import Handover
from bootmap.boot.sequence import boot
from bootmap.boot.trace import Verdict
from bootmap.inputs.atags import parse as parse_atags
from bootmap.units import GIB, KIB, MIB

if TYPE_CHECKING:
    from bootmap.boot.sequence import Replay

ATAG_CORE, ATAG_MEM = 0x54410001, 0x54410002
RAM = (0x80000000, 512 * MIB)


def device_maps(prediction: Replay) -> list[tuple[int, int, int]]:
    """What map_io asked for: virtual, physical, length."""
    found = [md for md in prediction.state.maps if md.what == "a static device mapping"]
    return [(md.virtual, md.pfn << 12, md.length) for md in found]


@pytest.mark.parametrize(
    ("nodes", "smp", "want"),
    [
        ([], True, [(0xF8000000, 0x10000000, 128 * KIB)]),
        ([Node("motherboard", {"arm,v2m-memory-map": text("rs1")})], True, [(0xF8000000, 0x1C000000, 2 * MIB)]),
        (
            [Node("scu@2c000000", {"compatible": text("arm,cortex-a5-scu"), "reg": cells(0x2C000000, 0x58)})],
            True,
            [(0xF8000000, 0x10000000, 128 * KIB), (0xF8200000, 0x2C000000, 128)],
        ),
        (
            [Node("scu@2c000000", {"compatible": text("arm,cortex-a5-scu"), "reg": cells(0x2C000000, 0x58)})],
            False,
            [(0xF8000000, 0x10000000, 128 * KIB)],
        ),
    ],
    ids=["legacy", "rs1", "scu", "scu without SMP"],
)
def test_versatile_express_3_10(nodes: list[Node], smp: bool, want: list[tuple[int, int, int]]) -> None:
    subject = kernel("old49" if smp else "v7-up", (3, 10), "ARCH_VEXPRESS")
    assert device_maps(booted(subject, "arm,vexpress", RAM, *nodes, core="cortex-a9")) == want


@pytest.mark.parametrize(
    ("reg", "want"),
    [
        (cells(0x10000000, 0x100), [(0xF8000000, 0x10000000, 0xFF)]),  # one byte less than reg says
        (cells(0x10000000, 0x100, 0, 0), []),  # two cells, or the kernel looks on
    ],
    ids=["two cells", "four cells"],
)
def test_exynos_chip_id(reg: bytes, want: list[tuple[int, int, int]]) -> None:
    chip = Node("chipid@10000000", {"compatible": text("samsung,exynos4210-chipid"), "reg": reg})
    prediction = booted(kernel("deb-6.1", (6, 1), "ARCH_EXYNOS"), "samsung,exynos5420", RAM, chip)
    assert device_maps(prediction) == want
    assert prediction.state.mapped(0xF8000000) == (0x10000000 if want else None)
    ids = [hazard.id for hazard in prediction.hazards if hazard.fatal]
    assert ids == ([] if want else ["map-io-unmapped"])  # it reads the id: booted, virt-1g-nochipid-6.1


@pytest.mark.parametrize(("name", "claimed"), [("samsung,exynos5", True), ("samsung,exynos5800", False)])
def test_exynos_is_named_by_its_family(name: str, claimed: bool) -> None:
    """exynos_dt_compat lacks the 5410 and the 5800: their trees say exynos5 too (mach-samsung.exynos5800-7.3)."""
    prediction = booted(kernel("deb-6.1", (6, 1), "ARCH_EXYNOS"), name, RAM)
    assert (prediction.outcome.verdict is Verdict.DIES) is claimed


@pytest.mark.parametrize(
    ("version", "options"), [((6, 1), "SOC_DRA7XX OMAP_INTERCONNECT_BARRIER"), ((3, 5), "ARCH_OMAP4 OMAP4_ERRATA_I688")]
)
def test_omap_maps_the_page_that_it_stole(version: Version, options: str) -> None:
    """The last map: OMAP4_DRAM_BARRIER_VA, 1 MiB, strongly ordered: TEX, C and B all 0, no XN where the CPU has it."""
    compatible = "ti,dra7" if version > (4, 0) else "ti,omap4"
    prediction = booted(kernel("old49", version, options), compatible, RAM)
    virtual, physical, length = device_maps(prediction)[-1]
    assert (virtual, length) == (0xFE600000, MIB)
    assert physical in prediction.state.vars.areas_taken.values()
    stage = prediction.stage("bootmem_init")
    assert stage is not None
    assert not any(base <= physical < base + size for base, size, _ in stage.memblock.memory.regions)
    assert prediction.state.mapped(0xFE600000) == physical
    word = prediction.state.tables.word(prediction.state.pmd_address(0xFE600000))
    assert word & 0b111 << 12 == 0
    assert word & 0b1100 == 0


@pytest.mark.parametrize(
    ("compatible", "options", "version", "address", "word"),
    [
        # "[fa0b402c] *pgd=48011452(bad)", Generic OMAP36xx with 5.10.0-rc6, and Nokia RX-51 board with 5.10.0
        ("ti,omap36xx", "ARCH_OMAP3", (5, 10), 0xFA0B402C, 0x48011452),
        ("nokia,omap3-n900", "ARCH_OMAP3", (5, 10), 0xFA0B402C, 0x48011452),
        # "[fa1cc000] *pgd=48011452(bad)", Generic AM33XX with 5.1.0-rc7-next-20190501
        ("ti,am33xx", "SOC_AM33XX ARCH_OMAP3", (5, 1), 0xFA1CC000, 0x48011452),
        # "[f9e3e054] *pgd=44e11452(bad)", AM335x or AM437x, whose map_io is one
        ("ti,am33xx", "SOC_AM33XX ARCH_OMAP3", (5, 1), 0xF9E3E054, 0x44E11452),
    ],
)
def test_omap_descriptors_as_oopses_print_them(
    compatible: str, options: str, version: Version, address: int, word: int
) -> None:
    """External aborts of drivers, posted to linux-omap: show_pte prints the first word of the pair."""
    prediction = booted(kernel("old54", version, options), compatible, RAM, core="cortex-a8")
    assert prediction.state.tables.word(prediction.state.pmd_address(address & -2 * MIB)) == word


def test_omap_keeps_what_it_stole_from_the_linear_map() -> None:
    """Stolen sections at the end of lowmem are not mapped by map_lowmem."""
    prediction = booted(kernel("old54", (5, 4), OMAP_PLAIN), "ti,omap3", RAM, core="cortex-a8")
    for base in prediction.state.vars.areas_taken.values():
        assert prediction.state.mapped(prediction.state.va(base)) is None


def test_armada_xp_reserves_where_training_writes() -> None:
    """mvebu_scan_mem: 10 KiB at the start of every range, for an SMP kernel only."""
    for key, want in (("old49", True), ("v7-up", False)):
        prediction = booted(kernel(key, (4, 9), "ARCH_MVEBU"), "marvell,armada-370-xp", (0, GIB))
        stage = prediction.stage("arm_memblock_init")
        assert stage is not None
        base, size, _ = stage.memblock.reserved.regions[0]
        assert (base == 0 and size >= 10 * KIB) == want


def test_rtd1195_takes_registers_from_memory() -> None:
    """rtd1195_reserve removes [0, 0xa800), [0x18000000, 0x18070000) and [0x18100000, 0x19100000)."""
    prediction = booted(kernel("deb-6.1", (6, 1), "ARCH_REALTEK"), "realtek,rtd1195", (0, GIB), core="cortex-a7")
    stage = prediction.stage("arm_memblock_init")
    assert stage is not None
    regions = [(base, base + size) for base, size, _ in stage.memblock.memory.regions]
    assert regions == [(0xA800, 0x18000000), (0x18070000, 0x18100000), (0x19100000, GIB)]


@pytest.mark.parametrize(("machine", "taken"), [(2862, True), (2676, False)], ids=["goni", "aquila"])
def test_s5pv210_boards_take_the_codecs_buffers(machine: int, taken: bool) -> None:
    """s5p_mfc_reserve_mem(0x43000000, 8 MiB, 0x51000000, 8 MiB)."""
    subject = kernel("old49", (3, 10), "ARCH_S5PV210")
    tags = parse_atags(struct.pack("<8I", 2, ATAG_CORE, 4, ATAG_MEM, GIB, 0x20000000, 0, 0))
    prediction = boot(subject, Handover(tags, 0x20000100, 0x20000000, cpu("cortex-a8"), machine_id=machine))
    stage = prediction.stage("arm_memblock_init")
    assert stage is not None, prediction.outcome
    regions = [(base, base + size) for base, size, _ in stage.memblock.memory.regions]
    holes = [(0x20000000, 0x43000000), (0x43800000, 0x51000000), (0x51800000, 0x60000000)]
    assert regions == (holes if taken else [(0x20000000, 0x60000000)])


@pytest.mark.parametrize(("core", "tile"), [("cortex-a9", True), ("cortex-a8", False)])
def test_realview_eb_looks_at_its_core_tile(core: str, tile: bool) -> None:
    """realview_eb11mp_io_desc is mapped where the tile has the CPU that the kernel was built for."""
    subject = kernel("v7-realview", (3, 10), "MACH_REALVIEW_EB REALVIEW_EB_A9MP")
    core_tag, memory, none = (2, ATAG_CORE), (4, ATAG_MEM, 128 * MIB, 0), (0, 0)
    tags = parse_atags(struct.pack("<8I", *core_tag, *memory, *none))
    prediction = boot(subject, Handover(tags, 0x100, 0, cpu(core), machine_id=827))
    mapped = {virtual for virtual, _, _ in device_maps(prediction)}
    assert 0xFB000000 in mapped, prediction.outcome
    assert (0xFE000000 in mapped) == tile
