"""What a kernel file tells, whichever kind it is: the result of ``elf.py`` and ``zimage.py``.

Whatever a file does not tell is None; what to ask the user for then is the caller's affair.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from bootmap.inputs import kconfig
from bootmap.inputs.fs import read_part

if TYPE_CHECKING:
    import mmap
    from collections.abc import Sequence

    from bootmap.inputs.decompressor_code import DecompressorCode
    from bootmap.inputs.kconfig import Config, Version
    from bootmap.inputs.symbols import Symbols

# init/version.c linux_banner: "Linux version 6.1.0-50-armmp (builder@host) (gcc ...) #1 SMP ..."
# Possessive, so that what only begins like it is passed over at once; utsname has room for 64 characters.
_BANNER = re.compile(rb"Linux version (\d{1,4}+\.\d{1,4}+[^\s\0]{0,64}+) ([ -~]{1,1000})")
_DEBIAN = re.compile(r" Debian (\d+\.\d+\.\d+)-")


class ZImageHeader(Struct, frozen=True):
    """The words at the beginning of a zImage, and its table of sizes.

    Attributes:
        start: the address that it was linked for, 0 where it may run anywhere.
        end: first address behind it, so ``end - start`` is its size in bytes.
        table: offset in the zImage of the table of sizes, None before Linux 4.15.
        piggy_size_at: offset in the zImage of the recorded size of the unpacked kernel.
        malloc_size: bytes of heap that the decompressor uses behind its stack, None before 5.10.
        code: where things are in the decompressor's code.
    """

    start: int
    end: int
    table: int | None = None
    piggy_size_at: int | None = None
    malloc_size: int | None = None
    code: DecompressorCode | None = None

    @property
    def size(self) -> int:
        """Bytes from the first instruction to ``_edata``; an appended device tree follows."""
        return self.end - self.start


class UImageHeader(Struct, frozen=True):
    """U-Boot's legacy header: where it loads the image to and where it jumps.

    Attributes:
        load: address.
        entry: address.
        name: of the image.
        packed: bytes behind the header where they are compressed; 0 where they are not.
        packing: how, as U-Boot names it.
    """

    load: int
    entry: int
    name: str
    packed: int = 0
    packing: str = "none"


class ImagePlaces(Struct, frozen=True):
    """Where the file that a kernel came in says that things are put; loaders follow it or not.

    Attributes:
        who: what says it: "the Android boot image's header".
        load: address of the kernel; None where it is not said.
        initrd: (address, bytes) of the ramdisk; None where there is none, or no address.
        tree: address of the device tree, or of the tags; None where it is not said.
    """

    who: str
    load: int | None = None
    initrd: tuple[int, int] | None = None
    tree: int | None = None


class FilePiece(NamedTuple):
    """Part of an unpacked kernel that lies in a file.

    Attributes:
        start: bytes from _text to its place in memory.
        offset: where in the file it begins.
        size: bytes.
    """

    start: int
    offset: int
    size: int


class KernelFile(Struct, frozen=True, kw_only=True):
    """One kernel file.

    Attributes:
        kind: "vmlinux", "zImage" or "Image".
        path: as the user named it.
        release: as ``uname -r`` prints it.
        version: of the source it was built from: the configuration's, else what a Debian banner says,
            else the release's (a distribution's "6.1.0-50-armmp" is built from, say, 6.1.176).
        banner: the line that the kernel prints first.
        config: its IKCONFIG.
        symbols: its symbol table.
        image: the unpacked kernel as it lies in memory from _text on, None for a vmlinux; see ``read``.
        pieces: of a vmlinux, where the parts of the kernel are in its file; () where that cannot be read again.
        image_size: bytes of that, bss not included.
        bss_size: bytes of bss behind it.
        text_offset: TEXT_OFFSET, from PHYS_OFFSET to _text.
        compression: how the zImage's payload is packed, None for the others.
        payload_offset: where in the file the packed payload begins.
        zimage: the zImage's header.
        zimage_size: bytes of the zImage without what is appended.
        appended_dtb: device tree blob behind the zImage, as many bytes as its header says.
        appended_dtb_offset: where in the file that begins.
        uimage: U-Boot's header, where the file has one.
        places: what a boot image around it says; None for other files.
    """

    kind: str
    path: str
    release: str | None = None
    version: Version | None = None
    banner: str | None = None
    config: Config | None = None
    symbols: Symbols | None = None
    image: bytes | None = None
    pieces: tuple[FilePiece, ...] = ()
    image_size: int | None = None
    bss_size: int | None = None
    text_offset: int | None = None
    compression: str | None = None
    payload_offset: int | None = None
    zimage: ZImageHeader | None = None
    zimage_size: int | None = None
    appended_dtb: bytes | None = None
    appended_dtb_offset: int | None = None
    uimage: UImageHeader | None = None
    places: ImagePlaces | None = None

    def read(self, offset: int, size: int) -> bytes | None:
        """``size`` bytes of the unpacked kernel, ``offset`` bytes behind _text; None where they are not at hand.

        Raises:
            InputError: the file cannot be read any more.
        """
        if self.image is not None:
            found = self.image[offset : offset + size] if offset >= 0 else b""
            return found if len(found) == size else None
        for piece in self.pieces:
            if piece.start <= offset and offset + size <= piece.start + piece.size:
                found = read_part(self.path, piece.offset + offset - piece.start, size)
                return found if len(found) == size else None
        return None

    def __repr__(self) -> str:
        return f"<KernelFile {self.kind} {self.path}, Linux {self.release}>"


class Identity(Struct, frozen=True):
    """What a kernel's bytes say about themselves; see ``KernelFile`` for the attributes."""

    release: str | None
    version: Version | None
    banner: str | None
    config: Config | None


def identify(data: bytes | mmap.mmap, path: str, spans: Sequence[tuple[int, int]] | None = None) -> Identity:
    """Find the banner and the IKCONFIG in the bytes of an unpacked kernel.

    Args:
        data: the bytes.
        path: named in errors.
        spans: the ranges of ``data`` to search, None for all of it.

    Raises:
        ConfigError: the IKCONFIG is damaged.
    """
    spans = [(0, len(data))] if spans is None else spans
    embedded = next(filter(None, (kconfig.extract_ikconfig(data, *span) for span in spans)), None)
    config = kconfig.parse(embedded, file=f"{path} (IKCONFIG)") if embedded is not None else None
    match = next(filter(None, (_BANNER.search(data, *span) for span in spans)), None)
    if match is None:
        return Identity(None, config.version if config else None, None, config)
    release = match[1].decode("latin-1")
    banner = match[0].decode("latin-1")
    version = kconfig.parse_version(release)
    if config is not None and config.version is not None:
        version = config.version
    elif debian := _DEBIAN.search(banner):
        version = kconfig.parse_version(debian[1])
    return Identity(release, version, banner, config)
