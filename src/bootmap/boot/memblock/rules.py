"""Which rules of memblock a kernel follows: its features, turned into ``MemblockRules``.

Apart from ``bootmap.boot.memblock`` so that the allocator knows neither features nor versions.
"""

from __future__ import annotations

from typing import Protocol

from bootmap.facts.linux.memblock import MemblockRules, Overlap


class HasFeatures(Protocol):
    """Whatever can say whether a kernel has a feature."""

    def has(self, name: str, /) -> bool:
        """Whether it has the feature of ``bootmap.facts.features.table`` with this name."""


def memblock_rules(kernel: HasFeatures, width: int | None = None, *, cache_line: int = 64) -> MemblockRules:
    """The rules of ``kernel``.

    Args:
        kernel: answers for features of ``bootmap.facts.features.table``.
        width: bits of phys_addr_t; None: 64 with long descriptors, else 32.
        cache_line: SMP_CACHE_BYTES.
    """
    has = kernel.has
    as_lmb = has("memblock_as_lmb")
    if as_lmb:
        width = 64
    elif width is None:
        width = 64 if has("lpae") else 32
    if has("memblock_pieces"):
        overlap = Overlap.PIECES
    elif has("memblock_joins_overlaps"):
        overlap = Overlap.EXTEND
    else:
        overlap = Overlap.COALESCE
    return MemblockRules(
        width=width,
        overlap=overlap,
        as_lmb=as_lmb,
        rsrv_kern=has("memblock_rsrv_kern"),
        round_size_to_align=has("memblock_size_rounded"),
        region_flags=has("memblock_flags"),
        merge_whole_array=not has("memblock_merge_near"),
        room_off_by_one=has("memblock_room_off_by_one"),
        array_whole_pages=has("memblock_array_pages"),
        cap_ignores_empty=has("memblock_cap_ignores_empty"),
        bottom_up_above_kernel=has("memblock_bottom_up_above_kernel"),
        resize_panics=has("memblock_resize_panics"),
        region_memory_asks_reserved=has("memblock_region_memory_reserved"),
        zero_align=cache_line if has("memblock_zero_align") else 0,
    )
