"""The kernel's log before there is a console: its records, read from the buffer ``__log_buf``.

    5.10 on   id(4) text...                         rounded up to 4; ids count up by one from record to record
    3.5-5.9   nsec(8) len(2) text_len(2) dict_len(2) flags(2) [caller(4)] text...       len rounded up, 0: the end
    up to 3.4 <level>[time] text, then a line feed, ...

Not here: records that continue another.

Source: kernel/printk/printk_ringbuffer.c (``data_alloc``, ``struct prb_data_block``), kernel/printk/printk.c
(``struct printk_log``), kernel/printk.c before 3.5 (``emit_log_char``).
"""

from __future__ import annotations

import re
import struct
from typing import Literal

_OLD = struct.Struct("<QHHHH")
_MAX_TEXT = 2048
_HEADERS = (len("<6>"), 4, _OLD.size, _OLD.size + 4)
_PLAIN = re.compile(rb"<[0-7]>(?:\[ *\d+\.\d+\] )?")
_FIRST_WORDS = (b"Booting Linux on physical CPU", b"Linux version ")  # arch/arm/kernel/setup.c, init/main.c


def log_lines(buffer: bytes, byteorder: Literal["little", "big"] = "little") -> list[str]:
    """The lines in a log buffer that has not wrapped, oldest first, without time stamps.

    A big-endian kernel's are read from 5.10 on.
    """
    texts = _plain(buffer) or _ring(buffer, byteorder) or _old(buffer)
    lines: list[str] = []
    for text in texts:
        lines += text.decode("utf-8", "replace").rstrip("\n").split("\n")
    return lines


def find_log(bss: bytes) -> int | None:
    """Where in the kernel's bss the log buffer begins: before the first words that a kernel says; None without them."""
    found = sorted(at for at in map(bss.find, _FIRST_WORDS) if at >= 0)
    for header in _HEADERS if found else ():
        start = found[0] - header
        if start >= 0 and start % 4 == 0 and any(bss[start : found[0]]) and log_lines(bss[start : start + _MAX_TEXT]):
            return start
    return None


def _ring(buffer: bytes, byteorder: Literal["little", "big"]) -> list[bytes]:
    texts: list[bytes] = []
    at = 0
    while at + 4 <= len(buffer):
        number = int.from_bytes(buffer[at : at + 4], byteorder)
        follower = ((number + 1) & 0xFFFFFFFF).to_bytes(4, byteorder)
        # The text may hold anything, so a record ends where the next one's number stands on a word boundary.
        behind = buffer.find(follower, at + 8, at + 8 + _MAX_TEXT)
        while behind % 4 and behind > 0:
            behind = buffer.find(follower, behind + 1, at + 8 + _MAX_TEXT)
        end = behind if behind > 0 else at + 4 + _MAX_TEXT
        text = buffer[at + 4 : end].split(b"\0", 1)[0].removesuffix(b"\n")
        if text:
            texts.append(text)
        if behind < 0:
            break
        at = behind
    return _without_leftovers(texts) if len(texts) > 1 else []


def _without_leftovers(texts: list[bytes]) -> list[bytes]:
    """Texts without what is left of them where they were moved over their level's prefix: their last two bytes again.

    The lengths are kept elsewhere, with the descriptors.  Kernels that move texts (5.12 on, printk.c
    ``printk_sprint``) do so with nearly every one; in 5.10 a text that ends so is meant so.
    """
    doubled = [len(text) >= 4 and text[-2:] == text[-4:-2] for text in texts]
    if 2 * sum(doubled) < len(texts):
        return texts
    return [text[:-2] if twice else text for text, twice in zip(texts, doubled, strict=True)]


def _plain(buffer: bytes) -> list[bytes]:
    if not _PLAIN.match(buffer):
        return []
    return [_PLAIN.sub(b"", line, count=1) for line in buffer.split(b"\0", 1)[0].split(b"\n") if line]


def _old(buffer: bytes) -> list[bytes]:
    for header in (_OLD.size, _OLD.size + 4):  # without and with the caller's id (CONFIG_PRINTK_CALLER)
        texts: list[bytes] = []
        at = 0
        while at + header <= len(buffer):
            _, length, text_length, dict_length, _ = _OLD.unpack_from(buffer, at)
            text = buffer[at + header : at + header + text_length]
            if not header <= length <= _MAX_TEXT or text_length + dict_length + header > length or b"\0" in text:
                break
            texts.append(text)
            at += length
        if texts:
            return texts
    return []
