"""The inside of memblock: its state, and the few steps that all its calls are made of.

Why it is apart: ``bootmap.boot.memblock`` has the calls that the kernel makes, one short method each; here
are the steps below them, with the kernel's names: making room in an array or doubling it, adding and
removing a range, finding memory.  Methods with a leading underscore are for that module only.

Source: mm/memblock.c, functions as named below.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bootmap.boot.memblock import old
from bootmap.boot.memblock.log import MemblockOp, OpLog
from bootmap.boot.memblock.regions import MemblockBug, MemblockDeath, MemblockPanic, Regions
from bootmap.boot.memblock.search import find_bottom_up, find_top_down, free_ranges
from bootmap.facts.linux.memblock import ENOMEM, Flags, MemblockRules, Overlap
from bootmap.units import PAGE_SIZE, align_up, mem_range

if TYPE_CHECKING:
    from typing import Self

_MIRROR = int(Flags.MIRROR)
_RSRV_KERN = int(Flags.RSRV_KERN)


class MemblockCore:
    """State of memblock and the steps that change it.

    Attributes:
        rules: how this kernel's memblock behaves.
        address_max: the highest number a phys_addr_t holds (PHYS_ADDR_MAX).
        memory: regions of RAM.
        reserved: regions in use.
        current_limit: end of what a search without an explicit end may return.
        bottom_up: search from the lowest address.
        movable_node: hotpluggable memory is not handed out (command line ``movable_node``).
        kernel_end: physical address of ``_end``, for the bottom-up rule of kernels up to 5.10.
        can_resize: arrays may grow (kernel: after ``memblock_allow_resize``).
        log: all calls so far, oldest first.
    """

    def __init__(self, rules: MemblockRules | None = None) -> None:
        self.rules = rules or MemblockRules()
        self.address_max = (1 << self.rules.width) - 1
        self.memory = Regions("memory")
        self.reserved = Regions("reserved")
        self.current_limit = self.address_max
        self.bottom_up = False
        self.movable_node = False
        self.kernel_end = 0
        self.can_resize = False
        self._old = self.rules.overlap is not Overlap.PIECES
        self._mirror = False
        self.log = OpLog()

    def copy(self) -> Self:
        """An independent copy; the past of the log is shared."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.memory = self.memory.copy()
        other.reserved = self.reserved.copy()
        other.log = self.log.copy()
        return other

    def is_as(self, other: Self) -> bool:
        """Whether nothing has changed since ``other``, a copy of this, was made."""
        return (
            len(self.log) == len(other.log)
            and self.memory.__dict__ == other.memory.__dict__
            and self.reserved.__dict__ == other.reserved.__dict__
            and self._switches() == other._switches()
        )

    def _switches(self) -> tuple[int, ...]:
        return self.current_limit, self.bottom_up, self.movable_node, self.kernel_end, self.can_resize, self._mirror

    def _note(self, name: str, base: int, size: int, flags: int, origin: object | None, result: int) -> int:
        self.log.append(MemblockOp(name, base, size, flags, origin, result))
        return result

    def _cut(self, base: int, size: int) -> tuple[int, int]:
        """Both as phys_addr_t, the size so that the end does not overflow (``memblock_cap_size``).

        Raises:
            MemblockDeath: this kernel does not cap sizes, and its arithmetic would wrap here.
        """
        top = self.address_max
        base &= top
        size &= top
        if base + size <= top:
            return base, size
        if self._old:
            raise MemblockDeath(
                f"{mem_range(base, base + size)} reaches the end of the address space, where this kernel's "
                "arithmetic wraps; what follows is not modelled"
            )
        return base, top - base

    def _add_range(self, regions: Regions, base: int, size: int, flags: int, origin: object | None) -> int:
        """Kernel: ``memblock_add_range``."""
        end = base + size
        if end > self.address_max:
            end = self.address_max
        if end <= base:
            return 0
        rules = self.rules
        if self._old:
            grow = partial(self._double, regions, 0, 0, origin)
            return old.add(regions, base, end, rules.overlap, grow, fixed=rules.as_lmb)
        count = len(regions.starts)
        if count * 2 + 1 > regions.capacity:  # there may not be room for all pieces
            new = regions.pieces(base, end)
            if rules.room_off_by_one and count * 2 <= regions.capacity:
                if count + new > regions.capacity:
                    raise MemblockBug(f"memblock_insert_region: BUG, no entry left in the {regions.name} array")
            elif self._make_room(regions, new, base, end, origin):
                return -ENOMEM
        regions.insert(base, end, flags if rules.region_flags else 0, whole=rules.merge_whole_array)
        return 0

    def _remove_range(self, regions: Regions, base: int, size: int, origin: object | None) -> int:
        """Kernel: ``memblock_remove_range``."""
        end = min(base + size, self.address_max)
        if end <= base:
            return 0
        if self._old:
            grow = partial(self._double, regions, 0, 0, origin)
            return old.remove(regions, base, end, self.rules.overlap, grow, fixed=self.rules.as_lmb)
        if self._make_room(regions, 2, base, end, origin):
            return -ENOMEM
        regions.delete(*regions.isolate(base, end))
        return 0

    def _make_room(self, regions: Regions, new: int, base: int, end: int, origin: object | None) -> int:
        """Double the array until ``new`` more regions fit; -ENOMEM where that cannot be."""
        while len(regions.starts) + new > regions.capacity:
            if not self._double(regions, base, end, origin):
                return -ENOMEM
        return 0

    def _double(self, regions: Regions, base: int, end: int, origin: object | None) -> bool:
        """Double the array, which is to take ``[base, end)``.  Source: ``memblock_double_array``."""
        rules = self.rules
        if not self.can_resize:
            if rules.resize_panics:
                raise MemblockPanic(f"memblock: cannot resize {regions.name} array")
            return False
        old_size = regions.capacity * rules.region_size
        new_size, align = old_size * 2, rules.width // 8
        if rules.array_whole_pages:
            old_size, new_size, align = align_up(old_size, PAGE_SIZE), align_up(new_size, PAGE_SIZE), PAGE_SIZE
        if regions is self.memory or not rules.array_whole_pages:
            base = end = 0
        address = self.find_in_range(end, self.current_limit, new_size, align)
        if not address and end > base:
            address = self.find_in_range(0, min(base, self.current_limit), new_size, align)
        if not address:
            return False
        regions.capacity *= 2
        previous, regions.array = regions.array, address
        if previous is not None:
            self._remove_range(self.reserved, previous, old_size, origin)
            self._note("double_array", previous, old_size, 0, origin, 0)
        flags = _RSRV_KERN if rules.rsrv_kern else 0
        if self._add_range(self.reserved, address, new_size, flags, origin) < 0:
            raise MemblockBug("memblock_double_array: BUG, the new array cannot be reserved")
        self._note("double_array", address, new_size, flags, origin, address)
        return True

    def find_in_range(self, start: int, end: int, size: int, align: int) -> int:
        """The address memblock would hand out next, without taking it; 0: none.

        ``end`` 0 means ``current_limit``.  Source: mm/memblock.c ``memblock_find_in_range``.
        """
        for wanted in (_MIRROR, 0) if self._mirror else (0,):
            if found := self._find(start, end, size, align, wanted):
                return found
        return 0

    def _find(self, start: int, end: int, size: int, align: int, wanted: int) -> int:
        """Kernel: ``memblock_find_in_range_node``."""
        end = end or self.current_limit
        memory, reserved, rules = self.memory, self.reserved, self.rules
        if self._old:
            if not size:
                raise MemblockBug("memblock_find_base: BUG, nothing to find")
            size = ((size - 1) | (align - 1)) + 1
            lowest = 1 if rules.as_lmb else PAGE_SIZE
            return old.find(memory, reserved, start, end, size, align, lowest)
        if start < PAGE_SIZE:
            start = PAGE_SIZE
        if end < start:
            end = start
        if self.bottom_up and (not rules.bottom_up_above_kernel or end > self.kernel_end):
            low = max(start, self.kernel_end) if rules.bottom_up_above_kernel else start
            free = free_ranges(memory, reserved, wanted, self.movable_node)
            found = find_bottom_up(free, low, end, size, align)
            if found or not rules.bottom_up_above_kernel:
                return found
        return find_top_down(memory, reserved, start, end, size, align, wanted, self.movable_node)
