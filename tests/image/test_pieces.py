from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootmap.errors import AbsentMemoryError, ImageError
from bootmap.image.pieces import Piece, PieceMemory, shortened
from bootmap.units import Span, merged


def piece(start: int, data: bytes, name: str = "a") -> Piece:
    return Piece(start, memoryview(data), name)


def test_read_inside_one_piece() -> None:
    memory = PieceMemory([piece(0x1000, bytes(range(16)))])
    assert memory.read(0x1004, 4) == b"\4\5\6\7"
    assert memory.ranges == (Span(0x1000, 0x1010),)
    assert memory.problems == ()


def test_read_across_adjacent_pieces() -> None:
    memory = PieceMemory([piece(0x1004, b"efgh"), piece(0x1000, b"abcd")])
    assert memory.read(0x1002, 4) == b"cdef"
    assert memory.view(Span(0x1002, 0x1006)) == b"cdef"
    assert memory.ranges == (Span(0x1000, 0x1008),)


@pytest.mark.parametrize(
    ("pa", "size", "absent"),
    [(0xFFF, 1, 0xFFF), (0x1002, 4, 0x1004), (0x1004, 1, 0x1004), (0x1000, 1 << 60, 0x1004), (-5, 2, -5)],
)
def test_read_names_the_first_absent_byte(pa: int, size: int, absent: int) -> None:
    memory = PieceMemory([piece(0x1000, b"abcd"), piece(0x1008, b"ijkl")])
    for action in (lambda: memory.read(pa, size), lambda: memory.view(Span(pa, pa + size))):
        with pytest.raises(AbsentMemoryError) as caught:
            action()
        assert caught.value.address == absent
        assert isinstance(caught.value, ImageError)
        assert isinstance(caught.value, LookupError)


def test_view_does_not_copy() -> None:
    data = bytearray(b"abcdefgh")
    memory = PieceMemory([Piece(0x1000, memoryview(data), "a")])
    view = memory.view(Span(0x1002, 0x1006))
    data[2] = ord("X")
    assert bytes(view) == b"Xdef"


def test_read_refuses_a_negative_size() -> None:
    memory = PieceMemory([piece(0, b"abcd")])
    with pytest.raises(ValueError, match="negative size"):
        memory.read(2, -1)
    with pytest.raises(ValueError, match="negative size"):
        memory.view(Span(2, 1))


def test_overlap_is_reported_and_the_first_wins() -> None:
    memory = PieceMemory([piece(0x1004, b"1111", "one"), piece(0x1000, b"22222222222", "two")])
    assert memory.read(0x1000, 11) == b"22221111222"
    (problem,) = memory.problems
    assert problem == "two: [mem 0x00001004-0x00001007] overlaps one, which was given first and is taken"


def test_overlap_of_many_pieces_is_told_briefly() -> None:
    memory = PieceMemory([piece(0x1000, b"x" * 4)] * 1000)
    assert memory.read(0x1000, 4) == b"xxxx"
    assert len(memory.problems) == 9
    assert memory.problems[-1] == "and 991 more of this kind"
    assert shortened(["a"] * 8) == ("a",) * 8


PIECES = st.lists(st.tuples(st.integers(0, 64), st.integers(0, 24)), max_size=8)


@settings(deadline=None)
@given(PIECES, st.integers(-4, 90), st.integers(0, 40))
def test_memory_is_what_a_dictionary_of_bytes_says(shapes: list[tuple[int, int]], pa: int, size: int) -> None:
    model: dict[int, int] = {}
    pieces, lost = [], 0
    for number, (start, length) in enumerate(shapes):
        pieces.append(piece(start, bytes([number]) * length))
        lost += sum(start + i in model for i in range(length))
        model = {start + i: number for i in range(length)} | model
    memory = PieceMemory(pieces)
    assert [at for span in memory.ranges for at in range(*span)] == sorted(model)
    assert bool(memory.problems) == bool(lost)
    absent = [at for at in range(pa, pa + size) if at not in model]
    if absent:
        with pytest.raises(AbsentMemoryError) as caught:
            memory.read(pa, size)
        assert caught.value.address == absent[0]
    else:
        expected = bytes(model[at] for at in range(pa, pa + size))
        assert memory.read(pa, size) == expected
        assert bytes(memory.view(Span(pa, pa + size))) == expected


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(-3, 30))))
def test_merged_is_the_union(shapes: list[tuple[int, int]]) -> None:
    spans = [Span(start, start + size) for start, size in shapes]
    out = merged(spans)
    assert all(a.end < b.start for a, b in pairwise(out))
    assert {at for span in spans for at in range(*span)} == {at for span in out for at in range(*span)}
