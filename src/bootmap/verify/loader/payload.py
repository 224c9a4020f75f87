"""A kernel that a boot loader takes for one: it says where it is, what is in r1 and r2, sends the tree, and ends.

A zImage's header, then some forty instructions for QEMU's virt machine: a '@', its own address, r1, r2, the words of
the blob at r2, a '$', all in hexadecimal to the UART; then PSCI's SYSTEM_OFF.  So one boot takes less than a second
and tells what the kernel would have got.  GNU as made the instructions from what stands beside them.
"""

from __future__ import annotations

import re
import struct

from msgspec import Struct

_CODE = """
    e1a07001                            mov   r7, r1
    e1a04002                            mov   r4, r2
    e1a0800f e2488040                   r8 = address of the header
    e3009000 e3409900                   r9 = 0x09000000, the UART
    e3a00040 e5890000                   '@'
    e1a00008 eb000017                   hex(r8)
    e1a00007 eb000015                   hex(r7)
    e1a00004 eb000013                   hex(r4)
    e5946004 e6bf6f36                   r6 = totalsize of the blob at r4
    e3560802 83a06802                   at most 128 KiB of it
    e0866004 e1a05004
    e1550006 2a000003                   while r5 < r6:
    e4950004 e6bf0f30 eb000008              hex(the next word)
    eafffff9
    e3a00024 e5890000 e3a0000a e5890000 '$', newline
    e3000008 e3480400 e1400070          hvc SYSTEM_OFF
    eafffffe                            for ever
    e3a02008                            hex: eight digits and a blank
    e1a00e60 e200100f e351000a 32811030
    22811057 e5891000 e2522001 1afffff7
    e3a01020 e5891000 e12fff1e
"""
_NOP, _BRANCH = 0xE320F000, 0xEA000002
_MAGIC = 0x016F2818
_WORD = re.compile(r"\b[0-9a-f]{8}\b")
_SAID = re.compile(r"@([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8}) ((?:[0-9a-f]{8} )*)\$")


def zimage(size: int) -> bytes:
    """The payload with a zImage's header that says it is ``size`` bytes long; its own bytes only."""
    header = struct.pack("<12I", *[_NOP] * 8, _BRANCH, _MAGIC, 0, size)
    words = [int(word, 16) for line in _CODE.splitlines() for word in _WORD.findall(line[:40])]
    return header + struct.pack(f"<{len(words)}I", *words)


class HandedByLoader(Struct, frozen=True):
    """What the payload found.

    Attributes:
        entry: physical address at which it was started.
        r1: the machine's number.
        r2: physical address of the blob or tags.
        blob: what is at r2, as long as its header says.
    """

    entry: int
    r1: int
    r2: int
    blob: bytes


def handed(console: str) -> HandedByLoader | None:
    """What the payload said on the console; None where it was never started."""
    found = _SAID.search(console)
    if found is None:
        return None
    entry, r1, r2 = (int(found[i], 16) for i in (1, 2, 3))
    return HandedByLoader(entry, r1, r2, bytes.fromhex(found[4]))
