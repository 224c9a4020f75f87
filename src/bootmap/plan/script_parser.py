"""Lines of a script that the newer parser of U-Boot's (CONFIG_HUSH_MODERN_PARSER) reads otherwise than the older one.

Nothing that U-Boot prints tells which of the two a build has; the older is the default.

Source: seen in U-Boot 2025.01 built with both (``cli set modern``); common/cli_hush.c, common/cli_hush_modern.c.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bootmap.facts.loaders.uboot import Release

SINCE: Release = (2024, 4)
"""The first release with the newer parser (commit 9a068377313)."""
_TAKEN_APART = re.compile(r"\$\{\w+:[-+=]")
_MOST_NAMED = 8


def note(text: str, release: Release) -> str:
    """What is to be said of a script where the release may have the newer parser; "" for nothing."""
    if release < SINCE:
        return ""
    rows = text.split("\n")
    lines = [
        str(i + 1) for i, line in enumerate(rows) if _differs(line, rows[i + 1].lstrip() if i + 1 < len(rows) else "")
    ]
    if not lines:
        return ""
    named = ", ".join(lines[:_MOST_NAMED]) + (" and others" if len(lines) > _MOST_NAMED else "")
    return (
        f"line{'s' if len(lines) > 1 else ''} {named}: read as U-Boot's older parser does, the default; one with "
        "CONFIG_HUSH_MODERN_PARSER reads that otherwise"
    )


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
