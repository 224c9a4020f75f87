"""What a machine description of the kernel does to memory at boot, as types of facts.

A kernel for many machines picks one by the root's ``compatible`` (or, with ATAGs, by number); its ``map_io`` maps
registers, its ``reserve`` takes memory, its ``dma_zone_size`` bounds ZONE_DMA.  The machines themselves are in
`machines` and the tables that it gathers.

Source: arch/arm/include/asm/mach/arch.h ``struct machine_desc``, asm/mach/map.h ``struct map_desc``.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from bootmap.facts.features.feature import Version


class CpuRegister(Enum):
    """A register of the CPU that says where something is."""

    CBAR = "the CPU's private registers (CBAR)"


class NodeReg(NamedTuple):
    """The first ``reg`` of the first node that claims one of these ``compatible`` strings; nothing without one.

    Attributes:
        compatible: the strings.
        cells: how many cells the kernel wants ``reg`` to have, 0 where it does not care.
    """

    compatible: tuple[str, ...]
    cells: int = 0


class AreaTaken(NamedTuple):
    """Where the area of that name (`MachineArea.what`) was taken."""

    what: str


Place = int | CpuRegister | NodeReg | AreaTaken
"""A physical address in bytes, or how the kernel finds it."""

SECTION = 0
"""An alignment that is the kernel's SECTION_SIZE, 1 MiB with short descriptors and 2 MiB with long ones."""


class StaticMap(Struct, frozen=True):
    """A mapping that ``map_io`` (or a user) asks for.

    Attributes:
        virtual: virtual address in bytes.
        physical: where it leads to.
        length: bytes; None: the size in the ``reg`` of the node that says where, less one byte.
        type: memory type without ``MT_``.
        source: where it is known from.
        options: configuration options that must be set (or, with ``!``, unset) for it to be there.
        since, until: mainline releases that have it, None for no bound.
        cpu: the CPU that must be there, "" for any.
    """

    virtual: int
    physical: Place
    length: int | None
    type: str
    source: str
    options: tuple[str, ...] = ()
    since: Version | None = None
    until: Version | None = None
    cpu: str = ""


class MachineArea(Struct, frozen=True):
    """Memory that the ``reserve`` callback takes.

    Attributes:
        what: what for.
        source: where it is known from.
        size: bytes; 0 for "up to the page directory", and where ``node`` says it.
        base: offset in bytes from PHYS_OFFSET, None where memblock chooses.
        align: alignment in bytes where memblock chooses; `SECTION` for SECTION_SIZE.
        steal: taken out of memory altogether (``arm_memblock_steal``), the size rounded up to the alignment.
        only_at: the callback acts only where PHYS_OFFSET is this.
        node: where the device tree names areas, which are taken out of memory.
        each_bank: ``base`` counts from the start of every range of a memory node.
        remove: the range is taken out of memory, not only reserved.
        legacy_cma: an area for contiguous memory at the end of the last bank below 4 GiB that has room for it.
        options: configuration options that must be set (or, with ``!``, unset).
        any_option: options of which one must be set; () for none.
        since, until: mainline releases that do so, None for no bound.
    """

    what: str
    source: str
    size: int
    base: int | None = None
    align: int = 4096
    steal: bool = False
    only_at: int | None = None
    node: NodeAreas | None = None
    each_bank: bool = False
    remove: bool = False
    legacy_cma: bool = False
    options: tuple[str, ...] = ()
    any_option: tuple[str, ...] = ()
    since: Version | None = None
    until: Version | None = None


class FixedRam(NamedTuple):
    """RAM that the ``fixup`` callback puts in the place of what ATAG_MEM says; (address, bytes) of each bank.

    Attributes:
        banks: the banks.
        source: where it is known from.
        options: configuration options that must be set (or, with ``!``, unset).
        since, until: mainline releases that do so, None for no bound.
    """

    banks: tuple[tuple[int, int], ...]
    source: str
    options: tuple[str, ...] = ()
    since: Version | None = None
    until: Version | None = None


class NodeAreas(NamedTuple):
    """Memory that properties of a node name, each as two cells, address and size.

    Attributes:
        compatible: strings, of which the kernel looks for the first one in all nodes, then for the second, ...
        props: the properties, which must all be there.
    """

    compatible: tuple[str, ...]
    props: tuple[str, ...]


class TreeSays(NamedTuple):
    """A property, a string, that a node of the device tree must have.

    Attributes:
        node: the node's full name, with its unit address where it has one.
        prop: the property.
        value: its value.
    """

    node: str
    prop: str
    value: str


class Machine(Struct, frozen=True):
    """One machine description of the kernel, whose callbacks are known in full.

    Attributes:
        name: the kernel's name for it.
        compatible: root compatible strings it claims.
        machine_ids: numbers in r1, for ATAGs.
        options: configuration options that must be set (or, with ``!``, unset) for the kernel to have it so.
        cpu: its CPU, for boards whose description does not say.
        maps: what ``map_io`` maps, one tuple for each call of iotable_init; None without ``map_io``.
        map_io_debug_ll: ``map_io`` maps the debug UART first.
        map_io_reads: virtual address of a register that ``map_io`` reads as soon as its maps are made.
        reserve: what ``reserve`` takes.
        fixup: what ``fixup`` does, the first that applies.
        dma_zone_size: bytes, 0 for none.
        since, until: mainline releases that have it so, None for no bound.
        tree: what the device tree must say.
    """

    name: str
    compatible: tuple[str, ...] = ()
    machine_ids: tuple[int, ...] = ()
    options: tuple[str, ...] = ()
    cpu: str | None = None
    maps: tuple[tuple[StaticMap, ...], ...] | None = None
    map_io_debug_ll: bool = False
    map_io_reads: int | None = None
    reserve: tuple[MachineArea, ...] = ()
    fixup: tuple[FixedRam, ...] = ()
    dma_zone_size: int = 0
    since: Version | None = None
    until: Version | None = None
    tree: TreeSays | None = None


class Callback(NamedTuple):
    """A machine's callbacks that are not modelled.

    Attributes:
        option: the configuration option that the kernel has the machine with.
        callbacks: which.
        since, until: mainline releases that have them, None for no bound.
    """

    option: str
    callbacks: str
    since: Version | None = None
    until: Version | None = None


class FlushArea(NamedTuple):
    """Memory that is read to clean a cache: addresses and length in bytes, memory type, where it is known from."""

    virtual: int
    physical: int
    length: int
    type: str
    source: str


def io_desc(
    source: str,
    *rows: tuple[int, Place, int | None],
    kind: str = "DEVICE",
    options: tuple[str, ...] = (),
    since: Version | None = None,
    until: Version | None = None,
    cpu: str = "",
) -> tuple[StaticMap, ...]:
    """Rows (virtual, physical, length) of a ``map_desc`` array that share all else."""
    return tuple(StaticMap(*row, kind, source, options, since, until, cpu) for row in rows)
