"""What ``bootm`` copies or unpacks: which packings, and how much of it.

Source: boot/image.c ``image_decomp``; boot/bootm.c ``handle_decomp_error``; lib/zstd/zstd.c ``zstd_decompress``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.facts.loaders.uboot import LEAST_BOOTM_LEN, TOO_LARGE, ZSTD_TOO_LARGE
from bootmap.inputs.packings import PACKINGS

if TYPE_CHECKING:
    from bootmap.loaders.uboot.command import Command
    from bootmap.loaders.uboot.release import UBoot


class RefusedError(Exception):
    """U-Boot stops; the argument says why, for people."""


def unpacked(uboot: UBoot, command: Command, said: list[str]) -> tuple[int, str]:
    """image_decomp(): bytes that U-Boot takes the kernel to have where it put it.

    Args:
        uboot: whose rules hold.
        command: with the kernel, which does not stay where it is.
        said: lines that U-Boot prints.

    Returns:
        The bytes, and why no kernel is there all the same; "" where one is.

    Raises:
        RefusedError: it cannot, and sees it.
    """
    kernel, build = command.kernel, uboot.build
    if kernel.packed and build.packings is not None and kernel.packing not in build.packings:
        said.append(f"Unimplemented compression type {PACKINGS.index(kernel.packing)}")
        raise RefusedError(f"this U-Boot cannot unpack {kernel.packing} (CONFIG_{kernel.packing.upper()})")
    if build.bootm_len is None or kernel.size <= build.bootm_len:
        return kernel.size, ""
    why = f"the kernel has {kernel.size:#x} bytes, CONFIG_SYS_BOOTM_LEN is {build.bootm_len:#x}"
    packing = kernel.packing if kernel.packed else "none"
    if packing == "zstd" and not uboot.does("zstd_failure_is_seen"):  # a positive error is taken for the length
        said.append(f"ZSTD_decompressStream error {ZSTD_TOO_LARGE}")
        return ZSTD_TOO_LARGE, f"{why}: U-Boot does not unpack it, and starts what lies at its place"
    words, error = TOO_LARGE[packing]
    if packing == "zstd" or not uboot.does("says_image_too_large"):
        name = "uncompressed" if packing == "none" else f"{packing} compressed"
        words = (*words, f"{name}: uncompress error {error}")
    else:
        words = (*words, "Image too large: increase CONFIG_SYS_BOOTM_LEN")
    said += [*words, "Must RESET board to recover"]
    if uboot.does("says_resetting"):
        said.append("Resetting the board...")
    elif command.fit is not None or command.dtb is None:  # else reset takes bootm's words for its own: it does nothing
        said.append("resetting ...")
    raise RefusedError(f"{why}: it is not {'unpacked' if kernel.packed else 'copied'}")


def taken_for_granted(uboot: UBoot, command: Command) -> tuple[str, ...]:
    """What a boot hangs on that only the build decides, where the build is not known, in words."""
    kernel, build, found = command.kernel, uboot.build, []
    if kernel.packed and build.packings is None and kernel.packing != "gzip":
        found.append(f"this U-Boot can unpack {kernel.packing} (CONFIG_{kernel.packing.upper()})")
    is_moved = kernel.packed or kernel.load not in (None, kernel.start)
    if is_moved and build.bootm_len is None and kernel.size > LEAST_BOOTM_LEN:
        found.append(
            f"this U-Boot's CONFIG_SYS_BOOTM_LEN is {kernel.size:#x} or more; it is {LEAST_BOOTM_LEN:#x} by default"
        )
    return tuple(found)
