"""What ``env import`` makes of a file of variables.

    text   name=value, one a line; blanks before the name and lines that begin with # are passed over
    binary the same with a zero byte behind each

``name=`` and ``name`` alone delete; a backslash stands for the character behind it; a zero byte ends it all.

Source: lib/hashtable.c ``himport_r``; cmd/nvedit.c ``do_env_import`` (2021.01 to 2026.10).
"""

from __future__ import annotations

import re

_HASH, _EQUALS = b"#="


class _Patterns:
    def __init__(self, separator: bytes) -> None:
        ends = b"\0" + separator
        self.end = re.compile(b"[" + ends + b"]")
        self.name = re.compile(b"[^=" + ends + b"]*")
        self.value = re.compile(rb"(?:\\[^\0]|\\(?=\0)|[^\\" + ends + b"])*", re.DOTALL)


_BLANKS, _ESCAPED = re.compile(rb"[ \t]*"), re.compile(rb"\\([^\0])", re.DOTALL)
_OF = {separator: _Patterns(separator) for separator in (b"\n", b"\0")}


def variables(data: bytes, separator: bytes, *, crlf: bool = False) -> list[tuple[str, str]] | None:
    """Names and values, "" for one that is deleted; None where U-Boot ends with an error.

    Args:
        data: the file.
        separator: a newline, or a zero byte.
        crlf: a carriage return before a newline is dropped (``-r``).
    """
    if crlf:
        head, zero, tail = data.partition(b"\0")
        data = head.replace(b"\r\n", b"\n") + zero + tail
    found: list[tuple[str, str]] = []
    patterns, size, place = _OF[separator], len(data), 0
    data += b"\0\0"
    while not place or (place < size and data[place]):
        place = _end(_BLANKS, data, place)
        if data[place] == _HASH:
            end = patterns.end.search(data, place)
            place = size if end is None else end.end()
            continue
        at = _end(patterns.name, data, place)
        name = data[place:at].decode("utf-8", "replace")
        begins = data[at] == _EQUALS
        if not begins or data[at + 1] in b"\0" + separator:
            found.append((name, ""))
            place = at + 1 + begins
            continue
        place = _end(patterns.value, data, at + 1)
        if not name:
            return None
        found.append((name, _ESCAPED.sub(rb"\1", data[at + 1 : place]).decode("utf-8", "replace")))
        place += 1
    return found


def _end(pattern: re.Pattern[bytes], data: bytes, place: int) -> int:
    match = pattern.match(data, place)
    return place if match is None else match.end()
