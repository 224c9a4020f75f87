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
_DIFFERS = re.compile(
    r"\$\{\w+:[-+=]"  # U-Boot 2025.01 does not take these apart
    r"|\\$"  # joins the lines
    r"|\|\|.*&&|&&.*\|\|"  # each decides on the next, as in a shell
    r"|^\s*for\s.*\sin\s.*['\"]"  # what is in quotes stays one word
    r"|\\[\"']"
)
_MOST_NAMED = 8


def note(text: str, release: Release) -> str:
    """What is to be said of a script where the release may have the newer parser; "" for nothing."""
    if release < SINCE:
        return ""
    lines = [str(i) for i, line in enumerate(text.split("\n"), 1) if line[:1] != "#" and _DIFFERS.search(line)]
    if not lines:
        return ""
    named = ", ".join(lines[:_MOST_NAMED]) + (" and others" if len(lines) > _MOST_NAMED else "")
    return (
        f"line{'s' if len(lines) > 1 else ''} {named}: read as U-Boot's older parser does, the default; one with "
        "CONFIG_HUSH_MODERN_PARSER reads that otherwise"
    )
