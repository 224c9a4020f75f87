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

KERNEL, PAYLOAD = "kernel", "payload"
_TYPE = re.compile(r"(?:^|\s)(?:Image )?Type: +(?P<type>\S.*)")
_KERNEL = re.compile(r"Kernel", re.IGNORECASE)
_KERNEL_BEGINS = re.compile(r"## (?:Loading kernel|Booting|Checking)")
_PAYLOAD_BEGINS = re.compile(r"## (?:Loading (?:init |ramdisk|Ramdisk|fdt|loadables|fpga|setup)|Flattened)")
_FAR = 24


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
