"""The code of a zImage: what is found in it.

The bytes are what GNU as 2.40 made of the instructions around ``restart`` for ARM and for Thumb, in the form before
Linux 3.2 and since; the labels are what GNU nm says of them.
"""

from __future__ import annotations

import gzip
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.make_inputs import kernel_image, zimage

from bootmap.inputs.decompressor_code import DecompressorCode, find_code, usual_code
from bootmap.inputs.zimage import parse_kernel

# name -> (offset, bytes) of the parts that are not zero, then restart, wont_overwrite (before 3.2 the pc of the
# comparison), gap, and where LC0 is
ASSEMBLED = {
    "arm": (
        [(0x13C, "0a0054e11800002a09a084e058908fe209005ae11400009a09ac8ae2ffa0cae3415f4fe21f50c5e3059046e0")],
        (0x60, 0x1A8, 0x900, 0x1CC),
    ),
    "thumb": (
        [(0x136, "0af5804a54452fd204eb090a0ff25a09ca4529d90af5885a2af0ff0aaff2f40525f01f05a6eb0509")],
        (0x60, 0x19E, 0x1100, 0x1C0),
    ),
    "arm-old": (
        [(0x13C, "0a0054e11700002a09a084e00f005ae11400009a11ac8ae2ffa0cae3015c4fe21f50c5e3059046e0")],
        (0x60, 0x150, 0x1100, 0x1C8),
    ),
    "thumb-old": (
        [(0x136, "0af5804a54452ed204eb090afe46f24529d90af5885a2af0ff0aaff2f40525f01f05a6eb0509")],
        (0x60, 0x146, 0x1100, 0x1C0),
    ),
}
SIZE = 0x2000


def assembled(name: str, start: int = 0, bss: tuple[int, int] = (SIZE, SIZE + 0x418)) -> bytes:
    parts, (*_, lc0) = ASSEMBLED[name]
    data = bytearray(SIZE)
    for at, text in parts:
        data[at : at + len(text) // 2] = bytes.fromhex(text)
    struct.pack_into("<3I", data, lc0, start + lc0, *bss)
    return bytes(data)


@pytest.mark.parametrize("name", ASSEMBLED)
def test_find_code_of_each_instruction_set(name: str) -> None:
    restart, overwrite, gap, _ = ASSEMBLED[name][1]
    assert find_code(assembled(name), 0, SIZE) == DecompressorCode(SIZE, SIZE + 0x418, restart, overwrite, gap)


def test_find_code_linked_for_flash() -> None:
    """With ZBOOT_ROM the code has an address and bss is in RAM."""
    code = find_code(assembled("arm", 0x40000, (0xC0100000, 0xC0100418)), 0x40000, SIZE)
    assert (code.bss_start, code.bss_end, code.exact) == (0xC0100000, 0xC0100418, True)


@pytest.mark.parametrize("name", ASSEMBLED)
def test_find_code_needs_every_landmark(name: str) -> None:
    whole = assembled(name)
    bss_only = usual_code(0, SIZE)
    for at in range(0x144, 0x158, 2):
        damaged = whole[:at] + b"\xff\xff" + whole[at + 2 :]
        code = find_code(damaged, 0, SIZE)
        if code != find_code(whole, 0, SIZE):
            assert (code.restart, code.wont_overwrite, code.gap) == (
                bss_only.restart,
                bss_only.wont_overwrite,
                bss_only.gap,
            )
            assert (code.bss_end, code.exact) == (SIZE + 0x418, False)


def test_find_code_without_lc0() -> None:
    *_, lc0 = ASSEMBLED["arm"][1]
    damaged = bytearray(assembled("arm"))
    damaged[lc0 : lc0 + 4] = bytes(4)
    code = find_code(bytes(damaged), 0, SIZE)
    assert (code.bss_start, code.restart, code.exact) == (SIZE, 0x60, False)


@given(st.binary(max_size=600), st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_find_code_takes_any_bytes(data: bytes, start: int, size: int) -> None:
    code = find_code(data, start, size)
    assert code.bss_start <= code.bss_end


def test_parse_kernel_finds_the_code() -> None:
    head = kernel_image()
    packed = gzip.compress(head, mtime=0)
    plain = parse_kernel(zimage(packed), "z")
    assert plain.zimage is not None
    assert plain.zimage.code is not None
    assert not plain.zimage.code.exact
    padded = bytearray(zimage(packed, pad=0x400))
    code = assembled("arm")
    padded[0x130:0x170] = code[0x130:0x170]
    struct.pack_into("<3I", padded, 0x1CC, 0x1CC, len(padded), len(padded) + 0x40)
    found = parse_kernel(bytes(padded), "z").zimage
    assert found is not None
    assert found.code == DecompressorCode(len(padded), len(padded) + 0x40, 0x60, 0x1A8, 0x900)
