"""Builders of small input files for the tests: blobs, ELF files, zImages.  Plain layouts, nothing clever."""

from __future__ import annotations

import functools
import gzip
import struct
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"
DTB = DATA / "dtb"

BEGIN, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9


def words(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def begin(name: str = "") -> bytes:
    raw = name.encode("latin-1") + b"\0"
    return words(BEGIN) + raw + bytes(-len(raw) % 4)


def prop(name_at: int, value: bytes = b"") -> bytes:
    return words(PROP, len(value), name_at) + value + bytes(-len(value) % 4)


def blob(
    structure: bytes,
    strings: bytes = b"reg\0model\0",
    *,
    version: int = 17,
    last_comp: int = 16,
    reservations: bytes = bytes(16),
    **header: int,
) -> bytes:
    """A blob: header, reservations at 0x28, structure, strings; ``header`` overrides single fields."""
    fields = {
        "magic": 0xD00DFEED,
        "totalsize": 40 + len(reservations) + len(structure) + len(strings),
        "off_dt_struct": 40 + len(reservations),
        "off_dt_strings": 40 + len(reservations) + len(structure),
        "off_mem_rsvmap": 40,
        "version": version,
        "last_comp_version": last_comp,
        "boot_cpuid_phys": 0,
        "size_dt_strings": len(strings),
        "size_dt_struct": len(structure),
    }
    assert fields.keys() >= header.keys()
    return words(*(fields | header).values()) + reservations + structure + strings


STRUCTURE_AT = 56  # of ``blob`` with its default reservations


def ikconfig(text: bytes) -> bytes:
    return b"IKCFG_ST" + gzip.compress(text, mtime=0) + b"IKCFG_ED"


BANNER = b"Linux version 6.1.0-9-armmp (a@b) (gcc 12, ld 2.40) #1 SMP Debian 6.1.27-1 (2023-05-08)\n\0"


def kernel_image(extra: bytes = b"") -> bytes:
    """An unpacked kernel as far as these tests care: some code, the banner, ``extra``."""
    code = b"".join(struct.pack("<I", 0xE1A00000 + (i * 7 & 0xFFF)) for i in range(3000))
    return code + BANNER + extra + bytes(500)


@functools.cache
def big_image() -> bytes:
    """One that fills several blocks of lzop (256 KiB) and lz4 (8 MiB); data/packed holds it packed by them."""
    words = b"".join(struct.pack("<I", i * 0x01000193 & 0xFFFFFFFF) * 777 for i in range(2832))
    return kernel_image(words[: 4 * 2_200_000])


def zimage(
    packed: bytes,
    *,
    table: tuple[int, ...] | None = (386260, 0x208000, 0x10000),
    size_record: bytes = b"",
    start: int = 0,
    appended: bytes = b"",
    pad: int = 0x100,
) -> bytes:
    """A zImage: eight instructions, header, table of sizes, padding, packed kernel, recorded size.

    ``table`` holds the words behind the place of the recorded size (bss, TEXT_OFFSET, malloc); None leaves
    the table and its magic out, as before Linux 4.15.
    """
    table_at = 0x3C
    entry = b""
    payload_at = table_at + pad
    body = packed + size_record
    if table is not None:
        size_at = payload_at + len(body) - 4
        entry = struct.pack(f"<{4 + len(table)}I", 3 + len(table), 0x5A534C4B, size_at, *table, 0)
    end = payload_at + len(body) + (-len(body) % 8)
    magic2 = (0x45454545, table_at) if table is not None else (0xEA000001, 0xE1A00000)
    head = struct.pack("<9I", *[0xE1A00000] * 8, 0xEA00000D) + struct.pack(
        "<6I", 0x016F2818, start, start + end, 0x04030201, *magic2
    )
    assert len(head) == table_at
    image = (head + entry).ljust(payload_at, b"\xfe") + body
    return image.ljust(end, b"\0") + appended
