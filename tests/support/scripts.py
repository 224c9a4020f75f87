"""Recorded boots of scripts, and what bootmap made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.uboot import blob, said

from bootmap.inputs import fdt
from bootmap.loaders.uboot.bootm import run
from bootmap.loaders.uboot.fixups import complete

if TYPE_CHECKING:
    from bootmap.plan.setup import LoaderSetup


def of_the_boot(row: dict[str, Any]) -> list[str]:
    """What U-Boot says from the boot command on."""
    lines = said({**row, "case": {}})
    begins = next(i for i, line in enumerate(lines) if line.startswith(("Kernel image @", "## Booting kernel")))
    return lines[begins:]


def bootargs(tree: bytes) -> str:
    node = fdt.parse(tree).node("/chosen")
    assert node is not None
    value: bytes = node.properties["bootargs"].value
    return value.rstrip(b"\0").decode()


def as_recorded(made: LoaderSetup, row: dict[str, Any]) -> None:
    """Every message of the boot, the kernel's entry, and every byte of the tree that it got."""
    assert made.uboot is not None
    placed = run(made.uboot, made.board, made.command)
    assert placed.said == of_the_boot(row)
    if row["handed"] is None:
        assert placed.failed
        return
    assert placed.dtb is not None
    assert made.command.tree is not None
    assert (placed.entry, placed.dtb.start) == (row["handed"]["entry"], row["handed"]["r2"])
    tree = complete(made.uboot, made.command.tree, placed.dtb.start, made.board.banks, placed.ramdisk, made.command.env)
    assert bootargs(tree) == bootargs(blob(row))
    assert tree == blob(row)
