"""Writing ATAG lists: for boards that fuzz makes up for kernels without device trees.

    CORE | MEM ... | INITRD2 | CMDLINE | size 0          each: size in words, number, payload; little-endian

Source: arch/arm/include/uapi/asm/setup.h.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from bootmap.facts.linux.atags import CMDLINE, CORE, INITRD2, MEM

if TYPE_CHECKING:
    from collections.abc import Sequence

_END = bytes(8)


def tag_list(banks: Sequence[tuple[int, int]], command_line: str = "", initrd: tuple[int, int] | None = None) -> bytes:
    """An ATAG list.

    Args:
        banks: (address, bytes) of each bank, below 4 GiB.
        command_line: the command line; no tag where it is empty.
        initrd: (address, bytes).
    """
    tags = [_tag(CORE, struct.pack("<3I", 0, 4096, 0))]
    tags += [_tag(MEM, struct.pack("<2I", size, start)) for start, size in banks]
    return with_tags(b"".join(tags) + _END, command_line or None, initrd)


def with_tags(tags: bytes, command_line: str | None, initrd: tuple[int, int] | None) -> bytes:
    """The list ``tags`` with tags for these behind its own, where they overrule them; arguments as `tag_list`'s."""
    more = b""
    if initrd is not None:
        more += _tag(INITRD2, struct.pack("<2I", *initrd))
    if command_line is not None:
        text = command_line.encode("latin-1") + b"\0"
        more += _tag(CMDLINE, text + bytes(-len(text) % 4))
    return tags.removesuffix(_END) + more + _END


def _tag(number: int, payload: bytes) -> bytes:
    return struct.pack("<2I", 2 + len(payload) // 4, number) + payload
