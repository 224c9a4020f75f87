"""head.S: what the tables hold before any C code runs.

    virtual                                                  physical
    the section(s) of __turn_mmu_on      identity map        the same address (XIP: in flash)
    PAGE_OFFSET .. section of _end - 1   the kernel          PHYS_OFFSET ..
    0xff800000, or in the linear map     the blob at r2      two sections (or one, by version)
    DEBUG_UART_VIRT                      the debug UART      DEBUG_UART_PHYS

Source: arch/arm/kernel/head.S ``__create_page_tables``, ``__fixup_smp``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bootmap.boot.kernel import FDT_FIXED_BASE
from bootmap.boot.trace import Origin
from bootmap.facts.linux.linux_prot import L_PGD_SWAPPER
from bootmap.units import align_down

if TYPE_CHECKING:
    from bootmap.boot.handover import Handover
    from bootmap.boot.kernel import KernelModel
    from bootmap.boot.state import BootState

_U32 = 0xFFFFFFFF
_LONG_WBWA_S = 7 << 2 | 3 << 8
_LONG_WB = 3 << 2


def fixup_smp(kernel: KernelModel, handover: Handover) -> bool:
    """Whether the kernel runs as SMP: the answer of ``is_smp()``.

    An SMP kernel with SMP_ON_UP asks MPIDR whether the core has the multiprocessing extensions, and a
    Cortex-A9 also how many CPUs its snoop control unit counts.  Nosmp and maxcpus= come too late to matter.
    """
    if not kernel.has("smp"):
        return False
    if not kernel.has("smp_on_up"):
        return True
    smp = handover.cpu.smp
    return smp in ("always", "mpidr") or (smp == "scu" and (handover.cpus or 1) > 1)


def mm_mmuflags(kernel: KernelModel, handover: Handover, smp: bool) -> int:
    """Section flags of the early tables: mm_mmuflags of the CPU's proc_info (arch/arm/mm/proc-*.S)."""
    cpu = handover.cpu
    if kernel.format.name == "long":
        pmd = kernel.format.pmd
        return pmd.sect | pmd.af | (_LONG_WBWA_S if smp else _LONG_WB)
    return cpu.mmuflags_smp if smp and cpu.mmuflags_smp is not None else cpu.mmuflags_up


def create_page_tables(state: BootState) -> None:
    """Write the early tables and note the kernel's sections.

    Raises:
        KernelDied: a later mapping takes the place of the identity map, without which the MMU cannot be turned on.
    """
    kernel, handover, form = state.kernel, state.handover, state.kernel.format
    root = state.tables.root
    zero = Origin("__create_page_tables", f"page directory at {root:#010x}", parent=Origin("symbol", "swapper_pg_dir"))
    state.tables.create(root, form.pgd_bytes, state.cause("zero", origin=zero))
    if form.name == "long":
        pmds = np.array([(root + 0x1000 * (i + 1)) | 3 | L_PGD_SWAPPER for i in range(4)], state.tables.dtype)
        state.tables.write(root, pmds, state.cause("pgd", origin=zero))
    flags = mm_mmuflags(kernel, handover, state.smp)

    first, last = _identity(state)
    _sections(state, first, first, (last - first) // form.section_size + 1, flags, "identity map of __turn_mmu_on")

    _map_kernel(state, flags)
    _map_params(state, flags)
    if kernel.has("debug_ll"):
        _map_debug_uart(state)
    for address in range(first, last + 1, form.section_size):
        if state.mapped(address) != address:
            near = f"PHYS_OFFSET {handover.phys_offset:#010x}"
            if kernel.has("xip"):
                near = f"CONFIG_XIP_PHYS_ADDR {kernel.xip_flash:#010x}"
            raise state.die(
                "identity-map-lost",
                f"__turn_mmu_on runs at {address:#010x} and must be mapped there when the MMU comes on, but that "
                f"address is {_owner(state, address)}: the next instruction is fetched from elsewhere. {near} is too "
                f"near to it",
                address=address,
            )


def _owner(state: BootState, address: int) -> str:
    """What took the place of the identity map of ``address``, in words."""
    last = list(state.tables.writers(state.descriptor_address(address)))[-1][0]
    return f"mapped for {last.origin.text}" if last.origin else "mapped for something else"


def _identity(state: BootState) -> tuple[int, int]:
    kernel, size = state.kernel, state.kernel.format.section_size
    names = ("__turn_mmu_on", "__turn_mmu_on_end")
    if not kernel.has("idmap_turn_mmu_on"):
        names = ("__enable_mmu", "__enable_mmu_end")
    start, end = (_running_at(state, va) for va in kernel.symbols.require(*names))
    return align_down(start, size), align_down(end, size)


def _running_at(state: BootState, va: int) -> int:
    """Where the code at ``va`` runs before the MMU is on: head.S takes the address from its PC (``adr_l``).

    An XIP kernel's text is in flash, wherever RAM is.
    """
    kernel = state.kernel
    if kernel.has("xip"):
        return (va - kernel.xip_text + kernel.xip_flash) & _U32
    return state.pa(va)


def _map_kernel(state: BootState, flags: int) -> None:
    kernel, size = state.kernel, state.kernel.format.section_size
    if kernel.has("xip"):
        _map_xip(state, flags)
        return
    start = kernel.page_offset
    if not kernel.has("head_maps_from_page_offset"):
        start = align_down(kernel.page_offset + kernel.text_offset, size)
    end = align_down(kernel.image_end - 1, size) + size
    _sections(state, start, state.pa(start), (end - start) // size, flags, "the kernel image")
    state.vars.kernel_sec_start = state.handover.phys_offset
    state.vars.kernel_sec_end = state.pa(end) & _U32  # one register of 32 bits, also with long descriptors


def _map_xip(state: BootState, flags: int) -> None:
    """The RAM part from PAGE_OFFSET, the text at its place in the modules' area."""
    kernel, size = state.kernel, state.kernel.format.section_size
    end = align_down(kernel.image_end - 1, size) + size
    start = kernel.page_offset
    _sections(state, start, state.pa(start), (end - start) // size, flags, "the kernel's data")
    physical = align_down(kernel.xip_flash, size)
    text = kernel.xip_text
    last = kernel.symbols.require("_edata_loc" if "_edata_loc" in kernel.symbols else "_etext")[0] - 1
    count = align_down(last, size) // size - align_down(text, size) // size + 1
    _sections(state, align_down(text, size), physical, count, flags, "the kernel's text in flash")


def _map_params(state: BootState, flags: int) -> None:
    kernel, params, size = state.kernel, state.handover.params, state.kernel.format.section_size
    base = align_down(params, size)  # before FDT_FIXED_BASE the section is looked at: 0 stands for nothing given
    what = f"boot parameters at r2 = {params:#010x}"
    if kernel.has("fdt_fixed_base"):
        if params:
            _sections(state, FDT_FIXED_BASE, base, 2, flags, what)
    elif kernel.has("params_two_sections_or_first"):
        base = base or state.handover.phys_offset
        _sections(state, state.va(base), base, 2, flags, what)
    elif kernel.has("params_two_sections"):
        if base:
            _sections(state, state.va(base), base, 2, flags, what)
    elif kernel.has("params_one_section"):
        if base:
            _sections(state, state.va(base), base, 1, flags, what)
    elif kernel.has("params_one_section_or_first"):
        base = base or state.handover.phys_offset
        _sections(state, state.va(base), base, 1, flags, what)
    elif kernel.has("params_first_section"):
        _sections(state, kernel.page_offset, state.handover.phys_offset, 1, flags, "the first section of RAM")


def _map_debug_uart(state: BootState) -> None:
    kernel, size = state.kernel, state.kernel.format.section_size
    if kernel.config.enabled("DEBUG_ICEDCC") or kernel.config.enabled("DEBUG_SEMIHOSTING"):
        return
    if "DEBUG_UART_PHYS" not in kernel.config or "DEBUG_UART_VIRT" not in kernel.config:
        state.assume(
            "CONFIG_DEBUG_LL is set but DEBUG_UART_PHYS and DEBUG_UART_VIRT are not: the early map of the debug "
            "UART is left out"
        )
        return
    pmd = kernel.format.pmd
    flags = pmd.sect | pmd.ap_write | pmd.ap_read
    if state.handover.cpu.arch < 6 and not state.handover.cpu.xscale:
        flags |= pmd.bit4
    if kernel.format.name == "long" or state.handover.cpu.arch >= 6:
        flags |= pmd.xn | pmd.af
    virtual = align_down(kernel.config.integer("DEBUG_UART_VIRT"), size)
    physical = align_down(kernel.config.integer("DEBUG_UART_PHYS"), size)
    count = 1
    if not kernel.has("debug_ll_one_section"):
        count = min(512, ((1 << 32) - virtual) // size)
    _sections(state, virtual, physical, count, flags | pmd.xn, "the debug UART")


def _sections(state: BootState, virtual: int, physical: int, count: int, flags: int, what: str) -> None:
    """``count`` section descriptors in a row, with no regard to what was there; physical addresses wrap at 4 GiB.

    Virtual ones do not: what would be mapped beyond 4 GiB is stored behind the page directory.
    """
    form = state.kernel.format
    size = form.section_size
    origin = Origin("__create_page_tables", what, parent=Origin("handover", f"mm_mmuflags {flags:#x}"))
    words = (
        (np.arange(count, dtype=np.uint64) * np.uint64(size) + np.uint64(physical | flags & _U32)) & np.uint64(_U32)
        | np.uint64(flags & ~_U32)
    ).astype(state.tables.dtype)
    start, behind = state.descriptor_address(virtual), state.tables.root + form.pgd_bytes
    inside = words[: (behind - start) // form.word_bytes]
    state.tables.write(start, inside, state.cause("early section", origin=origin))
    if len(inside) < len(words):
        there = "data that is copied there later" if state.kernel.has("xip") else "its first instruction, which has run"
        state.hazard(
            "section-behind-directory",
            f"{what} reach beyond 4 GiB in virtual space: head.S stores {len(words) - len(inside)} descriptor(s) of "
            f"sections behind the page directory, over the kernel at {behind:#010x} ({there})",
            address=behind,
            origin=origin,
        )
