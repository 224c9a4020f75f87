"""What an image that bootmap wrote says of its kernel beside the memory: recordings and predictions do.

Dumps and live machines say nothing of the kind; their readers know addresses and bytes only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootmap.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping

PA_BITS = 40  # the widest physical address of ARMv7: DDI 0406C B3.6, long descriptors


class KernelFacts(Struct, frozen=True):
    """The kernel whose tables an image holds, None or empty where the image does not tell.

    Raises:
        ImageError: a number is beyond what a 32-bit ARM can have.

    Attributes:
        version: such as ``6.1.55``.
        cpu: the CPU that it runs on, by the name that device trees and QEMU use.
        machine: the QEMU machine, which has a CPU of its own where ``cpu`` is None.
        arch: the version of the architecture, by its name in ``mmu.regs``.
        page_offset: PAGE_OFFSET.
        phys_offset: PHYS_OFFSET.
        high_memory: end of lowmem in virtual space.
        symbols: virtual addresses by name, a few.
        big_endian: whether its page tables are (CONFIG_CPU_ENDIAN_BE8).
    """

    version: str | None = None
    cpu: str | None = None
    machine: str | None = None
    arch: str | None = None
    page_offset: int | None = None
    phys_offset: int | None = None
    high_memory: int | None = None
    symbols: Mapping[str, int] = field(default_factory=dict)
    big_endian: bool = False

    def __post_init__(self) -> None:
        virtual = {"page_offset": self.page_offset, **{f"symbol {name}": va for name, va in self.symbols.items()}}
        for name, value in virtual.items():
            check_number(name, value, 32)
        check_number("phys_offset", self.phys_offset, PA_BITS)
        if self.high_memory != 1 << 32:  # an end may be that of the address space
            check_number("high_memory", self.high_memory, 32)


def check_number(name: str, value: int | None, bits: int) -> None:
    """Refuse a number that no kernel could have had, where it is read.

    Raises:
        ImageError: ``value`` is negative or has more than ``bits`` bits; None has none.
    """
    if value is not None and not 0 <= value < 1 << bits:
        raise ImageError(f"{name} is {_shown(value)}, expected a number of {bits} bits")


def _shown(value: int) -> str:
    return hex(value) if abs(value) < 1 << 128 else f"a number of {value.bit_length()} bits"
