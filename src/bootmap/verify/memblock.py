"""Reading struct memblock out of a kernel's memory, by its symbol or by its shape.

Nothing is believed: a place is memblock only if its counts, sizes and pointers fit together, whichever of the known
generations they fit.

Source: include/linux/memblock.h, mm/memblock.c (the static initialisers).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from bootmap.errors import MachineError
from bootmap.facts.linux.memblock_struct import GENERATIONS
from bootmap.image.recording import MemblockState, RecordedRegions

if TYPE_CHECKING:
    from collections.abc import Callable

    from bootmap.facts.linux.memblock_struct import MemblockGeneration

    Reader = Callable[[int, int], bytes]

_MAX_REGIONS = 1 << 14
_INITIAL_REGIONS = 128  # INIT_MEMBLOCK_REGIONS
_U32 = 1 << 32


class MemblockReader(Struct, frozen=True):
    """Reads memblock where the kernel keeps it.

    Attributes:
        read: (virtual address in the linear map, size) -> bytes.
        wide: whether phys_addr_t has 64 bits.
        page_offset: lowest address that a pointer may have.
        order: byte order, as struct writes it.
    """

    read: Reader
    wide: bool
    page_offset: int
    order: Literal["<", ">"] = "<"

    def at(self, address: int) -> MemblockState:
        """The state of the memblock at virtual ``address``.

        Raises:
            MachineError: what lies there fits no known layout.
        """
        for generation in GENERATIONS:
            state = self._parsed(address, generation)
            if state is not None:
                return state
        raise MachineError(
            f"what lies at {address:#010x} fits no known layout of struct memblock; is the System.map this kernel's?"
        )

    def find(self, start: int, data: bytes) -> int | None:
        """The virtual address of memblock in the kernel's data ``data``, which lies at ``start``; None without one.

        Asks for the initial capacity of the regions' array in both types and takes what parses.
        """
        capacity = struct.pack(f"{self.order}I", _INITIAL_REGIONS)
        for generation in GENERATIONS:
            head, memory_at, _ = self._places(generation)
            at = data.find(capacity)
            while at >= 0:
                base = at - memory_at - 4
                if base >= 0 and base % head == 0 and self._parsed(start + base, generation) is not None:
                    return start + base
                at = data.find(capacity, at + 4)
        return None

    def _places(self, generation: MemblockGeneration) -> tuple[int, int, int]:
        """(alignment, offset of ``memory``, bytes of a struct memblock_type)."""
        width = 8 if self.wide else 4
        limit_at = width if generation.bottom_up else 0
        size = 4 + 4 + (width if generation.total else 0) + 4 + (4 if generation.name else 0)
        return width, limit_at + width + (0 if generation.total else width), size + -size % width

    def _parsed(self, address: int, generation: MemblockGeneration) -> MemblockState | None:
        width, memory_at, type_size = self._places(generation)
        if address % width:
            return None
        try:
            raw = self.read(address, memory_at + 2 * type_size)
        except LookupError:
            return None
        letter = "Q" if self.wide else "I"
        (limit,) = struct.unpack_from(f"{self.order}{letter}", raw, width if generation.bottom_up else 0)
        bottom_up = raw[0] if generation.bottom_up else 0
        memory = self._regions(raw, memory_at, generation)
        reserved = self._regions(raw, memory_at + type_size, generation)
        if bottom_up > 1 or memory is None or reserved is None:
            return None
        return MemblockState(bottom_up, limit, memory, reserved)

    def _regions(self, raw: bytes, at: int, generation: MemblockGeneration) -> RecordedRegions | None:
        letter = "Q" if self.wide else "I"
        count, most, *totals, array = struct.unpack_from(
            f"{self.order}II{letter if generation.total else ''}I", raw, at
        )
        if not 0 <= count <= most <= _MAX_REGIONS or most < _INITIAL_REGIONS // 4 or array < self.page_offset:
            return None
        row = struct.Struct(f"{self.order}{letter}{letter}{'I' if generation.flags else ''}")
        stride = row.size + -row.size % (8 if self.wide else 4)
        try:
            data = self.read(array, count * stride)
        except LookupError:
            return None
        rows = []
        for n in range(count):
            base, size, *flags = row.unpack_from(data, n * stride)
            rows.append((base, size, flags[0] if flags else 0))
        total = sum(size for _, size, _ in rows)
        ascending = all(rows[n][0] <= rows[n + 1][0] for n in range(count - 1))  # before 2.6.39 they may overlap
        if totals not in ([], [total]) or not ascending:
            return None
        return RecordedRegions(count, most, total, tuple(rows))
