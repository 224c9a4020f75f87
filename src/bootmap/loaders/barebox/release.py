"""Which barebox it is, and how that one differs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.facts.loaders.barebox import BAREBOX_CHANGES_BY_NAME, FIXED_PATCH, OLDEST_BAREBOX
from bootmap.shown import Shown

if TYPE_CHECKING:
    from bootmap.facts.loaders.uboot import Release

_RELEASE = re.compile(r"\b(20\d\d)\.(0[1-9]|1[0-2])(?:\.(\d{1,3}))?[\w.+-]{0,60}")


class Barebox(Shown, Struct, frozen=True):
    """A release of barebox.

    Attributes:
        release: year and month.
        patch: the third number of a stable release.
        version: as it names itself, "2025.08.0-00012-gabcdef"; "" where it is taken for granted.
    """

    release: Release
    patch: int = 0
    version: str = ""

    @classmethod
    def named(cls, text: str) -> Barebox | None:
        """From a version, or from the line that barebox begins with; None where there is none in it."""
        found = _RELEASE.search(text)
        return cls((int(found[1]), int(found[2])), int(found[3] or 0), found[0]) if found is not None else None

    @classmethod
    def newest(cls) -> Barebox:
        """The last whose source was read."""
        return cls(*FIXED_PATCH)

    @property
    def text(self) -> str:
        """For people."""
        return self.version or f"{self.release[0]}.{self.release[1]:02}.{self.patch}"

    @property
    def too_old(self) -> bool:
        """Whether it is older than what is modelled."""
        return self.release < OLDEST_BAREBOX

    @property
    def passes_over_efi(self) -> bool:
        """Whether ``bootm`` itself starts no zImage that has the EFI stub."""
        return self.does("efi_zimages_unhandled") and (self.release, self.patch) < FIXED_PATCH

    def does(self, change: str) -> bool:
        """Whether this release has a change of ``facts/loaders/barebox.py``."""
        return BAREBOX_CHANGES_BY_NAME[change].covers(self.release)
