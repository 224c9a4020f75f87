"""Kernels in boot images: what the image says of places holds where nothing else is said, and is noted."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.make_inputs import ikconfig, kernel_image, zimage

import bootmap
from bootmap.analysis.layout import load_map
from bootmap.assemble.handover import assemble, replay
from bootmap.inputs.fdt_writer import MadeNode, cells, flatten, text
from bootmap.inputs.zimage import parse_kernel

if TYPE_CHECKING:
    from bootmap.assemble.board import Board
    from bootmap.assemble.kernel import Kernel

BOARDS = Path(__file__).parents[2] / "boards"
KERNEL = zimage(gzip.compress(kernel_image(ikconfig(b"CONFIG_MMU=y\n")), mtime=0))
LOAD, RAMDISK, TAGS = 0x10008000, 0x11000000, 0x10000100
PAGE = 2048


@pytest.fixture
def kernel() -> Kernel:
    folder = BOARDS / "linux-6.1-armmp"
    return bootmap.Kernel.load(config=folder / "config.gz", system_map=folder / "System.map")


@pytest.fixture
def board() -> Board:
    return bootmap.Board.load(BOARDS / "imx6q-sabrelite.dtb", phys_offset=0x10000000)


def android(ramdisk: bytes = b"\0" * 0x1234) -> bytes:
    """Version 0 (system/tools/mkbootimg, bootimg.h): sizes and addresses of kernel, ramdisk, second; tags; page."""
    header = struct.pack("<8s10I", b"ANDROID!", len(KERNEL), LOAD, len(ramdisk), RAMDISK, 0, 0, TAGS, PAGE, 0, 0)
    return header.ljust(PAGE, b"\0") + KERNEL.ljust(-(-len(KERNEL) // PAGE) * PAGE, b"\0") + ramdisk


def fit(*, tree: bool) -> bytes:
    """One configuration, its data in the tree, larger than any device tree may be."""

    def image(kind: str, data: bytes, **more: bytes) -> MadeNode:
        return MadeNode(kind, {"data": data, "type": text(kind), "compression": text("none"), **more})

    padded = KERNEL.ljust(3 << 20, b"\0")
    images = [image("kernel", padded, load=cells(LOAD), entry=cells(LOAD))]
    conf = {"kernel": text("kernel")}
    if tree:
        images.append(image("ramdisk", b"\0" * 0x1234, load=cells(RAMDISK)))
        conf["ramdisk"] = text("ramdisk")
    root = MadeNode("", {"description": text("x"), "#address-cells": cells(1)})
    root.children += [
        MadeNode("images", {}, images),
        MadeNode("configurations", {"default": text("c1")}, [MadeNode("c1", conf)]),
    ]
    return flatten(root)


def test_android_header_places_kernel_ramdisk_and_tree(kernel: Kernel, board: Board) -> None:
    file = parse_kernel(android(), "boot.img")
    _, handover = assemble(kernel, board.replace(zimage=file))
    assert handover.zimage is not None
    assert (handover.zimage.load_addr, handover.initrd, handover.params) == (LOAD, (RAMDISK, 0x1234), TAGS)
    noted = {each.option: each.text for each in handover.assumptions}
    assert "as the Android boot image's header says" in noted["--initrd"]
    assert "as the Android boot image's header says" in noted["--dtb-addr"]


def test_android_header_yields_to_what_is_said(kernel: Kernel, board: Board) -> None:
    file = parse_kernel(android(), "boot.img")
    said = board.replace(zimage=file, load_addr=0x12000000, dtb_addr=0x18000000, initrd=(0x19000000, 0x100))
    _, handover = assemble(kernel, said)
    assert handover.zimage is not None
    assert (handover.zimage.load_addr, handover.initrd, handover.params) == (
        0x12000000,
        (0x19000000, 0x100),
        0x18000000,
    )


def test_android_without_a_ramdisk_has_none(kernel: Kernel, board: Board) -> None:
    _, handover = assemble(kernel, board.replace(zimage=parse_kernel(android(b""), "boot.img")))
    assert handover.initrd is None


def test_fit_with_the_kernel_in_its_tree(kernel: Kernel, board: Board) -> None:
    file = parse_kernel(fit(tree=True), "image.itb")
    assert file.zimage_size == len(KERNEL)
    _, handover = assemble(kernel, board.replace(zimage=file))
    assert handover.zimage is not None
    assert (handover.zimage.load_addr, handover.initrd) == (LOAD, (RAMDISK, 0x1234))


def test_fit_of_a_kernel_alone() -> None:
    file = parse_kernel(fit(tree=False), "image.itb")
    assert file.zimage_size == len(KERNEL)
    assert file.places is not None
    assert (file.places.load, file.places.initrd) == (LOAD, None)


def test_appended_tree_is_no_damage(kernel: Kernel, board: Board) -> None:
    """It lies behind the zImage and moves with it; the room for merging ATAGs is its own."""
    file = parse_kernel(KERNEL + (BOARDS / "imx6q-sabrelite.dtb").read_bytes(), "zImage-dtb")
    if not kernel.model().has("zimage_appended_dtb"):
        pytest.fail("Debian's armmp takes appended trees")
    for load in (LOAD, 0x12000000):
        found = load_map(replay(kernel, board.replace(zimage=file, load_addr=load)))
        assert found.damage == ()
        tree_at = found.find("dtb")
        assert tree_at is not None
        assert tree_at.start in {placed.end for placed in found.objects if placed.kind == "zimage"}
        margin = found.margin()
        assert margin is None or margin[2] != tree_at.name
