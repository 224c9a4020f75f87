"""Objects that many rows name, kept once: origins, mappings, causes.  A row names them by their place in a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bootmap.boot.records import MapDesc
    from bootmap.boot.tables import Cause
    from bootmap.boot.trace import Origin

NONE = -1
"""In place of an index: there is none."""


class Pool:
    """Collects; each method gives the place of its argument, -1 for None.

    Attributes:
        origins: rows ``[rule, text with its place, byte offset or None, parent]``.
        map_descs: rows ``[virtual, pfn, length, type, what, stage, origin]``.
        causes: rows ``[stage, step, map_desc, origin]``.
    """

    def __init__(self) -> None:
        self.origins: list[list[Any]] = []
        self.map_descs: list[list[Any]] = []
        self.causes: list[list[Any]] = []
        self._places: dict[tuple[Any, ...], int] = {}

    def origin(self, origin: object) -> int:
        """The place of an :class:`~bootmap.boot.trace.Origin`; of anything else, -1."""
        from bootmap.boot.trace import Origin

        if not isinstance(origin, Origin):
            return NONE
        place = NONE
        for link in reversed(list(origin.chain())):  # parents first, so that a long chain needs no deep recursion
            place = self._place(self.origins, [link.rule, str(link), link.offset, place])
        return place

    def map_desc(self, md: MapDesc | None) -> int:
        """The place of a mapping."""
        if md is None:
            return NONE
        origin: Origin | None = md.origin
        row = [md.virtual, md.pfn, md.length, md.type, md.what, md.stage, self.origin(origin)]
        return self._place(self.map_descs, row)

    def cause(self, cause: Cause) -> int:
        """The place of the cause of a table write."""
        return self._place(
            self.causes, [cause.stage, cause.kind, self.map_desc(cause.map_desc), self.origin(cause.origin)]
        )

    def _place(self, rows: list[list[Any]], row: list[Any]) -> int:
        key = (id(rows), *row)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(rows)
            rows.append(row)
        return place
