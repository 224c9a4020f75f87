"""The larger hostile inputs, written from a few words each; the smaller ones are in tests/data/hostile."""

from __future__ import annotations

import gzip
import lzma
import random
import struct
from typing import TYPE_CHECKING

from support.trees import Node, blob, board, cells, text

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20


def long_names() -> bytes:
    """A tree of 1.6 MiB in which one name of 900 KiB stands on the path of 50,000 nodes."""
    root = Node("", {"#address-cells": cells(1)})
    deep = root.add("A" * (900 << 10))
    deep.children = [Node("a") for _ in range(50_000)]
    return blob(root)


def many_banks() -> bytes:
    """240,000 banks of a page each, none next to another."""
    root = board([])
    reg = cells(0x40000000, 0x40000000, *(n for i in range(240_000) for n in (0x40000000 + i * 0x2000, 0x1000)))
    root.add("memory@40000000", device_type=text("memory"), reg=reg)
    return blob(root)


def same_bank() -> bytes:
    """One bank, 240,000 times."""
    root = board([])
    root.add("memory@40000000", device_type=text("memory"), reg=cells(0x40000000, 0x40000000) * 240_000)
    return blob(root)


def reserved_nodes(*, nomap: bool = False, dynamic: bool = False) -> bytes:
    """20,000 nodes of /reserved-memory."""
    root = board([(0x40000000, 0x40000000)])
    one = {"#address-cells": cells(1), "#size-cells": cells(1), "ranges": b""}
    root.children.append(Node("reserved-memory", dict(one)))
    for i in range(20_000):
        place = {"size": cells(0x1000)} if dynamic else {"reg": cells(0x41000000 + i * 0x2000, 0x1000)}
        root.children[-1].children.append(Node(f"r{i:x}", place | ({"no-map": b""} if nomap else {})))
    return blob(root)


def reserved_reg() -> bytes:
    """One node of /reserved-memory with 200,000 areas."""
    root = board([(0x40000000, 0x40000000)])
    root.children.append(Node("reserved-memory", {"#address-cells": cells(1), "#size-cells": cells(1), "ranges": b""}))
    reg = cells(*(n for i in range(200_000) for n in (0x41000000 + i * 0x2000, 0x1000)))
    root.children[-1].add("r", reg=reg)
    return blob(root)


def many_reservations() -> bytes:
    """100,000 entries of the memory reservation block."""
    return blob(board([(0x40000000, 0x40000000)]), [(0x42000000 + i * 0x2000, 0x1000) for i in range(100_000)])


def alloc_ranges() -> bytes:
    """A node that asks for more than there is, in one of 200,000 ranges."""
    root = board([(0x40000000, 0x40000000)])
    root.children.append(Node("reserved-memory", {"#address-cells": cells(1), "#size-cells": cells(1), "ranges": b""}))
    root.children[-1].add("r", size=cells(0x70000000), alloc_ranges=cells(0x40000000, 0x40000000) * 200_000)
    return blob(root)


def banner() -> bytes:
    """What begins like the kernel's banner and never ends."""
    return bytes(64) + b"Linux version 1." + b"1" * (3 * MIB)


def banners() -> bytes:
    """What begins like the kernel's banner, again and again."""
    return bytes(64) + b"Linux version 1.1" * (3 * MIB // 17)


def iomem_spaces() -> bytes:
    """One line of /proc/iomem with 3 MiB of spaces in it."""
    return b"80000000-9fffffff : System RAM\n00000000-00000001 : a" + b" " * (3 * MIB) + b"b\n"


def iomem_rows() -> bytes:
    """80,000 rows of /proc/iomem, all RAM."""
    rows = (f"{i << 12:08x}-{(i << 12) + 0xFFF:08x} : System RAM\n" for i in range(80_000))
    return ("80000000-9fffffff : System RAM\n" + "".join(rows)).encode()


def ptdump_rows() -> bytes:
    """60,000 rows of kernel_page_tables."""
    rows = (f"0x{0xC0000000 + (i << 12):08x}-0x{0xC0001000 + (i << 12):08x}         4K RW\n" for i in range(60_000))
    return ("---[ Kernel Mapping ]---\n" + "".join(rows)).encode()


def memblock_rows() -> bytes:
    """60,000 rows of debugfs's memblock/memory."""
    return "".join(f"   0: 0x{i << 12:08x}..0x{(i << 12) + 0xFFF:08x}\n" for i in range(60_000)).encode()


def hardware_oopses() -> bytes:
    """256 oopses whose hardware's name is spaces."""
    one = b"Unable to handle kernel paging request at virtual address 7f1dd14c\nHardware name: "
    return (one + b" " * 16_000 + b"x\n") * 256


def pgd_spaces() -> bytes:
    """What begins like an entry of a page table, and goes on with spaces."""
    return b"[7f1dd14c] *pgd=1\n" + (b"[7f1dd14c]" + b" " * 20_000) * 150


def unable_spaces() -> bytes:
    """The first word of an oops, and spaces where the next should be."""
    return (b"Unable" + b" " * 60_000) * 50


def quoted() -> bytes:
    """Lines of a log that are quoted thousands of times."""
    return b"Linux version 6.1.0 (a) #1 x\n" + (b">" * 4095 + b"\n") * 900


def words_of_slub() -> bytes:
    """SLUB's line with one word of it again and again."""
    return b"Linux version 6.1.0 (a) #1 x\n" + (b"SLUB: " + b"HWalign=1," * 408 + b"\n") * 900


def words_of_memory() -> bytes:
    """The line of mem_init that begins again before it ends."""
    one = b"Memory: 1K/1K available (1K kernel code, 1K rwdata, 1K rodata "
    return b"Linux version 6.1.0 (a) #1 x\n" + (one * 60 + b"\n") * 900


def log_lines() -> bytes:
    """100,000 lines of a log that mean something."""
    return b"Linux version 6.1.0 (a) #1 x\n" + b"Ignoring RAM at 0x40000000-0x4fffffff\n" * 90_000


def dense_tables() -> bytes:
    """64 KiB of noise, to be read as page tables."""
    return random.Random(1).randbytes(1 << 16)


def small_pages() -> bytes:
    """4 MiB of second-level tables with no two pages alike in rights and place."""
    rng = random.Random(2)
    root = struct.pack("<4096I", *(0x40000001 | 0x4000 + i * 0x400 & 0x3FFC00 for i in range(4096)))
    rest = (4 * MIB - len(root)) // 4
    return root + struct.pack(f"<{rest}I", *(rng.getrandbits(32) & ~3 | 2 for _ in range(rest)))


def scattered_pages() -> bytes:
    """Second-level tables whose 390,000 small pages have nothing in common, just under what is refused."""
    rng = random.Random(3)
    tables = 390_000 // 256
    root = struct.pack("<4096I", *((0x40004000 + i % tables * 0x400 | 1) if i < tables else 0 for i in range(4096)))
    return root + struct.pack(f"<{tables * 256}I", *(rng.getrandbits(20) << 12 | 0x32 for _ in range(tables * 256)))


def noise() -> bytes:
    """64 KiB of other noise than `dense_tables`."""
    return random.Random(4).randbytes(1 << 16)


def zimage(packed: bytes, recorded: int) -> bytes:
    """A zImage whose table of sizes says where the unpacked size is recorded, and no code."""
    table = 0x40 + 24
    head = bytearray(table)
    packed = packed.ljust(4 * MIB - 128, b"\0")  # as large as the promise holds for
    size_at = len(head) + len(packed)
    struct.pack_into("<6I", head, 0x24, 0x016F2818, 0, size_at + 4, 0x04030201, 0x45454545, 0x40)
    struct.pack_into("<6I", head, 0x40, 5, 0x5A534C4B, size_at, 0, 0x8000, 0)
    return bytes(head) + packed + struct.pack("<I", recorded)


def many_xz() -> bytes:
    """64 xz streams of 48 MiB of zeroes, none as long as the kernel is said to be."""
    return zimage(lzma.compress(bytes(48 * MIB), preset=0) * 64, 60 * MIB)


def many_gzip() -> bytes:
    """64 gzip streams of 24 MiB of zeroes."""
    return zimage(gzip.compress(bytes(24 * MIB)) * 64, 60 * MIB)


def many_lz4() -> bytes:
    """64 places at which a legacy frame of lz4 begins, each of which holds all the others and a block of 4 MiB."""
    block = b"\x1f\x00\x01\x00" + b"\x00\x01\x00" * (4 * MIB // 4) + b"\x10\x00"
    blob = block
    for _ in range(64):
        skipped = len(blob) - len(block)
        literals = b"" if not skipped else b"\xf0" + b"\xff" * ((skipped - 15) // 255) + bytes([(skipped - 15) % 255])
        body = literals + blob if skipped >= 15 else blob
        blob = b"\x02\x21\x4c\x18" + struct.pack("<I", len(body)) + body
    return zimage(blob, 30 * MIB)


def deep_json() -> bytes:
    """A document of 2 million brackets."""
    return b'{"schema": "bootmap.predict/1", "states": ' + b"[" * 2_000_000


def large_json() -> bytes:
    """A prediction of 30 MiB of pages, packed to some KiB."""
    page = '"0x%08x":"' + "0" * 8192 + '",'
    pages = "".join(page % (0x40000000 + (i << 12)) for i in range(3500))[:-1]
    tables = '{"format":"short","root":1073758208,"pages":{' + pages + "}}"
    return gzip.compress(f'{{"schema":"bootmap.predict/1","states":{{"paging_init":{{"tables":{tables}}}}}}}'.encode())


def gzip_config() -> bytes:
    """A configuration of 1 GiB, packed to 1 MiB."""
    return gzip.compress(b"#" * (7 * MIB), 1) * 3 + gzip.compress(bytes(250 * MIB), 1)


def many_symbols() -> bytes:
    """A System.map of 4 MiB, of the shortest lines there are."""
    return b"".join(b"%08x t a\n" % (0xC0008000 + 4 * i) for i in range(350_000))


def long_digits() -> bytes:
    """A command line whose number has 5,000 digits."""
    return blob(board([(0x40000000, 0x40000000)], bootargs="mem=" + "9" * 5000))


INPUTS: dict[str, Callable[[], bytes]] = {
    "long-names.dtb": long_names,
    "many-banks.dtb": many_banks,
    "same-bank.dtb": same_bank,
    "reserved-nodes.dtb": reserved_nodes,
    "reserved-nomap.dtb": lambda: reserved_nodes(nomap=True),
    "reserved-dynamic.dtb": lambda: reserved_nodes(dynamic=True),
    "reserved-reg.dtb": reserved_reg,
    "reservations.dtb": many_reservations,
    "alloc-ranges.dtb": alloc_ranges,
    "banner.img": banner,
    "banners.img": banners,
    "iomem-spaces.txt": iomem_spaces,
    "iomem-rows.txt": iomem_rows,
    "ptdump-rows.txt": ptdump_rows,
    "memblock-rows.txt": memblock_rows,
    "hardware.oops": hardware_oopses,
    "pgd-spaces.oops": pgd_spaces,
    "unable-spaces.oops": unable_spaces,
    "quoted.log": quoted,
    "slub.log": words_of_slub,
    "memory.log": words_of_memory,
    "lines.log": log_lines,
    "dense.bin": dense_tables,
    "small-pages.bin": small_pages,
    "bomb.config.gz": gzip_config,
    "scattered.bin": scattered_pages,
    "noise.bin": noise,
    "many-xz.zImage": many_xz,
    "many-gzip.zImage": many_gzip,
    "many-lz4.zImage": many_lz4,
    "deep.json": deep_json,
    "large.json.gz": large_json,
    "System.map": many_symbols,
    "digits.dtb": long_digits,
    "l1-shift.config": lambda: b"# Linux/arm 6.1.0 Kernel Configuration\nCONFIG_ARM_L1_CACHE_SHIFT=-1\nCONFIG_MMU=y\n",
}
