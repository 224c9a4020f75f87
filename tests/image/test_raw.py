from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bootmap.errors import ImageError, UsageError
from bootmap.image.files import MappedFile, windows
from bootmap.image.pages import PageMemory
from bootmap.image.raw import RawPart, open_raw, raw_part
from bootmap.units import GIB, MIB, Span

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("ram.bin@0x40000000", RawPart("ram.bin", 0x40000000, True)),
        ("ram.bin@1G", RawPart("ram.bin", 1 << 30, True)),
        ("a@b@16", RawPart("a@b", 16, True)),
        ("ram.bin", RawPart("ram.bin", 0, False)),
        ("user@host", RawPart("user@host", 0, False)),
        ("ram@0x40zz", RawPart("ram@0x40zz", 0, False)),
        ("@0x40", RawPart("@0x40", 0, False)),
    ],
)
def test_raw_part_splits_the_address(argument: str, expected: RawPart) -> None:
    assert raw_part(argument) == expected


def test_raw_part_prefers_a_file_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "dump@2024"
    file.write_bytes(b"x")
    assert raw_part(str(file)) == RawPart(str(file), 0, False)


def test_raw_part_refuses_an_address_beyond_the_architecture() -> None:
    with pytest.raises(UsageError, match="beyond 40 bits"):
        raw_part("ram.bin@0x10000000000")


def test_open_raw_joins_several_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a" * 4096)
    (tmp_path / "b").write_bytes(b"b" * 4096)
    parts = [RawPart(str(tmp_path / "a"), 0x1000, True), RawPart(str(tmp_path / "b"), 0x2000, True)]
    with open_raw(parts) as memory:
        assert memory.read(0x1FFE, 4) == b"aabb"
        assert memory.ranges == (Span(0x1000, 0x3000),)


def test_open_raw_reports_an_overlap(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a" * 4096)
    (tmp_path / "b").write_bytes(b"b" * 4096)
    parts = [RawPart(str(tmp_path / "a"), 0x1000, True), RawPart(str(tmp_path / "b"), 0x1800, True)]
    with open_raw(parts) as memory:
        assert memory.read(0x1FFE, 4) == b"aabb"
        assert len(memory.problems) == 1
        assert "[mem 0x00001800-0x00001fff] overlaps" in memory.problems[0]


def test_open_raw_of_a_gibibyte_stays_small(tmp_path: Path) -> None:
    file = tmp_path / "sparse"
    with open(file, "wb") as out:
        out.truncate(GIB)
        out.seek(GIB - 4)
        out.write(b"last")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_raw([RawPart(str(file), 0x40000000, True)]) as memory:
        assert memory.read(0x7FFFFFFC, 4) == b"last"
        view = memory.view(Span(0x40000000, 0x80000000))
        assert np.frombuffer(view, "<u4")[-1] == int.from_bytes(b"last", "little")
        del view
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 << 10  # KiB


def test_windows_show_everything_once_and_keep_little(tmp_path: Path) -> None:
    file = tmp_path / "dump"
    content = np.arange(24 * MIB, dtype="<u4")
    content.tofile(file)
    del content
    with open_raw([RawPart(str(file), 0x40101000, True)]) as memory:
        before = resident()
        expected = 0x40101000
        for start, view in windows(memory, 4 * MIB):
            assert start == expected
            assert int(np.frombuffer(view, "<u4")[0]) == (start - 0x40101000) // 4
            assert np.frombuffer(view, "<u4").sum() > 0
            assert resident() - before < 12 * MIB
            expected = start + len(view)
            assert expected % (4 * MIB) == 0 or expected == 0x40101000 + 96 * MIB
        assert expected == 0x40101000 + 96 * MIB
    assert [start for start, _ in windows(PageMemory({0x1000: bytes(4096), 0x5000: bytes(4096)}))] == [0x1000, 0x5000]


def resident() -> int:
    """Bytes of this process that are in memory, mapped files included."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_close_with_a_view_outside_leaves_the_view_usable(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"abcd")
    memory = open_raw([RawPart(str(file), 0, True)])
    view = memory.view(Span(0, 4))
    memory.close()
    assert bytes(view) == b"abcd"
    assert memory.ranges == ()


def test_mapped_file_refuses_what_cannot_be_mapped(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    for name, message in [
        ("empty", "the file is empty"),
        ("pipe", "expected a regular file"),
        (".", "expected a regular file"),
        ("absent", "No such file"),
        ("nul\0", "null (byte|character)"),  # Python 3.11, 3.13
    ]:
        with pytest.raises(ImageError, match=message) as caught:
            MappedFile(str(tmp_path / name))
        assert str(caught.value).startswith(str(tmp_path / name))


def test_windows_of_a_file_cut_short_say_where(tmp_path: Path) -> None:
    file = tmp_path / "dump"
    file.write_bytes(bytes(3 * MIB))
    with open_raw([RawPart(str(file), 0x40000000, True)]) as memory:
        os.truncate(file, MIB + 4)
        with pytest.raises(ImageError, match="offset 0x100004: the file was cut short"):
            list(windows(memory))


def test_moved_memory_has_the_same_bytes_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcd" * 1024)
    (tmp_path / "b").write_bytes(b"efgh" * 1024)
    parts = [RawPart(str(tmp_path / "a"), 0, True), RawPart(str(tmp_path / "b"), 0x3000, True)]
    with open_raw(parts) as memory:
        moved = memory.moved(0x40000000)
        assert moved.ranges == (Span(0x40000000, 0x40001000), Span(0x40003000, 0x40004000))
        assert moved.read(0x40003000, 4) == b"efgh"
        assert [(start, bytes(view[:4])) for start, view in windows(moved)] == [
            (0x40000000, b"abcd"),
            (0x40003000, b"efgh"),
        ]
