"""Two sets of page tables: what changed, judged with what either source tells of the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.analysis.diff import AreaLayout, classed, differences, linux_only
from bootmap.mmu.walk import walk
from bootmap.units import MIB, Span, align_up

if TYPE_CHECKING:
    from bootmap.analysis.diff import TableChange
    from bootmap.source.tables import Tables

_PAGE_OFFSET = 0xC0000000
_FIXMAP = Span(0xFFC00000, 0xFFFF0000)


class TablesDiff(Struct, frozen=True):
    """What one set of page tables has that another has not.

    Attributes:
        before: the one.
        after: the other.
        changes: by virtual address; each is *altered*, or something that a running kernel does by itself.
    """

    before: Tables
    after: Tables
    changes: tuple[TableChange, ...]

    @property
    def altered(self) -> tuple[TableChange, ...]:
        """The changes that no running kernel makes by itself."""
        return tuple(change for change in self.changes if change.altered)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Those of both sides, each once."""
        return tuple(dict.fromkeys([*self.before.assumptions, *self.after.assumptions]))

    def words(self, change: TableChange) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The descriptors at the first address of a change, first level first, before and after."""
        before, after = (
            tuple(step.word for step in walk(side.memory, side.regime, change.va).steps)
            for side in (self.before, self.after)
        )
        return before, after

    def __len__(self) -> int:
        return len(self.changes)

    def __repr__(self) -> str:
        names = f"{self.before.name} -> {self.after.name}"
        return f"<TablesDiff {names}: {len(self.changes)} changes, {len(self.altered)} altered>"


def diff(before: Tables, after: Tables, *, granule: bool = False) -> TablesDiff:
    """Say what the tables of ``after`` have that those of ``before`` have not, as ranges and rights.

    Args:
        before: the one.
        after: the other.
        granule: tell also where the same is mapped by descriptors of other sizes.

    >>> len(diff(tables, tables))
    0
    """
    found = differences(before.map, after.map, granule=granule)
    if not before.regime.long and not after.regime.long:
        found += linux_only((before.map, before.memory), (after.map, after.memory))
    return TablesDiff(before, after, tuple(classed(found, _layout(before, after))))


def _layout(one: Tables, other: Tables) -> AreaLayout:
    """The kernel's layout, from whichever side knows it."""
    kernel = one.kernel or other.kernel
    page_offset = one.page_offset or other.page_offset or _PAGE_OFFSET
    symbols = one.symbols or other.symbols
    image = None
    if "_end" in symbols:
        image = Span(page_offset, align_up(symbols["_end"], 2 * MIB))
    fixmap = Span(kernel.fixaddr_start, align_up(kernel.fixaddr_top, 2 * MIB)) if kernel else _FIXMAP
    highmem = kernel is None or kernel.has("highmem")
    pkmap = Span(page_offset - 2 * MIB if highmem else page_offset, page_offset)
    replay = one.replay or other.replay
    coherent: tuple[Span, ...] = ()
    if replay is not None:
        state = replay.state
        starts = [(state.va(area.base), area.size) for area in state.cma_areas]
        coherent = tuple(Span(start, start + size) for start, size in starts)
    return AreaLayout(page_offset, one.high_memory or other.high_memory, image, pkmap, fixmap, coherent)
