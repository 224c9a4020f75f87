"""memblock, the kernel's allocator of early boot: what is memory, what is reserved, what is handed out.

Everything the boot puts somewhere comes from here, so addresses are right only if every quirk of
mm/memblock.c is: which end a search starts from, what merges, what a full array does.  Where kernels
differ the code asks ``MemblockRules``, never a version.  Each call appends one ``MemblockOp`` to a log,
which is the provenance of every region; copies share it.

Not here: who calls what in which order (the boot's steps), NUMA nodes (none on 32-bit ARM), the hand-over
to the page allocator.

Sizes and addresses are bytes.  Arguments are cut to the width of phys_addr_t, as the kernel's are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootmap.boot.memblock import old
from bootmap.boot.memblock.core import MemblockCore
from bootmap.boot.memblock.regions import MemblockBug, MemblockDeath, Regions
from bootmap.boot.memblock.search import free_ranges, mem_ranges
from bootmap.facts.linux.memblock import ENOMEM, Flags
from bootmap.units import PAGE_SIZE, align_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootmap.boot.memblock.log import MemblockOp

ACCESSIBLE = 0
"""As the end of a search: up to ``current_limit`` (kernel: MEMBLOCK_ALLOC_ACCESSIBLE)."""

_NOMAP = int(Flags.NOMAP)
_HOTPLUG = int(Flags.HOTPLUG)
_MIRROR = int(Flags.MIRROR)
_DRIVER_MANAGED = int(Flags.DRIVER_MANAGED)
_RSRV_KERN = int(Flags.RSRV_KERN)


class Memblock(MemblockCore):
    """The state of memblock; mutable, ``copy()`` is cheap.

    Operations return what the kernel's return: 0, or -ENOMEM where an array is full and may not grow
    (up to Linux 3.2 -1, and a positive number where regions were joined).

    Raises:
        MemblockPanic: (any change) an array is full, may not grow, and this kernel panics then.
        MemblockBug: (any change) the kernel hits a BUG here.
    """

    # -- changing the lists ------------------------------------------------------------------------------

    def add(self, base: int, size: int, flags: int = 0, *, origin: object | None = None) -> int:
        """Tell of RAM (kernel: ``memblock_add``, ``memblock_add_node`` with its flags)."""
        if self.rules.as_lmb:
            end = (base + size) & -PAGE_SIZE
            base = align_up(base, PAGE_SIZE)
            size = max(end - base, 0)
        base, size = self._cut(base, size)
        result = self._add_range(self.memory, base, size, flags, origin)
        return self._note("add", base, size, flags, origin, result)

    def reserve(self, base: int, size: int, flags: int = 0, *, origin: object | None = None) -> int:
        """Take a range out of use, RAM or not (kernel: ``memblock_reserve``).  It is logged as asked for."""
        asked = size & self.address_max
        base, size = self._cut(base, size)
        if self._old and not size:
            raise MemblockBug("memblock_reserve: BUG, nothing to reserve")
        result = self._add_range(self.reserved, base, size, flags, origin)
        return self._note("reserve", base, asked, flags, origin, result)

    def remove(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Forget RAM; reservations in it stay (kernel: ``memblock_remove``)."""
        base, size = self._cut(base, size)
        result = self._remove_range(self.memory, base, size, origin)
        return self._note("remove", base, size, 0, origin, result)

    def free(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Give a reservation back (kernel: ``memblock_free``, from 5.16 ``memblock_phys_free``)."""
        base, size = self._cut(base, size)
        result = self._remove_range(self.reserved, base, size, origin)
        return self._note("free", base, size, 0, origin, result)

    def mark_nomap(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Keep RAM out of the linear map and out of every search."""
        return self._flag("mark_nomap", base, size, _NOMAP, origin)

    def clear_nomap(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Undo ``mark_nomap``."""
        return self._flag("clear_nomap", base, size, _NOMAP, origin)

    def mark_hotplug(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Say that RAM can be unplugged."""
        return self._flag("mark_hotplug", base, size, _HOTPLUG, origin)

    def clear_hotplug(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Undo ``mark_hotplug``."""
        return self._flag("clear_hotplug", base, size, _HOTPLUG, origin)

    def mark_mirror(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Say that RAM is mirrored; searches prefer it from then on."""
        self._mirror = True
        return self._flag("mark_mirror", base, size, _MIRROR, origin)

    def enforce_memory_limit(self, limit: int, *, origin: object | None = None) -> None:
        """Keep the lowest ``limit`` bytes of RAM; 0 or more than there is: no change.

        Up to Linux 3.2 reservations are cut at the end of RAM whatever the limit.
        """
        left = limit & self.address_max
        if not left:
            return
        top = self.address_max
        for start, end in zip(self.memory.starts, self.memory.ends, strict=True):
            if left <= end - start:
                top = start + left
                break
            left -= end - start
        if self._old:
            old.truncate(self.memory, top)
            top = self.end_of_dram()
            old.truncate(self.reserved, top)
        elif top == self.address_max:
            return
        else:
            self._remove_range(self.memory, top, self.address_max, origin)
            self._remove_range(self.reserved, top, self.address_max, origin)
        self._note("enforce_memory_limit", top, self.address_max - top, 0, origin, 0)

    def cap_memory_range(self, base: int, size: int, *, origin: object | None = None) -> None:
        """Keep only RAM inside the range, and NOMAP regions wherever they are; cut reservations to it.

        Reservations are cut at an end that wraps at the width of phys_addr_t, as it does in the kernel.
        """
        base, size = base & self.address_max, size & self.address_max
        memory = self.memory
        if self.rules.cap_ignores_empty and (not size or not memory.starts):
            return
        end = min(base + size, self.address_max)
        first = last = 0
        if end > base:
            if self._make_room(memory, 2, base, end, origin):
                return
            first, last = memory.isolate(base, end)
        memory.keep([i for i, flags in enumerate(memory.flags) if first <= i < last or flags & _NOMAP])
        self._remove_range(self.reserved, 0, base, origin)
        self._remove_range(self.reserved, (base + size) & self.address_max, self.address_max, origin)
        self._note("cap_memory_range", 0, base, 0, origin, 0)
        self._note("cap_memory_range", end, self.address_max - end, 0, origin, 0)

    def trim_memory(self, align: int, *, origin: object | None = None) -> None:
        """Shrink every region of RAM to multiples of ``align``, a power of two; drop what vanishes.

        Raises:
            MemblockDeath: a start is rounded up beyond the end of the address space, and wraps to 0, where
                other regions are.
        """
        lost, gained = self.memory.trim(align, self.address_max)
        for start, end in reversed(lost):
            self._note("trim_memory", start, end - start, 0, origin, 0)
        for start, end in reversed(gained):
            self._note("trim_memory_wraps", start, end - start, 0, origin, 0)
            if len(self.memory) > 1:
                raise MemblockDeath(
                    f"memblock_trim_memory: the region at {start:#x} wraps to 0, below the regions before it; "
                    "what follows is not modelled"
                )

    def allow_resize(self) -> None:
        """From now on a full array is doubled (kernel: ``memblock_allow_resize``, ``memblock_analyze``)."""
        self.can_resize = True

    def _flag(self, name: str, base: int, size: int, flag: int, origin: object | None) -> int:
        """Kernel: ``memblock_setclr_flag``."""
        base, size = self._cut(base, size)
        if size and self._make_room(self.memory, 2, base, base + size, origin):
            return self._note(name, base, size, flag, origin, -ENOMEM)
        if size:
            first, last = self.memory.isolate(base, base + size)
            set_bits, keep_bits = (flag, -1) if name.startswith("mark") else (0, ~flag)
            for i in range(first, last):
                self.memory.flags[i] = self.memory.flags[i] & keep_bits | set_bits
            self.memory.merge(first, last, whole=self.rules.merge_whole_array)
        return self._note(name, base, size, flag, origin, 0)

    # -- searching and allocating ------------------------------------------------------------------------

    def alloc_range(
        self,
        size: int,
        align: int,
        start: int = 0,
        end: int = ACCESSIBLE,
        *,
        exact: bool = True,
        origin: object | None = None,
    ) -> int:
        """Find memory and reserve it; return its address, 0 where there is none.

        Args:
            size: bytes.
            align: a power of two; 0: SMP_CACHE_BYTES.
            start: lowest address allowed.
            end: end of what is allowed; 0: ``current_limit``.
            exact: False: as ``memblock_alloc()`` does, never beyond ``current_limit``, and where the
                range has no room try again from address 0.
            origin: who asks, for the log.

        Source: mm/memblock.c ``memblock_phys_alloc_range``, ``memblock_alloc_range_nid``,
        ``memblock_alloc_internal``.
        """
        rules = self.rules
        align = align or rules.zero_align
        if rules.round_size_to_align:
            size = ((size - 1) | (align - 1)) + 1
        if not exact and end > self.current_limit:
            end = self.current_limit
        flags = _RSRV_KERN if rules.rsrv_kern else 0
        lows = (start,) if exact or not start else (start, 0)
        for low in lows:
            for wanted in (_MIRROR, 0) if self._mirror else (0,):
                found = self._find(low, end, size, align, wanted)
                if found and self._add_range(self.reserved, found, size, flags, origin) >= 0:
                    return self._note("alloc_range", found, size, flags, origin, found)
        return self._note("alloc_range", 0, size, flags, origin, 0)

    def find_range(self, size: int, align: int, start: int = 0, end: int = ACCESSIBLE) -> int:
        """Find memory without reserving it; return its address, 0 where there is none.  Arguments as `alloc_range`'s.

        Source: mm/memblock.c ``memblock_find_in_range``.
        """
        for wanted in (_MIRROR, 0) if self._mirror else (0,):
            if found := self._find(start, end, size, align or self.rules.zero_align, wanted):
                return found
        return 0

    # -- provenance --------------------------------------------------------------------------------------

    def owners(self, address: int) -> list[MemblockOp]:
        """The calls that bear on the byte at ``address``, oldest first."""
        return [op for op in self.log if op.bears_on(address)]

    # -- questions ---------------------------------------------------------------------------------------

    def is_memory(self, address: int) -> bool:
        """Whether ``address`` is RAM, NOMAP or not."""
        return self._index_of(self.memory, address) >= 0

    def is_map_memory(self, address: int) -> bool:
        """Whether ``address`` is RAM that belongs in the linear map."""
        i = self._index_of(self.memory, address)
        return i >= 0 and not self.memory.flags[i] & _NOMAP

    def is_reserved(self, address: int) -> bool:
        """Whether ``address`` is reserved."""
        return self._index_of(self.reserved, address) >= 0

    def is_region_memory(self, base: int, size: int) -> bool:
        """Whether one region of RAM holds the whole range."""
        regions = self.reserved if self.rules.region_memory_asks_reserved else self.memory
        i = self._index_of(regions, base)
        return i >= 0 and regions.ends[i] >= min(base + size, self.address_max)

    def is_region_reserved(self, base: int, size: int) -> bool:
        """Whether any reservation meets the range."""
        return self.overlaps_region(self.reserved, base, size)

    def overlaps_region(self, regions: Regions, base: int, size: int) -> bool:
        """Whether any of ``regions`` meets the range."""
        end = min(base + size, self.address_max)
        return old.overlapping(regions, base, end) >= 0 if self._old else regions.overlaps(base, end)

    def mem_ranges(self, flags: int = _HOTPLUG | _DRIVER_MANAGED) -> Iterator[tuple[int, int]]:
        """``(start, end)`` of the regions that the kernel's ``for_each_mem_range`` visits."""
        return mem_ranges(self.memory, flags, self.movable_node)

    def free_ranges(self, flags: int = 0) -> Iterator[tuple[int, int]]:
        """``(start, end)`` of memory that is not reserved, as ``for_each_free_mem_range`` visits it."""
        reserved = old.joined(self.reserved) if self._old else self.reserved
        return free_ranges(self.memory, reserved, flags, self.movable_node)

    def start_of_dram(self) -> int:
        """Start of the lowest region of RAM, 0 without any."""
        return self.memory.starts[0] if self.memory.starts else 0

    def end_of_dram(self) -> int:
        """End of the highest region of RAM, NOMAP or not; 0 without any."""
        return self.memory.ends[-1] if self.memory.ends else 0

    def phys_mem_size(self) -> int:
        """Bytes of RAM as the kernel counts them, which ``trim_memory`` does not lower."""
        return self.memory.total_size

    def _index_of(self, regions: Regions, address: int) -> int:
        return old.search(regions, address) if self._old else regions.index_of(address)
