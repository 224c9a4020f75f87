"""How struct memblock lies in memory, by generation: what a debugger needs to read it out of a running kernel.

Each generation added a field; which one a kernel has is told by the values themselves (see `verify.memblock`), so
that no version has to be known.  The long descriptor kernels have a 64-bit phys_addr_t, which the ARM EABI aligns
to 8 bytes.

Source: include/linux/memblock.h; ARM EABI (IHI 0042), 4.1 "Fundamental data types".
"""

from __future__ import annotations

from msgspec import Struct


class MemblockGeneration(Struct, frozen=True):
    """The fields that not every kernel has.

    Attributes:
        bottom_up: struct memblock begins with ``bool bottom_up``.
        flags: struct memblock_region has flags behind base and size.
        name: struct memblock_type ends with a pointer to its name.
        total: struct memblock_type has its regions' total size; before, struct memblock has ``memory_size``, which
            is only right after memblock_analyze().
        source: trees in which it was seen.
    """

    bottom_up: bool
    flags: bool
    name: bool
    total: bool
    source: str


GENERATIONS = (
    MemblockGeneration(True, True, True, total=True, source="4.14, 4.19, 5.4, 5.10, 6.1, 6.12, 7.2"),
    MemblockGeneration(True, True, False, total=True, source="3.14, 3.16, 4.4, 4.9"),
    MemblockGeneration(True, False, False, total=True, source="3.13: commits 79442ed189ac, 66a20757214d"),
    MemblockGeneration(False, False, False, total=True, source="3.3, 3.4, 3.10"),
    MemblockGeneration(False, False, False, total=False, source="2.6.38, 3.0, 3.2"),
)
"""Newest first."""
