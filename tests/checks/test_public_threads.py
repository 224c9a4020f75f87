"""Boards of public threads, made small again: what their logs say is what a prediction and a check say beforehand.

Each names its thread; numbers and lines are those that stand there.  What a log does not tell (the tree, the kernel's
size) is a typical kernel's, or made up so that it does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from support.boards import MIB, kernel, reserved, tree
from support.trees import cells, text

import bootmap
from bootmap.assemble.whatif import with_options, with_vmsplit
from bootmap.report.dmesg import dmesg_text
from bootmap.report.predict_text import layout_line

if TYPE_CHECKING:
    from collections.abc import Mapping

NOMAP = {"no-map": b""}
POOL = {"compatible": text("shared-dma-pool"), "reusable": b""}
GFX = ("framebuffer", 0, 0, {**POOL, "size": cells(16 * MIB), "alignment": cells(16 * MIB)})
JPEG = ("jpegbuffer", 0, 0, {**POOL, "size": cells(32 * MIB), "alignment": cells(16 * MIB)})
FLASH = ("flash@98000000", 0x98000000, 64 * MIB, NOMAP)
CMA = {"CMA": "y", "DMA_CMA": "y", "CMA_SIZE_SEL_MBYTES": "y"}


def bmc(end: int, *areas: Any) -> bytes:
    """An AST2500, whose U-Boot keeps the end of RAM for the VGA."""
    edit = reserved(*areas) if areas else None
    return tree([(0x80000000, end - 0x80000000)], cpu="arm,arm1176jzf-s", compatible="aspeed,ast2500", edit=edit)


def typical(version: str, name: str, **options: str | None) -> bootmap.Kernel:
    """A typical kernel with some of its options as the log has them."""
    found = with_options(bootmap.typical_kernel(None, version, name), options)
    return replace(found, profile="")


@dataclass(frozen=True)
class Thread:
    """A board of a thread.

    Attributes:
        where: the thread.
        kernel: the kernel.
        tree: the device tree.
        more: attributes of the board.
        logs: lines that stand in the thread's log.
        layout: lines of the virtual memory layout there.
        silent: beginnings of lines that do not.
        rule: the finding that tells what was wrong; "" where nothing was.
        says: what it must say.
    """

    where: str
    kernel: bootmap.Kernel
    tree: bytes
    more: Mapping[str, Any] = field(default_factory=dict)
    logs: tuple[str, ...] = ()
    layout: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    rule: str = ""
    says: tuple[str, ...] = ()


AST = {**CMA, "CMA_SIZE_MBYTES": "16", "HIGHMEM": None}
VGA = (
    "Reserved memory: created CMA memory pool at 0x97000000, size 16 MiB",
    "Reserved memory: created CMA memory pool at 0x95000000, size 32 MiB",
    "cma: Reserved 16 MiB at 0x94000000",
    "Ignoring RAM at 0x98000000-0x9c000000",
)
THREADS = [
    Thread(
        "openbmc/openbmc#3871, an FP5280G2",
        typical("5.15.50", "aspeed_g5", **AST),
        bmc(0x9C000000, FLASH, GFX, JPEG),
        logs=VGA,
        rule="message-explained",
        says=("harmless: all of it",),
    ),
    Thread(
        "openbmc/openbmc#3839, a Romulus in QEMU",
        typical("5.15.14", "aspeed_g5", **{**AST, "HIGHMEM": "y"}),
        bmc(0x9C000000, FLASH, GFX, JPEG),
        {"cache": "vipt-aliasing"},
        VGA,
        rule="message-explained",
        says=("HIGHMEM would not bring those back",),
    ),
    Thread(
        "openbmc/openbmc#3940, an AST2500 EVB",
        typical("6.1.34", "aspeed_g5", **AST),
        bmc(0x9F000000, GFX),
        logs=(
            "Reserved memory: created CMA memory pool at 0x9e000000, size 16 MiB",
            "cma: Reserved 16 MiB at 0x9d000000",
        ),
        silent=("Ignoring RAM",),
    ),
    Thread(
        "openbmc/openbmc#3938, the same in QEMU",
        typical("6.1.29", "aspeed_g5", **AST),
        bmc(0x9C000000, GFX),
        {"cache": "vipt-aliasing"},
        ("Reserved memory: created CMA memory pool at 0x9b000000, size 16 MiB", "cma: Reserved 16 MiB at 0x9a000000"),
        silent=("Ignoring RAM",),
    ),
    Thread(
        "openbmc/openbmc#2170",
        typical("4.10.17", "aspeed_g5", HIGHMEM=None, CMA=None),
        bmc(0x9F000000),
        layout=("    vmalloc : 0x9f800000 - 0xff800000   (1536 MB)",),
    ),
    Thread(
        "openbmc/openbmc#507",
        typical("4.6.4", "aspeed_g5", HIGHMEM=None, CMA=None),
        bmc(0x9F000000),
        layout=("    vmalloc : 0x9f800000 - 0xff800000   (1536 MB)",),
    ),
    Thread(
        "offspot/kiwix-hotspot#110, a V2P-CA9 in QEMU",
        kernel("v7-2g"),
        tree([(0x60000000, 1024 * MIB)], cpu="arm,cortex-a9", compatible="arm,vexpress"),
        layout=(
            "     lowmem : 0x80000000 - 0xc0000000   (1024 MB)",
            "    vmalloc : 0xc0800000 - 0xff800000   (1008 MB)",
        ),
    ),
    Thread(
        "FlorentRevest/linux#1, a C.H.I.P.: PC is at fdt_check_header",
        kernel("old49", "4.8.0"),
        tree(
            [(0x40000000, 512 * MIB)],
            cpu="arm,cortex-a8",
            edit=reserved(("ve@43d00000", 0x43D00000, 144 * MIB, {"compatible": text("shared-dma-pool"), **NOMAP})),
        ),
        {"dtb_addr": 0x49FF7000},
        rule="dtb-unmapped",
        says=("virtual 0xc9ff7000", "no-map", "boots"),
    ),
    Thread(
        "linux-arm-kernel on sanity_check_meminfo(), a Keystone without HIGHMEM",
        kernel("v314", HIGHMEM=None),
        tree([(0x80000000, 1024 * MIB)], cpu="arm,cortex-a15"),
        logs=("Truncating RAM at 80000000-bfffffff to -af7fffff (vmalloc region overlap).",),
        rule="ram-beyond-lowmem",
        says=("264 MiB of 1 GiB", "CONFIG_VMSPLIT_2G=y"),
    ),
    Thread(
        "gisab/WDMC-Ex2#5, an Armada 370: overlaps in-use memory region",
        typical("5.10.109", "mvebu_v7"),
        tree([(0, 512 * MIB)], cpu="marvell,sheeva-v7", compatible="marvell,armada370"),
        {"initrd": (0xA00000, 0x518053), "zimage": 4147193, "load_addr": 0x8000},
        rule="initrd-overwritten",
        says=("0x00a00000", "boots with its initrd"),
    ),
    Thread(
        "raspberrypi/firmware#365, a Raspberry Pi 3 with 4.4.42",
        with_vmsplit(typical("4.4.42", "bcm2709", HIGHMEM=None, **CMA, CMA_SIZE_MBYTES="8"), "2g"),
        tree([(0, 880 * MIB)]),
        logs=("cma: Reserved 8 MiB at 0x36800000",),
    ),
    Thread(
        "parallella/parallella-linux#11",
        kernel("v44"),
        tree(
            [(0, 1024 * MIB)], cpu="arm,cortex-a9", edit=reserved(("esharedmem@3e000000", 0x3E000000, 32 * MIB, NOMAP))
        ),
    ),
    Thread(
        "raspberrypi/linux#24: 384 MiB are told of, 256 are there",
        kernel("v310"),
        tree([(0, 0x18000000)]),
        {"ram": (bootmap.Span(0, 256 * MIB),)},
        rule="memory-disagrees",
        says=("128 MiB of it are not in the board's RAM",),
    ),
    Thread(
        "raspberrypi/linux#627: 512 MiB are told of, the GPU has 64",
        kernel("v310"),
        tree([(0, 512 * MIB)]),
        {"ram": (bootmap.Span(0, 448 * MIB),)},
        rule="memory-disagrees",
        says=("64 MiB of it are not in the board's RAM",),
    ),
    Thread(
        "lgeek/jetson_hw_hacking#1: mem=2048M@4096M",
        kernel("v310"),
        tree([(0x80000000, 2048 * MIB)], cpu="arm,cortex-a15", bootargs="mem=1862M@2048M mem=2048M@4096M"),
        rule="mem-parameter",
        says=("mem=2048M@4096M",),
    ),
]


@pytest.mark.parametrize("thread", THREADS, ids=lambda thread: thread.where.split(",")[0].split(":")[0])
def test_thread_is_what_is_predicted(thread: Thread) -> None:
    board = bootmap.Board.parse(thread.tree, "board.dtb", **thread.more)
    prediction = bootmap.predict(thread.kernel, board)
    log = dmesg_text(prediction.replay, prediction.overview.layout).splitlines()
    for line in thread.logs:
        assert line in log, log
    for begin in thread.silent:
        assert not any(line.startswith(begin) for line in log), log
    layout = [layout_line(area) for area in prediction.overview.layout]
    for line in thread.layout:
        assert line in layout, layout
    result = bootmap.check(thread.kernel, board)
    found = [each for each in result.findings if each.id == thread.rule]
    said = "\n".join(
        "\n".join(
            [
                each.message,
                *each.advice,
                *(f"{one.text} {one.note} {one.after}" for one in each.changes),
                *(" ".join(row) for row in each.table),
            ]
        )
        for each in found
    )
    assert bool(found) is bool(thread.rule), [each.message for each in result.findings]
    for part in thread.says:
        assert part in said, said
    if not thread.rule:
        assert not result.failed(), [each.message for each in result.findings]
