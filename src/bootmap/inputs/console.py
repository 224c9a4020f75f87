"""Reading text that came over a console, through a terminal program, a mail program or a log daemon.

    > [  3.21] Jan  1 00:00:00 board kernel: <6>[    0.000000][    T0] Machine model: X
    quotes, clocks of terminals, syslog's and printk's prefixes             what was said

Colour codes, CRLF, quoting with ``>``, quoted-printable mails, the entities of web pages and the prefixes of log
daemons and terminal programs are taken off.  Every line keeps its number, so that an answer can point into the file
that its owner has open.

Not here: what the lines mean.
"""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

from bootmap.errors import InputError

MOST_BYTES = 32 << 20
_MAX_LINE = 4096
_MAX_PREFIXES = 16
_MOST_LINES = 400_000  # a boot has some thousand, and each takes memory of its own
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]{0,32}[A-Za-z]|\][^\x07\x1b\n]{0,256}(?:\x07|\x1b\\)?|[()#][0-9A-Za-z])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_STAMPED = re.compile(r"^[>\s]*(?:<\d+>)?\[ *(\d{1,9}\.\d{1,9})(\])?")
_PREFIX = re.compile(
    r"""\s*+(?:
      >[>\s]*+                                          # a mail that quotes
    | <\d{1,3}>                                         # the level
    | \[(?=[\d\s]*[.:@/-])[\d.:\s@/-]{1,40}\]            # a clock: printk's, with the CPU, or a terminal program's
    | \[\s*[TC]\d+\] | \[\s*\d+:\s*[\w/.-]+\]           # who printed: CONFIG_PRINTK_CALLER, vendors
    | \[\d{4}-\d\d-\d\d[T\ ][\d:.,+Z-]+\]               # grabserial, tio
    | \[[A-Z][a-z]{2}\ [A-Z][a-z]{2}\s+\d+\ [\d:.]+(?:\ \d{4})?\]                 # dmesg -T
    | \d{4}-\d\d-\d\d[T\ ][\d:.,+Z-]+\s(?:\S+\skernel:\s)?                        # journalctl, ts
    | (?:[A-Z][a-z]{2}\s+\d+\s+[\d:]+\s+\S+\s+)?kernel:\s                         # syslog
    | \d\d:\d\d:\d\d[.,]?\d*\s                          # a terminal program's clock
    )""",
    re.VERBOSE,
)
_IN_BASE64 = re.compile(rb"^Content-Transfer-Encoding:[ \t]*base64", re.MULTILINE | re.IGNORECASE)
_BASE64 = re.compile(
    rb"(?P<head>^Content-Transfer-Encoding:[ \t]*base64[ \t]*\r?\n(?:[!-~][^\r\n]{0,998}\r?\n){0,64}\r?\n)"
    rb"(?P<body>(?:[A-Za-z0-9+/=]{1,100}(?:\r?\n|\Z)){1,400000})",
    re.MULTILINE | re.IGNORECASE,
)
_SOFT_BREAK = re.compile(r"=[ \t]*$")
_QUOTED = re.compile(r"=([0-9A-F]{2})")
_ENTITIES = {"gt": ">", "lt": "<", "amp": "&", "quot": '"', "#39": "'", "nbsp": " "}
_ENTITY = re.compile(r"&(gt|lt|amp|quot|#39|nbsp);")
_QUOTED_WORDS = re.compile(r"=3D|=20$|=C2=A0", re.MULTILINE)


class ConsoleLine(NamedTuple):
    """One line.

    Attributes:
        text: without what stood before the message.
        stamped: whether printk's clock stood before it, so that it begins a message.
        clock: seconds on that clock; None where it is not the first thing on the line.
    """

    text: str
    stamped: bool
    clock: float | None = None


def console_text(data: bytes) -> str:
    """The characters of a capture: UTF-8, or UTF-16 as Windows programs save it.

    Bytes that are neither become U+FFFD.  What a mail holds in base64 is put there as a mail program shows it.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") and len(data) % 2 == 0:
        return data.decode("utf-16", "replace")
    if _IN_BASE64.search(data):
        data = _BASE64.sub(_decoded, data)
    return data.decode("utf-8", "replace")


def _decoded(match: re.Match[bytes]) -> bytes:
    try:
        return match["head"] + base64.b64decode(match["body"])
    except ValueError:  # cut off, or no such thing
        return match[0]


def raw_lines(text: str) -> list[str]:
    """The lines as they were before a mail program encoded them, each with the number that it has in the file.

    A line that was broken softly is put together where it begins; what it went on to is left empty.
    """
    lines = re.sub(r"\r+\n", "\n", text.replace("\xa0", " ")).replace("\r", "\n").split("\n")
    if not _is_quoted_printable(text, lines):
        return lines
    found = [""] * len(lines)
    start, joined = 0, ""
    for at, line in enumerate(lines):
        part = line if not joined else re.sub(r"^(?:\s*>)+ ?", "", line)
        soft = _SOFT_BREAK.search(part)
        joined += part[: soft.start()] if soft else part
        if soft and len(joined) < _MAX_LINE and at + 1 < len(lines):
            continue
        found[start] = _QUOTED.sub(_byte, joined)
        start, joined = at + 1, ""
    return found


def _is_quoted_printable(text: str, lines: list[str]) -> bool:
    """Whether equal signs are escaped: ``=3D`` stands in it, and no ``=`` that is not part of an escape or a break."""
    head = text[: 1 << 20]
    if not _QUOTED_WORDS.search(head):
        return False
    escapes = len(_QUOTED.findall(head))
    breaks = sum(bool(_SOFT_BREAK.search(line)) for line in lines[: 1 << 14])
    return (escapes + breaks) * 10 >= head.count("=") * 9


def _byte(match: re.Match[str]) -> str:
    value = int(match[1], 16)
    return chr(value) if 0x20 <= value < 0x7F else "\t" if value == 9 else " "


def console_lines(text: str) -> list[ConsoleLine]:
    """Every line of a capture without what stands around its message.

    Raises:
        InputError: there are more than a console shows in weeks.
    """
    if (count := max(text.count("\n"), text.count("\r"))) > _MOST_LINES:
        raise InputError(f"has {count} lines; at most {_MOST_LINES} are read, give the part with the boot")
    return [_console_line(line) for line in raw_lines(text)]


def _console_line(line: str) -> ConsoleLine:
    found = _STAMPED.match(line[:64]) if "[" in line else None
    return ConsoleLine(clean(line), found is not None, float(found[1]) if found is not None and found[2] else None)


def clean(line: str) -> str:
    """One line without prefixes, colour codes and control characters."""
    line = line[:_MAX_LINE]
    if "\x1b" in line:
        line = _ESCAPE.sub("", line)
    if not line.isprintable():
        line = _CONTROL.sub("", line)
    if "&" in line:  # copied from the source of a web page
        line = _ENTITY.sub(lambda match: _ENTITIES[match[1]], line)
    at = 0
    for _ in range(_MAX_PREFIXES):
        match = _PREFIX.match(line, at)
        if match is None:
            break
        at = match.end()
    return line[at + (at > 0 and line.startswith(" ", at)) :].rstrip()
