"""contrib/gdb in gdb itself, on a Debian kernel under QEMU: it translates as QEMU's monitor does.

The session in docs/plugins.md is what gdb prints:  python tests/plugins/test_gdb.py  writes it anew.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.append(str(Path(__file__).parents[1]))
from support.booting import REPOSITORY, kernel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE = REPOSITORY / "docs" / "plugins.md"
SCRIPT = REPOSITORY / "contrib" / "gdb" / "bootmap-gdb.py"
GDB = shutil.which("gdb-multiarch")
SESSION = re.compile(r"(?ms)^```text\n(\(gdb\) .*?)^```$")
MACHINE = ["qemu-system-arm", "-M", "virt", "-cpu", "cortex-a15", "-m", "256", "-display", "none", "-monitor", "none"]

pytestmark = [pytest.mark.oracle, pytest.mark.skipif(GDB is None, reason="gdb-multiarch is not installed")]


@contextmanager
def guest(key: str, folder: Path) -> Iterator[str]:
    """The stub's socket of a kernel that has come to its end: it found no root file system."""
    zimage = Path(kernel(key)) / "zImage"
    with tempfile.TemporaryDirectory(prefix="bootmap-") as sockets:  # a socket's path must be short
        stub, console = f"{sockets}/gdb", folder / "console"
        command = [*MACHINE, "-nic", "none", "-kernel", str(zimage), "-append", "console=ttyAMA0"]
        command += ["-serial", f"file:{console}", "-gdb", f"unix:{stub},server=on,wait=off"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 240
            while not (console.exists() and b"end Kernel panic" in console.read_bytes()):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
            yield stub
        finally:
            process.kill()
            process.wait()


def answers(stub: str, commands: Sequence[str], folder: Path) -> list[str]:
    """What gdb prints for each of ``commands``."""
    assert GDB is not None
    # QEMU on a busy machine may be silent for longer than the two seconds that gdb waits for a packet.
    lines = [
        "set remotetimeout 60",
        "set pagination off",
        "set architecture arm",
        "set width 0",
        f"target remote {stub}",
    ]
    lines += [f"source {SCRIPT}", f"set bootmap-command {sys.executable} -m bootmap"]
    for command in commands:
        run = f"print(gdb.execute({command!r}, to_string=True), end='')"
        lines += ["echo @@@\\n", f"python\ntry: {run}\nexcept gdb.error as e: print(e)\nend"]
    script = folder / "commands.gdb"
    script.write_text("\n".join([*lines, "echo @@@\\n", "detach", ""]))
    done = subprocess.run(
        [GDB, "-nx", "-batch", "-x", str(script)], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("@@@\n")[1:-1]


def told(page: str, stub: str, folder: Path) -> str:
    """``page`` with the session as it is today."""
    own = Path(kernel("deb-6.1"))
    for name in ("config.gz", "System.map"):
        (folder / name).symlink_to(own / name)
    machine = [*MACHINE, "-append", "console=ttyAMA0", "-kernel", str(own / "zImage"), "-nic", "none"]
    machine[2] = f"virt,dumpdtb={folder / 'virt.dtb'}"
    subprocess.run(machine, check=True, capture_output=True)

    def again(block: re.Match[str]) -> str:
        commands = [line.removeprefix("(gdb) ") for line in block[1].splitlines() if line.startswith("(gdb) ")]
        setup, rest = commands[:2], commands[2:]
        lines = [f"(gdb) {command}\n" for command in setup]
        for command, answer in zip(rest, answers(stub, rest, folder), strict=True):
            lines.append(f"(gdb) {command}\n{answer}")
        return "".join(["```text\n", *lines, "```"])

    return SESSION.sub(again, page)


def test_session_in_the_page(tmp_path: Path) -> None:
    page = PAGE.read_text()
    with guest("deb-6.1", tmp_path) as stub:
        assert told(page, stub, tmp_path) == page
    assert page.count("(gdb) bootmap ") == 3
    assert "physical 0x40208000" in page


@pytest.mark.parametrize("key", ["deb-6.1", "deb-6.1-lpae"])
def test_walk_translates_as_qemu_does(key: str, tmp_path: Path) -> None:
    """Sections, pages of vmalloc and fixmap, the vectors, and what is not mapped."""
    addresses = [0xC000_0000, 0xC020_8000, 0xC120_1234, 0xCFFF_F000, 0xD000_0000, 0xF080_0000, 0xFFFF_0000, 0xFFEF_F000]
    with guest(key, tmp_path) as stub:
        asked = [words for va in addresses for words in (f"monitor gva2gpa {va:#x}", f"bootmap walk {va:#x}")]
        said = answers(stub, asked, tmp_path)
    mapped = 0
    for va, theirs, ours in zip(addresses, said[::2], said[1::2], strict=True):
        qemu, walk = re.search(r"gpa: 0x([0-9a-f]+)", theirs), re.search(r"-> physical 0x([0-9a-f]+)", ours)
        assert (qemu and int(qemu[1], 16)) == (walk and int(walk[1], 16)), (hex(va), theirs, ours)
        mapped += walk is not None
    assert 4 <= mapped < len(addresses)


def test_commands_refuse_in_one_line(tmp_path: Path) -> None:
    with guest("deb-6.1", tmp_path) as stub:
        commands = ["bootmap explain 0xc0208000", "bootmap walk", "bootmap tables --no-such"]
        commands += ["set bootmap-command /no/such", "bootmap walk $pc"]
        explain, walk, tables, _, absent = answers(stub, commands, tmp_path)
    assert explain == "bootmap: which board? set bootmap-board BOARD.dtb --config FILE --system-map FILE\n"
    assert walk == "bootmap: an address is missing\n"
    assert tables.endswith("Error: No such option: --no-such\n") or "No such option" in tables
    assert absent == "bootmap: /no/such cannot be run (No such file or directory); set bootmap-command\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place, guest("deb-6.1", Path(place)) as address:
        PAGE.write_text(told(PAGE.read_text(), address, Path(place)))
