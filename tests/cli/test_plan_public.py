"""Boards that died in public of where things were loaded, re-made small: what is proposed, and that it boots.

Each row of the page's table is one board.  The reported placement is a finding; `plan --propose` gives addresses; with
these set, `plan` finds nothing, for the kernel as it is and for the variables as they are printed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from support.booting import REPOSITORY, bootmap, kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

LOADS = REPOSITORY / "tests" / "data" / "loads"
KERNELS = REPOSITORY / "tests" / "data" / "kernels"
PAGE = REPOSITORY / "docs" / "plan.md"
ROW = re.compile(r"(?m)^\| `([\w-]+)` \|[^|]+\| (\w+) \| (\w+) \| (\w+) \| (\w+|all of RAM) \|$")
# board -> the kernel's folder ("" for the board's own), zImage, RAM, ramdisk, what was reported (options of predict)
BOARDS = {
    "dtb-above-lowmem": ("v44", "4M", "0,1G", None, ("--dtb-addr", "0x37b60000")),
    "initrd-above-lowmem": ("v44", "4M", "0,944M", "0x118f60", ("--dtb-addr", "0x2fff7800")),
    "zynq": ("old54", "4000000", "0,1G", None, ("--load-addr", "0x10000000")),
    "ts219": ("", "2076472", "0,512M", "0x900000", ("--load-addr", "0x8000")),
    "mycloud": ("", "3596432", "0,512M", "2M", ("--load-addr", "0x8000")),
    "gemini": ("", "3M", "0,128M", "0x900000", ()),
    "rpi-large-dtb": ("deb-6.1-rpi", "5M", "0,448M", None, ("--dtb-addr", "0x100", "--load-addr", "0x8000")),
    "dra74x": ("old49", "4M", "0x80000000,1536M", None, ()),
}


def options(name: str) -> list[object]:
    """The kernel of a board."""
    key, zimage, *_ = BOARDS[name]
    folder, own = KERNELS / key, LOADS / name
    config = own / "config" if (own / "config").exists() else folder / "config.gz"
    system_map = folder / "System.map" if key else own / "System.map"
    version = ["--kernel-version", "4.11.0"] if name == "dra74x" else []
    return ["--config", config, "--system-map", system_map, "--zimage", zimage, *version]


def planned(name: str) -> list[object]:
    _, _, ram, ramdisk, _ = BOARDS[name]
    disk = ["--ramdisk", ramdisk] if ramdisk else []
    return ["plan", LOADS / name / "board.dtb", *options(name), "--uboot", "2023.01", "--dram", ram, *disk]


@pytest.mark.parametrize("name", BOARDS)
def test_reported_placement_is_a_finding(name: str, command_line: CommandLine) -> None:
    reported = BOARDS[name][4]
    code, out, _ = command_line("predict", LOADS / name / "board.dtb", *options(name), *reported)
    assert code == 1 or "crashkernel-above-lowmem" in out or "256 MiB" in out


@pytest.mark.parametrize("name", BOARDS)
def test_proposal_boots_and_is_the_pages(name: str, command_line: CommandLine) -> None:
    code, out, _ = command_line(*planned(name), "--propose", "--json")
    assert code == 0
    document = json.loads(out)
    assert [proof[when]["boots"] for proof in document["proofs"] for when in ("as_it_is", "larger")] == [True, True]
    variables = document["variables"]
    words = [word for pair in variables.items() for word in ("--set", f"{pair[0]}={pair[1] or ''}")]
    code, out, _ = command_line(*planned(name), *words)
    assert code == 0, out
    assert out.startswith("BOOTS  ")
    rows = {row[0]: row[1:] for row in ROW.findall(PAGE.read_text())}
    size = variables["bootm_size"] or "all of RAM"
    assert rows[name] == (variables["kernel_addr_r"], variables["fdt_addr_r"], variables["ramdisk_addr_r"], size)


def test_page_has_every_board() -> None:
    assert {row[0] for row in ROW.findall(PAGE.read_text())} == BOARDS.keys()


@pytest.mark.oracle
def test_proposed_tree_of_the_raspberry_pi_boots(command_line: CommandLine) -> None:
    """QEMU has this machine, and Debian its kernel: the tree where it is proposed, equal to the word."""
    folder = kernel("deb-6.1-rpi")
    _, out, _ = command_line(*planned("rpi-large-dtb"), "--propose", "--json")
    at = json.loads(out)["variables"]["fdt_addr_r"]
    done = bootmap(
        "verify",
        str(LOADS / "rpi-large-dtb" / "board.dtb"),
        "--kernel",
        f"{folder}/zImage",
        "--machine",
        "raspi0",
        "--memory",
        "512M",
        "--dtb-addr",
        at,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("EQUAL")
