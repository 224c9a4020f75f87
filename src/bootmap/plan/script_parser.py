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
    r"|\\$(?!\n\s*(?:&&|\|\|))"  # joins the lines; before && and || they are one command anyway
    r"|\|\|.*&&|&&.*\|\|"  # each decides on the next, as in a shell
    r"|^\s*for\s.*\sin\s.*['\"]"  # what is in quotes stays one word
    r"|\\[\"']",
    re.MULTILINE,
)
_MOST_NAMED = 8


def note(text: str, release: Release) -> str:
    """What is to be said of a script where the release may have the newer parser; "" for nothing."""
    if release < SINCE:
        return ""
    rows = text.split("\n")
    found = dict.fromkeys(text.count("\n", 0, hit.start()) for hit in _DIFFERS.finditer(text))
    lines = [str(i + 1) for i in found if not rows[i].startswith("#")]
    if not lines:
        return ""
    named = ", ".join(lines[:_MOST_NAMED]) + (" and others" if len(lines) > _MOST_NAMED else "")
    return (
        f"line{'s' if len(lines) > 1 else ''} {named}: read as U-Boot's older parser does, the default; one with "
        "CONFIG_HUSH_MODERN_PARSER reads that otherwise"
    )
