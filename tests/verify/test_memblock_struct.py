"""struct memblock read from memory that is laid out by hand as each generation's include/linux/memblock.h has it."""

from __future__ import annotations

import struct

import pytest

from bootmap.errors import AbsentMemoryError, MachineError
from bootmap.verify.memblock import MemblockReader

PAGE_OFFSET, AT, ARRAY = 0xC0000000, 0xC0100000, 0xC0100800
BANKS = [(0x60000000, 0x10000000), (0x80000000, 0x4000000)]
TOTAL = 0x14000000
LIMIT = 0x70000000


def memory(head: bytes, rows: bytes) -> bytes:
    return head.ljust(ARRAY - AT, b"\0") + rows.ljust(0x1000, b"\0")


def reader(image: bytes, *, wide: bool = False) -> MemblockReader:
    def read(address: int, size: int) -> bytes:
        if not AT <= address <= AT + len(image) - size:
            raise AbsentMemoryError(address)
        return image[address - AT : address - AT + size]

    return MemblockReader(read, wide, PAGE_OFFSET)


def pairs(form: str) -> bytes:
    return b"".join(struct.pack(form, *row) for row in BANKS)


EMPTY = (0, 128, 0, ARRAY)
GENERATIONS = {
    # current_limit, memory_size, {cnt, max, regions} twice; regions without flags
    "3.2": memory(struct.pack("<2I3I3I", LIMIT, TOTAL, 2, 128, ARRAY, 0, 128, ARRAY), pairs("<2I")),
    # current_limit, {cnt, max, total_size, regions} twice
    "3.10": memory(struct.pack("<I4I4I", LIMIT, 2, 128, TOTAL, ARRAY, *EMPTY), pairs("<2I")),
    # bottom_up in front, flags in each region
    "4.4": memory(struct.pack("<II4I4I", 1, LIMIT, 2, 128, TOTAL, ARRAY, *EMPTY), pairs("<2I4x")),
    # a name behind each type
    "6.1": memory(
        struct.pack("<II5I5I", 0, LIMIT, 2, 128, TOTAL, ARRAY, 0xC0200000, *EMPTY, 0xC0200008), pairs("<2I4x")
    ),
}
LONG = {
    # 64-bit addresses, aligned to 8
    "3.10": memory(struct.pack("<Q2IQI4x2IQI4x", LIMIT, 2, 128, TOTAL, ARRAY, *EMPTY), pairs("<2Q")),
    "6.1": memory(
        struct.pack("<B7xQ2IQII2IQII", 0, LIMIT, 2, 128, TOTAL, ARRAY, 0xC0200000, *EMPTY, 0xC0200008), pairs("<2Q8x")
    ),
}
CASES = [(name, image, False) for name, image in GENERATIONS.items()]
CASES += [(name, image, True) for name, image in LONG.items()]


@pytest.mark.parametrize(("name", "image", "wide"), CASES)
def test_memblock_of_each_generation(name: str, image: bytes, wide: bool) -> None:
    state = reader(image, wide=wide).at(AT)
    assert [(base, size) for base, size, _ in state.memory.regions] == BANKS
    assert (state.memory.total, state.reserved.regions, state.current_limit) == (TOTAL, (), LIMIT)
    assert state.bottom_up == (name == "4.4")


@pytest.mark.parametrize(("name", "image", "wide"), CASES)
def test_memblock_is_found_by_its_shape(name: str, image: bytes, wide: bool) -> None:
    shifted = bytes(64) + image
    moved = reader(image, wide=wide)

    def read(address: int, size: int) -> bytes:
        return moved.read(address - 64 if address < ARRAY else address, size)

    assert MemblockReader(read, wide, PAGE_OFFSET).find(AT, shifted) == AT + 64, name


@pytest.mark.parametrize(
    "image",
    [
        memory(struct.pack("<I4I4I", LIMIT, 2, 128, TOTAL + 1, ARRAY, *EMPTY), pairs("<2I")),
        memory(struct.pack("<I4I4I", LIMIT, 129, 128, TOTAL, ARRAY, *EMPTY), pairs("<2I")),
        memory(struct.pack("<I4I4I", LIMIT, 2, 128, TOTAL, 0x1000, *EMPTY), pairs("<2I")),
        bytes(4096),
        b"\xff" * 4096,
    ],
    ids=["wrong total", "more than fit", "array in user space", "zeroes", "ones"],
)
def test_memblock_that_is_none(image: bytes) -> None:
    with pytest.raises(MachineError, match="fits no known layout"):
        reader(image).at(AT)
