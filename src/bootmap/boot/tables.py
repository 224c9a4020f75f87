"""Page tables as the kernel leaves them in memory: words in physical pages, and a journal of who wrote them.

The journal is the timeline: the tables at any moment are its first entries played again, and the writers
of a word are the entries that cover its address, in order.  What the words mean is not known here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec import Struct

from bootmap.units import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.boot.records import MapDesc
    from bootmap.boot.trace import Origin

    Words = np.ndarray[tuple[int], np.dtype[np.unsignedinteger]]


class Cause(Struct, frozen=True):
    """Why a word was written.

    Attributes:
        stage: the kernel step in which it happened.
        kind: what was done: "section", "pte", "hardware pte", "clear", "populate", "zero", ...
        map_desc: the mapping it belongs to, or None.
        origin: where the write comes from when there is no map_desc, or None.
    """

    stage: str
    kind: str
    map_desc: MapDesc | None = None
    origin: Origin | None = None


class Write(NamedTuple):
    """One entry of the journal: ``words`` stored from physical address ``address`` on.

    An entry of the kind "zero" is a fresh area of zeroes: it is where a table begins to exist.
    """

    address: int
    words: Words
    cause: Cause

    @property
    def end(self) -> int:
        """The physical address behind the last word."""
        return self.address + self.words.nbytes


class TablePages:
    """All page tables of the boot.

    Attributes:
        root: physical address of swapper_pg_dir (in the long format: of the page with the four entries).
        word_bytes: 4 or 8.
        journal: every write so far, in order.
    """

    def __init__(self, root: int, word_bytes: int) -> None:
        self.root = root
        self.word_bytes = word_bytes
        self.dtype = np.dtype("<u4" if word_bytes == 4 else "<u8")
        self.journal: list[Write] = []
        self._areas: dict[int, Words] = {}  # physical page -> its words (a view of its area)

    def create(self, address: int, size: int, cause: Cause) -> None:
        """A table area of ``size`` bytes (whole pages) begins to exist at ``address``, all zeroes."""
        zeroes = _zeroes(size // self.word_bytes, self.dtype)
        self.journal.append(Write(address, zeroes, cause))
        _install(self._areas, address, zeroes.copy())

    def write(self, address: int, words: Words, cause: Cause) -> None:
        """Store ``words`` from ``address`` on; the range lies inside tables that exist."""
        self.journal.append(Write(address, words, cause))
        _store(self._areas, address, words)

    def fill(self, address: int, count: int, word: int, cause: Cause) -> None:
        """Store the same word ``count`` times."""
        self.write(address, np.full(count, word, self.dtype), cause)

    def word(self, address: int) -> int | None:
        """The word at physical ``address``; None where no table is."""
        page = self._areas.get(address & -PAGE_SIZE)
        return None if page is None else page.item((address & (PAGE_SIZE - 1)) // self.word_bytes)

    def words(self, address: int, count: int) -> Words:
        """``count`` words from ``address`` on, which lie in tables; read-only by agreement."""
        behind, parts = address + count * self.word_bytes, []
        while address < behind:
            first = (address & (PAGE_SIZE - 1)) // self.word_bytes
            part = self._areas[address & -PAGE_SIZE][first : first + (behind - address) // self.word_bytes]
            parts.append(part)
            address += part.nbytes
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def page(self, address: int) -> Words | None:
        """The words of the table page at ``address`` (read-only by agreement), or None."""
        return self._areas.get(address)

    @property
    def mark(self) -> int:
        """A moment: how many writes there have been."""
        return len(self.journal)

    def writers(self, address: int, mark: int | None = None) -> Iterator[tuple[Cause, int]]:
        """Who wrote the word at ``address`` up to ``mark``, and what: (cause, word), oldest first."""
        for write in self.journal[:mark]:
            if write.address <= address < write.end:
                yield write.cause, int(write.words[(address - write.address) // self.word_bytes])

    def pages_at(self, mark: int) -> dict[int, Words]:
        """The table pages as they were at ``mark``: physical page -> words, in order of creation."""
        if mark == len(self.journal):
            return dict(self._areas)
        areas: dict[int, Words] = {}
        for write in self.journal[:mark]:
            if write.cause.kind == "zero":
                _install(areas, write.address, write.words.copy())
            else:
                _store(areas, write.address, write.words)
        return areas


@lru_cache(maxsize=16)  # a root and pages, of two formats
def _zeroes(count: int, dtype: np.dtype[np.unsignedinteger]) -> Words:
    """What a fresh table holds; the journal's, which nobody writes to."""
    words: Words = np.zeros(count, dtype)
    words.flags.writeable = False
    return words


def _install(areas: dict[int, Words], address: int, words: Words) -> None:
    per_page = PAGE_SIZE // words.itemsize
    for i in range(0, len(words), per_page):
        areas[address + i * words.itemsize] = words[i : i + per_page]


def _store(areas: dict[int, Words], address: int, words: Words) -> None:
    itemsize, behind = words.itemsize, len(words)
    done = 0
    while done < behind:
        at = address + done * itemsize
        page = areas[at & -PAGE_SIZE]
        index = (at & (PAGE_SIZE - 1)) // itemsize
        if not done and index + behind <= len(page):  # as nearly all do
            page[index : index + behind] = words
            return
        count = min(behind - done, len(page) - index)
        page[index : index + count] = words[done : done + count]
        done += count
