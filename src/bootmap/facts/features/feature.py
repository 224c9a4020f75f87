"""A rule of the kernel as a row: its name, what it is, the versions that have it and where that is seen.

The rows themselves are in `features` and `features_memblock`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

Version = tuple[int, ...]
"""(3, 10) or (2, 6, 38): the mainline release without its stable sublevel."""

_NONE: Mapping[Version, int] = MappingProxyType({})


class Feature(Struct, frozen=True):
    """One rule of the kernel.

    Attributes:
        name: what code and users call it.
        summary: what the kernel does where it holds.
        source: where that is seen.
        since: first mainline release with it, None for "from the beginning" (2.6.38 here).
        until: first mainline release without it, None for "to this day".
        also: stable series that carry it too -> first sublevel known to.
        except_from: stable series that lost it -> first sublevel known to.
        kconfig: options that must be set (or, with ``!``, unset).
    """

    name: str
    summary: str
    source: str
    since: Version | None = None
    until: Version | None = None
    also: Mapping[Version, int] = field(default_factory=lambda: _NONE)
    except_from: Mapping[Version, int] = field(default_factory=lambda: _NONE)
    kconfig: tuple[str, ...] = ()

    def covers(self, version: Version, sublevel: int | None) -> bool:
        """Whether the row speaks of this release, whatever its configuration.

        A ``sublevel`` of None stands for the latest one: back-ports are taken as present.
        """
        latest = float("inf") if sublevel is None else sublevel
        if version in self.except_from and latest >= self.except_from[version]:
            return False
        if version in self.also and latest >= self.also[version]:
            return True
        return (self.since is None or version >= self.since) and (self.until is None or version < self.until)


def also(**series: int) -> Mapping[Version, int]:
    """``v5_10=35`` -> {(5, 10): 35}."""
    return MappingProxyType({tuple(int(n) for n in key[1:].split("_")): n for key, n in series.items()})
