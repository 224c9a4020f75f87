"""Headers of images as U-Boot prints them: which image a line belongs to, for every image has a size and an address.

    ## Loading init Ramdisk from Legacy Image at 41c00000 ...     the header of a ramdisk begins
       Image Type:   ARM Linux RAMDisk Image (uncompressed)
       Data Size:    22567790 Bytes = 21.5 MiB                   its size, not the kernel's
       Load Address: 00000000                                     0: it may lie anywhere

Source: U-Boot boot/image.c ``image_print_contents``, boot/image-fit.c ``fit_image_print``, ``fit_image_load``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.bootlog.case import LogCase

KERNEL, PAYLOAD = "kernel", "payload"
_TYPE = re.compile(r"(?:^|\s)(?:Image )?Type: +(?P<type>\S.*)")
_KERNEL = re.compile(r"Kernel", re.IGNORECASE)
_KERNEL_BEGINS = re.compile(r"## (?:Loading kernel|Booting|Checking)")
_PAYLOAD_BEGINS = re.compile(r"## (?:Loading (?:init |ramdisk|Ramdisk|fdt|loadables|fpga|setup)|Flattened)")
_FAR = 24
_OF_ZIMAGE = re.compile(r"[Kk]ernel image @ 0x[0-9a-f]+ \[ 0x0+ - 0x([0-9a-f]+) \]")
_READ = re.compile(r"^\s*(\d{4,10}) bytes read")


def image_at(lines: Sequence[str], at: int) -> str:
    """The image to whose header the line ``at`` belongs: "payload" for a ramdisk or a device tree, else "kernel".

    The type stands in the header, before the size and the address; where it is cut off, the header's first line tells.
    """
    for line in reversed(lines[max(at - _FAR, 0) : at]):
        found = _TYPE.search(line)
        if found is not None:
            return KERNEL if _KERNEL.search(found["type"]) else PAYLOAD
        if _PAYLOAD_BEGINS.search(line):
            return PAYLOAD
        if _KERNEL_BEGINS.search(line):
            return KERNEL
    return KERNEL


def image_bytes(case: LogCase, *, guess: bool = True) -> int:
    """Bytes of the zImage, by the boot loader's words; 0 where it does not say.

    bootz prints them, a kernel's header has them.

    Args:
        case: the boot.
        guess: whether the first file that is read is taken for the kernel where neither is there.
    """
    lines = [line for _, line in case.lines()]
    ends = [int(found[1], 16) for line in lines if (found := _OF_ZIMAGE.search(line))]
    if ends:
        return ends[-1]
    said = case.log.first("image_size")
    if said is not None:
        return said.number("count")
    if not guess:
        return 0
    return next((int(found[1]) for line in lines if (found := _READ.search(line))), 0)
