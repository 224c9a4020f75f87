"""``bootmap plan --script``: what it refuses and what it takes for granted, each with its line."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.hostile_scripts import image, script
from support.uboot import DATA, given

from bootmap.inputs import fdt_writer
from bootmap.inputs.fdt_writer import MadeNode, cells, flatten

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

BOARD = DATA.parent / "dtb" / "virt.dtb"
BOOT = "bootz 41000000 - 43000000"


@pytest.fixture
def plan(tmp_path: Path, command_line: CommandLine) -> CommandLine:
    told = given(tmp_path)

    def run(text: str | bytes, *more: object) -> tuple[int | str | None, str, str]:
        (tmp_path / "boot.scr").write_bytes(text if isinstance(text, bytes) else text.encode())
        return command_line("plan", BOARD, *told, "--script", tmp_path / "boot.scr", *more)

    return run


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("setenv a 1\n", 1, "boots nothing"),
        ("echo\nexit\necho", 3, "boots nothing"),
        ("\nbootefi 41000000", 2, "UEFI starts the kernel"),
        ("while true; do echo; done", 1, "more than 4096 commands are run"),
        ("while load mmc 0 41000000 zImage; do echo; done", 1, "more than 4096 commands are run"),
        ("while for a in; do echo; done; do for a in; do echo; done; done", 1, "more than 4096 commands are run"),
        ("while true; do echo; fi", 1, "'fi' where a command is expected"),
        ("echo\nif true; then\n" + BOOT, 3, "before 'elif' or 'else' or 'fi'"),
        ("a & b", 1, "no '&'"),
        ("echo\necho 'a\n", 2, "never closed"),
        ("load mmc 0:1 ${no_such} zImage\n" + BOOT, 1, "not set?"),
        (
            "load mmc 0 41000000 zImage\nif test ${filesize} = 100; then " + BOOT + "; fi",
            2,
            "the size of zImage (line 1)",
        ),
        (
            "part uuid mmc 0:2 id\nif test ${id} = a; then " + BOOT + "; fi",
            2,
            "part uuid mmc 0:2 (line 1); give it with --set id=VALUE",
        ),
        ("if itest *41000000 == 1; then " + BOOT + "; fi", 1, "in memory"),
        (
            "load mmc 0 45000000 a\nbootz 41000000 44000000:${filesize} 43000000",
            2,
            "not known; give it with --file a=PATH",
        ),
        ("fdt get value fdt_high / x\n" + BOOT, 2, "fdt_high hangs on"),
        ("bootz", 1, "without an address"),
        ("bootz 0x4100000x", 1, "no address"),
        ("setenv a 1\r\n" + BOOT, 1, "carriage return"),
    ],
)
def test_script_that_cannot_be_replayed(text: str, line: int, words: str, plan: CommandLine) -> None:
    code, out, err = plan(text)
    assert (code, out) == (3, "")
    assert f"boot.scr: line {line}: " in err
    assert words in err
    assert len(err.splitlines()) == 1


def in_a_fit(scripts: dict[str, bytes], default: str = "") -> bytes:
    root = MadeNode(properties={"description": fdt_writer.text("x"), "#address-cells": cells(1)})
    images = root.add("images", {"default": fdt_writer.text(default)} if default else {})
    for name, data in scripts.items():
        images.add(name, {"data": data, "type": fdt_writer.text("script"), "compression": fdt_writer.text("none")})
    return flatten(root)


def test_script_of_a_fit_image(plan: CommandLine) -> None:
    """The one script of it, or the default of several (doc/usage/cmd/source.rst)."""
    boots = f"setenv fdt_high 46000000\n{BOOT}".encode()
    alone, default = plan(in_a_fit({"a": boots})), plan(in_a_fit({"a": b"exit", "b": boots}, "b"))
    assert alone == default == plan(boots)
    assert alone[0] == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (script(BOOT.encode())[:40], "header has 64 bytes"),
        (script(BOOT.encode())[:-1], "says that it holds"),
        (script(BOOT.encode())[:-1] + b"1", "does not have the CRC that its header states"),
        (b"\x27\x05\x19\x56\1" + script(BOOT.encode())[5:], "header does not have the CRC"),
        (image(BOOT.encode(), kind=2), "type 2, expected 6"),
        (image(b"\0\0\0\x09" + b"\1" * 8), "does not end with a 0"),
        (image(b"\0\0\1\0" + bytes(4) + BOOT.encode()), "length is 0x100"),
        (image(bytes(4) + BOOT.encode()), "length is 0x0"),
        (b"\xd0\x0d\xfe\xed" + bytes(60), "version is 0"),
        (in_a_fit({}), "is a FIT image with the scripts none"),
        (in_a_fit({"a": b"echo", "b": b"echo"}), "with the scripts a, b: give the text"),
        (b"\n\n", "empty"),
    ],
)
def test_image_that_u_boot_would_refuse(data: bytes, words: str, plan: CommandLine) -> None:
    code, _, err = plan(data)
    assert code == 3
    assert words in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"load mmc 0 41000000 z && {BOOT}", "the script's commands succeed: 'load z' (line 1)"),
        (f"if test ! -e mmc 0 /a; then echo; else {BOOT}; fi", "'test -e /a' (line 1)"),
        (f"\nfdt resize 8192\n{BOOT}", "'fdt resize' changes the tree"),
        (f"\nenv import -t 45000000 100\n{BOOT}", "line 2: what 'env import' brings is not known"),
        (f"frob 1\n{BOOT}", "'frob' (line 1)"),
        (
            f"part uuid mmc 0:2 id\nsetenv bootargs root=$id\n{BOOT}",
            "bootargs has a value that only the board",
        ),
        (BOOT, "line 1: the kernel is taken to be at 0x41000000: no line loads it there"),
    ],
)
def test_what_is_taken_for_granted(text: str, said: str, plan: CommandLine) -> None:
    code, out, _ = plan(text, "--json")
    assert code == 0
    assert any(said in row["text"] if isinstance(row, dict) else said in row for row in json.loads(out)["assumptions"])


def test_options_that_do_not_go_together(plan: CommandLine, command_line: CommandLine, tmp_path: Path) -> None:
    conf = tmp_path / "extlinux.conf"
    conf.write_text("label a\n kernel /k\n append menu\n")
    for text, more, words in (
        (BOOT, ("--boot", BOOT), "does not go with --boot"),
        (BOOT, ("--propose",), "not with --propose"),
        (BOOT, ("--extlinux", conf), "reads no --extlinux"),
        ("sysboot mmc 0 any 45000000 /x.conf", (), "sysboot reads /x.conf; give it with --extlinux"),
    ):
        code, _, err = plan(text, *more)
        assert code == 2
        assert words in err


def test_mkimage_makes_what_is_read(plan: CommandLine, tmp_path: Path) -> None:
    """With and without -C none: without, the header says gzip, and U-Boot does not care."""
    (tmp_path / "boot.cmd").write_text(f"setenv fdt_high 0x46000000\n{BOOT}\n")
    for more in ((), ("-C", "none")):
        words = ["mkimage", "-T", "script", "-A", "arm", *more, "-d", str(tmp_path / "boot.cmd"), str(tmp_path / "s")]
        try:
            subprocess.run(words, check=True, capture_output=True)
        except FileNotFoundError:
            pytest.skip("mkimage is not installed")
        code, out, _ = plan((tmp_path / "s").read_bytes())
        assert code == 0
        assert "Loading Device Tree to 45ff" in out
