"""What the words in the tables mean, worked out once for every distinct one, so that the page only looks it up.

Distinct means without the address: a gigabyte of sections is one entry.  The words are found by following the tables
as a walk would, at every moment that is shown; their meaning is ``mmu``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct, field

from bootmap.facts.arm.descriptors import Role
from bootmap.facts.arm.faults import FaultKind
from bootmap.facts.arm.memory_attrs import MemoryType
from bootmap.facts.arm.permissions import Rights
from bootmap.facts.linux.linux_prot import LONG, SHORT
from bootmap.mmu.attributes import attributes_of
from bootmap.mmu.describe import rights_text, step_fields
from bootmap.mmu.walk import Step, quarter_fields
from bootmap.report.words import attributes_words, linux_pte_text, pmd_text
from bootmap.units import PAGE_SIZE, align_down

if TYPE_CHECKING:
    from bootmap.facts.arm.descriptors import Descriptor, Level
    from bootmap.facts.arm.layout import Layout
    from bootmap.mmu.attributes import Attributes
    from bootmap.mmu.memory import Memory
    from bootmap.mmu.regs import Regime

    Words = np.ndarray[tuple[int], np.dtype[np.unsignedinteger]]

_MOST_TABLES = 1 << 14
"""Tables followed at one moment: a whole address space of small pages has 4096."""
_QUARTERS = 4


def address_mask(layout: Layout) -> int:
    """The bits of a descriptor that are parts of an address."""
    return sum(row.mask for row in layout if row.address_at is not None)


def level_name(level: Level) -> str:
    """A name for a level: two kinds of second-level tables of ARMv5 have the same number."""
    return f"{level.number}.{level.index_low}"


def halves(value: int) -> list[int]:
    """A word of up to 64 bits as the page holds it: low and high 32 bits."""
    return [value & 0xFFFFFFFF, value >> 32]


class Decoder(Struct):
    """Collects the meaning of words under one set of registers.

    Attributes:
        regime: the registers.
        fields: by ``level:kind:word``, the fields that are no address: [value, meaning].
        meanings: by ``above|level:kind:word``, the place in ``attributes``; four of them where quarters may differ.
        attributes: distinct attributes.
        linux: Linux's names of bits: "pmd" and "pte", by word.
    """

    regime: Regime
    fields: dict[str, list[list[str]]] = field(default_factory=dict)
    meanings: dict[str, list[int]] = field(default_factory=dict)
    attributes: list[dict[str, Any]] = field(default_factory=list)
    linux: dict[str, dict[str, str]] = field(default_factory=lambda: {"pmd": {}, "pte": {}})
    _places: dict[Attributes, int] = field(default_factory=dict)
    _seen: set[tuple[str, int, bytes]] = field(default_factory=set)

    def visit(self, memory: Memory) -> dict[int, bytes]:
        """Take in every word that a walk can meet in ``memory``.  Returns the pages with tables, by address."""
        pages: dict[int, bytes] = {}
        for root in self.regime.roots:
            if not root.disabled:
                self._table(memory, root.level, root.base, root.size, "", {}, pages, set())
        return pages

    def _table(
        self,
        memory: Memory,
        level: Level,
        base: int,
        size: int,
        above_key: str,
        above: dict[str, int],
        pages: dict[int, bytes],
        seen: set[tuple[int, str]],
    ) -> None:
        if (base, above_key) in seen or len(seen) > _MOST_TABLES:
            return
        seen.add((base, above_key))
        data = _held(memory, base, size, pages)
        if data is None:
            return
        order = "<" if self.regime.byteorder == "little" else ">"
        words = np.frombuffer(data, f"{order}u{level.entry_bytes}")
        for word in self._distinct(level, words):
            kind = level.descriptor(word)
            if kind.role is Role.TABLE:
                assert kind.table is not None  # what makes it a TABLE
                mask = address_mask(kind.layout)
                fields = kind.layout.decode(word)
                inherited = {**above}
                for name, value in fields.items():
                    inherited[name] = inherited.get(name, 0) | value
                key = above_key + self._key(level, kind, word) + "|"
                same = words[(words & words.dtype.type(~mask & (1 << 8 * level.entry_bytes) - 1)) == word & ~mask]
                for target in np.unique(same):
                    if level.descriptor(int(target)) is kind:
                        at = kind.layout.address(int(target))
                        self._table(memory, kind.table, at, kind.table.table_bytes, key, inherited, pages, seen)
                self._word(level, kind, word)
            else:
                self._word(level, kind, word)
                if kind.role is Role.BLOCK:
                    self._meaning(level, kind, word, above_key, above)
        if not self.regime.long and level.number > 1 and base % PAGE_SIZE >= SHORT.pte_hwtable_offset:
            self._linux_half(memory, base, level, pages)

    def _distinct(self, level: Level, words: Words) -> list[int]:
        """One word of each kind and set of bits besides the address."""
        found: dict[tuple[str, int], int] = {}
        whole = (1 << 8 * level.entry_bytes) - 1
        union = 0
        for kind in level.descriptors:
            union |= ~(address_mask(kind.layout)) & whole
        # Bits that are an address in every kind say nothing; one of each remaining pattern is looked at.
        always = ~union & whole
        _, first = np.unique(words & words.dtype.type(~always & whole), return_index=True)
        for at in first:
            word = int(words[at])
            kind = level.descriptor(word)
            found.setdefault((kind.name, word & ~address_mask(kind.layout)), word)
        return list(found.values())

    def _key(self, level: Level, kind: Descriptor, word: int) -> str:
        return f"{level_name(level)}:{level.descriptors.index(kind)}:{word & ~address_mask(kind.layout):x}"

    def _word(self, level: Level, kind: Descriptor, word: int) -> None:
        """The fields of a descriptor, and what Linux calls its bits."""
        key = self._key(level, kind, word)
        if key in self.fields:
            return
        step = Step(level.number, 0, 0, 0, word, kind, kind.layout.decode(word))
        rows = zip(kind.layout, step_fields(step, self.regime), strict=True)
        self.fields[key] = [[text.value, text.meaning] for row, text in rows if row.address_at is None]
        plain = word & ~address_mask(kind.layout)
        if self.regime.long and level.number == 3:
            self.linux["pte"].setdefault(f"{plain:x}", linux_pte_text(plain, LONG))
        elif self.regime.long or level.number == 1:
            # A word whose only bits are an address is not an empty one to Linux, whatever the rest says.
            form = LONG if self.regime.long else SHORT
            self.linux["pmd"].setdefault(f"{plain:x}", pmd_text(plain, form))

    def _meaning(self, level: Level, kind: Descriptor, word: int, above_key: str, above: dict[str, int]) -> None:
        key = above_key + self._key(level, kind, word)
        if key in self.meanings:
            return
        fields = kind.layout.decode(word)
        if kind.has_subpages:
            quarters = [quarter_fields(kind, fields, n << (kind.size_bits - 2)) for n in range(_QUARTERS)]
            self.meanings[key] = [self._attributes(attributes_of(self.regime, f, above)) for f in quarters]
        else:
            self.meanings[key] = [self._attributes(attributes_of(self.regime, fields, above))]

    def _attributes(self, attributes: Attributes) -> int:
        place = self._places.get(attributes)
        if place is None:
            place = self._places[attributes] = len(self.attributes)
            rights = attributes.rights
            self.attributes.append(
                {
                    "rights": rights_text(rights),
                    "text": attributes_words(attributes),
                    "memory": attributes.memory.type.value,
                    "device": attributes.memory.type in (MemoryType.DEVICE, MemoryType.STRONGLY_ORDERED),
                    "w": bool(rights & Rights.PRIV_WRITE),
                    "x": bool(rights & Rights.PRIV_EXECUTE),
                    "user": bool(rights & Rights.USER),
                    "domain": attributes.domain,
                }
            )
        return place

    def _linux_half(self, memory: Memory, base: int, level: Level, pages: dict[int, bytes]) -> None:
        """Linux's ptes in front of a hardware table, in the same page."""
        data = _held(memory, align_down(base, PAGE_SIZE), SHORT.pte_hwtable_offset, pages)
        if data is None:
            return
        order = "<" if self.regime.byteorder == "little" else ">"
        for word in np.unique(np.frombuffer(data, f"{order}u{level.entry_bytes}") & 0xFFF):
            self.linux["pte"].setdefault(f"{int(word):x}", linux_pte_text(int(word), SHORT))

    def document(self) -> dict[str, Any]:
        """Everything as the page gets it."""
        levels: dict[str, Any] = {}
        roots = [
            {
                "register": root.register,
                "start": root.span.start,
                "end": root.span.end,
                "level": level_name(root.level),
                "base": root.base,
                "indexBits": root.index_bits,
                "disabled": root.disabled,
            }
            for root in self.regime.roots
        ]
        for root in self.regime.roots:
            _add_level(levels, root.level)
        kinds = {"translation": FaultKind.TRANSLATION, "abort": FaultKind.WALK_ABORT}
        return {
            "long": self.regime.long,
            "levels": levels,
            "roots": roots,
            "fields": self.fields,
            "meanings": self.meanings,
            "attributes": self.attributes,
            "linux": self.linux,
            "faults": {
                name: {
                    "text": kind.value,
                    "status": {str(level): code for (k, level), code in self.regime.status.items() if k is kind},
                }
                for name, kind in kinds.items()
            },
        }


def _held(memory: Memory, base: int, size: int, pages: dict[int, bytes]) -> bytes | None:
    """The bytes of a table, whose pages are noted; None where they are not there."""
    try:
        data = memory.read(base, size)
    except LookupError:
        return None
    for page in range(align_down(base, PAGE_SIZE), base + size, PAGE_SIZE):
        if page not in pages:
            try:
                pages[page] = memory.read(page, PAGE_SIZE)
            except LookupError:  # less than a page of it is held: a recording's long root is 32 bytes
                pages[page] = data if page == base else b""
    return data


def _add_level(levels: dict[str, Any], level: Level) -> None:
    name = level_name(level)
    if name in levels:
        return
    levels[name] = {
        "number": level.number,
        "bytes": level.entry_bytes,
        "indexLow": level.index_low,
        "indexBits": level.index_bits,
        "kinds": [_kind(kind) for kind in level.descriptors],
    }
    for kind in level.descriptors:
        if kind.table is not None:
            _add_level(levels, kind.table)


def _kind(kind: Descriptor) -> dict[str, Any]:
    layout = kind.layout
    return {
        "name": kind.name,
        "role": kind.role.value,
        "sizeBits": kind.size_bits,
        "table": level_name(kind.table) if kind.table is not None else None,
        "mask": halves(layout.fixed_mask),
        "match": halves(layout.fixed_value),
        "address": halves(address_mask(layout)),
        "rows": [[row.name, row.place, row.low, row.width, row.address_at] for row in layout],
    }
