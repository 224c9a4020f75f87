"""contrib/crash: the extension in crash itself on a dump of QEMU's, and everywhere on what crash answered there.

A crash that reads dumps of ARM must be built (tests/data/crash/README.md).  BOOTMAP_CRASH is its command,
BOOTMAP_CRASH_EXTENSION the extension built beside it, BOOTMAP_VMLINUX 6.1.176's vmlinux with debug information:

    BOOTMAP_CRASH=... BOOTMAP_CRASH_EXTENSION=... BOOTMAP_VMLINUX=... python tests/plugins/test_crash.py

writes the session in docs/plugins.md and crash's answers in tests/data/crash/session.json.gz anew.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))
from support.booting import REPOSITORY
from support.dumps import dumped, machine_tree

PAGE = REPOSITORY / "docs" / "plugins.md"
CRASH = REPOSITORY / "contrib" / "crash"
HOST = REPOSITORY / "tests" / "support" / "crash_host"
TEE = REPOSITORY / "tests" / "support" / "crash_tee.py"
RECORDED = REPOSITORY / "tests" / "data" / "crash" / "session.json.gz"
KERNEL = REPOSITORY / "tests" / "data" / "kernels" / "deb-6.1"
SESSION = re.compile(r"(?ms)^```text\n(crash> .*?)^```$")
MARK = "@@@\n"
NEEDED = ("BOOTMAP_CRASH", "BOOTMAP_CRASH_EXTENSION", "BOOTMAP_VMLINUX")

pytestmark = pytest.mark.oracle
in_crash = pytest.mark.skipif(
    not os.environ.keys() >= set(NEEDED), reason=f"no crash for ARM with the extension: {', '.join(NEEDED)}"
)


def commands(page: str) -> list[str]:
    """What the page types; the first loads the extension."""
    (block,) = SESSION.findall(page)
    return [line.removeprefix("crash> ") for line in block.splitlines() if line.startswith("crash> ")]


def answers(page: str) -> list[str]:
    """What the page shows for each."""
    (block,) = SESSION.findall(page)
    return ["".join(part.splitlines(keepends=True)[1:]) for part in re.split(r"(?m)^crash> ", block)[1:]]


def written(page: str, said: list[str]) -> str:
    """``page`` with these answers."""
    lines = [f"crash> {typed}\n{answer}" for typed, answer in zip(commands(page), said, strict=True)]
    return SESSION.sub(lambda _: "".join(["```text\n", *lines, "```"]), page)


def in_real_crash(folder: Path, typed: list[str]) -> tuple[list[str], list[list[str]]]:
    """What crash prints for each command, and what it answered the extension's script."""
    shutil.copy(os.environ["BOOTMAP_CRASH_EXTENSION"], folder / "bootmap.so")
    shutil.copy(TEE, folder / "bootmap-crash.py")
    lines = [line for command in typed for line in (command, f"!echo {MARK.strip()}")]
    done = subprocess.run(
        [*shlex.split(os.environ["BOOTMAP_CRASH"]), "-s", "--no_scroll", os.environ["BOOTMAP_VMLINUX"], "vmcore"],
        input="\n".join([*lines, "quit", ""]),
        cwd=folder,
        env=environment(BOOTMAP_TEE=str(folder / "tee"), BOOTMAP_SCRIPT=str(CRASH / "bootmap-crash.py")),
        capture_output=True,
        text=True,
        timeout=600,
    )
    said = done.stdout.split(MARK)[:-1]
    assert len(said) == len(typed), done.stdout + done.stderr
    return said, [json.loads(line) for line in (folder / "tee").read_text().splitlines()]


def environment(**values: str) -> dict[str, str]:
    """In which the extension runs this bootmap; 80 columns are what crash tells where there is no terminal."""
    kept = {**os.environ, "COLUMNS": "80"}
    kept.pop("BOOTMAP_BOARD", None)
    # Not Python's -m: in the folder bootmap.so would pass for the module.
    return {**kept, "BOOTMAP_COMMAND": str(Path(sys.executable).with_name("bootmap")), **values}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the extension, built for a program that answers in crash's place, and that program."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("crash")
    gcc = ["gcc", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-O1", f"-I{HOST}"]
    subprocess.run([*gcc, "-rdynamic", "-o", folder / "host", HOST / "host.c", "-ldl"], check=True)
    subprocess.run([*gcc, "-shared", "-fPIC", "-DARM", "-o", folder / "bootmap.so", CRASH / "bootmap.c"], check=True)
    (folder / "bootmap-crash.py").symlink_to(CRASH / "bootmap-crash.py")
    for name in ("config.gz", "System.map"):
        (folder / name).symlink_to(KERNEL / name)
    recorded = json.loads(gzip.decompress(RECORDED.read_bytes()))
    (folder / "virt.dtb").write_bytes(bytes.fromhex(recorded["board"]))
    (folder / "answers").write_text("\n".join(host_lines(recorded["answers"])) + "\n")
    return folder


def host_lines(recorded: list[list[str]]) -> list[str]:
    """Crash's answers as host.c reads them."""
    lines: dict[str, None] = {}
    for what, *words, answer, content in recorded:
        if what == "root":
            place, long = answer.split()
            lines["linear 0 0"] = lines[f"symbol swapper_pg_dir {int(place, 16):x}"] = None
            lines[f"flags {0x800000 if long == '1' else 0:x}"] = None
        elif what == "value" and answer != "no":
            lines[f"symbol {words[0]} {int(answer, 16):x}"] = None
        elif what == "read" and answer != "0":
            lines[f"page {int(words[0], 16):x} {content}"] = None
    return list(lines)


def in_host(folder: Path, typed: list[str], **values: str) -> list[str]:
    """What the extension prints for each command where crash's answers are those that were recorded."""
    done = subprocess.run(
        ["./host", "./bootmap.so", "answers"],
        input="\n".join([*typed, ""]),
        cwd=folder,
        env=environment(**values),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split(MARK)[:-1]


def test_session_in_the_page_with_what_crash_answered(host: Path) -> None:
    page = PAGE.read_text()
    assert in_host(host, commands(page)[1:]) == answers(page)[1:]
    assert page.count("crash> bootmap ") >= 4


def test_extension_refuses_in_one_line(host: Path) -> None:
    typed = ["bootmap", "bootmap walk", "bootmap walk no_such", "bootmap explain c0208000", "bootmap tables --no-such"]
    usage, walk, symbol, explain, option = in_host(host, typed)
    assert usage == (
        "bootmap: walk ADDRESS..., tables [OPTION...], explain ADDRESS... or board BOARD OPTION...: see help bootmap\n"
    )
    assert walk == "bootmap: an address is missing\n"
    assert symbol == "bootmap: no_such: no symbol and no hexadecimal number\n"
    assert explain == "bootmap: which board? bootmap board BOARD.dtb --config FILE --system-map FILE\n"
    assert option.startswith("bootmap: No such option")
    assert option.count("\n") == 1
    (absent,) = in_host(host, ["bootmap walk c0208000"], BOOTMAP_COMMAND="/no/such")
    assert absent == (
        "bootmap: /no/such cannot be run (No such file or directory); export BOOTMAP_COMMAND before crash starts\n"
    )


def test_extension_outlives_its_script(host: Path, tmp_path: Path) -> None:
    """A script that is not there, says nothing sensible, or breaks off in the midst of a message."""
    for name in ("host", "bootmap.so", "answers"):
        shutil.copy(host / name, tmp_path)
    script = tmp_path / "bootmap-crash.py"
    (absent,) = in_host(tmp_path, ["bootmap walk 0"])
    assert absent.endswith("bootmap-crash.py cannot be run: No such file or directory\n")
    for text, said in (
        ("echo what", ""),
        ("echo say 100; echo short", "bootmap: bootmap-crash.py broke off\n"),
        ("echo say 99999999999", "bootmap: bootmap-crash.py broke off\n"),
        ("echo read 0 99999999999; read size; echo say 2; echo $size", "0\n"),
        ("exec <&-; echo root; echo root; echo say 3; echo ok", "ok\n"),
    ):
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)
        assert in_host(tmp_path, ["bootmap walk 0", "bootmap walk 0"]) == [said, said], text


def test_kernel_without_tables_is_refused(host: Path, tmp_path: Path) -> None:
    for name in ("host", "bootmap.so"):
        shutil.copy(host / name, tmp_path)
    (tmp_path / "bootmap-crash.py").symlink_to(CRASH / "bootmap-crash.py")
    for lines, said in (
        ("flags 0", "this kernel has no swapper_pg_dir: its page tables cannot be found"),
        ("symbol swapper_pg_dir c0204000\nlinear c0000000 40000000", "swapper_pg_dir at 0x40204000 is not in the dump"),
    ):
        (tmp_path / "answers").write_text(f"{lines}\n")
        assert in_host(tmp_path, ["bootmap walk 0"]) == [f"bootmap: {said}\n"]


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dump, and the device tree of its machine."""
    folder = tmp_path_factory.mktemp("dump")
    dumped(folder, "deb-6.1")
    machine_tree(folder, "deb-6.1")
    return folder


@in_crash
def test_session_in_crash(dump: Path) -> None:
    page = PAGE.read_text()
    said, _ = in_real_crash(dump, commands(page))
    assert said == answers(page)


@in_crash
def test_walk_translates_as_crash_does(dump: Path) -> None:
    """Sections, a page of the vmalloc area, the vectors, and what is not mapped."""
    places = ["c0208000", "c1201234", "cffff000", "d0800000", "ffff0000", "f0800000"]
    typed = ["extend bootmap.so", *(f"{command} {place}" for place in places for command in ("vtop", "bootmap walk"))]
    said, _ = in_real_crash(dump, typed)
    for place, theirs, ours in zip(places, said[1::2], said[2::2], strict=True):
        walk = re.search(r"-> physical 0x([0-9a-f]+)", ours)
        assert f"\n{place}  {walk[1].zfill(8) if walk else '(not mapped)'}\n" in theirs, theirs + ours
        assert (walk is None) == (place == "f0800000")


@in_crash
def test_errors_and_pipes_in_crash(dump: Path) -> None:
    refused = ["bootmap walk", "bootmap walk no_such", "bootmap explain c0208000"]
    said, _ = in_real_crash(dump, ["extend bootmap.so", *refused, "bootmap walk init_task | grep -c level"])
    assert said[1:] == [
        "bootmap: an address is missing\n",
        "bootmap: no_such: no symbol and no hexadecimal number\n",
        "bootmap: which board? bootmap board BOARD.dtb --config FILE --system-map FILE\n",
        "1\n",
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        dumped(Path(place), "deb-6.1")
        machine_tree(Path(place), "deb-6.1")
        spoken, kept = in_real_crash(Path(place), commands(PAGE.read_text()))
        PAGE.write_text(written(PAGE.read_text(), spoken))
        document = {"board": (Path(place) / "virt.dtb").read_bytes().hex(), "answers": kept}
        RECORDED.write_bytes(gzip.compress(json.dumps(document, indent=0).encode(), 9, mtime=0))
