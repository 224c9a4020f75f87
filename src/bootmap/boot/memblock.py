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

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from bootmap.boot.memblock_regions import MemblockBug, MemblockDeath, MemblockPanic, Regions
from bootmap.spec.memblock import ENOMEM, Flags, MemblockRules
from bootmap.units import PAGE_SIZE, align_up

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Flags",
    "Memblock",
    "MemblockBug",
    "MemblockDeath",
    "MemblockOp",
    "MemblockPanic",
    "MemblockRules",
    "Regions",
]

ACCESSIBLE = 0
"""As the end of a search: up to ``current_limit`` (kernel: MEMBLOCK_ALLOC_ACCESSIBLE)."""

_NOMAP = int(Flags.NOMAP)
_HOTPLUG = int(Flags.HOTPLUG)
_MIRROR = int(Flags.MIRROR)
_DRIVER_MANAGED = int(Flags.DRIVER_MANAGED)
_KHO_SCRATCH = int(Flags.KHO_SCRATCH)
_RSRV_KERN = int(Flags.RSRV_KERN)


class MemblockOp(NamedTuple):
    """One entry of the log: a call, and the range of bytes it bears on.

    Attributes:
        name: the kernel's name of the call without ``memblock_``; "double_array" for what memblock
            itself reserves and frees when an array grows.
        base: first byte; for an allocation the address found, 0 where it failed.
        size: length in bytes, after the kernel's rounding and cutting.
        flags: the flags given, set or cleared.
        origin: whatever the caller attached to say where this came from.
        result: the kernel's return value: 0 or -ENOMEM, or the address for an allocation (0: failed).
    """

    name: str
    base: int
    size: int
    flags: int
    origin: object | None
    result: int


class Memblock:
    """The state of memblock; mutable, ``copy()`` is cheap.

    Operations return what the kernel's return: 0, or -ENOMEM where an array is full and may not grow.

    Attributes:
        rules: how this kernel's memblock behaves.
        memory: regions of RAM.
        reserved: regions in use.
        current_limit: end of what a search without an explicit end may return.
        bottom_up: search from the lowest address.
        movable_node: hotpluggable memory is not handed out (command line ``movable_node``).
        kernel_end: physical address of ``_end``, for the bottom-up rule of kernels up to 5.9.
        can_resize: arrays may grow (kernel: after ``memblock_allow_resize``).
    """

    __slots__ = (
        "_log",
        "_log_length",
        "_mirror",
        "bottom_up",
        "can_resize",
        "current_limit",
        "kernel_end",
        "limit_max",
        "memory",
        "movable_node",
        "reserved",
        "rules",
    )

    def __init__(self, rules: MemblockRules | None = None) -> None:
        self.rules = rules or MemblockRules()
        self.memory = Regions("memory")
        self.reserved = Regions("reserved")
        self.limit_max = (1 << self.rules.width) - 1  # PHYS_ADDR_MAX
        self.current_limit = self.limit_max
        self.bottom_up = False
        self.movable_node = False
        self.kernel_end = 0
        self.can_resize = False
        self._mirror = False
        self._log: list[MemblockOp] = []
        self._log_length = 0

    def copy(self) -> Memblock:
        """An independent copy; the log is shared until one of the two goes on."""
        other = Memblock.__new__(Memblock)
        other.rules = self.rules
        other.memory = self.memory.copy()
        other.reserved = self.reserved.copy()
        other.limit_max = self.limit_max
        other.current_limit = self.current_limit
        other.bottom_up = self.bottom_up
        other.movable_node = self.movable_node
        other.kernel_end = self.kernel_end
        other.can_resize = self.can_resize
        other._mirror = self._mirror
        other._log = self._log
        other._log_length = self._log_length
        return other

    # --- provenance ---------------------------------------------------------------------------------

    @property
    def log(self) -> list[MemblockOp]:
        """All calls so far, oldest first."""
        return self._log[: self._log_length]

    def owners(self, address: int) -> list[MemblockOp]:
        """The calls that bear on the byte at ``address``, oldest first."""
        return [op for op in self._log[: self._log_length] if op.base <= address < op.base + op.size]

    def _note(self, name: str, base: int, size: int, flags: int, origin: object | None, result: int) -> None:
        log = self._log
        if len(log) != self._log_length:  # a copy went on with this list: part from it
            log = self._log = log[: self._log_length]
        log.append(MemblockOp(name, base, size, flags, origin, result))
        self._log_length += 1

    # --- changing the lists -------------------------------------------------------------------------

    def add(self, base: int, size: int, flags: int = 0, *, origin: object | None = None) -> int:
        """Tell of RAM (kernel: ``memblock_add``, ``memblock_add_node`` with its flags)."""
        base, size = self._cut(base, size)
        result = self._add_range(self.memory, base, size, flags, origin)
        self._note("add", base, size, flags, origin, result)
        return result

    def reserve(self, base: int, size: int, flags: int = 0, *, origin: object | None = None) -> int:
        """Take a range out of use, RAM or not (kernel: ``memblock_reserve``)."""
        base, size = self._cut(base, size)
        result = self._add_range(self.reserved, base, size, flags, origin)
        self._note("reserve", base, size, flags, origin, result)
        return result

    def remove(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Forget RAM; reservations in it stay (kernel: ``memblock_remove``)."""
        base, size = self._cut(base, size)
        result = self._remove_range(self.memory, base, size, origin)
        self._note("remove", base, size, 0, origin, result)
        return result

    def free(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Give a reservation back (kernel: ``memblock_free``, from 5.16 ``memblock_phys_free``)."""
        base, size = self._cut(base, size)
        result = self._remove_range(self.reserved, base, size, origin)
        self._note("free", base, size, 0, origin, result)
        return result

    def mark_nomap(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Keep RAM out of the linear map and out of every search."""
        return self._flag("mark_nomap", base, size, _NOMAP, True, origin)

    def clear_nomap(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Undo ``mark_nomap``."""
        return self._flag("clear_nomap", base, size, _NOMAP, False, origin)

    def mark_hotplug(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Say that RAM can be unplugged."""
        return self._flag("mark_hotplug", base, size, _HOTPLUG, True, origin)

    def clear_hotplug(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Undo ``mark_hotplug``."""
        return self._flag("clear_hotplug", base, size, _HOTPLUG, False, origin)

    def mark_mirror(self, base: int, size: int, *, origin: object | None = None) -> int:
        """Say that RAM is mirrored; searches prefer it from then on."""
        self._mirror = True
        return self._flag("mark_mirror", base, size, _MIRROR, True, origin)

    def enforce_memory_limit(self, limit: int, *, origin: object | None = None) -> None:
        """Keep the lowest ``limit`` bytes of RAM; 0 or more than there is: no change."""
        left = limit & self.limit_max
        if not left:
            return
        for start, end in zip(self.memory.starts, self.memory.ends, strict=True):
            if left <= end - start:
                top = start + left
                break
            left -= end - start
        else:
            return
        if top == self.limit_max:
            return
        for regions in (self.memory, self.reserved):
            self._remove_range(regions, top, self.limit_max, origin)
        self._note("enforce_memory_limit", top, self.limit_max - top, 0, origin, 0)

    def cap_memory_range(self, base: int, size: int, *, origin: object | None = None) -> None:
        """Keep only RAM inside the range, and NOMAP regions wherever they are; cut reservations to it.

        The end of the range wraps at the width of phys_addr_t, as it does in the kernel.
        """
        size &= self.limit_max
        base &= self.limit_max
        memory = self.memory
        if self.rules.cap_ignores_empty and (not size or not memory.starts):
            return
        end = min(base + size, self.limit_max)
        first = last = 0
        if end > base:
            if self._make_room(memory, 2, base, end, origin):
                return
            first, last = memory.isolate(base, end)
        keep = [i for i, flags in enumerate(memory.flags) if first <= i < last or flags & _NOMAP]
        memory.starts = [memory.starts[i] for i in keep]
        memory.ends = [memory.ends[i] for i in keep]
        memory.flags = [memory.flags[i] for i in keep]
        memory.unmerged = True
        top = (base + size) & self.limit_max
        self._remove_range(self.reserved, 0, base, origin)
        self._remove_range(self.reserved, top, self.limit_max, origin)
        self._note("cap_memory_range", 0, base, 0, origin, 0)
        self._note("cap_memory_range", end, self.limit_max - end, 0, origin, 0)

    def trim_memory(self, align: int, *, origin: object | None = None) -> None:
        """Shrink every region of RAM to multiples of ``align``; drop what vanishes.

        The kernel's ``total_size`` does not notice what is cut off (see ``phys_mem_size``).
        """
        memory = self.memory
        for i in range(len(memory) - 1, -1, -1):
            start, end = memory.starts[i], memory.ends[i]
            new_start = (((start - 1) | (align - 1)) + 1) & self.limit_max
            new_end = end & -align
            if (new_start, new_end) == (start, end):
                continue
            if new_start < new_end:
                memory.starts[i], memory.ends[i] = new_start, new_end
                memory.stale_size += (end - start) - (new_end - new_start)
                self._note("trim_memory", start, max(new_start - start, 0), 0, origin, 0)
                self._note("trim_memory", new_end, end - new_end, 0, origin, 0)
            else:
                memory.delete(i, i + 1)
                self._note("trim_memory", start, end - start, 0, origin, 0)

    def allow_resize(self) -> None:
        """From now on a full array is doubled (kernel: ``memblock_allow_resize``)."""
        self.can_resize = True

    # --- searching and allocating -------------------------------------------------------------------

    def find_in_range(self, start: int, end: int, size: int, align: int) -> int:
        """The address memblock would hand out next, without taking it; 0: none.

        ``end`` 0 means ``current_limit``.  Source: mm/memblock.c ``memblock_find_in_range``.
        """
        wanted = _MIRROR if self._mirror else 0
        found = self._find(start, end, size, align, wanted)
        if not found and wanted:
            found = self._find(start, end, size, align, 0)
        return found

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
        align = align or rules.cache_line
        if rules.round_size_to_align:
            size = ((size - 1) | (align - 1)) + 1
        if not exact and end > self.current_limit:
            end = self.current_limit
        flags = _RSRV_KERN if rules.rsrv_kern else 0
        for low in (start,) if exact or not start else (start, 0):
            for wanted in (_MIRROR, 0) if self._mirror else (0,):
                found = self._find(low, end, size, align, wanted)
                if found and not self._add_range(self.reserved, found, size, flags, origin):
                    self._note("alloc_range", found, size, flags, origin, found)
                    return found
        self._note("alloc_range", 0, size, flags, origin, 0)
        return 0

    def _find(self, start: int, end: int, size: int, align: int, wanted: int) -> int:
        """Kernel: ``memblock_find_in_range_node``."""
        end = end or self.current_limit
        if self.rules.find_skips_page_zero and start < PAGE_SIZE:
            start = PAGE_SIZE
        end = max(start, end)
        if self.bottom_up:
            if not self.rules.bottom_up_above_kernel:
                return self._find_bottom_up(start, end, size, align, wanted)
            if end > self.kernel_end:
                found = self._find_bottom_up(max(start, self.kernel_end), end, size, align, wanted)
                if found:
                    return found
        return self._find_top_down(start, end, size, align, wanted)

    def _find_bottom_up(self, start: int, end: int, size: int, align: int, wanted: int) -> int:
        for low, high in self.free_ranges(wanted):
            low = min(max(low, start), end)
            high = min(max(high, start), end)
            found = (((low - 1) | (align - 1)) + 1) & self.limit_max
            if found < high and high - found >= size:
                return found
        return 0

    def _find_top_down(self, start: int, end: int, size: int, align: int, wanted: int) -> int:
        """The highest aligned place: walks the gaps between reservations downwards.

        |  reserved  |     gap      |  reserved  |
                     ^low           ^high
                          found = (high - size) rounded down, if it is not below low
        """
        memory = self.memory
        reserved_starts, reserved_ends = self.reserved.starts, self.reserved.ends
        for i in range(len(memory.starts) - 1, -1, -1):
            if self._skipped(memory.flags[i], wanted):
                continue
            region_start, high = memory.starts[i], memory.ends[i]
            gap = bisect_left(reserved_starts, high)
            while True:
                low = reserved_ends[gap - 1] if gap else 0
                if high > low or size == 0:
                    bottom = min(max(low, region_start, start), end)
                    top = min(max(high, start), end)
                    if top >= size:
                        found = (top - size) & -align
                        if found >= bottom:
                            return found
                if not gap or reserved_starts[gap - 1] <= region_start:
                    break
                gap -= 1
                high = reserved_starts[gap]
        return 0

    # --- questions ----------------------------------------------------------------------------------

    def is_memory(self, address: int) -> bool:
        """Whether ``address`` is RAM, NOMAP or not."""
        return self.memory.index_of(address) >= 0

    def is_map_memory(self, address: int) -> bool:
        """Whether ``address`` is RAM that belongs in the linear map."""
        i = self.memory.index_of(address)
        return i >= 0 and not self.memory.flags[i] & _NOMAP

    def is_reserved(self, address: int) -> bool:
        """Whether ``address`` is reserved."""
        return self.reserved.index_of(address) >= 0

    def is_region_memory(self, base: int, size: int) -> bool:
        """Whether one region of RAM holds the whole range."""
        i = self.memory.index_of(base)
        return i >= 0 and self.memory.ends[i] >= min(base + size, self.limit_max)

    def is_region_reserved(self, base: int, size: int) -> bool:
        """Whether any reservation meets the range."""
        return self.overlaps_region(self.reserved, base, size)

    def overlaps_region(self, regions: Regions, base: int, size: int) -> bool:
        """Whether any of ``regions`` meets the range."""
        return regions.overlaps(base, min(base + size, self.limit_max))

    def mem_ranges(self, flags: int = _HOTPLUG | _DRIVER_MANAGED) -> Iterator[tuple[int, int]]:
        """``(start, end)`` of the regions that the kernel's ``for_each_mem_range`` visits."""
        memory = self.memory
        for start, end, have in zip(memory.starts, memory.ends, memory.flags, strict=True):
            if not self._skipped(have, flags):
                yield start, end

    def free_ranges(self, flags: int = 0) -> Iterator[tuple[int, int]]:
        """``(start, end)`` of memory that is not reserved, as ``for_each_free_mem_range`` visits it.

        Each region of memory is walked for itself.  Two reservations that touch without merging have an
        empty range between them, which the kernel visits too.
        """
        memory = self.memory
        starts, ends = self.reserved.starts, self.reserved.ends
        count = len(starts)
        for region_start, region_end, have in zip(memory.starts, memory.ends, memory.flags, strict=True):
            if self._skipped(have, flags):
                continue
            cursor = region_start
            i = bisect_right(ends, region_start)
            while i < count and starts[i] < region_end:
                if starts[i] > region_start:
                    yield cursor, starts[i]
                cursor = ends[i]
                i += 1
            if cursor < region_end:
                yield cursor, region_end

    def start_of_dram(self) -> int:
        """Start of the lowest region of RAM, 0 without any."""
        return self.memory.starts[0] if self.memory.starts else 0

    def end_of_dram(self) -> int:
        """End of the highest region of RAM, NOMAP or not; 0 without any."""
        return self.memory.ends[-1] if self.memory.ends else 0

    def phys_mem_size(self) -> int:
        """Bytes of RAM as the kernel counts them (``memblock_phys_mem_size``)."""
        return self.memory.total_size

    # --- inner workings -----------------------------------------------------------------------------

    def _cut(self, base: int, size: int) -> tuple[int, int]:
        """Both as phys_addr_t, the size so that the end does not overflow (``memblock_cap_size``)."""
        base &= self.limit_max
        return base, min(size & self.limit_max, self.limit_max - base)

    def _skipped(self, have: int, wanted: int) -> bool:
        """Kernel: ``should_skip_region``."""
        if not have | wanted:
            return False
        return bool(
            (have & _HOTPLUG and self.movable_node and not wanted & _HOTPLUG)
            or (wanted & _MIRROR and not have & _MIRROR)
            or (have & _NOMAP and not wanted & _NOMAP)
            or (have & _DRIVER_MANAGED and not wanted & _DRIVER_MANAGED)
            or (wanted & _KHO_SCRATCH and not have & _KHO_SCRATCH)
        )

    def _add_range(self, regions: Regions, base: int, size: int, flags: int, origin: object | None) -> int:
        end = min(base + size, self.limit_max)
        if end <= base:
            return 0
        if len(regions.starts) * 2 + 1 > regions.capacity:  # there may not be room for all pieces
            new = regions.pieces(base, end)
            if new and self._make_room(regions, new, base, end, origin):
                return -ENOMEM
        regions.insert(base, end, flags, whole=self.rules.merge_whole_array)
        return 0

    def _remove_range(self, regions: Regions, base: int, size: int, origin: object | None) -> int:
        end = min(base + size, self.limit_max)
        if end <= base:
            return 0
        if self._make_room(regions, 2, base, end, origin):
            return -ENOMEM
        regions.delete(*regions.isolate(base, end))
        return 0

    def _flag(self, name: str, base: int, size: int, flag: int, on: bool, origin: object | None) -> int:
        base, size = self._cut(base, size)
        memory = self.memory
        result = 0
        if size:
            if self._make_room(memory, 2, base, base + size, origin):
                result = -ENOMEM
            else:
                first, last = memory.isolate(base, base + size)
                for i in range(first, last):
                    memory.flags[i] = memory.flags[i] | flag if on else memory.flags[i] & ~flag
                memory.merge(first, last, whole=self.rules.merge_whole_array)
        self._note(name, base, size, flag, origin, result)
        return result

    def _make_room(self, regions: Regions, new: int, base: int, end: int, origin: object | None) -> int:
        """Double the array until ``new`` more regions fit; -ENOMEM where that cannot be.

        Raises:
            MemblockPanic: it cannot be, and this kernel panics then.

        Source: mm/memblock.c ``memblock_double_array``.
        """
        while len(regions.starts) + new > regions.capacity:
            if not self._double(regions, base, end, origin):
                return -ENOMEM
        return 0

    def _double(self, regions: Regions, base: int, end: int, origin: object | None) -> bool:
        if not self.can_resize:
            if self.rules.resize_panics:
                raise MemblockPanic(f"memblock: cannot resize {regions.name} array")
            return False
        entry = self.rules.region_size or (
            self.rules.width // 8 * 3 if self.rules.region_flags else self.rules.width // 4
        )
        old_size = align_up(regions.capacity * entry, PAGE_SIZE)
        new_size = align_up(regions.capacity * 2 * entry, PAGE_SIZE)
        if regions is self.memory:
            base = end = 0
        address = self.find_in_range(end, self.current_limit, new_size, PAGE_SIZE)
        if not address and end > base:
            address = self.find_in_range(0, min(base, self.current_limit), new_size, PAGE_SIZE)
        if not address:
            return False
        regions.capacity *= 2
        old, regions.array = regions.array, address
        if old is not None:
            self._remove_range(self.reserved, old, old_size, origin)
            self._note("double_array", old, old_size, 0, origin, 0)
        flags = _RSRV_KERN if self.rules.rsrv_kern else 0
        if self._add_range(self.reserved, address, new_size, flags, origin):
            raise MemblockBug("memblock_double_array: BUG, the new array cannot be reserved")
        self._note("double_array", address, new_size, flags, origin, address)
        return True
