from __future__ import annotations

import contextlib
import os
import struct
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootmap.errors import AbsentMemoryError, ImageError
from bootmap.image.elfcore import open_core
from bootmap.units import Span

if TYPE_CHECKING:
    from pathlib import Path

PT_LOAD, PT_NOTE = 1, 4
Segment = tuple[int, int, bytes, int]  # type, p_paddr, content, p_memsz


def core(
    segments: list[Segment], *, bits: int = 32, order: str = "<", kind: int = 4, xnum: bool = False, machine: int = 40
) -> bytes:
    """An ELF core as the System V ABI lays it out: header, program headers, content (and one section header)."""
    ehsize, phentsize, shentsize = (52, 32, 40) if bits == 32 else (64, 56, 64)
    ident = b"\x7fELF" + bytes([1 if bits == 32 else 2, 1 if order == "<" else 2, 1]) + bytes(9)
    at = ehsize + phentsize * len(segments)
    headers, content = b"", b""
    for kind_of, paddr, data, memsz in segments:
        offset = at + len(content)
        if bits == 32:
            headers += struct.pack(order + "8I", kind_of, offset, 0, paddr, len(data), memsz, 7, 0)
        else:
            headers += struct.pack(order + "2I6Q", kind_of, 7, offset, 0, paddr, len(data), memsz, 0)
        content += data
    shoff, section = 0, b""
    if xnum:
        shoff = at + len(content)
        words = "10I" if bits == 32 else "2I4Q2I2Q"
        section = struct.pack(order + words, 0, 0, 0, 0, 0, 0, 0, len(segments), 0, 0)
    address = "I" if bits == 32 else "Q"
    count = 0xFFFF if xnum else len(segments)
    fields = (kind, machine, 1, 0, ehsize, shoff, 0, ehsize, phentsize, count, shentsize, int(xnum), 0)
    return ident + struct.pack(f"{order}HHI3{address}I6H", *fields) + headers + content + section


def note(name: bytes, kind: int, content: bytes, order: str = "<") -> bytes:
    padded = [part + bytes(-len(part) % 4) for part in (name, content)]
    return struct.pack(order + "III", len(name), len(content), kind) + b"".join(padded)


def written(folder: Path, data: bytes) -> str:
    (folder / "x.core").write_bytes(data)
    return str(folder / "x.core")


RAM: list[Segment] = [(PT_LOAD, 0x40000000, b"abcd" * 4, 16), (PT_LOAD, 0x48000000, b"efgh", 4)]


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("xnum", [False, True])
def test_open_core_places_segments_as_pyelftools_does(tmp_path: Path, bits: int, order: str, xnum: bool) -> None:
    path = written(tmp_path, core(RAM, bits=bits, order=order, xnum=xnum))
    with open_core(path) as memory, open(path, "rb") as file:
        if not xnum:  # pyelftools 0.31 does not know PN_XNUM
            for segment in ELFFile(file).iter_segments():
                start, size = segment["p_paddr"], segment["p_filesz"]
                assert memory.read(start, size) == segment.data()
        assert memory.ranges == (Span(0x40000000, 0x40000010), Span(0x48000000, 0x48000004))
        assert memory.machine == 40
        assert memory.problems == ()


def test_open_core_beyond_four_gibibytes(tmp_path: Path) -> None:
    with open_core(written(tmp_path, core([(PT_LOAD, 0x2_4000_0000, b"high", 4)], bits=64))) as memory:
        assert memory.read(0x2_4000_0000, 4) == b"high"


def test_open_core_keeps_what_a_truncated_file_holds(tmp_path: Path) -> None:
    data = core([*RAM, (PT_LOAD, 0x50000000, b"gone", 4)])
    with open_core(written(tmp_path, data[:-6])) as memory:
        assert memory.ranges == (Span(0x40000000, 0x40000010), Span(0x48000000, 0x48000002))
        assert len(memory.problems) == 2
        assert "truncated: 0x2 of 0x4 bytes from physical 0x48000000 on are there" in memory.problems[0]
        assert "truncated: 0x0 of 0x4 bytes from physical 0x50000000 on are there" in memory.problems[1]


def test_open_core_holds_nothing_that_was_left_out(tmp_path: Path) -> None:
    with open_core(written(tmp_path, core([(PT_LOAD, 0x1000, b"abcd", 4096 + 4)]))) as memory:
        assert memory.problems == (
            f"{tmp_path}/x.core: 4 KiB of memory were left out of the dump (p_filesz < p_memsz)",
        )
        with pytest.raises(AbsentMemoryError):
            memory.read(0x1004, 1)


def test_open_core_tells_of_memory_that_no_segment_describes(tmp_path: Path) -> None:
    # as QEMU 7.2 writes the core of a machine with 4 GiB: the size, cut to 32 bits, is 0
    path = written(tmp_path, core([(PT_LOAD, 0x40000000, b"", 0)]))
    os.truncate(path, 52 + 32 + (4 << 30))
    with pytest.raises(ImageError, match=r"offset 0x54: 4 GiB belong to no segment; .*pmemsave"):
        open_core(path)


def test_open_core_with_headers_beyond_the_file(tmp_path: Path) -> None:
    data = bytearray(core(RAM))
    data[44:46] = struct.pack("<H", 9)  # e_phnum
    with open_core(written(tmp_path, bytes(data))) as memory:
        assert "2 of 9 program headers: the file ends before the others" in memory.problems[0]


def test_open_core_skips_what_has_no_physical_address(tmp_path: Path) -> None:
    with open_core(written(tmp_path, core([(PT_LOAD, 0xFFFFFFFF, b"vmalloc!", 8), *RAM]))) as memory:
        assert memory.ranges[-1] == Span(0x48000000, 0x48000004)


def test_open_core_reads_the_notes(tmp_path: Path) -> None:
    registers = list(range(100, 118))  # r0-r15, cpsr, orig_r0
    status = bytes(72) + struct.pack("<18I", *registers) + bytes(4)
    text = b"OSRELEASE=6.1.0\nSYMBOL(swapper_pg_dir)=c0204000\nCONFIG(ARM_LPAE)\n"
    notes = note(b"CORE\0", 1, status) + note(b"CORE\0", 1, status[:100]) + note(b"VMCOREINFO\0", 0, text)
    with open_core(written(tmp_path, core([(PT_NOTE, 0, notes, 0), *RAM]))) as memory:
        (cpu,) = memory.cpus
        assert (cpu["r0"], cpu["sp"], cpu["lr"], cpu["pc"], cpu["cpsr"]) == (100, 113, 114, 115, 116)
        assert memory.vmcoreinfo == {"OSRELEASE": "6.1.0", "SYMBOL(swapper_pg_dir)": "c0204000"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x7fELF", "not an ELF file"),
        (b"\x7fELF\3\1" + bytes(60), "ELF class 3, byte order 1"),
        (b"\x7fELF\1\1" + bytes(30), "too few for an ELF header"),
        (core(RAM, kind=2), "ELF type 2, expected 4: this is not a core dump"),
        (core([]), "holds no physical memory (no PT_LOAD)"),
        (core([(PT_NOTE, 0, b"1234", 4)]), "holds no physical memory (no PT_LOAD)"),
        (core([(PT_LOAD, 0, b"1234", 4), (PT_LOAD, 0, b"1234", 4)]), "a core of a process"),
        (core(RAM)[: 52 + 64], "truncated"),
        (core(RAM, xnum=True)[:-40], "e_phnum is PN_XNUM"),
        (core(RAM)[:42] + b"\x21\0" + core(RAM)[44:], "program headers of 33 bytes, expected 32"),
    ],
)
def test_open_core_refuses(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(ImageError) as caught:
        open_core(written(tmp_path, data))
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))


EDITS = st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=8)), max_size=4)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EDITS, st.integers(0, 500), st.sampled_from([32, 64]), st.sampled_from("<>"), st.booleans())
def test_open_core_takes_any_bytes(
    tmp_path: Path, edits: list[tuple[int, bytes]], cut: int, bits: int, order: str, xnum: bool
) -> None:
    notes = note(b"CORE\0", 1, bytes(148), order) + note(b"VMCOREINFO\0", 0, b"A=B\n", order)
    data = bytearray(core([(PT_NOTE, 0, notes, 0), *RAM], bits=bits, order=order, xnum=xnum))
    for at, patch in edits:
        data[at : at + len(patch)] = patch
    try:
        with open_core(written(tmp_path, bytes(data[:cut]) or b"x")) as memory:
            for span in memory.ranges:
                assert len(memory.view(span)) == span.size
            assert sum(span.size for span in memory.ranges) <= len(data) * (len(data) // 32)
    except ImageError:
        pass


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_open_core_takes_any_bytes_after_the_magic(tmp_path: Path, tail: bytes) -> None:
    with contextlib.suppress(ImageError):
        open_core(written(tmp_path, b"\x7fELF" + tail)).close()
