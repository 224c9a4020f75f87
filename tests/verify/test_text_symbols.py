"""Kernels whose System.map is a stub: the text's symbols from the image, the rest from the kernel itself.

What is learned is held against the true System.map of the same kernel, which comes with its recordings.
"""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
from support.booting import FINDINGS, TREES, bootmap, kernel

from bootmap.facts.machines.qemu import MACHINES_BY_NAME
from bootmap.inputs import kallsyms
from bootmap.inputs.symbols import read_system_map
from bootmap.units import MIB
from bootmap.verify.guest import Setup
from bootmap.verify.load import load_kernel
from bootmap.verify.text_symbols import completed

STUB = "ffffffff B The real System.map is in the linux-image-6.1.0-50-armmp-dbg package\n"
DATA_SYMBOLS = {
    "_text",
    "swapper_pg_dir",
    "__init_begin",
    "__init_end",
    "_sdata",
    "__bss_start",
    "_end",
    "bm_pte",
    "__start_rodata",
    "__start_rodata_section_aligned",
}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Debian's 6.1 kernel as a user has it installed: configuration, and a stub in place of the System.map."""
    if kallsyms.tool_path() is None:
        pytest.skip(f"{kallsyms.TOOL} is not installed")
    source, folder = Path(kernel("deb-6.1")), tmp_path_factory.mktemp("boot")
    shutil.copy(source / "zImage", folder)
    shutil.copy(source / "config.gz", folder)
    (folder / "System.map").write_text(STUB)
    return folder


def test_learned_symbols_are_those_of_the_true_system_map(bare: Path) -> None:
    true = read_system_map(Path(kernel("deb-6.1")) / "System.map")
    given = load_kernel(str(bare))
    assert given.text_only
    assert not given.symbols.keys() & DATA_SYMBOLS
    assert {name: given.symbols[name] for name in given.symbols.keys() & true.keys()} == {
        name: true[name] for name in given.symbols.keys() & true.keys()
    }
    told = completed(given, Setup(MACHINES_BY_NAME["virt"], 512 * MIB))
    assert set(told.learned) == DATA_SYMBOLS
    assert {name: told.symbols[name] for name in DATA_SYMBOLS} == {name: true[name] for name in DATA_SYMBOLS}
    assert not told.text_only
    assert completed(told, Setup(MACHINES_BY_NAME["virt"], 512 * MIB)) is told


def test_verify_board_and_memblock(bare: Path) -> None:
    boards = [str(TREES / "virt.dtb"), str(FINDINGS / "nomap-in-last-section-6.1.dtb")]
    done = bootmap("verify", *boards, "--place", "--kernel", str(bare), "--json")
    assert (done.returncode, done.stderr) == (1, "")
    first, second = json.loads(done.stdout)["boards"]
    assert (first["finding"], first["wrong_words"], first["lists"]) == ("EQUAL", {"before": 0, "after": 0}, 6)
    assert min(first["words"].values()) > 4096
    assert any("swapper_pg_dir" in note and "told in a boot of its own" in note for note in first["notes"])
    assert second["finding"] == "KNOWN_DEATH"


def test_fuzz(bare: Path) -> None:
    done = bootmap("fuzz", "--kernel", str(bare), "--seed", "12", "--count", "2", "--json")
    assert done.returncode == 0, done.stdout
    (counts,) = json.loads(done.stdout)["counts"].values()
    assert sum(counts.values()) == 2


def test_record_has_the_log(bare: Path, tmp_path: Path) -> None:
    """Its buffer has no symbol either, and is found by the first words of a boot."""
    file = tmp_path / "virt.json.gz"
    done = bootmap("record", str(TREES / "virt.dtb"), "--place", "--kernel", str(bare), "-o", str(file))
    assert (done.returncode, done.stdout) == (0, "")
    recording = json.loads(gzip.decompress(file.read_bytes()))
    assert recording["log"][0] == "Booting Linux on physical CPU 0x0"
    assert recording["log"][1].startswith("Linux version 6.1.0-50-armmp")
    assert recording["after"]["memblock"]["memory"]["regions"] == [
        [0x40000000, 0x10000000, 0],
        [0x60000000, 0x20000000, 0],
    ]
