from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.make_inputs import DATA

from bootmap.errors import AtagError
from bootmap.facts.linux import atags as numbers
from bootmap.inputs import atags

SPITZ = (DATA / "atags" / "spitz.bin").read_bytes()  # as QEMU's spitz handed it to a kernel
END = bytes(8)


def tag(number: int, payload: bytes) -> bytes:
    payload += bytes(-len(payload) % 4)
    return struct.pack("<2I", 2 + len(payload) // 4, number) + payload


CORE = tag(numbers.CORE, struct.pack("<3I", 1, 4096, 0))


def test_parse_real_list() -> None:
    found = atags.parse(SPITZ)
    assert [entry.name for entry in found.tags] == ["ATAG_CORE", "ATAG_MEM", "ATAG_CMDLINE"]
    (memory,) = found.all(numbers.MEM)
    # memblock.memory of the kernel that was booted with this list
    assert (memory["start"], memory["size"]) == (2684354560, 67108864)
    assert SPITZ[memory.fields["start"].offset :][:4] == struct.pack("<I", 0xA0000000)
    command_line = found.last(numbers.CMDLINE)
    assert command_line is not None
    assert command_line.string() == "console=ttyS0 memblock=debug ignore_loglevel"
    assert found.data == SPITZ[: found.size]
    assert found.last(numbers.INITRD2) is None


# Bytes laid out by hand from the structures in arch/arm/include/uapi/asm/setup.h.
LAYOUTS = {
    numbers.VIDEOTEXT: (
        "0102 0304 05 06 0708 09 0a 0b0c",
        {"x": 1, "video_page": 0x403, "video_ega_bx": 0x807, "video_isvga": 10, "video_points": 0xC0B},
    ),
    numbers.RAMDISK: ("01000000 00100000 02000000", {"flags": 1, "size": 4096, "start": 2}),
    numbers.INITRD: ("000080c0 00001000", {"start": 0xC0800000, "size": 0x100000}),
    numbers.INITRD2: ("00008040 00001000", {"start": 0x40800000, "size": 0x100000}),
    numbers.SERIAL: ("78563412 f0debc9a", {"low": 0x12345678, "high": 0x9ABCDEF0}),
    numbers.REVISION: ("2a000000", {"rev": 42}),
    numbers.VIDEOLFB: (
        "8002 e001 1000 0005 00000040 00001000 05 0b 06 05 05 00 00 10",
        {
            "lfb_width": 640,
            "lfb_linelength": 1280,
            "lfb_base": 0x40000000,
            "lfb_size": 0x100000,
            "red_size": 5,
            "red_pos": 11,
            "rsvd_pos": 16,
        },
    ),
    numbers.ACORN: ("01000000 02000000 03 04", {"vram_pages": 2, "sounddefault": 3, "adfsdrives": 4}),
    numbers.MEMCLK: ("00e1f505", {"fmemclk": 100_000_000}),
}


@pytest.mark.parametrize("number", LAYOUTS, ids=hex)
def test_parse_fields_by_layout(number: int) -> None:
    raw, expected = LAYOUTS[number]
    data = CORE + tag(number, bytes.fromhex(raw)) + END
    entry = atags.parse(data).tags[1]
    assert {name: entry[name] for name in expected} == expected
    for field in entry.fields.values():
        assert data[field.offset] == field.value & 0xFF


def test_parse_keeps_unknown_tags_and_an_empty_core() -> None:
    data = struct.pack("<2I", 2, numbers.CORE) + tag(0x54410FFF, b"abcdefgh") + END + b"rest"
    found = atags.parse(data)
    assert found.tags[0].fields == {}
    assert (found.tags[1].name, found.tags[1].payload, found.tags[1].offset) == ("ATAG 0x54410fff", b"abcdefgh", 8)
    assert found.size == len(data) - 4


def test_parse_repeated_tags() -> None:
    banks = [tag(numbers.MEM, struct.pack("<2I", size, start)) for size, start in ((1, 2), (3, 4))]
    found = atags.parse(CORE + b"".join(banks) + END)
    assert [entry["start"] for entry in found.all(numbers.MEM)] == [2, 4]
    last = found.last(numbers.MEM)
    assert last is not None
    assert last["size"] == 3


@pytest.mark.parametrize(
    ("data", "offset", "message"),
    [
        (b"", 0, "begins with an ATAG_CORE"),
        (tag(numbers.MEM, bytes(8)) + END, 0, "begins with an ATAG_CORE"),
        (tag(numbers.CORE, bytes(8)) + END, 0, "begins with an ATAG_CORE of 2 or 5 words"),
        (CORE, 20, "no terminating tag"),
        (CORE + struct.pack("<2I", 1, numbers.MEM) + END, 20, "less than its own header"),
        (CORE + struct.pack("<2I", 0x40000000, numbers.MEM) + END, 20, "ends after the file's 36 bytes"),
        (CORE + tag(numbers.MEM, bytes(4)) + END, 20, "ATAG_MEM holds 4 bytes, expected 8"),
        (CORE + tag(numbers.VIDEOLFB, bytes(20)) + END, 20, "ATAG_VIDEOLFB holds 20 bytes, expected 24"),
    ],
)
def test_parse_faults_name_their_place(data: bytes, offset: int, message: str) -> None:
    with pytest.raises(AtagError) as error:
        atags.parse(data)
    assert error.value.offset == offset
    assert message in error.value.message


def test_string_without_nul() -> None:
    entry = atags.parse(CORE + tag(numbers.CMDLINE, b"abcd") + END).tags[1]
    with pytest.raises(AtagError, match="ATAG_CMDLINE is not a string"):
        entry.string()


@given(st.binary(max_size=200))
def test_parse_any_bytes(noise: bytes) -> None:
    try:
        found = atags.parse(CORE + noise)
    except AtagError:
        return
    assert found.tags[0].number == numbers.CORE
    for entry in found.tags:
        assert (CORE + noise)[entry.offset + 8 :].startswith(entry.payload)
