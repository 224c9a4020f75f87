"""``bootmap check`` of trees whose memory nodes say less than they should."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.boards import MIB, tree
from support.recordings import DATA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.trees import Node

    CommandLine = Callable[..., tuple[int | str | None, str, str]]

KERNELS = DATA / "kernels"
OF_510 = ("--config", KERNELS / "v510" / "config.gz", "--system-map", KERNELS / "v510" / "System.map")


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
