"""The boot as a sequence of steps, and what came of it: a timeline of stages, an outcome, the hazards.

Source: arch/arm/kernel/setup.c ``setup_arch``, arch/arm/mm/mmu.c ``paging_init``.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from bootmap.boot.decompressor.decompress_kernel import decompress_kernel
from bootmap.boot.early_alloc import early_alloc
from bootmap.boot.head.checks import check_head, check_params_mapped
from bootmap.boot.head.create_page_tables import create_page_tables, fixup_smp
from bootmap.boot.head.kasan import kasan_early_init
from bootmap.boot.invariants import check_invariants
from bootmap.boot.memblock import MemblockDeath
from bootmap.boot.paging.devicemaps import devicemaps_init
from bootmap.boot.paging.fixmap import early_fixmap_init, early_fixmap_shutdown, kmap_init
from bootmap.boot.paging.lowmem import adjust_lowmem_bounds
from bootmap.boot.paging.map_lowmem import map_kernel, map_lowmem, prepare_page_table
from bootmap.boot.paging.mem_types import build_mem_type_table, default_policy
from bootmap.boot.paging.permissions import mark_rodata_ro
from bootmap.boot.paging.tcm import tcm_init
from bootmap.boot.paging.traps import early_trap_init, spectre_bhb_update_vectors
from bootmap.boot.real_ram import check_there
from bootmap.boot.reserve.arm_memblock_init import arm_memblock_init
from bootmap.boot.reserve.cma import dma_contiguous_remap
from bootmap.boot.reserve.crashkernel import reserve_crashkernel
from bootmap.boot.setup.atags_scan import setup_default_tags, setup_machine_tags
from bootmap.boot.setup.early_params import check_ram_below_phys_offset, parse_early_param
from bootmap.boot.setup.efi_init import efi_init
from bootmap.boot.setup.fdt_scan import setup_machine_fdt
from bootmap.boot.setup.machine_descs import check_machine
from bootmap.boot.state import BootState
from bootmap.boot.trace import KernelDied, Origin, Outcome, Verdict
from bootmap.boot.unpack import populate_rootfs, unflatten_device_tree
from bootmap.boot.zones.bootmem_init import bootmem_init, setup_dma_zone
from bootmap.boot.zones.free_all import check_pages_freed
from bootmap.boot.zones.memmap import free_area_init
from bootmap.inputs.fdt import Fdt
from bootmap.shown import Shown
from bootmap.units import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bootmap.assumptions import Alternative
    from bootmap.boot.handover import Handover
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.memblock import Memblock
    from bootmap.boot.records import Variables
    from bootmap.boot.tables import Words
    from bootmap.boot.trace import Hazard

    Step = Callable[[BootState], None]

STAGE_NAMES = (
    "decompress_kernel",
    "create_page_tables",
    "kasan_early_init",
    "setup_machine_fdt",
    "early_fixmap_init",
    "parse_early_param",
    "build_mem_type_table",
    "efi_init",
    "arm_memblock_init",
    "adjust_lowmem_bounds",
    "prepare_page_table",
    "map_lowmem",
    "map_kernel",
    "dma_contiguous_remap",
    "early_fixmap_shutdown",
    "devicemaps_init",
    "kmap_init",
    "tcm_init",
    "bootmem_init",
    "paging_init",
    "unflatten_device_tree",
    "reserve_crashkernel",
    "early_trap_init",
    "spectre_bhb_update_vectors",
    "populate_rootfs",
    "mark_rodata_ro",
)
"""Moments that can be asked for, in the order of a current kernel."""


class Snapshot(Shown, Struct, frozen=True):
    """The state right after a step.

    To be read only: stages between which nothing changed share it.

    Attributes:
        name: the kernel function.
        memblock: as it was.
        mark: how far the tables' journal was.
        vars: the kernel variables as they were.
        memory: what pages hold that are no page tables: physical page -> its bytes.
    """

    name: str
    memblock: Memblock
    mark: int
    vars: Variables
    memory: Mapping[int, bytes]


class Replay(Shown, Struct, frozen=True, dict=True):
    """Everything that is known of one boot.

    Attributes:
        state: the last state; its tables hold the journal.
        stages: in the order in which they were passed; a function that runs twice is there twice.
        outcome: the verdict.
        alternatives: what would come of other values that may well be, where values were guessed.
    """

    state: BootState
    stages: tuple[Snapshot, ...]
    outcome: Outcome
    alternatives: tuple[Alternative, ...] = ()

    @cached_property
    def _tables(self) -> dict[int, Mapping[int, Words]]:
        """By mark, what `tables_at` found before."""
        return {}

    @property
    def hazards(self) -> list[Hazard]:
        """What broke, or might."""
        return self.state.hazards

    @property
    def memory(self) -> Mapping[int, bytes]:
        """What pages hold at the end that are no page tables: physical page -> its bytes."""
        return self.state.memory

    def stage(self, name: str) -> Snapshot | None:
        """The moment after the last run of the step ``name``; None if the boot did not come so far."""
        return next((stage for stage in reversed(self.stages) if stage.name == name), None)

    @property
    def usual_stage(self) -> Snapshot:
        """The latest stage up to the end of paging_init that the boot reached."""
        return self.stage("paging_init") or self.stages[-1]

    def tables_at(self, stage: Snapshot) -> Mapping[int, Words]:
        """The page tables at that moment, only pages that the root reaches: physical page -> words."""
        if stage.mark not in self._tables:
            self._tables[stage.mark] = self._reached(stage)
        return self._tables[stage.mark]

    def _reached(self, stage: Snapshot) -> dict[int, Words]:
        tables, form = self.state.tables, self.state.kernel.format
        pages = tables.pages_at(stage.mark)
        root = range(tables.root, tables.root + form.pgd_bytes, PAGE_SIZE)
        reached = [page for page in root if page in pages]
        kind, table = (3, 1) if form.name == "short" else (3, 3)
        seen = set(reached)
        for page in list(reached):
            words = pages[page]
            for word in words[words & kind == table]:
                target = int(word) & (0xFFFFF000 if form.name == "short" else 0xFFFFFFF000)
                if target in pages and target not in seen:
                    seen.add(target)
                    reached.append(target)
        return {page: pages[page] for page in reached}

    def table_bytes_at(self, stage: Snapshot) -> dict[int, bytes]:
        """The same pages as they lie in memory, in the kernel's byte order: physical page -> bytes."""
        big = self.state.kernel.byteorder == "big"
        return {page: (words.byteswap() if big else words).tobytes() for page, words in self.tables_at(stage).items()}


def boot(kernel: KernelModel, handover: Handover) -> Replay:
    """Replay the boot of ``kernel`` on the machine of ``handover``: a pure function of the two."""
    state = BootState(kernel, handover, fixup_smp(kernel, handover))
    state.assume_unknown()
    stages: list[Snapshot] = []
    try:
        for name, step in _steps(state):
            state.stage = name
            last = stages[-1] if stages else None
            step(state)
            stages.append(_snapshot(name, state, last))
            if stages[-1].mark != (last.mark if last is not None else 0):
                check_invariants(state)
    except KernelDied as died:
        return _ended(state, stages, died)
    except MemblockDeath as death:
        return _ended(state, stages, state.die("memblock-stops", f"the kernel stops in memblock: {death}"))
    luck = next((hazard for hazard in state.hazards if hazard.luck), None)
    if luck is not None:
        return Replay(state, tuple(stages), Outcome(Verdict.UNCERTAIN, luck.stage, luck.message))
    lost = next((hazard for hazard in state.hazards if hazard.loses_initrd), None)
    if lost is not None:
        return Replay(state, tuple(stages), Outcome(Verdict.BOOTS, lost.stage, lost.message, without_initrd=True))
    return Replay(state, tuple(stages), Outcome(Verdict.BOOTS))


def _ended(state: BootState, stages: list[Snapshot], died: KernelDied) -> Replay:
    hazard = died.hazard
    if not stages:  # there is always a last moment to look at: here the one before the first step
        stages.append(_snapshot("entry", state, None))
    return Replay(state, tuple(stages), Outcome(Verdict.DIES, hazard.stage, hazard.message))


def _snapshot(name: str, state: BootState, last: Snapshot | None) -> Snapshot:
    memblock, values, memory = state.memblock, state.vars, state.memory
    same = last is not None and memblock.is_as(last.memblock)
    return Snapshot(
        name,
        last.memblock if last is not None and same else memblock.copy(),
        state.tables.mark,
        last.vars if last is not None and values == last.vars else values.copy(),
        last.memory if last is not None and memory == last.memory else dict(memory),
    )


def _steps(state: BootState) -> list[tuple[str, Step]]:
    """The steps of this kernel in order, by the name of the state that each leaves."""
    kernel = state.kernel
    mem_types = ("build_mem_type_table", build_mem_type_table)
    early = kernel.has("mem_types_early")
    steps: list[tuple[str, Step]] = []
    if state.handover.zimage is not None:
        steps.append(("decompress_kernel", decompress_kernel))
    steps.append(("create_page_tables", _head))
    if kernel.has("kasan"):
        steps.append(("kasan_early_init", kasan_early_init))
    steps += [
        ("setup_machine_fdt", _setup_machine),
        ("early_fixmap_init", early_fixmap_init),
        ("parse_early_param", _parse_early_param),
    ]
    if early:
        steps.append(mem_types)
    if state.handover.efi is not None and kernel.has("efi_memory"):
        steps.append(("efi_init", efi_init))
    if kernel.has("sanity_in_setup_arch"):
        steps.append(("adjust_lowmem_bounds", adjust_lowmem_bounds))
    steps.append(("arm_memblock_init", arm_memblock_init))
    # The moment is the entry of paging_init, also where the bounds are settled before the reservations or in there.
    steps.append(("adjust_lowmem_bounds", adjust_lowmem_bounds if kernel.has("adjust_lowmem_bounds") else _nothing))
    if not early:
        steps.append(mem_types)
    steps += [
        ("prepare_page_table", _prepare_page_table),
        ("map_lowmem", map_lowmem),
        ("map_kernel", map_kernel),
        ("dma_contiguous_remap", dma_contiguous_remap),
        ("early_fixmap_shutdown", early_fixmap_shutdown),
        ("devicemaps_init", devicemaps_init),
        ("kmap_init", kmap_init),
        *([("tcm_init", tcm_init)] if kernel.has("tcm") and kernel.has("tcm_in_paging_init") else []),
        ("bootmem_init", _bootmem_init),
        ("paging_init", _nothing),
        ("unflatten_device_tree", unflatten_device_tree),
        ("reserve_crashkernel", reserve_crashkernel),
    ]
    if kernel.has("tcm") and not kernel.has("tcm_in_paging_init"):
        steps.append(("tcm_init", tcm_init))
    if not kernel.has("trap_init_in_devicemaps"):
        steps.append(("early_trap_init", early_trap_init))
    if kernel.config.enabled("HARDEN_BRANCH_HISTORY"):
        steps.append(("spectre_bhb_update_vectors", spectre_bhb_update_vectors))
    return [*steps, ("populate_rootfs", _populate_rootfs), ("mark_rodata_ro", mark_rodata_ro)]


def _head(state: BootState) -> None:
    check_there(state)
    check_head(state)
    create_page_tables(state)
    check_params_mapped(state)


def _nothing(state: BootState) -> None:
    """A moment without an act of its own: the return of paging_init; its entry where the bounds are settled before."""


def _prepare_page_table(state: BootState) -> None:
    if not state.kernel.has("sanity_in_setup_arch"):
        adjust_lowmem_bounds(state)
    prepare_page_table(state)


def _setup_machine(state: BootState) -> None:
    check_machine(state)
    board = state.handover.board
    if isinstance(board, Fdt):
        setup_machine_fdt(state, board)
    elif board is not None:
        setup_machine_tags(state, board)
    else:
        setup_default_tags(state)


def _parse_early_param(state: BootState) -> None:
    state.vars.vmalloc_size = 240 << 20 if state.kernel.has("vmalloc_min_240m") else 128 << 20
    state.vars.cachepolicy = default_policy(state)
    if state.handover.initrd is not None:
        state.vars.phys_initrd_start, state.vars.phys_initrd_size = state.handover.initrd
        state.initrd_origin = Origin("handover", "--initrd")
    parse_early_param(state)
    check_ram_below_phys_offset(state)
    setup_dma_zone(state)


def _bootmem_init(state: BootState) -> None:
    if state.kernel.has("zero_page_alloc"):
        state.vars.zero_page = early_alloc(state, PAGE_SIZE, "the zero page")
    bootmem_init(state)
    free_area_init(state)


def _populate_rootfs(state: BootState) -> None:
    check_pages_freed(state)
    populate_rootfs(state)
