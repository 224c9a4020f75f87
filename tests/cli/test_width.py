"""Text keeps to the width of the terminal, down to 60 columns; only what has no space in it may be wider."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from support.pages import ROOT
from support.sabrelite import BOARD, DATA, KERNEL

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int | str | None, str, str]]

FINDINGS = ROOT / "boards" / "findings"
PREDICTED = f"{BOARD} {shlex.join(KERNEL)}"
LOGS = DATA / "logs"
COMMANDS = (
    f"predict {PREDICTED}",
    f"predict {PREDICTED} --cmdline mem=14M",
    f"check {PREDICTED}",
    f"check {FINDINGS}/ram-14m.dtb {shlex.join(KERNEL[:2])}",
    f"check {FINDINGS}/nomap-at-start.dtb {FINDINGS}/vmalloc-all.dtb {shlex.join(KERNEL[:2])}",
    f"layout {PREDICTED}",
    f"explain {PREDICTED} 0x10008000 0xffff0000",
    f"tables {PREDICTED}",
    f"audit {PREDICTED}",
    f"walk {PREDICTED} _stext 0xffff0000",
    f"mem-types {PREDICTED}",
    f"features {KERNEL[0]}",
    f"features --all {KERNEL[0]}",
    f"diff {DATA}/cases/virt-1024m-6.1.json.gz {DATA}/cases/virt-1024m-lpae-6.1.json.gz",
    f"oops {DATA}/hostile/esc.oops",
    *(f"diagnose {LOGS}/{name}" for name in ("am335x-3.8.13-bone.log", "am5728-5.13-rc2.log")),
    f"verify {BOARD} {shlex.join(KERNEL)} --log {LOGS}/am335x-5.15-rc1.log",
)


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words.replace(f"{ROOT}/", "")[:60])
def test_width(words: str, width: int, command_line: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    code, wide, _ = command_line(*shlex.split(words))
    monkeypatch.setenv("COLUMNS", str(width))
    again, out, _ = command_line(*shlex.split(words))
    assert again == code
    assert code in (0, 1)
    assert [line for line in out.splitlines() if len(line) > width and " " in line.strip()] == []
    assert len(out.splitlines()) >= len(wide.splitlines())
