"""UEFI's memory map, where a log has it whole: with efi=debug the kernel prints each row, and how many there are.

Source: drivers/firmware/efi/efi-init.c ``reserve_regions``; fdtparams.c ``efi_get_fdt_params``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.errors import InputError
from bootmap.facts.linux import efi
from bootmap.inputs.efi_map import parse
from bootmap.units import Span, merged

if TYPE_CHECKING:
    from bootmap.bootlog.log import Log
    from bootmap.inputs.efi_map import EfiMap


def efi_map(log: Log) -> EfiMap | None:
    """The map; None where the log has none, or not every row of it."""
    rows = log.all("efi_row")
    told = {said.word("name"): said.number("size") for said in log.all("efi_map")}
    if not rows or not told.get("Desc. Size") or len(rows) * told["Desc. Size"] != told.get("Size"):
        return None
    lines = [said.text for said in log.all("efi_row", "efi_map", "efi_table", "call")]
    try:
        return parse("\n".join(lines))
    except InputError:  # a row that makes no sense: the capture is damaged
        return None


def memory_of(found: EfiMap) -> list[Span]:
    """What of the map the kernel takes for memory, neighbours together."""
    return list(merged(Span(row.start, row.end) for row in found.rows if row.attributes & efi.MEMORY))
