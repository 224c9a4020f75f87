"""What the boot loader is about to do, for a capture that ends before any kernel: where it puts what, and what follows.

Not here: where it should put things instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.bootlog.banks import from_loader
from bootmap.bootlog.environment import will_start
from bootmap.bootlog.loaded import KERNEL, started_with
from bootmap.units import MIB, hex_address, size_text

if TYPE_CHECKING:
    from bootmap.bootlog.case import LogCase
    from bootmap.units import Span

_GRANULE = 128 * MIB


def plan(case: LogCase) -> list[str]:
    """What will lie where when the kernel starts, in sentences."""
    items = list(started_with(case)) or list(will_start(case))
    banks = from_loader(case.log, 0)
    if not items:
        return []
    lines = [f"line {row.line}: {row.what} at {_range(row.span)}" for row in items]
    kernel = next((row for row in items if row.what == KERNEL), None)
    if banks:
        total = sum(bank.size for bank in banks)
        lines.append(
            f"RAM: {size_text(total)}" + ("" if banks[0].start == 0 else f" from {hex_address(banks[0].start)} on")
        )
    if kernel is not None:
        base = kernel.span.start & -_GRANULE
        lines.append(
            f"a zImage at {hex_address(kernel.span.start)} takes {hex_address(base)} for PHYS_OFFSET, unpacks to "
            f"{hex_address(base + 0x8000)} and drops RAM below; it moves itself out of its own way first"
        )
        low = [row for row in items if row is not kernel and row.span.start < base]
        lines += [f"{row.what} lies below {hex_address(base)}: out of the kernel's reach" for row in low]
    for at, row in enumerate(items):
        for other in items[at + 1 :]:
            if row.span.size > 1 and row.span.overlaps(other.span):
                lines.append(f"OVERLAP: {row.what} (line {row.line}) and {other.what} (line {other.line})")
    return lines


def _range(span: Span) -> str:
    return hex_address(span.start) if span.size <= 1 else f"{span}, {size_text(span.size)}"
