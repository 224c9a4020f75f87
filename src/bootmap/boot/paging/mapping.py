"""create_mapping: from a map_desc to descriptor words, section by section or page by page.

One Linux pmd stands for 2 MiB in both formats:

    short   [ 1 MiB section | 1 MiB section ]   or   two table descriptors into one page table page
    long    [        2 MiB section          ]   or   one table descriptor

The choice between sections and pages is made for a whole pmd: in the short format one odd page in a pmd costs
all of its 2 MiB a page table.

Source: arch/arm/mm/mmu.c ``create_mapping``, ``__create_mapping``, ``alloc_init_pmd``, ``__map_init_section``,
``arm_pte_alloc``, ``create_36bit_mapping``, ``iotable_init``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bootmap.boot.early_alloc import early_alloc, memblock_alloc
from bootmap.boot.kernel import VECTORS_HIGH
from bootmap.boot.paging.pte import hardware_pte
from bootmap.boot.records import StaticVm
from bootmap.boot.trace import Origin
from bootmap.units import PAGE_SHIFT, PAGE_SIZE, PMD_SIZE, align_down, align_up, mem_range, size_text

if TYPE_CHECKING:
    from bootmap.boot.records import MapDesc, MemType
    from bootmap.boot.state import BootState

_SUPERSECTION = 1 << 24
_U32 = 0xFFFFFFFF


def create_mapping(state: BootState, md: MapDesc) -> None:
    """Write the descriptors for ``md``, allocating page tables as needed.

    Raises:
        KernelDied: the kernel would hit a BUG, run off the tables, or find no memory for a page table.
    """
    kernel = state.kernel
    vectors = VECTORS_HIGH if _vectors_high(state) else 0
    if md.virtual != vectors and md.virtual < kernel.task_size:
        where = f"0x{md.physical:08x} at 0x{md.virtual:08x}"
        state.print(f"BUG: not creating mapping for {where} in user region")
        state.hazard("mapping-refused", f"a mapping for {where} lies in user space and is not made", address=md.virtual)
        return
    if state.mem_types is not None and md.type not in state.mem_types.types:
        raise state.die(
            "mem-type-missing",
            f"MT_{md.type} for {md.what} is not among this kernel's memory types: the features that were switched with "
            f"--feature never stood in one kernel",
            address=md.virtual,
        )
    end = md.virtual + md.length
    _check_device(state, md)
    state.maps.append(md)
    if md.length <= 0 or end > 1 << 32:
        _create_wrapped(state, md)
    else:
        _create(state, md)


def _check_device(state: BootState, md: MapDesc) -> None:
    """Say where a device's mapping is not in the vmalloc area; before 3.3, where it is below that area's end."""
    kernel = state.kernel
    if md.type != "DEVICE" and (md.type != "ROM" or kernel.has("fdt_fixed_base")):
        return
    if not kernel.page_offset <= md.virtual < (kernel.fixaddr_start if kernel.has("early_fixmap") else 1 << 32):
        return
    where = f"0x{md.physical:08x} at 0x{md.virtual:08x}"
    area = mem_range(state.vmalloc_start, kernel.vmalloc_end)
    if not kernel.has("devices_in_vmalloc"):
        if md.virtual < kernel.vmalloc_end:
            state.print(f"BUG: mapping for {where} overlaps vmalloc space")
            state.hazard(
                "mapping-in-vmalloc",
                f"a device mapping for {where} lies below the end of the vmalloc area "
                f"{area}, where vmalloc() may map something else",
                address=md.virtual,
            )
    elif not state.vmalloc_start <= md.virtual < kernel.vmalloc_end:
        state.print(f"BUG: mapping for {where} out of vmalloc space")
        state.hazard(
            "mapping-outside-vmalloc",
            f"a device mapping for {where} lies outside the vmalloc area {area}",
            address=md.virtual,
        )


def _create_wrapped(state: BootState, md: MapDesc) -> None:
    """A mapping whose end, in 32 bits, is not above its start.

    The loop over descriptors goes on from 4 GiB to 0 until it meets its end, and its pointer leaves the page directory:

        swapper_pg_dir          start           4 GiB  _text        end          _stext
        |                         | sections ... | ... and on over  |              |

    What lies behind the directory is head.S, which has done its work, up to ``_stext``.

    Raises:
        KernelDied: pages would be needed, or what is overwritten is still needed.
    """
    assert state.mem_types is not None
    form, mem_type = state.kernel.format, state.mem_types[md.type]
    addr = align_down(md.virtual, PAGE_SIZE)
    end = (addr + align_up((md.length & _U32) + md.virtual - addr, PAGE_SIZE)) & _U32
    size = form.section_size
    what = (
        f"{md.what}: the mapping of {md.physical:#010x} at {md.virtual:#010x} has the length "
        f"{'-' if md.length < 0 else ''}{size_text(abs(md.length))}"
    )
    if not mem_type.prot_sect or (addr | end | md.physical) % size:
        raise state.die(
            "negative-length",
            f"{what}; the loop over the ptes of one page table never meets its end and overwrites all that lies "
            f"behind the table, up to where nothing is mapped",
            address=md.virtual,
            origin=md.origin,
        )
    count = ((end - addr - 1) & _U32) // size + 1
    start = state.descriptor_address(addr)
    room = (state.tables.root + form.pgd_bytes - start) // form.word_bytes
    behind = state.tables.root + form.pgd_bytes
    last = behind + (count - room) * form.word_bytes
    stext = state.pa(state.kernel.symbols.require("_stext")[0])
    if last > stext:
        raise state.die(
            "negative-length",
            f"{what}; the loop over descriptors runs through all 4 GiB and out of the page directory, and overwrites "
            f"the kernel's text behind it at {stext:#010x}",
            address=md.virtual,
            origin=md.origin,
        )
    _map_sections(state, md, mem_type, addr, addr + room * size, md.physical)
    state.hazard(
        "negative-length",
        f"{what}; the loop over descriptors runs through all 4 GiB and out of the page directory: everything from "
        f"{addr:#010x} up is mapped, and {size_text(last - behind)} behind the directory are overwritten, where "
        f"head.S lies, which has done its work",
        address=md.virtual,
        origin=md.origin,
    )


def _vectors_high(state: BootState) -> bool:
    """``vectors_high()``: CR.V, set by every CPU set-up but ARMv4 without high vectors configured."""
    return state.kernel.config.get("VECTORS_BASE", "0xffff0000").lower() != "0x00000000"


def _create(state: BootState, md: MapDesc) -> None:
    assert state.mem_types is not None
    form, mem_type = state.kernel.format, state.mem_types[md.type]
    if form.name == "short" and md.pfn >= 1 << (32 - PAGE_SHIFT):
        _create_36bit(state, md, mem_type)
        return
    addr = align_down(md.virtual, PAGE_SIZE)
    phys = md.physical
    end = addr + align_up(md.length + md.virtual - addr, PAGE_SIZE)
    section = form.section_size
    if not mem_type.prot_l1 and (addr | phys | end) % section:
        where = f"0x{md.physical:08x} at 0x{addr:08x}"
        state.print(f"BUG: map for {where} can not be mapped using pages, ignoring.")
        state.hazard(
            "mapping-needs-pages",
            f"{md.what}: {where} is not aligned to a section, and MT_{md.type} has no page form: it stays unmapped",
            address=addr,
        )
        return
    sections_possible = bool(mem_type.prot_sect) or not state.kernel.has("section_needs_prot_sect")
    while addr < end:
        run = addr
        if sections_possible and not (addr | phys) % section:
            run = end if not end % section else max(align_down(end, PMD_SIZE), addr)
        if run > addr:
            _map_sections(state, md, mem_type, addr, run, phys)
        else:
            run = min(align_down(addr, PMD_SIZE) + PMD_SIZE, end) if sections_possible else end
            _map_pages(state, md, mem_type, addr, run, phys)
        phys += run - addr
        addr = run


def _map_sections(state: BootState, md: MapDesc, mem_type: MemType, addr: int, end: int, phys: int) -> None:
    size = state.kernel.format.section_size
    count = (end - addr) // size
    words = np.arange(count, dtype=np.uint64) * np.uint64(size) + np.uint64(phys | mem_type.prot_sect)
    state.tables.write(state.descriptor_address(addr), words.astype(state.tables.dtype), state.cause("section", md))


def _map_pages(state: BootState, md: MapDesc, mem_type: MemType, addr: int, end: int, phys: int) -> None:
    """Ptes for ``[addr, end)``, page table by page table."""
    ptes = _Ptes(state, (end - addr) >> PAGE_SHIFT, phys, mem_type.prot_pte, md)
    done, what = 0, f"a page table for {md.what}"
    while addr < end:
        behind = min(align_down(addr, PMD_SIZE) + PMD_SIZE, end)
        table = pte_alloc(state, addr, mem_type.prot_l1, what, md)
        count = (behind - addr) >> PAGE_SHIFT
        ptes.store(table, addr, done, done + count)
        addr, done = behind, done + count


def write_ptes(state: BootState, table: int, addr: int, count: int, phys: int, prot: int, md: MapDesc | None) -> None:
    """``set_pte_ext`` for ``count`` pages in a row, in one page table."""
    _Ptes(state, count, phys, prot, md).store(table, addr, 0, count)


class _Ptes:
    """The words of ``set_pte_ext`` for pages in a row: Linux's, and the hardware's where they are apart."""

    def __init__(self, state: BootState, count: int, phys: int, prot: int, md: MapDesc | None) -> None:
        form, dtype = state.kernel.format, state.tables.dtype
        frames = np.arange(count, dtype=np.uint64) * np.uint64(PAGE_SIZE) + np.uint64(phys)
        hardware = np.uint64(hardware_pte(prot, state.kernel, state.handover.cpu))
        self._tables, self._form = state.tables, form
        cause = state.cause("pte", md)
        if form.pte_hwtable_offset:
            words = frames | hardware if hardware else np.zeros_like(frames)
            self._parts = [
                (0, (frames | np.uint64(prot)).astype(dtype), cause),
                (form.pte_hwtable_offset, words.astype(dtype), state.cause("hardware pte", md)),
            ]
        else:
            self._parts = [(0, (frames | hardware).astype(dtype), cause)]

    def store(self, table: int, addr: int, first: int, behind: int) -> None:
        """Store the words ``[first, behind)`` in the page table at ``table``, from the pte of ``addr`` on."""
        at = table + (addr >> PAGE_SHIFT) % self._form.ptes_per_table * self._form.word_bytes
        for offset, words, cause in self._parts:
            self._tables.write(at + offset, words[first:behind], cause)


def pte_alloc(state: BootState, addr: int, prot: int, what: str, md: MapDesc | None = None) -> int:
    """The page table for the pmd around ``addr``, allocated if there is none; its physical address.

    Raises:
        KernelDied: no memory, or the pmd holds a section, which is a BUG.
    """
    pmd = state.kernel.format.pmd
    slot = state.pmd_address(addr)
    word = state.tables.word(slot)
    if not word:
        table = early_alloc(state, PAGE_SIZE, what, md.origin if md else None)
        state.tables.create(table, PAGE_SIZE, state.cause("zero", md, Origin(state.stage, what)))
        pmd_populate(state, addr, table, prot, md)
        return table
    if pmd.is_bad(word):
        raise state.die(
            "pmd-bad",
            f"{md.what if md else what}: pages are needed at {align_down(addr, PMD_SIZE):#010x}, but a section is "
            f"mapped there already (descriptor {word:#x}): BUG_ON(pmd_bad) in the kernel, an undefined instruction "
            f"before the vectors exist",
            address=addr,
            origin=md.origin if md else None,
        )
    return table_address(state, word)


def table_address(state: BootState, word: int) -> int:
    """Physical address of the page table page that the table descriptor ``word`` points to."""
    return word & (0xFFFFFFF000 if state.kernel.format.name == "long" else 0xFFFFF000)


def pmd_populate(state: BootState, addr: int, table: int, prot: int, md: MapDesc | None = None) -> None:
    """Point the pmd around ``addr`` to ``table``: two descriptors in the short format."""
    form = state.kernel.format
    first = (table + form.pte_hwtable_offset) | prot
    words = [first] if form.name == "long" else [first, first + 1024]
    state.tables.write(state.pmd_address(addr), np.array(words, state.tables.dtype), state.cause("populate", md))


def pmd_clear(state: BootState, start: int, end: int, why: str) -> None:
    """Clear the pmds of ``start``, ``start`` + 2 MiB, ... below ``end``.

    As in the kernel, an unaligned ``start`` clears the whole pmd it lies in, both halves of a pair.
    """
    if start >= end:
        return
    count = (end - start + PMD_SIZE - 1) // PMD_SIZE
    words = count * 8 // state.kernel.format.word_bytes
    state.tables.fill(state.pmd_address(start), words, 0, state.cause("clear", origin=Origin(state.stage, why)))


def _create_36bit(state: BootState, md: MapDesc, mem_type: MemType) -> None:
    """Supersections: 16 equal descriptors, with PA[35:32] in bits 23 to 20."""
    cpu, pmd = state.handover.cpu, state.kernel.format.pmd
    refusal = ""
    if not (cpu.arch >= 6 or cpu.pte == "xsc3"):
        refusal = "the CPU has no supersections"
    elif mem_type.domain:
        refusal = f"supersections work in domain 0 only, MT_{md.type} has domain {mem_type.domain} (CONFIG_IO_36)"
    elif (md.virtual | align_up(md.length, PAGE_SIZE) | md.physical) % _SUPERSECTION:
        refusal = "it is not aligned to 16 MiB"
    if refusal:
        where = f"0x{md.physical:08x} at 0x{md.virtual:08x}"
        state.print(f"MM: cannot create supersection mapping for {where}: {refusal}")
        state.hazard("mapping-refused", f"{md.what}: {where} is not mapped: {refusal}", address=md.virtual)
        return
    low = (md.physical & 0xFFFFFFFF) | (md.physical >> 32 & 0xF) << 20
    for offset in range(0, align_up(md.length, PAGE_SIZE), _SUPERSECTION):
        word = (low + offset) & 0xFFFFFFFF | mem_type.prot_sect | pmd.supersection
        state.tables.fill(state.descriptor_address(md.virtual + offset), 16, word, state.cause("supersection", md))


# -- areas noted before vmalloc exists ---------------------------------------------------------------------


def _vm_size(state: BootState) -> tuple[int, int]:
    """Size and alignment of the structure that notes one static area, in bytes.

    struct static_vm is a list head and a struct vm_struct; before it there was the vm_struct alone
    (include/linux/vmalloc.h, arch/arm/mm/mm.h).
    """
    kernel = state.kernel
    wide = kernel.has("lpae")
    size = 40 if wide else 32
    if kernel.has("vm_requested_size") and not wide:
        size += 4
    if kernel.has("static_vm"):
        size += 8
    return size, 8 if wide else 4


def iotable_init(state: BootState, maps: list[MapDesc]) -> None:
    """Map static areas and note each for vmalloc.

    Raises:
        KernelDied: as for :func:`create_mapping`.
    """
    if not maps:
        return
    if state.kernel.has("iotable_allocates"):
        size, align = _vm_size(state)
        memblock_alloc(state, size * len(maps), align, f"{len(maps)} static vm structure(s)", maps[0].origin)
    for md in maps:
        create_mapping(state, md)
        start = align_down(md.virtual, PAGE_SIZE)
        _note_vm(state, StaticVm(start, align_up(md.length + md.virtual - start, PAGE_SIZE), md.what, md))


def vm_reserve_area_early(state: BootState, start: int, size: int, what: str) -> None:
    """Note an area without mapping it.

    Raises:
        KernelDied: no memory.
    """
    vm_size, align = _vm_size(state)
    memblock_alloc(state, vm_size, align, f"a static vm structure for {what}")
    _note_vm(state, StaticVm(start, size, what))


def _note_vm(state: BootState, vm: StaticVm) -> None:
    """Keep the list sorted by address (``add_static_vm_early``; before 3.9, mm/vmalloc.c ``vm_area_add_early``).

    Raises:
        KernelDied: it overlaps an area noted before, a BUG (mm/vmalloc.c ``vm_area_add_early``).
    """
    if state.kernel.has("iotable_allocates"):
        for other in state.static_vms:
            if other.start < vm.start + vm.size and vm.start < other.start + other.size:
                raise state.die(
                    "static-vm-overlap",
                    f"{vm} and {other} overlap: vm_area_add_early, which notes what vmalloc must keep clear of, takes "
                    f"that for a BUG",
                    address=max(vm.start, other.start),
                )
    state.static_vms.insert(sum(1 for other in state.static_vms if other.start <= vm.start), vm)
