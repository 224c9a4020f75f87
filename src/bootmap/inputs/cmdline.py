"""The kernel command line cut into parameters as the kernel itself does it.

Quotes, the blank before a value, and the "--" behind which everything belongs to init follow the kernel to
the letter, odd cases included.  What a parameter means is the boot's affair, not this module's.

Source: lib/cmdline.c ``next_arg``, kernel/params.c ``parse_args`` and ``parameq``, lib/ctype.c.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

# The kernel's isspace(): the ASCII blanks and, its table being Latin-1, the no-break space.
_BLANKS = frozenset("\t\n\v\f\r \xa0")
_END_OF_PARAMETERS = "--"


class Param(NamedTuple):
    """One parameter.

    Attributes:
        name: as written; compare with ``parameq``.
        value: what follows the first "=", without quotes; None where there is no "=".
        offset: index of the parameter's first character in the command line.
        text: the parameter as it stands there, quotes included.
    """

    name: str
    value: str | None
    offset: int
    text: str


@lru_cache(maxsize=8)  # many ask, of one command line
def parse(text: str) -> tuple[Param, ...]:
    """The parameters in order, up to a bare ``--`` or the first NUL."""
    text = text.partition("\0")[0]
    found: list[Param] = []
    at = _skip_blanks(text, 0)
    while at < len(text):
        param, at = _next_arg(text, at)
        if param.value is None and param.name == _END_OF_PARAMETERS:
            break
        found.append(param)
        at = _skip_blanks(text, at)
    return tuple(found)


def parameq(a: str, b: str) -> bool:
    """Whether two parameter names are the same to the kernel, for which "-" and "_" are one character."""
    return a.replace("-", "_") == b.replace("-", "_")


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _next_arg(text: str, start: int) -> tuple[Param, int]:
    """The parameter that begins at ``start``, and the index of the first character behind it."""
    quoted = text[start] == '"'
    begin = start + 1 if quoted else start
    inside, equals = quoted, None
    at = begin
    while at < len(text) and (inside or text[at] not in _BLANKS):
        char = text[at]
        # An "=" in first place does not end a name: the kernel takes index 0 for "none seen yet".
        if char == "=" and equals is None and at > begin:
            equals = at
        elif char == '"':
            inside = not inside
        at += 1
    # A quote around the whole parameter, or around its value, loses its last character, if that is a quote.
    end = at
    value_at = None if equals is None else equals + 1
    value_quoted = value_at is not None and text[value_at : value_at + 1] == '"'
    if (quoted or value_quoted) and at > begin and text[at - 1] == '"':
        end -= 1
    if value_at is None:
        name, value = text[begin:end], None
    else:
        name, value = text[begin:equals], text[value_at + value_quoted : end]
    return Param(name, value, start, text[start:at]), at
