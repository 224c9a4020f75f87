"""How struct memblock lies in memory, by generation: what a debugger needs to read it out of a running kernel.

Each generation added a field; which one a kernel has is told by the values themselves (see `verify.memblock`), so
that no version has to be known.  The long descriptor kernels have a 64-bit phys_addr_t, which the ARM EABI aligns
to 8 bytes.  Not here: Linux before 3.4, whose regions have neither ``total_size`` nor flags.

Source: include/linux/memblock.h; ARM EABI (IHI 0042), 4.1 "Fundamental data types".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemblockGeneration:
    """The fields that not every kernel has.

    Attributes:
        bottom_up: struct memblock begins with ``bool bottom_up``.
        flags: struct memblock_region has flags behind base and size.
        name: struct memblock_type ends with a pointer to its name.
        source: trees in which it was seen.
    """

    bottom_up: bool
    flags: bool
    name: bool
    source: str


GENERATIONS = (
    MemblockGeneration(bottom_up=True, flags=True, name=True, source="4.14, 4.19, 5.4, 5.10, 6.1, 6.12, 7.2"),
    MemblockGeneration(bottom_up=True, flags=True, name=False, source="3.16, 4.4, 4.9"),
    MemblockGeneration(bottom_up=False, flags=False, name=False, source="3.4, 3.10"),
)
"""Newest first."""
