"""A board description, told apart by its content: a device tree blob or an ATAG list.

Everything else is refused with a word on what it looks like, since giving the wrong one of several files is
the usual mistake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import InputError
from bootmap.inputs import atags, fdt
from bootmap.inputs.fs import file_name, read_file
from bootmap.inputs.uimage import MAGIC
from bootmap.units import MIB

if TYPE_CHECKING:
    from pathlib import Path

MAX_SIZE = 64 * MIB  # so that a kernel given by mistake is still recognised as one
EXPECTED = "expected a device tree blob (.dtb) or an ATAG list"

# (offset, bytes there, what the file is, what to do)
_KNOWN: tuple[tuple[int, bytes, str, str], ...] = (
    (0x24, b"\x18\x28\x6f\x01", "a zImage", "give it with --kernel"),
    (0, MAGIC, "a U-Boot image", "give a kernel with --kernel"),
    (0, b"\x7fELF", "an ELF file", "give a vmlinux with --kernel"),
    (0, b"\xd7\xb7\xab\x1e", "a DTBO table (dtbo.img)", "extract one blob first"),
    (0, b"QCDT", "a Qualcomm device tree table", "extract one blob first"),
    (0, b"PK\x03\x04", "a zip archive", "unpack it first"),
    (0, b"\xfd7zXZ\0", "an xz file", "unpack it first"),
    (257, b"ustar", "a tar archive", "unpack it first"),
)
_SOURCE_MARKS = (b"/dts-v1/", b"/plugin/", b"#include", b"/include/", b"/ {", b"/{")
_TEXT = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}


def read_board(path: str | Path) -> fdt.Fdt | atags.AtagList:
    """Read a device tree blob or an ATAG list (gzip is undone; ``-`` is standard input).

    Raises:
        InputError: the file cannot be read, or is neither; an FdtError or AtagError where it is malformed.
    """
    data = read_file(path, MAX_SIZE, gunzip=True)
    try:
        return parse_board(data)
    except InputError as error:
        raise error.in_file(file_name(path)) from None


def parse_board(data: bytes) -> fdt.Fdt | atags.AtagList:
    """The same from bytes.

    Raises:
        InputError: ``data`` is neither; an FdtError or AtagError where it is malformed.
    """
    if fdt.is_fdt(data):
        return fdt.parse(data)
    if atags.is_atags(data):
        return atags.parse(data)
    raise InputError(_what_it_is(data))


def looks_like_fit(data: bytes) -> bool:
    """Whether bytes may be a FIT; those are larger than other blobs."""
    return fdt.is_fdt(data) and b"\x01configurations\0" in data


def is_fit(tree: fdt.Fdt) -> bool:
    """Whether a blob is a FIT image."""
    return tree.node("/images") is not None and tree.node("/configurations") is not None


def hint(tree: fdt.Fdt) -> str | None:
    """A word on a blob that parses but does not describe a board: a FIT image or an overlay; else None."""
    if is_fit(tree):
        return "is a FIT image, not a board: extract its device tree with 'dumpimage -T flat_dt -p N -o FILE'"
    if any(child.child("__overlay__") is not None for child in tree.root.children):
        return "is a device tree overlay: give its base as the board, and it with --overlay"
    return None


def _what_it_is(data: bytes) -> str:
    if not data:
        return f"is empty; {EXPECTED}"
    for offset, magic, what, advice in _KNOWN:
        if data.startswith(magic, offset):
            return f"is {what}; {EXPECTED} ({advice})"
    if len(data) >= 4 and data[:4] == fdt.MAGIC.to_bytes(4, "little"):
        return "is a device tree blob with its bytes swapped in words; expected big-endian words"
    head = data[:4096]
    if any(mark in head for mark in _SOURCE_MARKS) and b"\0" not in head:
        return (
            f"is device tree source; {EXPECTED} "
            "(compile it: 'dtc -O dtb -o BOARD.dtb FILE', after cpp where it has #include)"
        )
    if _TEXT.issuperset(head):
        return f"is text; {EXPECTED}"
    return f"begins with {head[:8].hex(' ')}; {EXPECTED}"
