"""The state of the machine while the kernel boots: what each step reads and changes.

The steps are functions that take this state, one module each; here are only the values they share, the
arithmetic between physical and virtual addresses, and reading a mapping back from the tables.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct, field

from bootmap.assumptions import Assumption
from bootmap.boot.kernel import vmalloc_start
from bootmap.boot.memblock import Memblock
from bootmap.boot.memblock.rules import memblock_rules
from bootmap.boot.records import Variables
from bootmap.boot.setup.machine import PickedMachine, pick_machine
from bootmap.boot.tables import Cause, TablePages
from bootmap.boot.trace import Hazard, KernelDied, Origin
from bootmap.units import PAGE_SIZE, Span, align_down, hex_address, merged

if TYPE_CHECKING:
    from bootmap.boot.handover import Handover
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.records import (
        Bank,
        CmaArea,
        LostRam,
        MapDesc,
        MemBank,
        MemTypeTable,
        ReservedArea,
        StaticVm,
        Zone,
    )

_U32 = 0xFFFFFFFF
_CACHE_SHIFT = 6
"""log2 of L1_CACHE_BYTES where the configuration does not say (arch/arm/mm/Kconfig)."""


class BootState(Struct, eq=False, dict=True):
    """Everything that changes while the kernel boots.

    Attributes:
        kernel: the kernel.
        handover: what the boot loader gave.
        smp: whether the kernel runs as SMP (``is_smp()``).
        memblock: the allocator.
        tables: the page tables.
        machine: the machine description that the kernel picks.
        vars: kernel variables.
        mem_types: the adjusted memory types, None until build_mem_type_table ran.
        cmdline: the command line as the kernel assembled it.
        stage: name of the step that runs.
        banks: RAM as the description declares it, before the kernel judges it.
        told_banks: the description's RAM where ``mem=`` replaced it: what is beyond may not be there.
        meminfo: struct meminfo, before 3.16.
        lost: RAM that was declared and is not used, with the reason.
        initrd_origin: who named the initrd, None where nobody did.
        cma_areas: areas for contiguous memory, in the order in which they were made.
        cma_fixups: those that dma_contiguous_remap maps anew.
        default_cma: the one that ``cma=`` or the configuration asks for, None until it is made.
        cma_cmdline: ``cma=`` as (bytes, base, limit), None without.
        cma_origin: who asked for the default area.
        reserved_areas: nodes of /reserved-memory that the kernel accepted.
        elfcorehdr: (start, bytes) of the crashed kernel's headers, None outside of a crash kernel.
        crashk_res: what crashkernel= has reserved, None where it has not.
        static_vms: virtual areas that are noted before vmalloc works.
        earlycon: the mapping of the early console, None without one.
        maps: every map_desc that was created, in order.
        zones: the page allocator's zones.
        hazards: what broke, or might.
        dmesg: the kernel's lines about memory.
        dmesg_marks: for each of them, how far memblock's log was.
        assumptions: what was taken for what is not known.
        memblock_debug: whether ``memblock=debug`` was given.
        memblock_debug_from: how far memblock's log was when it was read.
        mem_param: whether a ``mem=`` was seen, which drops the description's banks.
    """

    kernel: KernelModel
    handover: Handover
    smp: bool
    vars: Variables = field(default_factory=Variables)
    mem_types: MemTypeTable | None = None
    cmdline: str = ""
    stage: str = "create_page_tables"
    banks: list[Bank] = field(default_factory=list)
    told_banks: list[Span] = field(default_factory=list)
    usable_ram: Span | None = None
    """What linux,usable-memory-range leaves of it to a crash kernel."""
    promised: list[Span] = field(default_factory=list)
    """What mem= of the command line says that RAM is."""
    meminfo: list[MemBank] = field(default_factory=list)
    lost: list[LostRam] = field(default_factory=list)
    initrd_origin: Origin | None = None
    cma_areas: list[CmaArea] = field(default_factory=list)
    cma_fixups: list[CmaArea] = field(default_factory=list)
    default_cma: CmaArea | None = None
    cma_cmdline: tuple[int, int, int] | None = None
    cma_origin: Origin | None = None
    reserved_areas: list[ReservedArea] = field(default_factory=list)
    elfcorehdr: tuple[int, int] | None = None
    crashk_res: Span | None = None
    static_vms: list[StaticVm] = field(default_factory=list)
    earlycon: MapDesc | None = None
    maps: list[MapDesc] = field(default_factory=list)
    zones: list[Zone] = field(default_factory=list)
    zones_mark: int = 0
    """How far memblock's log was when the kernel logs its zones."""
    hazards: list[Hazard] = field(default_factory=list)
    dmesg: list[str] = field(default_factory=list)
    dmesg_marks: list[int] = field(default_factory=list)
    assumptions: list[Assumption] = field(default_factory=list)
    memblock_debug: bool = False
    memblock_debug_from: int = 0
    mem_param: bool = False
    decompressor_writes: tuple[Span, ...] = ()
    """Physical memory that the decompressor writes to."""
    later: Hazard | None = None
    """What ends the boot in mm_core_init, behind paging_init, though a step of the prediction finds it before."""
    memory: dict[int, bytes] = field(default_factory=dict)
    """What pages hold that are no page tables: physical page -> its bytes."""

    @cached_property
    def memblock(self) -> Memblock:
        """memblock, which begins empty."""
        memblock = Memblock(memblock_rules(self.kernel, cache_line=self.cache_line))
        memblock.kernel_end = self.pa(self.kernel.image_end)
        return memblock

    @cached_property
    def tables(self) -> TablePages:
        """The page tables, of which there are none at first."""
        return TablePages(self.pa(self.kernel.swapper_pg_dir), self.kernel.format.word_bytes)

    @cached_property
    def machine(self) -> PickedMachine:
        """What is known of the machine."""
        return pick_machine(self.kernel, self.handover.board, self.handover.machine_id)

    def assume_unknown(self) -> None:
        """Begin the assumptions: the hand-over's, and what is not known of the kernel and the machine."""
        kernel = self.kernel
        self.assumptions.extend(self.handover.assumptions)
        if kernel.has("be32"):
            self.assume(
                "CONFIG_CPU_ENDIAN_BE32: the tables' words are given as the CPU reads them; in what order their bytes "
                "lie in memory depends on the board"
            )
        if not kernel.vmalloc_end_known:
            self.assume(
                "VMALLOC_END is 0xff000000, as from 3.3 on: before, each platform had its own, and the configuration "
                "names none that is known",
                "--vmalloc-end",
            )
        elif kernel.vmalloc_end_of_table:
            self.assume(
                f"VMALLOC_END is {kernel.vmalloc_end:#010x}, as mainline has it for this platform: before 3.3 vendors "
                f"changed that in a header, and lowmem ends so much earlier or later",
                "--vmalloc-end",
            )
        if self.machine.unknown and self.handover.static_maps is None:
            self.assume(f"machine {self.machine.unknown}; its mappings are not in the tables", "--static-map")

    # -- addresses ---------------------------------------------------------------------------------------

    def pa(self, va: int) -> int:
        """``__pa``: physical address of a linear-map address."""
        return (va - self.kernel.page_offset + self.handover.phys_offset) & self.phys_mask

    def va(self, pa: int) -> int:
        """``__va``: linear-map address of a physical address, wrapped to 32 bits as the kernel's is."""
        return (pa - self.handover.phys_offset + self.kernel.page_offset) & _U32

    def through_virtual(self, pa: int) -> int:
        """``__pa(__va(pa))``: another address with long descriptors where ``__va`` wraps and ``__pa`` has 64 bits."""
        return self.pa(self.va(pa)) if self.kernel.has("pa_is_wide") else pa

    def phys_text(self, address: int) -> str:
        """An address as the kernel's ``%pa`` prints it: as wide as phys_addr_t."""
        return f"{address:#018x}" if self.kernel.has("lpae") else f"{address:#010x}"

    @property
    def cache_line(self) -> int:
        """L1_CACHE_BYTES."""
        return 1 << self.kernel.config.integer("ARM_L1_CACHE_SHIFT", _CACHE_SHIFT)

    @cached_property
    def phys_mask(self) -> int:
        """All ones as wide as phys_addr_t."""
        return (1 << 64) - 1 if self.kernel.has("lpae") else _U32

    @property
    def vmalloc_start(self) -> int:
        """VMALLOC_START: 8 MiB above the end of lowmem, rounded down to 8 MiB (asm/pgtable.h)."""
        return vmalloc_start(self.vars.high_memory)

    @property
    def kernel_image(self) -> Span:
        """The image in physical memory, from KERNEL_START to _end."""
        return Span(self.pa(self.kernel.image_start), self.pa(self.kernel.image_end))

    # -- reading the tables back -------------------------------------------------------------------------

    def pmd_address(self, va: int) -> int:
        """Physical address of the 8 bytes that stand for the 2 MiB around ``va``.

        That is one pair of first-level descriptors in the short format, one pmd in the long one; the pmd
        pages of swapper_pg_dir lie behind one another.
        """
        return self.tables.root + self.kernel.format.pmd_area_offset + (va >> 21) * 8

    def descriptor_address(self, va: int) -> int:
        """Physical address of the descriptor that maps the section around ``va``."""
        form = self.kernel.format
        return self.tables.root + form.pmd_area_offset + va // form.section_size * form.word_bytes

    def mapped(self, va: int) -> int | None:
        """The physical address that ``va`` is mapped to by the tables as they stand; None if by none."""
        form = self.kernel.format
        word = self.tables.word(self.descriptor_address(va)) or 0
        if form.name == "short":
            kind = word & 3
            if kind == 2:
                if word & form.pmd.supersection:
                    return (word & 0xFF000000) | (word & 0xF00000) << 12 | (va & 0xFFFFFF)
                return (word & 0xFFF00000) | (va & 0xFFFFF)
            if kind != 1:
                return None
            pte = self.tables.word((word & ~0x3FF) + ((va >> 12) & 0xFF) * 4)
            return (pte & ~0xFFF) | (va & 0xFFF) if pte and pte & 3 else None
        if word & 3 == 1:
            return (word & 0xFFFFE00000) | (va & 0x1FFFFF)
        if word & 3 != 3:
            return None
        pte = self.tables.word((word & 0xFFFFFFF000) + ((va >> 12) & 0x1FF) * 8)
        return (pte & 0xFFFFFFF000) | (va & 0xFFF) if pte and pte & 3 == 3 else None

    @cached_property
    def _image_sections(self) -> tuple[int, np.unsignedinteger, bytes]:
        """The sections of the kernel's image: address of the first's descriptor, the bits to look at, what they are.

        That is what they are where each is mapped, by a section descriptor, to its ``__pa``.
        """
        form, kernel = self.kernel.format, self.kernel
        short = form.name == "short"
        first = align_down(kernel.image_start, form.section_size)
        places = [self.pa(va) for va in range(first, kernel.image_end, form.section_size)]
        kind, mask = (2, 0xFFF00003 | form.pmd.supersection) if short else (1, 0xFFFFE00003)
        dtype = self.tables.dtype
        return self.descriptor_address(first), dtype.type(mask), (np.array(places, dtype) | dtype.type(kind)).tobytes()

    @property
    def image_in_sections(self) -> bool:
        """Whether each section of the kernel's image is mapped by a section descriptor to its own place."""
        address, mask, expected = self._image_sections
        return (self.tables.words(address, len(expected) // self.tables.word_bytes) & mask).tobytes() == expected

    # -- outcomes ----------------------------------------------------------------------------------------

    def cause(self, step: str, map_desc: MapDesc | None = None, origin: Origin | None = None) -> Cause:
        """A cause for a table write in the step that runs."""
        return Cause(self.stage, step, map_desc, origin)

    def hazard(
        self,
        id: str,
        message: str,
        *,
        address: int | None = None,
        luck: bool = False,
        origin: Origin | None = None,
        subject: str = "",
        places: tuple[Span, ...] = (),
        loses_initrd: bool = False,
    ) -> None:
        """Note a hazard that does not end the boot."""
        self.hazards.append(
            Hazard(id, self.stage, False, message, address, luck, origin, subject, places, loses_initrd)
        )

    def die(
        self,
        id: str,
        message: str,
        *,
        address: int | None = None,
        origin: Origin | None = None,
        subject: str = "",
        places: tuple[Span, ...] = (),
    ) -> KernelDied:
        """The exception to raise where the boot ends; the hazard is noted already."""
        hazard = Hazard(id, self.stage, True, message, address, False, origin, subject, places)
        self.hazards.append(hazard)
        return KernelDied(hazard)

    def assume(self, text: str, option: str | None = None, value: int | str | None = None) -> None:
        """Note what was taken for what is not known; see `bootmap.assumptions`."""
        self.assumptions.append(Assumption(text, option, value))

    def print(self, line: str) -> None:
        """A line of the kernel's log."""
        self.dmesg.append(line)
        self.dmesg_marks.append(len(self.memblock.log))

    def require_told(self, base: int, size: int, what: str) -> None:
        """Note memory that only the command line says is there: whether it is, the owner of the board knows."""
        if self.handover.ram is not None:
            return  # `require_there` knows
        banks = self.told_banks
        if not banks or any(bank.start <= base and base + size <= bank.end for bank in banks):
            return
        there = all(any(at in bank for bank in banks) for at in (base, base + size - 1))
        if not there and not any(hazard.id == "memory-not-there" for hazard in self.hazards):
            self.hazard(
                "memory-not-there",
                f"memblock hands out {hex_address(base)} for {what}: the command line promises RAM there, the board's "
                f"description has none. The kernel boots if it is there, and else dies here, in silence",
                address=base,
                luck=True,
            )

    def without_ram(self, span: Span) -> int | None:
        """The first address of ``span`` where the board has no RAM; None where it has, or nobody says what it has."""
        if self.handover.ram is None:
            return None
        at = span.start
        for row in merged(self.handover.ram):
            at = row.end if at in row else at
        return at if at < span.end else None

    def require_there(self, base: int, size: int, what: str) -> None:
        """See that what the kernel takes for early use is RAM of the board, where its owner says what that is.

        Raises:
            KernelDied: it is not.
        """
        if self.handover.ram is None:
            return
        lost = self.without_ram(Span(base, base + size))
        if lost is not None:
            raise self.die(
                "ram-missing",
                f"{hex_address(base)} is taken for {what}, and the board has no RAM at {hex_address(lost)}: its RAM is "
                f"{' and '.join(map(str, self.handover.ram or ()))}. What the kernel writes there is lost, and it dies "
                f"here, mostly in silence",
                address=lost,
            )

    def require_mapped(self, base: int, size: int, what: str) -> None:
        """See that what memblock or bootmem has handed out can be cleared.

        Raises:
            KernelDied: no table maps all of it.
        """
        for page in range(base & -PAGE_SIZE, base + size, PAGE_SIZE):
            if self.mapped(self.va(page)) != page:
                raise self.die(
                    "allocation-unmapped",
                    f"{page:#010x} is handed out for {what}, which no table maps: "
                    f"clearing it is a data abort, and the vectors are not there yet",
                    address=page,
                )
