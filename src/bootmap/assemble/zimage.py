"""The zImage of a hand-over: its sizes, where it runs, and the device tree appended to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.assumptions import Assumption
from bootmap.errors import UnsupportedError
from bootmap.units import MIB, hex_address, size_text

if TYPE_CHECKING:
    from bootmap.assemble.board import Board
    from bootmap.boot.handover import ZImage
    from bootmap.boot.kernel import KernelModel
    from bootmap.inputs.fdt import Fdt
    from bootmap.inputs.kernel_file import KernelFile

_RECOMMENDED = 32 * MIB
"""Into RAM: where a zImage need not move (Documentation/arch/arm/booting.rst)."""


def load_address(given: int | None, zimage: KernelFile | int | None) -> int | None:
    """Where the zImage runs: as told, or as what stands around it says."""
    if given is not None or zimage is None or isinstance(zimage, int):
        return given
    if zimage.uimage is not None:
        return zimage.uimage.load
    return zimage.places.load if zimage.places is not None else None


def placed_by_image(board: Board, file: KernelFile | None, assumptions: list[Assumption]) -> Board:
    """The board, with what a boot image says of ramdisk and tree where nothing else does."""
    places = file.places if file is not None else None
    if places is None:
        return board
    if board.initrd is None and places.initrd is not None:
        at, size = places.initrd
        board = board.replace(initrd=(at, size))
        text = f"the initrd is at {hex_address(at)}, {size_text(size)}, as {places.who} says"
        assumptions.append(Assumption(text, "--initrd", f"{at:#x},{size:#x}"))
    if board.dtb_addr is None and places.tree is not None:
        board = board.replace(dtb_addr=places.tree)
        text = f"the boot loader put the board description at {hex_address(places.tree)}, as {places.who} says"
        assumptions.append(Assumption(text, "--dtb-addr", places.tree))
    return board


def appended_tree(model: KernelModel, zimage: KernelFile | int | None) -> Fdt | None:
    """The device tree appended to the zImage, where this kernel looks for one.

    Raises:
        FdtError: it is malformed.
    """
    if zimage is None or isinstance(zimage, int) or zimage.appended_dtb is None:
        return None
    if not model.has("zimage_appended_dtb"):
        return None
    from bootmap.inputs.fdt import parse

    return parse(zimage.appended_dtb)


def describe(
    model: KernelModel,
    zimage: KernelFile | int,
    load_addr: int | None,
    phys_offset: int,
    assumptions: list[Assumption],
) -> ZImage:
    """The zImage for the hand-over.

    Raises:
        UnsupportedError: it is not of this kernel.
    """
    from bootmap.boot.handover import ZImage
    from bootmap.inputs.decompressor_code import usual_code

    symbols = model.symbols
    bss = symbols.get("__bss_stop", model.image_end) - symbols.get("__bss_start", model.image_end)
    if isinstance(zimage, int):
        start = model.page_offset + model.text_offset
        image_size = symbols.get("_edata", symbols.get("__bss_start", model.image_end)) - start
        return ZImage(zimage, image_size, usual_code(0, zimage), load_addr, bss_size=bss)
    if zimage.text_offset is not None and zimage.text_offset != model.text_offset:
        raise UnsupportedError(
            f"{zimage.path}: its TEXT_OFFSET is {zimage.text_offset:#x}, that of the symbols is "
            f"{model.text_offset:#x}: they are not of one kernel"
        )
    header = zimage.zimage
    assert header is not None
    appended = len(zimage.appended_dtb or b"") if model.has("zimage_appended_dtb") else 0
    if appended and load_addr is None:
        load_addr = phys_offset + _RECOMMENDED
        text = f"the zImage runs at {hex_address(load_addr)}, 32 MiB into RAM"
        assumptions.append(Assumption(text, "--load-addr", load_addr))
    code = header.code or usual_code(header.start, header.size)
    return ZImage(header.size, zimage.image_size or 0, code, load_addr, header.start, zimage.bss_size or bss, appended)
