"""Boot scripts that are made to cost: images whose header lies, and texts that grow, nest and go on."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADER = struct.Struct(">7I4B32s")
_MAGIC, _SCRIPT, _KERNEL = 0x27051956, 6, 2
_MOST = 4 << 20
_ROOM = 250 << 10  # a script has at most 256 KiB


def image(data: bytes, *, kind: int = _SCRIPT, size: int | None = None, crc: int | None = None) -> bytes:
    """``data`` behind U-Boot's header, which tells the truth unless told otherwise."""
    length = len(data) if size is None else size
    rest = (0, length, 0, 0, zlib.crc32(data) if crc is None else crc, 5, 2, kind, 0, b"x")
    return _HEADER.pack(_MAGIC, zlib.crc32(_HEADER.pack(_MAGIC, 0, *rest)), *rest) + data


def script(text: bytes) -> bytes:
    """A script's image, as mkimage makes it."""
    return image(struct.pack(">2I", len(text), 0) + text)


def _filled(piece: str) -> bytes:
    return (piece * (_ROOM // len(piece))).encode()


SCRIPTS: dict[str, Callable[[], bytes]] = {
    "short.scr": lambda: script(b"bootz")[:50],
    "header-crc.scr": lambda: b"\x27\x05\x19\x56" + bytes(200),
    "data-crc.scr": lambda: image(b"x" * 64, crc=1),
    "kernel.scr": lambda: image(b"x" * 64, kind=_KERNEL),
    "cut.scr": lambda: image(b"x" * 64, size=0xFFFFFFF0),
    "lengths.scr": lambda: image(b"\1" * _MOST),
    "length.scr": lambda: image(struct.pack(">2I", 0xFFFFFFFF, 0) + b"bootz"),
    "empty.scr": lambda: image(struct.pack(">2I", 0, 0)),
    "large.scr": lambda: script(b"a" * _MOST),
    "escape.cmd": lambda: b"echo \x1b[31mred\nbootz",
    "returns.cmd": lambda: b"bootz 41000000\r\n",
    "words.cmd": lambda: _filled("a "),
    "lines.cmd": lambda: _filled("a\n"),
    "dollars.cmd": lambda: _filled("${a"),
    "quotes.cmd": lambda: _filled("'\""),
    "nested.cmd": lambda: _filled("if true; then "),
    "conditions.cmd": lambda: _filled("a&&"),
    "tests.cmd": lambda: b"test " + _filled("! -z a -o "),
    "doubling.cmd": lambda: b"setenv a x\n" + _filled("setenv a ${a}${a}\n"),
    "values.cmd": lambda: b"setenv a " + b"x" * 60_000 + b"\nsetenv b " + b"${a}" * 45_000,
    "loops.cmd": lambda: b"for a in " + b"x " * 20_000 + b"; do for b in " + b"x " * 20_000 + b"; do true; done; done",
    "runs.cmd": lambda: b"setenv a 'run a; run a'\nrun a",
    "loads.cmd": lambda: _filled("load mmc 0 1 a && "),
    "blocks.cmd": lambda: _filled("if false; then a; elif true; then b; fi\n"),
}
