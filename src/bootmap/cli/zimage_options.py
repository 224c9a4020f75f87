"""The zImage of a board's options: its sizes, where it runs, and the device tree appended to it.

``--kernel`` with a zImage says everything, ``--zimage`` says it beside a vmlinux, or gives no more than a size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import UnsupportedError, UsageError
from bootmap.units import MIB, hex_address, memparse

if TYPE_CHECKING:
    from bootmap.boot.handover import ZImage
    from bootmap.boot.kernel import KernelModel
    from bootmap.inputs.fdt import Fdt
    from bootmap.inputs.kernel_file import KernelFile

_RECOMMENDED = 32 * MIB
"""Into RAM: where a zImage need not move (Documentation/arch/arm/booting.rst)."""


def read_zimage(text: str | None, kernel_file: KernelFile | None) -> KernelFile | int | None:
    """What ``--zimage`` names, a file or a size in bytes; without it the ``--kernel`` file if that is a zImage.

    Raises:
        InputError: the file cannot be read.
        UsageError: the file is no zImage.
    """
    if text is None:
        return kernel_file if kernel_file is not None and kernel_file.kind == "zImage" else None
    number, rest = memparse(text)
    if text[:1].isdigit() and not rest:
        return number
    from bootmap.inputs.zimage import read_kernel

    file = read_kernel(text)
    if file.kind != "zImage":
        raise UsageError(f"--zimage {text}: is of the kind {file.kind}; a zImage or a size was expected")
    return file


def load_address(given: int | None, zimage: KernelFile | int | None) -> int | None:
    """Where the zImage runs: as told, or as its U-Boot header says."""
    if given is None and zimage is not None and not isinstance(zimage, int) and zimage.uimage is not None:
        return zimage.uimage.load
    return given


def appended_tree(kernel: KernelModel, zimage: KernelFile | int | None) -> Fdt | None:
    """The device tree appended to the zImage, where this kernel looks for one.

    Raises:
        FdtError: it is malformed.
    """
    if zimage is None or isinstance(zimage, int) or zimage.appended_dtb is None:
        return None
    if not kernel.has("zimage_appended_dtb"):
        return None
    from bootmap.inputs.fdt import parse

    return parse(zimage.appended_dtb)


def describe(
    kernel: KernelModel, zimage: KernelFile | int, load_addr: int | None, phys_offset: int, assumptions: list[str]
) -> ZImage:
    """The zImage for the handover.

    Raises:
        UnsupportedError: it is not of this kernel.
    """
    from bootmap.boot.handover import ZImage
    from bootmap.inputs.decompressor_code import usual_code

    symbols = kernel.symbols
    bss = symbols.get("__bss_stop", kernel.image_end) - symbols.get("__bss_start", kernel.image_end)
    if isinstance(zimage, int):
        start = kernel.page_offset + kernel.text_offset
        image_size = symbols.get("_edata", symbols.get("__bss_start", kernel.image_end)) - start
        return ZImage(zimage, image_size, usual_code(0, zimage), load_addr, bss_size=bss)
    if zimage.text_offset is not None and zimage.text_offset != kernel.text_offset:
        raise UnsupportedError(
            f"{zimage.path}: its TEXT_OFFSET is {zimage.text_offset:#x}, that of the symbols is "
            f"{kernel.text_offset:#x}: they are not of one kernel"
        )
    header = zimage.zimage
    assert header is not None
    appended = len(zimage.appended_dtb or b"") if kernel.has("zimage_appended_dtb") else 0
    if appended and load_addr is None:
        load_addr = phys_offset + _RECOMMENDED
        assumptions.append(f"the zImage runs at {hex_address(load_addr)}, 32 MiB into RAM (--load-addr)")
    code = header.code or usual_code(header.start, header.size)
    return ZImage(header.size, zimage.image_size or 0, code, load_addr, header.start, zimage.bss_size or bss, appended)
