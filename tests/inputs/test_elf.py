from __future__ import annotations

import contextlib
import struct
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st
from support.make_inputs import DATA

from bootmap.errors import BootmapError, ImageError, InputError
from bootmap.inputs import elf

if TYPE_CHECKING:
    from pathlib import Path

TINY = DATA / "elf" / "tiny.elf"
BYTES = TINY.read_bytes()
EHSIZE = 52


def test_read_vmlinux_symbols_as_nm_prints_them() -> None:
    symbols = elf.read_vmlinux(TINY).symbols
    assert symbols is not None
    expected = [line.split(" ") for line in (DATA / "elf" / "tiny.nm").read_text().splitlines()]
    found = [symbol for name in symbols for symbol in symbols.all(name)]
    assert sorted((f"{s.address:08x}", s.type, s.name) for s in found) == sorted(map(tuple, expected))
    assert [symbol.type for symbol in symbols.all("twice")] == ["r", "d"]


def test_read_vmlinux_symbols_as_pyelftools_reads_them() -> None:
    symbols = elf.read_vmlinux(TINY).symbols
    assert symbols is not None
    with TINY.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        expected = {
            (entry.name, entry["st_value"] & ~1 if entry["st_info"]["type"] == "STT_FUNC" else entry["st_value"])
            for entry in table.iter_symbols()
            if entry["st_shndx"] != "SHN_UNDEF"
            and entry["st_info"]["type"] not in ("STT_SECTION", "STT_FILE")
            and not entry.name.startswith("$")
        }
    assert {(symbol.name, symbol.address) for name in symbols for symbol in symbols.all(name)} == expected


def test_read_vmlinux_facts() -> None:
    kernel = elf.read_vmlinux(TINY)
    assert kernel.kind == "vmlinux"
    assert kernel.image_size == 16396  # of the file that objcopy -O binary makes of it
    assert kernel.bss_size == 0xC020C08C - 0xC020C040
    assert kernel.release == "5.10.223+"
    assert kernel.version == (5, 10, 223)
    assert kernel.config is not None
    assert kernel.config.integer("PAGE_OFFSET") == 0xC0000000
    assert (kernel.image, kernel.text_offset, kernel.zimage) == (None, None, None)


def header(offset: int, layout: str, value: int) -> bytes:
    """tiny.elf with one field of its ELF header changed."""
    data = bytearray(BYTES)
    struct.pack_into("<" + layout, data, offset, value)
    return bytes(data)


SECTIONS_AT = struct.unpack_from("<I", BYTES, 32)[0]
SYMTAB = SECTIONS_AT + 40 * next(
    index
    for index in range(struct.unpack_from("<H", BYTES, 48)[0])
    if struct.unpack_from("<I", BYTES, SECTIONS_AT + 40 * index + 4)[0] == 2
)


def test_parse_vmlinux_stripped_has_no_symbols() -> None:
    kernel = elf.parse_vmlinux(header(SYMTAB + 4, "I", 1), "stripped")
    assert (kernel.symbols, kernel.bss_size, kernel.image_size) == (None, None, 16396)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "header has 52 bytes, found 0"),
        (b"\x7fELF" + bytes(10), "header has 52 bytes, found 14"),
        (b"ELF\x7f" + bytes(60), "is not an ELF file"),
        (header(18, "H", 183), "is for ELF machine 183, 32 bits; expected ARM (40), 32 bits"),
        (header(4, "B", 2), "is for ELF machine 40, 64 bits"),
        (header(5, "B", 2), "is big-endian"),
        (header(16, "H", 1), "is a relocatable object or a module"),
        (header(16, "H", 4), "is a core dump"),
        (header(16, "H", 77), "is of ELF type 77"),
        (header(44, "H", 0), "has nothing to load"),
        (header(42, "H", 56), "program headers have 56 bytes each, expected 32"),
        (header(28, "I", len(BYTES) - 8), "table of program headers is"),
        (header(32, "I", len(BYTES) - 8), "table of section headers is"),
        (header(EHSIZE + 4, "I", 0xFFFFFFF0), "segment is [0xfffffff0"),
        (header(SYMTAB + 24, "I", 200), "the symbol table's header is damaged"),
        (header(SYMTAB + 36, "I", 24), "the symbol table's header is damaged"),
        (header(SYMTAB + 20, "I", 16 * 5000), "symbol table is ["),
        (header(SYMTAB + 20, "I", 0xFFFFFFF0), "symbol table: 0xfffffff0 bytes, the limit is 128 MiB"),
        (header(SYMTAB + 40 + 20, "I", 3), "of the string table does not end"),
    ],
)
def test_parse_vmlinux_faults(data: bytes, message: str) -> None:
    with pytest.raises(ImageError) as error:
        elf.parse_vmlinux(data, "k")
    assert message in error.value.message
    assert "\n" not in str(error.value)


@given(st.lists(st.tuples(st.integers(0, len(BYTES) - 1), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
@settings(deadline=None, max_examples=500)
def test_parse_vmlinux_damaged(patches: list[tuple[int, int]], tail: bool) -> None:
    """Damage in the headers and the symbol table, where it hurts, gives an error of ours or a result."""
    data = bytearray(BYTES)
    for at, value in patches:
        at = at % 200 if at % 2 else len(BYTES) - 1 - at % 1500
        data[at] = value
    with contextlib.suppress(BootmapError):
        elf.parse_vmlinux(bytes(data[: len(data) - tail]), "k")


def test_read_vmlinux_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "vmlinux"
    path.write_bytes(BYTES[:100])
    with pytest.raises(ImageError, match=f"^{path}: offset "):
        elf.read_vmlinux(path)
    path.write_bytes(b"")
    with pytest.raises(ImageError, match=f"^{path}: offset 0x0: an ELF header has 52 bytes, found 0"):
        elf.read_vmlinux(path)
    for bad in (tmp_path, tmp_path / "absent", "/dev/null/x"):
        with pytest.raises(InputError, match=f"^{bad}: "):
            elf.read_vmlinux(bad)
    with pytest.raises(InputError, match="cannot be read"):
        elf.read_vmlinux("a\0b")


def test_read_vmlinux_image_as_objcopy_writes_it(tmp_path: Path) -> None:
    """``objcopy -O binary`` puts the vectors, whose address is 0xffff0000, where they are loaded: +0x2100."""
    kernel = elf.read_vmlinux(TINY)
    assert kernel.read(0x1000, 16) == bytes.fromhex("1eff2fe11eff2fe1000000007047c046")
    assert kernel.read(0x2100, 32) == bytes.fromhex("0102000000000000000000000000000000000000000000000000000000000000")
    assert kernel.read(0x4000, 12) == bytes.fromhex("04000000030000004fa020c0")
    for offset, size in ((-4, 4), (0x20F0, 8), (0x2120, 4), (0x4008, 8), (0x5000, 4)):
        assert kernel.read(offset, size) is None
    copy = tmp_path / "vmlinux"
    copy.write_bytes(BYTES)
    kernel = elf.read_vmlinux(copy)
    copy.write_bytes(BYTES[:0x1800])
    assert kernel.read(0x1000, 16) is None
    copy.unlink()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        kernel.read(0, 4)
