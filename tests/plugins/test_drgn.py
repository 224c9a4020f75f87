"""contrib/drgn in drgn itself, on a dump that QEMU made of a Debian kernel: it reads what QEMU reads.

The session in docs/plugins.md is what drgn prints:  python tests/plugins/test_drgn.py  writes it anew.
"""

from __future__ import annotations

import code
import contextlib
import io
import json
import lzma
import os
import re
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))
from support import dumps
from support.booting import REPOSITORY

PAGE = REPOSITORY / "docs" / "plugins.md"
SCRIPT = REPOSITORY / "contrib" / "drgn"
RECORDED = REPOSITORY / "tests" / "data" / "drgn"
SESSION = re.compile(r"(?ms)^```text\n(>>> .*?)^```$")
# The image, lowmem behind it, the vectors; the fixmap and user space, where this kernel has nothing.
PLACES = (0xC020_8000, 0xC0E0_0000, 0xC15B_1B84, 0xCF00_0000, 0xFFFF_0000, 0xFFEF_F000, 0x0001_0000)

drgn = pytest.importorskip("drgn", reason="drgn is not installed (pip install '.[drgn]')")
pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return dumped(tmp_path_factory.mktemp("drgn"))


def dumped(folder: Path) -> tuple[Path, str]:
    """A folder with the dump of a kernel that has come to its end, and what QEMU's monitor said of its memory."""
    return folder, dumps.dumped(folder, "deb-6.1", [f"x /1xw {place:#x}" for place in PLACES])


def test_drgn_alone_does_not_translate(dump: tuple[Path, str]) -> None:
    """What this is for: the same dump in drgn without us."""
    prog = drgn.Program()
    prog.set_core_dump(dump[0] / "vmcore")
    with pytest.raises(drgn.FaultError, match="could not find memory segment: 0xc0208000"):
        prog.read_u32(0xC020_8000)


def test_virtual_memory_is_as_qemu_reads_it(dump: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT))
    from bootmap_drgn import program  # type: ignore[import-not-found]

    folder, said = dump
    prog = program(str(folder / "vmcore"), system_map=str(folder / "System.map"), config=str(folder / "config.gz"))
    read = 0
    for place in PLACES:
        theirs = re.search(rf"(?m)^0*{place:x}: 0x([0-9a-f]+)", said)
        if theirs is None:
            assert re.search(r"Cannot access memory", said)
            with pytest.raises(drgn.FaultError):
                prog.read_u32(place)
            continue
        assert prog.read_u32(place) == int(theirs[1], 16), hex(place)
        read += 1
    assert 4 <= read < len(PLACES)
    assert prog.symbol(prog.symbol("paging_init").address).name == "paging_init"
    with pytest.raises(LookupError):
        prog.symbol("no_such_symbol")


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recorded parts of a dump and of the kernel's debug information, unpacked."""
    folder = tmp_path_factory.mktemp("cut")
    for path in RECORDED.glob("*.xz"):
        (folder / path.stem).write_bytes(lzma.decompress(path.read_bytes()))
    return folder


@pytest.mark.parametrize("whole", [False, True], ids=["cut", "whole"])
def test_types_by_debug_information(
    whole: bool, cut: Path, dump: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the page shows it, on the dump of now; BOOTMAP_VMLINUX names Debian's whole vmlinux for 6.1.176."""
    if whole and "BOOTMAP_VMLINUX" not in os.environ:
        pytest.skip("no kernel with all its debug information: BOOTMAP_VMLINUX=FILE names Debian's for 6.1.176")
    monkeypatch.syspath_prepend(str(SCRIPT))
    from bootmap_drgn import program

    vmlinux = os.environ["BOOTMAP_VMLINUX"] if whole else str(cut / "vmlinux")
    prog = program(str(dump[0] / "vmcore"), vmlinux=vmlinux)
    page = PAGE.read_text()
    for words, said in (('"init_task"].comm', prog["init_task"].comm), ("memory.cnt", prog["memblock"].memory.cnt)):
        assert f"{words}\n    {said}\n" in page
    console = (dump[0] / "console").read_text()
    assert prog["linux_banner"].string_().decode().strip() in console
    bank = prog["memblock"].memory.regions[0]
    assert (bank.base.value_(), bank.size.value_()) == (0x4000_0000, 256 << 20)


def test_recorded_types_are_those_of_the_whole(cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """drgn, with the parts, says what it said with the whole vmlinux and dump."""
    monkeypatch.syspath_prepend(str(SCRIPT))
    from bootmap_drgn import program

    symbols = REPOSITORY / "tests" / "data" / "kernels" / "deb-6.1" / "System.map"
    prog = program(str(cut / "vmcore"), vmlinux=str(cut / "vmlinux"), system_map=str(symbols), phys_offset=0x4000_0000)
    recorded = json.loads((RECORDED / "said.json").read_text())
    assert {words: str(eval(words, {"prog": prog})) for words in recorded} == recorded
    with pytest.raises(LookupError):
        prog["jiffies"]  # its unit is not among them
    with pytest.raises(drgn.FaultError):
        prog.read(prog.symbol("paging_init").address, 4)  # nor is its page


def told(page: str, folder: Path) -> str:
    """``page`` with the session as Python prints it now, in the folder of the dump."""

    def again(block: re.Match[str]) -> str:
        shell = code.InteractiveInterpreter({"__name__": "__console__"})
        lines = ["```text\n"]
        for line in (line for line in block[1].splitlines() if line.startswith(">>> ")):
            out = io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), contextlib.chdir(folder):
                shell.runsource(line.removeprefix(">>> "))
            printed = out.getvalue()
            if printed.startswith("Traceback"):  # only its last line tells something
                printed = f"Traceback ...\n{printed.splitlines()[-1]}\n"
            lines.append(f"{line}\n{printed}")
        return "".join([*lines, "```"])

    return SESSION.sub(again, page)


def test_drgn_session_in_the_page(dump: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT))
    page = PAGE.read_text()
    assert told(page, dump[0]) == page
    assert page.count(">>> ") >= 5
    assert "Booting Linux on physical CPU" in page


if __name__ == "__main__":
    sys.path.insert(0, str(SCRIPT))
    with tempfile.TemporaryDirectory() as place:
        PAGE.write_text(told(PAGE.read_text(), dumped(Path(place))[0]))
