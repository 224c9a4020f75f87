"""A reader of page tables for the tests: independent of ``bootmap.boot``, which writes them, and small enough to check.

Short descriptors (DDI 0406C B3.5), and where Linux keeps its own words beside them::

    pgd, 4 pages     pair of words 2i, 2i+1, two descriptors in one Linux pmd
    pte page         0x000 Linux's words, first half   0x400 second half
                     0x800 hardware's words, first half  0xc00 second half

Long descriptors (DDI 0406C B3.6): a page of 4 (used) words, four pages of 512 pmds, pages of 512 ptes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bootmap.facts.arm import long_desc, short_desc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.facts.arm.descriptors import Level

    Array = np.ndarray[tuple[int], np.dtype[np.unsignedinteger]]
    Pages = Mapping[int, Array]

UNMAPPED = -1
_ADDRESS_40 = 0xFF_FFFF_F000


def as_words(pages: Mapping[int, bytes], *, long: bool) -> dict[int, Array]:
    """Pages of bytes as little-endian words."""
    return {address: np.frombuffer(raw, "<u8" if long else "<u4") for address, raw in pages.items()}


def root_words(pages: Pages, root: int) -> Array:
    """The first level of the short format: 4096 words."""
    return np.concatenate([pages[root + at] for at in range(0, 0x4000, 4096)])


def frames(pages: Pages, root: int, *, long: bool) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """For each of the 2^20 virtual pages the page frame that it is mapped to, UNMAPPED for none.

    Raises:
        KeyError: a descriptor points to a table that is not among ``pages``.
        AssertionError: a descriptor of a kind that Linux never writes for itself.
    """
    found = np.full(1 << 20, UNMAPPED, np.int32)
    if long:
        _read_long(pages, root, found)
    else:
        _read_short(pages, root, found)
    return found


def _read_short(pages: Pages, root: int, found: np.ndarray[tuple[int], np.dtype[np.int32]]) -> None:
    first = root_words(pages, root).astype(np.int64)
    assert not np.any(first & 3 == 3), "a first-level descriptor of type 3"
    far = (first & 3 == 2) & (first >> 18 & 1 == 1)  # supersections: in kernels that were changed to have some
    assert np.all(first[far] >> 20 & 15 > 0), "a supersection below 4 GiB"
    by_section = found.reshape(4096, 256)
    for index in np.flatnonzero(far):
        base = (int(first[index]) >> 24 << 24 | (int(first[index]) >> 20 & 15) << 32) >> 12
        by_section[index] = base + (int(index) % 16 << 8) + np.arange(256)
    first = np.where(far, 0, first)
    sections = np.flatnonzero(first & 3 == 2)
    by_section[sections] = (first[sections] >> 20 << 8)[:, None] + np.arange(256)
    for index in np.flatnonzero(first & 3 == 1):
        table = int(first[index])
        quarter = (table & 0xC00) // 4
        words = pages[table & ~0xFFF][quarter : quarter + 256].astype(np.int64)
        assert not np.any(words & 3 == 1), "a large page"
        by_section[index] = np.where(words & 3 == 0, UNMAPPED, words >> 12)


def _read_long(pages: Pages, root: int, found: np.ndarray[tuple[int], np.dtype[np.int32]]) -> None:
    by_block = found.reshape(4, 512, 512)
    for quarter, entry in enumerate(pages[root][:4].astype(np.int64)):
        assert entry & 3 == 3, "a first-level descriptor that is no table"
        second = pages[int(entry) & _ADDRESS_40].astype(np.int64)
        for index in np.flatnonzero(second & 3 == 1):
            by_block[quarter, index] = (second[index] & 0xFF_FFE0_0000) // 4096 + np.arange(512)
        for index in np.flatnonzero(second & 3 == 3):
            words = pages[int(second[index]) & _ADDRESS_40].astype(np.int64)
            by_block[quarter, index] = np.where(words & 3 == 3, (words & _ADDRESS_40) // 4096, UNMAPPED)


def place(pages: Pages, root: int, address: int, *, long: bool) -> tuple[str, Level | None, int]:
    """Where the word at ``address`` stands: in words, the level that reads it (None: Linux), the virtual address."""
    width, page = (8, address & ~0xFFF) if long else (4, address & ~0xFFF)
    index = (address - page) // width
    if not long and root <= address < root + 0x4000:
        return "pgd", short_desc.V6, (address - root) // 4 << 20
    if long and page == root:
        return "pgd", long_desc.L1, index << 30
    if long and root < page <= root + 0x4000:
        return "pmd", long_desc.L2, ((page - root) // 4096 - 1 << 30) + (index << 21)
    if long:
        for quarter in range(4):
            for at, word in enumerate(pages[root + 4096 * (quarter + 1)]):
                if int(word) & 3 == 3 and int(word) & _ADDRESS_40 == page:
                    return "pte", long_desc.L3, (quarter << 30) + (at << 21) + (index << 12)
        return "a table that nothing points to", long_desc.L3, 0
    first = root_words(pages, root).astype(np.int64)
    pairs = np.flatnonzero((first & 3 == 1) & (first & ~0xFFF == page))
    what = "hardware pte" if index >= 512 else "Linux pte"
    level = short_desc.V6.descriptor(1).table if index >= 512 else None
    if not len(pairs):
        return f"{what} of a table that nothing points to", level, 0
    return what, level, ((int(pairs[0]) & ~1) << 20) + (index % 512 << 12)


def decoded(level: Level | None, word: int) -> str:
    """The word, its kind and its fields; of an ARMv6 or later where the architectures differ."""
    if level is None:
        return f"{word:#x}"
    layout = level.descriptor(word).layout
    fields = ", ".join(f"{name} {value:#x}" for name, value in layout.decode(word).items() if value)
    return f"{word:#x} ({layout.name}{': ' if fields else ''}{fields})"
