from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from support.make_inputs import DATA, DTB, begin, blob, words, zimage

from bootmap.errors import AtagError, FdtError, InputError
from bootmap.inputs import board
from bootmap.inputs.atags import AtagList
from bootmap.inputs.fdt import Fdt, parse

if TYPE_CHECKING:
    from pathlib import Path


def test_read_board_by_content(tmp_path: Path) -> None:
    assert isinstance(board.read_board(DTB / "virt.dtb"), Fdt)
    assert isinstance(board.read_board(DATA / "atags" / "spitz.bin"), AtagList)
    packed = tmp_path / "virt.dtb.gz"
    packed.write_bytes(gzip.compress((DTB / "virt.dtb").read_bytes()))
    assert isinstance(board.read_board(packed), Fdt)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty; expected a device tree blob (.dtb) or an ATAG list"),
        (b"/dts-v1/;\n/ { };\n", "is device tree source"),
        (b'#include "board.dtsi"\n', "is device tree source"),
        (b"hello, world\n", "is text"),
        (zimage(b"x"), "is a zImage"),
        (b"\x7fELF" + bytes(60), "is an ELF file"),
        (b"\x27\x05\x19\x56" + bytes(60), "is a U-Boot image"),
        (b"\xd7\xb7\xab\x1e" + bytes(60), "is a DTBO table"),
        (b"\xed\xfe\x0d\xd0" + bytes(60), "is a device tree blob with its bytes swapped"),
        (b"\x01\x02\x03\x04\x05\x06\x07\x08\x09", "begins with 01 02 03 04 05 06 07 08"),
    ],
)
def test_read_board_of_something_else(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "board"
    path.write_bytes(data)
    with pytest.raises(InputError) as error:
        board.read_board(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_read_board_names_the_file_of_a_malformed_one(tmp_path: Path) -> None:
    path = tmp_path / "cut.dtb"
    path.write_bytes((DTB / "virt.dtb").read_bytes()[:1000])
    with pytest.raises(FdtError, match=r"cut\.dtb: offset 0x4: totalsize is 0x1d5f, the file has only 0x3e8"):
        board.read_board(path)
    path.write_bytes((DATA / "atags" / "spitz.bin").read_bytes()[:30])
    with pytest.raises(AtagError, match=r"cut\.dtb: offset 0x14: tag of 4 words ends after"):
        board.read_board(path)


@pytest.mark.parametrize("path", ["/", "/nonexistent/board.dtb", "/dev/zero"])
def test_read_board_of_no_file(path: str) -> None:
    with pytest.raises(InputError, match=f"^{path}: "):
        board.read_board(path)


def test_hint() -> None:
    fit = blob(begin() + begin("images") + words(2) + begin("configurations") + words(2, 2, 9))
    overlay = blob(begin() + begin("fragment@0") + begin("__overlay__") + words(2, 2, 2, 9))
    assert "FIT image" in (board.hint(parse(fit)) or "")
    assert "overlay" in (board.hint(parse(overlay)) or "")
    assert board.hint(parse((DTB / "virt.dtb").read_bytes())) is None
