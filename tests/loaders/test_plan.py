"""The whole chain and the proposals, on what real U-Boots printed: their bdinfo, their variables, their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.uboot import DATA, document, inputs

import bootmap
from bootmap.analysis.layout import Phase
from bootmap.boot.trace import Verdict
from bootmap.errors import MissingInputError, UnsupportedError, UsageError
from bootmap.inputs import bdinfo, uboot_env
from bootmap.inputs.fdt_writer import MadeNode, cells, editable, flatten
from bootmap.plan.chain import chain
from bootmap.plan.propose import propose
from bootmap.plan.setup import LoadedImage, LoaderSetup, Ramdisk, Told, command_of, loader_of
from bootmap.units import MIB, Span
from bootmap.verify.loader.cases import LoaderCase

if TYPE_CHECKING:
    from pathlib import Path

FILES = DATA.parent
KERNEL = FILES / "kernels" / "deb-6.1"
ZIMAGE = 0x532200
"""Bytes of Debian's 6.1."""
OLD, NEW = "uboot-2023.01-a", "uboot-2026.10-a"


@pytest.fixture
def words(tmp_path: Path) -> dict[str, str]:
    """Files of what U-Boot 2026.10 printed on a machine with 1 GiB."""
    doc = document(NEW)
    printenv, info = tmp_path / "printenv", tmp_path / "bdinfo"
    printenv.write_text(doc["printenv"])
    info.write_text(f"{doc['uboot']}\n{doc['bdinfo']['1024']}")
    return {"printenv": str(printenv), "bdinfo": str(info)}


def setup(words: dict[str, str], *boards: str, **more: object) -> LoaderSetup:
    names = boards or (str(FILES / "dtb" / "virt.dtb"),)
    given = {
        "config": str(KERNEL / "config.gz"),
        "system_map": str(KERNEL / "System.map"),
        "zimage": str(ZIMAGE),
        "changes": ["fdt_addr_r=44000000", "ramdisk_addr_r=48000000"],
    }
    return bootmap.uboot_setups(names, **words, **given | more)[0]  # type: ignore[arg-type]


def test_chain_boots_with_everything_in_lowmem(words: dict[str, str]) -> None:
    done = chain(setup(words, ramdisk="20M", changes=["fdt_addr_r=48000000", "bootm_size=30000000"]))
    assert done.verdict is Verdict.BOOTS
    assert done.safe
    assert done.placed.ramdisk is not None
    assert done.placed.ramdisk.end <= 0x70000000
    assert done.replay is not None
    assert done.replay.state.handover.params == done.placed.dtb.start  # type: ignore[union-attr]


def test_chain_shows_the_files_as_loaded_and_u_boot(words: dict[str, str]) -> None:
    done = chain(setup(words, ramdisk="20M"))
    by_name = {placed.name: placed for placed in done.load_map.objects}
    assert by_name["initrd, as loaded"].span == Span(0x48000000, 0x48000000 + 20 * MIB)
    assert by_name["device tree, as loaded"].until is Phase.LOADER
    assert by_name["U-Boot, its heap and its stack"].start == 0x7D563FE0  # bdinfo: reserved[1]


def test_chain_takes_memory_from_u_boot_not_from_the_tree(words: dict[str, str]) -> None:
    """The tree has 256 MiB; U-Boot writes its own banks into it."""
    done = chain(setup(words))
    assert done.replay is not None
    memory = done.replay.stage("setup_machine_fdt")
    assert memory is not None
    assert [region[:2] for region in memory.memblock.memory.regions] == [(0x40000000, 1 << 30)]


def test_chain_without_a_kernel_has_no_verdict(words: dict[str, str]) -> None:
    done = chain(setup(words, config=None, system_map=None))
    assert done.verdict is None
    assert done.placed.said[0].startswith("Kernel image @ 0x40400000")


def test_chain_refusal_is_a_verdict(words: dict[str, str]) -> None:
    done = chain(setup(words, ramdisk="2000M"))
    assert done.verdict is Verdict.DIES
    assert done.placed.said[-1] == "ramdisk - allocation error"


def test_propose_is_proven_and_clear_of_everything(words: dict[str, str]) -> None:
    found = propose([setup(words, ramdisk="30M")], 2)
    assert 0x42000000 <= found.kernel < 0x48000000
    (_, now, later) = found.proofs[0]
    assert now.safe
    assert later.safe
    assert later.load_map.find("kernel").size == 2 * now.load_map.find("kernel").size  # type: ignore[union-attr]
    # With RAM above lowmem U-Boot must be told to stay below its end.
    assert found.bootm_size == 0x30000000
    assert not any("zImage, moved" in placed.name for placed in later.load_map.objects)


def test_propose_avoids_reserved_memory(words: dict[str, str], tmp_path: Path) -> None:
    one = setup(words, ramdisk="30M")
    free = propose([one], 1.5)
    assert one.command.tree is not None
    root = editable(one.command.tree)
    parent = root.add("reserved-memory", {"#address-cells": cells(2), "#size-cells": cells(2), "ranges": b""})
    parent.add("area@0", {"reg": cells(free.kernel, 4 * MIB, width=2), "no-map": b""})
    path = tmp_path / "reserved.dtb"
    path.write_bytes(flatten(root))
    taken = propose([setup(words, str(path), ramdisk="30M")], 1.5)
    assert taken.kernel >= free.kernel + 4 * MIB
    assert any(f"{free.kernel:#010x}" in text for text in taken.constraints)


def test_propose_drops_an_initrd_of_the_command_line(words: dict[str, str]) -> None:
    """As a QNAP TS-219 has it: initrd=0xa00000,0x900000 overrides whatever U-Boot tells."""
    one = setup(words, ramdisk="9M", changes=["fdt_addr_r=44000000", "bootargs=quiet initrd=0x40a00000,0x900000 x"])
    assert not chain(one).safe
    found = propose([one], 1.5)
    assert found.bootargs == "quiet x"
    assert found.variables["bootargs"] == "quiet x"


def test_the_board_says_how_much_is_mapped() -> None:
    """stm32mp15_common.h: CFG_SYS_BOOTMAPSZ is 256 MiB; tegra-common.h likewise; highbank 16 MiB."""
    for env, size in (
        ({"board": "stm32mp1"}, 256 * MIB),
        ({"board": "paz00", "soc": "tegra20"}, 256 * MIB),
        ({"board": "highbank"}, 16 * MIB),
        ({"board": "another"}, None),
    ):
        assert loader_of(Told({"ver": "U-Boot 2023.01"} | env)).build.bootmapsz == size


def test_propose_says_what_stands_in_the_way(words: dict[str, str]) -> None:
    with pytest.raises(UnsupportedError, match="do not fit between 0x40000000 and 0x48000000"):
        propose([setup(words)], 8)


def test_propose_needs_the_kernel(words: dict[str, str]) -> None:
    with pytest.raises(MissingInputError, match="--config"):
        propose([setup(words, config=None, system_map=None)], 1.5)


def test_command_booti_is_for_64_bits(words: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="64-bit"):
        setup(words, boot="booti 0x42000000 - 0x44000000")


def test_propose_makes_up_addresses_that_nothing_tells(words: dict[str, str]) -> None:
    """Without any variable, as for a board that nobody has booted yet."""
    nothing = {"bdinfo": words["bdinfo"]}
    with pytest.raises(MissingInputError, match="nothing says where the kernel is loaded"):
        setup(nothing, changes=[])
    (one,) = bootmap.uboot_setups(
        (str(FILES / "dtb" / "virt.dtb"),),
        **nothing,
        config=str(KERNEL / "config.gz"),
        anywhere=True,
        system_map=str(KERNEL / "System.map"),
        zimage=str(ZIMAGE),
    )
    assert propose([one], 1.5).proofs[0][1].safe


def test_propose_boards_with_ram_elsewhere(words: dict[str, str]) -> None:
    one = setup(words)
    other = replace(one, board=replace(one.board, banks=(Span(0x80000000, 0xA0000000),)))
    with pytest.raises(UnsupportedError, match="at one place"):
        propose([one, other], 1.5)


def test_command_of_uses_the_variables() -> None:
    env = uboot_env.parse_text(document(OLD)["printenv"])
    tree = inputs(document(OLD), LoaderCase.of(document(OLD)["cases"][0]["case"]))[2].tree
    made = command_of(Told(env), LoadedImage(0x1000), Ramdisk(0x2000), tree)
    assert (made.name, made.kernel.at, made.dtb) == ("bootz", 0x40400000, 0x40000000)
    assert made.ramdisk == Span(0x44000000, 0x44002000)
    typed = command_of(
        Told(env, command="bootz ${kernel_addr_r} - ${fdt_addr}"), LoadedImage(0x1000), Ramdisk(0x2000), tree
    )
    assert typed.ramdisk is None
    with pytest.raises(UsageError, match="bootm"):
        command_of(Told(env, command="bootz 1 - 2"), LoadedImage(0x1000, 64), None, tree)
    with pytest.raises(MissingInputError, match="how large the ramdisk is"):
        command_of(Told(env, command="bootz 1 2 3"), LoadedImage(0x1000), None, tree)


def test_loader_of_needs_a_release() -> None:
    assert loader_of(Told({"ver": "U-Boot 2023.01+dfsg-2 (x)"})).release == (2023, 1)
    with pytest.raises(MissingInputError, match="--uboot"):
        loader_of(Told())
    with pytest.raises(UnsupportedError, match=r"2013\.07 and later"):
        loader_of(Told(version="2012.10"))


def test_two_banks_by_the_source() -> None:
    """No U-Boot for QEMU has two banks.  By boot_relocate_fdt() of 2023.01 the first that has room takes the tree."""
    tree = flatten(MadeNode(properties={"#address-cells": cells(1), "#size-cells": cells(1)}))
    info = bdinfo.parse("-> start    = 0x80000000\n-> size = 0x10000000\n-> start = 0xa0000000\n-> size = 0x10000000\n")
    assert info.banks == (Span(0x80000000, 0x90000000), Span(0xA0000000, 0xB0000000))
    from bootmap.inputs.fdt import parse
    from bootmap.loaders.uboot.board import UBootBoard

    uboot = loader_of(Told(version="2023.01"))
    own = replace(UBootBoard.of_banks(uboot, info.banks), sp_start=0xAF000000)
    told = Told({"kernel_addr_r": "82000000", "fdt_addr_r": "83000000"})
    done = chain(LoaderSetup("two banks", uboot, own, command_of(told, LoadedImage(0x100000), None, parse(tree))))
    assert done.placed.dtb is not None
    assert done.placed.dtb.end <= 0x90000000
