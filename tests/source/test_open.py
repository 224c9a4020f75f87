"""What the table-reading commands open, and which registers they take: recordings of real kernels say what is right."""

from __future__ import annotations

import gzip
import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import bootmap
from bootmap import REGISTERS
from bootmap.boot.trace import Verdict
from bootmap.cli.options import tables_arguments
from bootmap.errors import ImageError, MissingInputError, UsageError
from bootmap.mmu.walk import Mapped, walk

if TYPE_CHECKING:
    from bootmap import Tables

DATA = Path(__file__).parents[1] / "data"
BOARD = Path(__file__).parents[2] / "boards" / "imx6q-sabrelite.dtb"
KERNEL = {"config": str(DATA / "kernels/deb-6.1/config.gz"), "system_map": str(DATA / "kernels/deb-6.1/System.map")}


def options(stage: str | None = None, **more: Any) -> dict[str, Any]:
    registers = {name: more.pop(name) for name in ("ttbr0", "ttbcr", "sctlr") if name in more}
    return {"stage": stage, "registers": registers, **more}


def case_path(name: str) -> str:
    return str(DATA / "cases" / f"{name}.json.gz")


def recorded(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gzip.decompress(Path(case_path(name)).read_bytes()))
    return document


def dump(tmp_path: Path, name: str, moment: str = "after") -> tuple[Path, int]:
    """RAM from its start to the last page of tables, with nothing but the tables in it; and where it starts."""
    doc = recorded(name)
    tables, base = doc[moment]["tables"], doc["phys_offset"]
    pages = {tables["pgd"]["pa"]: tables["pgd"]["hex"]}
    for level in ("pmd", "pte"):
        pages |= {int(pa, 16): digits for pa, digits in tables.get(level, {}).items()}
    path = tmp_path / "ram.bin"
    with path.open("wb") as file:
        for pa, digits in pages.items():
            file.seek(pa - base)
            file.write(bytes.fromhex(digits))
        file.truncate(max(pages) - base + 4096)
    return path, base


def linear(source: Tables, doc: dict[str, Any], symbol: str) -> bool:
    """Whether the kernel's own symbol is mapped where the kernel that was recorded had it."""
    va = doc["symbols"][symbol]
    outcome = walk(source.memory, source.regs, va).outcome
    return isinstance(outcome, Mapped) and outcome.pa == va - doc["page_offset"] + doc["phys_offset"]


def test_open_source_board() -> None:
    with bootmap.open(str(BOARD), **options(**KERNEL, phys_offset=0x10000000)) as source:
        assert (source.kind, source.page_offset, source.phys_offset) == ("prediction", 0xC0000000, 0x10000000)
        assert source.snapshot is not None
        assert source.snapshot.name == "paging_init"
        assert source.regs.arch == "v7"
        outcome = walk(source.memory, source.regs, source.symbols["_text"]).outcome
        assert isinstance(outcome, Mapped)
        assert outcome.pa == source.symbols["_text"] - 0xC0000000 + 0x10000000


def test_open_source_board_at_another_moment() -> None:
    given = options("mark_rodata_ro", **KERNEL, phys_offset=0x10000000)
    with bootmap.open(str(BOARD), **given) as source:
        assert source.snapshot is not None
        assert source.snapshot.name == "mark_rodata_ro"


def test_open_source_board_that_dies() -> None:
    """The last moment there is, and a word on it; a later one is refused."""
    given = KERNEL | {"phys_offset": 0x10000000, "cmdline": "mem=2M"}
    with bootmap.open(str(BOARD), **options(**given)) as source:
        assert source.replay is not None
        assert source.replay.outcome.verdict is Verdict.DIES
        assert source.assumptions[-1].startswith(
            "the tables are those after devicemaps_init; the boot ends in devicemaps_init: "
        )
    with (
        pytest.raises(UsageError, match="does not come so far as mark_rodata_ro"),
        bootmap.open(str(BOARD), **options("mark_rodata_ro", **given)),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "arch"),
    [
        ("virt-1024m-6.1", "v7lpae"),
        ("virt-1024m-lpae-6.1", "v7lpae"),
        ("sabrelite-1g-6.1", "v7"),
        ("raspi0-512m-6.1", "v6kz"),
        ("own-realview-mpcore", "v6k"),
        ("own-integrator-arm926", "v5"),
        ("own-spitz", "xscale"),
    ],
)
def test_open_source_recording(name: str, arch: str) -> None:
    doc = recorded(name)
    with bootmap.open(case_path(name), **options()) as source:
        assert (source.kind, source.regs.arch) == ("recording", arch)
        assert (source.page_offset, source.phys_offset) == (doc["page_offset"], doc["phys_offset"])
        assert linear(source, doc, "_text")
        (taken,) = source.assumptions
        assert taken.startswith(f"TTBR0 is {doc['after']['tables']['pgd']['pa']:#010x}: as the recording says")
        assert ("MAIR0" in taken) == doc["lpae"]


def test_open_source_twice() -> None:
    """Two sources at once do not disturb each other."""
    with ExitStack() as stack:
        first = stack.enter_context(bootmap.open(case_path("virt-1024m-6.1"), **options()))
        second = stack.enter_context(bootmap.open(case_path("virt-1024m-lpae-6.1"), **options("before")))
        assert (first.regs.ttbcr, second.regs.ttbcr) == (0, 1 << 31)
        assert linear(first, recorded("virt-1024m-6.1"), "_end")
        assert linear(second, recorded("virt-1024m-lpae-6.1"), "_text")


def test_open_source_prediction_document(tmp_path: Path) -> None:
    """The JSON of predict says all that is needed to read it back."""
    from bootmap.analysis.registers import linux_registers, named
    from bootmap.report.predict_json import predict_json

    with bootmap.open(str(BOARD), **options(**KERNEL, phys_offset=0x10000000)) as source:
        assert source.replay is not None
        text = predict_json(source.replay, ("paging_init",), named(linux_registers(source.replay)))
        path = tmp_path / "prediction.json"
        path.write_text(text)
        with bootmap.open(str(path), **options()) as again:
            assert again.kind == "prediction"
            assert again.regs == source.regs
            assert again.version == source.version
            assert (again.page_offset, again.phys_offset) == (source.page_offset, source.phys_offset)
            assert again.high_memory == source.high_memory
            assert again.assumptions == ()


@pytest.mark.parametrize("name", ["virt-1024m-6.1", "virt-1024m-lpae-6.1"])
def test_open_source_dump_by_symbol(tmp_path: Path, name: str) -> None:
    """A raw dump and a System.map are enough: the table that maps itself is the one."""
    doc = recorded(name)
    path, base = dump(tmp_path, name)
    key = doc["kernel"]["key"]
    given = options(system_map=str(DATA / "kernels" / key / "System.map"))
    with bootmap.open(f"{path}@{base:#x}", **given) as source:
        assert linear(source, doc, "_text")
        assert source.regs.ttbr0 == doc["after"]["tables"]["pgd"]["pa"] & ~0xFFF
        assert (source.page_offset, source.phys_offset) == (doc["page_offset"], base)
        assert any("which maps itself" in line for line in source.assumptions)
    with (
        pytest.raises(MissingInputError, match=r"no table there maps itself.*--phys-offset"),
        bootmap.open(f"{path}@{base + 0x100000:#x}", **given),
    ):
        pass


@pytest.mark.parametrize("name", ["virt-1024m-6.1", "virt-1024m-lpae-6.1", "own-integrator-arm926"])
def test_open_source_dump_of_which_nothing_is_known(tmp_path: Path, name: str) -> None:
    """Without registers, symbols, even without the address of its first byte: the tables are searched for."""
    doc = recorded(name)
    path, base = dump(tmp_path, name)
    for words in (f"{path}@{base:#x}", str(path)):
        with bootmap.open(words, **options()) as source:
            assert linear(source, doc, "_text")
            assert linear(source, doc, "_end")
            assert (source.page_offset, source.phys_offset) == (doc["page_offset"], base)
            assert any(line.startswith("the tables were searched for: swapper_pg_dir") for line in source.assumptions)
            shifted = [line for line in source.assumptions if "begins at" in line]
            assert len(shifted) == (1 if base and "@" not in words else 0)


def test_open_source_registers_by_hand(tmp_path: Path) -> None:
    doc = recorded("virt-1024m-6.1")
    path, base = dump(tmp_path, "virt-1024m-6.1")
    root = doc["after"]["tables"]["pgd"]["pa"]
    with bootmap.open(f"{path}@{base:#x}", **options(ttbr0=root, sctlr=0x00C5387D)) as source:
        assert linear(source, doc, "_text")
        assert source.regs.sctlr == 0x00C5387D
        taken = source.assumptions[-1]
        assert "as given; TTBCR, DACR, PRRR, NMRR are taken as Linux sets them" in taken


def test_open_source_long_by_hand(tmp_path: Path) -> None:
    doc = recorded("virt-1024m-lpae-6.1")
    path, base = dump(tmp_path, "virt-1024m-lpae-6.1")
    root = doc["after"]["tables"]["pgd"]["pa"]
    with bootmap.open(f"{path}@{base:#x}", **options(arch="lpae", ttbr0=root)) as source:
        assert (source.regs.arch, source.regs.ttbcr) == ("v7lpae", 1 << 31)
        assert linear(source, doc, "_text")


def test_open_source_parts_joined_by_commas(tmp_path: Path) -> None:
    """The page directory in one file, and everything from the first page of ptes on in another."""
    doc = recorded("virt-1024m-6.1")
    path, base = dump(tmp_path, "virt-1024m-6.1")
    cut = min(int(pa, 16) for pa in doc["after"]["tables"]["pte"] if int(pa, 16) > 0x60000000) - base
    with path.open("rb") as file:
        (tmp_path / "a").write_bytes(file.read(4 << 20))
        file.seek(cut)
        (tmp_path / "b").write_bytes(file.read())
    words = f"{tmp_path / 'a'}@{base:#x},{tmp_path / 'b'}@{base + cut:#x}"
    with bootmap.open(words, **options(ttbr0=doc["after"]["tables"]["pgd"]["pa"])) as source:
        assert linear(source, doc, "_text")
        assert isinstance(walk(source.memory, source.regs, 0xFFFF0000).outcome, Mapped)
        assert source.name == words
    with bootmap.open(*words.split(","), **options(ttbr0=doc["after"]["tables"]["pgd"]["pa"])) as source:
        assert source.name == words


def test_open_source_errors(tmp_path: Path) -> None:
    empty = tmp_path / "zeroes"
    empty.write_bytes(bytes(4096))
    for words, given, error in [
        (f"{empty}@0x40000000", options(), MissingInputError),
        (str(empty), options(), MissingInputError),
        ("", options(), UsageError),
        (str(tmp_path / "absent"), options(), ImageError),
        (case_path("virt-1024m-6.1"), options("paging_init"), UsageError),
        (str(BOARD), options("nowhere", **KERNEL), UsageError),
        (f"{empty}@0", options(ttbr0=1 << 64), UsageError),
        (f"{empty}@0", options(ttbr0=0, cpu="z80"), UsageError),
    ]:
        with pytest.raises(error), bootmap.open(words, **given):
            pass


def test_open_source_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="regular file"), bootmap.open(str(tmp_path / "pipe"), **options()):
        pass


def test_options_of_a_command() -> None:
    given = {**dict.fromkeys(REGISTERS), "stage": "after", "arch": None, "ttbr0": 0, "cpu": "cortex-a9"}
    assert tables_arguments(given) == {"stage": "after", "arch": None, "cpu": "cortex-a9", "registers": {"ttbr0": 0}}
