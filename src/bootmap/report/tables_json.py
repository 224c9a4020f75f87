"""The JSON document of ``bootmap tables``: schema ``bootmap.tables/1``.  Keys may be added, never renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootmap.report.walk_json import attributes_document

if TYPE_CHECKING:
    from bootmap.mmu.bulk import Ranges

SCHEMA = "bootmap.tables/1"


def ranges_document(ranges: Ranges) -> list[dict[str, Any]]:
    """The ranges: ``va``, ``size``, ``pa``, ``granules`` in bytes, and the attributes as ``bootmap walk`` has them."""
    return [
        {"va": found.va, "size": found.size, "pa": found.pa, "granules": list(found.granules)}
        | attributes_document(found.attributes)
        for found in ranges
    ]
