"""Which of the candidates of a search are a kernel's tables of short descriptors, and which its processes'.

Tables with the same straight map of lowmem are one kernel's family.  One of them is swapper_pg_dir: the one that lies
below the kernel's text, has no user half, and every entry of the kernel's half.  Where the image lies in memory, if
nobody said so, follows from the second-level tables: the address at which most table descriptors lead to one.

Sources: arch/arm/include/asm/pgtable-2level.h (a page of two tables, Linux's words before the hardware's),
arch/arm/kernel/head.S and arch/arm/Makefile ``textofs-y`` (place), arch/arm/mm/pgd.c (what processes share),
arch/arm/mm/mmu.c ``build_mem_type_table`` (bit 4 up to ARMv5), arch/arm/mm/proc-xscale.S (extended small pages).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct, field

from bootmap.analysis.locate.located import Check, UserTable
from bootmap.analysis.locate.scan import ROOT_SHORT, agreeing_pages
from bootmap.facts.linux.vmsplit import PAGE_OFFSETS
from bootmap.units import MIB, PAGE_SIZE, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from bootmap.analysis.locate.located import UserKind
    from bootmap.image.memory import ImageMemory

    Words = NDArray[np.unsignedinteger[Any]]

MODULES = 16 * MIB
"""Below PAGE_OFFSET: the modules, whose entries are the kernel's (arch/arm/include/asm/memory.h MODULES_VADDR)."""

_SECTION, _TABLE = 2, 1
_VECTORS = 0xFFF
_VECTORS_INDEX = 0xF0  # 0xffff0000 in the table of the last MiB
_PLACE, _PLACE_OF = 0x4000, 0x10000  # textofs-y ends in 0x8000 on every platform, the table is 16 KiB below
_MOST_TEXT_OFFSET = 32 * MIB
_MOST_PAIRS = 1 << 22
_DELTAS = 4
_LEAST_VOTES = 3
_LOOKED_AT = 16
_MOST_IDENTITY = 64
_BIT4 = 1 << 4
_APX = 1 << 15
_HARDWARE_HALF = 1 << 11  # of the address in a table descriptor: the hardware's words are in a page's second half
_NOT_LINUX = 3 << 18  # of a section: NS, and supersections, which Linux has for device memory above 4 GiB only


class Family(Struct):
    """Tables with one straight map.

    Attributes:
        page_offset: PAGE_OFFSET.
        delta: how many MiB virtual addresses lie above physical ones, modulo 4096.
        shift: what makes the image's addresses physical.
        tables: words by address in the image.
    """

    page_offset: int
    delta: int
    shift: int = 0
    tables: dict[int, Words] = field(default_factory=dict)

    @property
    def phys_offset(self) -> int:
        """PHYS_OFFSET."""
        return (self.page_offset - (self.delta << 20)) & 0xFFFFFFFF

    @property
    def first_kernel(self) -> int:
        """Index of the first entry that is the kernel's."""
        return (self.page_offset - MODULES) >> 20


class _Leaf(Struct, frozen=True):
    """A page of second-level tables: words in use in each hardware table, and whether both halves agree."""

    used: tuple[int, int]
    agrees: bool


class Leaves:
    """The second-level pages of an image by their address in it; each is looked at once."""

    def __init__(self, memory: ImageMemory) -> None:
        self.memory = memory
        self._known: dict[int, _Leaf | None] = {}

    def words(self, address: int) -> Words | None:
        """The 1024 words of a page, None where the image does not hold it."""
        try:
            return np.frombuffer(self.memory.read(address, PAGE_SIZE), "<u4")
        except LookupError:
            return None

    @cached_property
    def agreeing(self) -> NDArray[np.int64]:
        """All pages of the image that may be second-level tables; another pass over it."""
        return agreeing_pages(self.memory)

    def leaf(self, address: int) -> _Leaf | None:
        """What the page holds, None where the image does not hold it."""
        if address not in self._known:
            words = self.words(address) if address >= 0 else None
            self._known[address] = None if words is None else _leaf(words)
        return self._known[address]


def _leaf(words: Words) -> _Leaf:
    linux, hardware = words[:512], words[512:]
    wrong = ((linux ^ hardware) >> 12 != 0) & (hardware != 0)
    used = np.count_nonzero(hardware[:256]), np.count_nonzero(hardware[256:])
    return _Leaf((int(used[0]), int(used[1])), not bool(wrong.any()))


def families(leaves: Leaves, candidates: Iterable[int], *, base_known: bool, vote: bool = False) -> list[Family]:
    """Sort the candidates, and find where the image lies for each family where that is not known.

    Candidates that do not map themselves where they lie are left out.

    Args:
        leaves: the second-level tables of the image.
        candidates: addresses in it.
        base_known: its addresses are physical.
        vote: try every address that makes any table descriptor lead to a table, not only the likely ones.
    """
    found: dict[tuple[int, int], Family] = {}
    for address in candidates:
        words = np.frombuffer(leaves.memory.read(address, ROOT_SHORT), "<u4")
        for page_offset, delta in _lines(words):
            if not base_known or maps_itself(words, address, delta):
                family = found.setdefault((page_offset, delta), Family(page_offset, delta))
                family.tables[address] = words
                break
    if base_known:
        return list(found.values())
    placed = []
    for family in found.values():
        shift = _voted(leaves, family) if vote else _likely(leaves, family)
        if shift is not None:
            family.shift = shift
            kept = {at: words for at, words in family.tables.items() if maps_itself(words, at + shift, family.delta)}
            family.tables = kept
            placed += [family] if kept else []
    return placed


def _lines(words: Words) -> list[tuple[int, int]]:
    """The straight maps that may be lowmem, as (PAGE_OFFSET, delta), the longest first.

    A boot loader's table, which maps everything to itself, is told apart by the sections in what would be the user
    half: Linux has a few there at most, to switch the MMU on and off.
    """
    at = np.flatnonzero(words[PAGE_OFFSETS[-1] >> 20 :] & 3 == _SECTION) + (PAGE_OFFSETS[-1] >> 20)
    deltas = (at - (words[at] >> 20).astype(np.int64)) & 0xFFF
    counts = np.bincount(deltas, minlength=0x1000)
    lines = []
    for delta in np.argsort(counts, kind="stable")[::-1][:_DELTAS].tolist():
        if counts[delta] < 3:
            break
        page_offset = int(at[deltas == delta][0]) << 20 & 0xF0000000
        user = words[: (page_offset - MODULES) >> 20]
        if page_offset in PAGE_OFFSETS and np.count_nonzero(user & 3 == _SECTION) <= _MOST_IDENTITY:
            lines.append((page_offset, delta))
    return lines


def maps_itself(words: Words, pa: int, delta: int) -> bool:
    """Whether a table at physical ``pa`` has a section on the straight map that covers itself."""
    if not 0 <= pa < 1 << 32:
        return False
    word = int(words[(pa >> 20) + delta & 0xFFF])
    return word & 3 == _SECTION and word >> 20 == pa >> 20


def _pointers(family: Family) -> list[int]:
    """The pages of second-level tables that the family's tables name: physical, ascending."""
    pages: set[int] = set()
    for words in family.tables.values():
        named = words[(words & 3 == _TABLE) & (words & _HARDWARE_HALF != 0)]
        pages.update(np.unique(named & ~np.uint32(PAGE_SIZE - 1)).tolist())
    return sorted(pages)


def _likely(leaves: Leaves, family: Family) -> int | None:
    """Where the image begins, if it is where RAM begins to the kernel, or at address 0, or at a multiple of 256 MiB.

    Nine in ten of the pages that are named and not empty must be tables, and at least half of all.
    """
    pages = _pointers(family)
    best, most = None, 0
    for shift in dict.fromkeys((family.phys_offset, 0, family.phys_offset & -(256 * MIB))):
        if any(maps_itself(words, at + shift, family.delta) for at, words in family.tables.items()):
            there = [leaves.leaf(page - shift) for page in pages]
            wrong = sum(leaf is None or not leaf.agrees for leaf in there)
            right = sum(leaf is not None and leaf.agrees and any(leaf.used) for leaf in there)
            if right > most and 2 * right >= len(pages) and right >= 9 * wrong:
                best, most = shift, right
    return best


def _score(leaves: Leaves, pages: Iterable[int], shift: int) -> int:
    """How many of the pages are tables in an image that begins at ``shift``, less those that are something else."""
    there = [leaf for page in pages if (leaf := leaves.leaf(page - shift)) is not None]
    return sum((1 if any(leaf.used) else 0) if leaf.agrees else -1 for leaf in there)


def _voted(leaves: Leaves, family: Family) -> int | None:
    """Where the image begins, if more table descriptors then lead to a table than at any other address.

    Where hardly any does (tables of the kernel's first instructions, a dump cut short), an image that begins where RAM
    does, and has a table without user half at the kernel's place, is taken, unless descriptors lead to no tables.
    """
    named, good = _pointers(family), leaves.agreeing
    pages = np.array(named, np.int64)
    if len(good) and len(pages) and len(good) * len(pages) <= _MOST_PAIRS:
        shifts, votes = np.unique(pages[:, None] - good, return_counts=True)
        most = np.argsort(-votes, kind="stable")[:_LOOKED_AT]
        scores = sorted(((_score(leaves, named, shift), shift) for shift in shifts[most].tolist()), reverse=True)
        (first, shift), second = scores[0], scores[1][0] if len(scores) > 1 else 0
        if first >= _LEAST_VOTES and first > second and shift >= 0:
            return int(shift)
    start = family.phys_offset
    there = [leaf for page in named if (leaf := leaves.leaf(page - start)) is not None]
    if any(not leaf.agrees for leaf in there) or (len(there) > 1 and not any(any(leaf.used) for leaf in there)):
        return None
    proper = any(
        maps_itself(words, at + start, family.delta)
        and at % _PLACE_OF == _PLACE
        and at < _MOST_TEXT_OFFSET
        and not bool((words[: family.first_kernel] & 3 == _TABLE).any())
        for at, words in family.tables.items()
    )
    return start if proper else None


def kernel_table(family: Family) -> int:
    """Which of the tables is swapper_pg_dir: its address in the image."""

    def order(address: int) -> tuple[bool, bool, int, int]:
        words = family.tables[address]
        has_user = bool((words[: family.first_kernel] & 3 == _TABLE).any())
        return has_user, not in_place(family, address), -_kernel_entries(family, words), address

    return min(family.tables, key=order)


def in_place(family: Family, address: int) -> bool:
    """Whether a table lies where head.S puts swapper_pg_dir."""
    offset = address + family.shift - family.phys_offset
    return 0 <= offset < _MOST_TEXT_OFFSET and offset % _PLACE_OF == _PLACE


def _kernel_entries(family: Family, words: Words) -> int:
    return int(np.count_nonzero(words[family.first_kernel :]))


def lowmem(family: Family, words: Words) -> tuple[Span, int, int]:
    """The virtual addresses of the straight map, how many sections are on it, and how many sections it has there."""
    first = family.page_offset >> 20
    at = np.flatnonzero(words[first:] & 3 == _SECTION) + first
    on_line = (at - (words[at] >> 20).astype(np.int64)) & 0xFFF == family.delta
    line = at[on_line]
    last = int(line[-1])
    return Span(int(line[0]) << 20, last + 1 << 20), len(line), int(np.count_nonzero(at <= last))


def checks(leaves: Leaves, family: Family, address: int, users: tuple[UserTable, ...]) -> tuple[Check, ...]:
    """What speaks for the kernel's table at ``address``."""
    words = family.tables[address]
    _, straight, sections = lowmem(family, words)
    named, hold = 0, 0
    for page in np.unique(words[words & 3 == _TABLE] & ~np.uint32(PAGE_SIZE - 1)).tolist():
        leaf = leaves.leaf(page - family.shift)
        if leaf is None or any(leaf.used) or not leaf.agrees:
            named += 1
            hold += leaf is not None and leaf.agrees
    vectors = vectors_word(leaves, family, address)
    agree = sum(user.shared for user in users), sum(user.shared_of for user in users)
    return (
        Check("straight", "sections between the ends of lowmem that lie on one straight line", straight, sections),
        Check(
            "entries", "entries of the kernel's half that are descriptors as Linux writes them", *_linux(family, words)
        ),
        Check("itself", "the table is mapped by itself, on that line", int(_itself(family, address)), 1),
        Check("place", "it lies 16 KiB below where a kernel's text begins", int(in_place(family, address)), 1),
        Check("tables", "pages of second-level tables whose Linux half and hardware half agree", hold, named),
        Check("vectors", "the exception vectors at 0xffff0000 are mapped", int(vectors is not None), 1),
        Check("shared", "entries of the kernel's half that the other tables have as well", *agree),
    )


def _linux(family: Family, words: Words) -> tuple[int, int]:
    """Entries of the kernel's half: how many are a pair's table or a section within 4 GiB, of those that are not 0."""
    half = words[family.first_kernel :]
    tables = (half & 3 == _TABLE) & (half & _HARDWARE_HALF != 0)
    sections = (half & 3 == _SECTION) & (half & _NOT_LINUX == 0)
    return int(np.count_nonzero(tables | sections)), int(np.count_nonzero(half))


def _itself(family: Family, address: int) -> bool:
    return maps_itself(family.tables[address], address + family.shift, family.delta)


def vectors_word(leaves: Leaves, family: Family, address: int) -> int | None:
    """The hardware's word for the page of the exception vectors, None where it is not mapped."""
    entry = int(family.tables[address][_VECTORS])
    if entry & 3 != _TABLE:
        return None
    table = entry & -0x400
    words = leaves.words((table & -PAGE_SIZE) - family.shift)
    if words is None:
        return None
    word = int(words[(table % PAGE_SIZE) // 4 + _VECTORS_INDEX])
    return word if word & 3 else None


def architecture(family: Family, address: int, vectors: int | None) -> str:
    """v5, xscale or v7, as the bits of the descriptors tell.

    Linux sets bit 4 of sections up to ARMv5, but not on XScale, where all small pages are of type 3; on ARMv6 and later
    that bit is XN in a section, which kernel text does not have, and type 3 is XN in a page, which the vectors are not.
    The text of an XIP kernel is not in lowmem; but up to ARMv5 no section has APX.
    """
    words = family.tables[address]
    first = family.page_offset >> 20
    at = np.flatnonzero(words[first:] & 3 == _SECTION) + first
    line = words[at[(at - (words[at] >> 20).astype(np.int64)) & 0xFFF == family.delta]]
    if bool((line & _BIT4 != 0).all()) and not bool((words[words & 3 == _SECTION] & _APX).any()):
        return "v5"
    return "xscale" if vectors is not None and vectors & 3 == 3 else "v7"


def user_tables(leaves: Leaves, family: Family, root: int) -> tuple[UserTable, ...]:
    """The family's other tables; all that share the kernel's half."""
    kernel = family.tables[root][family.first_kernel :]
    found = []
    for address, words in sorted(family.tables.items()):
        if address == root:
            continue
        half = words[family.first_kernel :]
        there = (kernel != 0) | (half != 0)
        user = words[: family.first_kernel]
        sections = np.flatnonzero(user & 3 == _SECTION)
        tables, missing, pages = _user_pages(leaves, user, family.shift)
        identity = len(sections) and bool((user[sections] >> 20 == sections).all())
        kind: UserKind = "process" if pages or missing else "identity map" if identity else "empty"
        shared = int(np.count_nonzero((kernel == half) & there))
        kernel_entries = int(np.count_nonzero(there))
        found.append(UserTable(address + family.shift, kind, tables, missing, pages, shared, kernel_entries))
    return tuple(found)


def _user_pages(leaves: Leaves, user: Words, shift: int) -> tuple[int, int, int]:
    """How many second-level tables there are, how many the image does not hold, and how many pages they map."""
    named = np.unique(user[user & 3 == _TABLE] & ~np.uint32(0x3FF)).tolist()
    tables = missing = pages = 0
    for table in named:
        leaf = leaves.leaf((table & -PAGE_SIZE) - shift)
        if leaf is None:
            missing += 1
        elif leaf.agrees and table & _HARDWARE_HALF:
            tables += 1
            pages += leaf.used[table >> 10 & 1]
    return tables, missing, pages
