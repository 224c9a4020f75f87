"""The memory that a tree reserves, as U-Boot reads it: /memreserve/ entries, then the children of /reserved-memory.

Only the first entry of a child's reg counts; one whose status is not okay is passed over.

Source: boot/image-fdt.c ``boot_fdt_add_mem_rsv_regions``, lib/fdtdec.c ``fdtdec_get_is_enabled``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bootmap.inputs.cells import address_cells, pairs, size_cells

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.inputs.fdt import Fdt


class Area(NamedTuple):
    """``size`` bytes at ``base``; whether the kernel is not to map them."""

    base: int
    size: int
    no_map: bool


def areas_of(tree: Fdt) -> Iterator[Area]:
    """All areas at fixed places, in U-Boot's order."""
    for address, size, _ in tree.reservations:
        yield Area(address, size, False)
    parent = tree.node("/reserved-memory")
    if parent is None:
        return
    n_address, n_size = address_cells(parent), size_cells(parent)
    for node in parent.children:
        prop = node.get("reg")
        status = node.get("status")
        if prop is None or len(prop.value) < 4 * (n_address + n_size):
            continue
        if status is not None and status.value.split(b"\0")[0] not in (b"okay", b"ok"):
            continue
        first = pairs(prop, n_address, n_size)[0]
        yield Area(first.base, first.size, "no-map" in node.properties)
