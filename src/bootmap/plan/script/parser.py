"""Lines of a script that the newer parser of U-Boot's (CONFIG_HUSH_MODERN_PARSER) reads otherwise than the older one.

Nothing that U-Boot prints tells which of the two a build has; the older is the default.

Source: seen in U-Boot 2025.01 built with both (``cli set modern``); common/cli_hush.c, common/cli_hush_modern.c.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootmap.errors import InputError

if TYPE_CHECKING:
    from bootmap.facts.loaders.uboot import Release
    from bootmap.plan.script.replay import ScriptRun

SINCE: Release = (2024, 4)
"""The first release with the newer parser (commit 9a068377313)."""
_TAKEN_APART = re.compile(r"\$\{\w+:[-+=]")
_MOST_NAMED, _SHOWN = 8, 120


def note(text: str, ran: ScriptRun, other: ScriptRun | InputError) -> str:
    """What is to be said where the newer parser comes to something else; "" where it does not.

    Args:
        text: the script.
        ran: what it comes to with the older parser.
        other: what it comes to with the newer, or why it comes to nothing.
    """
    if isinstance(other, InputError):
        where = f"line {other.line}: " if other.line else ""
        becomes = f"boots nothing ({where}{other.message[:_SHOWN]})"
    elif other.command != ran.command:
        becomes = f"boots with {' '.join(other.command)[:_SHOWN]!r}"
    elif other.env != ran.env:
        names = sorted(name for name in {*ran.env, *other.env} if ran.env.get(name) != other.env.get(name))
        shown = ", ".join(name[:_SHOWN] for name in names[:_MOST_NAMED])
        becomes = f"sets {shown}{' and others' if len(names) > _MOST_NAMED else ''} otherwise"
    elif _places(other) != _places(ran):
        becomes = "loads something else"
    else:
        return ""
    return (
        f"U-Boot has its older parser, the default{_lines(text)}; with its newer one (CONFIG_HUSH_MODERN_PARSER; where "
        f"both are built in 'cli get' says which it is) the script {becomes}: --hush modern replays that"
    )


def _places(ran: ScriptRun) -> list[tuple[int, str, int | None]]:
    return [(load.address, load.file, load.size) for load in ran.loads]


def _lines(text: str) -> str:
    """The lines in which the reason may lie."""
    rows = text.split("\n")
    lines = [
        str(i + 1) for i, line in enumerate(rows) if _differs(line, rows[i + 1].lstrip() if i + 1 < len(rows) else "")
    ]
    if not lines:
        return ""
    named = ", ".join(lines[:_MOST_NAMED]) + (" and others" if len(lines) > _MOST_NAMED else "")
    return f", which reads line{'s' if len(lines) > 1 else ''} {named} in its own way"


def _differs(line: str, after: str) -> bool:
    if line.startswith("#"):
        return False
    joins = line.endswith("\\") and not after.startswith(("&&", "||"))  # before those they are one command anyway
    mixes = "&&" in line and "||" in line  # each decides on the next, as in a shell
    quotes = line.lstrip().startswith("for ") and ("'" in line or '"' in line)  # what is in quotes stays one word
    escapes = "\\'" in line or '\\"' in line
    return (
        joins or mixes or quotes or escapes or _TAKEN_APART.search(line) is not None
    )  # 2025.01 leaves the last as text
