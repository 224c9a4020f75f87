from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootmap.errors import ImageError
from bootmap.image.lime import open_lime
from bootmap.units import Span

if TYPE_CHECKING:
    from pathlib import Path


def lime_range(start: int, data: bytes, *, last: int | None = None, version: int = 1, magic: bytes = b"EMiL") -> bytes:
    """As LiME's README gives the header: magic, version, s_addr, e_addr (inclusive), eight reserved bytes."""
    end = start + len(data) - 1 if last is None else last
    return magic + struct.pack("<IQQ", version, start, end) + bytes(8) + data


def written(folder: Path, data: bytes) -> str:
    (folder / "x.lime").write_bytes(data)
    return str(folder / "x.lime")


def test_open_lime_reads_every_range(tmp_path: Path) -> None:
    path = written(tmp_path, lime_range(0x40000000, b"abcd") + lime_range(0x48000000, b"efgh"))
    with open_lime(path) as memory:
        assert memory.ranges == (Span(0x40000000, 0x40000004), Span(0x48000000, 0x48000004))
        assert memory.read(0x48000001, 3) == b"fgh"
        assert memory.problems == ()


def test_open_lime_keeps_what_a_truncated_range_holds(tmp_path: Path) -> None:
    path = written(tmp_path, lime_range(0x1000, b"abcd") + lime_range(0x2000, b"efgh", last=0x2FFF))
    with open_lime(path) as memory:
        assert memory.read(0x2000, 4) == b"efgh"
        assert memory.ranges[-1] == Span(0x2000, 0x2004)
        (problem,) = memory.problems
        assert "truncated: 0x4 of 0x1000 bytes of [mem 0x00002000-0x00002fff]" in problem


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (b"EMiL", "4 bytes are left, expected a header of 32"),
        (lime_range(0x3000, b"x", magic=b"XXXX"), "the magic is 0x58585858, expected 0x4c694d45"),
        (lime_range(0x3000, b"x", version=2), "LiME version 2, expected 1"),
        (lime_range(0x3000, b"x", last=0x2FFE), "a range from 0x3000 to 0x2ffe ends before it begins"),
    ],
)
def test_open_lime_stops_at_a_header_that_is_none(tmp_path: Path, tail: bytes, words: str) -> None:
    with open_lime(written(tmp_path, lime_range(0x1000, b"abcd") + tail)) as memory:
        assert memory.read(0x1000, 4) == b"abcd"
        assert len(memory.problems) == 1
        assert words in memory.problems[0]
        assert "offset 0x24" in memory.problems[0]
    with pytest.raises(ImageError) as caught:
        open_lime(written(tmp_path, tail))
    assert words in str(caught.value)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.builds(lime_range, st.integers(0, 2**64 - 99), st.binary(min_size=1)))
    )
)
def test_open_lime_takes_any_bytes(tmp_path: Path, parts: list[bytes]) -> None:
    data = b"".join(parts)
    try:
        with open_lime(written(tmp_path, data)) as memory:
            assert sum(span.size for span in memory.ranges) <= len(data)
            for span in memory.ranges:
                assert len(memory.read(span.start, span.size)) == span.size
    except ImageError:
        pass
