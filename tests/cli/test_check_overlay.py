"""``bootmap check --overlay``: applied as libfdt does, and what is missing where it does not fit."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from support.boards import MIB, reserved, tree
from support.check_inputs import OF_510, needs_dtc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    CommandLine = Callable[..., tuple[int | str | None, str, str]]


@needs_dtc
def test_check_overlay_is_applied(command_line: CommandLine, tmp_path: Path) -> None:
    """The same as fdtoverlay's own blob gives."""
    base = tmp_path / "base.dtb"
    base.write_bytes(tree([(0x80000000, 256 * MIB)], edit=reserved(("keep@88000000", 0x88000000, MIB, {}))))
    overlay = "/dts-v1/; /plugin/; &{/} { extra@9f000000 { no-map; reg = <0x8f000000 0x100000>; }; };"
    (tmp_path / "extra.dtso").write_text(overlay)
    _, out, err = command_line("check", base, *OF_510, "--overlay", tmp_path / "extra.dtso")
    assert err == ""
    assert "[reserved-node-misplaced]" in out
    assert "extra@9f000000" in out
    code, out, err = command_line("check", tmp_path / "extra.dtso", *OF_510)
    assert (code, out) == (3, "")
    assert "is a device tree overlay: give its base as the board, and it with --overlay" in err


@needs_dtc
@pytest.mark.parametrize(
    ("symbols", "source", "says"),
    [
        ("-@", "&gone { x; };", "extra.dtso names gone: the base has no such label"),
        ("-q", "&here { x; };", "extra.dtso names here, and the base has no symbols: compile it with dtc -@"),
        ("-@", "&{/no/such} { x; };", "extra.dtso: /fragment@0 is for /no/such, which the base has not"),
    ],
    ids=["label", "symbols", "path"],
)
def test_check_overlay_that_does_not_fit_says_what_is_missing(
    command_line: CommandLine, tmp_path: Path, symbols: str, source: str, says: str
) -> None:
    """libfdt 1.6 says FDT_ERR_NOTFOUND of all three; 1.7.2 FDT_ERR_BADOFFSET of a base without symbols."""
    (tmp_path / "base.dts").write_text('/dts-v1/; / { compatible = "a,b"; here: node { }; };')
    subprocess.run(["dtc", symbols, "-o", tmp_path / "base.dtb", tmp_path / "base.dts"], check=True)
    (tmp_path / "extra.dtso").write_text(f"/dts-v1/; /plugin/; {source}")
    code, out, err = command_line("check", tmp_path / "base.dtb", *OF_510, "--overlay", tmp_path / "extra.dtso")
    assert (code, out) == (3, "")
    assert says in err
