"""How many pages there are: the lines that count zones, and what of them goes to mem_map.

    present                        pages that are RAM
    - pages for mem_map            one struct page for each page spanned, holes too
    = what the zonelists begin with

Not here: where zones begin and end.  Source: mm/page_alloc.c (mm/mm_init.c from 6.4) ``free_area_init_core``,
``calc_memmap_size``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.bootlog.claims.context import contradicted, matched, told, unmodelled
from bootmap.bootlog.judgement import Claim, judge
from bootmap.units import PAGE_SHIFT, PAGE_SIZE, align_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap.boot.records import Zone
    from bootmap.bootlog.claims.context import Context
    from bootmap.bootlog.judgement import Judged
    from bootmap.bootlog.log import Said

_STRUCT_PAGE = (32, 36, 40)
"""Bytes of struct page: without and with a pointer for CONFIG_MEMCG (include/linux/mm_types.h), and in vendors' kernels
with one word more."""


class PageCounts:
    """Judges the lines of one log that count pages.

    Attributes:
        struct_page: bytes of struct page, once a line told; with a configuration it is known.
        sparse: whether mem_map leaves large holes out (SPARSEMEM).
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.struct_page: int | None = None
        self.sparse = context.kernel.config.enabled("SPARSEMEM")
        self._judges = {
            "total": self.total,
            "memmap": self.memmap,
            "dma_reserve": self.dma_reserve,
            "zone_pages": self.zone_pages,
            "all_pages": self.all_pages,
        }

    def knows(self, said: Said) -> bool:
        """Whether the line counts pages."""
        return said.kind in self._judges

    def judge(self, said: Said) -> Judged:
        """The verdict on one line that counts pages."""
        return self._judges[said.kind](said)

    @property
    def present(self) -> int:
        """Pages of RAM in all zones."""
        return sum(zone.present for zone in self.context.zones.values())

    def total(self, said: Said) -> Judged:
        """On node 0 totalpages."""
        taken = self.context.taken("total.pages")
        return judge(said, [Claim("pages", said.number("pages"), self.present, taken, True)])

    def _memmap_pages(self, zone: Zone, size: int) -> int:
        """Pages of mem_map that a zone is charged for: its holes too, but large ones not with SPARSEMEM."""
        span = zone.end_pfn - zone.start_pfn
        if self.sparse and span > zone.present + (zone.present >> 4):
            span = zone.present
        return align_up(span * size, PAGE_SIZE) >> PAGE_SHIFT

    def _fit(self, pages: int, charged: Callable[[int], int]) -> int | None:
        """The size of struct page with which ``charged(size)`` is ``pages``; None where no usual one is.

        The configuration decides it; a board made from a log has none, so that every line must agree on one.
        """
        choices = [(size, self.sparse) for size in ((self.struct_page,) if self.struct_page else self._page_sizes())]
        if self.context.basis.kernel_from_log and not self.struct_page:
            choices += [(size, True) for size, _ in choices]
        before = self.sparse
        for size, self.sparse in choices:
            if charged(size) == pages:
                self.struct_page = size
                return size
        self.sparse = before
        return None

    def memmap(self, said: Said) -> Judged:
        """Pages used for memmap."""
        zone = self.context.zones.get(said.word("name"))
        if zone is None:
            return contradicted(said, said.text, "no such zone")
        if self.context.dma_unknown:
            return unmodelled(said, "the machine's dma_zone_size is not known")
        size = self._fit(said.number("pages"), lambda size: self._memmap_pages(zone, size))
        if size is not None:
            return matched(said, f"struct page has {size} bytes")
        ours = self._memmap_pages(zone, self.struct_page or self._page_sizes()[0])
        return judge(said, [Claim("pages", said.number("pages"), ours, False, True)])

    def _page_sizes(self) -> tuple[int, ...]:
        """What struct page may measure; a configuration decides."""
        if self.context.basis.kernel_from_log:
            return _STRUCT_PAGE
        return (_STRUCT_PAGE[1] if self.context.kernel.config.enabled("MEMCG") else _STRUCT_PAGE[0],)

    def dma_reserve(self, said: Said) -> Judged:
        """Pages reserved: only x86 ever sets any aside."""
        return judge(said, [Claim("pages", said.number("pages"), 0, False, True)])

    def zone_pages(self, said: Said) -> Judged:
        """A zone's pages, before "LIFO batch"."""
        zone = self.context.zones.get(said.word("name"))
        if zone is None:
            return contradicted(said, said.text, "no such zone")
        if self.context.dma_unknown:
            return unmodelled(said, "the machine's dma_zone_size is not known")
        pages = zone.present
        if self.context.kernel.has("log_zone_less_memmap"):
            pages -= self._memmap_pages(zone, self.struct_page or self._page_sizes()[0])
        return judge(said, [Claim("pages", said.number("pages"), pages, False, True)])

    def all_pages(self, said: Said) -> Judged:
        """The pages that the zonelists begin with: those for mem_map are taken off, of highmem only before 3.8."""
        if self.context.taken("all_pages"):
            return told(said)
        if self.context.dma_unknown and len([z for z in self.context.zones.values() if z.present]) > 1:
            return unmodelled(said, "the machine's dma_zone_size is not known")
        if not self.context.kernel.has("log_all_pages_less_memmap"):
            return judge(said, [Claim("pages", said.number("pages"), self.present, False, True)])
        size = self._fit(said.number("pages"), self._all_pages_with)
        if size is not None:
            return matched(said, f"struct page has {size} bytes")
        ours = self._all_pages_with(self.struct_page or self._page_sizes()[0])
        return judge(said, [Claim("pages", said.number("pages"), ours, False, True)])

    def _all_pages_with(self, size: int) -> int:
        counted = (
            self.context.zones.values()
            if self.context.kernel.has("log_zone_less_memmap")
            else [zone for zone in self.context.zones.values() if zone.name != "HighMem"]
        )
        return self.present - sum(self._memmap_pages(zone, size) for zone in counted if zone.present)
