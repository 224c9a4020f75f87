"""The symbols that a table of the text alone lacks, learned from the kernel itself in a boot made for that.

    where it stands                         what is read                        what follows
    paging_init's entry                     TTBR1 (before ARMv6 TTBR0)          swapper_pg_dir
                                            the fixmap's first-level entry      bm_pte
    behind setup_arch                       resource "Kernel code"              _text, __init_begin
                                            resource "Kernel data"              _sdata (= __init_end), _end

Of bm_pte, where it is learned so, the words of the page directory that name it prove nothing any more.

Source: arch/arm/kernel/setup.c ``mem_res``, ``request_standard_resources``; arch/arm/kernel/vmlinux.lds.S;
include/linux/ioport.h ``struct resource``; arch/arm/mm/mmu.c ``early_fixmap_init``.
Not here: finding the symbols of the text (inputs/kallsyms.py).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from bootmap.boot.decompressor.phys_offset import phys_offset
from bootmap.errors import MachineError, MissingInputError, UsageError
from bootmap.facts.machines.qemu import KERNEL_AT
from bootmap.image.machine import HangError
from bootmap.image.registers import system_registers
from bootmap.units import PAGE_SIZE, align_down, align_up, hex_address
from bootmap.verify.guest import Handed, placed
from bootmap.verify.observe import VECTORS
from bootmap.verify.session import machine_tree, usual_dtb_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootmap.boot.kernel import KernelModel
    from bootmap.inputs.symbols import Symbols
    from bootmap.verify.guest import Guest, Setup
    from bootmap.verify.kernels import BootKernel

_BEHIND_SETUP_ARCH = ("setup_per_cpu_areas", "build_all_zonelists", "sched_init")  # init/main.c start_kernel
_CODE, _DATA = b"Kernel code\0", b"Kernel data\0"
_TABLE, _TYPE = (1, 3), 3  # short and long descriptors of a table; the field that tells
_LONG_ADDRESS = 0xFF_FFFF_F000
_SHORT_ADDRESS = 0xFFFF_FC00
_TTB_SHORT, _TTB_LONG = 0xFFFF_C000, 0xFF_FFFF_FFE0  # addresses of 16 KiB and of 32 bytes (DDI 0406C B4.1.154)


class Extent(NamedTuple):
    """Physical addresses of the first and the last byte, as ``struct resource`` has them."""

    start: int
    last: int


def completed(kernel: BootKernel, setup: Setup, board: bytes | None = None, timeout: float = 60.0) -> BootKernel:
    """``kernel`` with the symbols that it needs, learned in a boot where it lacks them.

    Args:
        kernel: the kernel.
        setup: the machine to boot it on; with the tree that QEMU makes for it, where it makes one.
        board: the device tree blob to boot it with where QEMU makes none.
        timeout: seconds for each stretch of the way.

    Raises:
        ToolMissingError: QEMU is not installed.
        MissingInputError: the kernel did not tell; the message asks for its System.map.
        MachineError: QEMU ended, or what was read contradicts the symbols.
    """
    if not kernel.text_only:
        return kernel
    try:
        board = machine_tree(setup)
    except UsageError:
        if board is None:
            raise
    model = kernel.model()
    tree = kernel.parse(board)
    offset, _ = phys_offset(model, tree, setup.machine.ram_base + KERNEL_AT)
    if offset is None:
        raise MissingInputError(f"{kernel.name}: nothing tells where RAM begins, so that the kernel cannot be asked")
    handed = Handed(board, usual_dtb_place(setup), setup.machine.machine_id)
    with placed(setup, kernel.image(), offset + text_offset(model), handed, offset) as guest:
        symbols = learn(guest, model, timeout)
    return replace(kernel, symbols=symbols, learned=tuple(sorted(symbols.keys() - kernel.symbols.keys())))


def text_offset(kernel: KernelModel) -> int:
    """TEXT_OFFSET of a kernel whose page directory no symbol names yet.

    Raises:
        MissingInputError: neither the kernel file nor the symbols tell it.
    """
    offset = None if kernel.file is None else kernel.file.text_offset
    for name in ("_text", "stext"):
        if offset is None and name in kernel.symbols:
            offset = kernel.symbols[name] - kernel.page_offset
    if offset is None:
        raise MissingInputError("the symbols lack _text, and the kernel file does not say; give the whole System.map")
    return offset


def learn(guest: Guest, kernel: KernelModel, timeout: float) -> Symbols:
    """Run the guest to behind setup_arch and complete the symbols of its kernel.

    Args:
        guest: stopped at the kernel's first instruction.
        kernel: with its file at hand.
        timeout: seconds for each stretch of the way.

    Raises:
        MissingInputError: it does not get there, or does not tell.
        MachineError: QEMU ended, or what was read contradicts the symbols.
    """
    symbols = kernel.symbols
    behind = [symbols[name] for name in _BEHIND_SETUP_ARCH if name in symbols]
    if not behind:
        raise MissingInputError(
            f"the symbols lack {' and '.join(_BEHIND_SETUP_ARCH)}, where the kernel could be asked; give its System.map"
        )
    places = {name: _resource_places(kernel, name) for name in (_CODE, _DATA)}
    _run(guest, (symbols["paging_init"],), timeout)
    found = _early(guest, kernel)
    _run(guest, behind, timeout)
    code = _resource(guest, kernel, places[_CODE], "Kernel code")
    data = _resource(guest, kernel, places[_DATA], "Kernel data")

    def virtual(physical: int) -> int:
        return physical - guest.phys_offset + kernel.page_offset

    found |= {"_text": virtual(code.start), "_end": virtual(data.last + 1)}
    found |= {name: virtual(data.start) for name in ("_sdata", "__init_end")}
    behind_code = virtual(code.last + 1)
    if behind_code != symbols.get("_etext"):  # since 4.6 up to __init_begin, and .rodata begins a page behind _etext
        found["__init_begin"] = behind_code
        if "_etext" in symbols:
            rodata = align_up(symbols["_etext"], PAGE_SIZE)
            found |= {"__start_rodata": rodata, "__start_rodata_section_aligned": kernel.section_up(rodata)}
    elif "_sinittext" in symbols:
        found["__init_begin"] = align_down(symbols["_sinittext"], PAGE_SIZE)
    if kernel.file is not None and kernel.file.image is not None:
        found["__bss_start"] = found["_text"] + len(kernel.file.image)
    pgd = found["_text"] - kernel.format.pgd_bytes
    if found["swapper_pg_dir"] != pgd:
        raise MachineError(
            f"the page directory is at {hex_address(found['swapper_pg_dir'])}, where {hex_address(pgd)} was expected; "
            f"are the configuration and the symbols this kernel's?"
        )
    return symbols.extended(found)


def _run(guest: Guest, addresses: Sequence[int], timeout: float) -> None:
    try:
        guest.machine.run_until(*addresses, *VECTORS, timeout=timeout)
        reached = guest.machine.gdb.read_register("pc") in addresses
    except HangError:
        reached = False
    if not reached:
        raise MissingInputError(
            "the symbols name the text alone, and the kernel dies before it can be asked for the rest; give its whole "
            "System.map with --system-map, or verify a board that it boots on"
        )


def _early(guest: Guest, kernel: KernelModel) -> dict[str, int]:
    """What the registers and the page directory tell at paging_init's entry."""
    registers = system_registers(guest.machine.gdb)
    long = kernel.has("lpae")
    base = registers["TTBR0"] if long else registers.get("TTBR1") or registers["TTBR0"]
    root = base & (_TTB_LONG if long else _TTB_SHORT)
    found = {"swapper_pg_dir": root - guest.phys_offset + kernel.page_offset}
    table = _fixmap_table(guest, root, kernel)
    if kernel.has("early_fixmap") and table is not None:
        found["bm_pte"] = align_down(table, PAGE_SIZE) - guest.phys_offset + kernel.page_offset
    return found


def _fixmap_table(guest: Guest, root: int, kernel: KernelModel) -> int | None:
    """Physical address of the table that maps the top of the fixmap now, None without one."""
    memory, top = guest.machine.memory, kernel.fixaddr_top
    if not kernel.has("lpae"):
        word = int.from_bytes(memory.read(root + 4 * (top >> 20), 4), "little")
        return word & _SHORT_ADDRESS if word & _TYPE == _TABLE[0] else None
    first = int.from_bytes(memory.read(root + 8 * (top >> 30), 8), "little")
    if first & _TYPE != _TABLE[1]:
        return None
    word = int.from_bytes(memory.read((first & _LONG_ADDRESS) + 8 * (top >> 21 & 511), 8), "little")
    return word & _LONG_ADDRESS if word & _TYPE == _TABLE[1] else None


def _resource_places(kernel: KernelModel, name: bytes) -> list[int]:
    """Offsets in the image where a ``struct resource`` of that name may begin."""
    image = b"" if kernel.file is None else kernel.file.image or b""
    start = kernel.page_offset + text_offset(kernel)
    width = 8 if kernel.has("lpae") else 4
    places = []
    at = image.find(name)
    while at >= 0:
        pointer = struct.pack("<I", start + at)
        user = image.find(pointer)
        while user >= 0:
            if user % 4 == 0 and user >= 2 * width:
                places.append(user - 2 * width)
            user = image.find(pointer, user + 1)
        at = image.find(name, at + 1)
    return places


def _resource(guest: Guest, kernel: KernelModel, places: list[int], name: str) -> Extent:
    """The resource of that name: of the places where it may be the one that has a range of the image.

    Raises:
        MissingInputError: none has, or several.
    """
    begin = guest.phys_offset + text_offset(kernel)
    row = struct.Struct("<QQ" if kernel.has("lpae") else "<II")
    extents = {Extent(*row.unpack(guest.machine.memory.read(begin + place, row.size))) for place in places}
    sane = [extent for extent in extents if begin <= extent.start < extent.last and not (extent.last + 1) % 4]
    if len(sane) != 1:
        raise MissingInputError(
            f"the symbols name the text alone, and the kernel's resource {name!r} was not found; give its System.map"
        )
    return sane[0]
