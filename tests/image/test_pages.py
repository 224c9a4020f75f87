from __future__ import annotations

import pytest

from bootmap.errors import AbsentMemoryError, ImageError
from bootmap.image.pages import PageMemory
from bootmap.units import Span

PAGE = bytes(i & 0xFF for i in range(4096))


def test_read_inside_and_across_pages() -> None:
    memory = PageMemory({0x2000: PAGE, 0x1000: PAGE[::-1], 0x9000: bytes(4096)})
    assert memory.ranges == (Span(0x1000, 0x3000), Span(0x9000, 0xA000))
    assert memory.read(0x2004, 4) == b"\4\5\6\7"
    assert memory.read(0x1FFE, 4) == PAGE[1::-1] + PAGE[:2]
    assert memory.view(Span(0x1FFE, 0x2002)) == PAGE[1::-1] + PAGE[:2]
    assert memory.view(Span(0x2004, 0x2008)) == b"\4\5\6\7"
    assert memory.view(Span(0x2004, 0x2008)).readonly


@pytest.mark.parametrize(("pa", "size", "absent"), [(0x2FFC, 8, 0x3000), (0, 1, 0), (0x3000, 1 << 60, 0x3000)])
def test_read_names_the_first_absent_byte(pa: int, size: int, absent: int) -> None:
    memory = PageMemory({0x2000: PAGE})
    for action in (lambda: memory.read(pa, size), lambda: memory.view(Span(pa, pa + size))):
        with pytest.raises(AbsentMemoryError) as caught:
            action()
        assert caught.value.address == absent


def test_read_gives_bytes_of_pages_that_are_still_being_written() -> None:
    page = bytearray(4096)
    memory = PageMemory({0x1000: page})
    before = memory.read(0x1000, 4)
    page[0] = 1
    assert before == bytes(4)
    assert memory.read(0x1000, 4) == b"\1\0\0\0"


def test_page_memory_refuses_odd_pages() -> None:
    with pytest.raises(ImageError, match="0x1004 is not aligned"):
        PageMemory({0x1004: PAGE})
    with pytest.raises(ImageError, match="has 12 bytes, expected 4096"):
        PageMemory({0x1000: b"x" * 12})
