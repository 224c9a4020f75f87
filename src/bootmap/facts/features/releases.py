"""The releases of Linux that are predicted: those whose rules the rows of this folder have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bootmap.facts.features.feature import Version

OLDEST: Version = (2, 6, 38)
NEWEST: Version = (7, 3)
"""The newest release that was booted; a later one is refused, or follows its rules and is said to."""
