"""``bootmap check`` of trees whose memory nodes say less than they should."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from support.boards import MIB, tree
from support.check_inputs import OF_510

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.trees import Node

    CommandLine = Callable[..., tuple[int | str | None, str, str]]


def test_check_memory_node_without_device_type_is_where_it_is(command_line: CommandLine, tmp_path: Path) -> None:
    """U-Boot's fdt_fixup_memory_banks adds the property; without a boot loader that does, there is no RAM."""

    def without(root: Node) -> None:
        next(node for node in root.children if node.name.startswith("memory")).properties.pop("device_type")

    path = tmp_path / "board.dtb"
    path.write_bytes(tree([(0x40000000, 512 * MIB)], edit=without))
    _, out, _ = command_line("check", path, *OF_510)
    assert "/memory@40000000 has no device_type" in " ".join(out.split())
    assert "0x80000000" not in out
    assert "PHYS_OFFSET is 0x40000000" in out


@pytest.mark.skipif(shutil.which("dtc") is None, reason="dtc is not installed")
def test_check_command_line_of_source_names_its_line(command_line: CommandLine, tmp_path: Path) -> None:
    """initrd= over the kernel, in bootargs of the source: each format names the line that holds it."""
    path = tmp_path / "board.dts"
    path.write_text("""/dts-v1/;
/ {
	#address-cells = <1>; #size-cells = <1>; compatible = "acme,board";
	chosen {
		bootargs = "console=ttyS0 initrd=0x40108000,8M";
	};
	memory@40000000 { device_type = "memory"; reg = <0x40000000 0x20000000>; };
};
""")
    _, out, _ = command_line("check", path, *OF_510)
    assert "board.dts:5" in out
    _, out, _ = command_line("check", path, *OF_510, "--format", "github")
    assert any("board.dts,line=5," in line for line in out.splitlines())
    _, out, _ = command_line("check", path, *OF_510, "--format", "sarif")
    places = [row["locations"][0]["physicalLocation"] for row in json.loads(out)["runs"][0]["results"]]
    assert any(place.get("region") == {"startLine": 5} for place in places)
    _, out, _ = command_line("check", path, *OF_510, "--cmdline", "initrd=0x40108000,8M", "--format", "github")
    assert "line=5" not in out  # that is not what stands there
