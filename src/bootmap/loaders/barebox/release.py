"""Which barebox it is, and how that one differs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.loaders.barebox import BAREBOX_CHANGES_BY_NAME, NEWEST_BAREBOX, OLDEST_BAREBOX
from bootmap.shown import Shown

if TYPE_CHECKING:
    from bootmap.facts.loaders.uboot import Release

_RELEASE = re.compile(r"\b(20\d\d)\.(0[1-9]|1[0-2])(?:\.\d{1,3})?[\w.+-]{0,60}")


class Barebox(Shown, Struct, frozen=True):
    """A release of barebox.

    Attributes:
        release: year and month.
        version: as it names itself, "2025.08.0-00012-gabcdef"; "" where it is taken for granted.
    """

    release: Release
    version: str = ""

    @classmethod
    def named(cls, text: str) -> Barebox | None:
        """From a version, or from the line that barebox begins with; None where there is none in it."""
        found = _RELEASE.search(text)
        return cls((int(found[1]), int(found[2])), found[0]) if found is not None else None

    @classmethod
    def newest(cls) -> Barebox:
        """The last whose source was read."""
        return cls(NEWEST_BAREBOX)

    @property
    def text(self) -> str:
        """For people."""
        return self.version or f"{self.release[0]}.{self.release[1]:02}"

    @property
    def too_old(self) -> bool:
        """Whether it is older than what is modelled."""
        return self.release < OLDEST_BAREBOX

    def does(self, change: str) -> bool:
        """Whether this release has a change of ``facts/loaders/barebox.py``."""
        return BAREBOX_CHANGES_BY_NAME[change].covers(self.release)
