"""Which of the candidates of a search are a kernel's tables of long descriptors, and which its processes'.

    swapper_pg_dir  [ 4 entries, rest of a page ][ pmd page 0 ][ 1 ][ 2 ][ 3 ]     each entry names one pmd page
    a process       [ 3 entries of its own (2, 1 under other splits) | the kernel's ]     32 bytes

The four entries name the pages that follow, so they tell where the image lies, too.

Sources: arch/arm/kernel/head.S ``__create_page_tables``, arch/arm/mm/pgd.c ``pgd_alloc``,
arch/arm/include/asm/pgtable-3level.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from bootmap.analysis.locate.located import Check, UserTable
from bootmap.analysis.locate.short import MODULES
from bootmap.facts.linux.vmsplit import PAGE_OFFSETS
from bootmap.units import GIB, MIB, PAGE_SIZE, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from bootmap.analysis.locate.located import UserKind
    from bootmap.image.memory import ImageMemory

    Words = NDArray[np.unsignedinteger[Any]]

_BLOCK, _TABLE = 1, 3
_ADDRESS = 0xFF_FFFF_F000  # bits 39:12, DDI 0406C B3.6
_RESERVED = 0x000F_FF00_0000_0000  # bits 51:40, which no descriptor of Linux has set
_LOW = 0xFFF
_USER_HIGH = ~((1 << 40) - 1) & 0xFFFF_FFFF_FFFF_FFFF
_PMD_SHIFT = 21
_PMDS = 512
_PGD_BYTES = 32
_PLACE, _PLACE_OF = 0x3000, 0x10000  # textofs-y ends in 0x8000, the pgd and four pmd pages are below
_MOST_TEXT_OFFSET = 32 * MIB
_MOST_IDENTITY = 64


class FoundKernel(Struct, frozen=True, eq=False):
    """A kernel's table.

    Attributes:
        address: of the pgd, in the image.
        shift: what makes the image's addresses physical.
        page_offset: PAGE_OFFSET.
        phys_offset: PHYS_OFFSET.
        entries: the four entries of the pgd.
        pmds: the 2048 pmd entries behind it.
    """

    address: int
    shift: int
    page_offset: int
    phys_offset: int
    entries: tuple[int, ...]
    pmds: Words

    @property
    def root(self) -> int:
        """Physical address of the pgd."""
        return self.address + self.shift

    @property
    def first_kernel(self) -> int:
        """Index of the first pmd entry that is the kernel's."""
        return (self.page_offset - MODULES) >> _PMD_SHIFT

    def line(self) -> NDArray[np.bool_]:
        """Which pmd entries are blocks on the straight map."""
        index = np.arange(len(self.pmds), dtype=np.int64)
        target = (self.pmds & np.uint64(_ADDRESS)).astype(np.int64) >> _PMD_SHIFT
        straight: NDArray[np.bool_] = index - target == (self.page_offset - self.phys_offset) >> _PMD_SHIFT
        straight &= self.pmds & np.uint64(3) == _BLOCK
        straight &= index >= self.page_offset >> _PMD_SHIFT
        return straight


def kernels(memory: ImageMemory, candidates: Iterable[int], *, base_known: bool) -> tuple[list[FoundKernel], list[str]]:
    """The candidates that map lowmem and themselves; and what was wrong with others."""
    found: list[FoundKernel] = []
    elsewhere: list[tuple[int, int]] = []
    for address in candidates:
        try:
            pgd = np.frombuffer(memory.read(address, _PGD_BYTES), "<u8")
            pmds = np.frombuffer(memory.read(address + PAGE_SIZE, 4 * PAGE_SIZE), "<u8")
        except LookupError:
            continue
        entries = tuple(int(entry) for entry in pgd)
        root = (entries[0] & _ADDRESS) - PAGE_SIZE
        if base_known and root != address:
            elsewhere.append((address, root))
            continue
        kernel = _kernel(address, root - address, entries, pmds)
        if root >= address and kernel is not None:
            found.append(kernel)
    problems = []
    if elsewhere:
        address, root = elsewhere[0]
        problems.append(
            f"{len(elsewhere)} places look like tables of long descriptors that lie elsewhere, the first at "
            f"{address:#x} like one at {root:#x}: a copy, or the image does not begin where it is said to"
        )
    return found, problems


def _kernel(address: int, shift: int, entries: tuple[int, ...], pmds: Words) -> FoundKernel | None:
    """The kernel whose straight map has the table itself on it, None where there is no such line."""
    root = address + shift
    index = np.flatnonzero(pmds & np.uint64(3) == _BLOCK)
    index = index[index >= PAGE_OFFSETS[-1] >> _PMD_SHIFT]
    target = (pmds[index] & np.uint64(_ADDRESS)).astype(np.int64) >> _PMD_SHIFT
    deltas, counts = np.unique(index - target, return_counts=True)
    for delta in deltas[np.argsort(-counts, kind="stable")].tolist():
        own = (root >> _PMD_SHIFT) + delta
        if own not in index[index - target == delta]:
            continue
        page_offset = int(index[index - target == delta][0]) << _PMD_SHIFT & 0xF0000000
        user = pmds[: (page_offset - MODULES) >> _PMD_SHIFT]
        if np.count_nonzero(user & np.uint64(3) == _BLOCK) > _MOST_IDENTITY:
            continue  # a boot loader's table, which maps everything to itself
        phys_offset = page_offset - (delta << _PMD_SHIFT)
        if page_offset in PAGE_OFFSETS and phys_offset >= 0:
            return FoundKernel(address, shift, page_offset, phys_offset, entries, pmds)
    return None


def in_place(kernel: FoundKernel) -> bool:
    """Whether the table lies where head.S puts swapper_pg_dir."""
    offset = kernel.root - kernel.phys_offset
    return 0 <= offset < _MOST_TEXT_OFFSET and offset % _PLACE_OF == _PLACE


def lowmem(kernel: FoundKernel) -> tuple[Span, int, int]:
    """The virtual addresses of the straight map, how many blocks are on it, and how many blocks it has there."""
    line = np.flatnonzero(kernel.line())
    first, last = int(line[0]), int(line[-1])
    blocks = int(np.count_nonzero(kernel.pmds[first : last + 1] & np.uint64(3) == _BLOCK))
    return Span(first << _PMD_SHIFT, last + 1 << _PMD_SHIFT), len(line), blocks


def checks(memory: ImageMemory, kernel: FoundKernel, users: tuple[UserTable, ...]) -> tuple[Check, ...]:
    """What speaks for the kernel's table."""
    _, straight, blocks = lowmem(kernel)
    named = hold = 0
    tables = kernel.pmds[kernel.pmds & np.uint64(3) == _TABLE] & np.uint64(_ADDRESS)
    for table in tables.tolist():
        used = _used(memory, table - kernel.shift)
        named += used != 0
        hold += used is not None and used > 0
    agree = sum(user.shared for user in users), sum(user.shared_of for user in users)
    vectors = int(kernel.pmds[-1]) & 3 == _TABLE and _vectors(memory, int(kernel.pmds[-1]), kernel.shift)
    return (
        Check("follow", "entries of the pgd that name the pages behind it", 4, 4),
        Check("straight", "blocks between the ends of lowmem that lie on one straight line", straight, blocks),
        Check("itself", "the table is mapped by itself, on that line", 1, 1),
        Check("place", "it lies 20 KiB below where a kernel's text begins", int(in_place(kernel)), 1),
        Check("tables", "last-level tables whose words are pages with no reserved bit set", hold, named),
        Check("vectors", "the exception vectors at 0xffff0000 are mapped", int(vectors), 1),
        Check("shared", "entries of the kernel's half that the other tables have as well", *agree),
    )


def _vectors(memory: ImageMemory, pmd: int, shift: int) -> bool:
    words = _page(memory, (pmd & _ADDRESS) - shift)
    return words is not None and int(words[0xFFFF0000 >> 12 & 0x1FF]) & 3 == 3


def _page(memory: ImageMemory, address: int) -> Words | None:
    if address < 0:
        return None
    try:
        return np.frombuffer(memory.read(address, PAGE_SIZE), "<u8")
    except LookupError:
        return None


def _used(memory: ImageMemory, address: int) -> int | None:
    """Pages that a last-level table maps: 0 where it is empty, -1 where it is none, None where it is not held."""
    words = _page(memory, address)
    if words is None:
        return None
    used = words[words & np.uint64(1) != 0]
    if bool((used & np.uint64(2) == 0).any() or (used & np.uint64(_RESERVED) != 0).any()):
        return -1
    return len(used)


def user_tables(memory: ImageMemory, kernel: FoundKernel, places: Iterable[int]) -> tuple[UserTable, ...]:
    """The processes' tables among the places that end in the kernel's last entry."""
    split = kernel.page_offset // GIB
    found = []
    for address in places:
        if address == kernel.address:
            continue
        entries = tuple(int(entry) for entry in np.frombuffer(memory.read(address, _PGD_BYTES), "<u8"))
        user = entries[:split]
        if any(entry and (entry & _LOW != _TABLE or entry & _USER_HIGH) for entry in user):
            continue
        shared = sum(mine == theirs for mine, theirs in zip(entries[split:], kernel.entries[split:], strict=True))
        tables, missing, pages, identity = _user_pages(memory, kernel, user)
        kind: UserKind = "process" if pages or missing else "identity map" if identity else "empty"
        found.append(UserTable(address + kernel.shift, kind, tables, missing, pages, shared, 4 - split))
    return tuple(found)


def _user_pages(memory: ImageMemory, kernel: FoundKernel, user: tuple[int, ...]) -> tuple[int, int, int, bool]:
    """Last-level tables, those that are not held, the pages mapped, and whether a block maps to its own address."""
    tables = missing = pages = 0
    identity = False
    for number, entry in enumerate(user):
        if not entry:
            continue
        pmds = _page(memory, (entry & _ADDRESS) - kernel.shift)
        if pmds is None:
            missing += 1
            continue
        own = pmds[: max(0, kernel.first_kernel - number * _PMDS)]
        if bool((own[own & np.uint64(1) != 0] & np.uint64(_RESERVED) != 0).any()):
            continue
        blocks = np.flatnonzero(own & np.uint64(3) == _BLOCK)
        target = (own[blocks] & np.uint64(_ADDRESS)).astype(np.int64) >> _PMD_SHIFT
        identity |= len(blocks) > 0 and bool((target == blocks + number * _PMDS).all())
        for table in (own[own & np.uint64(3) == _TABLE] & np.uint64(_ADDRESS)).tolist():
            used = _used(memory, table - kernel.shift)
            missing += used is None
            if used is not None and used >= 0:
                tables += 1
                pages += used
    return tables, missing, pages, identity
