"""``bootmap plan --loader barebox`` and ``rpi`` as typed: the whole way to the verdict, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.barebox import document
from support.booting import REPOSITORY

from bootmap.verify.loader.barebox import BareboxCase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

BOARDS = REPOSITORY / "boards"
VIRT, IOMEM = BOARDS / "qemu-virt" / "virt.dtb", BOARDS / "qemu-virt" / "iomem.txt"
PI, CONFIG = BOARDS / "raspberry-pi" / "pi2.dtb", BOARDS / "raspberry-pi" / "config.txt"
LINUX = BOARDS / "linux-6.1-armmp"
KERNEL = ("--config", LINUX / "config.gz", "--system-map", LINUX / "System.map")
SIZE = ("--zimage", "0x532200")
BAREBOX = ("plan", VIRT, "--loader", "barebox", *SIZE)
RPI = ("plan", PI, "--loader", "rpi", *SIZE)


def plain(text: str) -> str:
    return " ".join(text.split())


def test_barebox_boots(command_line: CommandLine) -> None:
    code, out, _ = command_line(*BAREBOX, "--iomem", IOMEM, "--ramdisk", "20M", *KERNEL, "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["loader"], found["verdict"], found["entry"]) == ("barebox 2025.08.0", "boots", 0x42000000)
    assert found["ramdisk"] == [0x42633000, 0x42633000 + (20 << 20)]
    assert found["dtb"][0] == 0x43A33000
    assert found["says"][0] == "no OS load address, defaulting to 0x42000000"
    assert {"barebox", "barebox's malloc space"} <= {row["name"] for row in found["load_map"]}


def test_barebox_equals_a_recorded_boot_as_typed(command_line: CommandLine, tmp_path: Path) -> None:
    """A recorded case with the words that were typed there; its console log in iomem's place."""
    doc = document("barebox-2026.06")
    boot = next(b for b in doc["boots"] if b["handed"] and b["case"].get("loadaddr") and not b["case"].get("uimage"))
    case = BareboxCase.of(boot["case"])
    (tmp_path / "log").write_text(f"{doc['barebox']}\n{boot['iomem']}")
    (tmp_path / "dtb").write_bytes(case.tree())
    words = ["plan", tmp_path / "dtb", "--loader", "barebox", "--iomem", tmp_path / "log", "--zimage", hex(case.kernel)]
    sets = [word for name, value in case.settings.items() for word in ("--set", f"{name}={value}")]
    disk = ["--ramdisk", str(case.ramdisk)] if case.ramdisk else []
    _, out, _ = command_line(*words, *sets, *disk, "--boot", case.words, "--json")
    found = json.loads(out)
    assert (found["entry"], found["dtb"][0]) == (boot["handed"]["entry"], boot["handed"]["r2"])


def test_barebox_without_iomem(command_line: CommandLine) -> None:
    code, out, _ = command_line(*BAREBOX, "--dram", "0x40000000,1G", *KERNEL)
    assert code == 0
    assert "the last 6 MiB of the first bank" in plain(out)
    assert "barebox is 2026.06.1 (--barebox)" in plain(out)
    assert "has no CONFIG_EFI_LOADER" in plain(out)
    code, out, _ = command_line(*BAREBOX, "--dram", "0x40000000,1G", "--barebox", "2022.03.0")
    assert code == 0
    assert "reserves a copy of the tree" in plain(out)


def test_barebox_passes_over_the_efi_stub(command_line: CommandLine) -> None:
    code, out, _ = command_line(*BAREBOX, "--dram", "0x40000000,1G", "--barebox", "2026.03.1", *KERNEL)
    assert code == 1
    assert "no image handler found for image type ARM/EFI Linux zImage" in plain(out)


def test_barebox_refuses_as_it_does(command_line: CommandLine) -> None:
    code, out, _ = command_line(*BAREBOX, "--iomem", IOMEM, "--boot", "bootm -v -a 0x50000000 -o dtb zImage", *KERNEL)
    assert code == 1
    assert out.startswith("DOES NOT BOOT")
    assert "cannot request memory for the zImage" in plain(out)
    assert "`bootm -a ADDR -L ADDR`" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "nothing says where RAM is"),
        (("--iomem", CONFIG), "names no bank of RAM"),
        (("--dram", "0x40000000,8M"), "too small for what barebox"),
        (("--dram", "0x100000000,1G"), "too small for what barebox"),
        (("--dram", "0x40000000,1G", "--barebox", "new"), "is no release"),
        (("--dram", "0x40000000,1G", "--barebox", "2019.01.0"), "2020.12 and later are"),
        (("--iomem", IOMEM, "--boot", "bootz 1"), "only bootm is modelled"),
        (("--iomem", IOMEM, "--boot", "bootm -e 4 x"), "-e is not modelled"),
        (("--iomem", IOMEM, "--boot", "bootm -a"), "wants a word"),
        (("--iomem", IOMEM, "--boot", "bootm -a here x"), "is no address"),
        (("--iomem", IOMEM, "--boot", "bootm 'x"), "not closed"),
        (("--iomem", IOMEM, "--set", "bootm.image=x"), "expected bootm.image.loadaddr"),
        (("--iomem", IOMEM, "--printenv", "x"), "--printenv does not go with --loader barebox"),
        (("--iomem", IOMEM, "--propose"), "takes one BOARD"),
    ],
)
def test_barebox_what_is_missing(words: tuple[object, ...], says: str, command_line: CommandLine) -> None:
    code, _, error = command_line(*BAREBOX, *words)
    assert code in (2, 3)
    assert says in error
    assert len(error.splitlines()) == 1


def test_barebox_sets_the_command_line(command_line: CommandLine) -> None:
    words = (*BAREBOX, "--iomem", IOMEM, *KERNEL)
    one = command_line(*words, "--set", "global.linux.bootargs.base=mem=64M")
    other = command_line(*words, "--cmdline", "mem=64M")
    assert one == other
    assert one != command_line(*words)


def test_rpi_boots(command_line: CommandLine) -> None:
    code, out, _ = command_line(*RPI, "--config-txt", CONFIG, "--ramdisk", "20M", *KERNEL, "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["verdict"], found["entry"]) == ("boots", 0x02000000)
    assert found["ramdisk"] == [0x2DC00000, 0x2F000000]
    assert found["dtb"][0] == 0x2DBFFC00
    text = plain(" ".join(found["assumptions"]))
    for says in (
        "ends at 0x3c000000",
        "the initramfs lies at 0x2dc00000",
        "(--dtb-addr)",
        "the tree is BOARD with RAM",
    ):
        assert says in text
    code, out, _ = command_line(*RPI, "--config-txt", CONFIG, "--ramdisk", "20M", "--dtb-addr", "0x204000", *KERNEL)
    assert code == 1  # where the kernel's page directory is, which writes over it
    assert "(--dtb-addr)" not in out


def test_rpi_what_config_txt_leaves_open(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "config.txt").write_text(
        "include usercfg.txt\ninitramfs initrd7.img\n[gpio4=1]\nkernel_address=0x1000000\ndtoverlay=x\n"
    )
    words = (*RPI, "--config-txt", tmp_path / "config.txt", "--ramdisk", "1M")
    code, out, _ = command_line(*words, *KERNEL)
    assert code == 0
    text = plain(out)
    assert "line 1: usercfg.txt sets nothing that decides" in text
    assert "line 2: initramfs without an address is taken for followkernel" in text
    assert "line 4: kernel_address is not set: [gpio4=1] does not hold" in text
    assert "dtoverlay is not set" not in text


@pytest.mark.parametrize(
    ("config", "words", "says"),
    [
        ("gpu_mem=x\n", (), "config.txt: line 1: gpu_mem=x: expected a number"),
        ("hello\n# a comment\n", (), "config.txt: is no config.txt: expected a setting such as gpu_mem=64"),
        ("gpu_mem=64\n\x10\n", (), "config.txt: is no config.txt: expected text"),
        ("[all]\ngpu_mem=1100\n", (), "config.txt: line 2: gpu_mem leaves the ARM nothing of 1 GiB"),
        ("device_tree=\n", (), "config.txt: line 1: device_tree= hands over ATAGs"),
        ("arm_64bit=1\n", (), "line 1: arm_64bit starts a 64-bit kernel"),
        ("initramfs x followkernel\n", (), "line 1 loads x; give it"),
        ("", ("--ramdisk", "1M"), "config.txt loads none"),
        ("", ("--pi", "pi9"), "--pi pi9: expected one of pi0, pi0w"),
        ("", ("--pi", "pi4"), "unless config.txt has arm_64bit=0"),
        ("", ("--memory", "512M"), "pi2 has 1024M"),
        ("kernel_address=0x1ffffffff\n", (), "expected a number"),
    ],
)
def test_rpi_what_is_wrong(
    config: str, words: tuple[str, ...], says: str, command_line: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "config.txt").write_text(config)
    code, _, error = command_line(*RPI, "--config-txt", tmp_path / "config.txt", *words)
    assert code in (2, 3)
    assert says in error
    assert len(error.splitlines()) == 1


def test_rpi_names_no_board_that_is_none(command_line: CommandLine) -> None:
    code, _, error = command_line("plan", VIRT, "--loader", "rpi", *SIZE)
    assert code == 2
    assert "give --pi" in error


def test_rpi_ram_of_a_log(command_line: CommandLine) -> None:
    _, out, _ = command_line(*RPI, "--dram", "0,448M", "--json")
    assert json.loads(out)["dtb"][1] <= 448 << 20
