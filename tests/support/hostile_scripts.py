"""Boot scripts that are made to cost: images whose header lies, and texts that grow, nest and go on."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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

_RUN = b"load mmc 0 41000000 %s; source 41000000\n"
_IMPORT = b"load mmc 0 41000000 %s; env import -t 41000000 ${filesize}\n"
_FOR_EVER = b"while true; do %s done\n"

SOURCED: dict[str, tuple[bytes, Callable[[], bytes]]] = {
    "itself": (_RUN % b"x", lambda: script(_RUN % b"x")),
    "again": (_FOR_EVER % (_RUN % b"x"), lambda: script(_filled("# a\n"))),
    "lengths": (_FOR_EVER % (_RUN % b"x"), lambda: image(b"\1" * _MOST)),
    "noise": (_FOR_EVER % (_RUN % b"x"), lambda: bytes(range(256)) * (_MOST // 256)),
    "header": (_RUN % b"x", lambda: image(b"x" * 64, size=0xFFFFFFF0)),
    "tree": (_RUN % b"x", lambda: b"\xd0\x0d\xfe\xed" + bytes(_MOST)),
    "large": (_RUN % b"x", lambda: script(b"a" * _MOST)),
    "escape": (_RUN % b"x", lambda: script(b"echo \x1b[31mred")),
    "unclosed": (_RUN % b"x", lambda: script(_filled("if true; then "))),
    "lines": (_FOR_EVER % (_IMPORT % b"x"), lambda: b"a=b\n" * (_MOST // 8)),
    "backslashes": (_IMPORT % b"x", lambda: b"a=" + b"\\\n" * (_MOST // 4)),
    "comment": (_IMPORT % b"x", lambda: b"#" * (_MOST // 8)),
    "colours": (_IMPORT % b"x" + b"run ${v}; load mmc 0 ${v} ${v}", lambda: b"v=\x1b[31m\n\x1b[31m=bootz \x1b\n"),
    "missing": (b"load mmc 0 41000000 y && bootz 41000000", lambda: b""),
    "outside": (_IMPORT % b"../../../../etc/passwd" + b"run root", lambda: b""),
    "links": (_IMPORT % b"link/passwd", lambda: b""),
    "circle": (_IMPORT % b"circle", lambda: b""),
    "device": (_IMPORT % b"zero", lambda: b""),
    "pieces": (_FOR_EVER % b"setexpr a ${a} + 1; load mmc 0 ${a} x 0 1; itest.b *${a} == 1;", lambda: bytes(_MOST)),
}
"""A script, and the file x of the folder that it loads from; the folder has links too."""


def with_files(name: str) -> Callable[[Path], None]:
    """Make the folder of a row of `SOURCED`."""

    def prepare(folder: Path) -> None:
        first, make = SOURCED[name]
        (folder / "disk").mkdir()
        (folder / "boot.cmd").write_bytes(first)
        (folder / "disk" / "x").write_bytes(make())
        (folder / "disk" / "link").symlink_to("/etc")
        (folder / "disk" / "circle").symlink_to("circle")
        (folder / "disk" / "zero").symlink_to("/dev/zero")

    return prepare
