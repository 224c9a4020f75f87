"""Boards booted on a real kernel under QEMU by the commands that do so.  What is expected is the kernel's own doing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.boards import tree as board_of
from support.booting import FINDINGS, TREES, bootmap, command, kernel

BOARDS = [("virt.dtb", "virt"), ("vexpress-a9.dtb", "vexpress-a9"), ("sabrelite.dtb", "sabrelite")]


@pytest.mark.parametrize(("tree", "machine"), BOARDS)
def test_verify_board(tree: str, machine: str) -> None:
    """With its zImage, decompressor and all: every word is as predicted."""
    done = bootmap("verify", str(TREES / tree), "--machine", machine, "--kernel", kernel("deb-6.1"), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = json.loads(done.stdout)["boards"]
    assert row["finding"] == "EQUAL"
    assert row["words"].keys() == {"before", "after"}
    assert min(row["words"].values()) > 4096
    assert row["wrong_words"] == {"before": 0, "after": 0}
    assert row["lists"] == 6


def test_verify_two_boards_of_which_one_dies() -> None:
    boards = [str(TREES / "virt.dtb"), str(FINDINGS / "nomap-in-last-section-6.1.dtb")]
    done = bootmap("verify", *boards, "--place", "-j", "2", "--kernel", kernel("deb-6.1"))
    assert done.returncode == 1
    first, second = done.stdout.split("\nEQUAL, and")
    assert first.startswith("EQUAL: ")
    assert "dies as predicted" in second
    assert "map_lowmem" in second
    assert "Undefined Instruction" in second


@pytest.mark.parametrize(("machine", "start"), [("raspi0", 0), ("romulus-bmc", 0x80000000)])
def test_verify_armv7_kernel_on_an_arm11(machine: str, start: int, tmp_path: Path) -> None:
    """Debian's armmp is for ARMv7: its decompressor stops without a sound, and head.S as predicted."""
    board = tmp_path / "board.dtb"
    board.write_bytes(board_of([(start, 512 << 20)], cpu="arm,arm1176jzf-s"))
    done = bootmap("verify", str(board), "--machine", machine, "--kernel", kernel("deb-6.12"), "--timeout", "10")
    assert (done.returncode, done.stderr) == (1, "")
    assert "EQUAL, and the kernel dies as predicted" in done.stdout
    assert "is an ARMv6 core without movw and movt" in " ".join(done.stdout.split())
    assert "Undefined Instruction" in done.stdout


def test_verify_command_line_and_initrd() -> None:
    """What the user gives is put into the tree that the kernel reads."""
    given = ("--cmdline", "console=ttyAMA0 mem=100M vmalloc=128M", "--initrd", "0x42000000,0x100000")
    done = bootmap("verify", str(TREES / "virt.dtb"), "--place", "--kernel", kernel("deb-6.1"), *given)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--cmdline was put into /chosen" in done.stdout


def test_fuzz_ten_boards() -> None:
    done = bootmap("fuzz", "--kernel", kernel("deb-6.1"), "--seed", "4711", "--count", "10", "--json")
    assert done.returncode == 0, done.stdout
    (counts,) = json.loads(done.stdout)["counts"].values()
    assert sum(counts.values()) == 10
    assert not counts.keys() & {"DIFFERS", "UNKNOWN_DEATH"}


def test_record_is_a_source(tmp_path: Path) -> None:
    """What was read maps what was predicted."""
    board, folder, file = str(TREES / "virt.dtb"), kernel("deb-6.1"), str(tmp_path / "virt.json.gz")
    done = bootmap("record", board, "--place", "--kernel", folder, "-o", file)
    assert (done.returncode, done.stdout) == (0, "")
    options = ("--config", f"{folder}/config.gz", "--system-map", f"{folder}/System.map", "--phys-offset", "0x40000000")
    listed = [bootmap("tables", source, "--format", "csv", *options).stdout for source in (file, board)]
    assert listed[0] == listed[1]
    assert listed[0].count("\n") > 5


def guests() -> set[str]:
    """QEMUs of this user by process id, as /proc has them."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"qemu-system-arm" in path.read_bytes().split(b"\0")[0]:
                found.add(path.parent.name)
        except OSError:
            continue
    return found


def children(pid: int) -> set[str]:
    """Guests whose memory is a file of the process ``pid``."""
    mine = f"/proc/{pid}/fd/".encode()
    return {guest for guest in guests() if mine in Path(f"/proc/{guest}/cmdline").read_bytes()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_verify_interrupted(number: int, tmp_path: Path) -> None:
    """No process, no file and no traceback is left."""
    line = command("verify", str(TREES / "virt.dtb"), "--kernel", kernel("deb-6.1"))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    # A shell has its background jobs ignore the interrupt, and what they start inherits that.
    with subprocess.Popen(
        line, env=environment, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **pipes
    ) as process:
        deadline = time.monotonic() + 30
        while not children(process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert children(process.pid)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode in (130, -signal.SIGTERM, 143)
    assert "Traceback" not in errors
    deadline = time.monotonic() + 10
    while (children(process.pid) or list(tmp_path.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not children(process.pid)
    assert list(tmp_path.iterdir()) == []


def test_record_on_a_full_disk(tmp_path: Path) -> None:
    """One line, and nothing half-written."""
    folder = kernel("deb-6.1")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "none", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        (disk / "rest").write_bytes(bytes(4096))
        done = bootmap("record", str(TREES / "virt.dtb"), "--place", "--kernel", folder, "-o", str(disk / "x.json.gz"))
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.strip() == f"bootmap: {disk}/x.json.gz: cannot be written: No space left on device"
        assert [path.name for path in disk.iterdir()] == ["rest"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
