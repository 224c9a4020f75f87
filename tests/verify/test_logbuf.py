"""The log read from a kernel's own buffer, laid out by hand as kernel/printk/printk_ringbuffer.c and printk.c do."""

from __future__ import annotations

import struct

from bootmap.verify.logbuf import find_log, log_lines

LINES = ["Booting Linux on physical CPU 0x0", " reserved size = 0x10200000", "Memory policy: Data cache writealloc"]


def ring(texts: list[bytes]) -> bytes:
    """``struct prb_data_block``: the id, then the text, rounded up to a word."""
    blocks = (struct.pack("<I", 0x80000000 + i) + text for i, text in enumerate(texts))
    return b"".join(block.ljust(-(-len(block) // 4) * 4, b"\0") for block in blocks) + bytes(64)


def test_log_lines_of_5_10() -> None:
    """The text is stored as it is, also where it ends in the same two characters twice."""
    assert log_lines(ring([line.encode() for line in LINES])) == LINES


def test_log_lines_of_5_12() -> None:
    """The level's two bytes are taken from the front, and the text's last two stand there again, with the newline."""
    assert log_lines(ring([(line + line[-2:] + "\n").encode() for line in LINES])) == LINES


def test_log_lines_of_4_19() -> None:
    """``struct printk_log``: nsec, len, text_len, dict_len, facility and flags, then the text."""
    records = b""
    for number, line in enumerate(LINES):
        size = -(-(16 + len(line)) // 8) * 8
        records += (struct.pack("<QHHHH", number, size, len(line), 0, 6) + line.encode()).ljust(size, b"\0")
    assert log_lines(records + bytes(64)) == LINES


def test_log_lines_of_3_4() -> None:
    """Characters with the level in front of each line, and the time with CONFIG_PRINTK_TIME."""
    text = "".join(f"<6>{line}\n" for line in LINES)
    assert log_lines(text.encode() + bytes(64)) == LINES
    text = "".join(f"<4>[    0.000000] {line}\n" for line in LINES)
    assert log_lines(text.encode() + bytes(64)) == LINES


def test_find_log() -> None:
    """Without a symbol: by what every kernel says first."""
    new, old = ring([line.encode() for line in LINES]), f"<6>{LINES[0]}\n".encode()
    record = struct.pack("<QHHHH", 0, 56, len(LINES[0]), 0, 6) + LINES[0].encode() + bytes(7)
    for buffer, lines in ((new, LINES), (record, LINES[:1]), (old, LINES[:1])):
        bss = bytes(1024) + buffer + bytes(256)
        assert find_log(bss) == 1024
        assert log_lines(bss[1024:]) == lines
    assert find_log(bytes(4096)) is None


def test_log_lines_of_nothing() -> None:
    assert log_lines(b"") == []
    assert log_lines(bytes(4096)) == []
