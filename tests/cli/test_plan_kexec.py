"""``bootmap plan --loader kexec`` and ``kdump`` as typed; addresses are those that Debian's kexec -d printed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from support.booting import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

DATA = REPOSITORY / "tests" / "data"
KERNEL = DATA / "kernels" / "deb-6.1"
BOARD = DATA / "dtb" / "virt.dtb"
WORDS = (
    "plan",
    BOARD,
    "--config",
    KERNEL / "config.gz",
    "--system-map",
    KERNEL / "System.map",
    "--zimage",
    "0x532200",
    "--dram",
    "0x40000000,512M",
    "--kexec-tools",
    "2.0.25",
)
CRASH = (*WORDS, "--loader", "kdump", "--cmdline", "console=ttyAMA0 crashkernel=128M", "--append", "maxcpus=1")


def test_plan_kdump_the_tree_is_overwritten_and_what_cures_it(command_line: CommandLine) -> None:
    """What Debian's 6.1 did under QEMU: "unrecognized/unsupported machine ID", until kexec was told its size."""
    code, out, _ = command_line(*CRASH, "--ramdisk", "5006")
    assert code == 1
    assert out.startswith("DOES NOT BOOT")
    assert "0x518ef000  0x518f0" in out  # kexec -d: DT : address=0x518ef000
    assert "maxcpus=1 elfcorehdr=0x57f00000 mem=130048K" in out  # kexec -d: kernel command line
    found = re.search(r"--image-size=(0x\w+)", out)
    assert found is not None
    code, out, _ = command_line(*CRASH, "--ramdisk", "5006", "--image-size", found[1], "--json")
    assert code == 0
    document = json.loads(out)
    assert document["outcome"]["boots"] is True
    assert document["crash_kernel"] == [0x50000000, 0x58000000]
    assert document["advice"] == ""


def test_plan_kdump_a_small_area_is_made_larger(command_line: CommandLine) -> None:
    words = [str(word).replace("crashkernel=128M", "crashkernel=32M") for word in CRASH]
    code, out, _ = command_line(*words, "--ramdisk", "20M")
    assert code == 1
    plain = " ".join(out.split())
    assert "kexec loads nothing: Overlapping memory segments" in plain
    found = re.search(r"crashkernel=(\d+M), and give kexec --image-size=(0x\w+)", plain)
    assert found is not None
    cured = [str(word).replace("crashkernel=128M", f"crashkernel={found[1]}") for word in CRASH]
    code, _, _ = command_line(*cured, "--ramdisk", "20M", "--image-size", found[2])
    assert code == 0


def test_plan_kdump_without_an_area(command_line: CommandLine) -> None:
    code, out, _ = command_line(*WORDS, "--loader", "kdump")
    assert code == 1
    assert "kexec loads nothing: Memory for crashkernel is not reserved" in " ".join(out.split())
    code, out, _ = command_line(*WORDS, "--loader", "kdump", "--json")
    assert json.loads(out)["command_line"] is None


def test_plan_kexec_a_first_kernel_that_does_not_come_to_the_second(command_line: CommandLine) -> None:
    """Debian's 6.12 with LPAE under QEMU: prefetch abort at 0x40400044, IFSR 0x206."""
    own = [str(word).replace("deb-6.1", "deb-6.12-lpae") for word in WORDS]
    for loader in ("kexec", "kdump"):
        words = [*own, "--loader", loader, "--cmdline", "crashkernel=128M", "--ramdisk", "5006"]
        words += ["--append", "maxcpus=1"]
        code, out, _ = command_line(*words)
        assert code == 1
        plain = " ".join(out.split())
        assert plain.startswith("DOES NOT BOOT")
        assert "the first kernel dies in soft_restart: CONFIG_CPU_TTBR0_PAN" in plain
        assert "[mem 0x40400000-0x404000ab]" in plain
        assert "(IFSR 0x206)" in plain
        code, out, _ = command_line(*words, "--json")
        document = json.loads(out)
        assert (document["outcome"]["boots"], document["outcome"]["stage"]) == (False, "soft_restart")
        found = re.search(r"--feature (\w+=off).*; then give kexec --image-size=(0x\w+)", document["advice"])
        assert found is not None
        code, out, _ = command_line(*words, "--feature", found[1], "--image-size", found[2])
        assert (code, out.split()[0]) == (0, "BOOTS")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--loader", "kexec", "--printenv", "x"), "--printenv does not go with --loader kexec"),
        (("--loader", "kexec", "--propose"), "no --propose"),
        (("--loader", "u-boot", "--append", "x"), "--append does not go with --loader u-boot"),
        (("--loader", "kdump", "--efi-map", "x"), "--efi-map does not go with --loader kdump"),
        (("--loader", "kexec", "--kexec-tools", "new"), "is no version"),
        (("--loader", "kexec", "--kexec-tools", "2.0.12"), "2.0.17 and later are"),
        (("--loader", "kexec", BOARD), "one BOARD"),
    ],
)
def test_plan_kexec_refusals(command_line: CommandLine, words: tuple[object, ...], said: str) -> None:
    code, _, err = command_line(*WORDS, *words)
    assert code in (2, 3)
    assert said in " ".join(err.split())
