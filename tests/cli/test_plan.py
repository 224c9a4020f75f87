"""``bootmap plan`` as a user types it; what it says is what real U-Boots said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.uboot import DATA, document, said

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

KERNEL = DATA.parent / "kernels" / "deb-6.1"
BOARD = DATA.parent / "dtb" / "virt.dtb"
OF_KERNEL = ("--config", KERNEL / "config.gz", "--system-map", KERNEL / "System.map", "--zimage", "0x532200")


@pytest.fixture
def words(tmp_path: Path) -> tuple[str, ...]:
    doc = document("uboot-2026.10-a")
    (tmp_path / "printenv").write_text(doc["printenv"])
    (tmp_path / "bdinfo").write_text(f"{doc['uboot']}\n{doc['bdinfo']['1024']}")
    return ("--printenv", str(tmp_path / "printenv"), "--bdinfo", str(tmp_path / "bdinfo"))


@pytest.mark.parametrize("name", ["uboot-2021.01-b", "uboot-2023.01-a", "uboot-2025.01-b", "uboot-2026.10-a"])
def test_plan_says_what_u_boot_said(name: str, command_line: CommandLine, tmp_path: Path) -> None:
    """The first recorded bootz that starts a kernel, and the first that does not: every line, in order."""
    from bootmap.verify.loader.cases import LoaderCase

    doc = document(name)
    rows = [row for row in doc["cases"] if row["case"]["command"] == "bootz" and "hangs" not in row["console"]]
    picked: list[dict[str, Any]] = [
        next(row for row in rows if (row["handed"] is None) is refused) for refused in (False, True)
    ]
    for row in picked:
        case = LoaderCase.of(row["case"])
        (tmp_path / "dtb").write_bytes(case.tree())
        (tmp_path / "printenv").write_text(doc["printenv"])
        (tmp_path / "bdinfo").write_text(f"{doc['uboot']}\n{doc['bdinfo'][str(case.memory)]}")
        changes = [word for pair in case.env.items() for word in ("--set", f"{pair[0]}={pair[1] or ''}")]
        code, out, err = command_line(
            "plan",
            tmp_path / "dtb",
            "--printenv",
            tmp_path / "printenv",
            "--bdinfo",
            tmp_path / "bdinfo",
            "--zimage",
            case.kernel[1],
            "--boot",
            case.words,
            *changes,
        )
        assert err == ""
        _, _, rest = out.partition("U-Boot says\n")
        printed = [line.removeprefix("  ") for line in rest.partition("\n\n")[0].splitlines()]
        assert printed == said(row)
        assert ("DOES NOT BOOT" in out) == (row["handed"] is None)
        if row["handed"] is None:
            assert code == 1


def test_plan_verdict_map_and_words(command_line: CommandLine, words: tuple[str, ...]) -> None:
    code, out, _ = command_line(
        "plan",
        BOARD,
        *words,
        *OF_KERNEL,
        "--ramdisk",
        "20M",
        "--set",
        "bootm_size=30000000",
        "--set",
        "fdt_addr_r=44000000",
        "--set",
        "ramdisk_addr_r=48000000",
    )
    assert code == 0
    assert out.startswith("BOOTS  ")
    assert "0x40208000  0x415a90b3  kernel, unpacked" in out  # where the real one put it: test_decompress_kernel
    assert "Loading Ramdisk to 6ec00000, end 70000000 ... OK" in out


def test_plan_damage_is_a_finding(command_line: CommandLine, words: tuple[str, ...]) -> None:
    """In place below the decompressor's copy of itself: the tree is overwritten."""
    code, out, _ = command_line(
        "plan", BOARD, *words, *OF_KERNEL, "--boot", "bootz 40400000 - 41700000", "--set", "fdt_high=ffffffff"
    )
    assert code == 1
    assert "OVERLAPS device tree" in out
    assert "`bootmap plan --propose`" in out


def test_plan_json(command_line: CommandLine, words: tuple[str, ...]) -> None:
    _, out, _ = command_line("plan", BOARD, *words, *OF_KERNEL, "--json")
    doc = json.loads(out)
    assert doc["schema"] == "bootmap.plan/1"
    assert doc["outcome"]["boots"] is True
    assert {row["kind"] for row in doc["load_map"]} >= {"dtb", "zimage", "kernel", "loader", "work"}


@pytest.mark.parametrize(
    ("form", "has"),
    [
        ("setenv", "\nsetenv kernel_addr_r 0x42"),
        ("extlinux", "\n    kernel zImage\n"),
        ("fit", "load = <0x42"),
        ("header", '"kernel_addr_r=0x42'),
    ],
)
def test_plan_propose_forms(form: str, has: str, command_line: CommandLine, words: tuple[str, ...]) -> None:
    code, out, _ = command_line("plan", BOARD, *words, *OF_KERNEL, "--ramdisk", "20M", "--propose", "--format", form)
    assert code == 0
    assert has in out
    assert "what decides:" in out


def test_plan_propose_boots_when_it_is_used(command_line: CommandLine, words: tuple[str, ...]) -> None:
    _, out, _ = command_line("plan", BOARD, *words, *OF_KERNEL, "--ramdisk", "20M", "--propose", "--json")
    variables = json.loads(out)["variables"]
    changes = [word for name, value in variables.items() for word in ("--set", f"{name}={value or ''}")]
    code, out, _ = command_line("plan", BOARD, *words, *OF_KERNEL, "--ramdisk", "20M", *changes)
    assert code == 0
    assert out.startswith("BOOTS")


def test_plan_extlinux(command_line: CommandLine, words: tuple[str, ...], tmp_path: Path) -> None:
    conf = tmp_path / "extlinux.conf"
    conf.write_text("default a\nlabel a\n  kernel /vmlinuz\n  initrd /initrd.img\n  append mem=200M\n")
    code, _, err = command_line("plan", BOARD, *words, *OF_KERNEL, "--extlinux", conf)
    assert code == 2
    assert "--ramdisk" in err
    _, out, _ = command_line("plan", BOARD, *words, *OF_KERNEL, "--extlinux", conf, "--ramdisk", "1M", "--json")
    assert json.loads(out)["outcome"]["boots"] is not None
    conf.write_text("default b\nlabel a\n")
    code, _, err = command_line("plan", BOARD, *words, *OF_KERNEL, "--extlinux", conf)
    assert code == 3
    assert "no such label" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        (("--dram", "0x40000000,512M", "--zimage", "5M"), 2, "give --uboot"),
        (("--uboot", "2023.01", "--zimage", "5M"), 2, "--dram BASE,SIZE"),
        (("--uboot", "2023.01", "--dram", "junk", "--zimage", "5M"), 2, "BASE,SIZE"),
        (("--uboot", "2023.01", "--dram", "1G,512M"), 2, "--zimage"),
        (("--uboot", "2023.01", "--dram", "1G,512M", "--zimage", "5M"), 2, "kernel_addr_r"),
        (("--uboot", "2023.01", "--dram", "1G,512M", "--zimage", "5M", "--boot", "go 1"), 3, "'go' is not replayed"),
        (("--uboot", "2023.01", "--dram", "1G,512M", "--zimage", "5M", "--set", "x"), 2, "NAME=VALUE"),
        (("--uboot", "2023.01", "--bdinfo", "/dev/null", "--zimage", "5M"), 3, "no bank of RAM"),
        (("--propose",), 2, "needs a BOARD"),
    ],
)
def test_plan_bad_input_is_one_line(more: tuple[str, ...], code: int, text: str, command_line: CommandLine) -> None:
    got, out, err = command_line("plan", *more)
    assert got == code
    assert text in err
    assert out == ""
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["uboot-2021.01-fit", "uboot-2026.10-fit"])
def test_plan_of_a_fit_says_what_u_boot_said(name: str, command_line: CommandLine, tmp_path: Path) -> None:
    from bootmap.verify.loader.cases import LoaderCase

    doc = document(name)
    (tmp_path / "printenv").write_text(doc["printenv"])
    for row in doc["cases"][:8]:
        case = LoaderCase.of(row["case"])
        (tmp_path / "fit").write_bytes(case.image())
        (tmp_path / "bdinfo").write_text(f"{doc['uboot']}\n{doc['bdinfo'][str(case.memory)]}")
        changes = [word for pair in case.env.items() for word in ("--set", f"{pair[0]}={pair[1] or ''}")]
        _, out, err = command_line(
            "plan",
            tmp_path / "fit",
            "--printenv",
            tmp_path / "printenv",
            "--bdinfo",
            tmp_path / "bdinfo",
            "--boot",
            case.words,
            *changes,
        )
        assert err == ""
        _, _, rest = out.partition("U-Boot says\n")
        printed = [line.removeprefix("  ") for line in rest.partition("\n\n")[0].splitlines()]
        assert printed == said(row)
        assert ("DOES NOT BOOT" in out) == (row["handed"] is None)


def test_plan_of_a_fit_wants_no_files_beside_it(
    command_line: CommandLine, words: tuple[str, ...], tmp_path: Path
) -> None:
    from bootmap.verify.loader.cases import LoaderCase

    row = document("uboot-2026.10-fit")["cases"][0]
    (tmp_path / "fit").write_bytes(LoaderCase.of(row["case"]).image())
    for more, why in (
        (("--ramdisk", "1M"), "brings its own ramdisk"),
        (("--boot", "bootz 44000000"), "started with 'bootm ADDR'"),
        (("--propose",), "give its device tree"),
    ):
        code, _, err = command_line("plan", tmp_path / "fit", *words, *more)
        assert code == 2
        assert why in err
