"""A release without its sublevel: the stable series took rules in between, and the verdict may hang on that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.boards import MIB, checked, kernel, tree
from support.recordings import DATA

from bootmap.boot.trace import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

GIB = tree([(0x80000000, 1024 * MIB)])
ABOVE_LOWMEM = 0xBF000000


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ("5.4.119", Verdict.DIES),  # "ARM: 9012/1: move device tree mapping out of linear region" is in 5.4.120
        ("5.4.120", Verdict.BOOTS),
        ("5.4", Verdict.UNCERTAIN),
        ("5.10.37", Verdict.DIES),
        ("5.10.38", Verdict.BOOTS),
        ("5.10", Verdict.UNCERTAIN),
        ("5.11", Verdict.BOOTS),
        ("4.19", Verdict.DIES),  # no release of this series has it
    ],
)
def test_device_tree_above_lowmem(version: str, verdict: Verdict) -> None:
    result = checked(GIB, kernel("old54", version), dtb_addr=ABOVE_LOWMEM)
    assert result.verdict is verdict
    guess = next((found for found in result.findings if found.id == "guess-decides"), None)
    assert (guess is not None) is (verdict is Verdict.UNCERTAIN)
    if guess is not None:
        last = {"5.4": "5.4.119", "5.10": "5.10.37"}[version]
        assert last in guess.cause
        assert any(each.option == "--kernel-version" for each in result.assumptions)
        assert any(change.text.startswith("put the device tree at") and change.cures for change in guess.changes)


def test_device_tree_in_lowmem_lives_with_any_release() -> None:
    result = checked(GIB, kernel("old54", "5.4"), dtb_addr=0x88000000)
    assert result.verdict is Verdict.BOOTS
    assert any(each.option == "--kernel-version" for each in result.assumptions)
    assert not any(found.id == "guess-decides" for found in result.findings)


def test_version_that_nobody_told_is_assumed(command_line: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "board.dtb"
    path.write_bytes(tree([(0x80000000, 256 * MIB)]))
    _, out, _ = command_line("check", path, "--system-map", DATA / "kernels" / "v44" / "System.map")
    assert "it is Linux 6.12: nothing says its version (--kernel-version)" in " ".join(out.split())
