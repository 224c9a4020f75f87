"""The command ``bootmap memblock`` as users call it."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bootmap.facts.features.releases import NEWEST

DATA = Path(__file__).parents[1] / "data" / "memblock"
BOARD = """\
# a board
add 40000000 20000000
nomap 50000000 100000
alloc 28 4 0 0
"""


@pytest.fixture
def run(command_line, tmp_path):
    """Call the command with words; a first word that is a script's text is put into a file."""

    def call(*words, script=None):
        if script is not None:
            path = tmp_path / "script"
            path.write_bytes(script if isinstance(script, bytes) else script.encode())
            words = (*words, str(path))
        return command_line("memblock", *words)

    return call


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("linux-6.12-phys32", []),
        ("linux-6.12-phys64", ["--width", "64"]),
        ("linux-7.2-phys32", ["--kernel-version", "7.2"]),
    ],
)
def test_memblock_raw_is_the_recording(run, name, words):
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt") as lines:
        scripts = [json.loads(line) for line in lines]
    ops = [op for script in scripts for op in script["ops"]]
    states = [state for script in scripts for state in script["states"]]
    code, out, err = run("--raw", *words, script="\n".join(ops))
    assert (code, err) == (0, "")
    assert out.splitlines() == states


def test_memblock_text_for_learners(run):
    code, out, err = run(script=BOARD)
    assert (code, err) == (0, "")
    assert out.splitlines()[-5:] == [
        "> alloc 28 4 0 0",
        "  5fffffd8 | memory   40000000+10000000:0 50000000+100000:4 50100000+ff00000:0",
        "             reserved 5fffffd8+28:0",
        "             free     40000000-50000000 50100000-5fffffd8",
        "             ranges   40000000-50000000 50100000-60000000",
    ]
    assert out.count("> ") == 3


def test_memblock_text_wraps_at_100_columns(run):
    lines = [f"reserve {0x40000000 + i * 0x2000:x} 1000" for i in range(100)]
    _, out, _ = run(script="\n".join(["add 40000000 10000000", *lines]))
    assert max(map(len, out.splitlines())) <= 100


def test_memblock_json(run):
    code, out, err = run("--json", "--kernel-version", "7.2", script=BOARD)
    answer = json.loads(out)
    assert (code, err) == (0, "")
    assert answer["schema"] == "bootmap.memblock/1"
    assert (answer["kernel_version"], answer["width"], answer["death"]) == ("7.2", 32, None)
    assert {"feature": "memblock_rsrv_kern", "on": True}.items() <= next(
        rule for rule in answer["rules"] if rule["feature"] == "memblock_rsrv_kern"
    ).items()
    last = answer["steps"][-1]
    assert last == {
        "line": 4,
        "op": "alloc 28 4 0 0",
        "result": 0x5FFFFFD8,
        "current_limit": 0xFFFFFFFF,
        "bottom_up": False,
        "memory": [[0x40000000, 0x10000000, 0], [0x50000000, 0x100000, 4], [0x50100000, 0xFF00000, 0]],
        "reserved": [[0x5FFFFFD8, 0x28, 0x20]],
        "free": [[0x40000000, 0x50000000], [0x50100000, 0x5FFFFFD8]],
        "ranges": [[0x40000000, 0x50000000], [0x50100000, 0x60000000]],
    }
    assert [step["line"] for step in answer["steps"]] == [2, 3, 4]


def test_memblock_kernel_version_changes_the_answer(run):
    script = "add 40000000 100000\nalloc 28 1000 0 0"
    assert "400ff000+28:0 " in run("--raw", script=script)[1]
    assert "400ff000+28:20 " in run("--raw", "--kernel-version", "v7.2-rc1", script=script)[1]
    assert "400ff000+1000:0 " in run("--raw", "--kernel-version", "3.10", script=script)[1]
    code, _, err = run("--raw", "--kernel-version", "9.0", script=script)
    assert code == 0
    assert f"newer than Linux {'.'.join(map(str, NEWEST))}" in err


def test_memblock_stable_series(run):
    """A back-port is known by its sublevel; without one the latest of the series is meant."""

    def above_kernel(version):
        rules = json.loads(run("--json", "--kernel-version", version, script="reset")[1])["rules"]
        return next(rule["on"] for rule in rules if rule["feature"] == "memblock_bottom_up_above_kernel")

    assert above_kernel("5.4.96")
    assert not above_kernel("5.4.97")
    assert not above_kernel("5.4.286")
    assert not above_kernel("5.4")
    assert above_kernel("5.9")


def test_memblock_death_is_a_finding(run):
    lines = [f"reserve {0x40000000 + i * 0x2000:x} 1000" for i in range(129)]
    script = "\n".join(["add 40000000 10000000", *lines])
    code, out, err = run(script=script)
    assert code == 1
    assert out.splitlines()[-1] == "> reserve 40100000 1000"
    assert "line 130: the kernel dies here: memblock: cannot resize reserved array" in err
    code, out, err = run("--json", script=script)
    assert (code, err) == (1, "")
    answer = json.loads(out)
    assert answer["death"]["line"] == 130
    assert len(answer["steps"]) == 129
    code, out, _ = run("--raw", "--kernel-version", "6.1", script=script)
    assert code == 0
    assert out.splitlines()[-1].startswith("fffffffff4 | memory 40000000+10000000:0 reserved 40000000+1000:0")
    code, out, _ = run("--raw", script="allow_resize\n" + script)
    assert code == 0
    assert "4ffff000+1000:0" in out.splitlines()[-1]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (b"", "script: holds no operation"),
        (b"frob", "script: line 1: 'frob' is not an operation"),
        (b"add 1 zz", "script: line 1: 'zz' is not a hexadecimal number"),
        (b"add 1 " + b"9" * 50, "does not fit into 32 bits"),
        (b"\xff\xfe\x00", "script: offset 0x0: is not text"),
    ],
)
def test_memblock_bad_script(run, script, words):
    code, out, err = run(script=script)
    assert (code, out) == (3, "")
    assert words in err
    assert err.startswith("bootmap: ")
    assert err.count("\n") == 1


def test_memblock_calls_that_came_later(run):
    for call, since in (
        ("nomap 0 1000", "4.5"),
        ("hotplug 0 1000", "3.14"),
        ("bottom_up 1", "3.13"),
        ("cap 0 1", "4.12"),
    ):
        code, out, err = run("--kernel-version", "3.10", script=f"reset\n{call}")
        assert (code, out) == (3, "")
        assert f"line 2: Linux 3.10 has no {call.split()[0]}; it came with {since}" in err


def test_memblock_version_is_shown_as_numbers(run):
    code, _, err = run("--kernel-version", "3.10\n\x1b[31m", script="nomap 0 1000")
    assert code == 3
    assert err.endswith("line 1: Linux 3.10 has no nomap; it came with 4.5\n")


def test_memblock_missing_file_and_directory(run, tmp_path):
    for path, words in ((tmp_path / "none", "no such file"), (tmp_path, "is a directory")):
        code, out, err = run(path)
        assert (code, out) == (3, "")
        assert words in err


def test_memblock_script_too_large(run):
    code, _, err = run(script=b"#" * (4 << 20) + b"\n")
    assert code == 3
    assert "4 MiB" in err


@pytest.mark.parametrize(
    "words",
    [
        ["--kernel-version", "2.6.35"],
        ["--kernel-version", "new"],
        ["--kernel-version", ""],
        ["--kernel-version", "\n\x1b[31m"],
        ["--width", "48"],
        ["--raw", "--json"],
    ],
)
def test_memblock_usage(run, words):
    code, out, err = run(*words, script=BOARD)
    assert (code, out) == (2, "")
    assert err


def test_memblock_without_script(run):
    assert run()[0] == 2


def test_memblock_standard_input():
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    call = [sys.executable, "-m", "bootmap", "memblock", "--raw", "-"]
    done = subprocess.run(call, input=BOARD.encode(), capture_output=True, env=env, check=False)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 3
    done = subprocess.run(call, input=b"bad", capture_output=True, env=env, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith(b"bootmap: <stdin>: line 1: 'bad' is not an operation")
