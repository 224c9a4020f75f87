"""The journal of table writes as the page gets it: three columns of numbers, and one block of bytes with all words.

Each write's words are kept as differences to the word before, low halves of all writes first, then (with 8-byte words)
the high halves: neighbouring descriptors differ by one section or page, so that this compresses to almost nothing.
An image has no journal; what differs between its moments stands in for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from msgspec import Struct, field

from bootmap.units import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bootmap.boot.tables import Write
    from bootmap.explore.pool import Pool

    Words = np.ndarray[tuple[int], np.dtype[np.unsignedinteger]]

ZERO = "zero"
"""The step of a write with which a table begins to exist, as in ``boot.tables``."""


class Journal(Struct):
    """Writes in order.

    Attributes:
        word_bytes: 4 or 8.
        addresses: physical address of each write.
        counts: its words.
        causes: its cause, as a place in the pool.
    """

    word_bytes: int
    addresses: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    causes: list[int] = field(default_factory=list)
    _words: list[Words] = field(default_factory=list)

    def add(self, address: int, words: Words, cause: int) -> None:
        """One more write."""
        self.addresses.append(address)
        self.counts.append(len(words))
        self.causes.append(cause)
        self._words.append(words)

    def __len__(self) -> int:
        return len(self.addresses)

    def columns(self) -> dict[str, Any]:
        """The numbers."""
        return {
            "wordBytes": self.word_bytes,
            "addresses": self.addresses,
            "counts": self.counts,
            "causes": self.causes,
        }

    def words(self) -> bytes:
        """All words, as the module says; little-endian."""
        planes = [_differences(words, 0) for words in self._words]
        if self.word_bytes > 4:
            planes += [_differences(words, 32) for words in self._words]
        return b"".join(planes)


class JournalSide(NamedTuple):
    """One side of a page: everything of a boot but its words, as JSON has it, and the journal with the words."""

    document: dict[str, Any]
    journal: Journal


def _differences(words: Words, shift: int) -> bytes:
    """The 32 bits from ``shift`` on of each word, less those of the word before."""
    plane = (words.astype("<u8") >> np.uint64(shift)).astype("<u4")
    plane[1:] -= plane[:-1].copy()
    return plane.tobytes()


def journal_of(writes: Iterable[Write], word_bytes: int, pool: Pool) -> Journal:
    """The journal of a prediction."""
    journal = Journal(word_bytes)
    for write in writes:
        journal.add(write.address, write.words, pool.cause(write.cause))
    return journal


class Differences:
    """Makes a journal of moments: what a moment has that the one before had not is written in between.

    Args:
        word_bytes: 4 or 8.
        byteorder: of the words in memory.
    """

    def __init__(self, word_bytes: int, byteorder: str) -> None:
        self.journal = Journal(word_bytes)
        self._dtype = np.dtype(f"{'<' if byteorder == 'little' else '>'}u{word_bytes}")
        self._pages: dict[int, Words] = {}

    def moment(self, pages: Mapping[int, bytes], cause_new: int, cause_changed: int) -> int:
        """Go on to the next moment; ``pages`` are whole table pages by address.  Returns the mark."""
        for address, data in sorted(pages.items()):
            words = np.frombuffer(data, self._dtype)
            words = words.astype(words.dtype.newbyteorder("<"))
            before = self._pages.get(address)
            if before is None:
                before = np.zeros(PAGE_SIZE // self.journal.word_bytes, words.dtype)
                self.journal.add(address, before, cause_new)
            changed = np.flatnonzero(words != before[: len(words)])
            for run in np.split(changed, np.flatnonzero(np.diff(changed) > 1) + 1):
                if len(run):
                    first, end = int(run[0]), int(run[-1]) + 1
                    self.journal.add(address + first * self.journal.word_bytes, words[first:end], cause_changed)
            self._pages[address] = np.concatenate([words, before[len(words) :]])
        return len(self.journal)
