"""U-Boot's environment: what ``printenv`` prints, or the image in flash with its CRC.

    crc32, little-endian | flag byte, only where there are two copies | name=value NUL ... NUL NUL | padding

Source: env/common.c, include/env_internal.h ``struct environment_s``; cmd/nvedit.c.
"""

from __future__ import annotations

import re
import zlib

from bootmap.errors import InputError

_MOST, _MOST_TEXT = 4 << 20, 1 << 20
_TAIL = "Environment size:"
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def parse(data: bytes) -> dict[str, str]:
    """The variables, from text or image; told apart by content.

    Raises:
        InputError: the image's CRC is wrong, a line is no variable, or there is too much of it.
    """
    if len(data) > _MOST:
        raise InputError(f"{len(data)} bytes: an environment has at most some hundred KiB")
    if b"\0" in data:
        return _image(data)
    return parse_text(data.decode("utf-8", "replace"))


def parse_text(text: str) -> dict[str, str]:
    """The variables of what ``printenv`` printed; prompts and what stands before the first variable are passed over.

    It prints a backslash before each backslash and each end of line in a value (lib/hashtable.c ``hexport_r``).

    Raises:
        InputError: there is no variable, or too much of it.
    """
    if len(text) > _MOST_TEXT:
        raise InputError(f"{len(text)} characters: printenv prints some thousand")
    variables: dict[str, list[str]] = {}
    name = None
    for line in text.splitlines():
        if line.startswith(_TAIL):
            break
        head, equals, value = line.partition("=")
        goes_on = name is not None and _is_escaped(variables[name][-1])
        if not goes_on and equals and head and not any(char.isspace() for char in head) and head.isprintable():
            name = head
            variables[name] = [value]
        elif name is not None and not line.lstrip().startswith("=>"):  # a value may have several lines
            variables[name].append(line)
    if not variables:
        raise InputError("holds no variable; expected lines name=value, as printenv prints them")
    values = {each: _ESCAPED.sub(r"\1", "\n".join(lines)) for each, lines in variables.items()}
    if name is not None:  # printenv ends with an empty line and the size
        values[name] = values[name].rstrip("\n")
    return values


def _is_escaped(line: str) -> bool:
    """Whether the end of a line belongs to the value."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def lines_of(data: bytes) -> dict[str, int]:
    """The line of each variable in what ``printenv`` printed, from 1; nothing for an image."""
    found: dict[str, int] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines() if b"\0" not in data else (), 1):
        head, equals, _ = line.partition("=")
        if equals and head and not any(char.isspace() for char in head) and head.isprintable():
            found[head] = number
    return found


def _image(data: bytes) -> dict[str, str]:
    crc = int.from_bytes(data[:4], "little")
    for skipped in (4, 5):
        if zlib.crc32(data[skipped:]) == crc:
            return _variables(data[skipped:], skipped)
    # The image may be a piece of a larger dump, but then nothing says how long it is: powers of two are tried.
    for bits in range(10, 21):
        for skipped in (4, 5):
            if 1 << bits < len(data) and zlib.crc32(data[skipped : 1 << bits]) == crc:
                return _variables(data[skipped : 1 << bits], skipped)
    raise InputError(f"the CRC {crc:#010x} does not fit; expected an environment image of the right length", offset=0)


def _variables(body: bytes, start: int) -> dict[str, str]:
    variables: dict[str, str] = {}
    place = 0
    while place < len(body) and body[place]:
        end = body.find(b"\0", place)
        if end < 0:
            raise InputError("the last variable does not end", offset=start + place)
        name, equals, value = body[place:end].decode("latin-1").partition("=")
        if not equals:
            raise InputError(f"{name[:40]!r} is no variable; expected name=value", offset=start + place)
        variables[name] = value
        place = end + 1
    return variables


def hextoul(text: str) -> int:
    """A number as U-Boot reads one: hexadecimal with or without 0x, up to the first other character; else 0.

    Of a longer number the last 32 bits count, as they are what is left in an unsigned long.

    Source: lib/strto.c ``simple_strtoul``.
    """
    digits = text[2:] if text[:2].lower() == "0x" else text
    end = len(digits) - len(digits.lstrip("0123456789abcdefABCDEF"))
    return int(digits[max(0, end - 8) : end], 16) if end else 0
