"""What ``--fix`` writes, under QEMU: the board as it was is dead, or loses its initrd; with the fix it is alive.

Debian's kernels on the machine virt; the unpacked kernel is put into RAM, so that a boot takes a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import UNSET
from support.boards import MIB, reserved, tree
from support.booting import FINDINGS
from support.booting import kernel as kernel_folder
from support.rule_rows import memory_node
from support.trees import Node, cells, text

import bootmap
from bootmap.inputs.fdt import Fdt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RAM = [(0x40000000, 512 * MIB)]
KERNEL_KEY = "deb-6.1"


@dataclass(frozen=True)
class Row:
    """A board that fails, and the rule whose change cures it.

    Attributes:
        rule: the rule.
        tree: the device tree.
        more: addresses: dtb_addr, phys_offset, initrd.
        kernel: the kernel's key.
        initrd: it boots both times, and what changes is whether the initrd is kept.
        memory: RAM of the machine, in bytes.
    """

    rule: str
    tree: bytes
    more: Mapping[str, Any] = field(default_factory=dict)
    kernel: str = KERNEL_KEY
    initrd: bool = False
    memory: int = 512 * MIB


def board(*banks: tuple[int, int], **more: Any) -> bytes:
    return tree(list(banks) or RAM, cpu="arm,cortex-a15", compatible="linux,dummy-virt", **more)


def filler(size: int) -> Any:
    def add(root: Node) -> None:
        root.children.append(Node("filler", {"bytes": cells(1) * (size // 4)}))

    return add


odd_pool = reserved(
    (
        "cma",
        0,
        0,
        {
            "compatible": text("shared-dma-pool"),
            "reusable": b"",
            "linux,cma-default": b"",
            "size": cells(19 * MIB),
        },
    ),
    ("odd@5fb00000", 0x5FB00000, 5 * MIB, {"no-map": b""}),
)
"""A pool that CMA refuses, below an area that keeps lowmem from ending with RAM."""

ROWS = [
    Row("mem-parameter", board(bootargs="mem=256")),
    Row("mem-parameter", board(bootargs="mem=256"), kernel="deb-5.10"),
    Row("early-allocation", board(bootargs="mem=512M@0x80000000")),
    Row("no-memory", board(edit=memory_node(status=text("disabled")))),
    Row("no-memory", board(bootargs="mem=512M@0x10000000")),
    Row("early-allocation", board(edit=odd_pool), kernel="deb-6.12"),
    Row("dtb-overwritten", board(), {"dtb_addr": 0x40205000}),
    Row("dtb-overwritten", board(), {"dtb_addr": 0x415B0000}),
    Row("params-rejected", board(), {"dtb_addr": 0x48000001}),
    Row("dtb-unmapped", board(edit=filler(0x110000)), {"dtb_addr": 0x481F8000}),
    Row("mem-map", board((0x42000000, 256 * MIB)), {"phys_offset": 0x40000000}, kernel="deb-5.10"),
    Row("initrd-disabled", board(), {"initrd": (0x415F0000, MIB)}, initrd=True),
    *(
        Row(rule, (FINDINGS / f"{name}.dtb").read_bytes(), {"dtb_addr": 0x50000000}, key, memory=1024 * MIB)
        for rule, name, key in (
            ("kernel-unmapped", "nomap-in-last-section-6.1", "deb-6.1"),
            ("kernel-unmapped", "nomap-in-last-section-6.12", "deb-6.12"),
            ("kernel-unmapped", "pool-over-kernel", "deb-6.12"),
            ("static-mapping", "pool-refused", "deb-6.12"),
            ("cma-area-bounds", "pool-at-odd-mib", "deb-6.12"),
            ("mem-map", "vmalloc-all", "deb-6.12"),
            ("earlycon", "earlycon-memblock-debug", "deb-6.1"),
        )
    ),
]


def booted(row: Row, path: Path, more: Mapping[str, Any]) -> Any:
    """The board under QEMU."""
    folder = kernel_folder(row.kernel)
    place = {name: more.get(name) for name in ("dtb_addr", "phys_offset")}
    initrd = more.get("initrd")
    (found,) = bootmap.boot_boards(
        [str(path)],
        machine="virt",
        memory=row.memory,
        late=False,
        place=True,
        jobs=1,
        timeout=20.0,
        image=f"{folder}/zImage",
        config=f"{folder}/config.gz",
        system_map=f"{folder}/System.map",
        version=None,
        features=(),
        cpu=None,
        cmdline=None,
        initrd=f"{initrd[0]:#x},{initrd[1]:#x}" if initrd else None,
        **place,
    )
    if isinstance(found, Exception):
        raise found
    return found.recording


def lives(recording: Any) -> bool:
    """It comes back from paging_init, with more than the 16 MiB of a kernel that found no device tree."""
    return recording.outcome is UNSET and not any("0x0000000040ffffff]" in line for line in recording.log)


def keeps_initrd(recording: Any) -> bool:
    return not any("disabling initrd" in line for line in recording.log)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.rule}-{row.kernel}-{row.more or ''}")
def test_fix_dead_before_alive_after(row: Row, tmp_path: Path) -> None:
    folder = kernel_folder(row.kernel)
    kernel = bootmap.Kernel.load(config=f"{folder}/config.gz", system_map=f"{folder}/System.map")
    given = {"phys_offset": 0x40000000, "cpu": "cortex-a15", **row.more}
    path = tmp_path / "board.dtb"
    path.write_bytes(row.tree)
    result = bootmap.check(kernel, bootmap.Board.load(path, **given))
    assert result.failed()
    cure = next(found for found in result.findings if found.id == row.rule)
    change = next(change for change in cure.changes if change.recommended)
    assert change.after.startswith("boots")

    written = dict(bootmap.write_fix(result, str(tmp_path / "fixed")))
    after = dict(given)
    for edit in change.edits:
        if hasattr(edit, "value") and getattr(edit, "name", "") in ("dtb_addr", "phys_offset", "initrd"):
            after[edit.name] = edit.value
    fixed = next((name for name in written if name.endswith(".fixed.dtb")), None)
    new = tmp_path / "fixed" / "board.fixed.dtb" if fixed is not None else path
    assert fixed is None or isinstance(bootmap.Board.load(new).description, Fdt)

    before, then = booted(row, path, given), booted(row, new, after)
    if row.initrd:
        assert lives(before)
        assert not keeps_initrd(before)
        assert keeps_initrd(then)
    else:
        assert not lives(before)
    assert lives(then)
