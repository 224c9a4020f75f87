"""The command ``bootmap explore`` as users call it."""

from __future__ import annotations

import base64
import gzip
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from support.sabrelite import BOARD, DATA, KERNEL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int | str | None, str, str]]


@pytest.fixture
def run(command_line: Run) -> Run:
    return partial(command_line, "explore")


def document(page: str) -> dict[str, Any]:
    block = page.partition('id="document">')[2].partition("<")[0]
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(block)))
    return found


def test_page_is_written_and_its_size_said(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "board.html"
    code, out, err = run(BOARD, *KERNEL, "-o", file, "--stage", "map_lowmem")
    assert (code, out) == (0, "")
    assert "board.html: " in err
    found = document(file.read_text())
    assert found["stage"] == "map_lowmem"
    assert [side["name"] for side in found["sides"]] == ["imx6q-sabrelite.dtb"]
    assert found["sides"][0]["budget"]["lowmem"] == 768 << 20


def test_page_goes_to_standard_output(run: Run) -> None:
    code, out, err = run(BOARD, *KERNEL)
    assert (code, err) == (0, "")
    assert out.startswith("<!doctype html>")
    assert document(out)["sides"][0]["outcome"]["boots"] is True


def test_two_sides_have_their_own_kernels(run: Run) -> None:
    code, out, _ = run(BOARD, *KERNEL, "--against", BOARD, "--against-kernel-version", "3.10")
    assert code == 0
    assert [side["kernel"]["version"] for side in document(out)["sides"]] == ["6.1.176", "3.10"]


def test_board_without_kernel_gets_a_typical_one_and_says_so(run: Run) -> None:
    code, out, _ = run(BOARD)
    assert code == 0
    (side,) = document(out)["sides"]
    assert any("typical" in text or "profile" in text or "kernel" in text for text in side["assumptions"])


def test_recording_has_memblock_beside_its_tables(run: Run) -> None:
    code, out, _ = run(DATA / "cases" / "virt-1024m-6.1.json.gz")
    assert code == 0
    (side,) = document(out)["sides"]
    assert side["kind"] == "recording"
    assert [stage["name"] for stage in side["stages"]] == ["before", "after"]
    assert side["stages"][0]["memory"] == [[0x40000000, 1 << 30, 0]]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--stage", "nonsense"), 2, "no such stage"),
        (("--against-kernel-version", "3.10"), 2, "--against"),
        (("--against", "nowhere.dtb"), 3, "nowhere.dtb"),
        (("--feature", "nonsense=on"), 2, "nonsense"),
    ],
)
def test_what_is_wrong_is_one_line(run: Run, words: tuple[str, ...], code: int, message: str) -> None:
    found, out, err = run(BOARD, *KERNEL, *words)
    assert (found, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1


def test_file_that_is_no_board_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "broken.dtb"
    file.write_bytes(b"\xd0\x0d\xfe\xed and no more")
    code, out, err = run(file, *KERNEL)
    assert (code, out) == (3, "")
    assert "broken.dtb" in err
