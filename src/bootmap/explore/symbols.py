"""The kernel's symbols for the page's search: all of them where they fit, else the global ones, else the best known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 40_000
"""Symbols of a page: about 300 KiB of it, compressed."""
_KNOWN = 2_000


def symbols(table: Mapping[str, int], page_offset: int) -> list[Any]:
    """``[names joined by newlines, differences of their addresses]``, by address; only what the kernel maps."""
    kind = getattr(table, "type", None)
    rows = sorted(
        (address, name) for name, address in table.items() if page_offset - (32 << 20) <= address < 1 << 32 and name
    )
    if len(rows) > _MOST and kind is not None:
        rows = [(address, name) for address, name in rows if kind(name).isupper()]
    if len(rows) > _MOST:
        rows = [(address, name) for address, name in rows if name.startswith(("_", "init_", "swapper"))][:_KNOWN]
    addresses = [address for address, _ in rows]
    steps = [after - before for before, after in zip([0, *addresses], addresses, strict=False)]
    return ["\n".join(name for _, name in rows), steps]
