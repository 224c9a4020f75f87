from __future__ import annotations

import pytest

from bootmap.mmu.memory import Chunks


def test_chunks_that_touch_are_read_across() -> None:
    memory = Chunks({0x2000: b"cd", 0x1FFE: b"ab", 0x3000: b"x"})
    assert memory.read(0x1FFF, 2) == b"bc"
    assert memory.read(0x1FFE, 4) == b"abcd"
    assert memory.read(0x3000, 1) == b"x"


@pytest.mark.parametrize(("pa", "size"), [(0x1000, 1), (0x1FFD, 2), (0x2001, 2), (0x2FFF, 2), (1 << 40, 4)])
def test_chunks_that_lack_a_byte_raise(pa: int, size: int) -> None:
    memory = Chunks({0x1FFE: b"ab", 0x2000: b"cd", 0x3000: b"x"})
    with pytest.raises(LookupError, match=f"no memory at {pa:#x}"):
        memory.read(pa, size)


def test_chunks_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap at 0x1001"):
        Chunks({0x1000: b"ab", 0x1001: b"c"})


def test_chunks_of_nothing() -> None:
    with pytest.raises(LookupError):
        Chunks({}).read(0, 1)
