"""What kills besides paging_init: payloads, guesses, instructions.  The numbers are those of public reports."""

from __future__ import annotations

import gzip
import re
import struct
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.boards import kernel
from support.recordings import DATA, loaded_kernel
from support.trees import blob, board, cells, chosen, reserved_memory, text

import bootmap
from bootmap.boot.trace import Verdict
from bootmap.errors import InputError, MissingInputError, UnsupportedError
from bootmap.units import MIB, Span

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.trees import Node

    from bootmap.boot.trace import Hazard

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

START = 0x40000000


def predicted(key: str, root: Node, **options: object) -> bootmap.Prediction:
    return bootmap.predict(loaded_kernel(key), bootmap.Board.parse(blob(root), **options))


def hazard(prediction: bootmap.Prediction, id: str) -> Hazard:
    (found,) = [each for each in prediction.hazards if each.id == id]
    return found


def assumed(prediction: bootmap.Prediction, option: str) -> int | str | None:
    (found,) = [each.value for each in prediction.assumptions if each.option == option]
    return found


# -- the initrd ----------------------------------------------------------------------------------------------------


def test_initrd_of_the_command_line_is_overwritten_by_the_decompressor() -> None:
    """initrd= counts like what the tree says, and goes before it."""
    root = board([(START, 512 * MIB)], bootargs=f"initrd={START + 4 * MIB:#x},4M")
    prediction = predicted("deb-6.1", root, zimage=5 * MIB, load_addr=START + 0x8000)
    assert prediction.outcome.headline == "BOOTS WITHOUT ITS INITRD"
    assert prediction.outcome.verdict.boots is True
    assert not prediction.outcome.all_well
    assert hazard(prediction, "kernel-overwrites-initrd").loses_initrd


def test_initrd_above_lowmem_without_highmem() -> None:
    root = board([(START, 1024 * MIB)])
    prediction = predicted("v7-nohm", root, initrd=(START + 1000 * MIB, MIB))
    lost = hazard(prediction, "initrd-disabled")
    assert prediction.outcome.without_initrd
    assert lost.subject == "initrd"
    assert "no CONFIG_HIGHMEM" in lost.message
    for place in lost.places:
        for at in (place.start, place.end - MIB):
            assert predicted("v7-nohm", root, initrd=(at, MIB)).outcome.all_well


def test_initrd_in_highmem_kills_in_populate_rootfs() -> None:
    """It is memory, and so it is accepted; but unpack_to_rootfs reads it through the linear map."""
    prediction = predicted("deb-6.1", board([(START, 1024 * MIB)]), initrd=(START + 1000 * MIB, MIB))
    assert (prediction.outcome.verdict, prediction.outcome.stage) == (Verdict.DIES, "populate_rootfs")
    assert hazard(prediction, "initrd-unmapped").address == START + 1000 * MIB
    assert "paging_init" in prediction


def test_initrd_and_tree_in_one_place() -> None:
    at = START + 64 * MIB
    prediction = predicted("deb-6.1", board([(START, 256 * MIB)]), initrd=(at, MIB), dtb_addr=at + 0x1000)
    assert prediction.outcome.verdict is Verdict.UNCERTAIN
    assert hazard(prediction, "dtb-overlaps-initrd").address == at + 0x1000


# -- RAM -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("ve34-dt", "ERROR: Failed to allocate 0x1000 bytes below 0x0."),
        ("old419", "ERROR: Failed to allocate 0x00002000 bytes below 0x00000000."),
        ("old54", "early_alloc: Failed to allocate 8192 bytes align=0x2000"),
    ],
)
def test_no_ram_at_all(key: str, line: str) -> None:
    prediction = predicted(key, board([]), phys_offset=0x80000000)
    assert prediction.outcome.verdict is Verdict.DIES
    assert "no memory node is in the device tree" in hazard(prediction, "allocation-failed").message
    assert line in hazard(prediction, "allocation-failed").message


def test_mem_without_a_unit() -> None:
    prediction = predicted("ve34-dt", board([(START, 256 * MIB)], bootargs="mem=256"))
    assert "mem=256M was meant?" in hazard(prediction, "allocation-failed").message


def test_mem_beyond_the_ram_of_the_tree_is_uncertain() -> None:
    """Whether it is there, its owner knows: such boards were booted, and paging_init came back."""
    prediction = predicted("deb-6.1", board([(START, 256 * MIB)], bootargs="mem=512M"))
    assert (prediction.outcome.verdict, prediction.outcome.verdict.boots) == (Verdict.UNCERTAIN, None)
    assert hazard(prediction, "memory-not-there").luck
    assert "paging_init" in prediction


def test_lost_ram_is_lost() -> None:
    """Not what lies beyond the end of RAM, nor what mem= brings back."""
    root = board([(START, 64 * MIB)], bootargs="mem=32M")
    area = reserved_memory(root).add("far@90000000", reg=cells(0x90000000, MIB))
    area.properties["no-map"] = b""
    prediction = predicted("old49", root)
    assert [Span(row.start, row.end) for row in prediction.lost] == [Span(START + 32 * MIB, START + 64 * MIB)]
    assert hazard(prediction, "reserved-area-outside-ram").address == 0x90000000


def test_lowmem_is_rounded_before_a_no_map_area_on_an_odd_mib() -> None:
    root = board([(START, 256 * MIB)])
    area = reserved_memory(root).add("area@4ef00000", reg=cells(0x4EF00000, 17 * MIB))
    area.properties["no-map"] = b""
    prediction = predicted("v7-nohm", root)
    assert hazard(prediction, "lowmem-rounded").address == 0x4EE00000
    assert "let that area begin at 0x4ee00000 or 0x4f000000" in hazard(prediction, "lowmem-rounded").message


# -- the CPU -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cpu", ["arm1176", "arm11mpcore"])
def test_armv6_core_has_no_armv7_instructions(cpu: str) -> None:
    """QEMU 7.2: raspi0 with Debian's 6.1 armmp is at an undefined instruction in the decompressor."""
    root = board([(0, 512 * MIB)])
    assert hazard(predicted("deb-6.1", root, cpu=cpu), "cpu-without-armv7").stage == "create_page_tables"
    early = predicted("deb-6.1", root, cpu=cpu, zimage=5 * MIB, load_addr=0x8000)
    assert (early.outcome.verdict, early.outcome.stage) == (Verdict.DIES, "decompress_kernel")
    assert predicted("v6k-realview", root, cpu=cpu).outcome.verdict is not Verdict.DIES


@pytest.mark.parametrize(
    ("soc", "core", "smp"),
    [
        ("marvell,armada370", "marvell,sheeva-v7", False),
        ("marvell,armadaxp", "marvell,sheeva-v7", True),
        ("marvell,dove", "marvell,pj4a", False),
    ],
)
def test_smp_by_soc(soc: str, core: str, smp: bool) -> None:
    root = board([(0, 512 * MIB)], cpu=core)
    root.properties["compatible"] = text("some,board", soc)
    assert predicted("deb-6.1", root).replay.state.smp is smp


@pytest.mark.parametrize(("soc", "core"), [("mrvl,mmp2", "pj4"), ("mrvl,pxa168", "mohawk"), ("mrvl,pxa910", "mohawk")])
def test_core_of_a_soc_whose_tree_names_none(soc: str, core: str) -> None:
    """arch/arm/mach-mmp/Kconfig: MACH_MMP2_DT selects CPU_PJ4, MACH_MMP_DT CPU_MOHAWK."""
    root = board([(0, 512 * MIB)])
    root.properties["compatible"] = text("some,board", soc)
    root.children = [child for child in root.children if child.name != "cpus"]
    assert predicted("deb-6.1", root).replay.state.handover.cpu.name == core


@pytest.mark.parametrize(("nodes", "smp"), [(1, False), (2, True), (4, True)])
def test_cortex_a9_counts_the_nodes(nodes: int, smp: bool) -> None:
    root = board([(START, 512 * MIB)], cpu="arm,cortex-a9")
    (cpus,) = [child for child in root.children if child.name == "cpus"]
    for number in range(1, nodes):
        row = cpus.add(f"cpu@{number}", compatible=text("arm,cortex-a9"), reg=cells(number))
        row.properties["device_type"] = text("cpu")
    prediction = predicted("deb-6.1", root)
    assert prediction.replay.state.smp is smp
    assert assumed(prediction, "--cpus") == nodes


def test_core_without_mmu() -> None:
    with pytest.raises(UnsupportedError, match="arm,cortex-m7, has no MMU"):
        predicted("deb-6.1", board([(START, 64 * MIB)], cpu="arm,cortex-m7"))
    root = board([(START, 64 * MIB)])
    root.properties["compatible"] = text("st,stm32f746-disco", "st,stm32f746")
    with pytest.raises(UnsupportedError, match="st,stm32f746-disco, a Cortex-M, has no MMU"):
        predicted("deb-6.1", root)
    with pytest.raises(UnsupportedError, match="--cpu cortex-m4 has no MMU"):
        predicted("deb-6.1", board([(START, 64 * MIB)]), cpu="cortex-m4")


# -- guesses -------------------------------------------------------------------------------------------------------


def test_guessed_place_keeps_clear() -> None:
    """Of the initrd and of reserved areas, which are where it would be else."""
    root = board([(START, 512 * MIB)])
    usual = assumed(predicted("deb-6.1", root), "--dtb-addr")
    assert isinstance(usual, int)
    start = usual - 4 * MIB
    chosen(root).properties |= {"linux,initrd-start": cells(start), "linux,initrd-end": cells(start + 16 * MIB)}
    reserved_memory(root).add("area", reg=cells(start + 16 * MIB, 16 * MIB))
    prediction = predicted("deb-6.1", root)
    assert prediction.outcome.all_well
    assert assumed(prediction, "--dtb-addr") == start + 32 * MIB


def test_guessed_place_of_qemus_tree_is_behind_the_initrd() -> None:
    root = board([(START, 512 * MIB)])
    root.properties["compatible"] = text("linux,dummy-virt")
    assert assumed(predicted("deb-6.1", root), "--dtb-addr") == START + 128 * MIB
    chosen(root).properties |= {"linux,initrd-start": cells(0x48000000), "linux,initrd-end": cells(0x4803C013)}
    assert assumed(predicted("deb-6.1", root), "--dtb-addr") == 0x4803D000


def test_phys_offset_is_where_ram_begins() -> None:
    """Netgear R7800: 480 MiB at 0x42000000.  Up to 5.11 a zImage would round that down, so nobody knows; 5.12 looks."""
    root = board([(0x42000000, 480 * MIB)])
    prediction = predicted("old419", root)
    assert assumed(prediction, "--phys-offset") == 0x42000000
    assert prediction.outcome.verdict is Verdict.UNCERTAIN
    (other,) = prediction.alternatives
    assert (other.value, other.kills) == (0x40000000, True)
    assert "0x42000000" in str(prediction.outcome.reason)
    assert predicted("old419", root, phys_offset=0x40000000).outcome.verdict is Verdict.DIES
    assert predicted("old419", root, phys_offset=0x42000000).outcome.all_well
    assert predicted("old419", root, load_addr=0x42208000).alternatives == ()
    assert predicted("deb-6.1", root).outcome.all_well


def test_phys_offset_without_auto_zreladdr() -> None:
    """SH-Mobile AG5, 3.18: the zImage runs where it unpacks to."""
    kernel = replace(loaded_kernel("v318"), overrides={"zimage_auto_phys_offset": False})
    given = bootmap.Board.parse(blob(board([(START, 512 * MIB)])), load_addr=0x41008000, zimage=2531885)
    assert assumed(bootmap.predict(kernel, given), "--phys-offset") == 0x41000000
    assert assumed(bootmap.predict(loaded_kernel("v318"), given), "--phys-offset") == START


def test_death_by_a_guess_is_uncertain() -> None:
    """vmalloc= leaves less lowmem than the guessed place of the tree takes for granted."""
    root = board([(START, 512 * MIB)], bootargs="vmalloc=900M")
    prediction = predicted("old49", root)
    guess = assumed(prediction, "--dtb-addr")
    assert isinstance(guess, int)
    assert predicted("old49", root, dtb_addr=guess).outcome.verdict is Verdict.DIES
    assert prediction.outcome.verdict is Verdict.UNCERTAIN
    assert prediction.outcome.reason is not None
    saves = int(re.findall(r"With --dtb-addr (0x[0-9a-f]+) it boots", prediction.outcome.reason)[0], 16)
    assert predicted("old49", root, dtb_addr=saves).outcome.all_well


# -- survivals -----------------------------------------------------------------------------------------------------


def test_survival_names_where_uboot_may_put_the_tree() -> None:
    """1 GiB and a kernel that maps the tree by the linear map: the report's U-Boot had put it above lowmem."""
    root = board([(0, 1024 * MIB)])
    prediction = predicted("old419", root)
    assert prediction.outcome.all_well
    (other,) = prediction.alternatives
    assert (other.option, other.kills) == ("--dtb-addr", True)
    assert isinstance(other.value, int)
    died = predicted("old419", root, dtb_addr=other.value)
    assert (died.outcome.verdict, died.outcome.stage) == (Verdict.DIES, "unflatten_device_tree")


@pytest.mark.parametrize(
    ("key", "size", "options"),
    [("old419", 512, {}), ("old419", 1024, {"dtb_addr": 0x8000000}), ("v510", 1024, {}), ("deb-6.1", 1024, {})],
)
def test_survival_of_an_ordinary_board_names_nothing(key: str, size: int, options: dict[str, int]) -> None:
    """All RAM is lowmem; the place is given; the kernel maps the tree apart (5.10.38, 5.11)."""
    prediction = predicted(key, board([(0, size * MIB)]), **options)
    assert prediction.outcome.all_well
    assert prediction.alternatives == ()


def arm11(*soc: str, area: int = 0) -> Node:
    """512 MiB and an ARM1176; with a no-map area up to the end of RAM."""
    root = board([(0x80000000, 512 * MIB)], cpu="arm,arm1176jzf-s")
    root.properties["compatible"] = text(*soc, "some,board")
    if area:
        reserved_memory(root).add("area", reg=cells(area, 0xA0000000 - area), no_map=b"")
    return root


def with_highmem(root: Node, **options: object) -> bootmap.Prediction:
    return bootmap.predict(kernel("v6k-realview", HIGHMEM="y"), bootmap.Board.parse(blob(root), **options))


@pytest.mark.parametrize(
    ("soc", "aliases"), [("aspeed,ast2500", False), ("brcm,bcm2835", False), ("ti,omap2420", True), ("some,soc", False)]
)
def test_data_cache_of_an_arm11_by_its_soc(soc: str, aliases: bool) -> None:
    """As the logs of such boards say: "PIPT / VIPT nonaliasing data cache", "VIPT aliasing data cache"."""
    prediction = with_highmem(arm11(soc))
    assert prediction.replay.state.handover.cpu.aliasing is aliases
    assert assumed(prediction, "--cache") == ("vipt-aliasing" if aliases else "vipt-nonaliasing")


def test_survival_names_the_mib_that_an_aliasing_cache_costs() -> None:
    """Romulus in QEMU, 5.15.69: "Ignoring RAM at 0x9ee00000-0xa0000000"; on hardware the cache does not alias."""
    prediction = with_highmem(arm11("aspeed,ast2500", area=0x9EF00000))
    (other,) = prediction.alternatives
    assert (other.option, other.value, other.kills) == ("--cache", "vipt-aliasing", False)
    assert "Ignoring RAM at 0x9ee00000-0xa0000000" in other.then
    assert with_highmem(arm11("aspeed,ast2500", area=0x9EF00000), cache="vipt-nonaliasing").alternatives == ()
    assert with_highmem(arm11("aspeed,ast2500")).alternatives == ()


def test_survival_names_the_ram_that_a_vendors_header_costs() -> None:
    """embedded-bits.co.uk, 2011: 512 MiB, 2.6.38; "Truncating RAM at 40000000-5fffffff to -57ffffff"."""
    model = kernel("ve2638", HIGHMEM=None, ARCH_VEXPRESS=None, ARCH_SHMOBILE="y")

    def given(size: int) -> bootmap.Board:
        words = (2, 0x54410001, 4, 0x54410002, size, START, 0, 0)  # ATAG_CORE, ATAG_MEM, ATAG_NONE
        data = struct.pack("<8I", *words)
        return bootmap.Board.parse(data, "tags", machine_id=2815, cpu="cortex-a9", phys_offset=START)

    prediction = bootmap.predict(model, given(512 * MIB))
    (other,) = [each for each in prediction.alternatives if each.option == "--vmalloc-end"]
    assert (other.value, other.kills) == (0xE0000000, False)
    lost = "Truncating RAM at 40000000-5fffffff to -57ffffff (vmalloc region overlap)."
    assert lost in other.then
    assert lost in prediction.otherwise(other).replay.state.dmesg
    assert prediction.otherwise(other).alternatives == ()
    assert bootmap.predict(model, given(128 * MIB)).alternatives == ()


def test_dmesg_has_the_lines_of_the_other_value_beside_it(command_line: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "board.dtb"
    path.write_bytes(blob(arm11("aspeed,ast2500", area=0x9EF00000)))
    config = gzip.decompress((DATA / "kernels" / "v6k-realview" / "config.gz").read_bytes())
    (tmp_path / "config").write_bytes(config.replace(b"# CONFIG_HIGHMEM is not set", b"CONFIG_HIGHMEM=y"))
    symbols = DATA / "kernels" / "v6k-realview" / "System.map"
    words = ("predict", path, "--config", tmp_path / "config", "--system-map", symbols, "--dmesg")
    code, out, err = command_line(*words)
    assert code == 0
    assert "Ignoring RAM" not in out
    assert "  then: Ignoring RAM at 0x9ee00000-0xa0000000" in err.splitlines()
    _, out, err = command_line(*words, "--cache", "vipt-aliasing")
    assert ("Ignoring RAM at 0x9ee00000-0xa0000000" in out, err) == (True, "")


def test_unknown_armv7_core_and_a_kernel_with_long_descriptors() -> None:
    prediction = predicted("v7-lpae", board([(START, 512 * MIB)], cpu="some,core"))
    assert prediction.outcome.verdict is Verdict.UNCERTAIN
    assert "With --cpu cortex-a15 it boots" in str(prediction.outcome.reason)


# -- what contradicts itself ---------------------------------------------------------------------------------------


def test_configuration_and_symbols_of_two_kernels() -> None:
    three, two = loaded_kernel("v7"), loaded_kernel("v7-2g")
    from bootmap.assemble.kernel import Kernel, check_symbols

    mixed = Kernel(two.version, two.sublevel, two.config, three.symbols)
    with pytest.raises(InputError, match="its VMSPLIT is another") as error:
        check_symbols(mixed.model(), "System.map")
    assert error.value.exit_code == 3


def test_memory_node_that_the_boot_loader_fills_in() -> None:
    with pytest.raises(MissingInputError, match="the boot loader fills that in"):
        predicted("deb-6.1", board([(0, 0)]))
