"""What is read out of a stopped kernel: its page tables, memblock, variables and log, by its symbols.

Everything comes from physical memory; the kernel's linear map (an offset) turns a symbol into a place.  Page tables
are followed by the bits that tell a table from other descriptors and by nothing else, so that a wrong word is read
like a right one.

Source: arch/arm/include/asm/pgtable-2level-hwdef.h, pgtable-3level-hwdef.h (descriptor types).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

from bootmap.errors import AbsentMemoryError
from bootmap.image.recording import RecordedTables
from bootmap.units import PAGE_SIZE
from bootmap.verify.memblock import MemblockReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.image.recording import MemblockState

_U32 = 0xFFFFFFFF
_SHORT_ROOT = 16384
_LONG_ROOT = 32
_LONG_ADDRESS = 0xFF_FFFF_F000
_TABLE = 3
_TYPE = 3

# name -> bytes; 0 stands for the width of phys_addr_t
VARIABLES = {
    "arm_lowmem_limit": 0,
    "cachepolicy": 4,
    "high_memory": 4,
    "kernel_sec_end": 8,
    "kernel_sec_start": 8,
    "max_low_pfn": 4,
    "max_pfn": 4,
    "min_low_pfn": 4,
    "vmalloc_size": 4,
}


class Physical(Protocol):
    """Physical memory that can be read; a place that is not there raises a ``LookupError``."""

    def read(self, pa: int, size: int, /) -> bytes:
        """``size`` bytes at ``pa``."""
        ...


class KernelMemory(Struct, frozen=True):
    """A stopped kernel's memory, seen as its linear map sees it.

    Attributes:
        memory: physical memory.
        symbols: virtual addresses.
        page_offset: where the linear map begins.
        phys_offset: the physical address that is mapped there.
        long: whether the tables have long descriptors.
        byteorder: of the kernel's data.
    """

    memory: Physical
    symbols: Mapping[str, int]
    page_offset: int
    phys_offset: int
    long: bool
    byteorder: Literal["little", "big"] = "little"

    @property
    def _order(self) -> Literal["<", ">"]:
        return "<" if self.byteorder == "little" else ">"

    def read(self, va: int, size: int) -> bytes:
        """``size`` bytes at a linear-map address.

        Raises:
            AbsentMemoryError: the machine has no RAM there.
        """
        if not self.page_offset <= va <= _U32:
            raise AbsentMemoryError(va, f"{va:#010x} is not in the linear map")
        return self.memory.read((va - self.page_offset + self.phys_offset) & (_LONG_ADDRESS | 0xFFF), size)

    def number(self, name: str, size: int) -> int | None:
        """The variable ``name`` of ``size`` bytes, None where the symbols do not name it."""
        address = self.symbols.get(name)
        return None if address is None else int.from_bytes(self.read(address, size), self.byteorder)

    def variables(self) -> dict[str, int]:
        """Those of `VARIABLES` that the symbols name."""
        width = 8 if self.long else 4
        found = {name: self.number(name, size or width) for name, size in VARIABLES.items()}
        return {name: value for name, value in found.items() if value is not None}

    def memblock(self) -> MemblockState | None:
        """The state of memblock: by its symbol, else by its shape in the kernel's data; None where neither helps.

        Raises:
            MachineError: there is something else where memblock should be.
        """
        reader = MemblockReader(self.read, self.long, self.page_offset, self._order)
        address = self.symbols.get("memblock")
        if address is None:
            # In the data, or where memblock is not kept after the boot, in the init data before them.
            first = self.symbols.get("__init_begin", self.symbols.get("_sdata"))
            last = self.symbols.get("_end")
            if first is None or last is None or first > last:
                return None
            address = reader.find(first, self.read(first, last - first))
        return None if address is None else reader.at(address)

    def tables(self, root: int) -> RecordedTables:
        """The page tables below the first-level table at physical ``root``, as far as they lie in RAM.

        Raises:
            AbsentMemoryError: the first-level table itself does not.
        """
        return self._long_tables(root) if self.long else self._short_tables(root)

    def _short_tables(self, root: int) -> RecordedTables:
        first = self.memory.read(root, _SHORT_ROOT)
        pages: dict[int, bytes] = {}
        for (word,) in struct.iter_unpack(f"{self._order}I", first):
            if word & _TYPE == 1:
                self._add(pages, word & -PAGE_SIZE & _U32)
        return RecordedTables.of(root, first, pages)

    def _long_tables(self, root: int) -> RecordedTables:
        first = self.memory.read(root, _LONG_ROOT)
        middle: dict[int, bytes] = {}
        last: dict[int, bytes] = {}
        for (word,) in struct.iter_unpack(f"{self._order}Q", first):
            if word & _TYPE == _TABLE:
                self._add(middle, word & _LONG_ADDRESS)
        for page in middle.values():
            for (word,) in struct.iter_unpack(f"{self._order}Q", page):
                if word & _TYPE == _TABLE:
                    self._add(last, word & _LONG_ADDRESS)
        return RecordedTables.of(root, first, last, middle)

    def _add(self, pages: dict[int, bytes], address: int) -> None:
        if address not in pages:
            try:
                pages[address] = self.memory.read(address, PAGE_SIZE)
            except LookupError:
                return  # a table outside RAM: its descriptor is recorded, and it is what differs
