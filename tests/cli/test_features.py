"""The command ``bootmap features`` as users call it, and the page of the documentation that it makes."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bootmap.facts.features.table import ROWS_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int | str | None, str, str]]

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "tests" / "data" / "kernels" / "deb-6.1" / "config.gz"
PAGE = ROOT / "docs" / "features.md"


@pytest.fixture
def run(command_line: Run) -> Run:
    return partial(command_line, "features")


def test_features_of_one_version(run: Run) -> None:
    code, out, _ = run("--kernel-version", "5.10.20")
    assert code == 0
    assert out.startswith("Linux 5.10.20: ")
    assert "\n? lpae: if CONFIG_ARM_LPAE\n" in out
    assert "\n  params_two_sections: since 3.8, until 5.11\n" in out
    assert "\n- " not in out
    assert "fdt_fixed_base" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_features_all(run: Run) -> None:
    code, out, _ = run("--kernel-version", "5.10.20", "--all")
    assert code == 0
    assert "\n- fdt_fixed_base: only from 5.10.38 on\n" in out
    assert set(re.findall(r"^[-? ] (\w+): ", out, re.MULTILINE)) == set(ROWS_BY_NAME)
    assert max(map(len, out.splitlines())) <= 100


def test_features_of_a_configuration(run: Run) -> None:
    code, out, _ = run("--config", CONFIG)
    assert code == 0
    assert out.startswith("Linux 6.1.176: ")
    assert "\n?" not in out
    assert "\n  highmem: CONFIG_HIGHMEM\n" in out
    assert "lpae" not in re.findall(r"^[-? ] (\w+): ", out, re.MULTILINE)


def test_features_overridden(run: Run) -> None:
    code, out, _ = run("--kernel-version", "3.10", "--feature", "map_kernel=on", "--feature", "static_vm=off", "--all")
    assert code == 0
    assert "\n  map_kernel: --feature\n" in out
    assert "\n- static_vm: --feature\n" in out


def test_features_side_by_side(run: Run) -> None:
    code, out, _ = run("--kernel-version", "3.10", "--kernel-version", "5.10.37", "--kernel-version", "5.10")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["3.10", "5.10.37", "5.10"]
    (row,) = [line for line in lines if line.startswith("  fdt_fixed_base ")]
    assert row.split()[1:4] == ["no", "no", "stable"]
    (row,) = [line for line in lines if line.startswith("  lpae ")]
    assert row.split()[1:4] == ["config", "config", "config"]
    assert "memblock_as_lmb" not in out  # of 2.6.36 only
    assert "memblock_as_lmb" in run("--kernel-version", "3.10", "--kernel-version", "4.9", "--all")[1]
    assert max(map(len, lines)) <= 100


def test_features_side_by_side_of_many(run: Run) -> None:
    """No room for what the rules are: the columns remain."""
    versions = ("2.6.38", "3.0", "3.4", "3.10", "3.18", "4.4", "4.9", "6.1")
    code, out, _ = run(*[word for version in versions for word in ("--kernel-version", version)])
    assert code == 0
    assert out.splitlines()[0].split() == list(versions)
    assert max(map(len, out.splitlines())) <= 100


def test_features_json(run: Run) -> None:
    code, out, _ = run("--kernel-version", "6.1.55", "--kernel-version", "3.10", "--all", "--json")
    assert code == 0
    document = json.loads(out)
    assert document["schema"] == "bootmap.features/1"
    assert [kernel["version"] for kernel in document["kernels"]] == ["6.1.55", "3.10"]
    for kernel in document["kernels"]:
        assert [row["feature"] for row in kernel["features"]] == list(ROWS_BY_NAME)
        assert {row["because"] for row in kernel["features"]} <= {"version", "stable", "config", "override"}
        assert all(row["source"] and row["summary"] and row["why"] for row in kernel["features"])
    some = json.loads(run("--kernel-version", "6.1.55", "--json")[1])["kernels"][0]["features"]
    assert some == [row for row in document["kernels"][0]["features"] if row["on"] is not False]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "give --kernel-version, --config or --kernel"),
        (("--kernel-version", "six"), 2, "'six' is no kernel version"),
        (("--kernel-version", "6.1", "--feature", "nonsense=on"), 2, "there is no feature 'nonsense'"),
        (("--kernel-version", "6.1", "--feature", "lpae"), 2, "expected lpae=on or lpae=off"),
        (("--kernel-version", "99.0"), 2, "Linux 99.0 is not modelled"),
        (("--config", "/no/such/file"), 3, "no such file"),
    ],
)
def test_features_faults(run: Run, words: tuple[str, ...], code: int, message: str) -> None:
    found, out, err = run(*words)
    assert (found, out) == (code, "")
    assert message.lower() in err.lower()
    assert err.count("\n") == 1


def test_features_page_is_what_the_command_prints(run: Run) -> None:
    """docs/features.md names the command that makes it; after a change of the table, put its output there."""
    text = PAGE.read_text()
    (command,) = re.findall(r"^\$ bootmap features (.*)$", text, re.MULTILINE)
    block = text.split("```text\n")[1].split("```")[0]
    assert block.splitlines()[0] == f"$ bootmap features {command}"
    assert block.split("\n", 1)[1] == run(*command.split())[1]
    assert ROWS_BY_NAME.keys() >= set(re.findall(r"^  (\w+) +(?:yes|no|config|stable) ", block, re.MULTILINE))
