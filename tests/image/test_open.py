from __future__ import annotations

import gzip
import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bootmap.errors import ImageError, MachineError, UsageError
from bootmap.image.open import open_image
from bootmap.units import Span

RECORDINGS = Path(__file__).parent.parent / "data" / "recordings"
PREDICTION = {
    "schema": "bootmap.predict/1",
    "outcome": {"boots": True},
    "states": {
        "create_page_tables": {"tables": {"format": "short", "root": 0x4000, "pages": {"0x4000": "01" * 4096}}},
        "paging_init": {"tables": {"format": "short", "root": 0x4000, "pages": {"0x4000": "02" * 4096}}},
        "mark_rodata_ro": {"tables": {"format": "long", "root": 0x3000, "pages": {"0x3000": "03" * 4096}}},
    },
}


def written(folder: Path, data: bytes, name: str = "image") -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def test_open_image_raw_without_an_address(tmp_path: Path) -> None:
    with open_image(written(tmp_path, b"abcd")) as image:
        assert (image.kind, image.base_known, image.memory.ranges) == ("raw", False, (Span(0, 4),))


def test_open_image_raw_with_addresses(tmp_path: Path) -> None:
    first, second = written(tmp_path, b"abcd", "a"), written(tmp_path, b"efgh", "b")
    with open_image(f"{first}@0x1000", f"{second}@0x1004") as image:
        assert (image.kind, image.base_known) == ("raw", True)
        assert image.memory.read(0x1002, 4) == b"cdef"


def test_open_image_an_address_makes_anything_raw(tmp_path: Path) -> None:
    with open_image(written(tmp_path, b"\x7fELF and more") + "@0") as image:
        assert image.kind == "raw"


def test_open_image_lime(tmp_path: Path) -> None:
    with open_image(written(tmp_path, b"EMiL" + struct.pack("<IQQQ", 1, 0x1000, 0x1003, 0) + b"abcd")) as image:
        assert (image.kind, image.memory.read(0x1000, 4)) == ("LiME", b"abcd")


def test_open_image_recording() -> None:
    path = str(RECORDINGS / "virt-1g-init-lpae-6.1.json.gz")
    with open_image(path) as image:
        assert (image.kind, image.state, image.states) == ("recording", "after", ("before", "after", "late"))
        assert (image.table_format, image.root) == ("long", 0x40203000)
        after = image.memory.read(0x40203000, 32)
    with open_image(path, state="before") as image:
        assert image.state == "before"
        assert image.memory.read(0x40203000, 32) == after
    with pytest.raises(UsageError, match="no state 'never'; there is: before, after, late"):
        open_image(path, state="never")
    with open_image(str(RECORDINGS / "fuzz-1-103-deb-6.1-lpae.json.gz")) as image:
        assert image.state == "before"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_open_image_prediction(tmp_path: Path, pack: object) -> None:
    path = written(tmp_path, pack(json.dumps(PREDICTION).encode()))  # type: ignore[operator]
    with open_image(path) as image:
        assert (image.kind, image.state, image.table_format, image.root) == (
            "prediction",
            "paging_init",
            "short",
            0x4000,
        )
        assert image.states == ("create_page_tables", "paging_init", "mark_rodata_ro")
        assert image.memory.read(0x4000, 2) == b"\2\2"
    with open_image(path, state="mark_rodata_ro") as image:
        assert (image.table_format, image.memory.read(0x3000, 2)) == ("long", b"\3\3")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "bootmap.predict/2"}, "schema 'bootmap.predict/2', expected 'bootmap.predict/1'"),
        ({"states": {}}, "holds no state"),
        ({"states": {"x": {"tables": {"format": "huge", "root": 0, "pages": {}}}}}, "$.states[...].tables.format"),
        ({"states": {"x": {"tables": {"format": "long", "root": 0, "pages": {"0x1000": "00"}}}}}, "has 1 bytes"),
        ({"states": {"x": {"tables": {"format": "long", "root": 0, "pages": {"q": "00"}}}}}, "page 'q'"),
    ],
)
def test_open_image_malformed_prediction(tmp_path: Path, change: dict[str, object], words: str) -> None:
    path = written(tmp_path, json.dumps(PREDICTION | change).encode())
    with pytest.raises(ImageError) as caught:
        open_image(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(path)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"KDUMP   ", "makedumpfile -E"),
        (b"makedumpfile\0", "makedumpfile -R"),
        (b"\xfd7zXZ\0", "xz -d"),
        (b"\x28\xb5\x2f\xfd", "zstd -d"),
        (b"QEVM", "dump-guest-memory"),
        (gzip.compress(b"raw memory", mtime=0), "gunzip"),
        (b"\x1f\x8b and not gzip", "damaged gzip data"),
        (b"{not json", "not a recording"),
        (b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<H", 2) + bytes(64), "this is not a core dump"),
        (b"", "the file is empty"),
    ],
)
def test_open_image_says_how_to_make_it_readable(tmp_path: Path, head: bytes, words: str) -> None:
    path = written(tmp_path, head)
    with pytest.raises(ImageError) as caught:
        open_image(path)
    assert words in str(caught.value)
    assert path in str(caught.value)


def test_open_image_refuses_what_does_not_fit_together(tmp_path: Path) -> None:
    file = written(tmp_path, b"abcd")
    with pytest.raises(UsageError, match="no image"):
        open_image()
    with pytest.raises(UsageError, match="each needs its address"):
        open_image(f"{file}@0", file)
    with pytest.raises(UsageError, match="a running machine and a file"):
        open_image("qmp:/tmp/x", file)
    with pytest.raises(UsageError, match="raw: holds one moment only"):
        open_image(file, state="after")
    with pytest.raises(MachineError, match="cannot connect"):
        open_image(f"gdb:unix:{tmp_path}/nobody")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=300))
@example(b"{")
@example(b'{"schema": "bootmap.predict/1"}')
@example(b"\x1f\x8b\x08")
@example(b"\x7fELF\2\2\1")
@example(b"EMiL\1")
def test_open_image_takes_any_bytes(tmp_path: Path, data: bytes) -> None:
    try:
        open_image(written(tmp_path, data)).close()
    except ImageError as error:
        message = str(error)
        assert "\n" not in message


def test_open_image_imports_only_what_the_kind_needs(tmp_path: Path) -> None:
    code = (
        "import sys; from bootmap.image.open import open_image; open_image(sys.argv[1]).close();"
        "print(*sorted({'numpy', 'elftools', 'socket', 'json'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, written(tmp_path, b"abcd")], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n", "")
