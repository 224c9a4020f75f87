"""bootmap under drgn: virtual addresses of 32-bit ARM kernels, which drgn itself does not translate.

    >>> from bootmap_drgn import program
    >>> prog = program("vmcore", system_map="System.map")
    >>> prog.read_u32(prog.symbol("_text").address)
    >>> prog = program("vmcore", vmlinux="vmlinux")      # with debug information: types too
    >>> prog["init_task"].comm

``program`` takes whatever `bootmap walk` takes (a dump, a core, a recording with the pages in question, a running QEMU)
and what else is known as keywords of ``bootmap.open``: system_map, config, arch, registers.  The page tables are read
once, so of a machine that runs they are those of that moment.  The dump stays as it is.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import drgn
from elftools.elf.elffile import ELFFile

import bootmap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Reader = Callable[[int, int, int, bool], bytes]

_OPEN = ExitStack()  # dumps stay open as long as Python runs


def program(*source: str, vmlinux: str | None = None, **options: Any) -> drgn.Program:
    """A drgn program that reads the virtual memory of a kernel, with its symbols where they are known.

    Args:
        source: as the words of ``bootmap.open``.
        vmlinux: the kernel's ELF file with debug information.
        options: keywords of ``bootmap.open``.

    Raises:
        bootmap.BootmapError: the source cannot be read, or holds no page tables.
    """
    tables = _OPEN.enter_context(bootmap.open(*source, **options))
    big = bool(tables.regs.sctlr >> 25 & 1)  # SCTLR.EE (DDI 0406C B4.1.130)
    flags = drgn.PlatformFlags(0) if big else drgn.PlatformFlags.IS_LITTLE_ENDIAN
    prog = drgn.Program(drgn.Platform(drgn.Architecture.ARM, flags))
    prog.add_memory_segment(0, 1 << 40, _reader(tables, 0), True)
    for found in tables.ranges():
        prog.add_memory_segment(found.va, found.size, _reader(tables, found.pa))
    symbols = sorted((address, name) for name, address in tables.symbols.items())
    if symbols:
        prog.register_symbol_finder("bootmap", _finder(symbols), enable_index=0)
    if vmlinux is not None:
        module = prog.extra_module("vmlinux", create=True)
        module.address_range = _addresses(vmlinux)  # the file's own: a 32-bit ARM kernel is not moved
        module.try_file(vmlinux, force=True)
    return prog


def _addresses(path: str) -> tuple[int, int]:
    """Where an ELF file's segments lie, ``[start, end)``."""
    with open(path, "rb") as file:
        loads = [segment.header for segment in ELFFile(file).iter_segments("PT_LOAD")]
    return min(load.p_vaddr for load in loads), max(load.p_vaddr + load.p_memsz for load in loads)


def _reader(tables: bootmap.Tables, pa: int) -> Reader:
    """Reads what lies from physical address ``pa`` on."""

    def read(address: int, count: int, offset: int, physical: bool) -> bytes:
        try:
            return tables.memory.read(pa + offset, count)
        except LookupError:
            raise drgn.FaultError(f"physical {pa + offset:#x} is not in the dump", address) from None

    return read


def _finder(symbols: list[tuple[int, str]]) -> Callable[..., list[drgn.Symbol]]:
    """Finds symbols, each as long as up to the next one."""

    def made(place: int) -> drgn.Symbol:
        address, name = symbols[place]
        following = next((other for other, _ in symbols[place + 1 :] if other > address), address + 1)
        return drgn.Symbol(name, address, following - address, drgn.SymbolBinding.GLOBAL, drgn.SymbolKind.UNKNOWN)

    def places(name: str | None, address: int | None) -> Iterator[int]:
        for place, (start, own) in enumerate(symbols):
            if name not in (None, own) or (address is not None and start > address):
                continue
            if address is None or address < start + made(place).size:
                yield place

    def find(_: drgn.Program, name: str | None, address: int | None, one: bool) -> list[drgn.Symbol]:
        found = [made(place) for place in places(name, address)]
        return found[:1] if one else found

    return find
