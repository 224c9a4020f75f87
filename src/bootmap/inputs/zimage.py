"""Kernel files: zImage, the unpacked Image, either in a U-Boot wrapper, and vmlinux, told apart by content.

    zImage   0x00 instructions (the EFI stub's first ones spell "MZ")
             0x24 0x016f2818   0x28 start   0x2c end   0x30 0x04030201
             0x34 0x45454545   0x38 offset of the table of sizes          (Linux 4.15 and later)
             ...  decompressor, packed kernel, u32 size of the unpacked one
             end  an appended device tree, perhaps

Source: arch/arm/boot/compressed/head.S and vmlinux.lds.S; commit c772568788b5 ("ARM: add additional table to
compressed kernel") (in v4.15) for the table.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootmap.errors import ImageError, InputError
from bootmap.inputs import android, elf, fdt, fit
from bootmap.inputs.board import is_fit
from bootmap.inputs.decompress import MAX_IMAGE, unpack
from bootmap.inputs.decompressor_code import find_code
from bootmap.inputs.fs import file_name, read_file, read_head
from bootmap.inputs.kernel_file import ImagePlaces, KernelFile, UImageHeader, ZImageHeader, identify
from bootmap.inputs.packings import PACKINGS, unpacked
from bootmap.inputs.uimage import HEADER_BYTES, read_header
from bootmap.inputs.uimage import MAGIC as UIMAGE_MAGIC

if TYPE_CHECKING:
    from pathlib import Path

MAGIC = 0x016F2818
MAGIC_AT = 0x24
TABLE_MAGIC = 0x45454545
SIZES_TAG = 0x5A534C4B  # "KLSZ"

_HEADER = struct.Struct("<6I")
_HEADER_END = MAGIC_AT + _HEADER.size
_ENDIANNESS = 0x04030201
_BIG_ENDIAN = 0x01020304  # a BE8 kernel: its header and its table of sizes are little-endian all the same
_UIMAGE_ARCH_ARM, _UIMAGE_KERNEL, _UIMAGE_MULTI = 2, 2, 4
# Kernels of other architectures: offset, magic (Documentation/arch/arm64/booting.rst, arch/x86/boot.rst), what it is.
_FOREIGN = (
    (0x38, b"ARM\x64", "a kernel for arm64"),
    (0x202, b"HdrS", "a kernel for x86 (bzImage)"),
)
EXPECTED = "expected a vmlinux, a zImage, an unpacked Image, or one of these in a uImage, FIT or Android boot image"


def read_kernel(path: str | Path) -> KernelFile:
    """Read a kernel file of any kind.

    Raises:
        InputError: the file cannot be read; an ImageError where it is no 32-bit ARM kernel or cannot be
            unpacked, and a ConfigError or SymbolsError where those parts of it are damaged.
    """
    name = file_name(path)
    if os.path.isfile(path) and read_head(path, len(elf.MAGIC)) == elf.MAGIC:  # a pipe can be read but once
        return elf.read_vmlinux(path)
    try:
        return parse_kernel(read_file(path, MAX_IMAGE, gunzip=True), name)
    except InputError as error:
        raise error.in_file(name) from None


def parse_kernel(data: bytes, name: str) -> KernelFile:
    """The same from bytes; ``name`` goes into the result and into errors."""
    if data.startswith(elf.MAGIC):
        return elf.parse_vmlinux(data, name)
    if data.startswith(UIMAGE_MAGIC):
        return _parse_uimage(data, name)
    if is_zimage(data):
        return _parse_zimage(data, name)
    if data[MAGIC_AT : MAGIC_AT + 4] == MAGIC.to_bytes(4, "big"):
        raise ImageError("is a big-endian zImage; expected a little-endian kernel", offset=MAGIC_AT)
    if android.is_boot_image(data):
        boot = android.parse(data)
        places = ImagePlaces("the Android boot image's header", boot.kernel_addr, boot.ramdisk, boot.tags_addr)
        return replace(parse_kernel(boot.kernel, name), places=places)
    if fdt.is_fdt(data):
        return _of_fit(data, name)
    for at, magic, what in _FOREIGN:
        if data[at : at + len(magic)] == magic:
            raise ImageError(f"is {what}, and bootmap is about 32-bit ARM; {EXPECTED}", offset=at)
    identity = identify(data, name)
    if identity.banner is None:
        what = f"begins with {data[:8].hex(' ')}" if data else "is empty"
        raise ImageError(f"{what}; {EXPECTED}", offset=0)
    return KernelFile(
        kind="Image",
        path=name,
        release=identity.release,
        version=identity.version,
        banner=identity.banner,
        config=identity.config,
        image=data,
        image_size=len(data),
    )


def _of_fit(data: bytes, name: str) -> KernelFile:
    """The kernel that a FIT image boots by default."""
    tree = fdt.parse(data, fit.LARGEST)
    if not is_fit(tree):
        raise ImageError(f"is a device tree blob; {EXPECTED}")
    default = fit.configurations(tree, data, kernel_only=True)[0]
    if default.kernel is None:
        raise ImageError("is a FIT image whose default configuration has no kernel")
    places = ImagePlaces("the FIT image", default.kernel_load, default.ramdisk)
    return replace(parse_kernel(default.kernel, name), places=places)


def is_zimage(data: bytes) -> bool:
    """Whether ``data`` has a little-endian zImage's magic."""
    return data[MAGIC_AT : MAGIC_AT + 4] == MAGIC.to_bytes(4, "little")


def _parse_zimage(data: bytes, name: str) -> KernelFile:
    if len(data) < _HEADER_END:
        raise ImageError(f"is cut off: {len(data)} bytes", offset=len(data))
    header, text_offset, bss_size = _parse_header(data)
    header = replace(header, code=find_code(data, header.start, header.size))
    payload = unpack(data, start=_HEADER_END, end=header.size, size_at=header.piggy_size_at)
    identity = identify(payload.image, name)
    dtb, dtb_at = _appended_dtb(data, header.size)
    return KernelFile(
        kind="zImage",
        path=name,
        release=identity.release,
        version=identity.version,
        banner=identity.banner,
        config=identity.config,
        image=payload.image,
        image_size=len(payload.image),
        bss_size=bss_size,
        text_offset=text_offset,
        compression=payload.compression,
        payload_offset=payload.offset,
        zimage=header,
        zimage_size=header.size,
        appended_dtb=dtb,
        appended_dtb_offset=dtb_at,
    )


def _parse_header(data: bytes) -> tuple[ZImageHeader, int | None, int | None]:
    """The header, TEXT_OFFSET and the size of bss, the latter two None where there is no table."""
    _, start, end, endianness, table_magic, table = _HEADER.unpack_from(data, MAGIC_AT)
    if not _HEADER_END <= end - start <= len(data):
        raise ImageError(
            f"says that it has {end - start:#x} bytes ({start:#x} to {end:#x}), the file has {len(data):#x}",
            offset=MAGIC_AT + 4,
        )
    if endianness not in (_ENDIANNESS, _BIG_ENDIAN) or table_magic != TABLE_MAGIC:
        return ZImageHeader(start, end), None, None
    at = table
    while at + 8 <= end - start:
        words, tag = struct.unpack_from("<2I", data, at)
        if words == 0:
            break
        if words < 2 or at + 4 * words > end - start:
            raise ImageError(f"table of sizes: entry of {words} words", offset=at)
        if tag == SIZES_TAG and words >= 4:
            fields = struct.unpack_from(f"<{words - 2}I", data, at + 8)
            piggy_size_at, bss_size = fields[:2]
            text_offset = fields[2] if words >= 5 else None
            malloc_size = fields[3] if words >= 6 else None
            return ZImageHeader(start, end, table, piggy_size_at, malloc_size), text_offset, bss_size
        at += 4 * words
    return ZImageHeader(start, end, table), None, None


def _appended_dtb(data: bytes, at: int) -> tuple[bytes, int] | tuple[None, None]:
    """The blob at ``_edata``, where the decompressor looks for one."""
    if not fdt.is_fdt(data[at : at + 4]):
        return None, None
    size = int.from_bytes(data[at + 4 : at + 8], "big")
    return data[at : at + size], at


def _parse_uimage(data: bytes, name: str) -> KernelFile:
    header = read_header(data)
    if header.arch != _UIMAGE_ARCH_ARM:
        raise ImageError(f"is a uImage for architecture {header.arch}, expected 2 (ARM)", offset=29)
    if header.kind not in (_UIMAGE_KERNEL, _UIMAGE_MULTI):
        raise ImageError(f"is a uImage of type {header.kind}, expected 2 (kernel) or 4 (multi-file)", offset=30)
    if header.packing >= len(PACKINGS):
        raise ImageError(f"is a uImage with compression {header.packing}, expected 0 to {len(PACKINGS) - 1}", offset=31)
    body = header.body(data)
    if header.kind == _UIMAGE_MULTI:
        body = _first_of_multi(body)
    packing = PACKINGS[header.packing]
    body = unpacked(body, packing, MAX_IMAGE)
    if body.startswith(UIMAGE_MAGIC):
        raise ImageError("is a uImage inside a uImage", offset=HEADER_BYTES)
    inner = parse_kernel(body, name)
    wrapper = UImageHeader(header.load, header.entry, header.name, header.size if header.packing else 0, packing)
    return replace(inner, uimage=wrapper)


def _first_of_multi(body: bytes) -> bytes:
    """The kernel of a multi-file uImage: sizes up to a 0, then the files, each padded to 4 bytes."""
    at = 0
    while (size := int.from_bytes(body[at : at + 4], "big")) and at < len(body):
        at += 4
    first = int.from_bytes(body[:4], "big")
    at += 4
    if size or not first or at + first > len(body):
        raise ImageError("the multi-file uImage's list of sizes is damaged", offset=HEADER_BYTES)
    return body[at : at + first]
