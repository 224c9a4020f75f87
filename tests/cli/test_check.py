"""``bootmap check`` and ``bootmap layout`` as users type them: inputs, formats, settings, a baseline, fixes."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from typing import TYPE_CHECKING

import jsonschema
import pytest
from support.boards import MIB, reserved, tree
from support.check_inputs import MARVELL, OF_510, needs_dtc
from support.recordings import DATA

from bootmap.facts.check_rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

KERNELS = DATA / "kernels"
QNAP = tree([(0, 512 * MIB)], bootargs="initrd=0xa00000,0x900000", cpu="marvell,feroceon")
SOURCE = """/dts-v1/;
#include "soc.dtsi"
/ {
	memory@80000000 { device_type = "memory"; reg = <0x80000000 BOARD_RAM>; };
	reserved-memory {
		#address-cells = <1>; #size-cells = <1>; ranges;
		flash@5c000000 {
			reg = <0x5c000000 0x2000000>;
		};
	};
};
"""
SOC = """#define BOARD_RAM 0x10000000
/ {
	#address-cells = <1>; #size-cells = <1>; compatible = "test,board";
	cpus {
		#address-cells = <1>; #size-cells = <0>;
		cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a7"; reg = <0>; };
	};
};
"""


@pytest.fixture
def qnap(tmp_path: Path) -> Path:
    path = tmp_path / "qnap.dtb"
    path.write_bytes(QNAP)
    return path


def test_check_initrd_under_the_decompressor(command_line: CommandLine, qnap: Path) -> None:
    """The reporter's parameter, the addresses that the decompressor takes, and an address that was predicted again."""
    code, out, err = command_line("check", qnap, *MARVELL, "--zimage", 3 * MIB, "--load-addr", "0x8000")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0].startswith("BOOTS WITHOUT ITS INITRD")
    assert "[initrd-overwritten]" in out
    assert "initrd=0xa00000,0x900000" in out
    assert "predicted again: boots with its initrd" in out
    assert "OVERLAPS initrd" in out
    assert max(map(len, lines[: lines.index("Load map")])) <= 100


def test_check_nothing_but_a_board(command_line: CommandLine, qnap: Path) -> None:
    code, out, err = command_line("check", qnap)
    assert err == ""
    assert "like Linux 6.12 with mvebu_v5_defconfig" in " ".join(out.split())
    assert code in (0, 1)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--kernel-version", "5.10", "--defconfig", "multi_v7", "--cpu", "cortex-a9"), "Linux 5.10"),
        (("--config", KERNELS / "v510" / "config.gz", "--cpu", "cortex-a9"), "about as large as"),
        (("--system-map", KERNELS / "v510" / "System.map", "--cpu", "cortex-a9"), "options are those of"),
    ],
)
def test_check_part_of_a_kernel(command_line: CommandLine, qnap: Path, words: tuple[object, ...], wanted: str) -> None:
    _, out, err = command_line("check", qnap, *words)
    assert err == ""
    assert wanted in " ".join(out.split())


def test_check_unknown_profile_is_usage(command_line: CommandLine, qnap: Path) -> None:
    code, out, err = command_line("check", qnap, "--defconfig", "nonsense")
    assert (code, out) == (2, "")
    assert "multi_v7" in err


@needs_dtc
def test_check_source_names_file_and_line(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "board.dts").write_text(SOURCE)
    (tmp_path / "soc.dtsi").write_text(SOC)
    _, out, err = command_line("check", tmp_path / "board.dts", *OF_510)
    assert err == ""
    assert "board.dts:8" in out
    code, out, _ = command_line("check", tmp_path / "board.dts", *OF_510, "--format", "github")
    assert code == 0
    assert any(line.startswith("::warning file=") and "line=8" in line for line in out.splitlines())
    (tmp_path / "soc.dtsi").write_text(SOC.replace("compatible =", "compatible"))
    code, out, err = command_line("check", tmp_path / "board.dts", *OF_510)
    assert (code, out) == (3, "")
    assert "soc.dtsi:3" in err


@needs_dtc
def test_check_source_without_dtc_names_the_package(
    command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "board.dts").write_text(SOURCE.replace('#include "soc.dtsi"', ""))
    monkeypatch.setenv("PATH", str(tmp_path))
    code, out, err = command_line("check", tmp_path / "board.dts", *OF_510)
    assert (code, out) == (4, "")
    assert "device-tree-compiler" in err or "package cpp" in err


def test_check_folder_is_the_same_tree(command_line: CommandLine, qnap: Path, tmp_path: Path) -> None:
    """A tree as Linux shows it in /proc/device-tree: each property a file."""
    from bootmap.inputs.board import read_board
    from bootmap.inputs.fdt import Fdt

    parsed = read_board(qnap)
    assert isinstance(parsed, Fdt)
    top = tmp_path / "device-tree"
    for node in parsed.walk():
        folder = top / node.path.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        for name, prop in node.properties.items():
            (folder / name).write_bytes(prop.value)
        (folder / "name").write_bytes(node.unit_name.encode() + b"\0")
    words = (*MARVELL, "--zimage", 3 * MIB, "--load-addr", "0x8000", "--dtb-addr", "0x8000000", "--format", "json")
    _, one, _ = command_line("check", qnap, *words)
    _, other, _ = command_line("check", top, *words)
    rows = [json.loads(text)["boards"][0]["findings"] for text in (one, other)]
    assert [row["title"] for row in rows[0]] == [row["title"] for row in rows[1]]


def test_check_memory_replaces_what_the_tree_has(command_line: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "phone.dtb"
    path.write_bytes(tree([(0, 0)]))
    _, out, _ = command_line("check", path, *OF_510)
    assert "[memory-size-unknown]" in out
    assert "--memory" in out
    _, out, _ = command_line("check", path, *OF_510, "--memory", "0x80000000,256M", "--memory", "0xa0000000,256M")
    assert "[memory-size-unknown]" not in out
    assert "PHYS_OFFSET is 0x80000000" in out
    code, _, err = command_line("check", path, *OF_510, "--memory", "512M")
    assert code == 2
    assert "BASE,SIZE" in err


@pytest.mark.parametrize(("split", "lowmem"), [("3g", "768 MiB"), ("3g_opt", "1 GiB"), ("2g", "1 GiB")])
def test_check_what_if_another_split(command_line: CommandLine, tmp_path: Path, split: str, lowmem: str) -> None:
    """1 GiB of RAM: what the public tables of VMSPLIT say of 6.x, whose vmalloc area has 240 MiB."""
    path = tmp_path / "board.dtb"
    path.write_bytes(tree([(0, 1024 * MIB)]))
    of = ("--config", KERNELS / "v512" / "config.gz", "--system-map", KERNELS / "v512" / "System.map")
    _, out, _ = command_line("check", path, *of, "--no-highmem", "--vmsplit", split)
    assert next(line for line in out.splitlines() if line.startswith("  lowmem")).split("lowmem")[1].strip() == lowmem


@needs_dtc
def test_check_every_configuration_of_a_fit(command_line: CommandLine, qnap: Path, tmp_path: Path) -> None:
    """A FIT of mkimage's form, its data inline."""
    (tmp_path / "k").write_bytes(bytes(64))
    its = f"""/dts-v1/; / {{
        images {{
            k {{ data = /incbin/("k"); type = "kernel"; load = <0x8000>; }};
            one {{ data = /incbin/("{qnap.name}"); type = "flat_dt"; }};
        }};
        configurations {{ default = "b";
            a {{ fdt = "one"; }};
            b {{ fdt = "one"; }};
        }};
    }};"""
    (tmp_path / "image.its").write_text(its)
    itb = tmp_path / "image.itb"
    subprocess.run(["dtc", "-q", "-o", itb, tmp_path / "image.its"], cwd=tmp_path, check=True)
    code, out, err = command_line("check", itb, *MARVELL)
    assert err == ""
    assert code in (0, 1)
    assert "image.itb:a" in out
    assert "image.itb:b" in out
    assert "2 boards" in out
    _, out, _ = command_line("check", f"{itb}:a", *MARVELL, "--json")
    assert [board["board"] for board in json.loads(out)["boards"]] == [f"{itb}:a"]
    code, out, err = command_line("check", f"{itb}:c", *MARVELL)
    assert (code, out) == (3, "")
    assert "has no configuration 'c' with a device tree; it has b, a" in err
    code, _, err = command_line("check", f"{qnap}:a", *MARVELL)
    assert code == 3
    assert "is no FIT image" in err


# -- formats -------------------------------------------------------------------------------------------------------


def test_check_says_the_margin_that_layout_says(command_line: CommandLine, tmp_path: Path) -> None:
    board = tmp_path / "board.dtb"
    board.write_bytes(tree([(0x80000000, 256 * MIB)]))
    options = (*OF_510, "--dtb-addr", "0x88000000")
    (margin,) = [line for line in command_line("layout", board, *options)[1].splitlines() if "room before" in line]
    assert re.match(r"room before the device tree: \d+(\.\d)? MiB; a kernel \d+ % larger overwrites it$", margin)
    assert margin in command_line("check", board, *options)[1].splitlines()


def test_check_json(command_line: CommandLine, qnap: Path) -> None:
    code, out, _ = command_line(
        "check", qnap, *MARVELL, "--zimage", 3 * MIB, "--load-addr", "0x8000", "--format", "json"
    )
    document = json.loads(out)
    assert (code, document["schema"]) == (1, "bootmap.check/1")
    (board,) = document["boards"]
    assert board["outcome"]["without_initrd"] is True
    finding = board["findings"][0]
    assert (finding["rule"], finding["severity"], finding["decides"]) == ("initrd-overwritten", "error", True)
    assert all(change["after"] for change in finding["changes"])
    assert {row["kind"] for row in board["load_map"]} >= {"kernel", "zimage", "initrd", "dtb"}


def test_check_sarif_is_what_the_schema_asks_for(command_line: CommandLine, qnap: Path) -> None:
    """The schema is OASIS's own; rules are found by index."""
    _, out, _ = command_line("check", qnap, *MARVELL, "--zimage", 3 * MIB, "--load-addr", "0x8000", "--format", "sarif")
    document = json.loads(out)
    schema = json.loads(gzip.decompress((DATA / "schemas" / "sarif-schema-2.1.0.json.gz").read_bytes()))
    jsonschema.validators.validator_for(schema)(schema).validate(document)
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in RULES]
    assert run["results"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


# -- which findings count ------------------------------------------------------------------------------------------


def test_check_ignore_select_severity_strict(command_line: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "board.dtb"
    path.write_bytes(tree([(0x80000000, 256 * MIB)], edit=reserved(("flash@5c000000", 0x5C000000, 32 * MIB, {}))))
    assert command_line("check", path, *OF_510)[0] == 0
    assert command_line("check", path, *OF_510, "--strict")[0] == 1
    code, out, _ = command_line("check", path, *OF_510, "--strict", "--ignore", "reserved-area-outside-ram")
    assert (code, "[reserved-area-outside-ram]" in out) == (0, False)
    assert "1 suppressed" in out
    _, out, _ = command_line("check", path, *OF_510, "--select", "cma-failed")
    assert "[reserved-area-outside-ram]" not in out
    _, out, _ = command_line("check", path, *OF_510, "--severity", "error")
    assert "[reserved-area-outside-ram]" not in out
    code, _, err = command_line("check", path, *OF_510, "--ignore", "no-such-rule")
    assert code == 2
    assert "no-such-rule" in err


def test_check_settings_beside_the_board(command_line: CommandLine, qnap: Path, tmp_path: Path) -> None:
    settings = tmp_path / "bootmap.toml"
    settings.write_text(
        f'''[check]
strict = true
[[board]]
file = "qnap.dtb"
config = "{MARVELL[1]}"
system-map = "{MARVELL[3]}"
zimage = "3M"
load-addr = "0x8000"
ignore = {{ "initrd-overwritten" = "known since 2019" }}
'''
    )
    code, out, err = command_line("check", qnap)
    assert (code, err) == (0, "")
    assert "1 suppressed" in out
    assert "accepted: known since 2019" in out.splitlines()[:4]
    settings.write_text(
        settings.read_text().replace('{ "initrd-overwritten" = "known since 2019" }', '["initrd-overwritten"]')
    )
    code, out, err = command_line("check", qnap)
    assert (code, "[initrd-overwritten]" in out, "accepted" in out) == (1, True, False)
    settings.write_text("[check]\nnonsense = 1\n")
    code, out, err = command_line("check", qnap)
    assert (code, out) == (3, "")
    assert "bootmap.toml" in err
    assert "nonsense" in err


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('[[board]]\nfile = "qnap.dtb"\nhighmem = "no"', "highmem is 'no'; true or false was expected"),
        ('[[board]]\nfile = "qnap.dtb"\nkernel-version = 5.10', "kernel-version is 5.1; write it in quotes"),
        ('[[board]]\nfile = "qnap.dtb"\nload-addr = "here"', "load-addr: 'here' is no address"),
        ('[[board]]\nfile = "qnap.dtb"\ncpu = ["arm926", "feroceon"]', "cpu has 2 values; one was expected"),
        ('[[board]]\nfile = "qnap.dtb"\nstrict = true', "'strict', which is no option of a board"),
        ('[check]\nselect = "cma-failed"', "select is 'cma-failed'; a list of rules was expected"),
        ("[check]\nselect = [1]", "there is no rule '1'"),
        ("[check]\nignore = [[]]", "there is no rule '[]'"),
        ('[check]\nstrict = "no"', "strict is 'no'; true or false was expected"),
        ("[check]\nbaseline = 5", "baseline is 5; a file was expected"),
    ],
)
def test_check_settings_that_are_wrong(command_line: CommandLine, qnap: Path, settings: str, said: str) -> None:
    """One line that names the file, the key and what was expected."""
    (qnap.parent / "bootmap.toml").write_text(settings + "\n")
    code, out, err = command_line("check", qnap)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "bootmap.toml" in err
    assert said in err


def test_check_many_boards_one_of_them_broken(command_line: CommandLine, qnap: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.dtb"
    broken.write_bytes(b"\xd0\x0d\xfe\xed")
    code, out, err = command_line("check", qnap, broken, *MARVELL)
    assert code == 3
    assert "broken.dtb" in err
    assert "qnap.dtb" in out


def test_check_folder_stands_for_the_boards_below_it(command_line: CommandLine, tmp_path: Path) -> None:
    """Thirty boards of which one is not well: it has a line, the others a number; settings are those beside each."""
    for i in range(30):
        folder = tmp_path / "boards" / f"{i % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        args = "mem=256" if i == 7 else ""
        (folder / f"b{i:02}.dtb").write_bytes(tree([(0x80000000, 256 * MIB)], bootargs=args))
    code, out, err = command_line("check", tmp_path / "boards", *OF_510, "--no-proof")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0].startswith("DOES NOT BOOT")
    assert lines[0].endswith("1/b07.dtb  (2 errors, 0 warnings: no-memory, mem-parameter)")
    assert lines[1] == "29 more boot, without an error or a warning"
    assert "30 boards, 29 boot; 1 with errors, 0 with warnings" in lines
    assert [line.split() for line in lines if "mem-parameter" in line][1] == ["1", "error", "mem-parameter"]
    rows = "\n".join(f'"{name}" = "a test"' for name in ("mem-parameter", "no-memory"))
    (tmp_path / "boards" / "1" / "bootmap.toml").write_text(f"[check.ignore]\n{rows}\n")
    code, out, err = command_line("check", tmp_path / "boards", *OF_510, "--no-proof")
    assert (code, err) == (0, "")
    (tmp_path / "none").mkdir()
    code, out, err = command_line("check", tmp_path / "none", *OF_510)
    assert (code, out) == (3, "")
    assert "is no device tree" in err


def test_check_infos_of_one_rule_are_told_together(command_line: CommandLine, tmp_path: Path) -> None:
    """Areas of SRAM, as the STM32MP157 has six: one paragraph, and nothing to change in a tree that is right."""
    path = tmp_path / "board.dtb"
    areas = [(f"ram@{0x10000000 + i * MIB:x}", 0x10000000 + i * MIB, MIB, {"no-map": b""}) for i in range(6)]
    path.write_bytes(tree([(0x80000000, 256 * MIB)], edit=reserved(*areas)))
    _, out, _ = command_line("check", path, *OF_510)
    assert out.count("[reserved-area-outside-ram]") == 1
    assert "info: 6 times: a reserved area is not in RAM" in out
    assert all(f"/reserved-memory/ram@{0x10000000 + i * MIB:x}/reg" in out for i in range(6))
    assert "change" not in out.split("Load map")[0]


def test_check_says_what_it_did_not_look_at(command_line: CommandLine, qnap: Path) -> None:
    _, out, _ = command_line("check", qnap, *MARVELL)
    assert "Not given, so not looked at: what unpacking overwrites (--zimage, --load-addr)" in " ".join(out.split())
    words = ("--zimage", 3 * MIB, "--load-addr", "0x8000", "--dtb-addr", "0x4000000")
    _, out, _ = command_line("check", qnap, *MARVELL, *words)
    assert "Not given" not in out


def test_check_rules_are_listed(command_line: CommandLine) -> None:
    code, out, _ = command_line("check", "--rules")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [rule.id for rule in RULES]


# -- layout --------------------------------------------------------------------------------------------------------


def test_layout_of_sizes_alone(command_line: CommandLine) -> None:
    """C27 of the public reports: Image 8.4 MiB, zImage 2076472 bytes at 0x8000, initrd at 0xa00000."""
    words = ("layout", "--image-size", "0x85b800", "--zimage", 2076472, "--load-addr", "0x8000")
    code, out, err = command_line(*words, "--initrd", "0xa00000,0x900000")
    assert (code, err) == (1, "")
    assert "zImage, moved" in out
    assert "OVERLAPS initrd" in out
    code, out, _ = command_line(*words, "--initrd", "0xa80000,0x900000", "--json")
    assert code == 0
    assert json.loads(out)["objects"]


def test_layout_margin(command_line: CommandLine) -> None:
    words = ("layout", "--image-size", "8M", "--zimage", "2M", "--load-addr", "0x2000000", "--memory", "0,512M")
    code, out, _ = command_line(*words, "--initrd", "0x3000000,8M")
    assert code == 0
    assert "% larger overwrites it" in out


def test_layout_of_a_board(command_line: CommandLine, qnap: Path) -> None:
    code, out, _ = command_line("layout", qnap)
    assert code in (0, 1)
    assert "device tree" in out


def test_layout_without_anything_is_usage(command_line: CommandLine) -> None:
    assert command_line("layout")[0] == 2
