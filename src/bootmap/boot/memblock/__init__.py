"""memblock: the allocator and everything that belongs to it.

allocator   the calls that the kernel has        core     state, making room, doubling an array
search      where memory is found                regions  the lists of regions
old         what kernels up to 3.2 did           log      who called what: provenance
rules       features of a kernel, as rules       script   the calls as a small language
"""

from __future__ import annotations

from bootmap.boot.memblock.allocator import Memblock
from bootmap.boot.memblock.log import MemblockOp, OpLog
from bootmap.boot.memblock.regions import MemblockBug, MemblockDeath, MemblockPanic, Regions
from bootmap.facts.linux.memblock import Flags, MemblockRules

__all__ = [
    "Flags",
    "Memblock",
    "MemblockBug",
    "MemblockDeath",
    "MemblockOp",
    "MemblockPanic",
    "MemblockRules",
    "OpLog",
    "Regions",
]
