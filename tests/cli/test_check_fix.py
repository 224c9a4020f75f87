"""``bootmap check --fix``: what is written for each kind of change; ``--env``: variables as places of findings."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.boards import MIB, device, reserved, tree
from support.check_inputs import MARVELL, OF_510
from support.recordings import DATA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

KERNELS = DATA / "kernels"
QNAP = tree([(0, 512 * MIB)], bootargs="initrd=0xa00000,0x900000", cpu="marvell,feroceon")

needs_dtc = pytest.mark.skipif(shutil.which("dtc") is None, reason="dtc is not installed")


@pytest.fixture
def qnap(tmp_path: Path) -> Path:
    path = tmp_path / "qnap.dtb"
    path.write_bytes(QNAP)
    return path


def test_check_fix_is_written_and_cures(command_line: CommandLine, qnap: Path, tmp_path: Path) -> None:
    words = (*MARVELL, "--zimage", 3 * MIB, "--load-addr", "0x8000")
    before = qnap.read_bytes()
    _, _, err = command_line("check", qnap, *words, "--fix", tmp_path / "fixed")
    assert "qnap.fixed.dtb" in err
    assert qnap.read_bytes() == before
    assert "+initrd=" in (tmp_path / "fixed" / "qnap.cmdline.diff").read_text()
    assert "setenv bootargs" in (tmp_path / "fixed" / "qnap.setenv.txt").read_text()
    code, out, _ = command_line("check", tmp_path / "fixed" / "qnap.fixed.dtb", *words)
    assert (code, out.split()[0]) == (0, "BOOTS")


@pytest.mark.parametrize(
    ("ram", "options", "lines"),
    [
        ((0x80000000, 1024 * MIB), (*OF_510, "--no-highmem", "--vmsplit", "3g"), ["CONFIG_HIGHMEM=y"]),
        ((0x80000000, 1024 * MIB), (*OF_510, "--cmdline", "vmalloc=700M"), []),
    ],
)
def test_check_fix_writes_options_of_the_kernel(
    command_line: CommandLine, tmp_path: Path, ram: tuple[int, int], options: tuple[object, ...], lines: list[str]
) -> None:
    """A fragment that scripts/kconfig/merge_config.sh takes."""
    path = tmp_path / "board.dtb"
    path.write_bytes(tree([ram]))
    command_line("check", path, *options, "--fix", tmp_path / "fixed")
    fragment = tmp_path / "fixed" / "board.config"
    assert fragment.exists() == bool(lines)
    assert not lines or fragment.read_text().splitlines() == lines


def test_check_fix_of_two_cells_and_more_than_4_gib_is_lpae(command_line: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "board.dtb"
    path.write_bytes(tree([(0x80000000, 2048 * MIB), (0x100000000, 2048 * MIB)], width=2))
    of = ("--config", KERNELS / "old419" / "config.gz", "--system-map", KERNELS / "old419" / "System.map")
    command_line("check", path, *of, "--select", "ram-beyond-4g", "--fix", tmp_path / "fixed")
    lines = (tmp_path / "fixed" / "board.config").read_text().splitlines()
    assert {"CONFIG_ARM_LPAE=y", "CONFIG_HIGHMEM=y"} <= set(lines)


def test_check_fix_of_another_version_says_that_there_is_nothing(command_line: CommandLine, tmp_path: Path) -> None:
    """Areas beyond the sixteenth: only another kernel holds them."""
    path = tmp_path / "board.dtb"
    areas = [(f"a@{0x10000000 + i * MIB:x}", 0x10000000 + i * MIB, MIB, {}) for i in range(18)]
    path.write_bytes(tree([(0, 512 * MIB)], edit=reserved(*areas)))
    of = ("--config", KERNELS / "v44" / "config.gz", "--system-map", KERNELS / "v44" / "System.map")
    _, _, err = command_line("check", path, *of, "--fix", tmp_path / "fixed")
    assert "bootmap: nothing to write for another kernel: Linux 5.5 holds 64 areas" in err
    assert list((tmp_path / "fixed").iterdir()) == []


def test_check_fix_of_phys_offset_and_of_where_uboot_puts_the_tree(command_line: CommandLine, tmp_path: Path) -> None:
    """Scripts for U-Boot's prompt, each line a command or a remark."""
    of = ("--config", KERNELS / "old419" / "config.gz", "--system-map", KERNELS / "old419" / "System.map")
    path = tmp_path / "board.dtb"
    path.write_bytes(tree([(0x42000000, 480 * MIB)]))
    command_line("check", path, *of, "--fix", tmp_path / "fixed")
    lines = (tmp_path / "fixed" / "board.setenv.txt").read_text().splitlines()
    assert lines[-1] == "setenv kernel_addr_r 0x42008000"
    assert all(line.startswith(("#", "setenv ")) for line in lines)
    path.write_bytes(tree([(0, 1024 * MIB)]))
    command_line("check", path, *of, "--fix", tmp_path / "fixed")
    assert (tmp_path / "fixed" / "board.setenv.txt").read_text() == "setenv bootm_size 0x30000000\n"


def test_check_fix_of_boards_of_one_name_are_files_of_their_own(command_line: CommandLine, tmp_path: Path) -> None:
    """Two boards named x, each with its own bad mem=: two blobs, each with its own number."""
    sizes = {"m1/x.dtb": "64", "m2/x.dtb": "96", "m2/x.dt": "128", "deep/m1/x.dtb": "160", "y.dtb": "192"}
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(tree([(0, 512 * MIB)], bootargs=f"mem={size}"))
    command_line("check", *(tmp_path / name for name in sizes), *OF_510, "--fix", tmp_path / "fixed")
    lines = [path.read_text().splitlines()[-1] for path in sorted((tmp_path / "fixed").glob("*.cmdline.diff"))]
    assert sorted(lines) == sorted(f"+mem={size}M" for size in sizes.values())
    assert len(list((tmp_path / "fixed").glob("*.fixed.dtb"))) == len(sizes)
    assert (tmp_path / "fixed" / "y.fixed.dtb").exists()


@needs_dtc
def test_check_fix_of_a_fit_is_a_file_for_each_configuration(command_line: CommandLine, tmp_path: Path) -> None:
    for name, size in (("one", 64), ("two", 96)):
        (tmp_path / f"{name}.dtb").write_bytes(tree([(0, 512 * MIB)], bootargs=f"mem={size}"))
    (tmp_path / "k").write_bytes(bytes(64))
    its = """/dts-v1/; / {
        images {
            k { data = /incbin/("k"); type = "kernel"; load = <0x8000>; };
            one { data = /incbin/("one.dtb"); type = "flat_dt"; };
            two { data = /incbin/("two.dtb"); type = "flat_dt"; };
        };
        configurations { default = "a";
            a { fdt = "one"; };
            b { fdt = "two"; };
        };
    };"""
    (tmp_path / "image.its").write_text(its)
    subprocess.run(["dtc", "-q", "-o", "image.itb", "image.its"], cwd=tmp_path, check=True)
    command_line("check", tmp_path / "image.itb", *OF_510, "--fix", tmp_path / "fixed")
    found = {path.name: path.read_text() for path in (tmp_path / "fixed").glob("*.cmdline.diff")}
    assert {name: text.splitlines()[-1] for name, text in found.items()} == {
        "image-a.cmdline.diff": "+mem=64M",
        "image-b.cmdline.diff": "+mem=96M",
    }


def test_check_fix_leaves_what_only_the_owner_knows(command_line: CommandLine, tmp_path: Path) -> None:
    """A UART in the middle of declared RAM: whether RAM goes on behind it is not for a program to say."""
    path = tmp_path / "board.dtb"
    path.write_bytes(tree([(0, 512 * MIB)], edit=device("serial@a000000", "ns16550a", 0xA000000, 0x1000)))
    _, _, err = command_line("check", path, *OF_510, "--fix", tmp_path / "fixed")
    assert "nothing written for memory-over-devices" in err
    assert not list(tmp_path.glob("fixed/*"))


def test_check_environment_of_uboot(command_line: CommandLine, tmp_path: Path) -> None:
    """Variables are places of findings, in every form."""
    path, env = tmp_path / "board.dtb", tmp_path / "env.txt"
    path.write_bytes(tree([(0x10000000, 1024 * MIB)], cpu="arm,cortex-a9"))
    env.write_text("fdt_addr_r=0x10200000\nfdt_high=ffffffff\nkernel_addr_r=0x12000000\nver=U-Boot 2018.03\n")
    code, out, err = command_line("check", path, *OF_510, "--env", env)
    assert (code, err) == (1, "")
    assert f"fdt_addr_r=0x10200000 {env}:1" in " ".join(out.split())
    _, out, _ = command_line("check", path, *OF_510, "--env", env, "--format", "github")
    assert f"file={env},line=1," in out
    _, out, _ = command_line("check", path, *OF_510, "--env", env, "--format", "json")
    where = json.loads(out)["boards"][0]["findings"][0]["where"][0]
    assert (where["kind"], where["line"]) == ("environment variable", 1)
    code, out, err = command_line("check", path, *OF_510, "--bdinfo", env)
    assert (code, out) == (2, "")
    assert "--env" in err
    code, out, err = command_line("check", path, *OF_510, "--env", tmp_path / "none.txt")
    assert (code, out) == (3, "")
    assert "none.txt" in err
