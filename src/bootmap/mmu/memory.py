"""Physical memory as the walker sees it: one method, so that anything can stand behind it.

Only the protocol and the smallest thing that satisfies it live here.  Dumps, cores and live machines are
read elsewhere; they need not import this module to fit.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Memory(Protocol):
    """Physical memory, or the part of it that is known."""

    def read(self, pa: int, size: int, /) -> bytes:
        """The ``size`` bytes at physical address ``pa``.

        Raises:
            LookupError: (or a subclass) not all of them are there.  A walk that meets this reports an
                external abort, as a CPU does where nothing answers on the bus.
        """
        ...


class Chunks:
    """Memory made of byte strings at physical addresses.

    Args:
        chunks: bytes by the address of the first; they may touch, and are then read across, but may not
            overlap (ValueError).
    """

    def __init__(self, chunks: Mapping[int, bytes]) -> None:
        joined: list[tuple[int, list[bytes], int]] = []
        for start, data in sorted(chunks.items()):
            if joined and start < joined[-1][2]:
                raise ValueError(f"two chunks of memory overlap at {start:#x}")
            if joined and start == joined[-1][2]:
                first, parts, _ = joined.pop()
                joined.append((first, [*parts, data], start + len(data)))
            else:
                joined.append((start, [data], start + len(data)))
        self._starts = [start for start, _, _ in joined]
        self._data = [b"".join(parts) for _, parts, _ in joined]

    def read(self, pa: int, size: int, /) -> bytes:
        """The ``size`` bytes at ``pa``; LookupError where no chunk holds them all."""
        place = bisect_right(self._starts, pa) - 1
        if place >= 0:
            offset = pa - self._starts[place]
            data = self._data[place][offset : offset + size]
            if len(data) == size:
                return data
        raise LookupError(f"no memory at {pa:#x}")
