"""Which U-Boot it is: its release and build, and what follows for the way it places things."""

from __future__ import annotations

import re

from msgspec import Struct, field

from bootmap.facts.loaders.uboot import BUILDS_BY_NAME, CHANGES_BY_NAME, OLDEST, SOC_BUILDS, Build, Release
from bootmap.shown import Shown

_VERSION = re.compile(r"(?:U-Boot\s+)?v?(20\d\d)\.(\d\d)\b")


def read_release(text: str) -> Release | None:
    """The release in a version, such as ``U-Boot 2023.01+dfsg-2`` or ``2023.01``; None where there is none."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2])) if found else None


class UBoot(Shown, Struct, frozen=True):
    """A U-Boot.

    Attributes:
        release: such as (2023, 1).
        build: what its configuration decides.
        version: its own words for itself, without "U-Boot" in front; "" where not known.
    """

    release: Release
    build: Build = field(default_factory=lambda: Build("unknown"))
    version: str = ""

    @classmethod
    def named(cls, version: str, board: str | None, soc: str | None = None) -> UBoot | None:
        """The U-Boot that says ``version`` of itself, as built for ``board``; None where it names no release.

        Args:
            version: such as ``U-Boot 2023.01+dfsg-2 (Jun 22 2026 - 08:38:07 +0000)``, or ``2023.01``.
            board: the value of the variable of that name.
            soc: likewise, for boards that are built alike.
        """
        release = read_release(version)
        if release is None:
            return None
        words = version.removeprefix("U-Boot ").split()
        build = BUILDS_BY_NAME.get(board or "") or SOC_BUILDS.get(soc or "") or Build(board or "unknown")
        return cls(release, build, words[0])

    def does(self, name: str) -> bool:
        """Whether this release does what the row ``name`` of the table of changes says.

        Raises:
            KeyError: there is no such row.
        """
        return CHANGES_BY_NAME[name].covers(self.release)

    @property
    def text(self) -> str:
        """The release as people write it."""
        return f"{self.release[0]}.{self.release[1]:02}"

    @property
    def too_old(self) -> bool:
        """Whether it is older than what is modelled."""
        return self.release < OLDEST

    @property
    def address_mask(self) -> int:
        """All bits of a physical address."""
        return (1 << (64 if self.build.phys_64bit else 32)) - 1
