from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile

from bootmap.image.core_file import core_file
from bootmap.image.elfcore import open_core
from bootmap.image.facts import KernelFacts
from bootmap.image.open import open_image
from bootmap.units import Span

if TYPE_CHECKING:
    from pathlib import Path

PAGES = {0x4000_0000: b"a" * 4096, 0x4000_1000: b"b" * 4096, 0x80_0000_0000: b"c" * 32}
REGISTERS = {"SCTLR": 0x10C5387D, "TTBR0": 0x1_0000_4000}
FACTS = KernelFacts(version="6.1.55", cpu="cortex-a15", arch="v7lpae", page_offset=0xC0000000, phys_offset=0)


def test_core_file_as_elftools_reads_it() -> None:
    elf = ELFFile(io.BytesIO(core_file(PAGES, REGISTERS, FACTS)))
    assert (elf["e_type"], elf["e_machine"]) == ("ET_CORE", "EM_ARM")
    note, *loads = elf.iter_segments()
    assert [(load["p_paddr"], load.data()) for load in loads] == [
        (0x4000_0000, b"a" * 4096 + b"b" * 4096),
        (0x80_0000_0000, b"c" * 32),
    ]
    (found,) = note.iter_notes()
    assert found["n_name"] == "BOOTMAP"
    text = found["n_desc"]
    lines = (text.encode() if isinstance(text, str) else text).decode().splitlines()
    assert "SCTLR=0x10c5387d" in lines
    assert "version=6.1.55" in lines


def test_core_file_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "core"
    path.write_bytes(core_file(PAGES, REGISTERS, FACTS, ["one thing", "another\nthing"]))
    with open_image(str(path)) as image:
        assert image.kind == "ELF core"
        assert image.memory.ranges == (Span(0x4000_0000, 0x4000_2000), Span(0x80_0000_0000, 0x80_0000_0020))
        assert image.memory.problems == ()
        assert image.memory.read(0x4000_0FFF, 2) == b"ab"
        assert image.registers == REGISTERS
        assert image.kernel == FACTS
        assert image.assumptions == ("one thing", "another thing")


def test_core_file_note_that_is_damaged(tmp_path: Path) -> None:
    """A register that is no number is passed over, and a page offset too."""
    data = core_file(PAGES, REGISTERS, FACTS)
    path = tmp_path / "core"
    path.write_bytes(
        data.replace(b"SCTLR=0x10c5387d", b"SCTLR=0x10c5387x").replace(b"page_offset=0xc", b"page_offset=zzz")
    )
    with open_core(str(path)) as core:
        assert core.saved["SCTLR"] == "0x10c5387x"
    with open_image(str(path)) as image:
        assert image.registers == {"TTBR0": 0x1_0000_4000}
        assert image.kernel.page_offset is None


@pytest.mark.parametrize("pages", [{}, {0: b"ab", 1: b"c"}])
def test_core_file_refuses(pages: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match=r"segments|overlap"):
        core_file(pages, {}, KernelFacts())
