from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
import threading
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.make_inputs import BANNER, DATA, DTB, ikconfig, kernel_image, zimage

from bootmap.errors import ConfigError, ImageError, InputError
from bootmap.inputs import zimage as z

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = b"# Linux/arm 6.1.30 Kernel Configuration\nCONFIG_MMU=y\nCONFIG_VMSPLIT_2G=y\n"
IMAGE = kernel_image(ikconfig(CONFIG))
GZIPPED = gzip.compress(IMAGE, mtime=0)
DTB_BYTES = (DTB / "small.dtb").read_bytes()


def parse(data: bytes) -> z.KernelFile:
    return z.parse_kernel(data, "k")


def test_parse_kernel_zimage_with_table() -> None:
    data = zimage(GZIPPED)
    kernel = parse(data)
    assert (kernel.kind, kernel.compression, kernel.image) == ("zImage", "gzip", IMAGE)
    assert (kernel.text_offset, kernel.bss_size, kernel.image_size) == (0x208000, 386260, len(IMAGE))
    assert kernel.zimage_size == len(data)
    assert kernel.zimage is not None
    assert (kernel.zimage.start, kernel.zimage.end, kernel.zimage.table) == (0, len(data), 0x3C)
    assert kernel.zimage.malloc_size == 0x10000
    assert data[kernel.payload_offset :][:3] == b"\x1f\x8b\x08"
    assert kernel.banner == BANNER.decode().rstrip("\n\0")
    assert kernel.release == "6.1.0-9-armmp"
    assert kernel.config is not None
    assert (kernel.config.version, kernel.config.enabled("VMSPLIT_2G")) == ((6, 1, 30), True)
    assert kernel.version == (6, 1, 30)
    assert (kernel.symbols, kernel.appended_dtb, kernel.appended_dtb_offset, kernel.uimage) == (None,) * 4


def test_parse_kernel_zimage_of_a_big_endian_kernel() -> None:
    """Only the word at 0x30 says so (a 6.12 with CPU_BIG_ENDIAN): header and table of sizes are little-endian."""
    data = zimage(GZIPPED)
    turned = data[:0x30] + bytes.fromhex("04030201") + data[0x34:]
    assert data[0x30:0x34] == bytes.fromhex("01020304")
    found, plain = parse(turned), parse(data)
    assert (found.image, found.bss_size, found.zimage) == (plain.image, plain.bss_size, plain.zimage)


def test_parse_kernel_zimage_xz_with_recorded_size() -> None:
    packed = lzma.compress(IMAGE, check=lzma.CHECK_CRC32)
    kernel = parse(zimage(packed, size_record=len(IMAGE).to_bytes(4, "little")))
    assert (kernel.compression, kernel.image) == ("xz", IMAGE)


def test_parse_kernel_zimage_with_the_first_table() -> None:
    """Linux 4.15 to 5.9: the table ends with the size of bss."""
    kernel = parse(zimage(GZIPPED, table=(1234,)))
    assert (kernel.bss_size, kernel.text_offset, kernel.image) == (1234, None, IMAGE)
    assert kernel.zimage is not None
    assert kernel.zimage.malloc_size is None


def test_parse_kernel_zimage_before_the_table() -> None:
    kernel = parse(zimage(GZIPPED, table=None, start=0x60008000))
    assert (kernel.bss_size, kernel.text_offset, kernel.image) == (None, None, IMAGE)
    assert kernel.zimage is not None
    assert (kernel.zimage.start, kernel.zimage.table, kernel.zimage.piggy_size_at) == (0x60008000, None, None)


def test_parse_kernel_zimage_with_appended_dtb() -> None:
    plain = zimage(GZIPPED)
    kernel = parse(zimage(GZIPPED, appended=DTB_BYTES + b"and more"))
    assert (kernel.appended_dtb, kernel.appended_dtb_offset) == (DTB_BYTES, len(plain))
    assert kernel.zimage_size == len(plain)
    assert parse(zimage(GZIPPED, appended=b"no tree")).appended_dtb is None


def test_parse_kernel_version_of_a_banner_without_config() -> None:
    """Debian's release says 6.1.0; its banner names the source, 6.1.27."""
    kernel = parse(zimage(gzip.compress(kernel_image(), mtime=0)))
    assert (kernel.config, kernel.release, kernel.version) == (None, "6.1.0-9-armmp", (6, 1, 27))
    other = kernel_image().replace(b" Debian 6.1.27-1", b" Fedora 0.0.00-0").replace(b"6.1.0-9-armmp", b"4.9.103-rt   ")
    assert parse(other).version == (4, 9, 103)


def test_parse_kernel_unpacked_image() -> None:
    kernel = parse(IMAGE)
    assert (kernel.kind, kernel.image, kernel.image_size, kernel.zimage_size) == ("Image", IMAGE, len(IMAGE), None)
    assert kernel.version == (6, 1, 30)


def uimage(body: bytes, *, arch: int = 2, kind: int = 2, packing: int = 0, **wrong: int) -> bytes:
    fields = [0x27051956, 0, 0, len(body), 0x40008000, 0x40008040, zlib.crc32(body), 5, arch, kind, packing, b"Linux"]
    fields[3] = wrong.get("size", fields[3])
    head = struct.pack(">7I4B32s", *fields)
    crc = wrong.get("crc", zlib.crc32(head))
    return head[:4] + struct.pack(">I", crc) + head[8:] + body


def test_parse_kernel_uimage() -> None:
    packed = ((GZIPPED, 1, "Image"), (bz2.compress(IMAGE), 2, "Image"))
    for body, packing, kind in ((zimage(GZIPPED), 0, "zImage"), (IMAGE, 0, "Image"), *packed):
        kernel = parse(uimage(body, packing=packing) + b"trailing")
        assert (kernel.kind, kernel.image) == (kind, IMAGE)
        assert kernel.uimage is not None
        assert kernel.uimage == z.UImageHeader(
            0x40008000, 0x40008040, "Linux", len(body) if packing else 0, ("none", "gzip", "bzip2")[packing]
        )


def test_parse_kernel_multi_file_uimage() -> None:
    inner, initrd = zimage(GZIPPED), b"initrd"
    body = struct.pack(">3I", len(inner), len(initrd), 0) + inner + initrd
    assert parse(uimage(body, kind=4)).image == IMAGE
    for damaged in (struct.pack(">2I", len(body) + 9, 0) + inner, struct.pack(">2I", 1, 1), struct.pack(">I", 0), b""):
        with pytest.raises(ImageError, match="list of sizes is damaged"):
            parse(uimage(damaged, kind=4))


PLAIN = zimage(GZIPPED)


def patched(offset: int, value: int) -> bytes:
    return PLAIN[:offset] + struct.pack("<I", value) + PLAIN[offset + 4 :]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty; expected a vmlinux, a zImage"),
        (b"MZ something else", "begins with 4d 5a 20 73"),
        (PLAIN[:0x28], "is cut off: 40 bytes"),
        (PLAIN[:-8], "the file has"),
        (patched(0x2C, 0x20), "says that it has 0x20 bytes"),
        (patched(0x28, 0xFFFF0000), "says that it has"),
        (PLAIN[:0x24] + PLAIN[0x24:0x28][::-1] + PLAIN[0x28:], "is a big-endian zImage"),
        (patched(0x3C, 1), "table of sizes: entry of 1 words"),
        (patched(0x3C, 0x40000000), "table of sizes: entry of 1073741824 words"),
        (patched(0x44, 0x7FFFFFFF), "lies behind the image"),
        (zimage(b"not packed at all"), "the unpacked kernel is said to have"),
        (zimage(b"not packed at all", table=None), "no packed kernel found"),
        (DTB_BYTES, "is a device tree blob; expected a vmlinux"),
        (uimage(PLAIN, crc=1), "does not have the CRC that it states"),
        (uimage(PLAIN, arch=3), "for architecture 3"),
        (uimage(PLAIN, kind=3), "of type 3"),
        (uimage(PLAIN, packing=7), "with compression 7, expected 0 to 6"),
        (uimage(PLAIN, packing=4), "packed by lzo, is damaged"),
        (uimage(PLAIN, size=len(PLAIN) + 1), "are there"),
        (uimage(PLAIN)[:-1] + b"\xff", "does not have the CRC that its header states"),
        (uimage(uimage(PLAIN)), "a uImage inside a uImage"),
        (uimage(PLAIN)[:40], "header has 64 bytes, found 40"),
    ],
)
def test_parse_kernel_faults(data: bytes, message: str) -> None:
    with pytest.raises(ImageError) as error:
        parse(data)
    assert message in error.value.message
    assert "\n" not in str(error.value)


def test_parse_kernel_damaged_ikconfig() -> None:
    with pytest.raises(ConfigError, match="IKCONFIG"):
        parse(kernel_image(ikconfig(CONFIG)[:20]))


def test_read_kernel_by_content(tmp_path: Path) -> None:
    path = tmp_path / "vmlinuz"
    path.write_bytes(PLAIN)
    kernel = z.read_kernel(path)
    assert (kernel.kind, kernel.path) == ("zImage", str(path))
    path.write_bytes(GZIPPED)
    assert z.read_kernel(path).kind == "Image"
    assert z.read_kernel(DATA / "elf" / "tiny.elf").kind == "vmlinux"
    path.write_bytes(PLAIN[:-8])
    with pytest.raises(ImageError, match=f"^{path}: offset 0x28: "):
        z.read_kernel(path)
    with pytest.raises(InputError, match="is a directory"):
        z.read_kernel(tmp_path)


@pytest.mark.parametrize("name", ["zimage", "vmlinux"])
def test_read_kernel_from_a_pipe(tmp_path: Path, name: str) -> None:
    """As the shell's <(xzcat ...) hands it over: it can be opened and read but once."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    data = PLAIN if name == "zimage" else (DATA / "elf" / "tiny.elf").read_bytes()
    writer = threading.Thread(target=path.write_bytes, args=(data,))
    writer.start()
    kernel = z.read_kernel(path)
    writer.join()
    assert kernel.kind.lower() == name


@given(st.lists(st.tuples(st.integers(0, 0x60), st.integers(0, 0xFFFFFFFF)), max_size=4), st.integers(0, len(PLAIN)))
@settings(deadline=None, max_examples=300)
def test_parse_kernel_damaged_headers(patches: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(PLAIN)
    for offset, value in patches:
        data[offset : offset + 4] = struct.pack("<I", value)
    for blob in (bytes(data), bytes(data[:cut])):
        try:
            kernel = parse(blob)
        except ImageError:
            continue
        assert kernel.image == IMAGE
