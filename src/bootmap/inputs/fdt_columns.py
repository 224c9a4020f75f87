"""A device tree as columns: what the reader fills in, and what nodes and properties are made of when asked for."""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    Words = np.ndarray[tuple[int], np.dtype[np.unsignedinteger]]

_NONE: dict[int, int] = {}
_NOT_ASKED = -1
_FEW_PLACES = 8
"""Places that are compared one by one sooner than sorted."""
_FEW_PROPERTIES = 16
"""Properties of one node that are looked through sooner than those of all nodes."""


class Columns:
    """The nodes of a tree as columns, a row each in file order; what `Node` looks at.

    Values and names of properties stay bytes of the blob until somebody asks, and no row refers to another but by its
    number: a tree of thousands of nodes is a dozen objects, without circles.  Who has a property is asked far more
    often than what a node has, and of few names: what is found for one is kept.

    Attributes:
        data: the blob.
        base: where the structure block begins.
        words: the structure block's cells.
        strings: where the strings block is.
        offsets: byte offset of each node's FDT_BEGIN_NODE token.
        parents: number of the node above; -1 for the root.
        ends: number behind the last node below.
        tokens: of every property, in file order, the index in ``words`` of its FDT_PROP token.
        firsts: number, in ``tokens``, of each node's first property; they are in a row.
    """

    __slots__ = (
        "_asked",
        "_holders",
        "_names",
        "_of_name",
        "_places",
        "base",
        "data",
        "ends",
        "firsts",
        "offsets",
        "parents",
        "strings",
        "tokens",
        "words",
    )

    def __init__(self, data: bytes, base: int, words: array[int], strings: range) -> None:
        self.data, self.base, self.words, self.strings = data, base, words, strings
        self.offsets: list[int] = []
        self.parents: list[int] = []
        self.ends: list[int] = []
        self.tokens = array(words.typecode)
        self.firsts = array(words.typecode)
        self._places: Words | None = None
        self._holders: dict[str, dict[int, int]] = {}
        self._asked: dict[tuple[int, str], int | None] = {}
        self._of_name: dict[str, list[int]] = {}
        self._names: dict[int, str] = {}

    def places(self) -> Words:
        """Of every property, as ``tokens``: where its name is in the strings block.  Asked first when all are known."""
        if self._places is None:
            self._places = _view(self.words)[_view(self.tokens) + 2]
        return self._places

    def holders(self, name: str) -> dict[int, int]:
        """Row of each node that has that property, in file order -> the index in ``words`` of its FDT_PROP token."""
        found = self._holders.get(name)
        if found is None:
            found = self._holders[name] = self._found(name)
        return found

    def token(self, row: int, name: str) -> int | None:
        """The index in ``words`` of the FDT_PROP token of a node's property; None where it has none of that name."""
        holders = self._holders.get(name)
        if holders is not None:
            return holders.get(row)
        asked = row, name
        found = self._asked.get(asked, _NOT_ASKED)
        if found == _NOT_ASKED:
            found = self._asked[asked] = self._token(row, name)
        return found

    def _token(self, row: int, name: str) -> int | None:
        places = self._of_name.get(name) or self._places_of(name)
        if not places:
            return None
        first, behind = self._properties(row)
        if behind - first > _FEW_PROPERTIES or len(places) > _FEW_PLACES:
            return self.holders(name).get(row)
        words = self.words
        for at in self.tokens[first:behind]:
            if words[at + 2] in places:
                return at
        return None

    def _properties(self, row: int) -> tuple[int, int]:
        """The numbers in ``tokens`` of a node's properties: the first, and the one behind the last."""
        firsts = self.firsts
        return firsts[row], firsts[row + 1] if row + 1 < len(firsts) else len(self.tokens)

    def _found(self, name: str) -> dict[int, int]:
        places = self._places_of(name)
        if not places:
            return _NONE
        numbers = self._at_one_of(places).nonzero()[0]
        rows = (_view(self.firsts).searchsorted(numbers, "right") - 1).tolist()
        tokens = _view(self.tokens)[numbers].tolist()
        found = dict(zip(rows, tokens, strict=True))
        if len(found) < len(rows):  # of two in one node the first
            found = {}
            for row, at in zip(rows, tokens, strict=True):
                found.setdefault(row, at)
        return found

    def _at_one_of(self, places: list[int]) -> np.ndarray[tuple[int], np.dtype[np.bool]]:
        """Of every property: whether its name is at one of these places, one or two in a good tree."""
        here = self.places()
        found: np.ndarray[tuple[int], np.dtype[np.bool]]
        if len(places) > _FEW_PLACES:
            found = np.isin(here, places)
            return found
        found = here == places[0]
        for place in places[1:]:
            found |= here == place
        return found

    def _places_of(self, name: str) -> list[int]:
        """Where the strings block has that name, which may be the end of a longer one."""
        places = self._of_name.get(name)
        if places is None:
            places = self._of_name[name] = []
            if not name.isascii() or "\0" in name:  # no property has such a name
                return places
            start, stop, wanted = self.strings.start, self.strings.stop, name.encode("ascii") + b"\0"
            at = self.data.find(wanted, start, stop)
            while at >= 0:
                places.append(at - start)
                at = self.data.find(wanted, at + 1, stop)
        return places

    def name(self, row: int) -> str:
        """A node's name, read anew from the blob."""
        start = self.offsets[row] + 4
        return self.data[start : self.data.index(0, start)].decode("latin-1")

    def children(self, row: int) -> Iterator[int]:
        """The rows of a node's children."""
        ends, child, end = self.ends, row + 1, self.ends[row]
        while child < end:
            yield child
            child = ends[child]

    def patched(self, offset: int, value: bytes) -> Columns:
        """The same with other cells in a property's value, so that every token stays where it is."""
        data = self.data[:offset] + value + self.data[offset + len(value) :]
        words, first, count = self.words[:], (offset - self.base) // 4, len(value) // 4
        words[first : first + count] = array(words.typecode, struct.unpack(f">{count}I", value))
        other = Columns(data, self.base, words, self.strings)
        other.offsets, other.parents, other.ends = self.offsets, self.parents, self.ends
        other.tokens, other.firsts = self.tokens, self.firsts
        other._places, other._holders, other._asked = self._places, self._holders, self._asked
        other._of_name, other._names = self._of_name, self._names
        return other

    def properties_of(self, row: int) -> dict[str, int]:
        """A node's properties, read anew from the blob: name -> the index of its token, the first of each name."""
        words, (first, behind) = self.words, self._properties(row)
        found: dict[str, int] = {}
        for at in self.tokens[first:behind]:
            found.setdefault(self._name_at(words[at + 2]), at)
        return found

    def _name_at(self, place: int) -> str:
        name = self._names.get(place)
        if name is None:
            start = self.strings.start + place
            name = self._names[place] = self.data[start : self.data.index(0, start)].decode("ascii")
        return name

    def values(self, name: str, below: Container[int] | None) -> Iterator[tuple[int, int, bytes]]:
        """Of each node with that property, in file order: its row, the row of the node above, the value."""
        data, words, parents, start = self.data, self.words, self.parents, self.base + 12
        for row, at in self.holders(name).items():
            above = parents[row]
            if below is None or above in below:
                yield row, above, data[start + 4 * at : start + 4 * at + words[at + 1]]

    def having(self, names: tuple[str, ...]) -> Iterable[int]:
        """The rows of the nodes that have a property of one of these names, in file order."""
        if len(names) == 1:
            return self.holders(names[0])
        return sorted({row for name in names for row in self.holders(name)})


def _view(numbers: array[int]) -> Words:
    """The same numbers as numpy has them."""
    return np.frombuffer(numbers, np.dtype(f"u{numbers.itemsize}"))
