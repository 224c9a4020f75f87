from __future__ import annotations

import gzip
import io
import sys
from typing import TYPE_CHECKING

import pytest

from bootmap.errors import InputError
from bootmap.inputs import fs

if TYPE_CHECKING:
    from pathlib import Path


def test_read_file_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 100)
    assert fs.read_file(path, 100) == b"x" * 100
    with pytest.raises(InputError, match=f"{path}: is larger than the 99 B"):
        fs.read_file(path, 99)


def test_read_file_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b"from a pipe")

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert fs.read_file("-", 100) == b"from a pipe"
    assert fs.file_name("-") == "<stdin>"


def test_read_file_gunzips_where_asked(tmp_path: Path) -> None:
    path = tmp_path / "f.gz"
    packed = gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0) + b"trailing"
    path.write_bytes(packed)
    assert fs.read_file(path, gunzip=True) == b"onetwo"
    assert fs.read_file(path) == packed
    path.write_bytes(b"plain")
    assert fs.read_file(path, gunzip=True) == b"plain"


def test_read_file_bounds_what_it_gunzips(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(InputError, match=r"bomb\.gz: offset 0x0: decompresses to more than 1 MiB"):
        fs.read_file(path, 1 << 20, gunzip=True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(b"some text", mtime=0)[:-9], "ends too early"),
        (gzip.compress(b"some text", mtime=0)[:10] + b"\xff" * 20, "damaged gzip data"),
        (gzip.compress(b"some text", mtime=0)[:-8] + bytes(8), "damaged gzip data"),
    ],
)
def test_gunzip_bytes_of_a_damaged_stream(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fs.gunzip_bytes(data, 1000)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/nonexistent/x", "/nonexistent/x: no such file"),
        ("/", "/: is a directory"),
        ("a\0b", r"a\\x00b: cannot be read: "),
        ("/dev/null/x", "/dev/null/x: cannot be read: Not a directory"),
    ],
)
def test_read_file_of_no_file(path: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fs.read_file(path)
