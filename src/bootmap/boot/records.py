"""The plain values that travel from step to step: banks, mappings, memory types, areas, zones, kernel variables.

No step's logic is here; whoever reads a prediction meets these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field, structs

from bootmap.shown import Shown
from bootmap.units import PAGE_SHIFT, hex_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootmap.boot.trace import Origin


class Bank(Struct, frozen=True):
    """RAM as the boot loader declared it, before the kernel judged it: bytes ``[start, end)``."""

    start: int
    end: int
    origin: Origin


class CmaArea(Struct):
    """One area for contiguous memory.

    Attributes:
        base: physical address.
        size: bytes.
        name: as the kernel calls it.
        origin: where it comes from.
    """

    base: int
    size: int
    name: str
    origin: Origin


class ReservedArea(Struct):
    """One node of /reserved-memory that the kernel accepted: what became of it."""

    name: str
    base: int
    size: int
    nomap: bool
    kind: str
    origin: Origin


class StaticVm(Struct, frozen=True):
    """A virtual area the kernel notes before vmalloc works: bytes ``[start, start + size)``."""

    start: int
    size: int
    what: str
    map_desc: MapDesc | None = None

    def __str__(self) -> str:
        return f"{self.what} ({hex_address(self.start)}-{hex_address(self.start + self.size - 1)})"


class LostRam(Shown, Struct, frozen=True):
    """RAM that was declared and is not used, and why: bytes ``[start, end)``."""

    start: int
    end: int
    reason: str
    origin: Origin | None = None


class Zone(Shown, Struct, frozen=True):
    """A zone of the page allocator: pages ``[start_pfn, end_pfn)``.

    Attributes:
        name: its name.
        start_pfn: first pfn.
        end_pfn: pfn behind the last.
        present: pages that are RAM.
        managed: pages that nobody has reserved once mem_map is made: what the page allocator will get of it.
    """

    name: str
    start_pfn: int
    end_pfn: int
    present: int
    managed: int


class Variables(Shown, Struct):
    """Kernel variables that the steps set, by kernel name; addresses in bytes, pfns as numbers."""

    arm_lowmem_limit: int = 0
    high_memory: int = 0
    memblock_limit: int = 0
    vmalloc_limit: int = 0
    vmalloc_size: int = 0
    vmalloc_given: bool = False
    kernel_sec_start: int = 0
    kernel_sec_end: int = 0
    min_low_pfn: int = 0
    max_low_pfn: int = 0
    max_pfn: int = 0
    arm_dma_limit: int = 0xFFFFFFFF
    cachepolicy: int = 0
    zero_page: int = 0
    vectors: int = 0
    phys_initrd_start: int = 0
    phys_initrd_size: int = 0
    ecc: bool = False
    areas_taken: Mapping[str, int] = field(default_factory=dict)
    """What the machine's reserve callback took, by what for: its address."""

    def copy(self) -> Variables:
        """The same values; there is one a step."""
        return structs.replace(self)


class MemBank(Struct, frozen=True):
    """One bank of struct meminfo, in bytes."""

    start: int
    size: int
    highmem: bool
    origin: Origin

    @property
    def end(self) -> int:
        """The address behind the bank."""
        return self.start + self.size


class MapDesc(Struct, frozen=True):
    """One mapping that the kernel asks for (``struct map_desc``).

    Attributes:
        virtual: virtual address in bytes.
        pfn: page frame number of the physical address.
        length: bytes.
        type: memory type without ``MT_``.
        what: what it maps, in words.
        stage: the step that asks for it.
        origin: where it comes from.
    """

    virtual: int
    pfn: int
    length: int
    type: str
    what: str
    stage: str
    origin: Origin | None = None

    @property
    def physical(self) -> int:
        """The physical address in bytes."""
        return self.pfn << PAGE_SHIFT


class MemType(Struct):
    """One memory type: protection bits of a Linux pte, of a table descriptor, of a section; domain number."""

    name: str
    prot_pte: int
    prot_l1: int
    prot_sect: int
    domain: int
    purpose: str


class Adjustment(Struct, frozen=True):
    """One step from the static table: ``bits`` of ``field`` were set or cleared in ``types``, because of ``why``."""

    types: tuple[str, ...]
    field: str
    bits: int
    set: bool
    why: str


class MemTypeTable(Shown, Struct):
    """The adjusted table.

    Attributes:
        types: by kernel name without ``MT_``.
        policy: the cache policy that was arrived at.
        shared: whether RAM is mapped shareable.
        kernel_pgprot: Linux pte bits of ordinary kernel memory.
        ecc_mask: bits that ``ecc=on`` adds.
        adjustments: how it came about, in order.
    """

    types: dict[str, MemType]
    policy: str = ""
    shared: bool = False
    kernel_pgprot: int = 0
    ecc_mask: int = 0
    adjustments: list[Adjustment] = field(default_factory=list)

    def __getitem__(self, name: str) -> MemType:
        return self.types[name]
