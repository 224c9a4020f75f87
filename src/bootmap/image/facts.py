"""What an image that bootmap wrote says of its kernel beside the memory: recordings and predictions do.

Dumps and live machines say nothing of the kind; their readers know addresses and bytes only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """The kernel whose tables an image holds, None or empty where the image does not tell.

    Attributes:
        version: such as ``6.1.55``.
        cpu: the CPU that it runs on, by the name that device trees and QEMU use.
        machine: the QEMU machine, which has a CPU of its own where ``cpu`` is None.
        arch: the version of the architecture, by its name in ``mmu.regs``.
        page_offset: PAGE_OFFSET.
        phys_offset: PHYS_OFFSET.
        high_memory: end of lowmem in virtual space.
        symbols: virtual addresses by name, a few.
    """

    version: str | None = None
    cpu: str | None = None
    machine: str | None = None
    arch: str | None = None
    page_offset: int | None = None
    phys_offset: int | None = None
    high_memory: int | None = None
    symbols: Mapping[str, int] = field(default_factory=dict)
