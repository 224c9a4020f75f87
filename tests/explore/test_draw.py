"""``bootmap draw``: an SVG with real text, in the reader's colours, at any stage; a PNG where that can be had."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import pytest
from explore.conftest import sabrelite
from support.sabrelite import BOARD, KERNEL

import bootmap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int | str | None, str, str]]

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def run(command_line: Run) -> Run:
    return partial(command_line, "draw", BOARD, *KERNEL)


@cache
def drawn(stage: str | None = None, **options: Any) -> ET.Element:
    return ET.fromstring(bootmap.draw(sabrelite(), stage, **options))


def texts(root: ET.Element) -> str:
    return "\n".join("".join(element.itertext()) for element in root.iter(f"{SVG}text"))


def test_drawing_names_what_is_where() -> None:
    shown = texts(drawn())
    for word in ("imx6q-sabrelite.dtb, Linux 6.1.176", "boots · after paging_init", "kernel image 19.0 MiB"):
        assert word in shown
    for word in ("lowmem 768 MiB", "highmem 256 MiB", "vmalloc 240 MiB", "rwx", "10204000", "c0000000"):
        assert word in shown


def test_drawing_is_of_the_stage_that_was_asked_for() -> None:
    early = texts(drawn("create_page_tables"))
    assert "after create_page_tables" in early
    assert "mem_map" not in early
    looks = {element.get("class") for element in drawn("mark_rodata_ro").iter(f"{SVG}rect")}
    assert {"rx", "ro", "rw"} <= looks
    assert "rwx" not in looks, "after mark_rodata_ro nothing is writable and executable"


def test_drawing_to_scale_gives_every_byte_the_same_room() -> None:
    heights = {}
    for element in drawn(to_scale=True).iter(f"{SVG}rect"):
        if element.get("class") in ("lowmem", "highmem"):
            heights[element.get("class")] = float(element.get("height") or 0)
    assert heights["lowmem"] / heights["highmem"] == pytest.approx(3, abs=0.01), "768 and 256 MiB"


@pytest.mark.parametrize(
    ("theme", "dark", "light"), [("auto", True, True), ("light", False, True), ("dark", True, False)]
)
def test_drawing_has_the_colours_of_its_theme(theme: Any, dark: bool, light: bool) -> None:
    text = bootmap.draw(sabrelite(), theme=theme)
    assert ("#171b22" in text) is dark
    assert ("#ffffff" in text) is light
    assert "var(--bootmap-rw," in text, "a page that holds it sets its own"
    assert "var(" not in bootmap.draw(sabrelite(), theme=theme, inline=False)


def test_drawing_of_hostile_names_is_text() -> None:
    nasty = "<script>alert(1)<b>\x1b[2J&"
    board = sabrelite().board.replace(name=nasty)
    prediction = bootmap.Prediction(sabrelite().kernel, board, sabrelite().replay)
    root = ET.fromstring(bootmap.draw(prediction))
    assert not list(root.iter(f"{SVG}script"))
    assert "<script>alert(1)<b>" in texts(root)
    assert "\x1b" not in bootmap.draw(prediction)


def test_drawing_of_a_board_that_dies() -> None:
    shown = texts(ET.fromstring(bootmap.draw(sabrelite(cmdline="mem=8M"))))
    assert "does not boot" in shown


def test_command_writes_svg(run: Run, tmp_path: Path) -> None:
    code, out, err = run("-o", tmp_path / "map.svg", "--stage", "map_lowmem")
    assert (code, out, err) == (0, "", "")
    assert "after map_lowmem" in texts(ET.parse(tmp_path / "map.svg").getroot())
    code, out, _ = run()
    assert code == 0
    assert out.startswith("<svg")


def test_command_writes_png(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py", reason="resvg-py is not installed (pip install '.[png]')")
    code, _, err = run("-o", tmp_path / "map.png")
    assert (code, err) == (0, "")
    data = (tmp_path / "map.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert width == 1600
    assert height > 1000


def test_command_says_what_is_wrong(run: Run) -> None:
    code, _, err = run("--stage", "nonsense")
    assert code == 2
    assert "there is no such stage" in err
    code, _, err = run("--stage", "mark_rodata_ro", "--cmdline", "mem=8M")
    assert code == 2
    assert "does not come so far" in err
