"""Android boot images: the kernel in them, and where the boot loader is told to put it.

    0 "ANDROID!"  8 kernel bytes  12 kernel address  16 ramdisk bytes  20 ramdisk address ... 32 tags address
    36 page size  40 header version; from version 3 on: 8 kernel bytes, 12 ramdisk bytes, 40 version, pages of 4 KiB

Source: Android's system/tools/mkbootimg include/bootimg/bootimg.h.
"""

from __future__ import annotations

import struct

from msgspec import Struct

from bootmap.errors import ImageError

MAGIC = b"ANDROID!"
_HEADER = struct.Struct("<8s10I")
_NEW_PAGE = 4096
_NEW_VERSION = 3
_PAGES = (2048, 4096, 8192, 16384, 32768, 65536, 131072)


class BootImage(Struct, frozen=True):
    """What a boot image tells.

    Attributes:
        kernel: the kernel file.
        kernel_addr: where it is loaded; None from version 3 on.
        ramdisk: (address, bytes); None without one, or from version 3 on.
        tags_addr: where the tags or the device tree go; None from version 3 on.
    """

    kernel: bytes
    kernel_addr: int | None
    ramdisk: tuple[int, int] | None
    tags_addr: int | None


def is_boot_image(data: bytes) -> bool:
    """Whether the file begins as one."""
    return data.startswith(MAGIC)


def parse(data: bytes) -> BootImage:
    """Take a boot image apart.

    Raises:
        ImageError: it is damaged.
    """
    if len(data) < _HEADER.size:
        raise ImageError("is an Android boot image that ends in its header", offset=len(data))
    _, kernel_size, kernel_addr, ramdisk_size, ramdisk_addr, _, _, tags, page, version, _ = _HEADER.unpack_from(data)
    new = version in (_NEW_VERSION, _NEW_VERSION + 1)
    page = _NEW_PAGE if new else page
    if page not in _PAGES:
        raise ImageError(f"has pages of {page} bytes; an Android boot image was expected", offset=36)
    if not kernel_size or page + kernel_size > len(data):
        raise ImageError(f"has a kernel of {kernel_size} bytes, more than the file holds", offset=8)
    ramdisk = (ramdisk_addr, ramdisk_size) if not new and ramdisk_size else None
    return BootImage(data[page : page + kernel_size], None if new else kernel_addr, ramdisk, None if new else tags)
