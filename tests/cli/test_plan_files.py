"""``bootmap plan --file``, ``--boot 'run ...'`` and ``--hush``: what a script loads, where it begins, who reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.hostile_scripts import script
from support.uboot import DATA, given

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

BOARD = DATA.parent / "dtb" / "virt.dtb"
BOOT = "bootz 41000000 - 43000000"
IN_PLACE = "Loading Device Tree to 45ff"
"""What U-Boot says where fdt_high is 0x46000000."""


@pytest.fixture
def plan(tmp_path: Path, command_line: CommandLine) -> CommandLine:
    told = given(tmp_path)

    def run(text: str | None, *more: object, **files: bytes) -> tuple[int | str | None, str, str]:
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)
            more = (*more, "--file", f"/boot/{name}={tmp_path / name}")
        if text is not None:
            (tmp_path / "boot.cmd").write_text(text)
            more = ("--script", tmp_path / "boot.cmd", *more)
        return command_line("plan", BOARD, *told, *more)

    return run


def notes(out: str) -> list[str]:
    return [str(each) for each in json.loads(out)["assumptions"]]


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("load mmc 0 45000000 /boot/x; source 45000000", script(f"setenv fdt_high 46000000\n{BOOT}".encode())),
        (f"load mmc 0 45000000 boot/x; env import -t 45000000 ${{filesize}}; {BOOT}", b"fdt_high=46000000\n"),
        (f"load mmc 0 45000000 /boot/x; if itest.b *45000001 == 41; then setenv fdt_high 46000000; fi; {BOOT}", b"AA"),
        (
            f"load mmc 0 45000000 boot//x; if test ${{filesize}} = 5; then setenv fdt_high 46000000; fi; {BOOT}",
            b"12345",
        ),
        (f"if test -e mmc 0 /boot/x; then setenv fdt_high 46000000; fi; {BOOT}", b""),
    ],
)
def test_what_a_given_file_holds_decides(text: str, file: bytes, plan: CommandLine) -> None:
    code, out, err = plan(text, x=file)
    assert (code, err) == (0, "")
    assert IN_PLACE in out
    assert "'env import' brings" not in out


def test_file_that_is_not_there(plan: CommandLine) -> None:
    """``NAME=``: load fails, test -e is false; of a name that is not given both are taken for granted."""
    text = f"if load mmc 0 45000000 a || test -e mmc 0 a; then echo; else setenv fdt_high 46000000; fi; {BOOT}"
    assert IN_PLACE in plan(text, "--file", "a=")[1]
    assert IN_PLACE not in plan(text, "--file", "b=")[1]


def test_folder_stands_for_the_disk(plan: CommandLine, tmp_path: Path) -> None:
    """What is not in it is not there; links stay in it, wherever they lead."""
    (tmp_path / "disk" / "boot").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"fdt_high=46000000\n")
    (tmp_path / "disk" / "boot" / "env").write_bytes(b"fdt_high=46000000\n")
    (tmp_path / "disk" / "up").symlink_to("../secret")
    (tmp_path / "disk" / "link").symlink_to("/boot/env")
    for name, is_there in (("up", False), ("../secret", False), ("link", True), ("boot", False), ("boot/env", True)):
        text = f"load mmc 0 45000000 {name} && env import -t 45000000 ${{filesize}}\n{BOOT}"
        code, out, _ = plan(text, "--file", f"/={tmp_path / 'disk'}")
        assert code == 0
        assert (IN_PLACE in out) == is_there


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        (
            "load mmc 0 45000000 b.scr\nsource 45000000",
            (),
            "boot.cmd: line 2: 'source' runs 'b.scr', which line 1 loads; give it with --file b.scr=PATH",
        ),
        ("source 45000000", (), "line 1: 'source' runs what lies at 0x45000000, which no line loads there"),
        ("source", (), "line 1: 'source' without an address is not replayed"),
        ("load mmc 0 45000000 a; source ${filesize}", (), "line 1: 'source' hangs on what only the board can tell"),
        (
            "echo\nload mmc 0 45000000 boot/x; source 45000000",
            (),
            "boot.cmd: boot/x: line 1: more than 16 'run' and 'source' in each other",
        ),
        ("load mmc 0 45000000 boot/y; source 45000000", (), "boot.cmd: boot/y: line 2: 'go' is not replayed"),
        ("load mmc 0 45000000 boot/z; source 45000000", (), "line 1: 'source' runs 'boot/z': line 2: is no script"),
        ("load mmc 0 45000000 boot/x 2 100", (), "is to be loaded from 0x100 on, and has"),
        ("load mmc 0 45000000 boot/x; env import -c 45000000 10", (), "'env import -c' is not replayed"),
        ("load mmc 0 45000000 boot/x; env import -t 45000000 1000", (), "reads 0x1000 bytes: "),
        (
            None,
            ("--boot", "run bootcmd", "--set", "bootcmd=run a", "--set", "a=go 1"),
            "--boot: variable a: 'go' is not",
        ),
        (None, ("--boot", "load mmc 0 ${no} x"), "--boot: the command: 'x' stands where the address"),
    ],
)
def test_what_is_refused_says_where(text: str | None, more: tuple[str, ...], words: str, plan: CommandLine) -> None:
    files = {
        "x": script(b"load mmc 0 45000000 boot/x; source 45000000"),
        "y": script(b"echo\ngo 1"),
        "z": script(b"echo\n\x01"),
    }
    code, out, err = plan(text, *more, **files)
    assert (code, out) == (3, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_source_that_fails_is_noted(plan: CommandLine) -> None:
    """U-Boot goes on with the line behind."""
    code, out, _ = plan(
        f"load mmc 0 45000000 boot/x; source 45000000 || setenv fdt_high 46000000; {BOOT}", "--json", x=b"a"
    )
    assert code == 0
    assert IN_PLACE in out
    assert any("'source' fails: what lies at 0x45000000 is no script image" in each for each in notes(out))


def test_setenv_of_many_words_is_noted(plan: CommandLine) -> None:
    """CONFIG_SYS_MAXARGS is 16 by default, 64 since 2024.04: Debian's 2023.01 sets nothing then."""
    text = f"setenv a {'x ' * 15}\n{BOOT}"
    assert any("line 1: 'setenv' gets 17 words" in each for each in notes(plan(text, "--json")[1]))
    assert "'setenv' gets" not in plan(text, "--uboot", "2024.04")[1]
    assert "'setenv' gets" not in plan(text.replace("x x ", "x ", 1), "--json")[1]


def test_unknown_file_below_a_script_is_taken_to_end_there(plan: CommandLine) -> None:
    body = script(BOOT.encode())
    text = "load mmc 0 45000000 boot/x; load mmc 0 44000000 big\nsource 45000000"
    code, out, _ = plan(text, "--json", x=body)
    assert code == 0
    assert any("line 2: 'big' (line 1) is taken to end below 0x45000000, which is read" in each for each in notes(out))
    assert "'big'" in plan(text.replace("44000000", "45000000"), x=body)[2]


def test_boot_begins_at_bootcmd(plan: CommandLine) -> None:
    """With variables, and files that they load."""
    made = ("--set", "bootcmd=run one two", "--set", "one=setenv a 45000000; load mmc 0 ${a} /boot/x",
            "--set", "two=source ${a}")  # fmt: skip
    code, out, _ = plan(None, "--boot", "run bootcmd", *made, x=script(f"setenv fdt_high 46000000\n{BOOT}".encode()))
    assert code == 0
    assert IN_PLACE in out


def test_boot_that_comes_to_sysboot_reads_the_menu(plan: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text("label a\n kernel /k\n append menu\n")
    words = ("--boot", "run b", "--set", "b=sysboot mmc 0 any 45000000 /x.conf", "--set", "fdt_addr_r=43000000")
    code, _, err = plan(None, *words)
    assert code == 2
    assert "--boot: variable b: sysboot reads /x.conf; give it with --extlinux" in err
    assert plan(None, *words, "--extlinux", tmp_path / "conf")[0] == 0
    assert plan(None, *words, "--file", f"x.conf={tmp_path / 'conf'}")[0] == 0
    assert "boots nothing" in plan(None, *words, "--file", "x.conf=")[2]
    (tmp_path / "conf").write_text("label a\n kernel /k\n initrd /i\n")
    assert "x.conf: 'a' has a ramdisk" in plan(None, *words, "--file", f"x.conf={tmp_path / 'conf'}")[2]


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        (None, ("--file", "a=b"), "--file is about what U-Boot runs: it goes with --script"),
        (None, ("--hush", "old", "--boot", BOOT), "--hush is about what U-Boot runs"),
        (BOOT, ("--file", "a"), "--file a: expected NAME=PATH, or NAME="),
        (BOOT, ("--file", "=a"), "expected NAME=PATH"),
        (BOOT, ("--hush", "modern"), "--hush modern: U-Boot has a newer parser since 2024.04; this one has the older"),
        (None, ("--file", "a=", "--propose"), "--file goes with U-Boot, and not with --propose"),
    ],
)
def test_options_that_do_not_go_together(
    text: str | None, more: tuple[str, ...], words: str, plan: CommandLine
) -> None:
    code, _, err = plan(text, *more)
    assert code == 2
    assert words in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"true || false && setenv fdt_high 46000000\n{BOOT}", "which reads line 1 in its own way"),
        (f"true || false && setenv fdt_high 46000000\n{BOOT}", "the script sets fdt_high otherwise"),
        (f"if test -n a; then {BOOT}; fi\nfi", "boots nothing (line 2: syntax error at 'fi'"),
        ("load mmc 0 41000000 ${x:-a}\nbootz 41000000 - 43000000", "loads something else"),
        (f"true || false && bootz 42000000 - 43000000; {BOOT}", "boots with 'bootz 42000000 - 43000000'"),
    ],
)
def test_what_the_newer_parser_does_otherwise_is_noted(text: str, words: str, plan: CommandLine) -> None:
    code, out, _ = plan(text, "--uboot", "2025.01", "--json")
    assert code == 0
    assert any(words in each for each in notes(out))
    for more in (("--uboot", "2025.01", "--hush", "old"), ("--uboot", "2024.01")):
        assert "CONFIG_HUSH_MODERN_PARSER" not in plan(text, *more)[1]


def test_hush_modern_is_the_newer_parser(plan: CommandLine) -> None:
    text = f"true || false && setenv fdt_high 46000000\n{BOOT}"
    assert IN_PLACE in plan(text, "--uboot", "2025.01", "--hush", "modern")[1]
    assert IN_PLACE not in plan(text, "--uboot", "2025.01", "--hush", "old")[1]


@pytest.mark.parametrize(
    ("release", "ends"), [("2021.01", True), ("2021.07", False), ("2023.01", False), ("2023.04", True)]
)
def test_exit_ends_a_script_in_some_releases(release: str, ends: bool, plan: CommandLine) -> None:
    """Commits 8c4e3b79bd0 (2021.07) and 721307eba0e (2023.04); in a variable it ends that alone."""
    code, out, err = plan(f"exit\n{BOOT}", "--uboot", release, "--json")
    if ends:
        assert (code, err.endswith("boot.cmd: line 1: the script ends with 'exit' before it boots anything\n")) == (
            3,
            True,
        )
    else:
        assert any("line 1: 'exit' ends nothing in U-Boot 2021.07 to 2023.01" in each for each in notes(out))
    text = f"setenv v 'exit 2; setenv fdt_high 46000000'\nrun v\n{BOOT}"
    assert (IN_PLACE in plan(text, "--uboot", release)[1]) != ends
