"""What leaves the program: files as they were found, and text that no terminal acts on."""

from __future__ import annotations

import io
import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from bootmap import output
from bootmap.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def test_write_file_replaces_and_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "out"
    old = os.umask(0o027)
    try:
        output.write_file(path, b"one")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    output.write_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert os.listdir(tmp_path) == ["out"]


def test_write_file_through_a_link_changes_its_target(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(target)
    output.write_file(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_write_file_of_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write is cut short as a full disk does it: after the temporary file was made."""
    path = tmp_path / "out"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "chmod", full)
    with pytest.raises(InputError, match="out: cannot be written: No space left on device"):
        output.write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out"]


def test_write_file_to_a_device_does_not_replace_it() -> None:
    output.write_file("/dev/null", b"x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(InputError, match="/dev/full: cannot be written: No space left on device"):
        output.write_file("/dev/full", b"x")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


@pytest.mark.parametrize("path", ["/nonexistent/out", "a\0b", "/", "/proc/none/out"])
def test_write_file_where_nothing_can_be_written(path: str) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        output.write_file(path, b"x")


def test_printable_leaves_text_and_escapes_what_acts() -> None:
    assert output.printable("Grüße\tan 木\n") == "Grüße\tan 木\n"
    assert output.printable("a\x1b[2J\rb\x07\x7f\x9b1m") == "a\\x1b[2J\\x0db\\x07\\u007f\\u009b1m"
    assert output.printable("\u202egnp.\u2069\udcff") == "\\u202egnp.\\u2069\\udcff"
    assert output.one_line("a\nb") == "a\\nb"


def test_shown_name_of_bytes_outside_utf8() -> None:
    assert output.shown_name(os.fsdecode(b"b\xff\xfe\x1b.dtb")) == "b\\xff\\xfe\\x1b.dtb"
    assert output.shown_name("plain name.dtb") == "plain name.dtb"


def test_guarded_streams_escape_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    with output.guarded_streams():
        print("\x1b]0;name\x07 ü \u202e", flush=True)
        sys.stdout.buffer.write(b"\x1b raw\n")  # bytes are nobody's text
    assert sys.stdout is stream
    assert raw.getvalue() == b"\\x1b]0;name\\x07 \xc3\xbc \\u202e\n\x1b raw\n"


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("100", 100), ("250", 100), ("3", 40), ("", 100)])
def test_text_width_is_the_terminals_up_to_100(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert output.text_width() == width


_ROW = "  0xc0000000-0xc13fffff  rwx  normal, write-back write-allocate, inner shareable, domain 0"
_LONG = "  0xc0000000-0xc13fffff  0x40800000   20 MiB  rwx     ---  normal, write-back write-allocate, inner shareable"


@pytest.mark.parametrize(
    ("width", "text", "rows"),
    [
        (60, "one\n\ntwo\n", ["one", "", "two", ""]),
        (60, _ROW, [_ROW[:48].rstrip(), " " * 30 + "write-allocate, inner", " " * 30 + "shareable, domain 0"]),
        (60, _LONG, [_LONG[:58].rstrip(), "      normal, write-back write-allocate, inner shareable"]),
        (60, "a " * 40, [("a " * 30).rstrip(), "    " + ("a " * 10).rstrip()]),
        (60, "x" * 70, ["x" * 70]),
        (60, "x" * 70 + " y", ["x" * 70, "    y"]),
        (60, "    " + "x" * 70, ["    " + "x" * 70]),
        (100, "a " * 60, ["a " * 60]),
    ],
)
def test_folded(width: int, text: str, rows: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert output.folded(text).split("\n") == rows
