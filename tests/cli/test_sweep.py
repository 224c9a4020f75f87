"""``bootmap sweep`` and ``bootmap sweep-diff`` as they are typed: exit codes, formats, and what they refuse."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from support.sabrelite import BOARD, DATA
from support.trees import Node, blob, cells, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int | str | None, str, str]]

KERNEL = DATA / "kernels" / "deb-6.1"


def generated(size: int) -> bytes:
    root = Node(properties={"#address-cells": cells(1), "#size-cells": cells(1), "compatible": text("virt,board")})
    cpus = root.add("cpus", **{"#address_cells": cells(1), "#size_cells": cells(0)})
    cpus.add("cpu@0", device_type=text("cpu"), compatible=text("arm,cortex-a15"), reg=cells(0))
    root.add("memory@40000000", device_type=text("memory"), reg=cells(0x40000000, size))
    return blob(root)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trees").mkdir()
    shutil.copy(BOARD, tmp_path / "trees")
    (tmp_path / "trees" / "virt.dtb").write_bytes(generated(256 << 20))
    (tmp_path / "trees" / "bad.dtb").write_bytes(b"nothing")
    return tmp_path


def test_sweep_counts(command_line: Run, folder: Path) -> None:
    code, out, err = command_line("sweep", "trees", "--kernel", KERNEL, "--kernel", "multi_v7@6.12")
    assert code == 0
    assert out.splitlines()[0] == "3 boards, Linux 6.1.176 (deb-6.1), trees trees"
    assert "  2  BOOTS                         imx6q-sabrelite, virt" in out
    assert "  1  NO ANSWER                     bad" in out
    assert "malformed: " in out
    assert "6 rows" in err
    again, same, err = command_line("sweep", "trees", "--kernel", KERNEL, "--kernel", "multi_v7@6.12")
    assert (again, same) == (0, out)
    assert "6 from the cache" in err


@pytest.mark.parametrize("form", ["jsonl", "markdown", "sarif", "junit"])
def test_sweep_formats(command_line: Run, folder: Path, form: str) -> None:
    code, out, _ = command_line("sweep", "trees", "--kernel", KERNEL, "--format", form)
    assert code == 0
    if form == "jsonl":
        assert {json.loads(line)["board"] for line in out.splitlines()} == {
            "bad.dtb",
            "imx6q-sabrelite.dtb",
            "virt.dtb",
        }
    elif form == "sarif":
        assert [row["ruleId"] for row in json.loads(out)["runs"][0]["results"]] == ["no-answer"]
    elif form == "junit":
        assert len(ElementTree.fromstring(out).findall(".//testcase")) == 3
    else:
        assert "| verdict | 2 | BOOTS | imx6q-sabrelite, virt |" in out


def test_sweep_against_and_diff(command_line: Run, folder: Path) -> None:
    shutil.copytree("trees", "newer")
    (folder / "newer" / "virt.dtb").write_bytes(generated(128 << 20))
    words = ("sweep", "trees", "--kernel", KERNEL, "--against", "newer", "-o", "all.jsonl", "--html", "page.html")
    code, out, _ = command_line(*words)
    assert code == 1
    assert "  worse    1 boards  128 MiB less of RAM in use; the tree declares 128 MiB less (tree change)" in out
    assert "Something got worse." in out
    assert "virt.dtb" in (folder / "page.html").read_text()
    code, out, _ = command_line("sweep", "newer", "--kernel", KERNEL, "--against", "trees")
    assert code == 0
    assert "Nothing got worse." in out
    for side in ("trees", "newer"):
        assert command_line("sweep", side, "--kernel", KERNEL, "-o", f"{side}.jsonl")[0] == 0
    code, out, _ = command_line("sweep-diff", "trees.jsonl", "newer.jsonl")
    assert code == 1
    assert "128 MiB less of RAM in use" in out
    code, out, _ = command_line("sweep-diff", "trees.jsonl", "newer.jsonl", "--format", "jsonl")
    first = json.loads(out.splitlines()[0])
    assert (first["board"], first["due"], first["weight"]) == ("virt.dtb", "tree", "worse")
    assert command_line("sweep-diff", "trees.jsonl", "trees.jsonl")[0] == 0


def test_sweep_resumes(command_line: Run, folder: Path) -> None:
    words = ("sweep", "trees", "--kernel", KERNEL, "--no-cache", "-o", "rows.jsonl", "--resume")
    assert command_line(*words)[0] == 0
    code, _, err = command_line(*words)
    assert code == 0
    assert "3 were there" in err


def test_sweep_keeps_parts(command_line: Run, folder: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (pip install '.[sweep]')")
    words = ("sweep", "trees", "--kernel", KERNEL, "--no-cache", "--parts", "parts")
    assert command_line(*words)[0] == 0
    code, _, err = command_line(*words)
    assert (code, err) == (3, "bootmap: parts: holds parts already; go on with --resume, or name another folder\n")
    code, out, err = command_line(*words, "--resume", "--format", "jsonl")
    assert code == 0
    assert "3 were there" in err
    assert len([json.loads(line)["key"] for line in out.splitlines()]) == 3


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["trees", "--parts", "here", "-o", "rows.jsonl"], 2, "--output and --parts"),
        (["nowhere"], 2, "nowhere: no such file or folder"),
        (["trees", "--kernel", "nothing-there"], 2, "no such folder"),
        (["trees", "--resume"], 2, "--output"),
        (["trees", "--blame"], 2, "--against"),
        (["trees", "--memory", "lots"], 2, "--memory: 'lots' is not SIZE"),
        (["trees", "--kernel", "multi_v7", "--kernel", "multi_v7"], 2, "another kernel is called multi_v7 too"),
        (["trees", "-o", "no/folder/rows.jsonl"], 3, "cannot be written"),
    ],
)
def test_sweep_refuses(command_line: Run, folder: Path, words: list[str], code: int, message: str) -> None:
    found, _, err = command_line("sweep", *words)
    assert found == code
    assert message in err
    assert err.count("\n") == 1


def test_sweep_diff_refuses(command_line: Run, folder: Path) -> None:
    (folder / "no.jsonl").write_text("{}\n")
    assert command_line("sweep-diff", "no.jsonl", "no.jsonl")[0] == 3
    assert command_line("sweep-diff", "not-there", "no.jsonl")[0] == 3


def test_sweep_is_interrupted_and_goes_on(command_line: Run, folder: Path, request: pytest.FixtureRequest) -> None:
    """Ctrl-C: rows that are there stay, and it is said how to go on; every board has then one row."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # one that is ignored is inherited
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    for number in range(1500):
        (folder / "trees" / f"b{number:04}.dtb").write_bytes(generated((256 << 20) + (number << 12)))
    words = [
        sys.executable,
        "-m",
        "bootmap",
        "sweep",
        "trees",
        "--kernel",
        str(KERNEL),
        "--no-cache",
        "-j1",
        "--output",
        "rows.jsonl",
    ]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        rows = folder / "rows.jsonl"
        while not rows.exists() or rows.read_bytes().count(b"\n") < 20:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    there = rows.read_bytes().count(b"\n")
    assert 20 <= there < 1503
    told = re.search(r"bootmap: (\d+) of 1503 pairs are in rows.jsonl; go on with --resume", err)
    assert told is not None
    assert there - int(told[1]) in (0, 1)  # a row may be there that nobody was told of yet
    code, _, err = command_line(
        "sweep", "trees", "--kernel", KERNEL, "--no-cache", "--output", "rows.jsonl", "--resume"
    )
    assert code == 0
    assert f"{1503 - there} worked out, {there} were there" in err
    boards = [json.loads(line)["board"] for line in rows.read_text().splitlines()]
    assert len(boards) == len(set(boards)) == 1503
